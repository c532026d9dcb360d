"""From cases to the firearm: how often 8, 10 and 12 symbols on one and the same tip identify.

`python benchmarks/identification.py [--firearms N] [--issued N]` prints the table of
docs/impressions.md. Every format fills the same circle on the tip: fewer symbols are larger.
Cases are simulated (`engraver.impressions`), read by the reader of cases, and called by
`engraver.evidence` among the issued codes with the open hypothesis, prior 0.5.
"""

# ruff: noqa: E402  one thread is asked for before numpy is loaded
from __future__ import annotations

import argparse
import os

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from dataclasses import replace
from math import hypot

import numpy as np

import hardware
from engraver import codes, evidence, layout, relief
from engraver.impressions import CONDITIONS, Firearm
from engraver.impressions.legibility import ideal_pin, shoot
from engraver.issued import issue
from engraver.likelihood import ReadModel
from engraver.profiles import Setup

BASE = hardware.load_setup("default")
FORMATS = ("pin32-8", "pin32-10", "pin32-12")
CASES = (1, 2, 3, 5)
ROUNDS = {"poor": 0, "good": 1500}


def circle_um(setup: Setup) -> float:
    """Return the radius of the pattern's corners."""
    recipe, fmt = setup.recipe, codes.FORMATS[setup.recipe.code_format]
    x = (fmt.columns - 1) / 2 * recipe.pitch_x_um + recipe.cell_width_um / 2
    y = (fmt.rows - 1) / 2 * recipe.pitch_y_um + recipe.cell_height_um / 2
    return hypot(x, y)


def fitted(format_name: str) -> Setup:
    """Return the default setup with ``format_name`` scaled to the circle of twelve symbols."""
    setup = replace(BASE, recipe=replace(BASE.recipe, code_format=format_name))
    share = circle_um(BASE) / circle_um(setup)
    sized = {
        name: getattr(setup.recipe, name) * share
        for name in ("cell_height_um", "cell_width_um", "stroke_um", "pitch_x_um", "pitch_y_um")
    }
    return replace(setup, recipe=replace(setup.recipe, **sized))


def tables(setup: Setup, name: str, index: int, seed: tuple[int, ...]) -> list[np.ndarray]:
    """Return the likelihood tables of five cases of one firearm."""
    code = codes.encode_index(index, setup.recipe.code_format)
    design = relief.design(layout.arrange(code, setup), setup)
    rng = np.random.default_rng(seed)
    firearm, pin = Firearm.draw(CONDITIONS[name], rng), ideal_pin(design)
    return [
        shoot(pin, design, CONDITIONS[name], firearm, ROUNDS[name] + k, rng).table
        for k in range(max(CASES))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--firearms", type=int, default=12)
    parser.add_argument("--issued", type=int, default=100_000)
    chosen = parser.parse_args()
    indices = np.arange(32768, 32768 + chosen.issued, dtype=np.int64)
    model, rng = ReadModel(), np.random.default_rng(41)
    calls = wrong = 0
    print(
        f"\nIdentification at posterior 0.99, {chosen.issued} issued codes, "
        f"{chosen.firearms} firearms a line, half of them issued (simulation)"
    )
    print(
        "conditions  format     cell um    "
        + "".join(f"K={k:<7}" for k in CASES)
        + "not issued, called"
    )
    for name in CONDITIONS:
        for format_name in FORMATS:
            setup = fitted(format_name)
            issued = issue(indices, codes.FORMATS[format_name])
            right, false = np.zeros(len(CASES)), 0
            members = (chosen.firearms + 1) // 2
            for k in range(chosen.firearms):
                known = k < members
                low = 32768 if known else 32768 + 2 * chosen.issued
                index = int(rng.integers(low, low + chosen.issued))
                read = tables(setup, name, index, (42, k, FORMATS.index(format_name)))
                for c, count in enumerate(CASES):
                    found = evidence.call(read[:count], issued, model)
                    calls += 1
                    if found.verdict != "identified":
                        continue
                    correct = known and found.candidates[0].index == index
                    right[c] += correct
                    wrong += not correct
                    false += not known
            cell = f"{setup.recipe.cell_width_um:.0f} x {setup.recipe.cell_height_um:.0f}"
            shares = "".join(f"{v / members:<9.0%}" for v in right)
            print(f"{name:<11} {format_name:<10} {cell:<10} {shares}{false}", flush=True)
    print(f"wrong calls: {wrong} of {calls}")


if __name__ == "__main__":
    main()
