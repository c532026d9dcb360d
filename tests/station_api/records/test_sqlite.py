"""What the embedded database promises beyond the contract: durable, one writer, honest faults."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engraver.errors import InputError, StorageError
from engraver.record import MarkState
from station_api.records import Records
from station_api.records.database import SCHEMA
from station_api.records.fsck import fsck
from tests.station_api.records.houses import intent, mark

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def path(tmp_path: Path, sqlite_template: Path) -> Path:
    copied = tmp_path / "station.db"
    shutil.copy(sqlite_template, copied)
    return copied


@pytest.fixture
def embedded(path: Path) -> Iterator[Records]:
    opened = Records(path)
    yield opened
    opened.close()


def test_a_foreign_file_and_foreign_tables_are_refused(tmp_path: Path) -> None:
    """A file that is no database, a database of another program or of a newer pinmark."""
    (tmp_path / "not.db").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(InputError, match="restore it from a backup"):
        Records(tmp_path / "not.db")
    old = sqlite3.connect(tmp_path / "old.db")
    old.execute("CREATE TABLE marks (number INTEGER)")
    old.close()
    with pytest.raises(InputError, match="unreleased"):
        Records(tmp_path / "old.db")
    Records(tmp_path / "new.db").close()
    new = sqlite3.connect(tmp_path / "new.db")
    new.execute("UPDATE alembic_version SET version_num = '9999'")
    new.commit()
    new.close()
    with pytest.raises(InputError, match="newer pinmark"):
        Records(tmp_path / "new.db")
    with pytest.raises(InputError, match="not supported"):
        Records("mysql://localhost/x")


def test_commits_are_synchronous_full_and_readers_query_only(embedded: Records) -> None:
    """WAL, synchronous FULL on the one connection that writes; readers can do neither."""
    with embedded.database.writing.connect() as connection:
        for pragma, want in (("journal_mode", "wal"), ("synchronous", 2)):
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == want
    with embedded.database.reading.connect() as connection:
        for pragma, want in (("query_only", 1), ("wal_autocheckpoint", 0)):
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == want
    assert re.match(r"SQLite 3\.\d+", embedded.database.version())


WRITER = """
import sys
from tests.station_api.records.houses import intent
from station_api.records import Records
records = Records(sys.argv[2])
for n in range(int(sys.argv[1])):
    records.intend(intent(n))
    sys.stdout.write(f"said {n}\\n")
    sys.stdout.flush()
    if len(sys.argv) > 3:
        sys.stdin.readline()
"""


def run_writer(path: Path, count: int, *before: str, talk: bool = False) -> list[str]:
    words = [sys.executable, "-c", WRITER, str(count), str(path)] + (["talk"] if talk else [])
    return [*before, *words]


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_each_reply_is_preceded_by_its_fdatasync(path: Path, tmp_path: Path) -> None:
    """Between two replies lies a sync of the write-ahead log: seen by strace, call by call."""
    trace = tmp_path / "trace"
    tracer = ["strace", "-f", "-y", "-o", str(trace), "-e", "trace=fdatasync,fsync,write,pwrite64"]
    done = subprocess.run(
        run_writer(path, 5, *tracer), cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    if "ptrace" in done.stderr and "denied" in done.stderr.lower():
        pytest.skip("this machine does not let a process be traced")
    assert done.returncode == 0, done.stderr
    events = []
    for line in trace.read_text().splitlines():
        if "station.db-wal" in line and "sync" in line:
            events.append("sync")
        elif "station.db-wal" in line and "pwrite64" in line and events[-1:] != ["wal"]:
            events.append("wal")
        elif "write(1" in line and "said" in line:
            events.append("reply")
    assert events.count("reply") == 5
    story = "".join({"sync": "s", "wal": "w", "reply": "R"}[one] for one in events)
    replies = story.split("R")[:-1]
    assert all(re.search(r"ws$", one) for one in replies), story


def test_killed_at_random_nothing_said_is_lost(path: Path) -> None:
    """SIGKILL in the middle of writing, ten times: all that was acknowledged is there, once."""
    acknowledged = 0
    for round_number in range(4):
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                WRITER.replace("range(", f"range({round_number * 1000}, {round_number * 1000} + "),
                "400",
                str(path),
            ],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        for _ in range(3 + 7 * round_number):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate()
        acknowledged += 3 + 7 * round_number + rest.count("said")
    records = Records(path)
    serials = [row.serial for row in records.all_marks()]
    assert len(serials) == len(set(serials)) >= acknowledged
    assert records.size() == len(serials)
    assert fsck(records.database).sound
    records.close()


def test_a_truncated_wal_loses_whole_transactions_only(path: Path, tmp_path: Path) -> None:
    """Cut the write-ahead log anywhere: what remains is a sound beginning of the history."""
    records = Records(path)
    for n in range(12):
        mark(records, n)
    wal = path.with_name("station.db-wal")
    whole, data = path.read_bytes(), wal.read_bytes()
    for n, cut in enumerate((len(data), len(data) * 2 // 3, len(data) // 3 + 17, 100, 0)):
        folder = tmp_path / f"cut{n}"
        folder.mkdir()
        (folder / "station.db").write_bytes(whole)
        (folder / "station.db-wal").write_bytes(data[:cut])
        left = Records(folder / "station.db")
        report = fsck(left.database)
        assert [one.line() for one in report.findings] == []
        assert left.size() <= 48
        if cut == len(data):
            assert left.size() == 48
        mark(left, 77)  # and it can go on
        assert fsck(left.database).sound
        left.close()
    records.close()


def test_a_read_only_disk_is_named_and_reading_goes_on(embedded: Records, path: Path) -> None:
    """Where nothing can be written the refusal says so; what is there can still be read."""
    mark(embedded, 1)
    pragma(embedded, "query_only=ON")
    with pytest.raises(StorageError, match=r"cannot be written .*nothing was changed"):
        embedded.intend(intent(2))
    assert [row.state for row in embedded.all_marks()] == [MarkState.VERIFIED]
    pragma(embedded, "query_only=OFF")
    assert embedded.intend(intent(2)).mark_id == "M000002"


def test_a_full_disk_at_every_write_changes_nothing(path: Path) -> None:
    """Full after any number of pages: the refusal is clear, the records are sound, work goes on."""
    records = Records(path)
    mark(records, 0)
    refused = 0
    with records.database.writing.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    assert isinstance(pages, int)
    for n in range(1, 60):
        before = records.size()
        limit_pages(records, pages + n // 4)
        try:
            records.append_event("auth", {"n": n, "text": "x" * 3000})
        except StorageError as error:
            refused += 1
            assert "full" in str(error)
            assert records.size() == before
    assert refused > 5
    limit_pages(records, 1 << 30)
    mark(records, 99)
    assert fsck(records.database).sound
    records.close()


def limit_pages(records: Records, pages: int) -> None:
    pragma(records, f"max_page_count={pages}")


def pragma(records: Records, setting: str) -> None:
    """Set the writing connection as only a test may."""
    connection = records.database.writing.raw_connection()
    connection.cursor().execute(f"PRAGMA {setting}")
    connection.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system takes root to mount")
def test_a_really_full_file_system(tmp_path: Path, sqlite_template: Path) -> None:
    """On a file system of 1 MiB that runs full: refusals, then room again, and all is sound."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("this machine does not let a file system be mounted")
    try:
        shutil.copy(sqlite_template, folder / "station.db")
        records = Records(folder / "station.db")
        made = 0
        with pytest.raises(StorageError, match=r"full|disk"):
            for made in range(1000):
                records.append_event("auth", {"n": made, "text": "x" * 2000})
        assert records.size() == made
        with pytest.raises(StorageError):
            records.append_event("auth", {"text": "x" * 2000})
        subprocess.run(["mount", "-o", "remount,size=16m", str(folder)], check=True)
        mark(records, 1)
        assert fsck(records.database).sound
        records.close()
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_database_that_goes_away_and_comes_back(path: Path) -> None:
    """Another process holds the lock: the refusal is clear, and afterwards work goes on."""
    records = Records(path)
    pragma(records, "busy_timeout=50")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="locked"):
        records.intend(intent(1))
    other.execute("ROLLBACK")
    other.close()
    assert records.intend(intent(1)).mark_id == "M000001"
    records.close()


def test_a_newer_schema_is_refused_and_nothing_is_changed(home: Path, pinmark: Any) -> None:
    """After a downgrade: one line with both schemas and the way on, exit 2, no byte written."""
    home.mkdir()
    opened = Records(home / "station.db")
    mark(opened, 1)
    opened.close()
    with closing(sqlite3.connect(home / "station.db")) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
        connection.commit()
    before = {path.name: path.read_bytes() for path in home.glob("station.db*")}
    for words in (("records",), ("log", "fsck"), ("backup", str(home.parent / "backups"))):
        done = pinmark(*words)
        assert done.returncode == 2, done.stdout
        said = " ".join(done.stderr.split())
        assert f"has schema 9999, this pinmark knows up to {SCHEMA}; nothing was changed" in said
        assert "restore the backup that the update took" in said
    assert {path.name: path.read_bytes() for path in home.glob("station.db*")} == before
