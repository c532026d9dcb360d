"""The virtual controller does what real ones were measured to do.

Authority: measurements on unmodified grbl 1.1h and grblHAL; grbl 1.1 documents.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bench_setup import MACHINE

from engraver.profiles import Laser, Machine
from firmware_bridge.virtual.beam import Beam
from firmware_bridge.virtual.firmware import Firmware
from firmware_bridge.virtual.flavours import FLUIDNC, GRBL, GRBLHAL, Flavour
from firmware_bridge.virtual.motion import Executed

HAL = replace(MACHINE, dialect="grblHAL", rx_bytes=1023, planner_blocks=100, line_characters=256)
FLUID = replace(MACHINE, dialect="FluidNC", rx_bytes=256, line_characters=254)


class Bench:
    """A controller with answers at hand, everything at the speed of its own clock."""

    def __init__(self, machine: Machine = MACHINE, flavour: Flavour = GRBL) -> None:
        self.pieces: list[Executed] = []
        self.firmware = Firmware(machine, self.pieces.append, flavour=flavour)
        self.firmware.transmit()

    def send(self, data: bytes) -> list[str]:
        """Hand over bytes at once; return the lines that come back without time passing."""
        self.firmware.receive(data)
        return self.heard()

    def heard(self) -> list[str]:
        """Return the lines said since the last call."""
        return [line for line in self.firmware.transmit().decode().split("\r\n") if line]

    def wait(self, seconds: float) -> list[str]:
        """Let time pass."""
        self.firmware.advance(self.firmware.now_s + seconds)
        return self.heard()

    def status(self) -> str:
        """Return one status report."""
        return self.send(b"?")[-1]


def test_byte_129_is_dropped_in_silence() -> None:
    """A full receiver loses bytes without any word."""
    bench = Bench()
    bench.send(b"G4P1\n")  # the dwell keeps the main loop busy
    bench.send(b";" + b"x" * 127)
    assert bench.firmware.counters.overflow == 0
    assert bench.send(b"y") == []
    assert bench.firmware.counters.overflow == 1


def test_line_of_79_characters_passes_and_80_is_refused() -> None:
    """Lines of 80 characters answer error:11."""
    bench = Bench()
    assert bench.send(b"G1F100" + b"X1.".ljust(73, b"0") + b"\n") == []
    assert bench.wait(1.0) == ["ok"]
    assert bench.send(b"G1F100" + b"X1.".ljust(74, b"0") + b"\n") == ["error:11"]


@pytest.mark.parametrize(("flavour", "machine", "answers"), [
    (GRBL, MACHINE, 2), (GRBLHAL, HAL, 1), (FLUIDNC, FLUID, 1),
])  # fmt: skip
def test_crlf(flavour: Flavour, machine: Machine, answers: int) -> None:
    """CR LF is acknowledged twice by grbl, once by the others."""
    assert Bench(machine, flavour).send(b"G21\r\n") == ["ok"] * answers


def test_empty_and_comment_lines_are_acknowledged() -> None:
    """Every line is answered, also one that asks for nothing."""
    assert Bench().send(b"\n(a comment)\n;another\n") == ["ok", "ok", "ok"]


def test_idle_buffers_and_build_info() -> None:
    """``$I`` ends [OPT:V,15,128] and an idle report says Bf:15,128."""
    bench = Bench()
    assert bench.send(b"$I\n")[-2:] == ["[OPT:V,15,128]", "ok"]
    assert "|Bf:15,128|" in bench.status()


def test_grblhal_says_1024_and_has_1023() -> None:
    """The smaller of $I and Bf is the truth."""
    bench = Bench(HAL, GRBLHAL)
    assert "[OPT:VNMSL,100,1024]" in bench.send(b"$I\n")
    assert "|Bf:100,1023|" in bench.status()


def test_realtime_bytes_take_no_room_and_no_ok() -> None:
    """A hundred status requests in a full receiver lose nothing."""
    bench = Bench()
    bench.send(b"G4P1\n")
    bench.send(b";" + b"x" * 127)
    assert len(bench.send(b"?" * 100)) == 100
    assert bench.firmware.counters.overflow == 0


def test_ok_means_parsed_and_leads_by_the_queue() -> None:
    """Acknowledgements lead executed lines by 12 to 25."""
    bench = Bench()
    bench.send(b"G1F600X0\n")
    said = 0
    for n in range(60):
        bench.send(b"X%.3f\n" % ((n + 1) * 0.05))
        said += len(bench.wait(0.0034))
        if n == 30:
            lead = said - bench.firmware.motion.finished_blocks
    assert 12 <= lead <= 25


def test_dwell_acknowledges_when_motion_has_ended() -> None:
    """G4P0 is the checkpoint: its ok comes after the last step."""
    bench = Bench()
    bench.send(b"G1F600X1\nG4P0\n")
    assert bench.wait(0.05) == ["ok"]
    assert bench.wait(1.0) == ["ok"]
    assert bench.firmware.motion.place_mm[0] == pytest.approx(1.0)


def test_after_an_error_the_rest_is_executed() -> None:
    """Grbl goes on with what lies in its receiver."""
    bench = Bench()
    bench.send(b"G1F600X1\nG99\nX2\n")
    assert bench.wait(2.0) == ["ok", "error:20", "ok"]
    assert bench.firmware.motion.place_mm[0] == pytest.approx(2.0)


def test_grblhal_latches_errors_until_an_empty_line() -> None:
    """Every later line answers the same error and does not run."""
    bench = Bench(HAL, GRBLHAL)
    assert bench.send(b"G99\nG21\nG90\n") == ["error:20"] * 3
    assert bench.send(b"\nG21\n") == ["ok", "ok"]


def test_fluidnc_cuts_long_lines_silently() -> None:
    """What exceeds 254 characters is lost without a word."""
    assert Bench(FLUID, FLUIDNC).send(b"G21" + b" " * 9 + b"(" + b"x" * 230 + b")\n") == ["ok"]
    assert Bench(FLUID, FLUIDNC).send(b"G21".ljust(254, b"0") + b"1\n") == ["error:20"]


def test_reset_in_motion_locks_and_loses_modals() -> None:
    """0x18 in motion: ALARM:3, then error:9 until $X; G91 and F are gone."""
    bench = Bench()
    bench.send(b"G91\nG1F600X5\n")
    bench.wait(0.1)
    assert "ALARM:3" in bench.send(b"\x18")
    assert bench.send(b"X1\n") == ["error:9"]
    assert bench.send(b"$X\n") == ["[MSG:Caution: Unlocked]", "ok"]
    assert bench.send(b"G1X1\n") == ["error:22"]


def test_grblhal_reset_in_motion_raises_no_alarm() -> None:
    """The next relative line then runs as absolute."""
    bench = Bench(HAL, GRBLHAL)
    bench.send(b"G91\nG1F600X5\n")
    bench.wait(0.1)
    assert not any(line.startswith("ALARM") for line in bench.send(b"\x18"))
    assert bench.status().startswith("<Idle")
    assert bench.firmware.modal.absolute


def test_hold_then_reset_keeps_the_place() -> None:
    """The right stop: hold in about 0.1 s or less, exact place, no alarm."""
    bench = Bench()
    bench.send(b"G1F600X5\n")
    bench.wait(0.1)
    bench.send(b"!")
    assert bench.status().startswith("<Hold:1")
    bench.wait(0.12)
    assert bench.status().startswith("<Hold:0")
    place = bench.firmware.motion.place_mm
    assert not any(line.startswith("ALARM") for line in bench.send(b"\x18"))
    assert bench.firmware.motion.place_mm == place


def test_resume_goes_on_exactly() -> None:
    """Hold and resume end where the program ends, with one stop in between."""
    bench = Bench()
    bench.send(b"G1F600X1\n")
    bench.wait(0.05)
    bench.send(b"!")
    bench.wait(0.2)
    bench.send(b"~")
    bench.wait(1.0)
    assert bench.firmware.motion.place_mm[0] == pytest.approx(1.0)
    assert bench.status().startswith("<Idle")


def test_eeprom_writes_deafen_the_receiver() -> None:
    """G10 followed at once by eight lines: few acknowledgements, no error."""
    bench = Bench()
    answers = bench.send(b"G10L2P1X0\n")
    for _ in range(8):
        answers += bench.send(b"G21\n")
        bench.wait(0.0005)
    assert answers == ["ok"]
    bench.wait(0.1)
    assert bench.send(b"G21\n") == ["ok"]


def test_check_mode_moves_nothing_and_ends_in_a_reset() -> None:
    """$C: state Check, errors are told; leaving it prints a banner."""
    bench = Bench()
    assert bench.send(b"$C\n") == ["[MSG:Enabled]", "ok"]
    assert bench.send(b"G1X1F100\nG99\n") == ["ok", "error:20"]
    bench.wait(1.0)
    assert bench.status().startswith("<Check|MPos:0.000")
    assert bench.send(b"$C\n") == ["[MSG:Disabled]", "ok", "Grbl 1.1h ['$' for help]"]


def fired(lines: bytes, seconds: float) -> tuple[float, list[Executed]]:
    """Return the energy fired during ``seconds`` after ``lines``, uJ, and the pieces."""
    laser = Laser("l", 355.0, 15e3, 6.0, 1.2, 8.0, 100.0)
    got: list[float] = []
    beam = Beam(laser, 10.0, 1000.0, lambda xyz, energy: got.append(float(energy.sum())))
    pieces: list[Executed] = []

    def both(piece: Executed) -> None:
        pieces.append(piece)
        beam(piece)

    firmware = Firmware(MACHINE, both)
    firmware.receive(lines)
    firmware.advance(seconds)
    beam.flush()
    return sum(got), pieces


def test_m4_at_rest_is_dark_and_m3_at_rest_is_not() -> None:
    """Dynamic power needs motion; constant power burns a standing beam into one point."""
    assert fired(b"M4S1000\nG1F600\n", 1.0)[0] == 0.0
    assert fired(b"M3S1000\nG1F600\n", 1.0)[0] == pytest.approx(8.0 * 1e4, rel=0.02)


def test_m4_power_follows_speed_so_that_the_dose_is_even() -> None:
    """Energy a mm is the same in the ramps as in the cruise."""
    whole = fired(b"M4S500\nG1F600X2\n", 5.0)[0]
    assert whole == pytest.approx(4.0 * 10e3 * 2.0 / 10.0, rel=0.01)


def test_rapids_are_dark() -> None:
    """A G0 move fires nothing in laser mode."""
    assert fired(b"M4S1000\nG0X2\n", 5.0)[0] == 0.0


def test_m4_power_collapses_on_short_segments() -> None:
    """36 um at F6000 outruns 300 blocks a second: power falls; at F600 it stays."""

    def share(feed: int) -> float:
        tally: list[Executed] = []
        fast = replace(MACHINE, max_speed_mm_s=100.0)
        firmware = Firmware(fast, tally.append)
        firmware.receive(b"M4S1000\nG1F%d\n" % feed)
        x = 0
        while x < 200:
            if firmware.inbox.free > 100:
                x += 1
                firmware.receive(b"X%.3f\n" % (x * 0.036))
            firmware.advance(firmware.now_s + 0.0005)
        moving = [p for p in tally if p.laser]
        weight = np.array([p.time_s for p in moving])
        speed = np.array([p.v_mm_s + p.a_mm_s2 * p.time_s / 2 for p in moving])
        return float((speed / (feed / 60) * weight).sum() / weight.sum())

    assert share(6000) < 0.25
    assert share(600) > 0.85


def test_a_change_of_laser_mode_waits_for_the_end_of_motion() -> None:
    """M5 after a move is acknowledged when the move has ended."""
    bench = Bench()
    bench.send(b"M4S100\n")
    bench.send(b"G1F600X1\nM5\n")
    assert bench.wait(0.05) == ["ok"]
    assert bench.wait(1.0) == ["ok"]


def test_program_end_keeps_feed_and_s() -> None:
    """M30 restores G90, G94 and M5 but not F and S."""
    bench = Bench()
    bench.send(b"G91\nM4S300\nG1F600\nM30\n")
    bench.wait(0.1)
    modal = bench.firmware.modal
    assert (modal.absolute, modal.spindle, modal.feed_mm_min, modal.s) == (True, 5, 600.0, 300.0)


def test_sub_step_increments_are_not_lost() -> None:
    """2,000 relative moves of 0.1 um land on 0.2 mm."""
    bench = Bench(replace(MACHINE, steps_per_mm=250.0))
    bench.send(b"G91\nG1F600\n")
    for _ in range(2000):
        bench.send(b"X0.0001\n")
        bench.wait(0.004)
    bench.wait(1.0)
    assert bench.firmware.motion.place_mm[0] == pytest.approx(0.2, abs=1e-9)


@pytest.mark.parametrize(("fused", "code"), [
    (b"G1X1Y1G1X2Y2\n", 24), (b"X1Y1X2Y2\n", 25), (b"M3M4\n", 21), (b"G1X1.2.3\n", 1),
    (b"G1X\n", 2), (b"G1X1K5F100\n", 36), (b"G4\n", 28), (b"G7\n", 20),
])  # fmt: skip
def test_fused_and_garbled_lines(fused: bytes, code: int) -> None:
    """What a lost newline makes of two lines is refused where grbl refuses it."""
    assert Bench().send(b"F100\n" + fused)[-1] == f"error:{code}"


def test_trapezoid_time_of_one_move() -> None:
    """1 mm at 10 mm/s and 500 mm/s2 takes d/v + v/a = 0.12 s."""
    bench = Bench()
    bench.send(b"G1F600X1\n")
    begin = bench.firmware.now_s + 1 / MACHINE.block_rate_hz
    bench.wait(5.0)
    moving = bench.pieces
    assert moving[0].t_s == pytest.approx(begin)
    assert sum(p.time_s for p in moving) == pytest.approx(0.12)


@pytest.mark.parametrize(("first", "second", "pull_mm_s2"), [
    ("X1", "Y1", 500 * 2**0.5),  # the turn lies on the diagonal: both axes pull
    ("X0.8Y0.6", "X-0.6Y0.8", 500 * 2**0.5 / 1.4),  # unequal shares: the larger one limits
    ("X0.7071Y0.7071", "X-0.7071Y0.7071", 500.0),  # the turn lies on one axis
])  # fmt: skip
def test_a_corner_is_limited_along_its_own_direction(
    first: str, second: str, pull_mm_s2: float
) -> None:
    """A right angle is passed at v2 = a d s / (1 - s), a that of the axes along the turn."""
    bench = Bench()
    bench.send(f"G91\nG1F3000{first}\n{second}\n".encode())
    bench.wait(0.02)
    half_sine = 0.5**0.5
    room = MACHINE.junction_deviation_mm * half_sine / (1 - half_sine)
    corner_sqr = bench.firmware.planner.blocks[1].corner_sqr
    assert corner_sqr == pytest.approx(pull_mm_s2 * room, rel=1e-3)


def test_a_host_that_is_late_is_counted_and_a_program_that_waits_is_not() -> None:
    """The planner ran empty because no line had come: in the middle of a program, nowhere else."""
    bench = Bench()
    bench.send(b"G21G91G1F600X1\n")
    bench.wait(1.0)
    assert bench.firmware.counters.late == 0
    bench.send(b"X1\n")
    bench.wait(0.05)
    assert bench.firmware.counters.late == 1
    bench.send(b"G4P0\n")
    bench.send(b"X1\n")
    bench.wait(1.0)
    assert bench.firmware.counters.late == 1
    bench.send(b"M2\n")
    bench.wait(1.0)
    bench.send(b"G91G1F600X1\n")
    bench.wait(1.0)
    assert (bench.firmware.counters.late, bench.firmware.counters.starved) == (1, 0)
