"""Inspection, measured: registration, relief, read-back, seeded defects, seconds and bytes.

`python benchmarks/inspection.py [--pins N] [--codes N]` prints tables. Pins are drawn with the
design's own surface (`engraver.inspection.expected.lowered`) and given a floor's grain, an
instrument's noise and missing points, so that every figure is known.
"""

# ruff: noqa: E402  one thread is asked for before numpy is loaded
from __future__ import annotations

import argparse
import os

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import shapely
from scipy import ndimage

import hardware
from engraver import codes, layout, relief
from engraver.acceptance import DEFAULT
from engraver.heightmap import HeightMap, write_x3p
from engraver.inspection import Inspection, Verdict, expected, inspect
from engraver.inspection.raster import Grid
from engraver.relief import ReliefDesign

SETUP = hardware.load_setup("default")
NOISE_UM, GRAIN_UM, MISSING = 0.1, 0.3, 0.1


def designed(index: int) -> ReliefDesign:
    return relief.design(layout.arrange(codes.encode_index(index), SETUP), SETUP)


class Workshop:
    """One design, drawn once, from which defective pins are made."""

    def __init__(self, index: int, rng: np.random.Generator) -> None:
        self.design, self.rng = designed(index), rng
        self.grid = Grid.around((-330, -330, 330, 330), 1.0)
        self.sound = self.lowered()

    def lowered(
        self,
        grid: Grid | None = None,
        without: int = -1,
        moved: tuple[int, float] = (-1, 0.0),
        swapped: tuple[int, str] = (-1, ""),
    ) -> np.ndarray:
        text = self.design.layout.code.text
        if swapped[0] >= 0:
            text = text[: swapped[0]] + swapped[1] + text[swapped[0] + 1 :]
        shapes = expected.outlines(self.design.layout, text)
        if moved[0] >= 0:
            shapes[moved[0]] = shapely.affinity.translate(shapes[moved[0]], moved[1], 0.0)
        standing = [shape for k, shape in enumerate(shapes) if k != without]
        return expected.lowered(self.design, shapely.union_all(standing), grid or self.grid)

    def pin(self, z_um: np.ndarray, grid: Grid | None = None) -> HeightMap:
        """Return a scan: grain on the floor, noise everywhere, a tenth not measured."""
        grid = grid or self.grid
        grain = ndimage.gaussian_filter(self.rng.standard_normal(z_um.shape), 1.5)
        z = z_um + np.where(z_um < -1.0, GRAIN_UM * grain / grain.std(), 0.0)
        z = z + self.rng.normal(0.0, NOISE_UM, z.shape)
        z[self.rng.random(z.shape) < MISSING] = np.nan
        return HeightMap(z, (grid.pitch_um, grid.pitch_um), (grid.x0_um, grid.y0_um))

    def shifted_copy(self, dx: float, dy: float) -> np.ndarray:
        grid = replace(self.grid, x0_um=self.grid.x0_um - dx, y0_um=self.grid.y0_um - dy)
        return self.lowered(grid)


def tip(shop: Workshop, shift_um: float) -> HeightMap:
    """Return the whole tip with the mark off its centre."""
    grid = Grid.around((-760, -760, 760, 760), 2.0)
    moved = replace(grid, x0_um=grid.x0_um - shift_um)
    scan = shop.pin(-22.0 * shop.lowered(moved), grid)
    x, y = np.meshgrid(grid.x_um, grid.y_um)
    z = np.where(np.hypot(x, y) <= 750.0, scan.z_um, np.nan)
    return HeightMap(z, scan.pitch_xy_um, scan.origin_xy_um)


def sloped(shop: Workshop, change_um: float) -> np.ndarray:
    x, _ = np.meshgrid(shop.grid.x_um, shop.grid.y_um)
    return -(22.0 + change_um * x / 375.0) * shop.sound


def other_symbol(shop: Workshop) -> np.ndarray:
    at = int(shop.rng.integers(12))
    others = [s for s in codes.ALPHABET if s != shop.design.layout.code.text[at]]
    return -22.0 * shop.lowered(swapped=(at, str(shop.rng.choice(others))))


DEFECTS: dict[str, Callable[[Workshop], HeightMap]] = {
    "wrong-symbol": lambda s: s.pin(other_symbol(s)),
    "missing-symbol": lambda s: s.pin(-22.0 * s.lowered(without=int(s.rng.integers(12)))),
    "doubled": lambda s: s.pin(-11.0 * (s.sound + s.shifted_copy(4.0, 3.0))),
    "unmirrored": lambda s: s.pin((-22.0 * s.sound)[:, ::-1]),
    "upside-down": lambda s: s.pin((-22.0 * s.sound)[::-1, ::-1]),
    "shifted": lambda s: tip(s, DEFAULT.mark_offset_um),
    "shifted-symbol": lambda s: s.pin(
        -22.0 * s.lowered(moved=(int(s.rng.integers(12)), DEFAULT.position_deviation_um))
    ),
    "tilted": lambda s: s.pin(sloped(s, 1.05 * DEFAULT.relief_slope_um)),
    "shallow": lambda s: s.pin(-(22.0 - DEFAULT.relief_deviation_um) * s.sound),
    "over-deep": lambda s: s.pin(-(22.0 + DEFAULT.relief_deviation_um) * s.sound),
    "blank": lambda s: s.pin(0.0 * s.sound),
    "none": lambda s: s.pin(-22.0 * s.sound),
}
KEYED = replace(DEFAULT, rotation_deg=2.0)


def looked_at(shop: Workshop, scan: HeightMap) -> Inspection:
    return inspect(shop.design, scan, KEYED)


def defect_table(pins: int) -> None:
    print(f"\nSeeded defects at their limits, {pins} pins each")
    print(f"{'defect':>16}  accepted  named")
    rng = np.random.default_rng(11)
    for name, make in DEFECTS.items():
        good = named = 0
        for k in range(pins):
            shop = Workshop(int(rng.integers(2**30)), np.random.default_rng((12, k)))
            found = looked_at(shop, make(shop))
            good += found.verdict is Verdict.GOOD
            named += name in {f.code for f in found.findings}
        told = "" if name == "none" else f"{named / pins:7.1%}"
        print(f"{name:>16}  {good / pins:7.1%}  {told}", flush=True)


def read_back(count: int) -> None:
    rng = np.random.default_rng(21)
    right = grade_a = 0
    for _ in range(count):
        shop = Workshop(int(rng.integers(2**40)), rng)
        found = inspect(shop.design, shop.pin(-22.0 * shop.sound))
        right += found.read_back == shop.design.layout.code.text
        grade_a += found.verdict is Verdict.GOOD
    print(f"\nRead-back of good pins: {right} of {count} codes, {grade_a} accepted", flush=True)


def turned(shop: Workshop, degrees: float, shift: tuple[float, float], points: int) -> HeightMap:
    """Return the mark drawn exactly in a turned frame: no interpolation of a scan is involved."""
    axis = (np.arange(points) - (points - 1) / 2) * 0.5
    x, y = np.meshgrid(axis, axis)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    u = c * (x - shift[0]) + s * (y - shift[1])
    v = -s * (x - shift[0]) + c * (y - shift[1])
    fine = Grid.around((-330, -330, 330, 330), 0.5)
    image = shop.lowered(fine)
    rows, columns = (v - fine.y0_um) / 0.5, (u - fine.x0_um) / 0.5
    z = -22.0 * ndimage.map_coordinates(image, [rows, columns], order=3, cval=0.0)
    grid = Grid(float(axis[0]), float(axis[0]), 0.5, points, points)
    return shop.pin(z + 0.02 * x - 0.01 * y, grid)


def registration(trials: int) -> None:
    rng = np.random.default_rng(31)
    errors, reliefs, seconds = [], [], []
    for k in range(trials):
        shop = Workshop(int(rng.integers(2**30)), np.random.default_rng((32, k)))
        angle = rng.uniform(0, 2 * np.pi)
        shift = (30 * np.cos(angle), 30 * np.sin(angle))
        scan = turned(shop, 3.0, shift, 2000)
        began = time.perf_counter()
        found = inspect(shop.design, scan)
        seconds.append(time.perf_counter() - began)
        # the error of the pose where it matters: at the outermost cells
        u, v = np.array([-230.0, 230.0, 0.0]), np.array([-215.0, 215.0, 0.0])
        x, y = found.pose.to_scan(u, v)
        c, s = np.cos(np.radians(3.0)), np.sin(np.radians(3.0))
        away = np.hypot(x - (shift[0] + c * u - s * v), y - (shift[1] + s * u + c * v))
        errors.append(away.max())
        reliefs.append([symbol.relief_um for symbol in found.symbols])
    heights = np.array(reliefs)
    seconds_whole, peak = whole_command(shop, scan)
    print(f"\nRegistration, 0.5 um grid, 3 degrees, 30 um, 10 % missing, {trials} scans")
    print(f"  largest error at the corners     {max(errors):.3f} um (limit 0.2)")
    print(f"  relief bias                      {heights.mean() / 22 - 1:+.3%} (limit 1 %)")
    print(f"  relief repeatability (1 sigma)   {heights.std():.3f} um (limit 0.3)")
    print(f"  inspection of 2,000 x 2,000      {np.median(seconds):.2f} s (limit 3)")
    print(f"  pinmark inspect, start to exit   {seconds_whole:.2f} s, X3P of 2,000 x 2,000")
    print(f"  its peak memory                  {peak:.0f} MB (limit 600)", flush=True)


def whole_command(shop: Workshop, scan: HeightMap) -> tuple[float, float]:
    """Return wall seconds and peak MB of `pinmark inspect` in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scan.x3p"
        path.write_bytes(write_x3p(scan))
        words = [sys.executable, "-m", "station_api", "inspect", str(path)]
        words += ["--code", shop.design.layout.code.text]
        began = time.perf_counter()
        said = subprocess.run(
            [sys.executable, "-c", WATCHED, *words], check=True, capture_output=True, text=True
        )
        return time.perf_counter() - began, int(said.stdout) / 1024


WATCHED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""A small process between: a child inherits the peak of the process it was forked from."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pins", type=int, default=10)
    parser.add_argument("--codes", type=int, default=20)
    parser.add_argument("--scans", type=int, default=5)
    chosen = parser.parse_args()
    registration(chosen.scans)
    read_back(chosen.codes)
    defect_table(chosen.pins)


if __name__ == "__main__":
    main()
