"""Where a station keeps its data, and the lock that says somebody is marking.

In: the configuration (``[station] home``; default: a per-user data folder). Out: the
folder, and a lock that the kernel releases when its holder dies, however it dies.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import platformdirs

from engraver.errors import OrderError
from firmware_bridge.durable import make_folder
from station_api.configuration import settings

HOME_VARIABLE = "PINMARK_HOME"
PRIVATE = 0o750
"""Mode of a station's folder that is made here: records and scans name serials."""
PATIENCE_S = 10.0
"""How long a command waits for one that holds the lock only to write; such a hold takes
milliseconds, on a slow disk seconds."""

PAUSE_S = 0.02
LOOK_TWICE_S = 0.1
"""For so long nobody believes what the lock file says of its holder: between taking the lock and
naming itself a process is one of these pauses at most."""


def station_home() -> Path:
    """Return the station's data folder, made on first use.

    Raises
    ------
    OrderError
        If the folder cannot be made or written.
    """
    home = settings().station.home or Path(platformdirs.user_data_dir("pinmark"))
    try:
        if not home.is_dir():
            make_folder(home).chmod(PRIVATE)
    except OSError as error:
        raise OrderError(
            f"{HOME_VARIABLE} {home} cannot be used ({error.strerror}); name a folder you can write"
        ) from error
    if not os.access(home, os.W_OK):
        raise OrderError(f"{HOME_VARIABLE} {home} is not writable; name a folder you can write")
    return home


@contextmanager
def station_lock(home: Path, *, to_stay: bool = False, patience_s: float = 0.0) -> Iterator[bool]:
    """Hold the station's lock if it is free; yield whether it is held now.

    The holder is the one process that may mark and write. ``flock`` dies with its process, so a
    crashed marker never keeps a station locked.

    Parameters
    ----------
    to_stay
        Held until a command or a service ends: the file then names the holder.
    patience_s
        How long to wait for a holder that does not stay.
    """
    with (home / "station.lock").open("a+") as handle:
        if not _locked(handle, patience_s):
            yield False
            return
        _name_holder(handle, _own_name() if to_stay else "")
        try:
            yield True
        finally:
            _name_holder(handle, "")


def holder(home: Path) -> str:
    """Return who holds the station's lock to stay, as ``pinmark serve, process 4711``."""
    try:
        return (home / "station.lock").read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _locked(handle: IO[str], patience_s: float) -> bool:
    began = time.monotonic()
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        waited = time.monotonic() - began
        if waited >= patience_s or (waited >= LOOK_TWICE_S and os.fstat(handle.fileno()).st_size):
            return False
        time.sleep(PAUSE_S)


def _name_holder(handle: IO[str], name: str) -> None:
    """Write the holder's name into the lock file; on a full disk it stays without one."""
    with suppress(OSError):
        if name or os.fstat(handle.fileno()).st_size:
            os.ftruncate(handle.fileno(), 0)
        os.write(handle.fileno(), name.encode())


def _own_name() -> str:
    command = sys.argv[1] if len(sys.argv) > 1 and sys.argv[1].isalpha() else ""
    return f"{' '.join(('pinmark', command)).strip()}, process {os.getpid()}"
