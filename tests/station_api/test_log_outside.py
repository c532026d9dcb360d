"""The checkpoint kept beside the database: what is signed later never takes its evidence away."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engraver.errors import InputError
from station_api import log
from station_api.doctor.gate import refuse_lost_records
from station_api.records import Records
from station_api.transparency.checkpoint import parse_checkpoint
from station_api.transparency.note import generate_key, split_note
from tests.station_api.records.houses import mark

SIGNER = generate_key("pinmark.local/S1", lambda n: bytes(range(n)))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("PINMARK_CONFIG", "")
    yield tmp_path


def outside(home: Path) -> int:
    """Return the size that the copy signs."""
    text = log.checkpoint_path(home).read_text("utf-8")
    return parse_checkpoint(split_note(text)[0]).size


@pytest.mark.parametrize("grown", [0, 3])
def test_records_that_were_set_back_stay_found_whoever_asks_for_a_checkpoint(
    home: Path, grown: int
) -> None:
    """An auditor's page asks every 15 s: no pin may be marked a second time because of it."""
    records = Records(home / "station.db")
    mark(records, 1)
    records.close()
    shutil.copy(home / "station.db", home / "old.db")
    records = Records(home / "station.db")
    mark(records, 2)
    log.issue_checkpoint(records, [SIGNER], home)
    signed = outside(home)
    records.close()
    records = Records(home / "old.db")
    for n in range(grown):
        mark(records, 10 + n)
    for _ in range(2):
        log.issue_checkpoint(records, [SIGNER], home)
        assert outside(home) == signed
        with pytest.raises(InputError, match="nothing is marked"):
            refuse_lost_records(records, home)
    records.close()


def test_many_who_sign_at_once_leave_the_newest(home: Path) -> None:
    """Each gets a checkpoint, and the copy is never older than one that was given away."""
    records = Records(home / "station.db")
    sizes: list[int] = []
    failed: list[Exception] = []

    def sign(first: int) -> None:
        try:
            for n in range(5):
                mark(records, first + n)
                note = log.issue_checkpoint(records, [SIGNER], home)
                sizes.append(parse_checkpoint(split_note(note)[0]).size)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=sign, args=[10 * n]) for n in range(1, 7)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert failed == []
    assert outside(home) == max(sizes)
    records.close()
