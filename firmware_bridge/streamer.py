"""Runs a program: `CheckedProgram` + `MarkIntent` -> `RunReceipt`.

In: what preflight vetted, an open port, a durable intent. Out: what the laser has done, or
between which two strokes that is unknown. The caller makes the state ``marking`` durable
before it calls `run`; the calling thread owns the port until `run` returns. Every way out
ends with the laser off: hold, wait for ``Hold:0``, reset.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from engraver.errors import PortLostError, ProgramError
from engraver.record import MarkIntent, Outcome, RunReceipt
from firmware_bridge.ledger import Ledger
from firmware_bridge.link import Link
from firmware_bridge.port import Port
from firmware_bridge.preflight import CheckedProgram
from firmware_bridge.protocol import Alarm, Banner, Error, Event, Ok, Status
from firmware_bridge.sender import Sender

__all__ = ["Port", "Progress", "run"]

POLL_S = 0.2
"""5 Hz: polling in motion costs 0.6 % of throughput (measured on grbl 1.1h)."""
SILENCE_S = 3.0
HOLD_PATIENCE_S = 3.0
END_TOLERANCE_MM = 0.0015
"""MPos prints 1 um at best; half a step and one count of rounding."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands."""

    lines_sent: int
    lines_acknowledged: int
    lines_total: int
    last_surely_done_stroke: int
    first_surely_not_begun_stroke: int
    state: str
    elapsed_s: float


class _Stopped(Exception):
    """The run cannot go on; the text says why."""


def run(
    checked: CheckedProgram,
    port: Port,
    intent: MarkIntent,
    *,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> RunReceipt:
    """Stream ``checked`` and return what became of it.

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
    return _Run(checked, port, on_progress).stream()


class _Run:
    """One run; owned by one thread."""

    def __init__(
        self, checked: CheckedProgram, port: Port, on_progress: Callable[[Progress], None]
    ) -> None:
        self._checked, self._on_progress = checked, on_progress
        self._link = Link(port)
        self._sender = Sender(checked.program.lines, checked.machine.rx_bytes)
        self._ledger = Ledger(
            checked.map, checked.program.line_stroke, checked.machine.planner_blocks
        )
        self._begun_s = self._heard_s = time.monotonic()
        self._poll_s = 0.0
        self._state = ""
        self._deficit_since_s: float | None = None

    def stream(self) -> RunReceipt:
        try:
            self._send_all()
            self._verify_end()
        except PortLostError as error:
            return self._receipt(self._outcome(), str(error))
        except _Stopped as stopped:
            return self._receipt(self._outcome(), f"{stopped}; {self._make_safe()}")
        except BaseException:
            self._make_safe()
            raise
        return self._receipt(Outcome.COMPLETE, "all lines acknowledged, all motion ended")

    def _send_all(self) -> None:
        while not self._sender.done:
            data = self._sender.next_bytes()
            if data:
                self._ledger.sent(self._sender.sent)
                self._link.port.write(data)
            self._poll()
            for event in self._link.events(0.05):
                self._heard_s = time.monotonic()
                self._take(event)
            if time.monotonic() - self._heard_s > SILENCE_S:
                raise _Stopped(f"the controller was silent for {SILENCE_S:g} s")

    def _poll(self) -> None:
        now_s = time.monotonic()
        if now_s - self._poll_s >= POLL_S:
            self._poll_s = now_s
            self._link.port.write(b"?")
            self._tell()

    def _take(self, event: Event) -> None:
        if isinstance(event, Ok):
            if not self._sender.acknowledge():
                raise _Stopped("the controller acknowledged a line that was not sent")
            self._ledger.acknowledged(self._sender.acknowledged)
        elif isinstance(event, Error):
            self._sender.refuse(event)
            raise _Stopped(f"line {self._sender.acknowledged} was answered {event.text}")
        elif isinstance(event, Alarm | Banner):
            raise _Stopped(f"the controller said {event.text!r} in the middle of the job")
        elif isinstance(event, Status):
            self._take_status(event)

    def _take_status(self, status: Status) -> None:
        self._state = status.state
        if status.state in ("Alarm", "Sleep", "Check"):
            raise _Stopped(f"the controller went to {status.state}")
        starving = status.state == "Idle" and self._sender.outstanding > 0
        if not starving:
            self._deficit_since_s = None
        elif self._deficit_since_s is None:
            self._deficit_since_s = time.monotonic()
        elif time.monotonic() - self._deficit_since_s > 5 * POLL_S:
            raise _Stopped("the controller is idle with lines unanswered: an answer was lost")

    def _verify_end(self) -> None:
        self._link.command("G4P0.01", patience_s=SILENCE_S)
        status = self._link.status()
        while status.wco_mm is None and status.mpos_mm is not None:
            status = self._link.status()
        place = status.wpos_mm
        if place is None and status.mpos_mm and status.wco_mm:
            place = tuple(m - o for m, o in zip(status.mpos_mm, status.wco_mm, strict=True))
        wanted = self._checked.map.end_mm[-1]
        if status.state != "Idle" or place is None:
            raise _Stopped(f"the controller ended in {status.state}, not Idle")
        if any(abs(p - w) > END_TOLERANCE_MM for p, w in zip(place, wanted, strict=True)):
            raise _Stopped(
                f"the axes ended at {place} mm, not at {tuple(map(float, wanted))} mm: a line "
                "was lost or garbled on the wire"
            )

    def _make_safe(self) -> str:
        """Hold, wait for the stop, reset; return what came of it."""
        try:
            self._link.port.write(b"!")
            until_s = time.monotonic() + HOLD_PATIENCE_S
            while time.monotonic() < until_s:
                status = self._link.status(0.25)
                if status.state in ("Idle", "Alarm", "Check") or status.substate == 0:
                    break
            self._link.reset()
        except Exception as error:  # the port may be gone: that, too, is told
            return f"the laser could not be switched off over the wire ({error})"
        return "stopped by hold and reset, laser off"

    def _outcome(self) -> Outcome:
        fired = self._ledger.sent_lines > self._checked.map.first_burning_line
        return Outcome.UNKNOWN if fired else Outcome.REFUSED

    def _tell(self) -> None:
        self._on_progress(
            Progress(
                self._sender.sent,
                self._sender.acknowledged,
                len(self._checked.program.lines),
                self._ledger.last_surely_done,
                self._ledger.first_surely_not_begun,
                self._state,
                time.monotonic() - self._begun_s,
            )
        )

    def _receipt(self, outcome: Outcome, detail: str) -> RunReceipt:
        complete = outcome is Outcome.COMPLETE
        self._tell()
        return RunReceipt(
            outcome,
            self._checked.program.sha256,
            self._sender.sent,
            self._sender.acknowledged,
            self._ledger.strokes - 1 if complete else self._ledger.last_surely_done,
            self._ledger.strokes if complete else self._ledger.first_surely_not_begun,
            int((time.monotonic() - self._begun_s) * 1e6),
            detail,
        )
