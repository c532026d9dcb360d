"""Backups that are taken under load and restored whole; exports that others can read."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from engraver.errors import InputError, StorageError
from station_api import kept, log
from station_api.papers.book import Book
from station_api.people import People, Role
from station_api.people.secrets import Hasher
from station_api.records import Records
from station_api.records.backup import check_backup, restore_backup, take_backup, thin_out
from station_api.records.export import export
from station_api.records.fsck_tree import root_at
from station_api.tables import book
from station_api.transparency import merkle
from station_api.transparency.checkpoint import open_checkpoint
from station_api.transparency.tiles import Tile, read_bundle, read_hash_tile, tiles_of
from tests.station_api.papers.conftest import firearm
from tests.station_api.records.houses import KEY, live_a_little, mark

DAY_US = 24 * 3600 * 1_000_000


def test_a_backup_restores_to_the_same_records(records: Records, tmp_path: Path) -> None:
    """From either database: every mark, every proof, on another machine, and work goes on."""
    live_a_little(records, tmp_path)
    made = take_backup(records, tmp_path / "backups", [KEY.verifier()])
    assert made.report.sizes["S1"] == records.size()
    restore_backup(made.path, tmp_path / "elsewhere" / "station.db", [KEY.verifier()])
    again = Records(tmp_path / "elsewhere" / "station.db")
    assert again.all_marks() == records.all_marks()
    assert again.entry(3) == records.entry(3)
    mark(again, 99)
    assert check_backup(made.path).sound  # and the backup itself is untouched
    again.close()


def test_a_backup_holds_the_book_and_every_row_that_testifies(
    records: Records, tmp_path: Path
) -> None:
    """From either database: the service's tables are in the copy and agree with its log."""
    Book(records).enter(firearm(1, on_date="2026-11-02"), "A. Smith")
    made = take_backup(records, tmp_path / "backups")
    again = Records(made.path)
    assert [row.serial for row in again.database.reading.connect().execute(sa.select(book))] == [
        "ZQ0001"
    ]
    assert kept.check(again) == []
    again.close()


def test_an_export_has_every_table_and_no_secret(records: Records, tmp_path: Path) -> None:
    """The book and the people in CSV and JSON; a password's hash is not among them."""
    Book(records).enter(firearm(1, on_date="2026-11-02"), "A. Smith")
    People(records, Hasher()).add("A. Smith", Role.AUDITOR, "correct horse battery", "test")
    counts = export(records, tmp_path / "out", log.issue_checkpoint(records, [KEY], tmp_path))
    assert (counts["book"], counts["people"]) == (1, 1)
    assert "replies" not in counts
    said = json.loads((tmp_path / "out" / "people.jsonl").read_text())
    assert re.fullmatch("[0-9a-f]{64}", said["secret"])
    assert "argon2" not in (tmp_path / "out" / "people.csv").read_text()


def test_a_backup_under_load_is_a_moment_of_the_log(records: Records, tmp_path: Path) -> None:
    """While marks are made the copy is sound, and a beginning of what the log became."""
    mark(records, 0)
    stop = threading.Event()

    def work() -> None:
        n = 1
        while not stop.is_set():
            mark(records, n)
            n += 1

    worker = threading.Thread(target=work)
    worker.start()
    try:
        made = take_backup(records, tmp_path, [KEY.verifier()])
    finally:
        stop.set()
        worker.join()
    size = made.report.sizes["S1"]
    with records.database.reading.connect() as connection:
        assert root_at(connection, "S1", size).hex() == made.report.roots["S1"]


def test_restore_overwrites_nothing_and_refuses_what_is_not_sound(
    records: Records, tmp_path: Path
) -> None:
    """An existing database stays; a changed, a missing, an outdated backup is refused by name."""
    mark(records, 1)
    made = take_backup(records, tmp_path / "backups")
    taken = tmp_path / "taken.db"
    taken.write_text("something")
    with pytest.raises(InputError, match="nothing is overwritten"):
        restore_backup(made.path, taken)
    with pytest.raises(InputError, match="does not exist"):
        restore_backup(tmp_path / "none.db", tmp_path / "new.db")
    mark(records, 2)
    newer = log.issue_checkpoint(records, [KEY], tmp_path)
    with pytest.raises(InputError, match="rolled back"):
        restore_backup(made.path, tmp_path / "new.db", [KEY.verifier()], [newer])
    connection = sqlite3.connect(made.path)
    connection.execute("UPDATE marks SET serial = 'ZQ9999'")
    connection.commit()
    connection.close()
    with pytest.raises(InputError, match=r"column serial: is 'ZQ9999'"):
        restore_backup(made.path, tmp_path / "new.db")
    assert not (tmp_path / "new.db").exists()
    assert not list(tmp_path.glob("*.partial*"))


def test_a_backup_of_changed_records_does_not_pass_for_one(tmp_path: Path) -> None:
    """What is not sound is put aside under another name, and said."""
    records = Records(tmp_path / "station.db")
    mark(records, 1)
    connection = sqlite3.connect(tmp_path / "station.db")
    connection.execute("UPDATE marks SET serial = 'ZQ9999'")
    connection.commit()
    connection.close()
    with pytest.raises(StorageError, match="not sound"):
        take_backup(records, tmp_path / "backups")
    assert [path.suffix for path in (tmp_path / "backups").iterdir()] == [".unsound"]
    records.close()


def test_thinning_keeps_the_newest_of_each_month(tmp_path: Path, sqlite_template: Path) -> None:
    """Ninety days are kept whole, before that one a month; records are never touched."""
    records = Records(tmp_path / "station.db")
    start = 1_800_000_000_000_000
    for day in range(0, 200, 20):
        take_backup(records, tmp_path / "b", at_us=start + day * DAY_US)
    gone = thin_out(tmp_path / "b", records.station)
    left = sorted(path.name for path in (tmp_path / "b").iterdir())
    assert len(gone) + len(left) == 10
    assert len(gone) == 2
    assert thin_out(tmp_path / "b", records.station) == []
    assert thin_out(tmp_path / "empty", records.station) == []
    records.close()


def test_an_export_is_complete_and_its_log_verifies_by_itself(
    records: Records, tmp_path: Path
) -> None:
    """Rows as CSV and JSON lines; the tiles alone lead to the signed root."""
    live_a_little(records, tmp_path)
    note = log.issue_checkpoint(records, [KEY], tmp_path)
    folder = tmp_path / "export"
    counts = export(records, folder, note)
    assert counts["entries"] == records.size()
    with (folder / "marks.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["serial"] for row in rows} >= {"ZQ0001", "ZQ0002"}
    lines = (folder / "transitions.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == counts["transitions"]
    assert json.loads(lines[0])["to_state"] == "intended"
    checkpoint, _ = open_checkpoint((folder / "log/checkpoint").read_text(), [KEY.verifier()])
    bundle, leaves = Tile(None, 0, checkpoint.size), Tile(0, 0, checkpoint.size)
    entries = read_bundle((folder / "log" / bundle.path()).read_bytes())
    hashes = read_hash_tile((folder / "log" / leaves.path()).read_bytes(), leaves)
    assert [merkle.leaf_hash(one) for one in entries] == hashes
    assert merkle.grow(hashes).root() == checkpoint.root
    assert not any(b"ZQ0" in one for one in entries)
    assert all((folder / "log" / tile.path()).exists() for tile in tiles_of(checkpoint.size))
    with pytest.raises(InputError, match="not empty"):
        export(records, folder, note)
