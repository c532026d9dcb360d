"""A kept scan is given to its mark by a person, or discarded: what is asked before, what follows.

In: a kept scan's digest, a mark by its id or serial, a caller. Out: `Reading`, which records
nothing: what is read on the scan beside the code that was ordered; then the mark's verdict, the
row that says who gave the scan, and the file moved on with its receipt. A scan that reads the
code of another pin is given to no mark but that one. One that reads no code, or is older than
the mark, is given only with a reason, by somebody who may decide on marks in doubt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engraver.errors import ConflictError, InputError, MissingError
from engraver.orders import normalise_serial
from engraver.record import MarkState
from station_api.marking import made_with
from station_api.people import Caller, NotAllowedError, Right
from station_api.quality.figures import INSPECTED
from station_api.records import MarkRow, Records
from station_api.records.rows import clean_line, to_row
from station_api.records.tables import marks
from station_api.records.transition import LONGEST_REASON, Pen, Testimony
from station_api.scan_folder import Candidate, Receipt, by_reading
from station_api.service.kept_scans import DISCARDED, GIVEN, KeptScan, KeptScans, require_waiting
from station_api.service.line import Line
from station_api.service.live import Live
from station_api.service.scan_store import ScanStore, sha256_of
from station_api.service.scan_watcher import SLACK_US, ScanWatcher
from station_api.service.transitions import Asked, change, earlier, make

NOTHING, REASON, REFUSED = "nothing", "reason", "refused"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a kept scan shows, held against one mark; nothing is recorded.

    ``needs`` is ``nothing``, a ``reason``, or it is ``refused``; ``said`` tells why.
    ``version`` is the ETag that the mark was read at.
    """

    scan_id: str
    file: str
    mark_id: str
    serial: str
    version: int
    ordered: str
    read_back: str
    good: bool
    grade: str
    findings: tuple[str, ...]
    agrees: bool
    older: bool
    reads_mark: str | None
    needs: str
    said: str


class Giving:
    """What people do with the scans that the watcher kept."""

    def __init__(
        self,
        records: Records,
        rows: KeptScans,
        watcher: ScanWatcher,
        store: ScanStore,
        line: Line,
        shelf: Path,
        live: Live,
    ) -> None:
        self._records, self._rows, self._watcher = records, rows, watcher
        self._store, self._line, self._shelf, self._live = store, line, shelf, live

    def read(self, scan_id: str, named: str, by: Caller) -> Reading:
        """Read a kept scan for a mark.

        Raises
        ------
        MissingError
            If no such scan, or no such mark, waits.
        ConflictError
            If the scan was decided on, is gone, holds other bytes, or was there before the mark.
        InputError
            If the serial is of two marks, the file is no scan, or the mark's recipe has changed.
        """
        return self._judged(scan_id, named, by)[0]

    def give(
        self,
        scan_id: str,
        mark_id: str,
        by: Caller,
        reason: str = "",
        version: int | None = None,
        key: str | None = None,
    ) -> Testimony:
        """Make a kept scan the inspection of a mark.

        Raises
        ------
        NotAllowedError
            If it takes a reason, and this caller may not decide on marks in doubt.
        StaleError
            If the mark has a newer version than the one this was decided on.
        MissingError, ConflictError, InputError
            What `read` raises; if it reads another pin's code; if a reason is missing.
        """
        reason = clean_line(reason, "reason", LONGEST_REASON) if reason else ""
        if (known := earlier(self._records, by, key)) is not None:
            state = MarkState(known["to_state"])
            return change(self._records, Asked(mark_id, state, by, INSPECTED, None, key))
        reading, detail = self._judged(scan_id, mark_id, by)
        if reading.needs == REFUSED:
            raise ConflictError(reading.said)
        if reading.needs == REASON:
            _require_reason(reading, reason, by)
        state = MarkState.VERIFIED if reading.good else MarkState.REJECTED
        detail |= {"scan_sha256": scan_id, "given_by": by.name, "given_because": reason}
        asked = Asked(mark_id, state, by, INSPECTED, version, key, detail=detail)

        def work(connection: sa.Connection, pen: Pen) -> Testimony:
            made = make(connection, pen, self._records, asked)
            self._rows.decide(
                connection, pen, scan_id, by.name, state=GIVEN, mark_id=mark_id,
                reason=reason or None, read_back=reading.read_back, inspected_at=made.position,
            )  # fmt: skip
            return made

        made = self._records.transact(work)
        self._watcher.move_on(again=True)
        return made

    def discard(self, scan_id: str, reason: str, by: Caller) -> KeptScan:
        """Say that a kept scan is of no mark; its file stays, in another folder.

        Raises
        ------
        MissingError, ConflictError
            If no such scan waits.
        """
        reason = clean_line(reason, "reason", LONGEST_REASON)
        self._waiting(scan_id, by)

        def work(connection: sa.Connection, pen: Pen) -> KeptScan:
            return self._rows.decide(
                connection, pen, scan_id, by.name, state=DISCARDED, reason=reason
            )

        made = self._records.transact(work)
        self._watcher.move_on(again=True)
        return made

    # ---- reading

    def _judged(self, scan_id: str, named: str, by: Caller) -> tuple[Reading, dict[str, Any]]:
        kept = self._waiting(scan_id, by)
        path = self._file(kept)
        row = self._mark(named)
        setup, code = made_with(row, self._shelf)
        begun_us = self._begun_us(row.mark_id)
        if kept.kept_at_us < begun_us:
            raise ConflictError(
                f"{kept.file} was kept before {row.mark_id} was made: it shows another pin, or "
                "the blank; scan the pin again"
            )
        self._watcher.require_readable(path.stat().st_size)
        older = path.stat().st_mtime_ns // 1000 + SLACK_US < begun_us
        stored = self._store.take(path, scan_id, self._line.facts, by)
        judged = self._line.judge(stored, setup, code)
        detail = judged["detail"]
        read = detail["read_back"]
        reads_mark = None if read == row.code else self._reads(read, row)
        needs, said = _needs(row, read, reads_mark, older)
        reading = Reading(
            scan_id, kept.file, row.mark_id, row.serial, self._version(row.mark_id), row.code,
            read, judged["good"], detail["grade"],
            tuple(one["text"] for one in detail["findings"]),
            read == row.code, older, reads_mark, needs, said,
        )  # fmt: skip
        return reading, detail

    def _waiting(self, scan_id: str, by: Caller) -> KeptScan:
        """Return a kept scan that nobody has decided on."""
        if self._watcher.shelves is None:
            raise MissingError("this station watches no folder; name one in [scans] folder")
        self._watcher.require_held()
        known = self._rows.find(scan_id)
        if known is None and (receipt := self._held(scan_id)[1]) is not None:
            self._rows.enter(receipt, _at_us(receipt), by.name)  # kept before there were rows
            known = self._rows.find(scan_id)
        return require_waiting(known, scan_id, self._records.station)

    def _held(self, scan_id: str) -> tuple[Path, Receipt] | tuple[None, None]:
        """Return a kept file and its receipt; of two with the same bytes, one that is there."""
        assert self._watcher.shelves is not None
        found = [(p, r) for p, r in self._watcher.shelves.held() if r.sha256 == scan_id]
        there = [(p, r) for p, r in found if p.is_file()]
        found = there or found
        return found[0] if found else (None, None)

    def _file(self, kept: KeptScan) -> Path:
        """Return the file of a kept scan, with the bytes it was kept with."""
        path, _ = self._held(kept.scan_id)
        if path is None or not path.is_file():
            raise ConflictError(
                f"{kept.file} is not in kept any more; put it back there, or let the pin be "
                "scanned again"
            )
        if (now := sha256_of(path)) != kept.scan_id:
            raise ConflictError(
                f"{kept.file} holds other bytes (SHA-256 {now[:12]}) than when it was kept "
                f"({kept.scan_id[:12]}): somebody changed it; scan the pin again"
            )
        return path

    def _mark(self, named: str) -> MarkRow:
        """Find a mark by its id, or the one of a serial that waits for a scan."""
        named = named.strip()
        try:
            serial = normalise_serial(named)
        except InputError:  # no serial, but it may be a mark's id
            serial = named
        query = sa.select(marks).where(sa.or_(marks.c.mark_id == named, marks.c.serial == serial))
        with self._records.database.reading.connect() as connection:
            rows = [to_row(row) for row in connection.execute(query.limit(50)).mappings()]
        exact = [row for row in rows if row.mark_id == named]
        waiting = exact or [row for row in rows if row.state is MarkState.MARKED]
        if len(waiting) > 1:
            ids = ", ".join(row.mark_id for row in waiting)
            raise InputError(f"serial {serial} is of {ids}; name one of them")
        if not waiting and rows:
            raise ConflictError(
                f"mark {rows[-1].mark_id} of serial {serial} is {rows[-1].state}; only a mark "
                "that is marked is inspected"
            )
        if not waiting:
            raise MissingError(f"no mark has the id or the serial {named[:64]!r}; see /v1/marks")
        return waiting[0]

    def _begun_us(self, mark_id: str) -> int:
        begun = [
            int(step["at_us"])
            for step in self._records.history(mark_id)
            if step["to_state"] == MarkState.MARKING
        ]
        return begun[-1] if begun else 0

    def _version(self, mark_id: str) -> int:
        return int(self._records.history(mark_id)[-1]["position"])

    def _reads(self, read: str, row: MarkRow) -> str | None:
        """Return another mark whose code is read: any mark's own, or nearly one that waits."""
        query = sa.select(marks.c.mark_id).where(
            marks.c.code == read, marks.c.mark_id != row.mark_id
        )
        with self._records.database.reading.connect() as connection:
            if (found := connection.execute(query.limit(1)).first()) is not None:
                return str(found[0])
        waiting = self._records.in_states({MarkState.MARKED})
        pins = [Candidate(r.mark_id, r.serial, r.order_id, r.code) for r in waiting]
        near = by_reading(read, pins).mark_id
        return None if near == row.mark_id else near


def _needs(row: MarkRow, read: str, reads_mark: str | None, older: bool) -> tuple[str, str]:
    """Return what giving a scan to a mark takes, and why."""
    if reads_mark is not None:
        return REFUSED, (
            f"its surface reads {read}, the code of {reads_mark}, not {row.code} of {row.mark_id}: "
            f"give it to {reads_mark}; if the pin at hand is {row.mark_id}, pins were exchanged: "
            "keep both apart and tell a supervisor"
        )
    if read != row.code:
        return REASON, (
            f"its surface reads {read}, the code of no mark, not {row.code}: {row.mark_id} would "
            "be rejected by it"
        )
    if older:
        return REASON, (
            f"the file is older than {row.mark_id}: the instrument's clock is behind, or it shows "
            "an earlier pin with the same code"
        )
    return NOTHING, ""


def _require_reason(reading: Reading, reason: str, by: Caller) -> None:
    try:
        by.require(Right.DECIDE_MARKS)
    except NotAllowedError:
        raise NotAllowedError(
            f"{reading.said}; a supervisor or an engineer may give it all the same, with a reason"
        ) from None
    if not reason:
        raise InputError(f"{reading.said}; say why it is given to this mark all the same")


def _at_us(receipt: Receipt) -> int:
    """Return when a receipt was written, us; 0, before every mark, where it does not say."""
    try:
        return int(datetime.fromisoformat(receipt.at).timestamp() * 1e6)
    except ValueError:
        return 0
