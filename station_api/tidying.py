"""What a crash leaves lying about: found by the doctor, tidied without losing any evidence.

In: the station's folder, open records, the configuration. Out: `Leftover`, and what was done. A
file is removed only if it was never finished and never named by anything: half a backup, and what
`firmware_bridge.durable` had not yet put in its place. A scan without a row, which a crash between
the file and its row leaves, may be the only picture of a pin: it is moved into ``scans/kept``,
never deleted. Backups found unsound, journals of runs and everything else stay where they are.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import sqlalchemy as sa

from engraver.errors import StorageError
from firmware_bridge.durable import make_folder, refusal, sync_folder
from station_api.configuration import Settings
from station_api.logs import fields
from station_api.records import Records
from station_api.tables import scans

LOG = logging.getLogger("pinmark.tidying")

UNFINISHED_S = 86_400.0
"""Age after which a file nobody finished belongs to a process that is dead: the longest backup or
restore takes minutes, a service that is stopped waits for its pin at most 15."""

UNRECORDED_S = 3_600.0
"""Age after which a scan without a row gets none: the row follows its file within seconds."""

KEPT = "kept"
_SCAN = re.compile(r"[0-9a-f]{64}\.x3p")
_HALF_BACKUP = re.compile(r"(pinmark-.+|station)\.db\.partial(-wal|-shm|-journal)?")


class What(StrEnum):
    """Kinds of leftovers."""

    HALF_BACKUP = "half a backup"
    UNPLACED = "a file that was never put in its place"
    SCAN = "a scan that no record names"


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file that a crash left, its size, and its age by this machine's clock."""

    what: What
    path: Path
    size_bytes: int
    age_s: float


def find(
    home: Path, records: Records, keys: Settings, now_s: float | None = None
) -> list[Leftover]:
    """Return what lies about. Files that came just now are somebody's work and no leftovers.

    ``keys`` says where backups and the watched folder of scans are.
    """
    now = time.time() if now_s is None else now_s
    found = [one for one in _unfinished(_folders(home, keys), now) if one.age_s > UNFINISHED_S]
    lonely = [one for one in _scans(home / "scans", now) if one.age_s > UNRECORDED_S]
    named = _recorded(records) if lonely else frozenset()
    return found + [one for one in lonely if one.path.stem not in named]


def tidy(found: list[Leftover]) -> list[tuple[Leftover, Path | None]]:
    """Remove what was never finished, move scans aside; return where each is now.

    Raises
    ------
    StorageError
        If the disk refuses; what was not done yet is as it was.
    """
    done: list[tuple[Leftover, Path | None]] = []
    for one in found:
        try:
            place = _set_aside(one.path) if one.what is What.SCAN else None
            if place is None:
                one.path.unlink(missing_ok=True)
        except OSError as error:
            raise refusal(one.path, error) from error
        did = "a leftover was removed" if place is None else "a scan without a record was set aside"
        LOG.warning(did, extra=fields(file=one.path.name, bytes=one.size_bytes))
        done.append((one, place))
    return done


def tidy_at_start(home: Path, records: Records, keys: Settings) -> None:
    """Tidy as a service starts; a disk that refuses is said and stops nothing."""
    try:
        tidy(find(home, records, keys))
    except (StorageError, OSError, sa.exc.SQLAlchemyError):
        LOG.exception("leftovers of a crash stay where they are")


def set_aside(home: Path) -> int:
    """Return how many scans lie in ``scans/kept``."""
    with suppress(OSError):
        return sum(1 for one in (home / "scans" / KEPT).iterdir() if one.is_file())
    return 0


def without_file(home: Path, records: Records) -> int:
    """Return how many recorded scans have no file here."""
    there = {one.path.stem for one in _scans(home / "scans", time.time())}
    return len(_recorded(records) - there)


def _recorded(records: Records) -> frozenset[str]:
    query = sa.select(scans.c.scan_id).where(scans.c.station == records.station)
    with records.database.reading.connect() as connection:
        return frozenset(connection.execute(query).scalars())


def _scans(folder: Path, now: float) -> Iterator[Leftover]:
    return (one for one in _files(folder, What.SCAN, now) if _SCAN.fullmatch(one.path.name))


def _folders(home: Path, keys: Settings) -> list[Path]:
    """Return the folders that this program writes into."""
    own = ("log", "journals", "evidence", "profiles", "trace/scans")
    places = [home, *(home / name for name in own)]
    if (backups := keys.backup.folder) is not None:
        places += [backups, backups / "evidence"]
    if (watched := keys.scans.folder) is not None:
        places += [watched / "inspected", watched / "kept"]
    return list(dict.fromkeys(places))


def _unfinished(folders: list[Path], now: float) -> Iterator[Leftover]:
    """Yield half-written files, in these folders and nowhere else."""
    for folder in folders:
        for one in _files(folder, What.HALF_BACKUP, now):
            if _HALF_BACKUP.fullmatch(one.path.name):
                yield one
        for one in _files(folder, What.UNPLACED, now):
            if one.path.suffix == ".new":
                yield one


def _files(folder: Path, what: What, now: float) -> Iterator[Leftover]:
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                about = entry.stat(follow_symlinks=False)
                yield Leftover(what, Path(entry.path), about.st_size, now - about.st_mtime)


def _set_aside(path: Path) -> Path:
    """Move a scan into the folder beside it; nothing there is overwritten."""
    folder = make_folder(path.parent / KEPT)
    place, number = folder / path.name, 1
    while place.exists():
        number += 1
        place = folder / f"{path.stem}-{number}{path.suffix}"
    path.rename(place)
    sync_folder(folder)
    sync_folder(path.parent)
    return place
