"""Scans of pins: files by their SHA-256, each with a row and an entry of the log.

In: X3P bytes, in a file that was received whole. Out: a scan id. What is no height map is refused
and not kept; the same scan twice is one scan.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engraver.errors import MissingError, StorageError
from firmware_bridge.durable import make_folder, take_over
from station_api.kept import keep_row, read_row
from station_api.people import Caller
from station_api.records import Records
from station_api.records.transition import Pen
from station_api.scans import read_scan
from station_api.service.receiving import place
from station_api.tables import scans

Shape = Callable[[Path], tuple[int, int]]
"""Columns and rows of a scan file: `shape_of`, or a process that reads it."""


Facts = Callable[[Path, str], Mapping[str, Any]]
"""Columns, rows and header of a scan file with this SHA-256."""


def shape_of(path: Path) -> tuple[int, int]:
    """Return columns and rows of a scan; refuse what is none."""
    rows, columns = read_scan(path).z_um.shape
    return columns, rows


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan that was uploaded."""

    scan_id: str
    size_bytes: int
    columns: int
    rows: int
    uploaded_by: str
    changed_at_us: int


class ScanStore:
    """The scans of one station."""

    def __init__(self, records: Records, home: Path, shape: Shape = shape_of) -> None:
        self._records, self._shape = records, shape
        self.folder = home / "scans"
        make_folder(self.folder)
        for left in self.folder.glob("*.part"):
            left.unlink(missing_ok=True)

    def keep(self, received: Path, by: Caller) -> Scan:
        """Take over a received file.

        Raises
        ------
        ScanError
            If it is no height map.
        """
        columns, rows = self._shape(received)
        scan_id = sha256_of(received)
        return self.enter(received, scan_id, columns, rows, by)

    def enter(self, received: Path, scan_id: str, columns: int, rows: int, by: Caller) -> Scan:
        """Take over a file that was read already: its SHA-256 and its shape are known."""
        size_bytes = received.stat().st_size
        take_over(received, self.path(scan_id))
        row = {
            "scan_id": scan_id,
            "size_bytes": size_bytes,
            "columns": int(columns),
            "rows": int(rows),
            "uploaded_by": by.name,
        }

        def work(connection: sa.Connection, pen: Pen) -> Scan:
            known = read_row(connection, scans, scan_id=scan_id)
            return to_scan(known or keep_row(connection, pen, scans, row, "uploaded", by.name))

        return self._records.transact(work)

    def take(self, path: Path, scan_id: str, facts: Facts, by: Caller) -> Path:
        """Keep a copy of a file that stays where it is; return the copy.

        Raises
        ------
        ScanError
            If it is no height map.
        StorageError
            If it changed while it was copied.
        """
        kept = self.path(scan_id)
        if not kept.exists() or self._row(scan_id) is None:  # a crash may have left one of the two
            with place(self.folder) as received:
                shutil.copyfile(path, received)
                if sha256_of(received) != scan_id:
                    raise StorageError("the scan changed while it was copied; look at it again")
                found = facts(received, scan_id)
                self.enter(received, scan_id, found["columns"], found["rows"], by)
        return kept

    def get(self, scan_id: str) -> Scan:
        """Return what is known of a scan.

        Raises
        ------
        MissingError
            If there is none with this id.
        """
        row = self._row(scan_id)
        if row is None:
            raise MissingError(f"scan {scan_id!r} is not here; upload it at POST /v1/scans")
        return to_scan(row)

    def _row(self, scan_id: str) -> Mapping[str, Any] | None:
        with self._records.database.reading.connect() as connection:
            return read_row(connection, scans, scan_id=scan_id)

    def newest(self, limit: int) -> list[Scan]:
        """Return the scans that were uploaded last, the newest first."""
        order = (scans.c.changed_at_us.desc(), scans.c.scan_id)
        with self._records.database.reading.connect() as connection:
            rows = connection.execute(sa.select(scans).order_by(*order).limit(limit)).all()
        return [to_scan(row._mapping) for row in rows]

    def path(self, scan_id: str) -> Path:
        """Return the file of a scan."""
        return self.folder / f"{scan_id}.x3p"


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def to_scan(row: Any) -> Scan:
    """Turn a row of `scans` into a value."""
    return Scan(**{name: row[name] for name in Scan.__dataclass_fields__})
