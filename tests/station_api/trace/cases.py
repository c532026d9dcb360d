"""Scans of cases fired by pins that the recipe would make."""

from __future__ import annotations

import numpy as np

import hardware
from engraver import codes, layout, relief
from engraver.heightmap import write_x3p
from engraver.impressions import CONDITIONS, Firearm, Shot, strike
from engraver.impressions.legibility import ideal_pin


def case_scan(index: int, recipe: str = "default", seed: int = 4) -> bytes:
    """Return the X3P file of a well struck case of the firearm with this registry integer."""
    setup = hardware.load_setup(recipe)
    code = codes.encode_index(index, setup.recipe.code_format)
    design = relief.design(layout.arrange(code, setup), setup)
    rng = np.random.default_rng(seed)
    firearm, pin = Firearm.draw(CONDITIONS["good"], rng), ideal_pin(design)
    shot = Shot.draw(CONDITIONS["good"], firearm, 0, rng)
    return write_x3p(strike(pin, CONDITIONS["good"], firearm, shot, dent=True))
