"""Promises of the head beside the database: what a log lost after its newest commit is found."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engraver.errors import InputError, UnknownStateError
from station_api.doctor.gate import refuse_lost_records
from station_api.records import Records
from station_api.records.fsck import fsck
from station_api.records.head import Head, head_path, parse, read_head, render
from tests.station_api.records.houses import intent, mark


def cut(source: Path, folder: Path, wal: bytes) -> Path:
    """Copy a station's files, with another write-ahead log."""
    folder.mkdir()
    shutil.copy(source, folder / "station.db")
    shutil.copy(head_path(source), head_path(folder / "station.db"))
    (folder / "station.db-wal").write_bytes(wal)
    return folder / "station.db"


def findings(path: Path) -> list[str]:
    records = Records(path)
    found = [one.line() for one in fsck(records.database, own=records.station).findings]
    records.close()
    return found


def test_a_truncated_wal_is_found_without_a_witness(tmp_path: Path) -> None:
    """Nothing was signed, nobody watches: the lost end is named, and nothing is marked."""
    path = tmp_path / "station.db"
    records = Records(path)
    for n in range(12):
        mark(records, n)
    size = records.size()
    wal = path.with_name("station.db-wal").read_bytes()
    assert findings(cut(path, tmp_path / "whole", wal)) == []
    for n, kept in enumerate((len(wal) * 2 // 3, len(wal) // 3 + 17, 100, 0)):
        left = cut(path, tmp_path / f"cut{n}", wal[:kept])
        [said] = findings(left)
        assert f"{size} entries were written" in said and "the log lost its end" in said
        again = Records(left)
        with pytest.raises(InputError, match="nothing is marked"):
            refuse_lost_records(again, left.parent)
        for more in range(70, 90):  # whatever else is recorded, the loss stays seen
            mark(again, more)
        with pytest.raises(InputError, match="another history"):
            refuse_lost_records(again, left.parent)
        again.close()
    records.close()


def test_an_old_copy_put_back_is_found(tmp_path: Path) -> None:
    """Files of an hour ago in the place of today's, with a rewritten continuation."""
    path = tmp_path / "station.db"
    records = Records(path)
    mark(records, 1)
    records.close()
    old = path.read_bytes()
    records = Records(path)
    mark(records, 2)
    records.close()
    path.write_bytes(old)
    assert "the log lost its end" in findings(path)[0]


def test_the_head_follows_each_commit_and_nothing_that_was_refused(tmp_path: Path) -> None:
    """It stands at the newest entry, also after a refusal, a restart and another process."""
    path = tmp_path / "station.db"
    records = Records(path)
    assert read_head(path) is None
    records.intend(intent(1))
    with pytest.raises(UnknownStateError):
        records.intend(intent(1))
    outcomes = records.writer.run_all(
        [lambda: records.intend(intent(2)), lambda: records.intend(intent(2))]
    )
    assert [isinstance(one, UnknownStateError) for one in outcomes] == [False, True]
    head = read_head(path)
    assert head is not None and head.size == records.size()
    other = Records(path)
    mark(other, 3)
    other.close()
    head = read_head(path)
    assert head is not None and head.size == records.size()
    assert findings(path) == []
    records.close()


def test_a_torn_head_says_nothing(tmp_path: Path) -> None:
    """Half a sector, another kind of file, none: the check goes by what was signed."""
    whole = render(Head("S1", 123, bytes(range(32))))
    assert parse(whole) == Head("S1", 123, bytes(range(32))) and len(whole) == 256
    assert all(parse(whole[:n]) is None for n in range(90))
    assert parse(b"\0" * 256) is None and parse(b"\xff\xfe") is None
    path = tmp_path / "station.db"
    records = Records(path)
    mark(records, 1)
    records.close()
    head_path(path).write_bytes(b"\0" * 256)
    assert findings(path) == []
