"""Backups of this station: taken with a signed checkpoint beside them, listed, thinned out.

In: open records, the station's folder, a folder for backups. Out: `Taken` and `Kept`. The command,
the timer and the administrator's page all come here. The evidence of recipe releases goes along:
files named by their SHA-256, which a release in the log names, so that each is copied once and
checked by its name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engraver.errors import InputError, StorageError
from firmware_bridge.durable import make_folder, replace_durably
from station_api.configuration import settings
from station_api.doctor.kept import backup_time_us
from station_api.log_key import write_durably
from station_api.records import Records
from station_api.records.backup import Backup, take_backup, thin_out
from station_api.transparency.note import VerifierKey

EVIDENCE = "evidence"
"""Folder of a station, and of its backups, that holds what releases rest on."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A backup that was just taken and found sound, and the files it let go."""

    backup: Backup
    thinned_out: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup file: its name, how large it is, when it was taken (us since 1970)."""

    name: str
    bytes: int
    taken_at_us: int


def backup_folder(named: Path | None = None) -> Path:
    """Return where backups are kept: as named, else as configured.

    Raises
    ------
    InputError
        If neither says.
    """
    folder = named or settings().backup.folder
    if folder is None:
        raise InputError("no folder for backups; set [backup] folder, on another disk")
    return folder


def back_up(
    records: Records,
    home: Path,
    note: str,
    keys: Sequence[VerifierKey],
    folder: Path,
    keep_days: int | None = None,
) -> Taken:
    """Take a backup, check it, keep a signed checkpoint beside it, thin out older ones.

    Parameters
    ----------
    note
        A checkpoint of where the log stands, just signed; ``keys`` verify it.

    Raises
    ------
    StorageError
        If the disk refuses, or the copy is not sound.
    """
    made = take_backup(records, folder, keys)
    copy_evidence(home / EVIDENCE, folder / EVIDENCE)
    write_durably(folder / "checkpoint", note)
    days = keep_days or settings().backup.keep_days
    return Taken(made, tuple(thin_out(folder, records.station, days)))


def copy_evidence(source: Path, target: Path) -> int:
    """Copy the pieces of evidence that ``target`` lacks; return how many.

    Raises
    ------
    StorageError
        If a piece is not what its name says, or a disk refuses. Nothing that is there is touched.
    """
    count = 0
    try:
        if not source.is_dir():
            return 0
        make_folder(target)
        for piece in sorted(source.iterdir()):
            if not re.fullmatch("[0-9a-f]{64}", piece.name) or (target / piece.name).exists():
                continue
            data = piece.read_bytes()
            if hashlib.sha256(data).hexdigest() != piece.name:
                raise StorageError(
                    f"evidence {piece} is not what its name says (SHA-256 differs); put back the "
                    "piece from a backup or the release rests on nothing"
                )
            replace_durably(target / piece.name, data)
            count += 1
    except OSError as error:
        raise StorageError(f"evidence cannot be copied to {target}: {error.strerror}") from error
    return count


def list_backups(folder: Path, station: str) -> Sequence[Kept]:
    """Return the backups of a station, newest first.

    Raises
    ------
    StorageError
        If the folder cannot be read.
    """
    found = []
    try:
        for path in folder.glob(f"pinmark-{station}-*.db"):
            taken = backup_time_us(path)
            if taken is not None:
                found.append(Kept(path.name, path.stat().st_size, taken))
    except OSError as error:
        raise StorageError(f"{folder} cannot be read: {error.strerror}") from error
    return sorted(found, key=lambda one: one.taken_at_us, reverse=True)
