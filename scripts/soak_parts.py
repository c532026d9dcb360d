"""`make soak`: everything that takes too long for `make test`, part by part.

In: names of parts (default: all). Out: what each part says, and at the end a table of what became
of each and how long it took; exit code 1 if one failed. A part that fails does not
keep the others from running.

    python scripts/soak_parts.py --list
    python scripts/soak_parts.py week shift
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
PYTEST = ("-m", "pytest", "-q", "-s")


@dataclass(frozen=True, slots=True)
class Part:
    """One part: what it does, and how."""

    name: str
    what: str
    words: tuple[str, ...]
    settings: dict[str, str] = field(default_factory=dict)


PARTS = (
    Part("stream", "eight hours of streaming in virtual time", ("scripts/soak.py",)),
    Part(
        "race", "1,000 serials raced for by two stations, SIGKILL 20 times, each database",
        (*PYTEST, "tests/station_api/records/test_race.py"), {"PINMARK_SOAK_SERIALS": "1000"},
    ),
    Part(
        "disk", "a disk full or read-only at every single write",
        (*PYTEST, "tests/faults/test_full_disk.py"), {"PINMARK_SOAK_DISK": "1"},
    ),
    Part(
        "cuts", "5,000 power cuts at any change of the disk",
        (*PYTEST, "tests/faults/test_power_cut.py"), {"PINMARK_SOAK_CUTS": "5000"},
    ),
    Part(
        "shift", "400 pins with a power cut every 20, on a virtual wire and at a terminal",
        (*PYTEST, "tests/faults/test_shift.py"), {"PINMARK_SOAK_SHIFT": "400"},
    ),
    Part(
        "week", "2,800 pins at `pinmark serve`, and 400 with the port's process: does it grow?",
        (*PYTEST, "tests/faults/test_week.py"), {"PINMARK_SOAK_WEEK": "2800"},
    ),
    Part(
        "laws", "a thousand new cases for each law of the engraver",
        (*PYTEST, "tests/engraver"), {"PINMARK_HYPOTHESIS": "explore"},
    ),
)  # fmt: skip


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=Raw)
    parser.add_argument("parts", nargs="*", metavar="PART", help="names of parts; default: all")
    parser.add_argument("--list", action="store_true", help="say what there is, and end")
    asked = parser.parse_args()
    names = [part.name for part in PARTS]
    if unknown := [name for name in asked.parts if name not in names]:
        parser.error(f"no part is called {unknown[0]!r}; there are {', '.join(names)}")
    chosen = [part for part in PARTS if not asked.parts or part.name in asked.parts]
    if asked.list:
        for part in chosen:
            print(f"{part.name:8s} {part.what}")
        return
    told = [run(part) for part in chosen]
    print("\npart      what became of it, minutes it took, and minutes of processor")
    for part, (good, took_s, cpu_s) in zip(chosen, told, strict=True):
        became = "passed" if good else "FAILED"
        print(f"{part.name:8s}  {became} {took_s / 60:6.1f} {cpu_s / 60:6.1f}  {part.what}")
    sys.exit(not all(good for good, *_ in told))


Raw = argparse.RawDescriptionHelpFormatter


def run(part: Part) -> tuple[bool, float, float]:
    """Run one part; return whether it was good, and the seconds and processor seconds it took."""
    print(f"\n== {part.name}: {part.what}", flush=True)
    begun_s, used_s = time.monotonic(), children_s()
    settings = {**os.environ, **part.settings}
    done = subprocess.run([sys.executable, *part.words], cwd=HERE, env=settings, check=False)
    return done.returncode == 0, time.monotonic() - begun_s, children_s() - used_s


def children_s() -> float:
    """Return the processor seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
