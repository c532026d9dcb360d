"""Random faults at random lines: what the receipt says is what the laser did.

Authority: the virtual controller's own laser, which counts what it burned where.
"""

from __future__ import annotations

import os

from bench_setup import MACHINE, Tally, check_clean, make_intent, make_program, make_wire
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from engraver.record import Outcome, RunReceipt, StopCause
from firmware_bridge import streamer
from firmware_bridge.virtual.wire import VirtualWire

STROKES, LENGTH_MM = 60, 0.1
SCHEDULES = int(os.environ.get("PINMARK_FAULT_SCHEDULES", "1000"))
CHECKED = {
    modal: check_clean(make_program(STROKES, LENGTH_MM, modal=modal)) for modal in (False, True)
}
LINES = len(CHECKED[False].program.lines)
STRIKING = (
    "error", "alarm", "reset", "power-cycle", "ack-lost", "ack-garbled", "ack-newline-lost",
    "newline-lost", "line-lost", "door", "hold", "unplug", "silent", "ack-doubled",
)  # fmt: skip
EPS_MM = 1e-6
SLANTED = 1.01  # a stroke whose gap before it was lost is burned aslant, and a little longer
faults = st.tuples(st.sampled_from(STRIKING), st.integers(1, LINES)).map(lambda f: f"{f[0]}@{f[1]}")
schedules = st.lists(faults, min_size=1, max_size=3, unique=True).filter(
    lambda chosen: not cancels(chosen)
)


def cancels(chosen: list[str]) -> bool:
    """Whether one fault forges an answer and another loses a whole line: without checksums the
    two cancel in any count of answers (docs/firmware-bridge.md names this limit).
    """
    return {"ack-doubled", "line-lost"} <= {text.partition("@")[0] for text in chosen}


def let_run_out(wire: VirtualWire) -> None:
    """Deliver what is still on the wire and let the controller execute all it has."""
    for _, part in list(wire._down):
        wire.firmware.receive(part)
    for _ in range(3):
        wire.firmware.settle()


def assert_true(receipt: RunReceipt, tally: Tally, length_mm: float, strokes: int) -> None:
    """Compare a receipt with the laser's own tally."""
    burned = [tally.burned_mm[n] for n in range(strokes)]
    for n in range(receipt.last_surely_done_stroke + 1):
        assert burned[n] >= length_mm - EPS_MM, f"stroke {n} is said to be done"
    for n in range(receipt.first_surely_not_begun_stroke, strokes):
        assert burned[n] <= EPS_MM, f"stroke {n} is said not to be begun"
    if receipt.outcome is Outcome.COMPLETE:
        assert min(burned) >= length_mm - EPS_MM, "called done and is not"
    if receipt.outcome is Outcome.REFUSED:
        assert max(burned) <= EPS_MM, "called refused and has burned"
    if receipt.resumable:
        assert receipt.last_surely_done_stroke + 1 == receipt.first_surely_not_begun_stroke


@seed(20261122)
@settings(
    max_examples=SCHEDULES, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
@given(schedule=schedules, modal=st.booleans())
def test_whatever_fails_the_receipt_is_true(schedule: list[str], modal: bool) -> None:
    """Never a stroke burned twice, never done when it is not, the laser inside the interval.

    Left out, because nothing a host can see tells them from a good run: a doubled answer
    together with a lost line, and a digit garbled into another digit.
    """
    checked = CHECKED[modal]
    wire, tally = make_wire(*schedule)
    receipt = streamer.run(checked, wire, make_intent(checked.program))
    at_return = tally.total_mm
    let_run_out(wire)
    assert_true(receipt, tally, LENGTH_MM, STROKES)
    if not (modal and any(text.startswith("line-lost") for text in schedule)):
        # a lost "Y..." line lays the next stroke over the last one, whoever sends it
        assert max(tally.burned_mm.values(), default=0.0) <= LENGTH_MM * SLANTED, "burned twice"
    if receipt.cause not in (StopCause.PORT_LOST, StopCause.SILENT):
        assert tally.total_mm == at_return, "the laser went on after the run had ended"
    assert wire.firmware.counters.overflow == 0 or receipt.cause is not StopCause.NONE


def test_without_faults_it_completes() -> None:
    """The harness itself reports a clean run as complete."""
    checked = CHECKED[True]
    wire, tally = make_wire()
    receipt = streamer.run(checked, wire, make_intent(checked.program))
    assert receipt.outcome is Outcome.COMPLETE
    assert_true(receipt, tally, LENGTH_MM, STROKES)
    assert MACHINE.rx_bytes == 128
