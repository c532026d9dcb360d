"""A jog that is not wanted any more stops short, keeps its place and raises no alarm.

Authority: grbl 1.1 jogging document, played by the virtual engraver.
"""

from __future__ import annotations

import os
import signal

import pytest
from bench_setup import MACHINE, make_wire

from engraver.errors import PortError
from firmware_bridge import commanding, jogging
from firmware_bridge.control import Control
from firmware_bridge.link import Link
from firmware_bridge.virtual.state import State
from firmware_bridge.virtual.wire import VirtualWire

WAY_MM, FEED_MM_MIN = 20.0, 300.0
AFTER_S = 1.0


class Interrupted(VirtualWire):
    """A wire on which something happens once the axes have moved for `AFTER_S`."""

    happens = staticmethod(lambda: None)
    happened = False

    def read(self, timeout_s: float) -> bytes:
        """Let time pass as ever."""
        if not self.happened and self.now_s() > AFTER_S:
            self.happened = True
            self.happens()
        return super().read(timeout_s)


def interrupted_link() -> tuple[Link, Interrupted]:
    """Return a conversation with an idle controller."""
    port = Interrupted(make_wire()[0].firmware)
    link = Link(port)
    link.greet()
    return link, port


def check_stopped_short(link: Link, port: VirtualWire) -> None:
    """The axes stand between start and target; a further jog is obeyed from there."""
    port.firmware.settle()
    x_mm = port.firmware.motion.place_mm[0]
    assert 1.0 < x_mm < WAY_MM / 2
    assert port.firmware.state is State.IDLE
    assert not port.firmware.motion.busy
    status = commanding.jog(link, MACHINE, {"X": 1.0}, FEED_MM_MIN)
    assert (status.state, port.firmware.counters.resets) == ("Idle", 1)
    assert status.mpos_mm is not None
    assert status.mpos_mm[0] == pytest.approx(x_mm + 1.0, abs=0.004)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_cancels_the_jog(number: signal.Signals) -> None:
    """The error says where the axes stand, and the handlers come back."""
    before = signal.getsignal(number)
    link, port = interrupted_link()
    port.happens = lambda: os.kill(os.getpid(), number)
    with pytest.raises(PortError, match=r"cancelled on request; the axes stand at X\d"):
        commanding.jog(link, MACHINE, {"X": WAY_MM}, FEED_MM_MIN)
    assert signal.getsignal(number) is before
    check_stopped_short(link, port)


def test_another_thread_s_abort_cancels_the_jog() -> None:
    """`Control.abort` does what a signal does."""
    control = Control()
    link, port = interrupted_link()
    port.happens = control.abort
    with pytest.raises(PortError, match="cancelled on request"):
        commanding.jog(link, MACHINE, {"X": WAY_MM}, FEED_MM_MIN, control=control)
    check_stopped_short(link, port)


def test_a_jog_without_an_end_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience over: the jog is cancelled."""
    monkeypatch.setattr(commanding, "_longest_jog_s", lambda *_: AFTER_S)
    link, port = interrupted_link()
    with pytest.raises(PortError, match=r"cancelled after 1\.0 s without an end"):
        commanding.jog(link, MACHINE, {"X": WAY_MM}, FEED_MM_MIN)
    check_stopped_short(link, port)


def test_a_silent_controller_is_told_to_stop() -> None:
    """No answer any more: the cancel is sent all the same, and the axes stop short."""
    link, port = interrupted_link()
    port.happens = lambda: setattr(port.firmware.faults, "silent", True)
    with pytest.raises(PortError, match="silent"):
        commanding.jog(link, MACHINE, {"X": WAY_MM}, FEED_MM_MIN)
    port.firmware.faults.silent = False
    port.read(0.1)  # the cancel is on its way
    port.firmware.settle()
    assert port.firmware.motion.place_mm[0] < WAY_MM
    assert port.firmware.state is State.IDLE


def test_a_cancel_outside_a_jog_does_nothing() -> None:
    """0x85 is heard in the state Jog alone."""
    link, port = interrupted_link()
    assert jogging.cancel(link).state == "Idle"
    assert port.firmware.motion.place_mm == (0.0, 0.0, 0.0)
