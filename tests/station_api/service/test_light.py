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
