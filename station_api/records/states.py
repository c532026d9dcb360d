"""The life of a mark as a table: every state and every way from one to another.

In: nothing. Out: `TRANSITIONS` and what follows from it. The table is data, so that tests can
walk every pair and the database can be checked against it.
"""

from __future__ import annotations

from engraver.record import MarkState, Outcome

TRANSITIONS: dict[MarkState, frozenset[MarkState]] = {
    MarkState.INTENDED: frozenset({MarkState.MARKING, MarkState.CANCELLED}),
    MarkState.MARKING: frozenset({MarkState.MARKED, MarkState.UNKNOWN, MarkState.CANCELLED}),
    MarkState.MARKED: frozenset({MarkState.VERIFIED, MarkState.REJECTED}),
    MarkState.UNKNOWN: frozenset({MarkState.VERIFIED, MarkState.REJECTED, MarkState.SCRAPPED}),
    MarkState.VERIFIED: frozenset({MarkState.RE_MARK}),
    MarkState.REJECTED: frozenset({MarkState.SCRAPPED, MarkState.RE_MARK}),
    MarkState.CANCELLED: frozenset(),
    MarkState.SCRAPPED: frozenset({MarkState.RE_MARK}),
    MarkState.RE_MARK: frozenset(),
}
"""Every transition there is. Nothing leads back to ``intended``: a retry is a new mark."""

STARTED = frozenset({MarkState.INTENDED, MarkState.MARKING, MarkState.UNKNOWN})
"""States in which a person has to decide before this serial is touched again."""

RELEASED = frozenset({MarkState.CANCELLED, MarkState.RE_MARK})
"""States that give serial and code back: the pin is blank, or two people allow a successor."""

BY_TWO = frozenset({MarkState.RE_MARK})
"""States that take two people; `Records.authorise_remark` is the only way in."""

STATE_AFTER = {
    Outcome.COMPLETE: MarkState.MARKED,
    Outcome.REFUSED: MarkState.CANCELLED,  # no laser-on line was ever sent: the pin is blank
    Outcome.UNKNOWN: MarkState.UNKNOWN,
}
