"""The gear ring on a pin: every tooth, every gap and the start mark are looked at."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import shapely
from shapely import affinity
from shapely.geometry import Polygon

import hardware
from engraver import codes, layout, relief
from engraver.gear import START, encode_ring
from engraver.heightmap import HeightMap
from engraver.inspection import Inspection, Verdict, expected, inspect
from engraver.relief import ReliefDesign

SETUP = hardware.load_setup("ring-direct-drive")
CODE = codes.encode_index(163963)


@cache
def designed() -> ReliefDesign:
    return relief.design(layout.arrange(CODE, SETUP), SETUP)


def scanned(marks: tuple[Polygon, ...], sunk: Polygon | None = None, um: float = 0.0) -> HeightMap:
    """Draw a pin with these teeth, 0.1 um of noise and a tenth of the points missing."""
    design, rng = designed(), np.random.default_rng(5)
    drawn = expected.surface(replace(design, layout=replace(design.layout, marks=marks)))
    z = -design.relief_um * drawn.removed
    grid = drawn.grid
    if sunk is not None:
        x, y = np.meshgrid(grid.x_um, grid.y_um)
        z -= np.where(shapely.contains_xy(sunk.buffer(8.0), x, y), um * (1 - drawn.removed), 0.0)
    z += rng.normal(0.0, 0.1, z.shape)
    z[rng.random(z.shape) < 0.1] = np.nan
    return HeightMap(z, (grid.pitch_um, grid.pitch_um), (grid.x0_um, grid.y0_um))


def judged(marks: tuple[Polygon, ...], sunk: Polygon | None = None, um: float = 0.0) -> Inspection:
    return inspect(designed(), scanned(marks, sunk, um))


def codes_of(found: Inspection) -> set[str]:
    return {finding.code for finding in found.findings}


def test_a_sound_ring_reads_and_every_tooth_is_measured() -> None:
    """All slots as the code wants them, heights within 1 %, places within 0.5 um."""
    found = judged(designed().layout.marks)
    ring = found.ring
    assert ring is not None and found.verdict is Verdict.GOOD, found.findings
    assert ring.read == ring.wanted == encode_ring(CODE)
    assert ring.fiducial and ring.fiducial_shift_um == pytest.approx(0.0, abs=0.3)
    assert len(ring.teeth) == len(designed().layout.marks)
    for tooth in ring.teeth:
        assert tooth.height_um.value == pytest.approx(designed().relief_um, rel=0.01)
        assert abs(tooth.shift_um.value) < 0.5


def test_a_missing_tooth_a_tooth_too_many_and_a_broken_start_are_told() -> None:
    """Each is a finding of its own that names the slot; the mark is bad."""
    marks = designed().layout.marks
    found = judged(marks[:10] + marks[11:])
    assert codes_of(found) == {"missing-tooth"} and found.ring is not None
    gone = [
        k for k, (a, b) in enumerate(zip(found.ring.wanted, found.ring.read, strict=True)) if a != b
    ]
    assert gone and all(str(slot + 1) in found.findings[0].text for slot in gone[:6])
    wanted = encode_ring(CODE)
    slot = next(k for k in range(20, 80) if wanted[k - 1 : k + 2] == (0, 0, 0))
    step = 360.0 / len(wanted)
    first = max(marks, key=lambda tooth: tooth.centroid.y)
    single = affinity.rotate(_slot_of(first, step), (slot + 0.5) * step, origin=(0, 0))
    found = judged((*marks, single))
    assert codes_of(found) == {"extra-tooth"} and str(slot + 1) in found.findings[0].text
    left = tuple(m for m in marks if not 0 <= _angle(m) < len(START) * step)
    assert {"missing-fiducial", "missing-tooth"} <= codes_of(judged(left))


def test_a_low_tooth_and_one_out_of_place_are_told() -> None:
    """A tooth 6 um low, and one turned by 8 um along the ring: measured, and refused by name."""
    marks = designed().layout.marks
    found = judged(marks, marks[12], 6.0)
    assert codes_of(found) == {"tooth-relief"} and found.ring is not None
    assert min(t.height_um.value for t in found.ring.teeth) == pytest.approx(16.0, abs=0.3)
    radius = float(np.hypot(marks[12].centroid.x, marks[12].centroid.y))
    moved = affinity.rotate(marks[12], np.degrees(8.0 / radius), origin=(0, 0))
    found = judged((*marks[:12], moved, *marks[13:]))
    assert codes_of(found) == {"shifted-tooth"} and found.ring is not None
    assert max(t.shift_um.value for t in found.ring.teeth) == pytest.approx(8.0, abs=1.0)


def _angle(tooth: Polygon) -> float:
    """Return a tooth's angle, counter-clockwise from twelve o'clock, in degrees."""
    return float(np.degrees(np.arctan2(-tooth.centroid.x, tooth.centroid.y))) % 360.0


def _slot_of(tooth: Polygon, step_deg: float) -> Polygon:
    """Return a tooth one slot wide about twelve o'clock, as long as ``tooth``."""
    reach = np.hypot(*np.array(tooth.exterior.coords).T)
    sweep = np.radians(np.linspace(-step_deg / 2, step_deg / 2, 7))
    rim = np.column_stack((-np.sin(sweep), np.cos(sweep)))
    return Polygon(np.concatenate((rim * reach.min(), rim[::-1] * reach.max())))
