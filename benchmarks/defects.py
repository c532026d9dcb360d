"""Seeded defects, each at its limit and just inside it: what is let through, what is refused.

`python benchmarks/defects.py [--pins N] [--only NAME ...]` prints the table, and what it has so
far every hundred pins. A defect that has a limit is drawn twice:

    at      exactly at the limit of the acceptance profile: it has to be refused (ISO 14253-1: a
            figure passes only if it keeps its limit by its uncertainty)
    inside  within the limit by twice the expanded uncertainty: it has to pass

Between the two lies the guard band, where either answer is right. A defect without a limit (a
wrong symbol, a mirror) is drawn as its least case: the likest of the other symbols, one symbol
missing, two burns 5 um apart.
"""

# ruff: noqa: E402  one thread is asked for before numpy is loaded
from __future__ import annotations

import argparse
import os

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy import ndimage, stats
from workshop import Workshop, grain_for_sq_um

from engraver.acceptance import DEFAULT
from engraver.heightmap import HeightMap
from engraver.inspection import Verdict, expected, inspect
from engraver.inspection.raster import Grid

KEYED = replace(DEFAULT, rotation_deg=2.0)
"""The shipped limits, and a fixture that holds the pin to 2 degrees."""

DOUBLED_UM = 5.0
U_UM = {
    "relief": 0.30,
    "position": 0.16,
    "offset": 0.85,
    "slope": 0.10,
    "size": 0.60,
    "stroke": 0.30,
    "rough": 0.15,
    "recast": 0.10,
    "turn": 0.04,
    "scale": 0.004,
}
"""Expanded uncertainties (k = 2) as `pinmark inspect` states them on these pins, rounded up."""

Make = Callable[[Workshop], HeightMap]


def around(shop: Workshop) -> tuple[float, float]:
    """Return a direction."""
    angle = shop.rng.uniform(0.0, 2 * np.pi)
    return float(np.cos(angle)), float(np.sin(angle))


def likest(shop: Workshop) -> HeightMap:
    """Return a pin with one symbol taken for the one most like it."""
    at = int(shop.rng.integers(12))
    flat = expected.templates(shop.design).unmoved
    likeness = np.corrcoef(flat)
    here = expected.SYMBOLS.index(shop.design.layout.code.text[at])
    likeness[here, here] = -1.0
    other = expected.SYMBOLS[int(np.argmax(likeness[here]))]
    return shop.pin(shop.lowered(swapped=(at, other)))


def doubled(shop: Workshop) -> HeightMap:
    x, y = around(shop)
    return shop.pin((shop.sound + shop.shifted(DOUBLED_UM * x, DOUBLED_UM * y)) / 2)


def shifted(um: float) -> Make:
    """Return pins whose whole tip is scanned, the mark off its centre."""

    def make(shop: Workshop) -> HeightMap:
        grid = Grid.around((-760, -760, 760, 760), 2.0)
        x, y = around(shop)
        scan = shop.pin(shop.shifted(um * x, um * y, grid), grid)
        u, v = np.meshgrid(grid.x_um, grid.y_um)
        z = np.where(np.hypot(u, v) <= 750.0, scan.z_um, np.nan)
        return HeightMap(z, scan.pitch_xy_um, scan.origin_xy_um)

    return make


def strayed(um: float) -> Make:
    def make(shop: Workshop) -> HeightMap:
        x, y = around(shop)
        return shop.pin(shop.lowered(moved=(int(shop.rng.integers(12)), um * x, um * y)))

    return make


def tilted(um: float) -> Make:
    """Return pins whose relief changes by ``um`` over the cells' centres, along x or y."""

    def make(shop: Workshop) -> HeightMap:
        cells = shop.design.layout.cells
        x, y = np.meshgrid(shop.grid.x_um, shop.grid.y_um)
        along = [(x, [c.centre_x_um for c in cells]), (y, [c.centre_y_um for c in cells])]
        where, centres = along[int(shop.rng.integers(2))]
        return shop.scan(-(shop.relief_um + um * where / np.ptp(centres)) * shop.sound)

    return make


def deeper(um: float) -> Make:
    return lambda shop: shop.scan(-(shop.relief_um + um) * shop.sound)


def larger(name: str, um: float) -> Make:
    return lambda shop: shop.pin(shop.lowered(larger=(name, um)))


def rough(sq_um: float) -> Make:
    grain = grain_for_sq_um(sq_um)
    return lambda shop: shop.pin(shop.sound, grain_um=grain)


def collared(um: float) -> Make:
    """Return pins with a collar of melt, ``um`` high, round all tops."""

    def make(shop: Workshop) -> HeightMap:
        top = shop.sound < 0.002
        rim = top & (ndimage.distance_transform_edt(top) <= 3.0)
        return shop.scan(-shop.relief_um * shop.sound + np.where(rim, um, 0.0))

    return make


def turned(degrees: float) -> Make:
    def make(shop: Workshop) -> HeightMap:
        z = ndimage.rotate(shop.sound, degrees, reshape=False, order=3, mode="nearest")
        return shop.pin(z)

    return make


def scaled(share: float) -> Make:
    """Return pins that are drawn right and measured with pixels of the wrong size."""

    def make(shop: Workshop) -> HeightMap:
        scan = shop.pin(shop.sound)
        pitch = shop.grid.pitch_um * (1 + share)
        return HeightMap(scan.z_um, (pitch, pitch), (scan.origin_xy_um[0], scan.origin_xy_um[1]))

    return make


def lathe(shop: Workshop) -> HeightMap:
    """Return the back of a pin: rings of a lathe, 8 um high."""
    x, y = np.meshgrid(shop.grid.x_um, shop.grid.y_um)
    middle = shop.rng.uniform(-600, 600, 2)
    return shop.scan(8.0 * np.sin(np.hypot(x - middle[0], y - middle[1]) / shop.rng.uniform(6, 20)))


def both(
    name: str, make: Callable[[float], Make], limit: float, u: float, sign: int = 1
) -> dict[tuple[str, str], Make]:
    inside = limit - 2 * u
    return {(name, "at"): make(sign * limit), (name, "inside"): make(sign * inside)}


def table() -> dict[tuple[str, str], Make]:
    limits = KEYED
    return {
        ("none", "sound"): lambda s: s.pin(s.sound),
        ("wrong-symbol", "least"): likest,
        ("missing-symbol", "least"): lambda s: s.pin(s.lowered(without=int(s.rng.integers(12)))),
        ("doubled", "least"): doubled,
        ("unmirrored", "least"): lambda s: s.pin(s.sound[:, ::-1]),
        ("upside-down", "least"): lambda s: s.pin(s.sound[::-1, ::-1]),
        ("blank", "least"): lambda s: s.pin(0.0 * s.sound),
        ("no-mark", "least"): lathe,
        **both("shifted", shifted, limits.mark_offset_um, U_UM["offset"]),
        **both("shifted-symbol", strayed, limits.position_deviation_um, U_UM["position"]),
        **both("tilted", tilted, limits.relief_slope_um, U_UM["slope"]),
        **both("shallow", deeper, limits.relief_deviation_um, U_UM["relief"], -1),
        **both("over-deep", deeper, limits.relief_deviation_um, U_UM["relief"]),
        **both(
            "stroke", lambda um: larger("stroke_um", um), limits.stroke_deviation_um, U_UM["stroke"]
        ),
        **both(
            "width", lambda um: larger("cell_width_um", um), limits.size_deviation_um, U_UM["size"]
        ),
        **both(
            "height",
            lambda um: larger("cell_height_um", um),
            limits.size_deviation_um,
            U_UM["size"],
        ),
        **both("rotated", turned, limits.rotation_deg, U_UM["turn"]),
        **both("scale", scaled, limits.scale_deviation, U_UM["scale"]),
        **both("rough-floor", rough, limits.floor_sq_um, U_UM["rough"]),
        **both("recast", collared, limits.recast_um, U_UM["recast"]),
    }


def print_table(good: Counter[tuple[str, str]], named: Counter[tuple[str, str]], n: int) -> None:
    """Print rates with the bound that 95 % of such tables keep (Clopper and Pearson)."""
    print(f"\n{n} pins each, {time.process_time():.0f} s of one core so far")
    print(f"{'defect':>16}  drawn    wrongly judged  below (95 %)  named")
    for name, where in good:
        accepted = good[name, where]
        wrong = n - accepted if where in ("inside", "sound") else accepted
        bound = stats.beta.ppf(0.95, wrong + 1, n - wrong) if wrong < n else 1.0
        told = "" if where in ("inside", "sound") else f"{named[name, where] / n:7.1%}"
        kind = "false reject" if where in ("inside", "sound") else "false accept"
        print(
            f"{name:>16}  {where:7}  {wrong:5d} {kind}  {bound:9.2%}  {told}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pins", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, help="number of the first pin")
    parser.add_argument("--only", nargs="*", default=[])
    chosen = parser.parse_args()
    rows = {k: v for k, v in table().items() if not chosen.only or k[0] in chosen.only}
    good: Counter[tuple[str, str]] = Counter(dict.fromkeys(rows, 0))
    named: Counter[tuple[str, str]] = Counter()
    odd: Counter[str] = Counter()
    for k in range(chosen.first, chosen.first + chosen.pins):
        rng = np.random.default_rng((12, k))
        shop = Workshop(int(rng.integers(2**30)), rng)
        for (name, where), make in rows.items():
            found = inspect(shop.design, make(shop), KEYED)
            codes = {finding.code for finding in found.findings}
            good[name, where] += found.verdict is Verdict.GOOD
            named[name, where] += name in codes
            if where in ("inside", "sound") and codes:
                odd[f"{name} {where}: {', '.join(sorted(codes))}"] += 1
        done = k + 1 - chosen.first
        if done % 100 == 0 or done == chosen.pins:
            print_table(good, named, done)
            print(
                "\n".join(f"  refused {n} of {key}" for key, n in odd.most_common(20)), flush=True
            )


if __name__ == "__main__":
    main()
