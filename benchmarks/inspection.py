"""Inspection, measured: registration, relief, read-back, seconds and bytes.

`python benchmarks/inspection.py [--codes N] [--scans N]` prints tables; the pins are those of
`benchmarks/workshop.py`, drawn so that every figure is known. `benchmarks/defects.py` has the
table of seeded defects.
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
from pathlib import Path

import numpy as np
from scipy import ndimage
from workshop import Workshop

from engraver.heightmap import HeightMap, write_x3p
from engraver.inspection import Verdict, inspect
from engraver.inspection.raster import Grid


def read_back(count: int) -> None:
    rng = np.random.default_rng(21)
    right = grade_a = 0
    for _ in range(count):
        shop = Workshop(int(rng.integers(2**40)), rng)
        found = inspect(shop.design, shop.pin(shop.sound))
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
    return shop.scan(z + 0.02 * x - 0.01 * y, grid)


def registration(trials: int) -> None:
    rng = np.random.default_rng(31)
    errors, reliefs, seconds, cpu = [], [], [], []
    for k in range(trials):
        shop = Workshop(int(rng.integers(2**30)), np.random.default_rng((32, k)))
        angle = rng.uniform(0, 2 * np.pi)
        shift = (30 * np.cos(angle), 30 * np.sin(angle))
        scan = turned(shop, 3.0, shift, 2000)
        began = time.perf_counter()
        cpu_began = time.process_time()
        found = inspect(shop.design, scan)
        seconds.append(time.perf_counter() - began)
        cpu.append(time.process_time() - cpu_began)
        # the error of the pose where it matters: at the outermost cells
        u, v = np.array([-230.0, 230.0, 0.0]), np.array([-215.0, 215.0, 0.0])
        x, y = found.pose.to_scan(u, v)
        c, s = np.cos(np.radians(3.0)), np.sin(np.radians(3.0))
        away = np.hypot(x - (shift[0] + c * u - s * v), y - (shift[1] + s * u + c * v))
        errors.append(away.max())
        reliefs.append([symbol.relief_um for symbol in found.symbols])
    heights = np.array(reliefs)
    seconds_whole, cpu_whole, peak = whole_command(shop, scan)
    print(f"\nRegistration, 0.5 um grid, 3 degrees, 30 um, 10 % missing, {trials} scans")
    print(f"  largest error at the corners     {max(errors):.3f} um (limit 0.2)")
    print(f"  relief bias                      {heights.mean() / 22 - 1:+.3%} (limit 1 %)")
    print(f"  relief repeatability (1 sigma)   {heights.std():.3f} um (limit 0.3)")
    wall_s, cpu_s = np.median(seconds), np.median(cpu)
    print(f"  inspection of 2,000 x 2,000      {wall_s:.2f} s, {cpu_s:.2f} of CPU (limit 3)")
    print(f"  pinmark inspect, start to exit   {seconds_whole:.2f} s, {cpu_whole:.2f} of CPU, X3P")
    print(f"  its peak memory                  {peak:.0f} MB (limit 600)", flush=True)


def whole_command(shop: Workshop, scan: HeightMap) -> tuple[float, float, float]:
    """Return wall and CPU seconds and peak MB of `pinmark inspect` in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scan.x3p"
        path.write_bytes(write_x3p(scan))
        words = [sys.executable, "-m", "station_api", "inspect", str(path)]
        words += ["--code", shop.design.layout.code.text]
        began = time.perf_counter()
        said = subprocess.run(
            [sys.executable, "-c", WATCHED, *words], check=True, capture_output=True, text=True
        )
        cpu_s, peak_kib = said.stdout.split()
        return time.perf_counter() - began, float(cpu_s), int(peak_kib) / 1024


WATCHED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
"""
"""A small process between: a child inherits the peak of the process it was forked from."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codes", type=int, default=20)
    parser.add_argument("--scans", type=int, default=5)
    chosen = parser.parse_args()
    registration(chosen.scans)
    read_back(chosen.codes)


if __name__ == "__main__":
    main()
