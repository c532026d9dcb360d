"""Hold, resume, abort, signals, journals, logs: a run as those around it meet it."""

from __future__ import annotations

import os
import runpy
import signal
import threading
from pathlib import Path

import pytest
from bench_setup import MACHINE, Tally, check_clean, make_intent, make_program, make_wire

from engraver.errors import (
    InputError,
    PortError,
    PortLostError,
    ProgramError,
    StorageError,
    UnknownStateError,
)
from engraver.record import Outcome, StopCause
from firmware_bridge import preflight, streamer
from firmware_bridge.control import Control
from firmware_bridge.journal import Ahead, Entry, Journal, read_journal
from firmware_bridge.port import open_port
from firmware_bridge.resuming import remainder
from firmware_bridge.sender import ALONE, Sender
from firmware_bridge.states import TABLE, diagram
from firmware_bridge.surveying import survey
from firmware_bridge.virtual.faults import KINDS, Faults, parse_fault
from firmware_bridge.virtual.firmware import Firmware
from firmware_bridge.virtual.terminal import Terminal
from firmware_bridge.virtual.wire import VirtualWire
from firmware_bridge.wirelog import LoggedPort, ReplayPort, read_log

CHECKED = check_clean(make_program(60, 0.2))
PROGRAM = CHECKED.program


def act_when(control: Control, at: int, *acts: str) -> streamer.Progress:
    """Return a progress callback that acts once ``at`` lines were acknowledged."""
    todo = list(acts)

    def watch(now: streamer.Progress) -> None:
        if todo and now.lines_acknowledged >= at:
            getattr(control, todo.pop(0))()

    return watch  # type: ignore[return-value]


def test_hold_and_resume_burn_every_stroke_once() -> None:
    """A pause on the path changes nothing of the mark."""
    wire, tally = make_wire()
    control = Control()
    watch = act_when(control, 40, "hold", "resume", "hold", "resume")
    receipt = streamer.run(
        CHECKED,
        wire,
        make_intent(PROGRAM),
        control=control,
        on_progress=watch,  # type: ignore[arg-type]
    )
    assert receipt.outcome is Outcome.COMPLETE, receipt.detail
    assert all(tally.burned_mm[n] == pytest.approx(0.2, abs=1e-6) for n in range(60))


def test_abort_knows_the_stroke_and_loses_no_position() -> None:
    """Held, read, reset: at most the stroke under the beam is in doubt, no alarm, laser off."""
    wire, tally = make_wire()
    control = Control()
    watch = act_when(control, 60, "abort")
    receipt = streamer.run(
        CHECKED,
        wire,
        make_intent(PROGRAM),
        control=control,
        on_progress=watch,  # type: ignore[arg-type]
    )
    assert receipt.cause is StopCause.ABORTED
    assert receipt.first_surely_not_begun_stroke - receipt.last_surely_done_stroke <= 3
    assert wire.firmware.state.value == "Idle"
    assert wire.firmware.modal.spindle == 5
    last = max(n for n, burned in tally.burned_mm.items() if burned > 0)
    assert receipt.last_surely_done_stroke <= last < receipt.first_surely_not_begun_stroke


def test_a_door_waits_for_a_person_and_then_goes_on() -> None:
    """With somebody to resume, an opened door is a pause."""
    wire, tally = make_wire("door@60")
    control = Control()

    def watch(now: streamer.Progress) -> None:
        if now.state == "Door":
            control.resume()

    receipt = streamer.run(CHECKED, wire, make_intent(PROGRAM), control=control, on_progress=watch)
    assert receipt.outcome is Outcome.COMPLETE, receipt.detail
    assert tally.total_mm == pytest.approx(60 * 0.2, abs=1e-5)


def test_sigterm_stops_with_the_laser_off() -> None:
    """A service manager's stop is an abort, and the handlers come back."""
    before = signal.getsignal(signal.SIGTERM)
    wire, tally = make_wire()

    def watch(now: streamer.Progress) -> None:
        if now.lines_acknowledged > 40:
            os.kill(os.getpid(), signal.SIGTERM)

    receipt = streamer.run(CHECKED, wire, make_intent(PROGRAM), on_progress=watch)
    assert receipt.cause is StopCause.ABORTED
    at_return = tally.total_mm
    wire.firmware.settle()
    assert tally.total_mm == at_return
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_exception_of_the_caller_stops_the_laser_and_goes_on_its_way() -> None:
    """No exception leaves the machine running."""
    wire, tally = make_wire()

    def fall(now: streamer.Progress) -> None:
        if now.lines_acknowledged > 40:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        streamer.run(CHECKED, wire, make_intent(PROGRAM), on_progress=fall)
    at_return = tally.total_mm
    wire.firmware.settle()
    assert tally.total_mm == at_return < 60 * 0.2


@pytest.mark.parametrize("modal", [False, True])
def test_what_is_left_is_burned_once_after_a_stop_between_strokes(modal: bool) -> None:
    """Resume after loss: only between strokes, and then every stroke ends up burned once.

    A stop falls between strokes about once in fifty: four lengths, so that some do.
    """
    resumed = [
        resume_if_offered(length_mm, modal, line)
        for length_mm in (0.04, 0.05, 0.06, 0.08)
        for line in range(8, 44)
    ]
    assert any(resumed)
    assert not all(resumed)


def resume_if_offered(length_mm: float, modal: bool, line: int) -> bool:
    """Hold at ``line``; burn the rest where that is offered, see it refused where it is not."""
    checked = check_clean(make_program(20, length_mm, modal=modal))
    program = checked.program
    wire, tally = make_wire(f"hold@{line}")
    receipt = streamer.run(checked, wire, make_intent(program))
    if not receipt.resumable:
        assert receipt.outcome is Outcome.UNKNOWN
        with pytest.raises((UnknownStateError, ProgramError)):
            remainder(program, receipt, MACHINE)
        return False
    left = remainder(program, receipt, MACHINE)
    again = streamer.run(preflight.check(left, wire, MACHINE), wire, make_intent(left))
    assert again.outcome is Outcome.COMPLETE, again.detail
    assert all(tally.burned_mm[n] == pytest.approx(length_mm, abs=1e-5) for n in range(20))
    return True


def test_a_lost_heartbeat_stops_the_run() -> None:
    """Nobody watching: abort, laser off."""
    wire, tally = make_wire()
    beats = iter(range(3))
    control = Control(heartbeat_s=0.5)

    def watch(now: streamer.Progress) -> None:
        if next(beats, None) is not None:
            control.beat()

    receipt = streamer.run(CHECKED, wire, make_intent(PROGRAM), control=control, on_progress=watch)
    assert (receipt.cause, "sign of life" in receipt.detail) == (StopCause.ABORTED, True)
    assert 0 < tally.total_mm < 60 * 0.2


def test_a_feed_override_slows_the_run_and_burns_the_same() -> None:
    """Half the feed under M4: more time, every stroke once."""
    wire, tally = make_wire()
    control = Control()
    watch = act_when(control, 1, *["slow"] * 5)
    control.slow = lambda: control.override_feed(-10)  # type: ignore[attr-defined]
    slow = streamer.run(
        CHECKED,
        wire,
        make_intent(PROGRAM),
        control=control,
        on_progress=watch,  # type: ignore[arg-type]
    )
    plain = streamer.run(CHECKED, make_wire()[0], make_intent(PROGRAM))
    assert slow.outcome is Outcome.COMPLETE, slow.detail
    assert slow.elapsed_us > 1.05 * plain.elapsed_us
    assert all(tally.burned_mm[n] == pytest.approx(0.2, abs=1e-6) for n in range(60))


def test_the_journal_is_true_at_every_instant(tmp_path: Path) -> None:
    """Whatever instant a host dies at, its journal bounds what the laser had done by then."""
    path = tmp_path / "journal.json"
    wire, tally = make_wire()

    def watch(now: streamer.Progress) -> None:
        entry = read_journal(path)
        assert entry.may_send_lines >= now.lines_sent
        begun = max((n for n, b in tally.burned_mm.items() if b > 0), default=-1)
        assert entry.last_surely_done_stroke <= begun < entry.first_surely_not_begun_stroke or (
            begun == -1
        )

    streamer.run(CHECKED, wire, make_intent(PROGRAM), on_progress=watch, journal=path)
    assert read_journal(path).state == "complete"


def test_a_slow_disk_holds_no_line_up_that_is_promised_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While an entry is on its way to the disk lines are sent, up to the promise before it."""
    monkeypatch.setattr(streamer, "RESERVE_LINES", 80)
    path = tmp_path / "journal.json"
    on_its_way, may_end = threading.Event(), threading.Event()
    write, begin, seen = Journal.write, Ahead.begin, []

    def slow(self: Journal, entry: Entry) -> None:
        if path.exists() and not may_end.is_set():
            assert may_end.wait(20.0), "the stream waited for the disk"
        write(self, entry)

    def begun(self: Ahead, entry: Entry) -> None:
        is_slow = path.exists()
        begin(self, entry)
        if is_slow:  # said here: its thread may begin when all that is promised is sent
            on_its_way.set()

    def watch(now: streamer.Progress) -> None:
        if on_its_way.is_set() and not may_end.is_set():
            assert now.lines_sent <= read_journal(path).may_send_lines
            seen.append(now.lines_sent)
            if now.lines_sent > seen[0]:
                may_end.set()

    monkeypatch.setattr(Journal, "write", slow)
    monkeypatch.setattr(Ahead, "begin", begun)
    monkeypatch.setattr(streamer, "TELL_S", 0.0)
    wire, _ = make_wire()
    receipt = streamer.run(CHECKED, wire, make_intent(PROGRAM), on_progress=watch, journal=path)
    assert receipt.outcome is Outcome.COMPLETE, receipt.detail
    assert may_end.is_set() and seen[-1] > seen[0]
    assert read_journal(path).state == "complete"


def test_a_disk_that_refuses_ends_the_run_where_the_stream_hears_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The promise before it holds: no line beyond it was sent, the laser is off."""
    monkeypatch.setattr(streamer, "RESERVE_LINES", 40)
    path = tmp_path / "journal.json"
    write = Journal.write

    def full(self: Journal, entry: Entry) -> None:
        if path.exists():
            raise StorageError("no room")
        write(self, entry)

    monkeypatch.setattr(Journal, "write", full)
    wire, _ = make_wire()
    receipt = streamer.run(CHECKED, wire, make_intent(PROGRAM), journal=path)
    assert receipt.cause is StopCause.JOURNAL_REFUSED
    assert receipt.lines_sent <= read_journal(path).may_send_lines


def test_a_missing_journal_means_unknown(tmp_path: Path) -> None:
    """Nothing is inferred from nothing."""
    with pytest.raises(UnknownStateError, match="look at the pin"):
        read_journal(tmp_path / "none")
    Journal(None).write(Entry("m", "s", 0, 0, -1, 0, "x"))


def test_unplugged_terminal_gives_a_receipt_and_comes_back(tmp_path: Path) -> None:
    """The cable is pulled on a real terminal: bounds at once, the same name works again."""
    tally = Tally()
    firmware = Firmware(MACHINE, tally, faults=Faults([parse_fault("unplug@60")]))
    with Terminal(firmware, tmp_path / "port", 20.0) as served:
        with open_port(str(tmp_path / "port")) as port:
            receipt = streamer.run(CHECKED, port, make_intent(PROGRAM))
        assert (receipt.outcome, receipt.cause) == (Outcome.UNKNOWN, StopCause.PORT_LOST)
        firmware.faults.unplugged = False
        back = threading.Event()
        while not (tmp_path / "port").exists():
            back.wait(0.02)
        with open_port(str(tmp_path / "port")) as port:
            preflight.Link(port).greet()
    assert served.failure is None
    burned = [n for n, length in tally.burned_mm.items() if length > 0]
    assert max(burned, default=-1) < receipt.first_surely_not_begun_stroke


@pytest.mark.parametrize("line", [30, 60, 90])
def test_a_survey_after_an_unplug_narrows_the_interval(line: int) -> None:
    """The controller kept its place: what it never began is known again."""
    wire, tally = make_wire(f"unplug@{line}")
    receipt = streamer.run(CHECKED, wire, make_intent(PROGRAM))
    assert receipt.cause is StopCause.PORT_LOST
    wire.firmware.faults.unplugged = False
    surveyed = survey(CHECKED, VirtualWire(wire.firmware), receipt)
    begun = max(n for n, burned in tally.burned_mm.items() if burned > 0)
    assert surveyed.last_surely_done_stroke <= begun < surveyed.first_surely_not_begun_stroke
    assert surveyed.first_surely_not_begun_stroke <= begun + 2
    assert surveyed.first_surely_not_begun_stroke <= receipt.first_surely_not_begun_stroke
    assert wire.firmware.modal.spindle == 5


def test_a_survey_of_a_restarted_controller_tells_nothing() -> None:
    """A controller that was switched off calls some place zero: it is not believed."""
    wire, _ = make_wire("unplug@60")
    receipt = streamer.run(CHECKED, wire, make_intent(PROGRAM))
    wire.firmware.faults.unplugged = False
    wire.firmware.power_cycle()
    with pytest.raises(UnknownStateError, match="reset meanwhile"):
        survey(CHECKED, VirtualWire(wire.firmware), receipt)


def test_wrong_firmware_and_locked_controller_are_refused() -> None:
    """A stranger, or an alarm that nobody has looked at, never sees the program."""
    wire, _ = make_wire("wrong-firmware")
    with pytest.raises(PortError, match="Smoothie"):
        preflight.check(PROGRAM, wire, MACHINE)
    wire, _ = make_wire()
    wire.firmware.alarm(1)
    with pytest.raises(PortError, match="locked"):
        preflight.check(PROGRAM, wire, MACHINE)


def test_every_fault_is_explained_and_unknown_ones_are_refused() -> None:
    """`--fault` names its kinds when it does not know one."""
    assert parse_fault("alarm@3").line == 3
    for text in ("nonsense@3", "alarm", "alarm@x", "alarm@0"):
        with pytest.raises(InputError):
            parse_fault(text)
    assert all(KINDS.values())


@pytest.mark.parametrize("line", [
    b"$C", b"$30=1000", b"$H", b"G10L2P1X0", b"G28.1", b"G54", b"G59", b"G92X0", b"G4P0", b"G04P1",
    b"M0", b"M2", b"M30", b"G21G54",
])  # fmt: skip
def test_lines_that_deafen_travel_alone(line: bytes) -> None:
    """Nothing else is on the wire with a line that writes EEPROM or waits."""
    assert ALONE.match(line)
    sender = Sender([b"G1X1", line, b"G1X2"], 128)
    assert sender.next_bytes() == b"G1X1\n"
    assert sender.next_bytes() == b""
    sender.acknowledge()
    assert sender.next_bytes() == line + b"\n"
    assert sender.next_bytes() == b""
    sender.acknowledge()
    assert sender.next_bytes() == b"G1X2\n"


@pytest.mark.parametrize("line", [b"G1X1", b"M4S100", b"G40", b"G49", b"M5", b"X4.4", b"G1X54"])
def test_common_lines_do_not(line: bytes) -> None:
    """Moves and laser modes flow."""
    assert not ALONE.match(line)


def test_the_window_is_never_overfilled() -> None:
    """Outstanding bytes plus one longest line stay within the receiver."""
    sender = Sender([b"x" * (n % 30) for n in range(500)], 128)
    while not sender.done:
        sender.next_bytes()
        assert sender.outstanding_bytes + 30 <= 128
        sender.acknowledge()


def test_a_wire_log_replays(tmp_path: Path) -> None:
    """What was logged plays again: the same receipt without a controller."""
    path = tmp_path / "wire.log"
    wire, _ = make_wire()
    with LoggedPort(wire, path) as port:
        receipt = streamer.run(CHECKED, port, make_intent(PROGRAM))
    replay = ReplayPort(read_log(path))
    again = streamer.run(CHECKED, replay, make_intent(PROGRAM))  # type: ignore[arg-type]
    assert again.outcome is receipt.outcome is Outcome.COMPLETE
    with pytest.raises(PortLostError):
        while True:
            replay.read(0.1)


def test_a_wire_log_stays_bounded(tmp_path: Path) -> None:
    """Files rotate at their limit and old ones go."""
    wire, _ = make_wire()
    with LoggedPort(wire, tmp_path / "wire.log", largest_bytes=2000) as port:
        streamer.run(CHECKED, port, make_intent(PROGRAM))
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["wire.log", "wire.log.1", "wire.log.2"]
    assert all(p.stat().st_size < 4000 for p in tmp_path.iterdir())


def test_the_documents_show_the_table_the_streamer_follows() -> None:
    """docs/firmware-bridge.md holds the diagram drawn from the state table."""
    text = (Path(__file__).parents[2] / "docs" / "firmware-bridge.md").read_text("utf-8")
    assert diagram() in text
    assert len(TABLE) == 45


def test_virtual_wire_takes_the_time_of_the_baud_rate() -> None:
    """115,200 baud: 11,520 bytes a second and not more."""
    wire = VirtualWire(Firmware(MACHINE), 115200, latency_s=0.0)
    wire.write(b"(" + b"x" * 50 + b")\n")
    while not wire.read(1.0).endswith(b"ok\r\n"):
        continue
    assert wire.now_s() == pytest.approx((53 + 4 + 27) * 10 / 115200, rel=0.4)


def test_a_short_soak_grows_nothing() -> None:
    """Two minutes of jobs, one after the other, leave nothing behind."""
    script = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "soak.py"))
    in_use = script["soak"](0.04, say=False, strokes=15)
    assert len(in_use) >= 4
    assert in_use[-1] - in_use[1] < 100_000
