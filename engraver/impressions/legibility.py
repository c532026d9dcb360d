"""Legibility against rounds: how often each symbol of a recipe can be read on a case.

In: a design, conditions, rounds, numbers of firearms, a seed. Out: `Legibility`, shares from 0
to 1. Authority: simulation with `engraver.impressions.strike`, read by `read_case`; the pose is
taken as known to 3 um, as after a careful alignment, so that the curve speaks of the mark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engraver.heightmap import HeightMap
from engraver.impressions.cases import CaseReading, read_case
from engraver.impressions.conditions import Conditions, Firearm, Shot
from engraver.impressions.strike import strike
from engraver.inspection import expected, registration
from engraver.inspection.registration import Pose
from engraver.relief import ReliefDesign

Floats = NDArray[np.float64]
CASE_PITCH_UM = 3.0
"""Lateral sampling of public topography of cases."""

ALIGNMENT_UM = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Legibility:
    """Shares of correctly read symbols.

    ``rounds`` has shape ``(r,)``, ``symbol`` ``(r, n)`` by position, ``whole`` ``(r,)`` the share
    of cases with every symbol right; ``trials`` is the number of cases behind each.
    """

    rounds: NDArray[np.int64]
    symbol: Floats
    whole: Floats
    trials: int

    def __post_init__(self) -> None:
        for array in (self.rounds, self.symbol, self.whole):
            array.setflags(write=False)


def ideal_pin(design: ReliefDesign, pitch_um: float = CASE_PITCH_UM) -> HeightMap:
    """Return the pin that the design promises, at the pitch of a case's scan."""
    seen = expected.surface(design, pitch_um=pitch_um)
    margin = int(np.ceil(60.0 / pitch_um))
    z = np.pad(-design.relief_um * seen.removed, margin)
    origin = (seen.grid.x0_um - margin * pitch_um, seen.grid.y0_um - margin * pitch_um)
    return HeightMap(z, (pitch_um, pitch_um), origin)


def case_pitch(pin: HeightMap, design: ReliefDesign) -> HeightMap:
    """Return the marked part of a pin's map at the pitch of a case's scan, its face at 0."""
    ideal = ideal_pin(design)
    (pitch, _), (x0, y0) = ideal.pitch_xy_um, ideal.origin_xy_um
    rows, columns = ideal.z_um.shape
    field = registration.shrink(
        registration.Field(pin.z_um, pin.pitch_xy_um, pin.origin_xy_um), pitch
    )
    x, y = np.meshgrid(x0 + pitch * np.arange(columns), y0 + pitch * np.arange(rows))
    z = field.sample(x, y)
    return HeightMap(np.where(np.isfinite(z), z, 0.0), (pitch, pitch), (x0, y0))


def shoot(
    pin: HeightMap,
    design: ReliefDesign,
    conditions: Conditions,
    firearm: Firearm,
    rounds_before: int,
    rng: np.random.Generator,
) -> CaseReading:
    """Fire once and read the case, aligned to a few um."""
    shot = Shot.draw(conditions, firearm, rounds_before, rng)
    case = strike(pin, conditions, firearm, shot)
    shift = rng.normal(0.0, ALIGNMENT_UM, 2)
    pose = Pose(shift_x_um=float(shift[0]), shift_y_um=float(shift[1]), mirrored=True)
    return read_case(case, design, pose)


def legibility(
    design: ReliefDesign,
    conditions: Conditions,
    rounds: Sequence[int],
    *,
    firearms: int = 50,
    seed: int = 1,
    pin: HeightMap | None = None,
) -> Legibility:
    """Simulate one case of each of many firearms at each number of rounds."""
    surface = ideal_pin(design) if pin is None else pin
    truth = design.layout.code.text
    right = np.zeros((len(rounds), firearms, len(truth)))
    for k in range(firearms):
        rng = np.random.default_rng((seed, k))
        firearm = Firearm.draw(conditions, rng)
        for r, fired in enumerate(rounds):
            seen = shoot(surface, design, conditions, firearm, fired, rng)
            right[r, k] = [a == b for a, b in zip(seen.symbols, truth, strict=True)]
    return Legibility(
        np.array(rounds, np.int64), right.mean(axis=1), right.all(axis=2).mean(axis=1), firearms
    )
