"""docs/bring-up.md: its commands exist, and its arithmetic is the planner's."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from engraver import coupons
from engraver.calibration import commanded_xyz_um
from engraver.toolpath import MoveKind
from hardware.load import load_setup
from station_api.cli.app import GROUPS
from tests.conftest import REPOSITORY

TEXT = (REPOSITORY / "docs/bring-up.md").read_text()


def test_every_command_exists() -> None:
    """A step names no command that the station has not."""
    named = set(re.findall(r"`?pinmark ([a-z-]+)", TEXT)) - {"profiles/machines"}
    assert len(named) > 8
    assert named - set(GROUPS) == set()
    assert set(re.findall(r"--coupon ([a-z]+)", TEXT)) <= set(coupons.KINDS)


@pytest.mark.parametrize(("late_us", "back_um"), [(26.7, -0.7), (0.0, 3.0), (15.0, 0.0)])
def test_the_two_figures_undo_what_the_machine_does(late_us: float, back_um: float) -> None:
    """Combs as a late beam and a sloppy axis leave them, by the document -> both figures."""
    setup = load_setup("default-direct-drive")
    v = setup.recipe.speed_mm_s
    met = {}
    for share in (0.25, 1.0):
        # forwards begins v t too far; backwards v t too far the other way, and b further along
        met[share] = 2 * v * share * late_us * 1e-3 - back_um
    late = 1000 * (met[1.0] - met[0.25]) / (1.5 * v)
    back = 2 * v * late / 1000 - met[1.0]
    assert (late, back) == (pytest.approx(late_us), pytest.approx(back_um))
    told = replace(setup.machine, laser_latency_us=late, bidirectional_offset_um=back)
    path = coupons.plan("offset", setup)
    step = np.linalg.norm(np.diff(path.xyz_um, axis=0), axis=1)
    tooth = (path.kind == MoveKind.BURN) & (step > 300)  # no label shares a vertex with these
    moved = (commanded_xyz_um(path, told) - path.xyz_um)[1:][tooth]
    want = np.abs(back / 2 - path.speed_mm_s[tooth] * late * 1e-3)
    assert tooth.sum() >= 100
    assert np.hypot(*moved[:, :2].T) == pytest.approx(want, abs=0.1)
