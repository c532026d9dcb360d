"""engraver/fill, ordering, tour, strokes: rows cover the region, once, in a short order."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import MultiPolygon, Point, Polygon, box

from engraver import fill, ordering, strokes, tour
from engraver.strokes import MoveKind, RunUp

discs = st.lists(
    st.tuples(st.floats(-80, 80), st.floats(-80, 80), st.floats(3, 60)), min_size=1, max_size=6
)
angles = st.floats(0, 180)
pitches = st.floats(2, 15)


def region_of(parts: list[tuple[float, float, float]]) -> MultiPolygon:
    """Return discs, every other one cut out of those before it."""
    shape = Polygon()
    for number, (x, y, radius) in enumerate(parts):
        disc = Point(x, y).buffer(radius)
        shape = shape.union(disc) if number % 2 == 0 else shape.difference(disc)
    return MultiPolygon([p for p in shapely.get_parts(shape) if isinstance(p, Polygon)])


@settings(max_examples=60, deadline=None)
@given(discs, angles, pitches, st.floats(0, 1))
def test_rows_are_those_of_an_independent_kernel(
    parts: list[tuple[float, float, float]], angle: float, pitch: float, phase: float
) -> None:
    """Row by row the segments are what GEOS leaves of the same lines."""
    region = region_of(parts)
    rows = fill.hatch(region, angle, pitch, phase)
    # turning a hairline sliver may cross its own sides, of which GEOS then makes nonsense
    turned = shapely.make_valid(affinity.rotate(region, -angle, origin=(0, 0)))
    expected = 0.0
    if not turned.is_empty:
        x0, y0, x1, y1 = turned.bounds
        numbers = np.arange(np.floor(y0 / pitch) - 1, np.ceil(y1 / pitch) + 2)
        lines = [[(x0 - 1, (k + phase) * pitch), (x1 + 1, (k + phase) * pitch)] for k in numbers]
        expected = shapely.length(shapely.intersection(shapely.linestrings(lines), turned)).sum()
    assert rows.length_um == pytest.approx(expected, abs=1e-3)


def test_phase_lock_shares_rows_between_regions() -> None:
    """Two far apart regions, filled alone or together, have the same rows."""
    left, right = box(-100, -13, -50, 17), box(31, -29, 77, 41)
    both = fill.hatch(MultiPolygon([left, right]), 23.0, 5.0, 0.3)
    alone = [fill.hatch(shape, 23.0, 5.0, 0.3) for shape in (left, right)]
    assert sorted(both.v_um.tolist()) == sorted(v for rows in alone for v in rows.v_um.tolist())


def test_hatch_angles_do_not_repeat_soon() -> None:
    """In 180 passes of 67 degrees no angle comes twice; phases stay spread out."""
    seen = [fill.pass_angle_deg(67.0, k) for k in range(180)]
    assert len(set(seen)) == 180
    phases = np.sort([fill.pass_phase(k) for k in range(50)])
    assert np.diff(phases).max() < 2.7 / 50


def test_a_vertex_on_a_row_counts_once() -> None:
    """A diamond whose corners lie on rows is filled with its own chords."""
    rows = fill.hatch(Polygon([(0, -10), (10, 0), (0, 10), (-10, 0)]), 0.0, 5.0)
    assert rows.length_um == pytest.approx(10 + 20 + 10)


def test_an_empty_region_has_no_rows() -> None:
    """Nothing in, nothing out, all the way."""
    rows = fill.hatch(MultiPolygon(), 0.0, 5.0)
    route = ordering.route(rows, np.inf, np.zeros(2))
    assert len(strokes.along(rows, route, RunUp(0, 0)).kind) == 0


@settings(max_examples=40, deadline=None)
@given(discs, angles, st.sampled_from([0.0, 20.0, np.inf]), st.floats(0, 30))
def test_every_segment_is_burned_once_whatever_the_order(
    parts: list[tuple[float, float, float]], angle: float, gap: float, lead: float
) -> None:
    """Burns are exactly the hatch's segments; turns and sweeps burn nothing."""
    rows = fill.hatch(region_of(parts), angle, 5.0)
    way = strokes.along(rows, ordering.route(rows, gap, np.zeros(2)), RunUp(lead, lead))
    ends = np.flatnonzero(way.kind == MoveKind.BURN)
    burned = np.sort(np.column_stack((way.uv_um[ends - 1, 0], way.uv_um[ends, 0])), axis=1)
    level = way.uv_um[ends, 1]
    assert np.allclose(way.uv_um[ends - 1, 1], level)
    got = np.column_stack((level, burned))
    wanted = np.column_stack((rows.v_um, rows.u_um))
    assert got[np.lexsort(got.T[::-1])] == pytest.approx(wanted[np.lexsort(wanted.T[::-1])])


def test_turns_are_squared_and_run_up() -> None:
    """Between rows of a slanted side both corners are right angles, beyond the longer row."""
    rows = fill.hatch(Polygon([(0, 0), (100, 0), (120, 10), (0, 10)]), 0.0, 5.0, 0.5)
    way = strokes.along(rows, ordering.route(rows, np.inf, np.zeros(2)), RunUp(3.0, 7.0))
    u, v = way.uv_um.T
    assert u.tolist() == pytest.approx([-7, 0, 105, 118, 118, 115, 0, -7])
    assert v.tolist() == pytest.approx([2.5] * 4 + [7.5] * 4)
    assert [MoveKind(k).name for k in way.kind] == [
        "JUMP", "GATED", "BURN", "GATED", "GATED", "GATED", "BURN", "GATED",
    ]  # fmt: skip


def brute_force(entry: np.ndarray, leave: np.ndarray, start: np.ndarray) -> float:
    """Return the shortest tour of all orders and ways."""
    best = np.inf
    for order in permutations(range(len(entry))):
        for ways in product(range(4), repeat=len(entry)):
            at, length = start, 0.0
            for cell, way in zip(order, ways, strict=True):
                length += float(np.hypot(*(entry[cell, way] - at)))
                at = leave[cell, way]
            best = min(best, length)
    return best


@pytest.mark.parametrize("seed", range(6))
def test_small_tours_are_the_shortest(seed: int) -> None:
    """Four cells, all 4! * 4^4 tours tried: within 2 % of the best, and the same every time."""
    random = np.random.default_rng(seed)
    ends = random.uniform(0, 100, (4, 2, 2))
    entry = ends[:, [0, 1, 0, 1]]
    leave = ends[:, [1, 0, 1, 0]]
    reverse = np.tile([1, 0, 3, 2], (4, 1))
    start = np.zeros(2)
    order, way = tour.shortest(entry, leave, reverse, start, kicks=20)
    assert sorted(order.tolist()) == [0, 1, 2, 3]
    at = np.concatenate((start[None], leave[order, way][:-1]))
    length = float(np.hypot(*(entry[order, way] - at).T).sum())
    assert length <= brute_force(entry, leave, start) * 1.02
    again = tour.shortest(entry, leave, reverse, start, kicks=20)
    assert np.array_equal(order, again[0])
    assert np.array_equal(way, again[1])


def test_kicks_never_lengthen_a_tour() -> None:
    """More effort gives a tour no longer, and still every cell once."""
    random = np.random.default_rng(3)
    ends = random.uniform(0, 1000, (30, 2, 2))
    entry, leave = ends[:, [0, 1, 0, 1]], ends[:, [1, 0, 1, 0]]
    reverse = np.tile([1, 0, 3, 2], (30, 1))
    lengths = []
    for kicks in (0, 40):
        order, way = tour.shortest(entry, leave, reverse, np.zeros(2), kicks)
        assert sorted(order.tolist()) == list(range(30))
        at = np.concatenate((np.zeros((1, 2)), leave[order, way][:-1]))
        lengths.append(float(np.hypot(*(entry[order, way] - at).T).sum()))
    assert lengths[1] <= lengths[0]
