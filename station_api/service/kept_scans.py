"""Scans that fitted no mark, as rows that testify: kept, then given to a mark or discarded.

In: a kept file's digest and why it was kept; what a person decided. Out: rows of `kept_scans`, each
version with its entry of the log. The receipts beside the files are for people and programs; who
gave which scan to which mark is answered from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engraver.errors import ConflictError, MissingError
from station_api.kept import keep_row, read_row
from station_api.records import Records, utc_text
from station_api.records.transition import Pen
from station_api.scan_folder import Receipt
from station_api.tables import kept_scans

KEPT, GIVEN, DISCARDED = "kept", "given", "discarded"


@dataclass(frozen=True, slots=True)
class KeptScan:
    """One scan that fitted no mark when it came; ``inspected_at`` is the verdict's entry."""

    scan_id: str
    station: str
    file: str
    size_bytes: int
    state: str
    why: str
    kept_at_us: int
    mark_id: str | None
    decided_by: str | None
    reason: str | None
    read_back: str | None
    inspected_at: int | None
    changed_at_us: int

    def said(self) -> str:
        """Return what was decided, by whom and when, in a few words."""
        to = f"given to {self.mark_id}" if self.state == GIVEN else self.state
        return f"was {to} by {self.decided_by} on {utc_text(self.changed_at_us)}"


class KeptScans:
    """The rows of one station."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def find(self, scan_id: str) -> KeptScan | None:
        """Return what is known of a scan that was kept once."""
        with self._records.database.reading.connect() as connection:
            return to_kept(read_row(connection, kept_scans, scan_id=scan_id))

    def enter(self, receipt: Receipt, kept_at_us: int, by: str) -> None:
        """Record that a scan is kept; one that waits already is not recorded again."""
        row = {
            "scan_id": receipt.sha256,
            "file": receipt.file,
            "size_bytes": receipt.size_bytes,
            "state": KEPT,
            "why": receipt.why[:512],
            "kept_at_us": kept_at_us,
            "mark_id": None,
            "decided_by": None,
            "reason": None,
            "read_back": None,
            "inspected_at": None,
        }

        def work(connection: sa.Connection, pen: Pen) -> None:
            known = to_kept(read_row(connection, kept_scans, scan_id=receipt.sha256))
            if known is None:
                keep_row(connection, pen, kept_scans, row, "kept a scan", by)
            elif known.state == DISCARDED:  # these bytes were here before
                again = row | {"kept_at_us": known.kept_at_us}
                keep_row(connection, pen, kept_scans, again, "kept a scan again", by)

        self._records.transact(work)

    def decide(
        self, connection: sa.Connection, pen: Pen, scan_id: str, by: str, **decided: Any
    ) -> KeptScan:
        """Write what a person decided, inside the transaction of whatever follows from it.

        Raises
        ------
        MissingError, ConflictError
            If no such scan waits, or somebody else was faster.
        """
        row = read_row(connection, kept_scans, scan_id=scan_id)
        require_waiting(to_kept(row), scan_id, pen.station)
        assert row is not None
        did = f"{decided['state']} a kept scan"
        whole = row | decided | {"decided_by": by}
        made = to_kept(keep_row(connection, pen, kept_scans, whole, did, by))
        assert made is not None
        return made


def require_waiting(known: KeptScan | None, scan_id: str, station: str) -> KeptScan:
    """Return a kept scan that nobody has decided on.

    Raises
    ------
    MissingError
        If none was kept under this digest.
    ConflictError
        If it was decided on, or another station keeps it.
    """
    if known is None:
        raise MissingError(f"no scan {scan_id[:12]} is kept here; see /v1/scan-folder")
    if known.station != station:
        raise ConflictError(f"scan {scan_id[:12]} is kept at station {known.station}; decide there")
    if known.state != KEPT:
        raise ConflictError(f"scan {scan_id[:12]} {known.said()}; there is nothing left to decide")
    return known


def to_kept(row: dict[str, Any] | None) -> KeptScan | None:
    """Turn a row of `kept_scans` into a value."""
    if row is None:
        return None
    return KeptScan(**{name: row[name] for name in KeptScan.__dataclass_fields__})
