"""Fill, ordering, motion and whole plans, side by side with the tools that people use today.

Run by `make bench`, which installs the peers into an environment of their own. Every figure of
a table comes from one run on one machine, in processor time: trust ratios, not milliseconds.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from peers import reference_job as job
from peers import toolpaths as peers
from scipy.optimize import linear_sum_assignment
from shapely.geometry import MultiPolygon

import hardware
from engraver import codes, fill, gcode, kinematics, layout, motion, ordering, relief, toolpath
from engraver.profiles import Machine, Setup
from engraver.program import GcodeProgram
from engraver.toolpath import MoveKind

RATES = (("grbl-avr-gantry", 10.0, 500.0), ("grblhal-direct-drive", 100.0, 5000.0))
SHARP_STOP_MM = 1e-4  # a junction deviation so small that every corner is all but a stop


def main() -> None:
    """Print all tables."""
    region = job.region()
    print(f"reference job: {region.area * 1e-6:.4f} mm2, {job.PASSES} passes, {job.PITCH_UM} um")
    bench_fill(region)
    bench_travel(region)
    bench_seconds(region)
    bench_plan()
    bench_passes()


def best_s(work: Callable[[], object], repeats: int) -> float:
    """Return the shortest of some runs, in seconds of processor time."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def bench_fill(region: MultiPolygon) -> None:
    """Ten passes of hatch, ours and the peers'."""

    def all_passes(one: Callable[[MultiPolygon, float, float], object]) -> None:
        for angle in job.angles_deg():
            one(region, angle, job.PITCH_UM)

    ours = best_s(lambda: all_passes(fill.hatch), 5)
    print(f"\nfill, 10 passes{'':<21}   ms   times ours\n{'pinmark':<34}{ours * 1e3:8.1f}{1:10.1f}")
    ratios = []
    for name, one in peers.FILLS.items():
        try:
            all_passes(one)  # imports and warm-up
        except ImportError as missing:
            print(f"{name:<34} not installed ({missing.name})")
            continue
        seconds = best_s(lambda one=one: all_passes(one), 3)
        ratios.append(seconds / ours)
        print(f"{name:<34}{seconds * 1e3:8.1f}{seconds / ours:10.1f}")
    if ratios:
        print(f"best peer / ours: {min(ratios):.1f} (wanted: at least 10)")


def bench_travel(region: MultiPolygon) -> None:
    """Laser-off travel within passes of the pure ordering, against a lower bound.

    The bound is half of the cheapest assignment of every segment end to another segment's end:
    at most the cheapest perfect matching, so that the ratio is never flattered.
    """
    travel = bound = 0.0
    start = np.array([0.0, 0.0])
    for angle in job.angles_deg():
        rows = fill.hatch(region, angle, job.PITCH_UM)
        way = ordering.route(rows, 0.0, start, kicks=300)
        u, v = way.runs.u_um[way.run], (way.runs.row[way.run] + rows.phase) * rows.pitch_um
        enter = np.column_stack((np.where(way.forward, u[:, 0], u[:, 1]), v))
        leave = np.column_stack((np.where(way.forward, u[:, 1], u[:, 0]), v))
        travel += float(np.hypot(*(enter[1:] - leave[:-1]).T).sum())
        bound += matching_bound(enter, leave)
    print(f"\npure ordering: travel {travel * 1e-3:.1f} mm, bound {bound * 1e-3:.1f} mm, ", end="")
    print(f"ratio {travel / bound:.3f} (wanted: under 1.3)")


def matching_bound(enter: np.ndarray, leave: np.ndarray) -> float:
    """Return half of the cheapest assignment of ends to ends of other segments."""
    points, n = np.concatenate((enter, leave)), len(enter)
    away = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    index = np.arange(n)
    away[index, index + n] = away[index + n, index] = 1e9
    np.fill_diagonal(away, 1e9)
    rows, columns = linear_sum_assignment(away)
    return float(away[rows, columns].sum()) / 2


def bench_seconds(region: MultiPolygon) -> None:
    """Modelled machine seconds of the reference job, every order on the same machine model."""
    names = ["speed / acceleration", "$11 = 0.010 mm", "0.0001 mm"]
    print(
        f"\nmachine seconds, 10 passes    ideal {region.area / job.PITCH_UM * 1e-2:.0f} mm of rows"
    )
    segments = [peers.shapely_lines(region, a, job.PITCH_UM) for a in job.angles_deg()]
    ways: dict[str, list[np.ndarray]] = {}
    for name, order in peers.ORDERS.items():
        try:
            ways[name] = [order(s) for s in segments]
        except ImportError as missing:
            print(f"{name:<34} not installed ({missing.name})")
    for machine_name, speed, acceleration in RATES:
        base = hardware.load("machines", machine_name)
        print(f"{names[0]} {speed:g} mm/s, {acceleration:g} mm/s2   {names[1]}   {names[2]}")
        machines = [
            replace(
                base,
                max_speed_mm_s=speed,
                acceleration_mm_s2=acceleration,
                junction_deviation_mm=deviation,
                block_rate_hz=1e6,
            )
            for deviation in (base.junction_deviation_mm, SHARP_STOP_MM)
        ]
        for name, way in ways.items():
            print(row(name, [segments_s(way, speed, m) for m in machines]))
        print(row("pinmark, gated sweeps", [planned_s(region, speed, m) for m in machines]))
    print("wanted: under 360 s at 10 mm/s, under 80 s at 100 mm/s")


def row(name: str, seconds: list[float]) -> str:
    """Format one line of a table of seconds."""
    return f"  {name:<32}" + "".join(f"{s:15.1f}" for s in seconds)


def segments_s(passes: list[np.ndarray], speed: float, machine: Machine) -> float:
    """Return how long burning the segments in order takes, with jumps at full speed between."""
    points = np.concatenate([np.zeros((1, 2)), *(s.reshape(-1, 2) for s in passes)])
    speeds = np.tile([np.inf, speed], len(points) // 2)
    moves = np.hypot(*np.diff(points, axis=0).T) > 1e-6
    xyz = np.zeros((1 + int(moves.sum()), 3))
    xyz[1:, :2] = points[1:][moves] * 1e-3
    return kinematics.plan_speeds(xyz, speeds[moves], machine).duration_s


def planned_s(region: MultiPolygon, speed: float, machine: Machine) -> float:
    """Return the modelled seconds of pinmark's own plan."""
    setup = hardware.load_setup("default")
    recipe = replace(
        setup.recipe,
        speed_mm_s=speed,
        hatch_pitch_um=job.PITCH_UM,
        hatch_turn_deg=job.TURN_DEG,
        least_speed_share=0.0,
    )
    setup = replace(setup, recipe=recipe, machine=machine)
    path = toolpath.plan_regions((region,) * job.PASSES, (), setup)
    return motion.duration_s(path, machine)


def walk(setup: Setup) -> tuple[toolpath.Toolpath, GcodeProgram]:
    """Go from a code to program bytes."""
    design = relief.design(layout.arrange(codes.encode_index(163963), setup), setup)
    path = toolpath.plan(design, setup)
    return path, gcode.render(path, setup)


def bench_plan() -> None:
    """The default pin, from code to bytes: our own seconds and memory, the machine's seconds."""
    print("\nwhole plan        plan s   machine s   bottleneck     bytes  bytes/line")
    for name in ("default", "default-direct-drive"):
        setup = hardware.load_setup(name)
        walk(setup)
        seconds = best_s(lambda setup=setup: walk(setup), 3)
        _, program = walk(setup)
        print(
            f"{name:<22}{seconds:6.3f}{program.estimated_time_s:10.2f}   {program.bottleneck:<11}"
            f"{len(program.data):9d}{len(program.data) / len(program.lines):8.1f}"
        )
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this whole benchmark {peak_mb:.0f} MB (`pinmark plan` alone needs less)")


def bench_passes() -> None:
    """Cost against passes: it must grow no faster than they do."""
    print("\npasses   plan s   s a pass   burn mm a pass")
    setup = hardware.load_setup("default-direct-drive")
    for passes in (10, 100, 1000):
        recipe = setup.recipe
        rate = recipe.repetition_rate_khz * recipe.passes / passes
        more = replace(setup, recipe=replace(recipe, passes=passes, repetition_rate_khz=rate))
        start = time.process_time()
        path, _ = walk(more)
        seconds = time.process_time() - start
        burned = path.burn_length_um * 1e-3 / passes
        print(f"{passes:6d}{seconds:9.2f}{seconds / passes:11.4f}{burned:12.2f}")
    assert MoveKind.BURN in path.kind


if __name__ == "__main__":
    main()
