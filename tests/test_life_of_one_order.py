"""The walk on the sample order gives the values that ARCHITECTURE.md tells."""

from __future__ import annotations

import numpy as np
import pytest
from shapely.geometry import MultiPoint

from engraver.toolpath import MoveKind
from station_api import samples
from station_api.registry_file import sample_registry
from station_api.schemas import order_from
from station_api.walk import Nobody, PlannedMark, encode_order, plan_code
from tests.conftest import REPOSITORY

ARCHITECTURE = (REPOSITORY / "ARCHITECTURE.md").read_text("utf-8")


@pytest.fixture(scope="module")
def planned() -> PlannedMark:
    """Plan the sample order once."""
    order = order_from(samples.order_fields(), "of the test")
    return plan_code(*encode_order(order, sample_registry()), Nobody())


def test_the_life_of_one_work_order_tells_real_values(planned: PlannedMark) -> None:
    """Code, index, strokes, lines, bytes and digest stand in the document as they are."""
    for value in (
        planned.code.text,
        str(planned.code.index),
        f"{planned.toolpath.stroke_count:,}",
        f"{len(planned.program.lines):,}",
        f"{len(planned.program.data):,}",
        planned.program.sha256[:12],
        f"{planned.program.estimated_time_s:.1f} s",
    ):
        assert f"`{value}`" in ARCHITECTURE, value


def test_no_laser_outside_the_tip_or_on_a_character(planned: PlannedMark) -> None:
    """Every laser-on vertex lies in the field and off the characters by the kerf."""
    path = planned.toolpath
    burns = np.flatnonzero(path.kind == MoveKind.BURN)
    points = MultiPoint(np.unique(path.xyz_um[np.r_[burns, burns + 1], :2], axis=0))
    design = planned.design
    assert points.within(design.layout.usable)
    assert points.distance(design.characters) >= design.kerf_um - 0.15  # 0.1 um of G-code's grid


def test_the_same_order_gives_the_same_bytes(planned: PlannedMark) -> None:
    """Planning is a function: no clock, no chance."""
    again = plan_code(planned.code, planned.setup, Nobody())
    assert again.program.sha256 == planned.program.sha256
