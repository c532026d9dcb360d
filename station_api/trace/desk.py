"""The trace desk: one question in, one answer out, and both written down.

In: a `Question` and who asks. Out: the answer as JSON fields, which names the checkpoint of the
tree that was searched. What is refused is written down too, with the reason.

The search ends exactly where a checkpoint was signed: the log is signed, the index is caught up to
there and no farther, marks are read as they stood there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from engraver import evidence
from engraver.casefile import Case, issued_indices
from engraver.codes import encode_index
from engraver.errors import CodeError, ConflictError, PinmarkError
from engraver.issued import IssuedCodes
from engraver.registry import Registry
from station_api.people import Role
from station_api.records import Records, now_us, utc_text
from station_api.records.tables import checkpoints
from station_api.trace import answer as says
from station_api.trace.arranging import AS_WRITTEN, arrange
from station_api.trace.case_scans import CaseScans
from station_api.trace.index import TraceIndex
from station_api.trace.marks import marks_of, marks_with_serial
from station_api.trace.matching import search
from station_api.trace.queries import Asker, Queries
from station_api.trace.question import Question
from station_api.trace.requests import OPEN, Requests
from station_api.trace.state import State
from station_api.transparency.checkpoint import parse_checkpoint
from station_api.transparency.note import split_note

FOLDER = "trace"
MOST_SIGNINGS = 20


class Desk:
    """The trace desk of one station.

    Parameters
    ----------
    sign
        Signs where this station's log stands and returns the checkpoint.
    write
        Writes down that a question was asked; see `Queries`.
    """

    def __init__(
        self,
        records: Records,
        home: Path,
        registry: Registry,
        sign: Callable[[], str],
        write: Callable[[Mapping[str, Any]], str] | None = None,
    ) -> None:
        self._records = records
        self._registry = registry
        self._sign = sign
        self._guard = threading.Lock()
        self.index = TraceIndex(home / FOLDER, records.database)
        self.scans = CaseScans(home / FOLDER / "scans")
        self.requests = Requests(records)
        self.queries = Queries(records, write)

    def ask(
        self, question: Question, asker: Asker, cases: Sequence[Mapping[str, Any]] = ()
    ) -> dict[str, Any]:
        """Answer a question and write down that it was asked.

        Parameters
        ----------
        cases
            What was read on the scans behind the question's reads, by scan.

        Raises
        ------
        InputError
            If it cannot be answered; that is written down as well.
        NotAllowedError
            If this role may not ask it; that is written down as well.
        """
        fields = question.fields()
        try:
            self._check_request(asker)
            question.check(asker.role)
            answer = self._answer(question)
        except PinmarkError as error:
            self.queries.refuse(asker, fields, str(error))
            raise
        answer |= {"cases": list(cases)} if cases else {}
        answer |= {
            "asked_by": asker.name,
            "role": asker.role.value,
            "request_id": asker.request_id,
            "answered_at": utc_text(now_us()),
        }
        self.index.let_go()
        return {"query_id": self.queries.keep(asker, fields, answer), **answer}

    def refuse(self, fields: Mapping[str, Any], asker: Asker, error: PinmarkError) -> None:
        """Write down a question that was refused before it came to be one."""
        self.queries.refuse(asker, fields, str(error))

    def keep_up(self) -> None:
        """Read what came since, and write the blocks anew if it is time to."""
        self.index.catch_up()
        self.index.merge_if_due()

    def keep_up_quietly(self) -> None:
        """Keep up if the log has grown; what cannot be read now is read by the next search."""
        try:
            reach = self.index.state.reach.get(self._records.station)
            if reach is None or self._records.size() != reach.size:
                self.keep_up()
        except (PinmarkError, OSError, sa.exc.SQLAlchemyError):
            return

    def _check_request(self, asker: Asker) -> None:
        """Refuse to search for a request that is not open."""
        if asker.request_id is None:
            return
        request = self.requests.get(asker.request_id)
        if request.state != OPEN and asker.role == Role.TRACER:
            raise ConflictError(
                f"request {request.request_id} is {request.state}; record a new one to search again"
            )

    def _answer(self, question: Question) -> dict[str, Any]:
        state, note = self._signed_state()
        with self._records.database.reading.connect() as connection:
            asked = {
                "pattern": self._by_pattern,
                "serial": self._by_serial,
                "cases": self._by_cases,
            }[question.kind]
            answer = asked(connection, state, question)
            answer |= {
                "question": question.fields(),
                "odd": state.odd,
                "log": self._logs(connection, state, note),
            }
        return answer | {"statement": says.statement(answer)}

    def _signed_state(self) -> tuple[State, str]:
        """Return the index as of a checkpoint, and the checkpoint."""
        with self._guard:
            for _ in range(MOST_SIGNINGS):
                note = self._sign()
                size = parse_checkpoint(split_note(note)[0]).size
                state = self.index.catch_up({self._records.station: size})
                if state.reach[self._records.station].size == size:
                    return state, note
        raise CodeError("marks are made faster than the log is signed; ask again")

    def _by_pattern(
        self, connection: sa.Connection, state: State, question: Question
    ) -> dict[str, Any]:
        ways = arrange(question, state.formats())
        found = search(state, ways, question.prior, question.rows)
        marks = marks_of(connection, [one.code for one in found.best], state.reach)
        answer = says.pattern_fields(found, marks, ways, question.prior)
        plain = next((way for way in ways if way.label == AS_WRITTEN), None)
        return answer | {"decoded": says.decoded_fields(plain, self._registry) if plain else None}

    def _by_serial(
        self, connection: sa.Connection, state: State, question: Question
    ) -> dict[str, Any]:
        marks, ids = marks_with_serial(
            connection, question.folded_serial(), state.reach, question.rows
        )
        return says.serial_fields(marks, ids)

    def _by_cases(
        self, connection: sa.Connection, state: State, question: Question
    ) -> dict[str, Any]:
        case = question.case()
        issued = state.issued(case.format.name)
        call = weigh(case, issued, self._registry, question.rows, question.prior)
        codes = [encode_index(one.index, case.format.name).text for one in call.candidates]
        marks = marks_of(connection, codes, state.reach)
        return says.case_fields(call, case.names, case.format.name, marks)

    def _logs(self, connection: sa.Connection, state: State, note: str) -> list[dict[str, Any]]:
        """Return how far each log was searched, and the newest checkpoint signed of it."""
        found = []
        for station, reach in sorted(state.reach.items()):
            query = sa.select(checkpoints.c.note).where(
                checkpoints.c.station == station, checkpoints.c.size <= reach.size
            )
            query = query.order_by(checkpoints.c.number.desc()).limit(1)
            own = station == self._records.station
            signed = note if own else connection.execute(query).scalar()
            found.append(
                {
                    "station": station,
                    "size": reach.size,
                    "root": reach.root,
                    "checkpoint": signed,
                }
            )
        return found


def weigh(
    case: Case, issued: IssuedCodes, registry: Registry, rows: int, prior: float
) -> evidence.Call:
    """Weigh the reads of cases over codes on record.

    Raises
    ------
    CodeError
        If no mark of the case's format, make and model is on record.
    """
    if case.issued:
        wanted = np.isin(issued.indices, issued_indices(case, registry))
        triples = tuple(column[wanted] for column in issued.triples)
        issued = IssuedCodes(issued.format, issued.indices[wanted], triples)
    if not len(issued):
        raise CodeError(
            f"no mark of {case.format.name} is on record that the reads could be of; look at the "
            "format, make and model they name"
        )
    return evidence.call(case.casings, issued, case.model, prior, rows)
