"""Eight hours of streaming in virtual time: does anything grow?

In: hours (argument, default 8). Out: a table by the hour, and exit code 1 if the memory in use
has grown by more than `ALLOWED_BYTES` between the first and the last quarter. The host's code is
the real one; the wire and the controller run in virtual time, at a true 115,200 baud.
"""

from __future__ import annotations

import gc
import hashlib
import sys
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np

from engraver.program import GcodeProgram
from engraver.record import MarkIntent, Outcome
from firmware_bridge import preflight, streamer
from firmware_bridge.virtual.firmware import Firmware
from firmware_bridge.virtual.wire import VirtualWire
from firmware_bridge.wirelog import LoggedPort
from hardware.load import load_setup

STROKES, LENGTH_MM = 120, 10.0
ALLOWED_BYTES = 200_000
LARGEST_LOG_BYTES = 1 << 20


def make_program(strokes: int) -> GcodeProgram:
    """Return ``strokes`` strokes of about a second each."""
    lines, stroke = ["G21G90G94G17", "M5S0", "G0X0Y0Z0", "M4"], [-1] * 4
    for n in range(strokes):
        lines += [
            f"G1X{LENGTH_MM * ((n + 1) % 2):.4f}Y{n * 0.005:.4f}F600S800",
            f"G1Y{n * 0.005 + 0.005:.4f}S0",
        ]
        stroke += [n, -1]
    lines += ["S0", "M5", "G0X0Y0", "M2"]
    stroke += [-1] * 4
    data = "".join(line + "\n" for line in lines).encode()
    digest = hashlib.sha256(data).hexdigest()
    return GcodeProgram(data, digest, np.array(stroke, np.int32), "grbl", 1000, 1.0)


def soak(hours: float, say: bool = True, strokes: int = STROKES) -> list[int]:
    """Stream job after job for ``hours`` of virtual time; return bytes in use after each."""
    machine = load_setup("default").machine
    program = make_program(strokes)
    intent = MarkIntent("soak", "", "", "", "", "", 0, "", program.sha256, "", 0)
    folder = Path(tempfile.mkdtemp(prefix="pinmark-soak-"))
    wire = VirtualWire(Firmware(machine), machine.baud)
    in_use: list[int] = []
    tracemalloc.start()
    _lay_out_interned_strings()
    with LoggedPort(wire, folder / "wire.log", LARGEST_LOG_BYTES) as port:
        checked = preflight.check(program, port, machine)
        while wire.now_s() < hours * 3600:
            receipt = streamer.run(checked, port, intent, journal=folder / "journal.json")
            if receipt.outcome is not Outcome.COMPLETE:
                raise SystemExit(f"a job failed after {wire.now_s():.0f} s: {receipt.detail}")
            gc.collect()
            in_use.append(tracemalloc.get_traced_memory()[0])
            if say and len(in_use) % 30 == 0:
                log = sum(path.stat().st_size for path in folder.iterdir())
                hours_done = wire.now_s() / 3600
                print(
                    f"{hours_done:5.2f} h  {len(in_use):4d} jobs  {in_use[-1]} bytes, {log} on disk"
                )
    tracemalloc.stop()
    return in_use


def _lay_out_interned_strings() -> None:
    """Have the interpreter's table of interned strings, older than the tracing, traced from now on.

    It is laid out anew whenever so many short-lived strings have passed through it: some megabyte
    that was counted as growth once in eight hours, since the old one had never been counted.
    """
    for n in range(100_000):
        sys.intern(f"soak {n}")


def growth(in_use: list[int]) -> float:
    """Return the mean of the last quarter less that of the second (the first warms up), bytes."""
    quarter = max(len(in_use) // 4, 1)
    return float(np.mean(in_use[-quarter:]) - np.mean(in_use[quarter : 2 * quarter]))


def main() -> None:
    """Soak and judge."""
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else 8.0
    grown = growth(soak(hours))
    print(f"grown by {grown:.0f} bytes over {hours:g} h (allowed {ALLOWED_BYTES})")
    sys.exit(grown > ALLOWED_BYTES)


if __name__ == "__main__":
    main()
