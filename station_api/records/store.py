"""The marks of a station: a state machine that a power cut cannot confuse.

In: intents, receipts, inspections, decisions. Out: rows that a crash cannot lose and a second
order cannot pass. Ink before fire: every method that changes a state returns after the commit
is on disk. Each change is one row of `transitions`, one new version of its row of `marks` and
one entry of the log, in one transaction; the entry's position is the sequence by which
everything is ordered, whatever the wall clock does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from engraver.errors import InputError, UnknownStateError
from engraver.orders import normalise_name, normalise_serial
from engraver.record import MarkIntent, MarkState, RunReceipt
from station_api.records import canonical
from station_api.records.clock import Clock, SystemClock
from station_api.records.database import Database, open_database
from station_api.records.head import keep_head
from station_api.records.ledger import Entry, Ledger, log_size
from station_api.records.refusals import refused_by
from station_api.records.rows import MarkRow, clean_line, identity, refusal, to_row
from station_api.records.states import BY_TWO, STATE_AFTER, TRANSITIONS
from station_api.records.tables import entries, marks, transitions
from station_api.records.transition import (
    DEFAULT_STATION,
    Change,
    Pen,
    change_mark,
    find_held,
    insert_mark,
    require,
)
from station_api.records.writer import Writer

T = TypeVar("T")

EVENT_KINDS = frozenset({"auth", "release", "key", "sync"})
"""Kinds of entries that other rooms may append; marks and orders have their own doors."""


class Records:
    """The marks of one station. One object, one writing connection, any number of threads.

    Parameters
    ----------
    where
        The SQLite file, made with its tables on first use, or a database URL.
    station
        Name of the station whose log this object writes.
    clock
        Where the time comes from.
    may_write
        Whether this process is the one that writes; see `station_api.one_writer`.
    """

    def __init__(
        self,
        where: Path | str,
        station: str = DEFAULT_STATION,
        clock: Clock | None = None,
        *,
        may_write: bool = True,
    ) -> None:
        self.station = clean_line(station, "station", 32)
        self.database: Database = open_database(where, may_write=may_write)
        self.writer = Writer(self.database.writing)
        self.ledger = Ledger(self.station)
        if may_write:
            self.begin_writing()
        self._clock = clock or SystemClock()
        self._engine = self.database.writing
        self.actor = "station"

    def begin_writing(self) -> None:
        """Be the one that writes; the caller holds the station's lock."""
        self.database.may_write = True
        if self.writer.head is None and (head := keep_head(self.database, self.station)):
            self.writer.head, self.ledger.on_append = head, head.appended

    def on_behalf_of(self, person: str) -> Records:
        """Return the same records, whose marks are begun in a person's name."""
        other = copy(self)
        other.actor = clean_line(person, "person", 64)
        return other

    def close(self) -> None:
        """Close the database."""
        if self.writer.head is not None:
            self.writer.head.close()
        self.database.close()

    # ---- reading

    def find(self, make: str, model: str, serial: str, code: str) -> MarkRow | None:
        """Return the mark that holds this identity or this code, if there is one."""
        with self._look() as connection:
            return find_held(connection, identity(make, model, serial), code)

    def refuse_second_mark(self, make: str, model: str, serial: str, code: str) -> None:
        """Raise unless this serial and this code are free.

        Raises
        ------
        UnknownStateError
            If an attempt stands in ``intended``, ``marking`` or ``unknown``.
        AlreadyMarkedError
            If the mark was made; the message has its time and state.
        """
        if held := self.find(make, model, serial, code):
            raise refusal(held)

    def all_marks(self) -> list[MarkRow]:
        """Return every mark, oldest first; for long lists use `page`."""
        return self.page(None, limit=None)

    def in_states(self, states: Collection[MarkState]) -> list[MarkRow]:
        """Return this station's marks that stand in one of these states, oldest first."""
        wanted = marks.c.state.in_([state.value for state in states])
        query = sa.select(marks).where(marks.c.station == self.station, wanted)
        with self._look() as connection:
            return [
                to_row(row) for row in connection.execute(query.order_by(marks.c.number)).mappings()
            ]

    def page(self, after: tuple[str, int] | None, limit: int | None = 100) -> list[MarkRow]:
        """Return marks after a (station, number), oldest first: a page that never shifts."""
        query = sa.select(marks).order_by(marks.c.station, marks.c.number).limit(limit)
        if after is not None:
            key = sa.tuple_(marks.c.station, marks.c.number)
            query = query.where(key > sa.tuple_(*map(sa.literal, after)))
        with self._look() as connection:
            return [to_row(row) for row in connection.execute(query).mappings()]

    def get(self, mark_id: str) -> MarkRow:
        """Return one mark.

        Raises
        ------
        InputError
            If there is none with this id.
        """
        with self._look() as connection:
            return to_row(require(connection, mark_id))

    def history(self, mark_id: str) -> list[dict[str, Any]]:
        """Return the transitions of one mark, oldest first."""
        query = (
            sa.select(transitions)
            .where(transitions.c.mark_id == mark_id)
            .order_by(transitions.c.position)
        )
        with self._look() as connection:
            found = [dict(row._mapping) for row in connection.execute(query)]
        return [{**row, "detail": canonical.decode(row["detail"])} for row in found]

    def lineage(self, mark_id: str) -> list[MarkRow]:
        """Return every mark that carried this mark's serial, oldest first."""
        mark = self.get(mark_id)
        query = (
            sa.select(marks)
            .where(marks.c.serial == mark.serial)
            .where(marks.c.make == mark.make, marks.c.model == mark.model)
            .order_by(marks.c.intended_at_us, marks.c.station, marks.c.number)
        )
        with self._look() as connection:
            return [to_row(row) for row in connection.execute(query).mappings()]

    def entry(self, position: int) -> Entry:
        """Return one entry of this station's log, with the salt that opens its commitment.

        Raises
        ------
        InputError
            If the log is not that long.
        """
        query = sa.select(entries).where(
            entries.c.station == self.station, entries.c.position == position
        )
        with self._look() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise InputError(
                f"the log of {self.station} has no entry {position}, it has {self.size()} from 0 on"
            )
        return Entry(self.station, position, row.kind, bytes(row.salt), bytes(row.record))

    def size(self) -> int:
        """Return how many entries this station's log has."""
        with self._look() as connection:
            return log_size(connection, self.station)

    # ---- the life of a mark

    def intend(self, intent: MarkIntent, *, key: str | None = None, fence: int = 0) -> MarkIntent:
        """Write the intent to disk and return it with its mark id.

        Parameters
        ----------
        key
            Idempotency key: the same key again returns the first answer and writes nothing.
        fence
            Fencing token of the claimed work order, if it was claimed.

        Raises
        ------
        AlreadyMarkedError, UnknownStateError
            If the serial or the code is held by an earlier mark.
        """
        clean = normalised(intent)
        change = Change(MarkState.INTENDED, self.actor, "order accepted", key=key).cleaned()
        try:
            return self.writer.run(lambda c: insert_mark(c, self._pen(), clean, change, fence))
        except sa.exc.IntegrityError:
            # another process won the race between the look and the commit
            self.refuse_second_mark(clean.make, clean.model, clean.serial, clean.code)
            raise

    def begin(self, mark_id: str, *, key: str | None = None) -> None:
        """Write ``marking`` to disk: from here on the laser may be on."""
        said = "program released to the controller"
        self._change(mark_id, Change(MarkState.MARKING, self.actor, said, key=key))

    def conclude_run(
        self, mark_id: str, receipt: RunReceipt, *, key: str | None = None
    ) -> MarkState:
        """Write how the stream ended: ``marked``, ``unknown``, or ``cancelled`` if unburned."""
        state = STATE_AFTER[receipt.outcome]
        self._change(mark_id, Change(state, "station", receipt.detail, asdict(receipt), key=key))
        return state

    def give_up(self, mark_id: str, reason: str) -> None:
        """Write ``unknown`` for a run whose sender failed."""
        self._change(mark_id, Change(MarkState.UNKNOWN, "station", reason))

    def conclude_inspection(
        self, mark_id: str, good: bool, detail: Mapping[str, Any], *, key: str | None = None
    ) -> MarkState:
        """Write the verdict of the inspection: ``verified`` or ``rejected``.

        Figures in ``detail`` become integers on the way in, see `canonical.integral`.
        """
        state = MarkState.VERIFIED if good else MarkState.REJECTED
        said = "read back and measured"
        self._change(mark_id, Change(state, "inspection", said, detail, key=key))
        return state

    def decide(
        self, mark_id: str, state: MarkState, person: str, reason: str, *, key: str | None = None
    ) -> MarkRow:
        """Write a person's decision on a mark in doubt or a mark that is bad.

        Raises
        ------
        InputError
            If person or reason is missing, the transition does not exist, or it takes two.
        """
        if not person.strip() or not reason.strip():
            raise InputError("a decision needs a person and a reason; give --by and --reason")
        if state in BY_TWO and state in TRANSITIONS[self.get(mark_id).state]:
            raise InputError(
                f"{state} takes two people; use `pinmark records re-mark` with --by twice"
            )
        self._change(mark_id, Change(state, person, reason, key=key))
        return self.get(mark_id)

    def authorise_remark(
        self, mark_id: str, first: str, second: str, reason: str, *, key: str | None = None
    ) -> MarkRow:
        """Give a mark's serial and code to a successor: a re-mark or a replacement pin.

        The mark keeps its record for ever in state ``re-mark``; the next intent for the same
        serial and code is accepted and names it in ``replaces``.

        Raises
        ------
        InputError
            If the two are not two people, there is no reason, or the state does not allow it.
        """
        one, two = clean_line(first, "first person", 64), clean_line(second, "second person", 64)
        if not one or not two or one.casefold() == two.casefold():
            raise InputError("a re-mark takes two different people; name both")
        if not reason.strip():
            raise InputError("a re-mark needs a reason; say what was wrong with the mark")
        self._change(mark_id, Change(MarkState.RE_MARK, one, reason, approver=two, key=key))
        return self.get(mark_id)

    def recover(self, explain: Callable[[str], str] = lambda _mark_id: "") -> list[MarkRow]:
        """Turn every ``marking`` left by a dead process into ``unknown``; return them.

        Call it only while holding the station's lock: nobody else is marking then. ``explain``
        gives what else is known of a mark, by its id.
        """
        found = self.in_states({MarkState.MARKING})
        for row in found:
            said = f"found in `marking` after a restart{explain(row.mark_id)}"
            self._change(row.mark_id, Change(MarkState.UNKNOWN, "station", said))
        return [replace(row, state=MarkState.UNKNOWN) for row in found]

    def append_event(self, kind: str, record: Mapping[str, Any]) -> Entry:
        """Append an event that is no mark (a log-in, a release) to the log.

        Raises
        ------
        InputError
            If the kind is unknown or the record holds a float.
        """
        if kind not in EVENT_KINDS:
            raise InputError(f"{kind!r} is no kind of event; use {', '.join(sorted(EVENT_KINDS))}")
        canonical.canonical(record)

        def work(connection: sa.Connection) -> Entry:
            now = asdict(self._clock.read())
            return self.ledger.append(
                connection,
                kind,
                {"clock": now, "event": dict(record), "v": canonical.VERSION},
                self.ledger.next_position(connection),
            )

        return self.writer.run(work)

    # ---- writing

    def transact(self, work: Callable[[sa.Connection, Pen], T]) -> T:
        """Do other rooms' writing in one transaction with their log entries.

        ``work`` may be done again from the start, and returns after the commit is on disk.
        """
        return self.writer.run(lambda connection: work(connection, self._pen()))

    @contextmanager
    def _look(self) -> Iterator[sa.Connection]:
        """Read: in the transaction this thread is inside of, else on a reader's connection."""
        if (connection := self.writer.joined()) is not None:
            yield connection
            return
        try:
            with self.database.reading.connect() as connection:
                yield connection
        except sa.exc.DBAPIError as error:
            raise refused_by(error, "read") from error

    def _change(self, mark_id: str, change: Change) -> None:
        clean = change.cleaned()
        try:
            self.writer.run(lambda c: change_mark(c, self._pen(), mark_id, clean))
        except sa.exc.IntegrityError as error:
            raise UnknownStateError(
                f"mark {mark_id} was changed by somebody else; see `pinmark records`"
            ) from error

    def _pen(self) -> Pen:
        return Pen(self.ledger, self._clock.read())


def normalised(intent: MarkIntent) -> MarkIntent:
    """Return an intent with one spelling for one firearm, whoever typed it.

    Raises
    ------
    InputError
        If make, model, serial or the order's number hold what they cannot.
    """
    return replace(
        intent,
        order_id=clean_line(intent.order_id, "order", 64),
        make=normalise_name(intent.make, "make"),
        model=normalise_name(intent.model, "model"),
        serial=normalise_serial(intent.serial),
    )
