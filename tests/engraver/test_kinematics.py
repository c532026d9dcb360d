"""engraver/kinematics: grbl's planner as arrays gives what a loop over blocks gives."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hardware
from engraver.kinematics import corner_speed_mm_s, plan_speeds
from engraver.profiles import Machine

GANTRY = replace(
    hardware.load("machines", "grbl-avr-gantry"), z_max_speed_mm_s=0.0, z_acceleration_mm_s2=0.0
)


def along(limit: float, unit: np.ndarray) -> float:
    """Return the limit along a direction whose axes may each reach it."""
    return min(limit / abs(u) for u in unit if abs(u) > 1e-12)


def loop_s(points: np.ndarray, speeds: np.ndarray, machine: Machine) -> float:
    """Plan block by block with the whole path in sight, as a plain reading of planner.c."""
    units, lengths, nominal, pull = [], [], [], []
    for a, b, speed in zip(points, points[1:], speeds, strict=False):
        length = float(np.linalg.norm(b - a))
        unit = (b - a) / length
        units.append(unit)
        lengths.append(length)
        rapid = along(machine.max_speed_mm_s, unit)
        nominal.append(min(speed, rapid))
        pull.append(along(machine.acceleration_mm_s2, unit))
    entry = [0.0] * (len(units) + 1)
    for i in range(1, len(units)):
        cosine = -float(units[i - 1] @ units[i])
        top = min(nominal[i - 1], nominal[i]) ** 2
        if cosine > 0.999999:
            top = 0.0
        elif cosine >= -0.999999:
            way = units[i] - units[i - 1]
            way /= np.linalg.norm(way)
            corner = along(machine.acceleration_mm_s2, way)
            half = sqrt(0.5 * (1 - cosine))
            top = min(top, corner * machine.junction_deviation_mm * half / (1 - half))
        entry[i] = top
    for i in reversed(range(len(units))):
        entry[i] = min(entry[i], entry[i + 1] + 2 * pull[i] * lengths[i])
    for i in range(len(units)):
        entry[i + 1] = min(entry[i + 1], entry[i] + 2 * pull[i] * lengths[i])
    seconds = 0.0
    for i, length in enumerate(lengths):
        v0, v1, a = sqrt(entry[i]), sqrt(entry[i + 1]), pull[i]
        peak = min(nominal[i], sqrt(a * length + (entry[i] + entry[i + 1]) / 2))
        ramps = (2 * peak**2 - entry[i] - entry[i + 1]) / (2 * a)
        seconds += (2 * peak - v0 - v1) / a + max(length - ramps, 0.0) / peak
    return seconds


steps = st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.sampled_from([0.0, 0.0, 0.02]))


@settings(max_examples=80, deadline=None)
@given(st.lists(steps, min_size=1, max_size=25), st.floats(0.5, 20))
def test_arrays_agree_with_a_loop_over_blocks(
    moves: list[tuple[float, float, float]], speed: float
) -> None:
    """Any path: the same seconds as planning block by block."""
    way = np.array([step for step in moves if np.hypot(step[0], step[1]) > 1e-3] or [(1.0, 0, 0)])
    points = np.concatenate((np.zeros((1, 3)), np.cumsum(way, axis=0)))
    machine = replace(GANTRY, planner_blocks=1000)
    speeds = np.full(len(way), speed)
    assert plan_speeds(points, speeds, machine).duration_s == pytest.approx(
        loop_s(points, speeds, machine), rel=1e-6
    )


def test_a_short_move_never_reaches_its_speed() -> None:
    """From rest to rest over l < v^2 / a takes 2 sqrt(l / a)."""
    way = np.array([[0.0, 0, 0], [0.05, 0, 0]])
    assert plan_speeds(way, np.array([10.0]), GANTRY).duration_s == pytest.approx(
        2 * sqrt(0.05 / 500)
    )


def test_a_straight_line_in_pieces_takes_no_longer() -> None:
    """Gates along a row cost nothing: that is why sweeping through gaps pays."""
    ends = np.array([[0.0, 0, 0], [1.0, 0, 0]])
    pieces = np.column_stack((np.linspace(0, 1, 11), np.zeros(11), np.zeros(11)))
    whole = plan_speeds(ends, np.array([10.0]), GANTRY).duration_s
    assert plan_speeds(pieces, np.full(10, 10.0), GANTRY).duration_s == pytest.approx(whole)


def test_diagonals_may_be_faster_as_in_grbl() -> None:
    """Limits are an axis's own, so 45 degrees has sqrt 2 of speed and acceleration."""
    way = np.array([[0.0, 0, 0], [1.0, 1.0, 0]])
    straight = np.array([[0.0, 0, 0], [1.0, 0, 0]])
    free = np.array([np.inf])
    assert plan_speeds(way, free, GANTRY).duration_s == pytest.approx(
        plan_speeds(straight, free, GANTRY).duration_s
    )


def test_a_short_buffer_slows_short_moves() -> None:
    """With 15 blocks of 2 um in sight the axes must be able to stop within 30 um."""
    points = np.column_stack((np.arange(500) * 0.002, np.zeros(500), np.zeros(500)))
    profile = plan_speeds(points, np.full(499, 10.0), GANTRY)
    assert profile.entry_mm_s.max() <= sqrt(2 * 500 * 15 * 0.002) + 1e-9


def test_corner_speed_is_that_of_planned_corners() -> None:
    """The run-up starts from the speed at which the planner really takes a row's turn."""
    for angle in (0.0, 20.0, 67.0):
        turn = np.radians(angle)
        row = np.array([np.cos(turn), np.sin(turn), 0.0])
        step = np.array([-np.sin(turn), np.cos(turn), 0.0])
        points = np.array([np.zeros(3), row, row + 0.5 * step, 0.5 * step])
        profile = plan_speeds(points, np.full(3, 10.0), GANTRY)
        assert corner_speed_mm_s(GANTRY, angle) <= profile.entry_mm_s[1:3].max() + 1e-9
