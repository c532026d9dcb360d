"""What is refused before any laser: recipes that ask the impossible of beam or machine.

In: a `Setup`. Out: nothing, or a `DesignError` with the value, its unit, the limit and what
would fit. Geometry is refused where it is made (`engraver.layout`, `engraver.relief`).
"""

from __future__ import annotations

import shapely
from shapely.geometry import MultiPolygon, Polygon

from engraver import crater
from engraver.errors import DesignError
from engraver.profiles import Setup

RELIEF_TOLERANCE = 0.15
"""Share of the relief by which the predicted mean depth may differ from the recipe's."""


def refuse_impossible_process(setup: Setup) -> None:
    """Check hatch, laser, machine and depth, in this order.

    Raises
    ------
    DesignError
        With the first figure that does not go with the rest.
    """
    _refuse_wide_hatch(setup)
    _refuse_beyond_limits(setup)
    _refuse_wrong_depth(setup)


def refuse_text_recipe(setup: Setup) -> None:
    """Check that the recipe is one for codes, not for the text of a frame.

    Raises
    ------
    DesignError
        If its field is text.
    """
    if setup.recipe.field == "text":
        raise DesignError(
            f"recipe {setup.recipe.name} cuts the text of a frame, not a code; give it a plate's "
            f"text, or use a recipe whose field is outline or tip"
        )


def refuse_bad_outline(shape: Polygon | MultiPolygon, what: str, remedy: str) -> None:
    """Check that ``shape`` is a simple, non-empty outline.

    Raises
    ------
    DesignError
        Naming ``what`` it is and where it crosses itself.
    """
    if shape.is_empty:
        raise DesignError(f"the {what} is empty; {remedy}")
    if not shape.is_valid:
        raise DesignError(f"the {what} is no outline: {shapely.is_valid_reason(shape)}; {remedy}")


def _refuse_wide_hatch(setup: Setup) -> None:
    pitch, radius = setup.recipe.hatch_pitch_um, setup.laser.beam_radius_um
    if pitch > radius:
        raise DesignError(
            f"recipe {setup.recipe.name}: hatch_pitch_um {pitch:g} um exceeds the beam radius "
            f"{radius:g} um of {setup.laser.name} and would leave ridges; use at most {radius:g} um"
        )


def _refuse_beyond_limits(setup: Setup) -> None:
    recipe, laser, machine = setup.recipe, setup.laser, setup.machine
    for key, value, limit, unit, owner in (
        (
            "pulse_energy_uj",
            recipe.pulse_energy_uj,
            laser.max_pulse_energy_uj,
            "uJ",
            laser.name,
        ),
        (
            "repetition_rate_khz",
            recipe.repetition_rate_khz,
            laser.max_repetition_rate_khz,
            "kHz",
            laser.name,
        ),
        ("speed_mm_s", recipe.speed_mm_s, machine.max_speed_mm_s, "mm/s", machine.name),
    ):
        if value > limit:
            raise DesignError(
                f"recipe {recipe.name}: {key} {value:g} {unit} exceeds the {limit:g} {unit} of "
                f"{owner}; use at most {limit:g} {unit}"
            )
    steps_s = recipe.speed_mm_s * machine.steps_per_mm
    if steps_s > machine.step_rate_hz:
        raise DesignError(
            f"recipe {recipe.name}: {recipe.speed_mm_s:g} mm/s asks {steps_s:g} steps/s of "
            f"{machine.name}, which makes {machine.step_rate_hz:g}; use at most "
            f"{machine.step_rate_hz / machine.steps_per_mm:g} mm/s"
        )


def _refuse_wrong_depth(setup: Setup) -> None:
    wanted, expected = setup.recipe.relief_um, crater.depth_um(setup)
    if abs(expected - wanted) > RELIEF_TOLERANCE * wanted:
        passes = setup.recipe.passes * wanted / expected if expected > 0 else 0
        remedy = (
            f"use {passes:.0f} passes"
            if passes >= 1
            else f"raise the pulse energy above {crater.threshold_energy_uj(setup):.2f} uJ"
        )
        raise DesignError(
            f"recipe {setup.recipe.name}: {setup.recipe.passes} passes would give a relief of "
            f"{expected:.1f} um, {wanted:g} um is wanted, {RELIEF_TOLERANCE:.0%} off is allowed; "
            f"{remedy}"
        )
