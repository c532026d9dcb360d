"""The one way to stop: hold, wait for the standstill, read the place, reset.

In: a link whose controller may be moving. Out: `Standstill`. A reset in motion loses position
(ALARM:3) and the moves queued; after a hold it does not, and it turns the laser off. Places
are mm of the machine frame, times s. Authority: measured on grbl 1.1h, hold 0.08-0.12 s.
"""

from __future__ import annotations

from dataclasses import dataclass

from engraver.errors import PinmarkError
from firmware_bridge.link import Link
from firmware_bridge.protocol import Status

HOLD_PATIENCE_S = 3.0
LOOK_S = 0.03
RESTING = ("Idle", "Check", "Sleep")


@dataclass(frozen=True, slots=True)
class Standstill:
    """How a stop ended: ``status`` is the report of the standstill, None if none came.

    ``safe`` says that the controller confirmed a reset, which turns the laser off.
    """

    status: Status | None
    safe: bool
    detail: str


def make_safe(link: Link) -> Standstill:
    """Stop the machine and turn the laser off, whatever state it is in."""
    try:
        status = _hold(link)
    except PinmarkError as error:
        return _reset(link, None, f"no standstill was seen ({error})")
    if status is None or status.state == "Alarm":
        return _reset(link, None, "stopped by reset, its place is not to be trusted")
    return _reset(link, status, "stopped by hold and reset")


def _hold(link: Link) -> Status | None:
    """Hold until a report shows a standstill; None if it never does."""
    until_s = link.port.now_s() + HOLD_PATIENCE_S
    quiet = 0
    link.port.write(b"!")
    while link.port.now_s() < until_s:
        status = link.status(HOLD_PATIENCE_S / 3)
        if status.state == "Alarm" or (status.state in ("Hold", "Door") and not status.substate):
            return status
        quiet = quiet + 1 if status.state in RESTING else 0
        if quiet == 2:
            return status
        if status.state in ("Run", "Jog"):
            link.port.write(b"!")
        link.pause(LOOK_S)
    return None


def _reset(link: Link, status: Status | None, detail: str) -> Standstill:
    try:
        link.reset()
    except PinmarkError as error:
        return Standstill(status, False, f"{detail}; the reset was not confirmed ({error})")
    return Standstill(status, True, f"{detail}, laser off")
