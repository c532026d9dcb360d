"""Scans of cases: files by their SHA-256, apart from the scans of pins.

In: bytes of a scan file that was received whole. Out: an id, and the height map again. A case is
evidence of somebody's matter and no record of manufacture: it lies in the folder of the trace
desk, and the answers that rest on it name its SHA-256.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from engraver.errors import MissingError, ScanError
from engraver.heightmap import HeightMap
from firmware_bridge.durable import make_folder, replace_durably
from station_api.scan_files import read_bytes
from station_api.scans import read_scan

_ID = re.compile(r"[0-9a-f]{64}")


class CaseScans:
    """The scans of cases of one station."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make_folder(folder)

    def keep(self, received: Path, name: str = "") -> str:
        """Take over a file that was received, by its ``name`` in messages; return its id.

        Raises
        ------
        ScanError
            If it is no height map; the file is left where it is.
        """
        data = read_bytes(received)
        if not data.startswith(b"PK"):
            raise ScanError(
                f"{name or 'what was uploaded'} ({len(data)} bytes) is no X3P file, which carries "
                "its own scale; `pinmark scan convert` makes one of a CSV grid or a picture"
            )
        read_scan(received)
        scan_id = hashlib.sha256(data).hexdigest()
        replace_durably(self.path(scan_id), data)
        return scan_id

    def read(self, scan_id: str) -> HeightMap:
        """Return the height map of a scan.

        Raises
        ------
        MissingError
            If there is none with this id.
        """
        path = self.path(scan_id)
        if not _ID.fullmatch(scan_id) or not path.exists():
            raise MissingError(f"case scan {scan_id[:64]!r} is not here; upload it first")
        return read_scan(path)

    def path(self, scan_id: str) -> Path:
        """Return the file of a scan."""
        return self.folder / f"{scan_id}.scan"
