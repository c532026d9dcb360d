"""One contract for every controller and every port, virtual or real.

With ``pytest -m hardware --port DEV`` the same promises are held against a real controller; its
laser must be disarmed. No test here turns a laser on: programs move with S0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from engraver.errors import ProgramError
from engraver.profiles import Machine
from engraver.program import GcodeProgram
from engraver.record import MarkIntent, Outcome, StopCause
from firmware_bridge import preflight, streamer
from firmware_bridge.commanding import introduce, jog, rest
from firmware_bridge.control import Control
from firmware_bridge.dialects import DIALECTS
from firmware_bridge.link import Link
from firmware_bridge.port import Port, open_port
from firmware_bridge.protocol import Error, Ok
from firmware_bridge.virtual.firmware import Firmware
from firmware_bridge.virtual.flavours import FLAVOURS
from firmware_bridge.virtual.serving import Server
from firmware_bridge.virtual.sockets import Rfc2217Channel, SocketChannel
from firmware_bridge.virtual.terminal import Terminal
from firmware_bridge.virtual.wire import VirtualWire
from hardware.load import load_setup

pytestmark = pytest.mark.filterwarnings(r"ignore:set(Daemon|Name)\(\):DeprecationWarning")
GRBL = replace(load_setup("default").machine, max_speed_mm_s=50.0, acceleration_mm_s2=2000.0)
SIZES = {"grbl": (128, 79, 15), "grblHAL": (1023, 256, 100), "FluidNC": (256, 254, 15)}
DIALECT_NAMES = tuple(DIALECTS)
CHANNELS = ("wire", "terminal", "tcp", "rfc2217")


@dataclass(frozen=True)
class Bench:
    """A controller to hold to its contract."""

    port: Port
    machine: Machine


def machine_of(dialect: str) -> Machine:
    """Return the test machine with the sizes of ``dialect``."""
    rx, characters, blocks = SIZES[dialect]
    return replace(
        GRBL, dialect=dialect, rx_bytes=rx, line_characters=characters, planner_blocks=blocks
    )


@contextmanager
def virtual(dialect: str, channel: str, folder: Path) -> Iterator[Bench]:
    """Open a virtual controller of ``dialect`` behind ``channel``."""
    machine = machine_of(dialect)
    firmware = Firmware(machine, flavour=FLAVOURS[dialect], eager=channel != "wire")
    if channel == "wire":
        yield Bench(VirtualWire(firmware), machine)
        return
    if channel == "terminal":
        server: Server = Terminal(firmware, folder / "port", None)
        url = str(folder / "port")
    else:
        made = SocketChannel() if channel == "tcp" else Rfc2217Channel()
        server, url = Server(firmware, made, None), made.url
    with server, open_port(url, machine.baud) as port:
        yield Bench(port, machine)
    assert server.failure is None


ALL = [
    *(pytest.param((d, "wire"), id=f"{d}-wire") for d in DIALECT_NAMES),
    *(pytest.param(("grbl", c), id=f"grbl-{c}") for c in CHANNELS[1:]),
    pytest.param(("FluidNC", "tcp"), id="FluidNC-tcp"),
    pytest.param(("real", "device"), id="real", marks=pytest.mark.hardware),
]


@pytest.fixture(params=ALL)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Yield each controller in turn."""
    dialect, channel = request.param
    if dialect != "real":
        with virtual(dialect, channel, tmp_path) as made:
            yield made
        return
    device = request.config.getoption("--port")
    if device is None:
        pytest.skip("needs --port DEV, a real controller with its laser disarmed")
    with open_port(device, GRBL.baud) as port:
        found, _ = introduce(Link(port))
        yield Bench(port, machine_of(found.dialect.name))


def dark_program(lines: int) -> GcodeProgram:
    """Return a program of short moves that never fires."""
    body = "".join(f"G1X{0.01 * (n % 2):.3f}Y{0.001 * (n % 50):.3f}F600S0\n" for n in range(lines))
    data = ("G21G90G94G17\nM5S0\nM4\nG0X0Y0Z0\n" + body + "S0\nM5\nG0X0Y0\nM2\n").encode()
    blind = np.full(data.count(b"\n"), -1, np.int32)
    return GcodeProgram(data, hashlib.sha256(data).hexdigest(), blind, "grbl", 1000, 1.0)


def intent_of(program: GcodeProgram) -> MarkIntent:
    """Return an intent for ``program``."""
    return MarkIntent("m", "", "", "", "", "", 0, "", program.sha256, "", 0)


def test_it_introduces_itself(bench: Bench) -> None:
    """Build info names a known dialect, and sizes are those of the profile or smaller."""
    found, status = introduce(Link(bench.port))
    assert found.dialect.name == bench.machine.dialect
    assert 0 < found.rx_bytes <= bench.machine.rx_bytes
    assert status.state in ("Idle", "Alarm")


def test_every_line_is_answered_once(bench: Bench) -> None:
    """Moves, comments and empty lines: one answer each."""
    link = Link(bench.port)
    link.greet()
    for line in ("G21", "(comment)", "", "G90", "G4P0"):
        *_, answer = link.ask(line)
        assert answer == Ok()


def test_an_error_is_an_answer_and_leaves_the_line_open_for_more(bench: Bench) -> None:
    """An unknown word answers error; an empty line clears what may be latched."""
    link = Link(bench.port)
    link.greet()
    assert isinstance(link.ask("G1X1K1F100")[-1], Error)
    assert link.ask("")[-1] == Ok()
    assert link.ask("G21")[-1] == Ok()


def test_a_program_completes_where_it_should(bench: Bench) -> None:
    """Check mode, streaming, the end verified by place."""
    program = dark_program(300)
    checked = preflight.check(program, bench.port, bench.machine)
    receipt = streamer.run(checked, bench.port, intent_of(program))
    assert receipt.outcome is Outcome.COMPLETE, receipt.detail


def test_a_bad_line_is_found_in_check_mode(bench: Bench) -> None:
    """The controller's own check refuses before anything moves."""
    link = Link(bench.port)
    link.greet()
    link.command("$C")
    assert isinstance(link.ask("G1X1Y1X2F100")[-1], Error)
    preflight.leave_check_mode(link)
    assert link.status().state == "Idle"


def test_an_abort_keeps_the_place(bench: Bench) -> None:
    """Hold, standstill, reset: Idle afterwards, no alarm."""
    program, control = dark_program(2000), Control()
    checked = preflight.check(program, bench.port, bench.machine)

    def watch(now: streamer.Progress) -> None:
        if now.lines_acknowledged > 100:
            control.abort()

    receipt = streamer.run(
        checked, bench.port, intent_of(program), control=control, on_progress=watch
    )
    assert receipt.cause in (StopCause.ABORTED, StopCause.NONE)
    assert Link(bench.port).status().state == "Idle"


def test_a_jog_arrives(bench: Bench) -> None:
    """A jog of half a millimetre ends half a millimetre further."""
    link = Link(bench.port)
    link.greet()
    before = link.work_place(rest(link))
    status = jog(link, bench.machine, {"X": 0.5}, 300.0)
    after = link.work_place(status)
    assert before is not None
    assert after is not None
    assert after[0] - before[0] == pytest.approx(0.5, abs=0.002)


def test_a_program_too_long_for_the_controller_is_refused(bench: Bench) -> None:
    """Own reading first: a line the controller would cut or refuse is never sent."""
    data = b"G21\n(" + b"x" * 300 + b")\nM2\n"
    blind = np.full(3, -1, np.int32)
    program = GcodeProgram(data, hashlib.sha256(data).hexdigest(), blind, "grbl", 1000, 1.0)
    with pytest.raises(ProgramError, match="characters"):
        preflight.check(program, bench.port, bench.machine)
