"""Scan files -> `Scan`, by what is in them and not by what they are called.

In: a path and, for formats without a scale, the scale (um). Out: `engraver.heightmap.Scan`.
Authority: the first bytes of a file: a zip is X3P, the PNG and TIFF signatures are pictures,
anything else has to be a CSV grid.
"""

from __future__ import annotations

from pathlib import Path

from engraver.errors import ScanError
from engraver.heightmap import Scan, open_x3p, read_csv, read_picture

LARGEST_FILE = 1 << 30
RECEIVED = ".part"
"""Ending of a file that is still being received: its name on the disk tells nobody anything."""


def open_scan(
    path: Path, *, unit: str | None = None, pitch_um: float = 0.0, step_um: float = 0.0
) -> Scan:
    """Read a scan of any known format.

    Raises
    ------
    ScanError
        If the file is missing, too large, damaged, or needs a scale that was not given.
    """
    data = read_bytes(path)
    if path.suffix == RECEIVED and data[:2] != b"PK":
        raise ScanError(
            f"the upload of {len(data)} bytes is no X3P file; export X3P, or make one of a picture "
            "or a grid of numbers with `pinmark scan convert`, which asks for its scale"
        )
    try:
        if data[:4] in (b"\x89PNG", b"II*\0", b"MM\0*"):
            return read_picture(data, pitch_um, step_um)
        if data[:2] == b"PK" or path.suffix.lower() == ".x3p":
            return open_x3p(data, unit=unit or "m")
        if b"\0" in data[:4096] or data[:2] == b"\xff\xd8":
            raise ScanError(
                "the file is neither X3P, PNG, TIFF nor a grid of numbers as text; "
                "export one of these"
            )
        return read_csv(data, pitch_um, unit or "um")
    except ScanError as error:
        raise ScanError(f"{label(path)}: {error}") from None


def label(path: Path) -> str:
    """Return what to call a scan when something is said about it."""
    return "the upload" if path.suffix == RECEIVED else path.name


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes, with one clear line where that fails."""
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise ScanError(f"{path} has {size} bytes, at most {LARGEST_FILE} are read")
        return path.read_bytes()
    except OSError as error:
        raise ScanError(f"{path} cannot be read: {error.strerror}; check the name") from None
