"""A stream in a process of its own: the same promises, and what happens when either side dies."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from bench_setup import MACHINE, Tally, make_intent, make_program

from engraver.errors import PortError, ProgramError
from engraver.record import Outcome, StopCause
from firmware_bridge import child, messages
from firmware_bridge.apart import ApartStream
from firmware_bridge.control import FEED_OVERRIDES, Control, Wish
from firmware_bridge.journal import read_journal
from firmware_bridge.stream import LocalStream, OpenStream
from firmware_bridge.streamer import Progress
from firmware_bridge.virtual.firmware import Firmware
from firmware_bridge.virtual.terminal import Terminal
from tests.conftest import wait_until

STROKES = 120
PROGRAM = make_program(STROKES, 0.2)
INTENT = make_intent(PROGRAM)
LONG = make_program(1200, 0.2)
"""Outlasts what is asked of it on the busiest machine."""
PATIENCE_S = 30.0
SLOWER = FEED_OVERRIDES[-10]


@contextmanager
def controller(folder: Path, speed: float | None = 4.0) -> Iterator[tuple[str, Firmware, Tally]]:
    """A virtual controller on a terminal of its own, and what its laser did."""
    tally = Tally()
    firmware = Firmware(MACHINE, tally, eager=speed is None)
    with Terminal(firmware, folder / "port", speed) as server:
        yield str(folder / "port"), firmware, tally
    assert server.failure is None


@pytest.fixture(params=[LocalStream, ApartStream], ids=["here", "apart"])
def open_stream(request: pytest.FixtureRequest) -> OpenStream:
    """Each way to own a port."""
    return request.param


def nobody(*_: object) -> None:
    """Take no notice."""


def truly_bounded(tally: Tally, done: int, begun: int) -> bool:
    """Tell whether what burned lies between the bounds, and all surely done strokes burned."""
    burned = {n for n, length in tally.burned_mm.items() if length > 0}
    return set(range(done + 1)) <= burned and max(burned, default=-1) < begun


def test_both_ways_mark_the_same(open_stream: OpenStream, tmp_path: Path) -> None:
    """Every stroke once, progress on the way, a receipt of all lines."""
    told: list[Progress] = []
    counted: list[tuple[int, int]] = []
    with controller(tmp_path) as (url, _, tally), open_stream(url, MACHINE.baud) as stream:
        stream.check(PROGRAM, MACHINE, lambda *pair: counted.append(pair))
        assert (tally.total_mm, stream.glance().state) == (0.0, "Idle")
        receipt = stream.run(INTENT, on_progress=told.append, journal=tmp_path / "journal")
    assert receipt.outcome is Outcome.COMPLETE, receipt.detail
    assert receipt.lines_acknowledged == len(PROGRAM.lines) == counted[-1][0]
    assert receipt.first_surely_not_begun_stroke == STROKES
    assert all(tally.burned_mm[n] == pytest.approx(0.2, abs=1e-6) for n in range(STROKES))
    assert told[-1].last_surely_done_stroke == STROKES - 1
    assert told[-1].place_mm is not None and len(told[-1].place_mm) == 3
    assert read_journal(tmp_path / "journal").state == "complete"


def test_a_child_that_hangs_is_ended_and_the_laser_is_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGSTOP of the process that owns the port: it is killed, the controller stopped from here."""
    monkeypatch.setattr("firmware_bridge.apart.HEART_S", 2.0)
    burning = threading.Event()

    def told(now: Progress) -> None:
        if now.last_surely_done_stroke > 5:
            burning.set()

    with controller(tmp_path, 1.0) as (url, _, tally), ApartStream(url, MACHINE.baud) as one:
        one.check(LONG, MACHINE, nobody)
        stopper = threading.Thread(
            target=lambda: burning.wait(PATIENCE_S) and os.kill(one.pid, signal.SIGSTOP)
        )
        stopper.start()
        receipt = one.run(make_intent(LONG), on_progress=told, journal=tmp_path / "journal")
        stopper.join()
        assert (receipt.outcome, receipt.cause) == (Outcome.UNKNOWN, StopCause.STREAM_DIED)
        assert "said nothing for 2 s" in receipt.detail and "laser off" in receipt.detail
        assert truly_bounded(
            tally, receipt.last_surely_done_stroke, receipt.first_surely_not_begun_stroke
        )


def test_a_hold_an_override_and_an_abort_reach_the_controller(
    open_stream: OpenStream, tmp_path: Path
) -> None:
    """What is asked of a run is done within it; an abort knows the stroke and leaves it dark."""
    control, states = Control(), []
    todo = [("Run", Wish.HOLD), ("Hold", Wish.RESUME), ("Run", SLOWER), ("Run", Wish.ABORT)]

    def watch(now: Progress) -> None:
        states.append(now.state)
        if now.last_surely_done_stroke >= 10 and todo and now.state == todo[0][0]:
            control.ask(todo.pop(0)[1])

    with controller(tmp_path) as (url, firmware, tally), open_stream(url, MACHINE.baud) as stream:
        stream.check(LONG, MACHINE, nobody)
        receipt = stream.run(make_intent(LONG), on_progress=watch, control=control)
        assert firmware.modal.spindle == 5
        assert "Hold" in states
    assert (receipt.outcome, receipt.cause) == (Outcome.UNKNOWN, StopCause.ABORTED)
    assert truly_bounded(
        tally, receipt.last_surely_done_stroke, receipt.first_surely_not_begun_stroke
    )


def test_a_wish_made_before_the_run_is_heard(open_stream: OpenStream, tmp_path: Path) -> None:
    """An abort that came while the program was vetted keeps the laser off."""
    control = Control()
    control.abort()
    with controller(tmp_path) as (url, _, tally), open_stream(url, MACHINE.baud) as stream:
        stream.check(PROGRAM, MACHINE, nobody)
        receipt = stream.run(INTENT, on_progress=nobody, control=control)
    assert (receipt.outcome, tally.total_mm) == (Outcome.REFUSED, 0.0)


def test_a_door_can_be_made_the_end(open_stream: OpenStream, tmp_path: Path) -> None:
    """At a station with an interlock chain nobody resumes what a door has stopped."""
    control = Control()

    def watch(now: Progress) -> None:
        if now.last_surely_done_stroke >= 20:
            control.door()

    with controller(tmp_path) as (url, _, tally), open_stream(url, MACHINE.baud) as stream:
        stream.check(PROGRAM, MACHINE, nobody)
        receipt = stream.run(INTENT, on_progress=watch, control=control, door_ends=True)
    assert (receipt.outcome, receipt.cause) == (Outcome.UNKNOWN, StopCause.DOOR_OPENED)
    assert truly_bounded(
        tally, receipt.last_surely_done_stroke, receipt.first_surely_not_begun_stroke
    )


def test_complaints_are_the_same_on_both_sides(open_stream: OpenStream, tmp_path: Path) -> None:
    """A missing port, a busy one, a program of another plan, a run without a check."""
    with pytest.raises(PortError, match="does not exist; plug the controller in"):
        open_stream(str(tmp_path / "none"), MACHINE.baud).__enter__()
    with controller(tmp_path) as (url, _, tally), open_stream(url, MACHINE.baud) as stream:
        with pytest.raises(PortError, match="is busy: another program has it open"):
            open_stream(url, MACHINE.baud).__enter__()
        with pytest.raises(ProgramError, match="check first"):
            stream.run(INTENT, on_progress=nobody)
        stream.check(PROGRAM, MACHINE, nobody)
        with pytest.raises(ProgramError, match="make a new intent"):
            stream.run(make_intent(make_program(3)), on_progress=nobody)
    assert tally.total_mm == 0.0


def test_a_caller_that_falls_stops_the_laser(open_stream: OpenStream, tmp_path: Path) -> None:
    """An exception on this side aborts the run on the other before it goes on its way."""

    def fall(now: Progress) -> None:
        if now.last_surely_done_stroke > 10:
            raise ZeroDivisionError

    with controller(tmp_path) as (url, firmware, tally):
        with pytest.raises(ZeroDivisionError), open_stream(url, MACHINE.baud) as stream:
            stream.check(PROGRAM, MACHINE, nobody)
            stream.run(INTENT, on_progress=fall, journal=tmp_path / "journal")
        burned = tally.total_mm
        assert firmware.modal.spindle == 5
    assert tally.total_mm == burned < STROKES * 0.2


def test_a_killed_child_is_an_unknown_with_the_journals_bounds(tmp_path: Path) -> None:
    """SIGKILL of the port's owner: this side stops the laser and says what is known."""
    with controller(tmp_path, 1.0) as (url, firmware, tally):
        with ApartStream(url, MACHINE.baud) as stream:
            stream.check(PROGRAM, MACHINE, nobody)

            def watch(now: Progress) -> None:
                if now.last_surely_done_stroke > 10:
                    os.kill(stream.pid, signal.SIGKILL)

            receipt = stream.run(INTENT, on_progress=watch, journal=tmp_path / "journal")
        assert firmware.modal.spindle == 5
        burned = tally.total_mm
    assert (receipt.outcome, receipt.cause) == (Outcome.UNKNOWN, StopCause.STREAM_DIED)
    assert "by signal 9" in receipt.detail and "laser off" in receipt.detail
    assert tally.total_mm == burned < STROKES * 0.2
    entry = read_journal(tmp_path / "journal")
    assert receipt.last_surely_done_stroke == entry.last_surely_done_stroke
    assert receipt.first_surely_not_begun_stroke == entry.first_surely_not_begun_stroke
    assert truly_bounded(tally, entry.last_surely_done_stroke, entry.first_surely_not_begun_stroke)


def test_without_a_journal_nothing_is_inferred(tmp_path: Path) -> None:
    """A child that died and left no bounds: any stroke may have been burned."""
    with controller(tmp_path) as (url, _, _tally), ApartStream(url, MACHINE.baud) as stream:
        stream.check(PROGRAM, MACHINE, nobody)
        receipt = stream.run(INTENT, on_progress=lambda now: os.kill(stream.pid, signal.SIGKILL))
    bounds = receipt.last_surely_done_stroke, receipt.first_surely_not_begun_stroke
    assert bounds == (-1, STROKES)


PARENT = """
import sys
from pathlib import Path
sys.path[:0] = [{here!r}]
from bench_setup import MACHINE, make_intent, make_program
from firmware_bridge.apart import ApartStream
program = make_program({strokes}, 0.2)
with ApartStream({url!r}, MACHINE.baud) as stream:
    stream.check(program, MACHINE, lambda *_: None)
    def watch(now):
        print(stream.pid, now.last_surely_done_stroke, flush=True)
    stream.run(make_intent(program), on_progress=watch, journal=Path({journal!r}))
"""


def test_a_killed_parent_leaves_the_laser_off(tmp_path: Path) -> None:
    """SIGKILL of the service: the child holds, reads the place, resets, and is gone."""
    journal = tmp_path / "journal"
    with controller(tmp_path, 1.0) as (url, firmware, tally):
        text = PARENT.format(
            here=str(Path(__file__).parent), strokes=STROKES, url=url, journal=str(journal)
        )
        parent = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
        assert parent.stdout is not None
        pid, done = 0, -1
        while done < 10:
            pid, done = map(int, parent.stdout.readline().split())
        parent.kill()
        parent.wait()
        parent.stdout.close()
        wait_until(lambda: not running(pid), PATIENCE_S)
        assert (firmware.state.value, firmware.modal.spindle) == ("Idle", 5)
        burned = tally.total_mm
    entry = read_journal(journal)
    assert entry.state == "unknown"
    assert tally.total_mm == burned < STROKES * 0.2
    assert truly_bounded(tally, entry.last_surely_done_stroke, entry.first_surely_not_begun_stroke)
    # it stopped at once, not at its end: the stroke under the beam is known
    assert entry.first_surely_not_begun_stroke - entry.last_surely_done_stroke <= 3


def running(pid: int) -> bool:
    """Tell whether a process is there and no zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_terminated_child_stops_in_order_and_an_interrupt_is_not_its_to_take(
    tmp_path: Path,
) -> None:
    """Ctrl-C reaches the whole terminal and is the parent's to weigh; SIGTERM means now."""
    sent: list[int] = []
    with controller(tmp_path) as (url, firmware, _), ApartStream(url, MACHINE.baud) as stream:
        stream.check(LONG, MACHINE, nobody)

        def watch(now: Progress) -> None:
            due = signal.SIGINT if now.last_surely_done_stroke < 40 else signal.SIGTERM
            if now.last_surely_done_stroke > 10 and due not in sent:
                sent.append(due)
                os.kill(stream.pid, due)

        receipt = stream.run(make_intent(LONG), on_progress=watch, journal=tmp_path / "journal")
        assert firmware.modal.spindle == 5
    assert sent == [signal.SIGINT, signal.SIGTERM]
    assert receipt.cause is StopCause.ABORTED
    assert receipt.last_surely_done_stroke >= 40


def test_a_message_that_cannot_be_read_ends_the_child(tmp_path: Path) -> None:
    """It hears nothing more, so it lets the port go; the parent is told and waits for nothing."""
    with controller(tmp_path) as (url, _, tally), ApartStream(url, MACHINE.baud) as stream:
        stream._child.send_bytes(b'{"is": "run"}')
        with pytest.raises(PortError, match="ended"):
            stream.check(PROGRAM, MACHINE, nobody)
        assert tally.total_mm == 0.0


def test_a_parent_that_hangs_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No sign of life for `HEART_S` (shortened here): the run is aborted, socket or not."""
    monkeypatch.setattr(child, "HEART_S", 0.5)
    with controller(tmp_path, 1.0) as (url, firmware, tally), talk_to_a_child(url) as parent:
        head = messages.program_head(PROGRAM)
        say(parent, {"is": "check", "program": head, "machine": asdict(MACHINE)})
        parent.send_bytes(PROGRAM.data)
        parent.send_bytes(PROGRAM.line_stroke.astype("<i4").tobytes())
        hear(parent, "checked")
        run = {"is": "run", "intent": asdict(INTENT), "journal": None, "door_ends": False}
        run |= {"pauses": True, "wishes": []}
        say(parent, run)
        receipt = messages.read_receipt(hear(parent, "receipt"))
        assert firmware.modal.spindle == 5
    assert receipt.cause is StopCause.ABORTED
    assert "no sign of life" in receipt.detail
    assert 0 < tally.total_mm < STROKES * 0.2


def say(parent: Connection, message: messages.Message) -> None:
    """Send one message."""
    parent.send_bytes(messages.encode(message))


def hear(parent: Connection, what: str) -> messages.Message:
    """Read on until the message ``what``."""
    while (said := messages.decode(parent.recv_bytes()))["is"] != what:
        assert said["is"] != "error", said
    return said


@contextmanager
def talk_to_a_child(url: str) -> Iterator[Connection]:
    """A child in threads of this process, and the parent's end of its socket."""
    mine, its = socket.socketpair()
    made = child.Child(Connection(its.detach()), url, MACHINE.baud)
    work: list[Callable[[], None]] = [made.listen, made.work]
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    parent = Connection(mine.detach())
    try:
        yield parent
    finally:
        parent.close()
        for thread in threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


def test_the_child_loads_no_geometry_and_no_web() -> None:
    """It stands beside every mark on a small board: 34 MB, where the service's imports take 185."""
    said = subprocess.run(
        [sys.executable, "-c", "import sys, firmware_bridge.child; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    heavy = {"scipy", "shapely", "fastapi", "pydantic", "sqlalchemy", "skimage", "matplotlib"}
    assert heavy.isdisjoint(said)
