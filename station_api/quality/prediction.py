"""Legibility before the laser is on: a code and a recipe -> what cases will show of it.

In: `MarkCode`, `Setup`, conditions by name. Out: JSON fields and the `Legibility` behind them.
Authority: engraver.impressions; a simulation, and every field set says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engraver import ablation, layout, relief, toolpath
from engraver.codes import MarkCode
from engraver.impressions import Legibility, legibility
from engraver.impressions.conditions import conditions_named
from engraver.impressions.legibility import case_pitch
from engraver.inspection import form_of, inspect
from engraver.profiles import Setup

STATED = "simulation: conditions are fitted to published outcomes, not measured"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which firearms are simulated: conditions, rounds fired before, how many, with which seed."""

    conditions: str = "poor"
    rounds: tuple[int, ...] = (0, 1500, 5000)
    firearms: int = 40
    seed: int = 1


def predict_cases(code: MarkCode, setup: Setup, asked: Asked) -> tuple[dict[str, Any], Legibility]:
    """Predict the pin from its toolpath, read it, then strike it as often as asked."""
    design = relief.design(layout.arrange(code, setup), setup)
    chosen = conditions_named(asked.conditions)
    pin = ablation.predict(toolpath.plan(design, setup), setup)
    seen = inspect(design, pin, form_kind=form_of(setup.part))
    found = legibility(
        design, chosen, list(asked.rounds), firearms=asked.firearms, seed=asked.seed,
        pin=case_pitch(pin, design),
    )  # fmt: skip
    fields = {
        "code": code.text,
        "recipe": setup.recipe.name,
        "pin_read_back": seen.read_back,
        "pin_verdict": seen.verdict.value,
        "pin_relief_um": round(seen.relief_um, 3),
        "conditions": asked.conditions,
        "stated_as": STATED,
        "firearms": asked.firearms,
        "seed": asked.seed,
    }
    return fields | legibility_fields(found), found


def legibility_fields(found: Legibility) -> dict[str, Any]:
    """Return a legibility curve as JSON fields."""
    return {
        "rounds": found.rounds.tolist(),
        "whole_code": [round(float(v), 4) for v in found.whole],
        "by_position": [[round(float(v), 4) for v in row] for row in found.symbol],
    }


def first_shares(fields: dict[str, Any]) -> Sequence[float]:
    """Return the share of each position that is read at the fewest rounds predicted."""
    shares: Sequence[float] = fields["by_position"][0]
    return shares
