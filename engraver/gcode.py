"""The only author of G-code: `Toolpath` + `Machine` -> `GcodeProgram`.

Core lengths are um; here they become mm. Laser mode: M4 (power follows actual speed), S on
motion lines only, laser off (S0, then M5) at every exit of a program.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from engraver import calibration, motion
from engraver.errors import ProgramError
from engraver.profiles import Machine, Setup
from engraver.program import GcodeProgram
from engraver.toolpath import MoveKind, Toolpath

PREAMBLE = ("G21G90G94G17", "G54", "M5S0", "M4", "G0X0Y0Z0")
"""mm, absolute, feed a minute, XY plane; work coordinates; beam off, then dynamic power; apex."""

ENDING = ("S0", "M5", "G4P0", "M2")
"""Beam off twice; G4P0 answers when motion has ended; M2 ends the program."""


def render(toolpath: Toolpath, setup: Setup) -> GcodeProgram:
    """Write ``toolpath`` as a program for the machine of ``setup``.

    Work coordinates: the tip's centre at X0 Y0, focus on its apex at Z0. S ``s_max`` stands
    for the laser's ``max_pulse_energy_uj``; the repetition rate is set on the laser head.
    Equal inputs give equal bytes.

    Raises
    ------
    ProgramError
        If a line is longer than the controller reads, or the path longer than its travel.
    """
    _refuse_beyond_travel(toolpath, setup.machine)
    head = [*_header(toolpath, setup), *PREAMBLE]
    moves = _moves(toolpath, setup.machine)
    lines = [*head, *moves, *ENDING]
    _refuse_long_lines(lines, setup.machine)
    data = ("\n".join(lines) + "\n").encode("ascii")
    budget = motion.budget(toolpath, setup.machine, len(lines), len(data))
    line_stroke = np.full(len(lines), -1, dtype=np.int32)
    line_stroke[len(head) : len(head) + len(moves)] = toolpath.stroke
    return GcodeProgram(
        data=data,
        sha256=hashlib.sha256(data).hexdigest(),
        line_stroke=line_stroke,
        dialect=setup.machine.dialect,
        s_max=setup.machine.s_max,
        estimated_time_s=budget.duration_s,
        bottleneck=budget.bottleneck,
    )


def setup_sha256(setup: Setup) -> str:
    """Return the digest of all profile values a mark is made with.

    Which panel a machine has does not bear on the mark, and is left out.
    """
    values = asdict(setup)
    del values["machine"]["panel"]
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def toolpath_sha256(toolpath: Toolpath) -> str:
    """Return the digest of a toolpath's arrays, in little-endian bytes."""
    digest = hashlib.sha256()
    for array in (
        toolpath.xyz_um.astype("<f8"),
        toolpath.kind,
        toolpath.speed_mm_s.astype("<f8"),
        toolpath.power.astype("<f8"),
        toolpath.stroke.astype("<i4"),
        toolpath.pass_index.astype("<i4"),
    ):
        digest.update(array.tobytes())
    return digest.hexdigest()


def _header(toolpath: Toolpath, setup: Setup) -> list[str]:
    recipe = setup.recipe
    return [
        f"(pinmark {recipe.name} on {setup.machine.name})",
        f"(setup {setup_sha256(setup)[:32]})",
        f"(path {toolpath_sha256(toolpath)[:32]})",
        f"(set laser to {recipe.repetition_rate_khz:g} kHz)",
    ]


def _moves(toolpath: Toolpath, machine: Machine) -> list[str]:
    """Write one line a move; words that have not changed are left out."""
    xyz_um = calibration.commanded_xyz_um(toolpath, machine)
    axes = [_coordinates(xyz_um[1:, axis]) for axis in range(3)]
    before = [_coordinates(xyz_um[:1, axis])[0] for axis in range(3)]
    words = [("G0" if jump else "G1") for jump in (toolpath.kind == MoveKind.JUMP).tolist()]
    power = np.rint(toolpath.power * machine.s_max).astype(int).tolist()
    feed = [_number(f, 1) for f in (toolpath.speed_mm_s * 60).tolist()]
    lines, modal_g, modal_s, modal_f = [], "G0", 0, ""
    for word, x, y, z, s, f in zip(words, *axes, power, feed, strict=True):
        line = word if word != modal_g else ""
        modal_g = word
        now = [x, y, z]
        line += "".join(
            letter + new for letter, old, new in zip("XYZ", before, now, strict=True) if new != old
        )
        before = now
        if word == "G1" and f != modal_f:
            line, modal_f = f"{line}F{f}", f
        if s != modal_s:
            line, modal_s = f"{line}S{s}", s
        lines.append(line)
    return lines


def _coordinates(values_um: NDArray[np.float64]) -> list[str]:
    """Write um as mm with at most four decimals: 0.1 um."""
    return [_number(value, 4) for value in (values_um * 1e-3).tolist()]


def _number(value: float, decimals: int) -> str:
    """Write a number in its fewest characters.

    Examples
    --------
    >>> _number(0.25, 4), _number(-0.25, 4), _number(10.0, 4), _number(-0.00001, 4)
    ('.25', '-.25', '10', '0')
    """
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    text = text.replace("-0.", "-.", 1) if text.startswith("-0.") else text
    text = text[1:] if text.startswith("0.") else text
    return "0" if text in ("", "-0", "-") else text


def _refuse_long_lines(lines: list[str], machine: Machine) -> None:
    longest = max(lines, key=len)
    if len(longest) > machine.line_characters:
        raise ProgramError(
            f"line {longest!r} has {len(longest)} characters, {machine.name} reads at most "
            f"{machine.line_characters}; shorten the names of the profiles"
        )


def _refuse_beyond_travel(toolpath: Toolpath, machine: Machine) -> None:
    extent_mm = np.ptp(toolpath.xyz_um, axis=0) * 1e-3
    for axis, extent, travel in zip("xyz", extent_mm.tolist(), machine.travel_mm, strict=True):
        if extent > travel:
            raise ProgramError(
                f"the path is {extent:.2f} mm long in {axis}, {machine.name} travels "
                f"{travel:g} mm; use a machine of more travel or fewer pockets"
            )
