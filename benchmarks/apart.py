"""What planning and judging a pin cost the process that serves: memory, and waits of its loop.

Side by side, turn by turn: on a thread of the service's process, and in the line's worker. In a
process that has imported the service a timer of 2 ms runs in the event loop; its longest gaps are
told beside those of the same seconds with nothing to do. Memory is VmHWM of the process that
serves, and of the worker where there is one (CPython imports and all).

    python benchmarks/apart.py
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import station_api.app  # noqa: F401  a service's memory, as it stands
from engraver import codes
from station_api.profiles import load_setup
from station_api.quality import line_work
from station_api.service.line import Line
from station_api.service.memory import give_back_what_is_freed
from station_api.walk import Nobody, plan_code

RECIPES = ("default", "ring-direct-drive", "breech-face-direct-drive")
WAYS = ("thread", "worker")
TURNS = 3
TICK_S = 0.002
INDEX = 32809


def main() -> None:
    """Print the table, or measure one way as its child."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--scan", type=Path)
    asked = parser.parse_args()
    if asked.way:
        print(json.dumps(measure(asked.way, asked.recipe, asked.scan)))
        return
    with tempfile.TemporaryDirectory() as folder:
        show(Path(folder) / "pin.x3p")


def show(scan: Path) -> None:
    """Print the table: the middle one of a few turns."""
    heads = ("recipe", "way", "plan s", "longest ms", "judge s", "longest ms", "idle ms",
             "serves MB", "worker MB")  # fmt: skip
    print(f"{heads[0]:26}{heads[1]:8}" + "".join(f"{head:>12}" for head in heads[2:]))
    for recipe in RECIPES:
        subprocess.run([sys.executable, "-c", SCAN, recipe, str(scan)], check=True)
        found: dict[str, list[list[float]]] = {way: [] for way in WAYS}
        for _ in range(TURNS):
            for way in WAYS:
                words = [sys.executable, __file__, "--way", way, "--recipe", recipe]
                words += ["--scan", str(scan)]
                done = subprocess.run(words, check=True, capture_output=True, text=True)
                found[way].append(json.loads(done.stdout))
        for way in WAYS:
            middle = [sorted(column)[TURNS // 2] for column in zip(*found[way], strict=True)]
            print(f"{recipe:26}{way:8}" + "".join(f"{value:12.1f}" for value in middle))


def measure(way: str, recipe: str, scan: Path) -> list[float]:
    """Plan and judge one pin; return seconds, longest gaps (ms) and memory (MB)."""
    give_back_what_is_freed()
    setup = load_setup(recipe)
    code = codes.encode_index(INDEX, setup.recipe.code_format)
    line = Line()
    if way == "worker":
        works: tuple[Callable[[], object], ...] = (
            lambda: line.plan(code, setup, Nobody()),
            lambda: line.judge(scan, setup, code),
        )
    else:
        works = (
            lambda: plan_code(code, setup, Nobody()),
            lambda: line_work.judge(scan, setup, code),
        )
    _, idle_ms = asyncio.run(watched(lambda: time.sleep(1.0)))
    plan_s, plan_ms = asyncio.run(watched(works[0]))
    judge_s, judge_ms = asyncio.run(watched(works[1]))
    worker = peak_mb(line.pid) if line.pid else 0.0
    line.close()
    return [plan_s, plan_ms, judge_s, judge_ms, idle_ms, peak_mb(os.getpid()), worker]


SCAN = f"""
import sys
from pathlib import Path
from engraver import ablation, codes, layout, relief, toolpath
from engraver.heightmap import write_x3p
from station_api.profiles import load_setup
setup = load_setup(sys.argv[1])
code = codes.encode_index({INDEX}, setup.recipe.code_format)
path = toolpath.plan(relief.design(layout.arrange(code, setup), setup), setup)
Path(sys.argv[2]).write_bytes(write_x3p(ablation.predict(path, setup)))
"""
"""Makes the scan in a process of its own: its memory is nobody's here."""


async def watched(work: Callable[[], object]) -> tuple[float, float]:
    """Do ``work`` on a thread; return its seconds and the longest gap of the timer (ms)."""
    begun = time.perf_counter()
    task = asyncio.create_task(asyncio.to_thread(work))
    longest = 0.0
    while not task.done():
        asleep = time.perf_counter()
        await asyncio.sleep(TICK_S)
        longest = max(longest, time.perf_counter() - asleep - TICK_S)
    await task
    return time.perf_counter() - begun, longest * 1e3


def peak_mb(pid: int) -> float:
    """Return the largest resident size of a process so far."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
