"""Where a station keeps its data, and the lock that says somebody is marking.

In: the configuration (``[station] home``; default: a per-user data folder). Out: the
folder, and a lock that the kernel releases when its holder dies, however it dies.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from engraver.errors import OrderError
from firmware_bridge.durable import make_folder
from station_api.configuration import settings

HOME_VARIABLE = "PINMARK_HOME"
PRIVATE = 0o750
"""Mode of a station's folder that is made here: records and scans name serials."""


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
def station_lock(home: Path) -> Iterator[bool]:
    """Hold the station's lock if it is free; yield whether it is held now.

    The holder is the one process that may mark. ``flock`` dies with its process, so a
    crashed marker never keeps a station locked.
    """
    with (home / "station.lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
