"""Files that a power cut leaves whole: the old one or the new one, never half of either.

In: paths and bytes. Out: files, folders and names that are on disk when the call returns. A file
that was synced can still be lost with its name: the folder that holds the name is synced too, and
so is the folder that holds a new folder.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

from engraver.errors import FullDiskError, StorageError


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to disk: files made, replaced or removed in it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> Path:
    """Make a folder and its parents where they are missing, durably; return it."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in reversed(missing):
        sync_folder(one.parent)
    return folder


def replace_durably(
    path: Path, write: bytes | str | Callable[[IO[bytes]], object], mode: int = 0o644
) -> None:
    """Write a file beside ``path`` and put it in its place.

    Parameters
    ----------
    write
        What to write, or what writes it into the open file; text as UTF-8.
    mode
        Permissions of a new file.

    Raises
    ------
    OSError
        If the disk refuses; ``path`` is as it was.
    """
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            if callable(write):
                write(file)
            else:
                file.write(write.encode() if isinstance(write, str) else write)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)  # a full disk gets back what the half of a file took
        raise
    sync_folder(path.parent)


def refusal(what: object, error: OSError) -> StorageError:
    """Return what to tell a person of a disk that refused to write ``what``."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FullDiskError(
            f"{what} cannot be written: the disk is full; make room (`df -h`) and do it again"
        )
    if error.errno == errno.EROFS:
        return StorageError(
            f"{what} cannot be written: the disk is read-only; a failing disk or card turns "
            "read-only (`dmesg`): replace it, or mount it writable, and do it again"
        )
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EEXIST, errno.EACCES, errno.EPERM):
        return StorageError(
            f"{what} cannot be written ({error.strerror}); name another place, which you can write"
        )
    return StorageError(f"{what} cannot be written ({error.strerror or error})")


def take_over(received: Path, path: Path) -> None:
    """Give a file that was written under another name of the same disk its name, durably."""
    with received.open("rb") as file:
        os.fsync(file.fileno())
    received.replace(path)
    sync_folder(path.parent)
