"""Checkpoints sent round: each new one to every witness of the configuration, until it is cosigned.

In: records, `[witnesses]`, a way to sign where the log stands. Out: rows of `cosignatures`, and
`states` for the doctor, metrics and the auditor. Each witness has a thread of its own, so that one
that is away, slow or false delays no other, and none of them anything that marks: nothing here
holds the engraver or the database while it waits for the network. What fails is tried again after
1 s, 2 s, 4 s ... up to a quarter of an hour.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa

from engraver.errors import PinmarkError
from station_api.asking import GRAVE, Answer, Line, Outcome, ask
from station_api.configuration.model import WitnessesKeys
from station_api.cosignatures import Standing, has_news, keep_cosignature, standing
from station_api.logs import fields
from station_api.neighbours import Neighbour, read_neighbours, tls_context
from station_api.records import Records
from station_api.transparency.checkpoint import parse_checkpoint
from station_api.transparency.note import split_note

LOG = logging.getLogger("pinmark.witnesses")
LOOK_S = 1.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 900.0
END_S = 5.0
"""Patience with threads at the end; one that a lookup of a name holds is left behind."""


NOT_ASKED = Answer(Outcome.WAITING, "was not asked since the start")


@dataclass(slots=True)
class _Round:
    """What is known of one witness."""

    neighbour: Neighbour
    line: Line
    standing: Standing
    answer: Answer = NOT_ASKED
    failures: int = 0
    due_s: float = 0.0
    thread: threading.Thread | None = field(default=None, repr=False)


class Circulation:
    """The threads that ask witnesses for cosignatures."""

    def __init__(
        self,
        records: Records,
        keys: WitnessesKeys,
        sign: Callable[[], str],
        first_pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        """Read what is configured; raises InputError for what will not do."""
        self._records, self._sign = records, sign
        self._every_s, self._first_pause_s = float(keys.every_s), first_pause_s
        neighbours = read_neighbours(keys.neighbours)
        context = tls_context(keys.ca_file) if neighbours else None
        self._rounds = [_Round(one, Line(context), standing(records, one)) for one in neighbours]
        self._ending = threading.Event()

    def start(self) -> None:
        """Begin to ask."""
        for one in self._rounds:
            one.thread = threading.Thread(
                target=self._go_round, args=[one], name="pinmark-witness", daemon=True
            )
            one.thread.start()

    def stop(self) -> None:
        """End; what was not cosigned is sent after the next start."""
        self._ending.set()
        for one in self._rounds:
            one.line.end()
        for one in self._rounds:
            if one.thread is not None:
                one.thread.join(END_S)

    def states(self) -> list[dict[str, Any]]:
        """Return each witness: ``witness url size at_s state said``."""
        return [
            {
                "witness": one.neighbour.key.name,
                "url": one.neighbour.url,
                **asdict(one.standing),
                "state": one.answer.outcome.value,
                "said": one.answer.said,
            }
            for one in self._rounds
        ]

    def _go_round(self, one: _Round) -> None:
        while not self._ending.is_set():
            try:
                if one.due_s <= time.monotonic() and has_news(self._records, one.standing.size):
                    self._ask(one)
            except (PinmarkError, sa.exc.SQLAlchemyError):
                LOG.exception("witnesses wait: the records cannot be read or written")
                one.due_s = time.monotonic() + self._every_s
            self._ending.wait(LOOK_S)

    def _ask(self, one: _Round) -> None:
        note = self._sign()
        size = parse_checkpoint(split_note(note)[0]).size
        answer = ask(self._records, note, one.neighbour, min(one.standing.size, size), one.line)
        if self._ending.is_set():
            return
        if answer.outcome is Outcome.COSIGNED:
            keep_cosignature(self._records, size, one.neighbour, answer.line)
            one.standing = standing(self._records, one.neighbour)
            one.failures, pause_s = 0, self._every_s
        else:
            one.failures += 1
            longest_s = max(LONGEST_PAUSE_S, self._every_s)
            pause_s = min(longest_s, self._first_pause_s * 2 ** min(one.failures - 1, 20))
        one.due_s = time.monotonic() + pause_s
        if answer.outcome is not one.answer.outcome:
            level = logging.ERROR if answer.outcome in GRAVE else logging.INFO
            told = fields(witness=one.neighbour.key.name, state=answer.outcome.value)
            LOG.log(level, "a witness answers otherwise than before", extra=told)
        one.answer = answer
