"""Trace requests: who asks, on what authority, and how much of the 24 hours is left.

In: what the caller says. Out: `TraceRequest` rows that testify (`station_api.kept`). Authority:
27 CFR 478.25a: a licensee answers at once, in no event later than 24 hours after the receipt of a
request. The clock runs from when the request was received, not from when it was typed in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engraver.errors import ConflictError, InputError, MissingError
from station_api.kept import keep_row, read_row
from station_api.records import Records, now_us, utc_text
from station_api.records.rows import clean_line
from station_api.records.transition import DEFAULT_STATION, Pen
from station_api.tables import trace_requests

TIME_LIMIT_US = 24 * 3600 * 1_000_000
OPEN, ANSWERED, WITHDRAWN = "open", "answered", "withdrawn"
CLOCK_SLACK_US = 5 * 60 * 1_000_000
"""How far in the future a time of receipt may lie: two clocks never agree."""

_NEEDED = {
    "agency": (128, "name the agency that asks"),
    "person": (128, "name the person who asks"),
    "contact": (128, "give a telephone number or an address to answer to"),
    "authority": (256, "say on what authority, such as 18 U.S.C. 923(g)(7)"),
}


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """One request; times in us since 1970-01-01 UTC.

    ``query_id`` names the query whose answer was given; ``disclosed`` what was told.
    """

    request_id: str
    agency: str
    person: str
    contact: str
    authority: str
    reference: str
    note: str
    received_at_us: int
    due_at_us: int
    recorded_by: str
    state: str
    query_id: str | None
    disclosed: tuple[str, ...]
    answered_at_us: int | None
    answered_by: str | None
    position: int

    def clock(self, at_us: int) -> dict[str, Any]:
        """Return the 24 hours as they stand: seconds left, negative once they are over."""
        ended = self.answered_at_us if self.answered_at_us is not None else at_us
        left_s = (self.due_at_us - ended) // 1_000_000
        return {
            "received": utc_text(self.received_at_us),
            "due": utc_text(self.due_at_us),
            "answered": utc_text(self.answered_at_us) if self.answered_at_us else None,
            "left_s": left_s,
            "late": left_s < 0 and self.state != WITHDRAWN,
        }


class Requests:
    """The trace requests of one station."""

    def __init__(self, records: Records, now: Callable[[], int] = now_us) -> None:
        self._records = records
        self.now = now

    def record(
        self,
        by: str,
        *,
        agency: str,
        person: str,
        contact: str,
        authority: str,
        reference: str = "",
        note: str = "",
        received_at_us: int | None = None,
    ) -> TraceRequest:
        """Write down a request; its clock has run since it was received.

        Raises
        ------
        InputError
            If it lacks an agency, a person, a contact or an authority, or was received tomorrow.
        """
        given = {"agency": agency, "person": person, "contact": contact, "authority": authority}
        clean = {name: _needed(name, text) for name, text in given.items()}
        received = self.now() if received_at_us is None else received_at_us
        if received > self.now() + CLOCK_SLACK_US:
            raise InputError(
                f"received at {utc_text(received)} lies in the future; it is "
                f"{utc_text(self.now())} now: correct the time"
            )
        row = clean | {
            "reference": clean_line(reference, "reference", 64),
            "note": clean_line(note, "note", 512),
            "received_at_us": received,
            "due_at_us": received + TIME_LIMIT_US,
            "recorded_by": by,
            "state": OPEN,
            "query_id": None,
            "disclosed": None,
            "answered_at_us": None,
            "answered_by": None,
        }

        def work(connection: sa.Connection, pen: Pen) -> TraceRequest:
            named = row | {"request_id": next_id("R", connection, pen)}
            return _to_request(
                keep_row(connection, pen, trace_requests, named, "trace request recorded", by)
            )

        return self._records.transact(work)

    def get(self, request_id: str) -> TraceRequest:
        """Return one request.

        Raises
        ------
        MissingError
            If there is none with this id.
        """
        with self._records.database.reading.connect() as connection:
            return _require(connection, request_id)

    def all(self, *, open_only: bool = False, limit: int = 500) -> list[TraceRequest]:
        """Return requests, those that are due first on top."""
        query = sa.select(trace_requests).order_by(trace_requests.c.due_at_us).limit(limit)
        if open_only:
            query = query.where(trace_requests.c.state == OPEN)
        else:
            query = query.order_by(None).order_by(trace_requests.c.due_at_us.desc())
        with self._records.database.reading.connect() as connection:
            return [_to_request(row) for row in connection.execute(query).mappings()]

    def answer(
        self, request_id: str, query_id: str, disclosed: Sequence[str], by: str
    ) -> TraceRequest:
        """Write down that a request was answered, by which query, and what was told.

        Parameters
        ----------
        disclosed
            What the agency was told, a line each; a mark id or a sentence.
        """
        told = [clean_line(line, "what was disclosed", 512) for line in disclosed]
        if not [line for line in told if line]:
            raise InputError("say what was disclosed, `nothing found` included")
        changes = {
            "state": ANSWERED,
            "query_id": query_id,
            "disclosed": json.dumps(told, ensure_ascii=False),
            "answered_by": by,
        }
        return self._change(request_id, changes, "trace request answered", by)

    def withdraw(self, request_id: str, reason: str, by: str) -> TraceRequest:
        """Write down that the agency took its request back."""
        why = clean_line(reason, "reason", 512)
        if not why:
            raise InputError("say why the request was withdrawn")
        changes = {"state": WITHDRAWN, "disclosed": json.dumps([why]), "answered_by": by}
        return self._change(request_id, changes, "trace request withdrawn", by)

    def _change(
        self, request_id: str, changes: Mapping[str, Any], did: str, by: str
    ) -> TraceRequest:
        def work(connection: sa.Connection, pen: Pen) -> TraceRequest:
            known = _require(connection, request_id)
            if known.state != OPEN:
                raise ConflictError(
                    f"request {request_id} is {known.state} since "
                    f"{utc_text(known.answered_at_us or 0)}; record a new one for what came after"
                )
            row = read_row(connection, trace_requests, request_id=request_id) or {}
            fresh = {**row, **changes, "answered_at_us": self.now()}
            return _to_request(keep_row(connection, pen, trace_requests, fresh, did, by))

        return self._records.transact(work)


def next_id(letter: str, connection: sa.Connection, pen: Pen) -> str:
    """Return an id that nobody else has: the place of its entry in the station's log."""
    prefix = "" if pen.station == DEFAULT_STATION else f"{pen.station}-"
    return f"{prefix}{letter}{pen.ledger.next_position(connection):06d}"


def _require(connection: sa.Connection, request_id: str) -> TraceRequest:
    row = read_row(connection, trace_requests, request_id=request_id)
    if row is None:
        raise MissingError(f"trace request {request_id!r} is not here; see `pinmark requests list`")
    return _to_request(row)


def _needed(name: str, text: str) -> str:
    longest, remedy = _NEEDED[name]
    clean = clean_line(text, name, longest)
    if not clean:
        raise InputError(f"a trace request without {name}: {remedy}")
    return clean


def _to_request(row: Mapping[str, Any] | sa.RowMapping) -> TraceRequest:
    fields = {name: row[name] for name in TraceRequest.__dataclass_fields__}
    told = tuple(json.loads(fields["disclosed"])) if fields["disclosed"] else ()
    return TraceRequest(**{**fields, "disclosed": told})
