"""From cases to the firearm: how often 8, 10 and 12 symbols on one and the same tip identify.

`python benchmarks/identification.py [--firearms N] [--issued N] [--keep FILE]` prints the tables
of docs/impressions.md. Every format fills the same circle on the tip: fewer symbols are larger.
Cases are simulated (`engraver.impressions`), read by the reader of cases, and called by
`engraver.evidence` among the issued codes with the open hypothesis and its default prior.
``--keep`` writes the reads down, so that another rule of calling can be tried on the same cases.

`python benchmarks/identification.py --sizes [--write]` draws the curve that a recipe of
``code_format = "auto"`` chooses by: the share identified by one case in poor conditions against
the height of a cell; ``--write`` puts it into `engraver.choice`.
"""

# ruff: noqa: E402  one thread is asked for before numpy is loaded
from __future__ import annotations

import argparse
import os

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from dataclasses import replace
from math import hypot
from pathlib import Path

import numpy as np
from scipy import stats

import hardware
from engraver import choice, codes, evidence, layout, relief
from engraver.choice import FORMATS
from engraver.impressions import CONDITIONS, Firearm
from engraver.impressions.legibility import ideal_pin, shoot
from engraver.issued import IssuedCodes, issue
from engraver.likelihood import ReadModel
from engraver.profiles import Setup

BASE = hardware.load_setup("default")
CASES = (1, 2, 3, 5)
ROUNDS = {"poor": 0, "good": 1500}
FIRST = 32768
"""The first index that belongs to a firearm: block 0 is for trials."""

SIZES_UM = (55.0, 70.0, 90.0, 120.0, 160.0, 220.0)
MODEL = ReadModel()

Line = tuple[np.ndarray, np.ndarray]
"""Indices ``(f,)`` and log-likelihoods ``(f, cases, n, 32)`` of the firearms of one line."""


def circle_um(setup: Setup) -> float:
    """Return the radius of the pattern's corners."""
    recipe, fmt = setup.recipe, codes.FORMATS[setup.recipe.code_format]
    x = (fmt.columns - 1) / 2 * recipe.pitch_x_um + recipe.cell_width_um / 2
    y = (fmt.rows - 1) / 2 * recipe.pitch_y_um + recipe.cell_height_um / 2
    return hypot(x, y)


def scaled(format_name: str, share: float) -> Setup:
    """Return the default setup with another format and cells of ``share`` of their size."""
    sized = {
        name: getattr(BASE.recipe, name) * share
        for name in ("cell_height_um", "cell_width_um", "stroke_um", "pitch_x_um", "pitch_y_um")
    }
    return replace(BASE, recipe=replace(BASE.recipe, code_format=format_name, **sized))


def fitted(format_name: str) -> Setup:
    """Return the default setup with ``format_name`` scaled to the circle of twelve symbols."""
    return scaled(format_name, circle_um(BASE) / circle_um(scaled(format_name, 1.0)))


def roomy(setup: Setup) -> Setup:
    """Return the setup with a tip and a beam that stand in no size's way."""
    share, recipe = min(1.0, setup.recipe.cell_height_um / BASE.recipe.cell_height_um), setup.recipe
    return replace(
        setup,
        recipe=replace(
            recipe,
            hatch_pitch_um=recipe.hatch_pitch_um * share,
            pulse_energy_uj=recipe.pulse_energy_uj * share**2,
            repetition_rate_khz=recipe.repetition_rate_khz / share,
        ),
        part=replace(setup.part, tip_diameter_um=4000.0),
        laser=replace(setup.laser, beam_radius_um=setup.laser.beam_radius_um * share),
    )


def cases(setup: Setup, name: str, index: int, seed: tuple[int, ...], count: int) -> np.ndarray:
    """Return the likelihood tables of ``count`` cases of one firearm."""
    code = codes.encode_index(index, setup.recipe.code_format)
    design = relief.design(layout.arrange(code, setup), setup)
    rng = np.random.default_rng(seed)
    firearm, pin = Firearm.draw(CONDITIONS[name], rng), ideal_pin(design)
    shots = range(ROUNDS[name], ROUNDS[name] + count)
    return np.array([shoot(pin, design, CONDITIONS[name], firearm, k, rng).table for k in shots])


def drawn(setup: Setup, name: str, seed: int, chosen: argparse.Namespace, count: int) -> Line:
    """Simulate a line of the table; the first half of its firearms is issued."""
    rng = np.random.default_rng((41, seed))
    low = np.where(np.arange(chosen.firearms) < members(chosen), FIRST, FIRST + 2 * chosen.issued)
    indices = low + rng.integers(0, chosen.issued, chosen.firearms)
    read = [cases(setup, name, int(i), (42, seed, k), count) for k, i in enumerate(indices)]
    return indices, np.array(read, np.float32)


def members(chosen: argparse.Namespace) -> int:
    return (int(chosen.firearms) + 1) // 2


def kept(name: str, number: int, format_name: str, chosen: argparse.Namespace) -> Line:
    """Return a line from the file of reads, simulated and added to it where it is missing."""
    key = f"{name} {format_name} {chosen.firearms} {chosen.issued}"
    file = Path(chosen.keep) if chosen.keep else None
    known = dict(np.load(file)) if file and file.exists() else {}
    if f"{key} reads" not in known:
        indices, reads = drawn(fitted(format_name), name, number, chosen, max(CASES))
        known |= {f"{key} indices": indices, f"{key} reads": reads}
        if file:
            np.savez(file, **known)
    return known[f"{key} indices"], known[f"{key} reads"]


def tally(line: Line, issued: IssuedCodes, chosen: argparse.Namespace) -> np.ndarray:
    """Return, for each number of cases: called right, called wrong, left a case out."""
    counts = np.zeros((len(CASES), 3), int)
    for k, (index, reads) in enumerate(zip(*line, strict=True)):
        for c, count in enumerate(CASES):
            found = evidence.call(list(reads[:count].astype(float)), issued, MODEL)
            if found.verdict == "identified":
                right = k < members(chosen) and found.candidates[0].index == index
                counts[c] += (right, not right, bool(found.left_out))
    return counts


def mixed(line: Line, issued: IssuedCodes, chosen: argparse.Namespace) -> np.ndarray:
    """Put one case of the next firearm among those of each issued one.

    Returns, for each number of cases from 2 on: tried, identified as the firearm of the rest,
    as the one of the single case, as neither, with the foreign case not left out.
    """
    counts = np.zeros((len(CASES) - 1, 5), int)
    indices, reads = line
    for k in range(members(chosen) - 1):
        for c, count in enumerate(CASES[1:]):
            together = [*reads[k, : count - 1].astype(float), reads[k + 1, 0].astype(float)]
            found = evidence.call(together, issued, MODEL)
            counts[c, 0] += 1
            if found.verdict == "identified":
                who = found.candidates[0].index
                own, other = who == indices[k], who == indices[k + 1]
                taken_in = own and count - 1 not in found.left_out
                counts[c, 1:] += (own, other, not own and not other, taken_in)
    return counts


def bound(wrong: int, trials: int) -> float:
    """Return what the rate of wrong calls is below, at 95 % (Clopper and Pearson)."""
    return float(stats.beta.ppf(0.95, wrong + 1, trials - wrong))


def identification(chosen: argparse.Namespace) -> None:
    indices = np.arange(FIRST, FIRST + chosen.issued, dtype=np.int64)
    print(
        f"\nIdentification at posterior 0.99, {chosen.issued} issued codes, "
        f"{chosen.firearms} firearms a line, half of them issued (simulation)"
    )
    print(
        "conditions  format     cell um    "
        + "".join(f"K={k:<7}" for k in CASES)
        + "wrong    left a case out"
    )
    total, foreign = np.zeros((len(CASES), 3), int), np.zeros((len(CASES) - 1, 5), int)
    lines = [(name, format_name) for name in CONDITIONS for format_name in FORMATS]
    for number, (name, format_name) in enumerate(lines):
        recipe, issued = fitted(format_name).recipe, issue(indices, codes.FORMATS[format_name])
        line = kept(name, number, format_name, chosen)
        counts = tally(line, issued, chosen)
        total, foreign = total + counts, foreign + mixed(line, issued, chosen)
        cell = f"{recipe.cell_width_um:.0f} x {recipe.cell_height_um:.0f}"
        shares = "".join(f"{v / members(chosen):<9.1%}" for v in counts[:, 0])
        print(
            f"{name:<11} {format_name:<10} {cell:<10} {shares}{counts[:, 1].sum():<8} "
            f"{', '.join(str(v) for v in counts[:, 2])}",
            flush=True,
        )
    trials = len(lines) * chosen.firearms
    for k, wrong in zip(CASES, total[:, 1], strict=True):
        print(
            f"K={k}: {wrong} wrong of {trials} firearms, below {bound(wrong, trials):.3%} at 95 %"
        )
    print("\nOne case of another firearm among them (the last of K)")
    for k, (tried, own, other, neither, taken_in) in zip(CASES[1:], foreign, strict=True):
        print(
            f"K={k}: {tried} tried, called for the firearm of the rest {own}, of the single case "
            f"{other}, of neither {neither}; the foreign case not left out {taken_in}"
        )


def sizes(chosen: argparse.Namespace) -> None:
    """Print, and write if asked, the share identified by one poor case for sizes of cells."""
    indices = np.arange(FIRST, FIRST + chosen.issued, dtype=np.int64)
    rows: list[list[int]] = []
    print(f"\nIdentified by one case in poor conditions, {chosen.firearms} firearms a figure")
    print("cell height um  " + "".join(f"{name:<11}" for name in FORMATS))
    for number, height in enumerate(SIZES_UM):
        row = []
        for format_name in FORMATS:
            setup = roomy(scaled(format_name, height / BASE.recipe.cell_height_um))
            issued = issue(indices, codes.FORMATS[format_name])
            rng, right = np.random.default_rng((43, number, FORMATS.index(format_name))), 0
            for k in range(chosen.firearms):
                index = FIRST + int(rng.integers(chosen.issued))
                seed = (44, number, FORMATS.index(format_name), k)
                found = evidence.call(list(cases(setup, "poor", index, seed, 1)), issued, MODEL)
                right += found.verdict == "identified" and found.candidates[0].index == index
            row.append(right)
        rows.append(row)
        print(f"{height:<15g} " + "".join(f"{v / chosen.firearms:<11.1%}" for v in row), flush=True)
    if chosen.write:
        written(rows, chosen.firearms)


def written(rows: list[list[int]], trials: int) -> None:
    """Put the counts between the marks in the source of `engraver.choice`."""
    file = Path(choice.__file__)
    head, rest = file.read_text("utf-8").split("    # counts begin\n")
    tail = rest.split("    # counts end\n")[1]
    lines = [
        f"    ({height!r}, {', '.join(str(v) for v in row)}),\n"
        for height, row in zip(SIZES_UM, rows, strict=True)
    ]
    head = "".join(
        f"TRIALS = {trials}\n" if line.startswith("TRIALS = ") else line
        for line in head.splitlines(keepends=True)
    )
    body = "    # counts begin\n" + "".join(lines) + "    # counts end\n"
    file.write_text(head + body + tail, "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--firearms", type=int, default=12)
    parser.add_argument("--issued", type=int, default=100_000)
    parser.add_argument("--keep", default="", help="file of reads, .npz")
    parser.add_argument("--sizes", action="store_true", help="the curve of the choice instead")
    parser.add_argument("--write", action="store_true", help="write the curve into engraver.choice")
    chosen = parser.parse_args()
    if chosen.sizes:
        sizes(chosen)
    else:
        identification(chosen)


if __name__ == "__main__":
    main()
