"""The service is light: what only some ask for is loaded when they do."""

from __future__ import annotations

import subprocess
import sys


def test_the_service_loads_what_it_needs_and_no_more() -> None:
    """What prints, draws and fits is half of the memory, and loaded by those who ask."""
    heavy = ["matplotlib", "networkx", "typst", "scipy.stats", "scipy.optimize", "scipy.signal",
             "PIL", "jsonschema_rs", "duckdb", "skimage"]  # fmt: skip
    code = f"import sys, station_api.app; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_the_lines_worker_loads_neither_database_nor_drawing() -> None:
    """It is beside the service whenever a pin is planned or judged."""
    heavy = ["sqlalchemy", "fastapi", "matplotlib", "typst", "PIL", "skimage"]
    code = f"""
import sys, station_api.quality.line_work
print([m for m in {heavy} if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_large_blocks_go_back_to_the_machine() -> None:
    """After a large array between small ones is freed, the process has given its memory back."""
    code = """
import re
from pathlib import Path
import numpy as np
from station_api.service.memory import give_back_what_is_freed

def rss_kb():
    return int(re.findall(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[0])

assert give_back_what_is_freed()
before, kept, large = rss_kb(), [], []
for _ in range(40):
    large.append(np.ones(1 << 17))  # 1 MiB
    kept.append(np.ones(64))
grown = rss_kb() - before
del large
print(grown > 38_000, rss_kb() - before < 4_000)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["True", "True"], done.stdout + done.stderr


def test_the_search_for_garbage_leaves_out_what_stands() -> None:
    """Of a whole application nothing is left to be looked through; what comes later still is."""
    code = """
import gc
from station_api.app import make_app
from station_api.service.memory import look_for_no_garbage_in_what_stands

app = make_app(None)
before = len(gc.get_objects())
look_for_no_garbage_in_what_stands()
print(before > 50_000, len(gc.get_objects()) < 1_000)
cycle = []
cycle.append(cycle)
del cycle
print(gc.collect() >= 1)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["True"] * 3, done.stdout + done.stderr
