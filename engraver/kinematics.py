"""grbl's trapezoid planner as arrays: way-points and speeds -> speeds and times of all moves.

In: points (mm), speeds (mm/s), a `Machine`. Out: `MotionProfile`, the speed at every vertex and
the seconds of every move. Authority: gnea/grbl v1.1 planner.c (junction deviation, look-ahead)
and stepper.c (trapezoid).

Theory of operation
-------------------
A move may be entered at most at the junction speed v^2 = a d s / (1 - s), with s the sine of
half the angle between the moves, a the acceleration along the junction's direction and d the
junction deviation $11. Speeds are then cut so that every move can brake to the next one and
can be reached from the one before:

    v_i^2 <= v_(i+1)^2 + 2 a_i l_i        (backwards)
    v_(i+1)^2 <= v_i^2 + 2 a_i l_i        (forwards)

Both are running minima after adding the running sum C_i of 2 a l, so no loop is needed. The
planner sees only as many blocks as its buffer holds, and at their end it plans to stop:
v_i^2 <= C_(i+N) - C_i. Limits are an axis's own: a diagonal may be faster, as in grbl.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engraver.profiles import Machine

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class MotionProfile:
    """Speeds and times of m moves.

    ``entry_mm_s`` is ``(m + 1,)``, the speed at each vertex; ``peak_mm_s`` and ``time_s`` are
    ``(m,)``.
    """

    entry_mm_s: Floats
    peak_mm_s: Floats
    time_s: Floats

    @property
    def duration_s(self) -> float:
        """Return the sum of all moves."""
        return float(self.time_s.sum())


def plan_speeds(xyz_mm: Floats, speed_mm_s: Floats, machine: Machine) -> MotionProfile:
    """Plan moves between ``(m + 1, 3)`` points at up to ``(m,)`` speeds.

    Every move must have a length above 0.

    Examples
    --------
    One millimetre from rest to rest at 10 mm/s and 500 mm/s2: 0.1 s and v / a more.

    >>> import hardware
    >>> machine = hardware.load("machines", "grbl-avr-gantry")
    >>> way = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    >>> round(plan_speeds(way, np.array([10.0]), machine).duration_s, 6)
    0.12
    """
    step = np.diff(xyz_mm, axis=0)
    length = np.linalg.norm(step, axis=1)
    unit = step / length[:, None]
    acceleration = _along(_accelerations(machine), unit)
    nominal = np.minimum(speed_mm_s, _along(_speeds(machine), unit))
    gain = 2 * acceleration * length
    limit = _junction_limits(unit, nominal, machine)
    squared = _look_ahead(limit, gain, machine.planner_blocks)
    return _trapezoids(squared, nominal, acceleration, length)


def corner_speed_mm_s(machine: Machine, angle_deg: float) -> float:
    """Return the speed at which a right angle between a row at ``angle_deg`` and the next is cut.

    It is the speed with which a row begins without a run-up.
    """
    angle = np.radians(angle_deg + np.array([45.0, 135.0]))
    ways = np.column_stack((np.cos(angle), np.sin(angle), np.zeros(2)))
    half_sine = np.sqrt(0.5)
    pull = float(_along(_accelerations(machine), ways).min())
    return float(np.sqrt(pull * machine.junction_deviation_mm * half_sine / (1 - half_sine)))


def row_acceleration_mm_s2(machine: Machine, angle_deg: float) -> float:
    """Return the acceleration along a row at ``angle_deg``."""
    angle = np.radians(angle_deg)
    return float(
        _along(_accelerations(machine), np.array([[np.cos(angle), np.sin(angle), 0.0]]))[0]
    )


def _speeds(machine: Machine) -> Floats:
    return np.array(machine.axis_speeds_mm_s)


def _accelerations(machine: Machine) -> Floats:
    return np.array(machine.axis_accelerations_mm_s2)


def _along(limits: Floats, unit: Floats) -> Floats:
    """Return the limit along ``unit`` if every axis keeps its own of ``(3,)``, as in grbl 1.1."""
    along: Floats = 1 / (np.abs(unit) / limits).max(axis=1)
    return along


def _junction_limits(unit: Floats, nominal: Floats, machine: Machine) -> Floats:
    """Return ``(m + 1,)`` squared speed limits at the vertices; 0 at both ends."""
    limit = np.zeros(len(nominal) + 1)
    if len(nominal) < 2:
        return limit
    cosine = -np.einsum("ij,ij->i", unit[:-1], unit[1:])
    turn = unit[1:] - unit[:-1]
    norm = np.linalg.norm(turn, axis=1)
    straight = cosine < -0.999999  # planner.c: such moves join without slowing
    turn[~straight] /= norm[~straight, None]
    turn[straight] = unit[1:][straight]
    half_sine = np.sqrt(np.clip(0.5 * (1.0 - cosine), 0.0, 1.0))
    room = np.where(straight, 1.0, 1.0 - half_sine)
    pull = _along(_accelerations(machine), turn)
    junction = pull * machine.junction_deviation_mm * half_sine / room
    junction = np.where(straight, np.inf, np.where(cosine > 0.999999, 0.0, junction))
    limit[1:-1] = np.minimum(junction, np.minimum(nominal[:-1], nominal[1:]) ** 2)
    return limit


def _look_ahead(limit: Floats, gain: Floats, planner_blocks: int) -> Floats:
    """Cut squared speeds to what braking, accelerating and the buffer's sight allow."""
    total = np.concatenate(([0.0], np.cumsum(gain)))
    last = np.minimum(np.arange(len(total)) + planner_blocks, len(total) - 1)
    sighted = np.minimum(limit, total[last] - total)
    braking = np.minimum.accumulate((sighted + total)[::-1])[::-1] - total
    reached: Floats = np.maximum(np.minimum.accumulate(braking - total) + total, 0.0)
    return reached


def _trapezoids(
    squared: Floats, nominal: Floats, acceleration: Floats, length: Floats
) -> MotionProfile:
    entry = np.sqrt(squared)
    meet = 0.5 * (squared[:-1] + squared[1:]) + acceleration * length
    peak = np.minimum(nominal, np.sqrt(meet))
    ramps = (2 * peak**2 - squared[:-1] - squared[1:]) / (2 * acceleration)
    time = (2 * peak - entry[:-1] - entry[1:]) / acceleration + np.maximum(length - ramps, 0) / peak
    return MotionProfile(entry, peak, time)
