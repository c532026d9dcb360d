"""How often is a symbol misread? The micro-font against OCR-B, DejaVu Sans Mono and Hershey.

Run: ``python benchmarks/font.py``. All faces are drawn in one cell with one mean inked area
and read under the same conditions in the same run (benchmarks/reading tells how). The seeds
are held out: the search that found the micro-font's shapes never saw them. With
``--write-confusion`` the micro-font's counts replace the table of engraver/confusion.py.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from reading import faces, simulation
from reading.simulation import Conditions, Ranges, Window

from engraver import glyphs

SEED = 20_310_731
OURS = "micro-font"
BEAM_RADIUS_UM = 10.0
NAMED_PAIRS = ("2Z", "0D", "68", "7T", "71", "T1", "HM")
CONFUSION_FILE = Path(__file__).parent.parent / "engraver" / "confusion.py"
BEGIN, END = "    # counts begin\n", "    # counts end\n"

SYMBOLS = glyphs.SYMBOLS
CELL = faces.CellBox()
USUAL = Ranges()
MILDER = Ranges(sigma_um=(6.0, 15.0), half_plane_chance=0.2, blob_chance=0.2)
HARSHER = Ranges(
    sigma_um=(10.0, 24.0), half_plane_share=(0.15, 0.4), blob_radius_um=(10.0, 22.0), blobs=3
)

Counts = NDArray[np.int64]


def gather(cell: faces.CellBox, as_designed: bool) -> dict[str, faces.Outlines]:
    """Return the faces that are installed, the micro-font first."""
    ours = faces.micro_font(cell)
    ink = faces.mean_ink_um2(ours)
    found = {OURS: ours}
    for name in faces.PEERS:
        try:
            found[name] = faces.peer(name, cell, ink)
            if as_designed:
                found[f"{name}, own weight"] = faces.peer(name, cell, None)
        except FileNotFoundError as missing:
            print(f"not measured: {name}: {missing}", file=sys.stderr)
    return found


def confusion(reads: NDArray[np.int64]) -> Counts:
    """Count ``(true, read)`` from the reads of every symbol under every condition."""
    n = len(SYMBOLS)
    true = np.broadcast_to(np.arange(n)[:, None], reads.shape)
    return np.bincount((true * n + reads).ravel(), minlength=n * n).reshape(n, n)


def pair_percent(counts: Counts, a: str, b: str) -> float:
    """Return how often either symbol of a pair is read as the other, percent of their reads."""
    i, j = SYMBOLS.index(a), SYMBOLS.index(b)
    swapped, reads = counts[i, j] + counts[j, i], counts[i].sum() + counts[j].sum()
    return float(100.0 * swapped / reads)


def worst_pairs(counts: Counts, how_many: int = 5) -> str:
    """Return the pairs most often taken for each other, with their percentages."""
    pairs = [(pair_percent(counts, a, b), a, b) for a in SYMBOLS for b in SYMBOLS if a < b]
    pairs.sort(reverse=True)
    return "  ".join(f"{a}/{b} {percent:.1f}" for percent, a, b in pairs[:how_many])


def lost_topology(outlines: faces.Outlines) -> str:
    """Name the symbols whose parts or holes change under a beam of ``BEAM_RADIUS_UM``."""
    return "".join(
        symbol
        for symbol, shape in outlines.items()
        if glyphs.topology(glyphs.closed_by_beam(shape, BEAM_RADIUS_UM)) != glyphs.topology(shape)
    )


def percent_with_error(wrong: NDArray[np.bool_] | NDArray[np.float64]) -> tuple[float, float]:
    """Return the mean of ``(symbols, n)`` in percent and its standard error over conditions."""
    by_condition = wrong.mean(axis=0) * 100
    return float(by_condition.mean()), float(by_condition.std(ddof=1) / len(by_condition) ** 0.5)


def print_main(
    all_wrong: dict[str, NDArray[np.bool_]],
    found: dict[str, faces.Outlines],
    conditions: Conditions,
) -> None:
    """Print one row a face: read errors in all and by condition, ink, lost topology."""
    sigma, covered = conditions.sigma_um, conditions.covered
    groups = {
        "clear": covered == 0,
        "covered": covered > 0,
        "blur<11": sigma < 11,
        "11-15": (sigma >= 11) & (sigma < 15),
        ">15": sigma >= 15,
    }
    print(
        f"{'read error, %':36s}{'mean':>13s}"
        + "".join(f"{g:>9s}" for g in groups)
        + f"{'ink um2':>9s}  loses topology at {BEAM_RADIUS_UM:g} um"
    )
    for name, wrong in all_wrong.items():
        mean, error = percent_with_error(wrong)
        row = "".join(f"{100 * wrong[:, g].mean():9.2f}" for g in groups.values())
        ink = faces.mean_ink_um2(found[name])
        print(
            f"{name:36s}{mean:7.2f} ±{1.96 * error:5.2f}{row}{ink:9.0f}  "
            f"{lost_topology(found[name]) or '-'}"
        )


def print_verdict(all_wrong: dict[str, NDArray[np.bool_]]) -> bool:
    """Print the paired difference to the best peer; True if ours is better for certain."""
    peers = [name for name in all_wrong if name != OURS]
    best = min(peers, key=lambda name: all_wrong[name].mean())
    gain, error = percent_with_error(all_wrong[best].astype(float) - all_wrong[OURS])
    ratio = all_wrong[OURS].mean() / all_wrong[best].mean()
    print(
        f"best peer: {best}; the micro-font errs {gain:.2f} ±{1.96 * error:.2f} points less "
        f"(paired), x {ratio:.2f}"
    )
    return gain > 1.96 * error


@dataclass(frozen=True, slots=True)
class Trial:
    """One set of conditions all faces are read under."""

    title: str
    cell: faces.CellBox = CELL
    ranges: Ranges = USUAL
    template_sigma_um: float = simulation.TEMPLATE_SIGMA_UM
    beam_radius_um: float = 0.0


OTHER_TRIALS = (
    Trial("small cell 110 x 80 um, stroke 15 um", cell=faces.CellBox(110.0, 80.0, 15.0)),
    Trial("large cell 130 x 90 um, stroke 20 um", cell=faces.CellBox(130.0, 90.0, 20.0)),
    Trial("thinner stroke, 13 um", cell=faces.CellBox(120.0, 85.0, 13.0)),
    Trial("as a beam of 10 um leaves them", beam_radius_um=BEAM_RADIUS_UM),
    Trial("a reader with sharper templates, 10 um", template_sigma_um=10.0),
    Trial("a reader with softer templates, 20 um", template_sigma_um=20.0),
    Trial("milder blur and cover", ranges=MILDER),
    Trial("harsher blur and cover", ranges=HARSHER),
)


def read_faces(
    trial: Trial, found: dict[str, faces.Outlines], conditions: Conditions
) -> dict[str, NDArray[np.int64]]:
    """Read every face under ``conditions``; ``(symbols, n)`` symbols read for each."""
    window = Window(trial.cell.height_um, trial.cell.width_um)
    reads = {}
    for name, outlines in found.items():
        left = {
            symbol: glyphs.closed_by_beam(shape, trial.beam_radius_um)
            for symbol, shape in outlines.items()
        }
        reads[name] = simulation.read_all(left, conditions, window, trial.template_sigma_um)
    return reads


def run(trial: Trial, n: int, seed: int, full: bool) -> tuple[bool, dict[str, Counts]]:
    """Read all faces in one trial and print what came of it."""
    window = Window(trial.cell.height_um, trial.cell.width_um)
    conditions = simulation.draw_conditions(n, seed, window, trial.ranges)
    found = gather(trial.cell, as_designed=full)
    reads = read_faces(trial, found, conditions)
    wrong = {name: read != np.arange(len(SYMBOLS))[:, None] for name, read in reads.items()}
    if full:
        print_main(wrong, found, conditions)
    else:
        print("  ".join(f"{name} {100 * w.mean():.2f}" for name, w in wrong.items()))
    better = len(wrong) > 1 and print_verdict(wrong)
    return better, {name: confusion(read) for name, read in reads.items()}


def print_pairs(counts: dict[str, Counts]) -> None:
    """Print the worst pairs and the named pairs of every face."""
    print("\nfive worst pairs, % of the reads of both")
    for name, count in counts.items():
        print(f"{name:36s}{worst_pairs(count)}")
    print("\nthe pairs to be pulled apart, % of the reads of both")
    print(" " * 36 + "".join(f"{p[0] + '/' + p[1]:>7s}" for p in NAMED_PAIRS))
    for name, count in counts.items():
        print(f"{name:36s}" + "".join(f"{pair_percent(count, *p):7.2f}" for p in NAMED_PAIRS))


def write_confusion(counts: Counts) -> None:
    """Replace the counts in engraver/confusion.py."""
    text = CONFUSION_FILE.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    rows = "".join(f'    "{" ".join(str(c) for c in row)}",\n' for row in counts)
    CONFUSION_FILE.write_text(head + BEGIN + rows + END + tail, encoding="utf-8")


def main() -> None:
    """Print the tables; exit 1 if the micro-font is not better than every peer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conditions", type=int, default=1000, help="impressions a symbol")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--write-confusion", action="store_true")
    options = parser.parse_args()
    n, seed = options.conditions, options.seed
    print(
        f"cell {CELL.height_um:g} x {CELL.width_um:g} um, stroke {CELL.stroke_um:g} um, "
        f"{n} conditions x 32 symbols, seed {seed}\n"
    )
    better, counts = run(Trial("usual"), n, seed, full=True)
    print_pairs(counts)
    for offset, trial in enumerate(OTHER_TRIALS, start=1):
        print(f"\n{trial.title}")
        also, _ = run(trial, max(n // 4, 2), seed + offset, full=False)
        better &= also
    if options.write_confusion:
        write_confusion(counts[OURS])
    sys.exit(0 if better else 1)


if __name__ == "__main__":
    main()
