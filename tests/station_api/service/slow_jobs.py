"""Jobs for tests of the bench: they wait for a file, eat memory, or die."""

from __future__ import annotations

import os
import time
from pathlib import Path

from engraver.errors import DesignError


def wait_for(path: Path) -> bytes:
    """Return once the file is there."""
    path.with_suffix(".begun").touch()
    while not path.exists():
        time.sleep(0.01)
    return b"done"


def whoami() -> bytes:
    """Return the process and how nice it is."""
    return f"{os.getpid()} {os.nice(0)}".encode()


def eat(size_bytes: int) -> bytes:
    """Take memory."""
    return bytes(len(bytearray(size_bytes)))[:1]


def die() -> bytes:
    """End the process in the middle of a job."""
    os._exit(3)


def refuse() -> bytes:
    """Raise what a job may raise."""
    raise DesignError("too large for this tip")
