"""The firearms book: entries are added, never changed; a correction is a new entry.

In: entries, dispositions, corrections, each in somebody's name. Out: rows of `book` and
`corrections`, each whole in the transparency log. Authority: 27 CFR 478.123; ATF Ruling 2016-1,
condition 2(a): the original stays, the correction is an entry of its own.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from engraver.errors import ConflictError, InputError, MissingError
from engraver.record import MarkState
from station_api.kept import keep_row, read_row
from station_api.papers.entries import (
    ACQUISITION,
    BY_TWO,
    DESCRIPTION,
    DISPOSITION,
    MANUFACTURED,
    PARTY,
    VOID,
    BookEntry,
    clean_acquisition,
    clean_disposition,
    to_entry,
)
from station_api.papers.mark_corrections import marks_of_firearm
from station_api.records import Records
from station_api.records.rows import clean_line
from station_api.records.transition import DEFAULT_STATION, Pen
from station_api.tables import book, corrections

_LETTER = {ACQUISITION: "A", DISPOSITION: "D"}
CORRECTION = "correct"
"""The action of a request that asks a second person to agree to a correction."""

CORRECTABLE = {
    ACQUISITION: frozenset({*DESCRIPTION, *PARTY, "how", "on_date", "mark_id"}),
    DISPOSITION: frozenset({*PARTY, "how", "on_date"}),
}
"""What can be corrected of each part; which firearm a disposition is of, its line says."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction that was asked for; ``made_entry`` names the new entry once there is one.

    ``approval_id`` names the request to a second person, where it takes one.
    """

    correction_id: str
    entry_id: str
    changes: Mapping[str, Any]
    reason: str
    asked_by: str
    asked_at_us: int
    approval_id: str | None
    made_entry: str | None


class Book:
    """The firearms book of one station."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def enter(self, given: Mapping[str, Any], by: str) -> BookEntry:
        """Write an acquisition: a firearm manufactured here, or acquired of somebody.

        ``mark_id`` may be left out: the verified mark of this serial is found.

        Raises
        ------
        InputError
            If a field is missing or impossible, or the mark is another firearm's.
        ConflictError
            If the firearm stands in the book and has not left it.
        """

        def work(connection: sa.Connection, pen: Pen) -> BookEntry:
            fields = clean_acquisition(given, _today(pen))
            self._refuse_second_line(connection, fields, None)
            mark_id = _mark_of(connection, fields, given.get("mark_id"))
            last = sa.select(sa.func.max(book.c.number)).where(book.c.station == pen.station)
            number = int(connection.execute(last).scalar() or 0) + 1
            prefix = "" if pen.station == DEFAULT_STATION else f"{pen.station}-"
            row = {**fields, "mark_id": mark_id, "line": f"{prefix}B{number:06d}", "number": number}
            return _write(connection, pen, row, ACQUISITION, 1, "entered", by)

        return self._records.transact(work)

    def dispose(self, line: str, given: Mapping[str, Any], by: str) -> BookEntry:
        """Write how a firearm left: the disposition of one line.

        Raises
        ------
        MissingError
            If there is no such line.
        ConflictError
            If the firearm has left already, or its line is void.
        InputError
            If a field is missing, or the date lies before the acquisition's.
        """

        def work(connection: sa.Connection, pen: Pen) -> BookEntry:
            fields = clean_disposition(given, _today(pen))
            had = _newest(connection, line, ACQUISITION)
            if had is None:
                raise MissingError(f"line {line!r} is not in the book; see `pinmark papers book`")
            _check_order(had, fields["on_date"])
            left = _newest(connection, line, DISPOSITION)
            if left is not None and left.how != VOID:
                raise ConflictError(
                    f"{had.serial} left the book on {left.on_date} ({left.how}, {left.entry_id}); "
                    "correct that entry instead"
                )
            version = 1 if left is None else left.version + 1
            row = {name: getattr(had, name) for name in (*DESCRIPTION, "line", "number", "mark_id")}
            if left is not None:
                row["reason"] = f"entered anew: {left.entry_id} was made void"
            return _write(connection, pen, row | fields, DISPOSITION, version, "disposed", by)

        return self._records.transact(work)

    def correct(
        self,
        entry_id: str,
        changes: Mapping[str, Any],
        reason: str,
        by: str,
        second: str | None = None,
    ) -> BookEntry:
        """Write a correction at once; what says which firearm it is takes a second person.

        Raises
        ------
        InputError
            If nothing is changed, there is no reason, a second person is wanting, or the entry
            would not be one any more.
        ConflictError
            If the entry was corrected meanwhile: the newest one is named.
        """
        correction = self._correction(entry_id, changes, reason, by)
        if takes_two(changes):
            named = clean_line(second or "", "second person", 64)
            if not named or named.casefold() == by.casefold():
                fields = ", ".join(sorted(BY_TWO & changes.keys()))
                raise InputError(f"a correction of {fields} takes two different people; name both")
            second = named
        return self._records.transact(lambda c, pen: self._make(c, pen, correction, second))

    def ask(self, entry_id: str, changes: Mapping[str, Any], reason: str, by: str) -> Correction:
        """Keep a correction that waits for a second person; it is checked now and when made."""
        correction = self._correction(entry_id, changes, reason, by)

        def work(connection: sa.Connection, pen: Pen) -> Correction:
            correction["asked_at_us"] = pen.now.wall_us
            self._corrected(connection, pen, correction)
            return _to_correction(keep_row(connection, pen, corrections, correction, "asked", by))

        return self._records.transact(work)

    def await_second(self, correction_id: str, approval_id: str, by: str) -> Correction:
        """Write down which request to a second person a correction waits for."""

        def work(connection: sa.Connection, pen: Pen) -> Correction:
            row = _require_correction(connection, correction_id) | {"approval_id": approval_id}
            return _to_correction(keep_row(connection, pen, corrections, row, "asked", by))

        return self._records.transact(work)

    def make(self, correction_id: str, second: str) -> BookEntry:
        """Make a correction that waited, now that a second person agrees; once only."""

        def work(connection: sa.Connection, pen: Pen) -> BookEntry:
            row = _require_correction(connection, correction_id)
            if row["made_entry"] is not None:
                return to_entry(read_row(connection, book, entry_id=row["made_entry"]) or {})
            return self._make(connection, pen, row, second)

        return self._records.transact(work)

    def corrections(self, limit: int = 500) -> list[Correction]:
        """Return the corrections, newest first."""
        query = sa.select(corrections).order_by(corrections.c.asked_at_us.desc()).limit(limit)
        with self._records.database.reading.connect() as connection:
            return [_to_correction(row._mapping) for row in connection.execute(query)]

    def _correction(
        self, entry_id: str, changes: Mapping[str, Any], reason: str, by: str
    ) -> dict[str, Any]:
        why = clean_line(reason, "reason", 512)
        if not why:
            raise InputError("a correction needs a reason; say what was wrong and how it is known")
        if not changes:
            raise InputError("a correction changes something; name the field and its right value")
        return {
            "correction_id": f"C{secrets.token_hex(8)}",
            "entry_id": entry_id,
            "changes": json.dumps(dict(changes), sort_keys=True, ensure_ascii=False),
            "reason": why,
            "asked_by": clean_line(by, "person", 64),
            "approval_id": None,
            "made_entry": None,
        }

    def _make(
        self, connection: sa.Connection, pen: Pen, correction: Mapping[str, Any], second: str | None
    ) -> BookEntry:
        before, row = self._corrected(connection, pen, correction)
        row |= {"reason": correction["reason"], "approved_by": second}
        by = str(correction["asked_by"])
        made = _write(connection, pen, row, before.part, before.version + 1, "corrected", by)
        done = {"asked_at_us": pen.now.wall_us, **correction, "made_entry": made.entry_id}
        keep_row(connection, pen, corrections, done, "corrected", second or by)
        return made

    def _corrected(
        self, connection: sa.Connection, pen: Pen, correction: Mapping[str, Any]
    ) -> tuple[BookEntry, dict[str, Any]]:
        """Return the entry to correct and the fields of the one that will."""
        before = _require(connection, str(correction["entry_id"]))
        newest = _newest(connection, before.line, before.part)
        if newest is None or newest.entry_id != before.entry_id:
            where = newest.entry_id if newest else "nothing"
            raise ConflictError(
                f"entry {before.entry_id} was corrected by {where}; correct {where}"
            )
        changes = json.loads(correction["changes"])
        if unknown := sorted(changes.keys() - CORRECTABLE[before.part]):
            known = ", ".join(sorted(CORRECTABLE[before.part]))
            raise InputError(f"{unknown[0]!r} cannot be corrected here; what can: {known}")
        row = {name: getattr(before, name) for name in CORRECTABLE[ACQUISITION]}
        row |= {"line": before.line, "number": before.number} | changes
        if changes.get("how") == VOID:
            self._check_void(connection, before, changes)
            return before, row
        row |= self._checked(connection, before, row, _today(pen))
        if all(row[name] == getattr(before, name) for name in changes):
            raise InputError(f"entry {before.entry_id} says that already; nothing to correct")
        return before, row

    def _checked(
        self, connection: sa.Connection, before: BookEntry, row: Mapping[str, Any], today: date
    ) -> dict[str, Any]:
        if before.part == DISPOSITION:
            fields = clean_disposition(row, today)
            had = _newest(connection, before.line, ACQUISITION)
            if had is not None:
                _check_order(had, fields["on_date"])
            return fields
        fields = clean_acquisition(row, today)
        self._refuse_second_line(connection, fields, before.line)
        left = _newest(connection, before.line, DISPOSITION)
        if left is not None and left.how != VOID and left.on_date < fields["on_date"]:
            raise InputError(
                f"acquired {fields['on_date']} after it left on {left.on_date}; correct the date"
            )
        named = None if row["mark_id"] == before.mark_id else row["mark_id"]
        return fields | {"mark_id": _mark_of(connection, fields, named)}

    def _check_void(
        self, connection: sa.Connection, before: BookEntry, changes: Mapping[str, Any]
    ) -> None:
        if before.how == VOID:
            raise ConflictError(f"entry {before.entry_id} is void already")
        if changes.keys() != {"how"}:
            raise InputError("an entry that is made void keeps what it said; change nothing else")
        left = _newest(connection, before.line, DISPOSITION)
        if before.part == ACQUISITION and left is not None and left.how != VOID:
            raise ConflictError(
                f"line {before.line} has a disposition ({left.entry_id}); make that void first"
            )

    def _refuse_second_line(
        self, connection: sa.Connection, fields: Mapping[str, Any], own: str | None
    ) -> None:
        names = ("manufacturer", "model", "serial")
        query = sa.select(book.c.line).where(*(book.c[name] == fields[name] for name in names))
        for (line,) in connection.execute(query.distinct()):
            had = _newest(connection, line, ACQUISITION)
            left = _newest(connection, line, DISPOSITION)
            gone = left is not None and left.how != VOID
            if line == own or had is None or had.how == VOID or gone:
                continue
            if all(getattr(had, name) == fields[name] for name in names):
                who = f"{had.manufacturer} {had.model} serial {had.serial}"
                raise ConflictError(
                    f"{who} stands in the book since {had.on_date} as line {line} and has not "
                    "left it; a firearm is entered once"
                )


def _today(pen: Pen) -> date:
    return datetime.fromtimestamp(pen.now.wall_us / 1e6, UTC).date()


def takes_two(changes: Mapping[str, Any]) -> bool:
    """Tell whether a correction takes a second person."""
    return bool(BY_TWO & changes.keys())


def _write(
    connection: sa.Connection,
    pen: Pen,
    fields: Mapping[str, Any],
    part: str,
    version: int,
    did: str,
    by: str,
) -> BookEntry:
    row = {
        "reason": "",
        "approved_by": None,
        **fields,
        "entry_id": f"{fields['line']}.{_LETTER[part]}{version}",
        "part": part,
        "version": version,
        "written_by": clean_line(by, "person", 64),
    }
    return to_entry(keep_row(connection, pen, book, row, did, by))


def _newest(connection: sa.Connection, line: str, part: str) -> BookEntry | None:
    query = sa.select(book).where(book.c.line == line, book.c.part == part)
    row = connection.execute(query.order_by(book.c.version.desc()).limit(1)).first()
    return None if row is None else to_entry(row._mapping)


def _require(connection: sa.Connection, entry_id: str) -> BookEntry:
    row = read_row(connection, book, entry_id=entry_id)
    if row is None:
        raise MissingError(f"entry {entry_id!r} is not in the book; see `pinmark papers book`")
    return to_entry(row)


def _require_correction(connection: sa.Connection, correction_id: str) -> dict[str, Any]:
    row = read_row(connection, corrections, correction_id=correction_id)
    if row is None:
        raise MissingError(f"correction {correction_id!r} is not known")
    return row


def _to_correction(row: Mapping[str, Any] | sa.RowMapping) -> Correction:
    fields = {name: row[name] for name in Correction.__dataclass_fields__}
    return Correction(**{**fields, "changes": json.loads(row["changes"])})


def _check_order(had: BookEntry, on_date: str) -> None:
    if had.how == VOID:
        raise ConflictError(f"line {had.line} is void ({had.entry_id}); nothing can leave it")
    if on_date < had.on_date:
        raise InputError(
            f"disposed of on {on_date}, before it was acquired on {had.on_date}; correct the date"
        )


def _mark_of(connection: sa.Connection, fields: Mapping[str, Any], named: Any) -> str | None:
    """Return the verified mark of this firearm; a mark that was named has to be one of it."""
    if fields["how"] != MANUFACTURED and named is None:
        return None
    found = marks_of_firearm(connection, fields["manufacturer"], fields["model"], fields["serial"])
    if named is not None:
        found = [row for row in found if row["mark_id"] == str(named)]
    if named is not None and not found:
        raise InputError(f"mark {named!r} is not of serial {fields['serial']}; look at the records")
    good = [row for row in found if named is not None or row["state"] == MarkState.VERIFIED]
    return str(good[0]["mark_id"]) if good else None
