"""Scans from a microscope: a file -> `HeightMap`, and the wait for one to appear.

In: X3P files. Out: `engraver.heightmap.HeightMap`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from engraver.errors import ScanError
from engraver.heightmap import HeightMap, read_x3p

POLL_S = 0.05
LARGEST_SCAN_BYTES = 512 * 1024 * 1024


def read_scan(path: Path) -> HeightMap:
    """Read one X3P file.

    Raises
    ------
    ScanError
        If it cannot be read or is no height map.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_SCAN_BYTES:
            raise ScanError(f"scan {path} has {size} bytes, at most {LARGEST_SCAN_BYTES} are read")
        data = path.read_bytes()
    except OSError as error:
        raise ScanError(f"scan {path}: {error.strerror}; name a readable X3P file") from error
    try:
        return read_x3p(data)
    except ScanError as error:
        raise ScanError(f"scan {path}: {error}") from error


def scan_taker(path: Path, timeout_s: float, alive: Callable[[], bool]) -> Callable[[], HeightMap]:
    """Return a function that waits until ``path`` is written anew and reads it.

    "Anew" is against the file as it is now, so make the taker before the mark. The writer is
    expected to move a finished file into place. ``alive`` ends the wait early when the writer
    is known to be gone.
    """
    before = _stamp(path)

    def take() -> HeightMap:
        deadline = time.monotonic() + timeout_s
        while _stamp(path) in (None, before):
            if time.monotonic() > deadline or not alive():
                raise ScanError(
                    f"no scan appeared at {path} within {timeout_s:.0f} s; the pin stays `marked`: "
                    "scan it and run `pinmark records inspect`"
                )
            time.sleep(POLL_S)
        return read_scan(path)

    return take


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
