"""Corrections of a mark's own record: which firearm it is in, as two people found it to be.

In: a mark, the right values, a reason, two people. Out: rows of `mark_corrections`, each whole in
the transparency log; the mark's own row and entries stay as they were. Authority: ATF Ruling
2016-1, condition 2(a): a correction is an entry of its own, with views of original, corrected and
both.

What the machine did (code, program, recipe, state) is fact and cannot be corrected. The code on the
pin stays that of the serial that was ordered, so that serial stays taken; the corrected one is
taken from then on, too.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import sqlalchemy as sa

from engraver.errors import ConflictError, InputError, MissingError
from engraver.orders import normalise_name, normalise_serial
from station_api.kept import keep_row, read_row
from station_api.records import MarkRow, Records
from station_api.records.rows import clean_line, identity
from station_api.records.tables import marks
from station_api.records.transition import Pen, find_held
from station_api.tables import mark_corrections

FIELDS = ("order_id", "make", "model", "serial")
"""What a person may have got wrong."""

View = Literal["original", "corrected", "both"]
PENDING = 0
PREFIX = "K"


@dataclass(frozen=True, slots=True)
class MarkCorrection:
    """One correction, whole: what the record says from it on. ``number`` is 0 while it waits."""

    correction_id: str
    mark_id: str
    number: int
    order_id: str
    make: str
    model: str
    serial: str
    reason: str
    asked_by: str
    asked_at_us: int
    approval_id: str | None
    approved_by: str | None
    station: str
    position: int


class MarkCorrections:
    """Corrections of the marks of one station."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def of(self, mark_id: str) -> list[MarkCorrection]:
        """Return the corrections of a mark that are in force, oldest first."""
        with self._records.database.reading.connect() as connection:
            return made_of(connection, [mark_id]).get(mark_id, [])

    def correct(
        self, mark_id: str, changes: Mapping[str, str], reason: str, by: str, second: str
    ) -> MarkCorrection:
        """Correct a mark's record by two people at once.

        Raises
        ------
        InputError
            If a field cannot be corrected, nothing changes, or it is not two people.
        ConflictError
            If another mark holds the corrected serial.
        """
        asked = self._asked(mark_id, changes, reason, by)
        return self._records.transact(lambda c, pen: self._make(c, pen, asked, second))

    def ask(self, mark_id: str, changes: Mapping[str, str], reason: str, by: str) -> MarkCorrection:
        """Keep a correction that waits for a second person; it is checked now and when made."""
        asked = self._asked(mark_id, changes, reason, by)

        def work(connection: sa.Connection, pen: Pen) -> MarkCorrection:
            _refuse_held(connection, asked)
            row = asked | {"asked_at_us": pen.now.wall_us}
            return _read(keep_row(connection, pen, mark_corrections, row, "asked", by))

        return self._records.transact(work)

    def await_second(self, correction_id: str, approval_id: str, by: str) -> MarkCorrection:
        """Write down which request to a second person a correction waits for."""

        def work(connection: sa.Connection, pen: Pen) -> MarkCorrection:
            row = _require(connection, correction_id) | {"approval_id": approval_id}
            return _read(keep_row(connection, pen, mark_corrections, row, "asked", by))

        return self._records.transact(work)

    def make(self, correction_id: str, second: str) -> MarkCorrection:
        """Make a correction that waited, now that a second person agrees; once only."""

        def work(connection: sa.Connection, pen: Pen) -> MarkCorrection:
            row = _require(connection, correction_id)
            if row["number"] != PENDING:
                return _read(row)
            return self._make(connection, pen, row, second)

        return self._records.transact(work)

    def _asked(
        self, mark_id: str, changes: Mapping[str, str], reason: str, by: str
    ) -> dict[str, Any]:
        mark = self._records.get(mark_id)
        if mark.station != self._records.station:
            raise InputError(f"mark {mark_id} belongs to station {mark.station}; correct it there")
        why = clean_line(reason, "reason", 512)
        if not why:
            raise InputError("a correction needs a reason; say what was wrong and how it is known")
        now = view_of(mark, self.of(mark_id), "corrected")[0]
        new = {name: now[name] for name in FIELDS} | _clean(changes)
        if all(new[name] == now[name] for name in FIELDS):
            raise InputError(f"the record of mark {mark_id} says that already; nothing to correct")
        return {
            "correction_id": f"{PREFIX}{secrets.token_hex(8)}",
            "mark_id": mark_id,
            "number": PENDING,
            **new,
            "identity": identity(new["make"], new["model"], new["serial"]),
            "reason": why,
            "asked_by": clean_line(by, "person", 64),
            "approval_id": None,
            "approved_by": None,
        }

    def _make(
        self, connection: sa.Connection, pen: Pen, asked: Mapping[str, Any], second: str
    ) -> MarkCorrection:
        agreed = clean_line(second, "second person", 64)
        if not agreed or agreed.casefold() == str(asked["asked_by"]).casefold():
            raise InputError("a correction of a mark takes two different people; name both")
        _refuse_held(connection, asked)
        earlier = made_of(connection, [asked["mark_id"]]).get(asked["mark_id"], [])
        row = {"asked_at_us": pen.now.wall_us, **asked}
        row |= {"number": len(earlier) + 1, "approved_by": agreed}
        return _read(keep_row(connection, pen, mark_corrections, row, "corrected", agreed))


def made_of(connection: sa.Connection, mark_ids: Iterable[str]) -> dict[str, list[MarkCorrection]]:
    """Return the corrections in force of each mark, oldest first."""
    query = sa.select(mark_corrections).where(
        mark_corrections.c.mark_id.in_(list(mark_ids)), mark_corrections.c.number > PENDING
    )
    found: dict[str, list[MarkCorrection]] = {}
    for row in connection.execute(query.order_by(mark_corrections.c.number)):
        found.setdefault(row.mark_id, []).append(_read(row._mapping))
    return found


def marks_of_firearm(
    connection: sa.Connection, make: str, model: str, serial: str
) -> list[Mapping[str, Any]]:
    """Return the rows of marks whose record, as it stands, names this firearm; newest first."""
    moved = sa.select(mark_corrections.c.mark_id).where(
        mark_corrections.c.serial == serial, mark_corrections.c.number > PENDING
    )
    query = sa.select(marks).where((marks.c.serial == serial) | marks.c.mark_id.in_(moved))
    found = connection.execute(query.order_by(marks.c.number.desc())).mappings()
    rows: list[Mapping[str, Any]] = [{str(n): v for n, v in row.items()} for row in found]
    made = made_of(connection, [row["mark_id"] for row in rows])
    stands = {mark_id: each[-1] for mark_id, each in made.items()}
    return [
        row for row in rows if _firearm(stands.get(row["mark_id"], row)) == (make, model, serial)
    ]


def _firearm(of: Any) -> tuple[str, str, str]:
    named = asdict(of) if isinstance(of, MarkCorrection) else of
    return named["make"], named["model"], named["serial"]


def view_of(mark: MarkRow, made: Iterable[MarkCorrection], view: View) -> list[dict[str, Any]]:
    """Return a mark's record as first written, as it stands, or every version of it.

    Examples
    --------
    The columns of `MarkRow` with ``version`` (0: as first written), and ``corrected_by``,
    ``approved_by``, ``corrected_at_us`` and ``reason``, which are null in the first.
    """
    whole = asdict(mark)
    none = {"corrected_by": None, "approved_by": None, "corrected_at_us": None, "reason": None}
    versions = [{**whole, "version": 0, **none}]
    for one in made:
        said = {
            "version": one.number,
            "corrected_by": one.asked_by,
            "approved_by": one.approved_by,
            "corrected_at_us": one.asked_at_us,
            "reason": one.reason,
        }
        versions.append(whole | {name: getattr(one, name) for name in FIELDS} | said)
    return {"original": versions[:1], "corrected": versions[-1:], "both": versions}[view]


def _clean(changes: Mapping[str, str]) -> dict[str, str]:
    if unknown := sorted(changes.keys() - set(FIELDS)):
        raise InputError(
            f"{unknown[0]!r} of a mark cannot be corrected; what can: {', '.join(FIELDS)}"
        )
    clean = {name: str(value) for name, value in changes.items()}
    for name in ("make", "model"):
        if name in clean:
            clean[name] = normalise_name(clean[name], name)
    if "serial" in clean:
        clean["serial"] = normalise_serial(clean["serial"])
    if "order_id" in clean:
        clean["order_id"] = clean_line(clean["order_id"], "order", 64)
    return clean


def _refuse_held(connection: sa.Connection, asked: Mapping[str, Any]) -> None:
    held = find_held(connection, asked["identity"], "")
    if held is not None and held.mark_id != asked["mark_id"]:
        raise ConflictError(
            f"serial {asked['serial']} carries mark {held.mark_id} ({held.state}); two marks "
            "cannot be of one firearm: look at both pins"
        )


def _require(connection: sa.Connection, correction_id: str) -> dict[str, Any]:
    row = read_row(connection, mark_corrections, correction_id=correction_id)
    if row is None:
        raise MissingError(f"correction {correction_id!r} is not known")
    return row


def _read(row: Mapping[str, Any] | sa.RowMapping) -> MarkCorrection:
    return MarkCorrection(**{name: row[name] for name in MarkCorrection.__dataclass_fields__})
