"""Runs a program: `CheckedProgram` + `MarkIntent` -> `RunReceipt`.

In: what preflight vetted, an open port, a durable intent. Out: what the laser has done, or
between which two strokes that is unknown. The caller makes the state ``marking`` durable
before it calls `run`; the calling thread owns the port until `run` returns, others talk to it
through a `Control`. Every way out ends with the laser off: hold, standstill, reset.

Theory of operation
-------------------
Lines flow by character counting. At checkpoints the books are balanced: everything sent is
answered, then one status report must show an empty receiver and room in the queue; only then
are the lines so far taken for received as sent (`Ledger.verify`). While motion is the limit a
checkpoint costs nothing, for the queue holds the next moves. Status reports locate the axes
on the path. What contradicts the books or the path stops the run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engraver.errors import PinmarkError, PortError, PortLostError, ProgramError, StorageError
from engraver.record import MarkIntent, Outcome, RunReceipt, StopCause
from firmware_bridge.books import Books, Stopped
from firmware_bridge.control import Control, Wish
from firmware_bridge.journal import Ahead, Entry, Journal
from firmware_bridge.ledger import Ledger
from firmware_bridge.link import Link
from firmware_bridge.port import Port
from firmware_bridge.preflight import CheckedProgram
from firmware_bridge.protocol import Alarm, Banner, Error, Event, Ok, Status
from firmware_bridge.sender import Sender
from firmware_bridge.signals import signals_abort
from firmware_bridge.states import UNWANTED_PAUSE, Phase, after
from firmware_bridge.stopping import Standstill, make_safe

__all__ = ["Control", "Port", "Progress", "run"]

POLL_S = 0.2
"""5 Hz: polling in motion costs 0.6 % of throughput (measured on grbl 1.1h)."""
TELL_S = 0.05
"""How often news is told: a stroke that was acknowledged is to be on a screen within 250 ms."""
LOOK_AGAIN_S = 0.02
SILENCE_S = 3.0
RESERVE_LINES = 2000
JOURNAL_S = 2.0
END_TOLERANCE_MM = 0.0015
EXTRA = "more acknowledgements than lines sent"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands; executed is what is surely done, not what was acknowledged."""

    lines_sent: int
    lines_acknowledged: int
    lines_total: int
    lines_executed: int
    last_surely_done_stroke: int
    first_surely_not_begun_stroke: int
    state: str
    elapsed_s: float
    place_mm: tuple[float, ...] | None = None
    pins: str = ""


def run(
    checked: CheckedProgram,
    port: Port,
    intent: MarkIntent,
    *,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    control: Control | None = None,
    journal: Path | None = None,
    door_ends: bool = False,
) -> RunReceipt:
    """Stream ``checked`` and return what became of it.

    With a ``control`` a hold or an opened door waits for `Control.resume` or `Control.abort`;
    without one it ends the run, as with ``door_ends`` an opened door does in any case.
    ``journal`` names a file that holds true bounds at any time.

    Raises
    ------
    ProgramError
        If the intent belongs to another program (nothing was sent).
    """
    if intent.program_sha256 != checked.program.sha256:
        raise ProgramError(
            f"intent {intent.mark_id} is for program {intent.program_sha256[:12]}, not for "
            f"{checked.program.sha256[:12]}; make a new intent"
        )
    wishes = Control() if control is None else control
    wishes.attach(port.wake)
    pauses = {Phase.HELD, Phase.DOOR} if control is not None and control.pauses else set()
    if door_ends:
        pauses.discard(Phase.DOOR)
    with signals_abort(wishes):
        return _Run(checked, port, intent, on_progress, wishes, pauses, journal).go()


class _Run:
    """One run; owned by one thread."""

    def __init__(
        self,
        checked: CheckedProgram,
        port: Port,
        intent: MarkIntent,
        on_progress: Callable[[Progress], None],
        control: Control,
        pauses: set[Phase],
        journal: Path | None,
    ) -> None:
        self._checked, self._intent, self._on_progress = checked, intent, on_progress
        self._control, self._pauses = control, pauses
        self._journal, self._journal_s = Journal(journal), 0.0
        self._ahead = Ahead(self._journal)
        self._port, self._link = port, Link(port)
        self._sender = Sender(checked.program.lines, checked.controller.rx_bytes)
        self._sender.limit = 0
        self._begun_s = self._heard_s = port.now_s()
        self._poll_s = self._told_s = -1.0
        self._status: Status | None = None
        self._phase = Phase.FLOWING

    def go(self) -> RunReceipt:
        """Stream to the end or to the first reason to stop."""
        try:
            self._begin()
        except PinmarkError as error:
            return self._refused(error)
        try:
            self._send_all()
            self._verify_end()
        except PortLostError as error:
            return self._receipt(StopCause.PORT_LOST, f"{error}; the controller may run on")
        except Stopped as stopped:
            return self._stop(stopped.cause, str(stopped))
        except StorageError as error:
            return self._stop(StopCause.JOURNAL_REFUSED, str(error))
        except PortError as error:
            return self._stop(StopCause.SILENT, str(error))
        except BaseException:
            make_safe(self._link)
            with suppress(StorageError):  # what the file says already holds
                self._write_journal(self._sender.sent, "exception")
            raise
        self._ledger.complete()
        return self._receipt(StopCause.NONE, "all lines executed, the axes stand where they must")

    # -- beginning and end --------------------------------------------------------------------

    def _begin(self) -> None:
        """Learn where the axes stand and what idle buffers look like."""
        status = self._link.full_status()
        if status.state != "Idle":
            raise PortError(f"{self._port.name}: the controller is in {status.state}, not Idle")
        place = self._link.work_place(status)
        if place is None or status.free_blocks is None or status.free_bytes is None:
            raise PortError(f"{self._port.name}: status reports lack MPos or Bf; set $10=3")
        program = self._checked.program
        self._ledger = Ledger(self._checked.map, program.line_stroke, place)
        self._books = Books(self._sender, self._checked.map, status.free_blocks, status.free_bytes)
        self._reserve()

    def _refused(self, error: PinmarkError) -> RunReceipt:
        cause = StopCause.PORT_LOST if isinstance(error, PortLostError) else StopCause.SILENT
        if isinstance(error, StorageError):
            cause = StopCause.JOURNAL_REFUSED
        sha256 = self._checked.program.sha256
        return RunReceipt(Outcome.REFUSED, sha256, 0, 0, -1, 0, 0, str(error), cause, 0, True)

    def _verify_end(self) -> None:
        self._link.command("G4P0.01", patience_s=SILENCE_S)
        status = self._link.full_status()
        place, wanted = self._link.work_place(status), self._ledger.end_mm
        if status.state != "Idle" or place is None:
            raise Stopped(StopCause.WRONG_STATE, f"the controller ended in {status.state}")
        if any(abs(p - w) > END_TOLERANCE_MM for p, w in zip(place, wanted, strict=True)):
            raise Stopped(StopCause.OFF_PATH, f"the axes ended at {place} mm, not at {wanted} mm")

    # -- the loop -----------------------------------------------------------------------------

    def _send_all(self) -> None:
        while not self._books.closed:
            self._turn()

    def _turn(self) -> None:
        """Do what is due: wishes, lines, polls; take what has arrived."""
        self._obey()
        self._reserve()
        data = self._sender.next_bytes()
        if data:
            self._ledger.sent(self._sender.sent)
            self._port.write(data)
        self._poll()
        events = deque(self._link.events(self._patience_s()))
        self._link.heard_while_stopping = events  # what a stop leaves of them is not lost
        while events:
            self._heard_s = self._port.now_s()
            self._take(events.popleft())
        if self._port.now_s() - self._heard_s > SILENCE_S:
            raise Stopped(StopCause.SILENT, f"the controller was silent for {SILENCE_S:g} s")

    def _poll_period_s(self) -> float:
        return LOOK_AGAIN_S if self._books.curious else POLL_S

    def _patience_s(self) -> float:
        return self._poll_period_s() / 4

    def _poll(self) -> None:
        now_s = self._port.now_s()
        if self._books.wants_report or now_s - self._poll_s >= self._poll_period_s():
            self._poll_s = now_s
            self._books.asked()
            self._port.write(b"?")
        if now_s - self._told_s >= TELL_S:
            self._told_s = now_s
            self._tell()

    def _reserve(self) -> None:
        """Keep the durable promise ahead of what is sent; lines beyond it wait."""
        now_s = self._port.now_s()
        sent, total = self._sender.sent, self._ledger.lines
        near = sent + RESERVE_LINES // 4 >= self._ahead.promised < total
        if not self._ahead.at_work and (near or now_s - self._journal_s > JOURNAL_S):
            self._ahead.begin(self._entry(min(sent + RESERVE_LINES, total), "marking"))
            self._journal_s = now_s
        if self._ahead.at_work and (self._ahead.done or sent >= self._ahead.promised):
            self._ahead.finish()
        self._sender.limit = min(self._books.checkpoint, self._ahead.promised)

    def _obey(self) -> None:
        while (wish := self._control.next_wish()) is not None:
            if wish is Wish.ABORT:
                raise Stopped(StopCause.ABORTED, "aborted on request")
            self._port.write(wish.value if isinstance(wish, Wish) else wish)
        if self._control.heart_stopped(self._port.now_s()):
            raise Stopped(StopCause.ABORTED, "whoever watched over the run gave no sign of life")

    def _take(self, event: Event) -> None:
        dialect = self._checked.controller.dialect
        if isinstance(event, Ok):
            self._step("ok" if self._sender.acknowledge() else "extra ok", EXTRA)
        elif isinstance(event, Error):
            line = self._sender.acknowledged + 1
            self._sender.refuse(event)
            why = dialect.explain_error(event.code, event.text)
            self._step("error", f"about line {line}: {why}")
        elif isinstance(event, Alarm):
            why = dialect.explain_alarm(event.code, event.text)
            self._step("alarm", f"the controller locked itself: {why}")
        elif isinstance(event, Banner):
            self._step("banner", f"{event.text!r} in the middle of the job")
        elif isinstance(event, Status):
            self._take_status(event)

    def _step(self, signal: str, why: str) -> None:
        """Follow the state table; Stopped where it leads out of the job."""
        following = after(self._phase, signal)
        if isinstance(following, StopCause):
            raise Stopped(following, why)
        self._phase = following

    def _take_status(self, status: Status) -> None:
        self._status = status
        self._step(status.state, f"the controller reported {status.state}")
        place = self._link.work_place(status)
        if place is not None and not self._ledger.reached(place):
            raise Stopped(StopCause.OFF_PATH, f"the axes are at {place} mm, on no line sent")
        if self._phase is not Phase.FLOWING:
            if self._phase not in self._pauses:
                cause = UNWANTED_PAUSE[self._phase]
                raise Stopped(cause, f"the controller reported {status.state}")
            return
        self._books.balance(status)
        self._ledger.verify(self._books.verified)

    # -- every way out ------------------------------------------------------------------------

    def _stop(self, cause: StopCause, why: str) -> RunReceipt:
        still = make_safe(self._link)
        if still.status is not None and cause not in (StopCause.ALARM, StopCause.CONTROLLER_RESET):
            self._settle(still)
        return self._receipt(cause, f"{why}; {still.detail}")

    def _settle(self, still: Standstill) -> None:
        """Narrow the bounds by a standstill whose place can be trusted."""
        if any(isinstance(e, Alarm | Banner) for e in self._link.heard_while_stopping):
            return
        status = still.status
        place = None if status is None else self._link.work_place(status)
        if status is None or place is None or not still.safe or not self._ledger.stopped(place):
            return
        for event in self._link.heard_while_stopping:
            if isinstance(event, Ok):
                self._sender.acknowledge()
        if self._books.balanced_at(status):
            self._ledger.verify(self._sender.sent)
            if status.state == "Idle":
                self._ledger.ran_dry()

    def _receipt(self, cause: StopCause, detail: str) -> RunReceipt:
        ledger = self._ledger
        complete = cause is StopCause.NONE
        fired = ledger.begun_lines > self._checked.map.first_burning_line
        unknown = Outcome.UNKNOWN if fired else Outcome.REFUSED
        outcome = Outcome.COMPLETE if complete else unknown
        self._tell()
        with suppress(StorageError):  # the receipt goes into the records; the file's bounds hold
            self._write_journal(ledger.begun_lines, str(outcome))
        return RunReceipt(
            outcome=outcome,
            program_sha256=self._checked.program.sha256,
            lines_sent=self._sender.sent,
            lines_acknowledged=self._sender.acknowledged,
            last_surely_done_stroke=ledger.last_surely_done,
            first_surely_not_begun_stroke=ledger.first_surely_not_begun,
            elapsed_us=int((self._port.now_s() - self._begun_s) * 1e6),
            detail=detail,
            cause=cause,
            first_unfinished_line=ledger.executed_lines,
            resumable=not complete and ledger.last_surely_done + 1 == ledger.first_surely_not_begun,
        )

    def _write_journal(self, may_send: int, state: str) -> None:
        self._ahead.settle()
        self._journal.write(self._entry(may_send, state))

    def _entry(self, may_send: int, state: str) -> Entry:
        ledger = self._ledger
        return Entry(
            self._intent.mark_id,
            self._checked.program.sha256,
            ledger.executed_lines,
            may_send,
            ledger.last_surely_done,
            ledger.not_begun_after(may_send),
            state,
        )

    def _tell(self) -> None:
        ledger, status = self._ledger, self._status
        self._on_progress(
            Progress(
                self._sender.sent,
                self._sender.acknowledged,
                ledger.lines,
                ledger.executed_lines,
                ledger.last_surely_done,
                ledger.first_surely_not_begun,
                "" if status is None else status.state,
                self._port.now_s() - self._begun_s,
                None if status is None else self._link.work_place(status),
                (status.pins or "") if status is not None else "",
            )
        )
