"""How firearms strike primers: conditions, one firearm drawn from them, one shot of it.

In: a named set of conditions and a generator seeded by the caller. Out: frozen values; lengths
in um. Authority: none of the figures is measured. The sets are fitted as wholes: ``poor`` so
that 54 % of codes of eight symbols are whole on one case (Krivosta, NYPD, AFTE Journal 38(1),
2006: 54 of 100), ``good`` so that more than 90 % are after 1,500 rounds (Lizotte and Ohar,
Proc. SPIE 7112, 2008). Losses are positional in the field, the same side goes missing shot
after shot: offset, tilt and the direction of drag belong to the firearm, the rest to the shot.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np

from engraver.errors import ProfileError


@dataclass(frozen=True, slots=True)
class Conditions:
    """One set of conditions.

    Parameters
    ----------
    transfer
        Share of the pin's relief that the primer's metal takes up under full contact.
    pressure, pressure_spread
        Mean contact over the mark's centre (1 fills the relief) and its spread from shot to
        shot.
    offset_um, tilt
        Standard deviations over firearms: of the contact's centre, and of the change of contact
        from the centre of the mark to its rim.
    contact_um
        Radius within which the tip, curved, reaches the primer at full contact.
    flow_um
        How far metal rounds edges off: standard deviation of the blur.
    drag_um
        Mean length of the smear as the action unlocks.
    double_strike
        Chance of a second blow, 30 um or so away.
    sealant
        Mean share of the mark under lacquer or soot.
    roughness_um, grain_um
        The primer's own surface: standard deviation and grain.
    wear_rounds
        Rounds after which a pin's relief has fallen to 1 / e.
    """

    name: str
    transfer: float
    pressure: float
    pressure_spread: float
    offset_um: float
    tilt: float
    contact_um: float
    flow_um: float
    drag_um: float
    double_strike: float
    sealant: float
    roughness_um: float
    grain_um: float
    wear_rounds: float


CONDITIONS = {
    "poor": Conditions(
        name="poor",
        transfer=0.5,
        pressure=0.85,
        pressure_spread=0.12,
        offset_um=70.0,
        tilt=0.45,
        contact_um=420.0,
        flow_um=7.0,
        drag_um=8.0,
        double_strike=0.05,
        sealant=0.04,
        roughness_um=2.35,
        grain_um=9.0,
        wear_rounds=15_000.0,
    ),
    "good": Conditions(
        name="good",
        transfer=0.6,
        pressure=1.1,
        pressure_spread=0.08,
        offset_um=30.0,
        tilt=0.12,
        contact_um=480.0,
        flow_um=5.0,
        drag_um=3.0,
        double_strike=0.01,
        sealant=0.01,
        roughness_um=1.0,
        grain_um=8.0,
        wear_rounds=20_000.0,
    ),
}


def conditions_named(name: str) -> Conditions:
    """Return a set of conditions; ProfileError names the known ones."""
    if name not in CONDITIONS:
        raise ProfileError(f"conditions {name!r} are unknown; known: {', '.join(CONDITIONS)}")
    return CONDITIONS[name]


@dataclass(frozen=True, slots=True)
class Firearm:
    """What stays the same from shot to shot; tilt is a change of contact along x and y."""

    offset_x_um: float
    offset_y_um: float
    tilt_x: float
    tilt_y: float
    drag_rad: float

    @classmethod
    def draw(cls, conditions: Conditions, rng: np.random.Generator) -> Firearm:
        """Draw one firearm."""
        offset = rng.normal(0.0, conditions.offset_um, 2)
        tilt = rng.normal(0.0, conditions.tilt, 2)
        drag = float(rng.uniform(0.0, 2 * pi))
        return cls(float(offset[0]), float(offset[1]), float(tilt[0]), float(tilt[1]), drag)


@dataclass(frozen=True, slots=True)
class Shot:
    """What differs from shot to shot; ``seed`` draws roughness and sealant."""

    pressure: float
    drag_x_um: float
    drag_y_um: float
    second_x_um: float
    second_y_um: float
    second_share: float
    sealant: float
    rounds_before: int
    seed: int

    @classmethod
    def draw(
        cls, conditions: Conditions, firearm: Firearm, rounds_before: int, rng: np.random.Generator
    ) -> Shot:
        """Draw one shot of ``firearm`` after ``rounds_before`` others."""
        drag = float(rng.exponential(conditions.drag_um)) if conditions.drag_um > 0 else 0.0
        twice = rng.random() < conditions.double_strike
        second = rng.normal(0.0, 30.0, 2)
        sealant = float(rng.exponential(conditions.sealant)) if conditions.sealant > 0 else 0.0
        return cls(
            pressure=float(rng.normal(conditions.pressure, conditions.pressure_spread)),
            drag_x_um=drag * cos(firearm.drag_rad),
            drag_y_um=drag * sin(firearm.drag_rad),
            second_x_um=float(second[0]),
            second_y_um=float(second[1]),
            second_share=float(rng.uniform(0.3, 0.7)) if twice else 0.0,
            sealant=min(sealant, 0.8),
            rounds_before=rounds_before,
            seed=int(rng.integers(0, 2**63 - 1)),
        )
