"""Calibration jobs, programs of their own: what to burn on scrap to learn a machine's figures.

In: a `Setup`. Out: a `Toolpath` centred on the origin (um). Every trial is labelled with a row
letter and a column digit, drawn as single tracks. What each coupon teaches:

``power``       pulse energy x passes at two hatch pitches: depth of each patch -> threshold,
                penetration depth, incubation (D^2 against ln E, depth against N).
``offset``      combs burned forwards against backwards, shifted in steps: the comb whose teeth
                meet gives ``bidirectional_offset_um``, its slope with speed ``laser_latency_us``.
``focus``       tracks at steps of z: the narrowest is in focus.
``squareness``  crosses on a square grid: distances give steps per mm and the angle of the axes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engraver import fill, glyphs
from engraver.errors import DesignError
from engraver.profiles import Setup
from engraver.strokes import MoveKind
from engraver.toolpath import GRID_UM, Toolpath

Floats = NDArray[np.float64]

ENERGY_STEPS = (0.3, 0.45, 0.6, 0.8, 1.0)
"""Shares of the laser's full pulse energy, rows A to E of the power coupon."""

PASSES = (1, 2, 5, 12)
"""Passes of columns 1 to 4, and at half the pitch of 5 to 8: about as deep as marks."""

OFFSETS_UM = tuple(float(k) for k in range(-8, 9, 2))
FOCUS_SHARES = tuple(k / 4 for k in range(-8, 9))
"""Heights of the focus ladder in Rayleigh ranges."""

_PATCH_UM, _GAP_UM, _LABEL_UM = 100.0, 80.0, 60.0
_ROWS = "ACDEFGHJK"  # B and I would be read as 8 and 1: the micro-font has neither


@dataclass(frozen=True, slots=True)
class Track:
    """One polyline ``(n, 3)`` burned at a power and a speed."""

    xyz_um: Floats
    power: float
    speed_mm_s: float
    pass_index: int = 0


def plan(kind: str, setup: Setup) -> Toolpath:
    """Plan the coupon called ``kind``.

    Raises
    ------
    DesignError
        If there is no such coupon, or it does not fit the machine's table.
    """
    if kind not in KINDS:
        raise DesignError(f"coupon {kind!r} is unknown; known coupons: {', '.join(KINDS)}")
    tracks = list(KINDS[kind](setup))
    every = np.concatenate([track.xyz_um for track in tracks])
    size_mm = np.ptp(every, axis=0) * 1e-3
    for axis, extent, travel in zip("xyz", size_mm, setup.machine.travel_mm, strict=True):
        if extent > travel:
            raise DesignError(
                f"coupon {kind} is {extent:.2f} mm along {axis}, {setup.machine.name} travels "
                f"{travel:g} mm; use a machine of more travel"
            )
    return join(tracks, setup.machine.acceleration_mm_s2)


def join(tracks: list[Track], acceleration_mm_s2: float) -> Toolpath:
    """Put tracks end to end with jumps between them, on the grid, from the origin.

    A straight track gets a gated run-up and run-out of v^2 / 2 a, so that all of it is burned
    at one speed.
    """
    points, kinds, numbers = [np.zeros((1, 3))], [], []
    for number, track in enumerate(tracks):
        xyz, kind = _led(track, acceleration_mm_s2)
        xyz = np.round(xyz / GRID_UM) * GRID_UM
        moved = np.any(xyz != np.concatenate((points[-1][-1:], xyz[:-1])), axis=1)
        points.append(xyz[moved])
        kinds.append(kind[moved])
        numbers.append(np.full(int(moved.sum()), number))
    kind, owner = np.concatenate(kinds), np.concatenate(numbers)
    burn = kind == MoveKind.BURN
    return Toolpath(
        xyz_um=np.concatenate(points),
        kind=kind,
        speed_mm_s=np.array([track.speed_mm_s for track in tracks])[owner],
        power=np.where(burn, np.array([track.power for track in tracks])[owner], 0.0),
        stroke=np.where(burn, owner, -1).astype(np.int32),
        pass_index=np.array([track.pass_index for track in tracks], dtype=np.int32)[owner],
    )


def _led(track: Track, acceleration_mm_s2: float) -> tuple[Floats, NDArray[np.uint8]]:
    """Return the points of a track with its run-up, and the kind of move that ends at each."""
    xyz = track.xyz_um
    burns = [MoveKind.BURN] * (len(xyz) - 1)
    if len(xyz) > 2:
        return xyz, np.array([MoveKind.JUMP, *burns], dtype=np.uint8)
    along = xyz[1] - xyz[0]
    lead = along / np.linalg.norm(along) * track.speed_mm_s**2 / (2 * acceleration_mm_s2) * 1e3
    kinds = [MoveKind.JUMP, MoveKind.GATED, *burns, MoveKind.GATED]
    return np.vstack((xyz[0] - lead, xyz, xyz[1] + lead)), np.array(kinds, dtype=np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Patches:
    """The patches of a power coupon: centres ``(n, 2)`` in um, and how each was burned."""

    xy_um: Floats
    energy_uj: Floats
    passes: Floats
    hatch_pitch_um: Floats
    pulse_pitch_um: float
    side_um: float = _PATCH_UM
    gap_um: float = _GAP_UM


def power_patches(setup: Setup) -> Patches:
    """Return where the patches of the power coupon stand, and how each was burned."""
    recipe = setup.recipe
    columns = _columns(setup)
    rows = [
        (*_place(row, column), share * setup.laser.max_pulse_energy_uj, passes, pitch)
        for row, share in enumerate(ENERGY_STEPS)
        for column, (pitch, passes) in enumerate(columns)
    ]
    table = np.array(rows, np.float64)
    pulse_pitch_um = recipe.speed_mm_s / recipe.repetition_rate_khz
    return Patches(table[:, :2], table[:, 2], table[:, 3], table[:, 4], pulse_pitch_um)


def _columns(setup: Setup) -> list[tuple[float, int]]:
    """Return hatch pitch and passes of each column."""
    pitch_um = setup.recipe.hatch_pitch_um
    return [(pitch, passes) for pitch in (pitch_um, pitch_um / 2) for passes in PASSES]


def _power(setup: Setup) -> Iterator[Track]:
    """Patches of energy (rows) by passes (columns) by hatch pitch (halves)."""
    for row, power in enumerate(ENERGY_STEPS):
        yield from _label(_ROWS[row], _place(row, -1), setup)
        for column, (pitch, passes) in enumerate(_columns(setup)):
            if row == 0:
                yield from _label(str(column + 1), _place(-1, column), setup)
            centre = np.array(_place(row, column))
            for index in range(passes):
                yield from _patch(centre, pitch, index, power, setup)


def _place(row: int, column: int) -> Floats:
    """Return the centre of a patch; row and column -1 hold the labels."""
    step, columns = _PATCH_UM + _GAP_UM, 2 * len(PASSES)
    return np.array(
        [(column - (columns - 1) / 2) * step, ((len(ENERGY_STEPS) - 1) / 2 - row) * step]
    )


def _patch(
    centre: Floats, pitch_um: float, index: int, power: float, setup: Setup
) -> Iterator[Track]:
    """One pass over a square patch, back and forth, turned from pass to pass."""
    half = _PATCH_UM / 2
    square = fill.square(half)
    angle = fill.pass_angle_deg(setup.recipe.hatch_turn_deg, index)
    rows = fill.hatch(square, angle, pitch_um, fill.pass_phase(index), shortest_um=1.0)
    for number, (u, v) in enumerate(zip(rows.u_um, rows.v_um, strict=True)):
        ends = u if number % 2 == 0 else u[::-1]
        xy = fill.to_tip(ends, np.full(2, v), angle) + centre
        yield Track(_flat(xy), power, setup.recipe.speed_mm_s, index)


def _offset(setup: Setup) -> Iterator[Track]:
    """Combs: each tooth begins forwards on one side and backwards on the other of a line."""
    power, speed = _recipe_power(setup), setup.recipe.speed_mm_s
    run_um, tooth_um = 400.0, 15.0
    for ladder, share in enumerate((0.25, 1.0)):
        x = (ladder - 0.5) * 3 * run_um
        for step, offset in enumerate(OFFSETS_UM):
            y = (step - len(OFFSETS_UM) / 2) * 8 * tooth_um
            for tooth in range(3):
                level = y + tooth * 2 * tooth_um
                forward = [[x, level], [x + run_um, level]]
                backward = [[x + offset, level + tooth_um], [x + offset - run_um, level + tooth_um]]
                yield Track(_flat(np.array(forward)), power, speed * share)
                yield Track(_flat(np.array(backward)), power, speed * share)
            if ladder == 0:
                label = np.array([x - 1.5 * run_um, y + 2 * tooth_um])
                yield from _label(str(step + 1), label, setup)


def _focus(setup: Setup) -> Iterator[Track]:
    """Tracks at steps of z, from two Rayleigh ranges below the face to two above."""
    power, speed = _recipe_power(setup), setup.recipe.speed_mm_s
    for step, share in enumerate(FOCUS_SHARES):
        y = (step - (len(FOCUS_SHARES) - 1) / 2) * _GAP_UM
        z = share * setup.laser.rayleigh_range_um
        yield Track(np.array([[-400.0, y, z], [400.0, y, z]]), power, speed)
        if step % 4 == 0:
            yield from _label(str(step // 4), np.array([-480.0, y]), setup)


def _squareness(setup: Setup) -> Iterator[Track]:
    """Crosses on a 3 x 3 grid over most of the table, the first one labelled."""
    power, speed = _recipe_power(setup), setup.recipe.speed_mm_s
    reach_um = 0.45 * min(setup.machine.travel_mm[:2]) * 1e3
    arm = 100.0
    for y in (-reach_um, 0.0, reach_um):
        for x in (-reach_um, 0.0, reach_um):
            yield Track(_flat(np.array([[x - arm, y], [x + arm, y]])), power, speed)
            yield Track(_flat(np.array([[x, y - arm], [x, y + arm]])), power, speed)
    yield from _label("1", np.full(2, 2 * arm - reach_um), setup)


def _label(symbol: str, centre_um: Floats, setup: Setup) -> Iterator[Track]:
    """A symbol as single tracks of the recipe's power, read on the coupon itself."""
    for line in glyphs.skeleton(symbol):
        xy = line * np.array([_LABEL_UM * 0.7, _LABEL_UM]) + centre_um
        yield Track(_flat(xy), _recipe_power(setup), setup.recipe.speed_mm_s / 4)


def _recipe_power(setup: Setup) -> float:
    return setup.recipe.pulse_energy_uj / setup.laser.max_pulse_energy_uj


def _flat(xy_um: Floats) -> Floats:
    return np.column_stack((xy_um, np.zeros(len(xy_um))))


KINDS: dict[str, Callable[[Setup], Iterator[Track]]] = {
    "power": _power,
    "offset": _offset,
    "focus": _focus,
    "squareness": _squareness,
}
