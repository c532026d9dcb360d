"""The end of a jog: reached, or cancelled so that the axes stop short.

In: a `Link` on which a jog was asked for. Out: the state at rest. Every way out that is not the
end of the jog (Ctrl-C, SIGTERM, another thread's abort, silence, a jog that takes too long)
sends the jog cancel 0x85: the controller slows down on the path, forgets what is left and is
Idle again, with its place kept and without an alarm. Times in s. Authority: grbl 1.1 jogging
document.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from engraver.errors import PinmarkError, PortError
from firmware_bridge.control import JOG_CANCEL, Control
from firmware_bridge.link import Link
from firmware_bridge.protocol import Status
from firmware_bridge.signals import signals_abort

LOOK_S = 0.1
CANCEL_PATIENCE_S = 3.0
MOVING = ("Jog", "Run")


@contextmanager
def cancelled_on_failure(link: Link, control: Control) -> Iterator[None]:
    """Let the stopping signals abort ``control``, and cancel the jog whatever goes wrong."""
    control.attach(link.port.wake)
    with signals_abort(control):
        try:
            yield
        except BaseException:
            _cancel_blindly(link)
            raise


def rest_of_jog(link: Link, control: Control, patience_s: float) -> Status:
    """Wait for the end of a jog.

    Raises
    ------
    PortError
        If ``control`` asks for anything meanwhile or ``patience_s`` are not enough: the jog is
        cancelled and the error says where the axes stand.
    """
    until_s = link.port.now_s() + patience_s
    while True:
        if control.next_wish() is not None:
            raise _cancelled(link, "on request")
        status = link.full_status()
        if status.state not in MOVING:
            return status
        if link.port.now_s() >= until_s:
            raise _cancelled(link, f"after {patience_s:.1f} s without an end")
        link.pause(LOOK_S)


def cancel(link: Link) -> Status:
    """Cancel the jog and wait until the axes stand; PortError if they do not."""
    until_s = link.port.now_s() + CANCEL_PATIENCE_S
    while link.port.now_s() < until_s:
        link.port.write(JOG_CANCEL)
        status = link.full_status()
        if status.state not in MOVING:
            return status
        link.pause(LOOK_S)
    raise PortError(
        f"{link.port.name}: the axes still move {CANCEL_PATIENCE_S:g} s after the jog cancel; "
        "press the emergency stop"
    )


def _cancelled(link: Link, why: str) -> PortError:
    status = cancel(link)
    place = link.work_place(status) or ()
    at = " ".join(f"{axis}{value:.3f}" for axis, value in zip("XYZ", place, strict=False))
    return PortError(
        f"{link.port.name}: the jog was cancelled {why}; the axes stand at {at} mm "
        f"({status.state}); jog again from there"
    )


def _cancel_blindly(link: Link) -> None:
    """Send the jog cancel where nobody may be listening; outside a jog it does nothing."""
    try:
        link.port.write(JOG_CANCEL)
    except PinmarkError as error:
        raise PortError(
            f"{error}; the jog cancel could not be sent: the axes go on to the jog's end"
        ) from error
