"""After a lost port has come back: what can still be learned, before anything is switched off.

In: the receipt of a run whose port was lost, and the port again, under whatever name. Out: the
receipt with a narrower interval. The controller has burned what it had buffered and stands;
if it was not reset meanwhile its place is true and bounds what was begun. A reset shows in the
accessories that reports name: a job leaves M4 on (``A:C``), a reset does not. Only real-time bytes
are sent, for a half line may wait in the controller. The survey ends with a reset, laser off.
"""

from __future__ import annotations

from dataclasses import replace

from engraver.errors import PortError, UnknownStateError
from engraver.record import Outcome, RunReceipt
from firmware_bridge.commanding import rest
from firmware_bridge.ledger import Ledger
from firmware_bridge.link import MOST_REPORTS_WITHOUT_WCO, Link
from firmware_bridge.port import Port
from firmware_bridge.preflight import CheckedProgram
from firmware_bridge.stopping import make_safe


def survey(checked: CheckedProgram, port: Port, receipt: RunReceipt) -> RunReceipt:
    """Return ``receipt`` with what the controller's place still tells.

    Raises
    ------
    UnknownStateError
        If the controller was reset meanwhile, stands off the path, or does not stand still.
    """
    if receipt.outcome is not Outcome.UNKNOWN:
        return receipt
    link = Link(port)
    status = rest(link)
    kept = _laser_mode_kept(link)
    place = link.work_place(status)
    still = make_safe(link)
    if not still.safe:
        raise PortError(f"{port.name}: {still.detail}; switch the laser off by hand")
    if place is None or not kept:
        raise UnknownStateError(
            f"{port.name}: the controller was reset meanwhile, its place tells nothing; the bounds "
            "stay as they are: look at the pin"
        )
    ledger = Ledger(checked.map, checked.program.line_stroke, place)
    ledger.sent(receipt.lines_sent)
    ledger.verify(receipt.first_unfinished_line)
    ledger.done_lines = receipt.first_unfinished_line
    if not ledger.stopped(place):
        raise UnknownStateError(f"{port.name}: the axes are at {place} mm, on no line sent")
    untouched = min(receipt.first_surely_not_begun_stroke, ledger.first_surely_not_begun)
    return replace(
        receipt,
        first_surely_not_begun_stroke=untouched,
        resumable=receipt.last_surely_done_stroke + 1 == untouched,
        detail=f"{receipt.detail}; surveyed afterwards, {still.detail}",
    )


def _laser_mode_kept(link: Link) -> bool:
    """Whether a report that names overrides names M4 too; every 20th report does."""
    for _ in range(MOST_REPORTS_WITHOUT_WCO):
        status = link.status()
        if status.overrides is not None:
            return "C" in (status.accessories or "")
    return False
