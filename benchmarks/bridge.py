"""How fast and how lightly the bridge streams, against a plain call-and-response sender.

One run, side by side, over pseudo-terminals to virtual controllers in processes of their own:
at the pace of a true 115,200 baud wire and without a pace. Then the hold's way to the wire at
full stream, the processor's share, and starvation of the planner on the default pin.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import statistics
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import serial

from engraver import codes, gcode, layout, relief, toolpath
from engraver.profiles import Machine
from engraver.program import GcodeProgram
from engraver.record import MarkIntent
from firmware_bridge import preflight, streamer
from firmware_bridge.control import Control
from firmware_bridge.port import Port, open_port
from firmware_bridge.virtual.firmware import Firmware
from firmware_bridge.virtual.terminal import Terminal
from firmware_bridge.virtual.wire import VirtualWire
from hardware.load import load_setup

LINES, LINE_BYTES, BAUD = 20_000, 20, 115_200
WIRE_LIMIT = BAUD / 10 / LINE_BYTES
PING_LINES = 2_000
HOLDS = 20


def quick_machine() -> Machine:
    """Return a machine that is never the limit: the wire is."""
    return replace(
        load_setup("default").machine,
        max_speed_mm_s=2000.0,
        acceleration_mm_s2=5e6,
        block_rate_hz=20_000.0,
    )


def make_program(lines: int) -> GcodeProgram:
    """Return ``lines`` lines of exactly `LINE_BYTES` bytes between a head and an end."""
    head = [b"G21G90G94G17", b"M5S0", b"M4", b"G0X0Y0Z0", b"G1F60000"]
    moves = [b"G1X%.3fY%.3fS%04d" % (i % 2, 0.001 * (i % 999), 800) for i in range(lines)]
    moves = [line.ljust(LINE_BYTES - 1, b"0") for line in moves]
    data = b"\n".join([*head, *moves, b"S0", b"M5", b"M2"]) + b"\n"
    stroke = np.full(len(head) + lines + 3, -1, np.int32)
    found = list(range(len(head), len(head) + lines))
    stroke[found] = np.arange(lines)
    if lines:  # the first move goes nowhere: it burns nothing
        stroke[found] -= 1
    digest = hashlib.sha256(data).hexdigest()
    return GcodeProgram(data, digest, stroke, "grbl", 1000, 1.0)


def make_intent(program: GcodeProgram) -> MarkIntent:
    """Return an intent for ``program``."""
    return MarkIntent("bench", "", "", "", "", "", 0, "", program.sha256, "", 0)


def serve(path: str, speed: float | None, baud: int | None, stop: Any) -> None:
    """Play a controller until told to stop (runs in a process of its own)."""
    firmware = Firmware(quick_machine(), eager=speed is None)
    with Terminal(firmware, Path(path), speed, baud):
        stop.wait()


class Controller:
    """A virtual controller in a process of its own."""

    def __init__(self, speed: float | None, baud: int | None) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="pinmark-bench-")) / "port"
        self._stop = multiprocessing.get_context("spawn").Event()
        self._process = multiprocessing.get_context("spawn").Process(
            target=serve, args=(str(self.path), speed, baud, self._stop), daemon=True
        )

    def __enter__(self) -> str:
        self._process.start()
        while not self.path.exists():
            self._process.join(0.05)
        return str(self.path)

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._process.join()


def stream(
    port: Port, program: GcodeProgram, control: Control | None = None
) -> tuple[float, float]:
    """Stream a vetted program; return lines a second and the share of one core."""
    checked = preflight.check(program, port, quick_machine())
    begin, cpu = time.perf_counter(), time.process_time()
    receipt = streamer.run(checked, port, make_intent(program), control=control)
    took, used = time.perf_counter() - begin, time.process_time() - cpu
    if receipt.outcome != "complete":
        raise SystemExit(f"the run did not complete: {receipt.detail}")
    return len(program.lines) / took, used / took


def ping_pong(path: str, program: GcodeProgram) -> float:
    """Send each line when the last one is answered, as the plainest sender does."""
    with serial.Serial(path, BAUD, timeout=2) as port:
        port.write(b"\n")
        port.readline()
        begin = time.perf_counter()
        for line in program.lines:
            port.write(line + b"\n")
            while port.readline().strip() not in (b"ok", b""):
                continue
        return len(program.lines) / (time.perf_counter() - begin)


class Stamped:
    """A port that notes when a hold leaves."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self.name = port.name
        self.hold_s = 0.0

    def write(self, data: bytes) -> None:
        """Write through."""
        self._port.write(data)
        if data == b"!":
            self.hold_s = time.perf_counter()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)


def hold_latencies_ms(path: str, program: GcodeProgram) -> list[float]:
    """Return how long holds took from another thread's call to the wire, at full stream."""
    control, latencies = Control(), []
    with open_port(path, BAUD) as opened:
        port: Any = Stamped(opened)

        def pester() -> None:
            wait = threading.Event()
            for _ in range(HOLDS):
                wait.wait(0.15)
                asked, before = time.perf_counter(), port.hold_s
                control.hold()
                while port.hold_s == before:
                    wait.wait(0.0005)
                latencies.append((port.hold_s - asked) * 1e3)
                control.resume()
                wait.wait(0.1)
                control.resume()

        checked = preflight.check(program, port, quick_machine())
        thread = threading.Thread(target=pester, daemon=True)
        thread.start()
        streamer.run(checked, port, make_intent(program), control=control)
        thread.join()
    return latencies


def starvation() -> tuple[int, float, float]:
    """Stream the default pin over a wire in virtual time at 115,200 baud."""
    setup = load_setup("default")
    code = codes.encode_index(163963, setup.recipe.code_format)
    path = toolpath.plan(relief.design(layout.arrange(code, setup), setup), setup)
    program = gcode.render(path, setup)
    wire = VirtualWire(Firmware(setup.machine), setup.machine.baud)
    checked = preflight.check(program, wire, setup.machine)
    streamer.run(checked, wire, make_intent(program))
    firmware = wire.firmware
    return (
        firmware.counters.starved + firmware.counters.late,
        firmware.last_program_s,
        program.estimated_time_s,
    )


def main() -> None:
    """Measure and print."""
    long, short = make_program(LINES), make_program(PING_LINES)
    with Controller(1.0, BAUD) as path:
        plain = ping_pong(path, short)
        with open_port(path, BAUD) as port:
            paced, share = stream(port, long)
    print(
        f"paced at {BAUD} baud, {LINES} lines of {LINE_BYTES} bytes, limit {WIRE_LIMIT:.0f} lines/s"
    )
    print(f"  pinmark            {paced:8.1f} lines/s  {paced / WIRE_LIMIT:.3f} of the limit")
    print(f"  pyserial ping-pong {plain:8.1f} lines/s  {plain / WIRE_LIMIT:.3f} of the limit")
    print(f"  processor of the sender {share * 100:.1f} % of one core")
    with Controller(None, None) as path:
        plain = ping_pong(path, short)
        with open_port(path, BAUD) as port:
            free, _ = stream(port, long)
    print(
        f"without a pace: pinmark {free:.0f}, ping-pong {plain:.0f} lines/s, x {free / plain:.2f}"
    )
    with Controller(1.0, BAUD) as path:
        latencies = hold_latencies_ms(path, make_program(4000))
    print(
        f"hold to the wire at full stream: median {statistics.median(latencies):.2f} ms, "
        f"worst of {len(latencies)} {max(latencies):.2f} ms"
    )
    starved, took, planned = starvation()
    print(
        f"default pin at 115200 baud: {starved} starvations, {took:.2f} s (planned {planned:.2f} s)"
    )


if __name__ == "__main__":
    main()
