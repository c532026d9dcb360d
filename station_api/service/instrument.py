"""The instrument that scans pins: a folder it writes its files into.

In: a folder, a moment. Out: the newest scan that was finished after it. A scan older than the mark
shows another pin, or this one while it was blank, and is never taken.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from engraver.errors import MissingError
from station_api.people import Caller
from station_api.service.receiving import place
from station_api.service.scan_store import Scan, ScanStore

SUFFIXES = frozenset({".x3p"})


class Instrument:
    """Where this station's instrument puts its scans; perhaps nowhere."""

    def __init__(self, folder: Path | None, store: ScanStore) -> None:
        self.folder = folder
        self._store = store

    def collect(self, after_us: int, by: Caller) -> Scan:
        """Take over the newest scan that was written after a moment (us since 1970).

        Raises
        ------
        MissingError
            If there is none yet, or no folder to look in.
        """
        if self.folder is None:
            raise MissingError("no instrument's folder is known; upload the scan at POST /v1/scans")
        found = [
            (path.stat().st_mtime_ns, path)
            for path in self.folder.iterdir()
            if path.suffix.lower() in SUFFIXES and path.stat().st_mtime_ns > after_us * 1000
        ]
        if not found:
            raise MissingError(f"no scan of this pin has come to {self.folder} yet")
        with place(self._store.folder) as received:
            shutil.copyfile(max(found)[1], received)
            return self._store.keep(received, by)
