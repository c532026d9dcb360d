"""What happened, in integers: intent, receipt, inspection summary.

Floats compute, integers testify: nm, us, uW and counts, so that two readers of a record
can never disagree about its bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MarkState(StrEnum):
    """The states of a mark; a mark never leaves `unknown` without a person."""

    INTENDED = "intended"
    MARKING = "marking"
    MARKED = "marked"
    UNKNOWN = "unknown"
    VERIFIED = "verified"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    SCRAPPED = "scrapped"
    RE_MARK = "re-mark"  # two people gave its serial and code to a successor


class Outcome(StrEnum):
    """How a stream ended, as far as the wire can tell."""

    COMPLETE = "complete"  # the controller acknowledged the end of all motion
    REFUSED = "refused"  # stopped before the first laser-on line was sent
    UNKNOWN = "unknown"  # between `last_surely_done` and `first_surely_not_begun`


class StopCause(StrEnum):
    """Why a stream ended before its program did."""

    NONE = ""
    LINE_REFUSED = "line refused"  # error:N in the middle of a job
    ALARM = "alarm"  # the controller locked itself
    CONTROLLER_RESET = "controller reset"  # a banner in the middle of a job
    ANSWER_LOST = "answer lost"  # buffers free, acknowledgements outstanding
    ANSWER_EXTRA = "answer extra"  # more acknowledgements than lines
    OFF_PATH = "off path"  # the axes are where no line of the program leads
    SILENT = "controller silent"
    PORT_LOST = "port lost"
    DOOR_OPENED = "door opened"
    HELD = "held"  # a feed hold nobody here asked for
    ABORTED = "aborted"  # asked for by the caller, a signal or a lost heartbeat
    INTERLOCK = "interlock opened"  # a contact of the chain, seen by software
    JOURNAL_REFUSED = "journal refused"  # a full disk takes no promise, so nothing more is sent
    STREAM_DIED = "stream process died"  # the journal's bounds are what is known
    WRONG_STATE = "wrong state"  # Sleep, Check, Home, or not Idle at the end


@dataclass(frozen=True, slots=True)
class MarkIntent:
    """A durable promise to mark, made before the laser is on."""

    mark_id: str
    order_id: str
    make: str
    model: str
    serial: str
    code: str
    code_index: int
    recipe: str
    program_sha256: str
    setup_sha256: str
    intended_at_us: int


@dataclass(frozen=True, slots=True)
class RunReceipt:
    """What the streamer knows about one run.

    Line numbers are 0-based lines of the program. ``last_surely_done_stroke`` and
    ``first_surely_not_begun_stroke`` bound what the laser has done (-1: none); for a
    complete run they are the last stroke and one past it. ``cause`` says why an incomplete
    run ended; ``resumable`` that no stroke lies between the two bounds, so that the rest can be
    burned without burning any stroke twice, from line ``first_unfinished_line`` on.
    """

    outcome: Outcome
    program_sha256: str
    lines_sent: int
    lines_acknowledged: int
    last_surely_done_stroke: int
    first_surely_not_begun_stroke: int
    elapsed_us: int
    detail: str
    cause: StopCause = StopCause.NONE
    first_unfinished_line: int = -1
    resumable: bool = False
