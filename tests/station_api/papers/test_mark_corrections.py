"""Promises of corrections of a mark's own record: two people, three views, nothing overwritten."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from engraver.errors import AlreadyMarkedError, ConflictError, InputError
from engraver.record import MarkState
from station_api import kept
from station_api.log import issue_checkpoint
from station_api.papers.book import Book
from station_api.papers.mark_corrections import MarkCorrections, view_of
from station_api.papers.unentered import unentered
from station_api.people import Role
from station_api.records import Records, utc_text
from station_api.registry_file import sample_registry
from station_api.trace.desk import Desk
from station_api.trace.queries import Asker
from station_api.trace.question import Question
from station_api.trace.rerun import entries_of, rerun
from tests.station_api.papers.conftest import firearm
from tests.station_api.records.houses import COMPLETE, INTENT, KEY, intent, mark
from tests.station_api.trace.conftest import intent_of, mark_one

WHY = "the pin was fitted to the next pistol of the tray"


@pytest.fixture
def corrections(records: Records) -> MarkCorrections:
    return MarkCorrections(records)


def test_a_correction_is_a_version_and_the_original_stays(
    records: Records, corrections: MarkCorrections
) -> None:
    """Original, corrected, both; the mark's own row is as it was, and all of it testifies."""
    mark_id = mark(records, 1)
    before = records.get(mark_id)
    made = corrections.correct(mark_id, {"serial": "zq0777"}, WHY, "A. Smith", "B. Jones")
    assert (made.number, made.serial, made.model) == (1, "ZQ0777", "MODEL 1")
    corrections.correct(mark_id, {"order_id": "WO-7"}, "typed wrong", "B. Jones", "A. Smith")
    assert records.get(mark_id) == before
    seen = {
        view: [
            (said["version"], said["serial"], said["order_id"], said["approved_by"])
            for said in view_of(before, corrections.of(mark_id), view)  # type: ignore[arg-type]
        ]
        for view in ("original", "corrected", "both")
    }
    first, second = (0, "ZQ0001", "WO-1", None), (1, "ZQ0777", "WO-1", "B. Jones")
    newest = (2, "ZQ0777", "WO-7", "A. Smith")
    assert seen == {"original": [first], "corrected": [newest], "both": [first, second, newest]}
    assert kept.check(records) == []


def test_no_second_mark_for_either_serial(records: Records, corrections: MarkCorrections) -> None:
    """The serial that was ordered is on the pin, the corrected one on the frame: both are taken."""
    mark_id = mark(records, 1)
    mark(records, 2)
    with pytest.raises(ConflictError, match="ZQ0002 carries mark M000002"):
        corrections.correct(mark_id, {"serial": "ZQ0002"}, WHY, "A. Smith", "B. Jones")
    corrections.correct(mark_id, {"serial": "ZQ0003"}, WHY, "A. Smith", "B. Jones")
    for n in (1, 3):
        with pytest.raises(AlreadyMarkedError):
            records.intend(intent(n))
    corrections.correct(mark_id, {"serial": "ZQ0004"}, "looked again", "A. Smith", "B. Jones")
    assert records.intend(intent(3)).mark_id == "M000003"
    with pytest.raises(AlreadyMarkedError):
        records.intend(intent(4))
    records.authorise_remark(mark_id, "A. Smith", "B. Jones", "new pin")
    assert records.intend(intent(4)).mark_id == "M000004"


BAD: list[tuple[dict[str, str], str, str, str]] = [
    ({"serial": "ZQ0009"}, WHY, "a. smith", "two different people"),
    ({"serial": "ZQ0009"}, WHY, "", "two different people"),
    ({"serial": "ZQ0001"}, WHY, "B. Jones", "says that already"),
    ({}, WHY, "B. Jones", "says that already"),
    ({"code": "AAAAAAAAAAAA"}, WHY, "B. Jones", "'code' of a mark cannot be corrected"),
    ({"state": "verified"}, WHY, "B. Jones", "'state' of a mark cannot be corrected"),
    ({"serial": "ZQ0009"}, "  ", "B. Jones", "needs a reason"),
    ({"serial": "Z\x00Q"}, WHY, "B. Jones", "serial"),
]


@pytest.mark.parametrize(("changes", "reason", "second", "said"), BAD, ids=[b[3] for b in BAD])
def test_what_cannot_be_corrected_is_refused(
    records: Records,
    corrections: MarkCorrections,
    changes: dict[str, str],
    reason: str,
    second: str,
    said: str,
) -> None:
    """One line each, and nothing is written."""
    mark_id, size = mark(records, 1), records.size()
    with pytest.raises(InputError, match=said):
        corrections.correct(mark_id, changes, reason, "A. Smith", second)
    assert records.size() == size and corrections.of(mark_id) == []
    with pytest.raises(InputError, match="M999999"):
        corrections.correct("M999999", {"serial": "ZQ0009"}, WHY, "A. Smith", "B. Jones")


def test_a_trace_finds_both_serials_and_the_audit_agrees(
    records: Records, corrections: MarkCorrections, home: Path
) -> None:
    """Code and either serial lead to the mark, which is shown with its correction."""
    home.mkdir()
    mark_id = mark_one(records, 32850)
    mark_one(records, 32851)
    corrections.correct(mark_id, {"serial": "ZQ0777"}, WHY, "A. Smith", "B. Jones")
    sign: Callable[[], str] = lambda: issue_checkpoint(records, [KEY], home)  # noqa: E731
    desk = Desk(records, home, sample_registry(), sign)
    wanted = intent_of(32850)
    for question in (
        Question(pattern=wanted.code),
        Question(serial=wanted.serial),
        Question(serial="ZQ0777"),
        Question(serial="ZQ07?7"),
    ):
        answer: dict[str, Any] = json.loads(
            json.dumps(desk.ask(question, Asker("T. Racer", Role.TRACER)))
        )
        (shown,) = answer["candidates"][0]["marks"]
        assert (shown["mark_id"], shown["serial"]) == (mark_id, wanted.serial)
        assert [(c["serial"], c["by"]) for c in shown["corrected"]] == [
            ("ZQ0777", ["A. Smith", "B. Jones"])
        ]
        read = entries_of(records.database.reading)
        assert rerun(answer, read, [KEY.verifier()], sample_registry()).findings == []
        shown["corrected"][0]["serial"] = "ZQ0778"
        lied = rerun(answer, read, [KEY.verifier()], sample_registry()).findings
        assert any("was shown with serial" in said for said in lied)


def test_the_book_knows_the_firearm_by_its_corrected_serial(
    records: Records, corrections: MarkCorrections
) -> None:
    """What is to be entered, and the mark an entry is of, follow the record as it stands."""
    mark_id = mark(records, 1)
    corrections.correct(mark_id, {"serial": "ZQ0776"}, WHY, "A. Smith", "B. Jones")
    corrections.correct(mark_id, {"serial": "ZQ0777"}, WHY, "A. Smith", "B. Jones")
    other = mark(records, 2)
    assert [(one.mark_id, one.serial) for one in unentered(records)] == [
        (mark_id, "ZQ0777"),
        (other, "ZQ0002"),
    ]
    today = utc_text(records.get(mark_id).changed_at_us)[:10]
    the_book = Book(records)
    named = {"model": "MODEL 1", "manufacturer": "EXAMPLE ARMS", "on_date": today}
    assert the_book.enter(firearm(777, **named), "A. Smith").mark_id == mark_id
    assert the_book.enter(firearm(1, **named), "A. Smith").mark_id is None
    assert [one.mark_id for one in unentered(records)] == [other]


def test_at_the_console(
    home: Path, pinmark: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """Two people, the new version told, three views, one person refused."""
    home.mkdir()
    opened = Records(home / "station.db")
    mark_id = opened.intend(replace(INTENT, serial="ZQ0001")).mark_id
    opened.begin(mark_id)
    opened.conclude_run(mark_id, COMPLETE)
    opened.conclude_inspection(mark_id, True, {"grade": "A"})
    assert asdict(opened.get(mark_id))["state"] == MarkState.VERIFIED
    opened.close()
    words = ("records", "correct", mark_id, "--set", "serial=ZQ0777", "--reason", WHY)
    assert pinmark(*words, "--by", "A. Smith").returncode == 2
    done = pinmark(*words, "--by", "A. Smith", "--by", "B. Jones")
    assert done.returncode == 0 and "serial ZQ0777" in done.stdout and "version 1" in done.stdout
    for view, serials in (("original", ["ZQ0001"]), ("corrected", ["ZQ0777"])):
        said = json.loads(pinmark("records", "show", mark_id, "--view", view, "--json").stdout)
        assert [one["serial"] for one in said["versions"]] == serials
    assert pinmark("records", "show", mark_id, "--view", "newest").returncode == 2
