"""Backups: taken while the station works, checked before they are trusted, restored whole.

In: open records, a folder. Out: one file a backup, ``pinmark-STATION-SIZE-TIME.db``, an SQLite
database whatever the records run on, which `restore` and every SQLite tool can open. Nothing is
kept that `fsck` does not find sound: a backup that cannot be restored is none. Records are kept
until business is discontinued (27 CFR 478.129), so there is no deletion anywhere; retention
thins out backups, never records.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

from engraver.errors import InputError, StorageError
from firmware_bridge.durable import make_folder, refusal, sync_folder
from station_api.records.database import open_database
from station_api.records.findings import Report
from station_api.records.fsck import fsck
from station_api.records.head import SUFFIX
from station_api.records.refusals import refusal_by
from station_api.records.store import Records
from station_api.records.tables import metadata
from station_api.tables import service_metadata
from station_api.transparency.note import VerifierKey

PAGES_A_STEP = 2_000
"""Pages copied between two looks at the writers: 8 MB, some 10 ms."""

ROWS_A_STEP = 5_000


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup that was found sound: its file, and the log sizes it holds by station."""

    path: Path
    report: Report


def take_backup(
    records: Records, folder: Path, keys: Sequence[VerifierKey] = (), at_us: int | None = None
) -> Backup:
    """Write a backup into ``folder`` and check it; the station goes on meanwhile.

    Raises
    ------
    StorageError
        If the disk refuses, or the copy is not sound (it is then named ``.unsound``).
    """
    moment = datetime.now(UTC) if at_us is None else datetime.fromtimestamp(at_us / 1e6, UTC)
    size = records.size()
    name = f"pinmark-{records.station}-{size:010d}-{moment:%Y%m%dT%H%M%SZ}.db"
    target, partial = folder / name, folder / f"{name}.partial"
    try:
        make_folder(folder)
        partial.unlink(missing_ok=True)
        if records.database.is_sqlite:
            _copy_file(records.database.path, partial)
        else:
            _copy_tables(records, partial)
        _sync(partial)
    except (OSError, sqlite3.Error) as error:
        _discard(partial)
        raise _not_written(f"the backup in {folder}", error) from error
    try:
        report = check_backup(partial, keys, records.station)
    except BaseException:  # not even looked through: a disk that is full needs its room back
        _discard(partial)
        raise
    if not report.sound:
        partial.replace(folder / f"{name}.unsound")
        raise StorageError(
            f"the backup is not sound ({report.findings[0].line()}); run `pinmark log fsck`"
        )
    try:
        partial.replace(target)
        sync_folder(folder)
    except OSError as error:
        _discard(partial)
        raise refusal(target, error) from error
    return Backup(target, report)


def restore_backup(
    source: Path,
    target: Path,
    keys: Sequence[VerifierKey] = (),
    elsewhere: Sequence[str] = (),
    own: str | None = None,
) -> Report:
    """Put a backup in the place of a station's database, which must not exist.

    Raises
    ------
    InputError
        If there is a database already, or the backup is older than a signed checkpoint from
        elsewhere says the log was, or not sound.
    StorageError
        If the disk refuses.
    """
    for taken in (
        target,
        *(target.with_name(target.name + end) for end in ("-wal", "-shm", SUFFIX)),
    ):
        if taken.exists():
            raise InputError(f"{taken} exists; move it away first, nothing is overwritten")
    if not source.is_file():
        raise InputError(f"backup {source} does not exist")
    partial = target.with_name(target.name + ".partial")
    try:
        make_folder(target.parent)
        shutil.copyfile(source, partial)
        _sync(partial)
        _refuse_what_is_none(source, partial)
        report = check_backup(partial, keys, own, elsewhere)
        if not report.sound:
            raise InputError(
                f"backup {source} is not restored: {report.findings[0].line()} "
                f"({len(report.findings)} findings)"
            )
        partial.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise refusal(target, error) from error
    finally:
        _discard(partial)
    return report


def _discard(partial: Path) -> None:
    """Remove what was copied of a database, as far as the disk lets."""
    for end in ("", "-wal", "-shm", "-journal"):
        with suppress(OSError):
            partial.with_name(partial.name + end).unlink(missing_ok=True)


def _refuse_what_is_none(source: Path, copy: Path) -> None:
    """Refuse what is no whole database of a station; an empty file would be made one by opening."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(copy))}?immutable=1", uri=True)) as opened:
            opened.execute("SELECT version_num FROM alembic_version").fetchone()
            said = str(opened.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        said = str(error)
    if said != "ok":
        raise InputError(
            f"{source} is no whole backup of a station's records ({copy.stat().st_size} bytes; "
            f"{said}); name another"
        )


def check_backup(
    path: Path,
    keys: Sequence[VerifierKey] = (),
    own: str | None = None,
    elsewhere: Sequence[str] = (),
) -> Report:
    """Check a backup file as `fsck` checks a station."""
    database = open_database(path)
    try:
        return fsck(database, keys, elsewhere, own)
    finally:
        database.close()
        for end in ("-wal", "-shm"):
            with suppress(OSError):  # a read-only disk keeps them; nobody reads them again
                path.with_name(path.name + end).unlink(missing_ok=True)


def thin_out(folder: Path, station: str, keep_days: int = 90) -> list[Path]:
    """Delete old backups but the newest of each month; return what was deleted.

    The newest ``keep_days`` days are kept whole. Records themselves are never deleted.
    """
    found = sorted(folder.glob(f"pinmark-{station}-*.db"), key=_taken)
    if not found:
        return []
    newest = _taken(found[-1])
    last_of_month = {_taken(path).strftime("%Y%m"): path for path in found}
    kept = set(last_of_month.values())
    gone = [p for p in found if p not in kept and (newest - _taken(p)).days >= keep_days]
    for path in gone:
        path.unlink()
    return gone


def _taken(path: Path) -> datetime:
    return datetime.strptime(path.stem.rsplit("-", 1)[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def _copy_file(source: Path, target: Path) -> None:
    """Copy by SQLite's online backup: a consistent copy although others write."""
    reader = sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)
    writer = sqlite3.connect(target)
    try:
        reader.backup(writer, pages=PAGES_A_STEP)
        writer.execute("PRAGMA journal_mode=DELETE")  # one file, complete in itself
    finally:
        writer.close()
        reader.close()


def _copy_tables(records: Records, target: Path) -> None:
    """Copy a server's tables, as they stand in one snapshot, into an SQLite file."""
    database = open_database(target)
    try:
        with (
            records.database.reading.connect() as source,
            database.writing.begin() as written,
        ):
            for table in (*metadata.sorted_tables, *service_metadata.sorted_tables):
                rows = source.execution_options(yield_per=ROWS_A_STEP).execute(sa.select(table))
                for part in rows.mappings().partitions():
                    written.execute(sa.insert(table), [dict(row) for row in part])
        with database.writing.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
            connection.exec_driver_sql("BEGIN")
    finally:
        database.close()


def _not_written(what: str, error: OSError | sqlite3.Error) -> StorageError:
    if isinstance(error, OSError):
        return refusal(what, error)
    return refusal_by(f"{what} cannot be written ({error})", str(error))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
