"""Backups of this station: taken with a signed checkpoint beside them, listed, thinned out.

In: open records, the station's folder, a folder for backups. Out: `Taken` and `Kept`. The command,
the timer and the administrator's page all come here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engraver.errors import InputError, StorageError
from station_api.configuration import settings
from station_api.doctor.kept import backup_time_us
from station_api.log import issue_checkpoint
from station_api.log_key import write_durably
from station_api.records import Records
from station_api.records.backup import Backup, take_backup, thin_out
from station_api.transparency.note import SignerKey


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
    records: Records, home: Path, signer: SignerKey, folder: Path, keep_days: int | None = None
) -> Taken:
    """Take a backup, check it, keep a signed checkpoint beside it, thin out older ones.

    Raises
    ------
    StorageError
        If the disk refuses, or the copy is not sound.
    """
    note = issue_checkpoint(records, [signer], home)
    made = take_backup(records, folder, [signer.verifier()])
    write_durably(folder / "checkpoint", note)
    days = keep_days or settings().backup.keep_days
    return Taken(made, tuple(thin_out(folder, records.station, days)))


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
