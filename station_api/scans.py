"""Scans from a microscope: a file -> `HeightMap`, and the wait for one to appear.

In: scan files. Out: `engraver.heightmap.HeightMap`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from engraver.errors import ScanError
from engraver.heightmap import HeightMap
from station_api.scan_files import label, open_scan

POLL_S = 0.05


def read_scan(path: Path) -> HeightMap:
    """Read one scan of any known format that carries its own scale.

    Raises
    ------
    ScanError
        If it cannot be read, is no height map, or is in a unit that cannot be the one it says.
    """
    scan = open_scan(path)
    if scan.suggested_unit:
        raise ScanError(
            f"{label(path)} is probably in {scan.suggested_unit} where metres are meant: convert "
            f"it with `pinmark scan convert --unit {scan.suggested_unit}`"
        )
    return scan.height_map


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
