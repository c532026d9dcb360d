"""A pin marked on the virtual engraver, to show or at a first start: the engraver and pictures.

In: a folder. Out: a process of its own behind a pseudo-terminal, whose pin comes back as
``pin.x3p``; pictures of plan, pin and read-back.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engraver.errors import PortError
from station_api.marking import MarkReport
from station_api.pictures import plan as plan_picture
from station_api.pictures import surface
from station_api.walk import Watcher, timed

START_TIMEOUT_S = 30.0
SCAN_TIMEOUT_S = 120.0
POLL_S = 0.02


@contextmanager
def virtual_engraver(
    folder: Path, recipe: str, watcher: Watcher
) -> Iterator[tuple[Path, Callable[[], bool]]]:
    """Start `pinmark engraver` on a pseudo-terminal; end it with the block."""
    pty = folder / "controller"
    words = ["engraver", "--pty", str(pty), "--recipe", recipe, "--out", str(folder)]
    command = [sys.executable, "-m", "station_api", *words, "--speed", "max"]
    with timed("engraver", watcher) as said, (folder / "engraver.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not pty.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise PortError(
                    f"the virtual engraver did not start; see {folder / 'engraver.log'}"
                )
            time.sleep(POLL_S)
        said.append(f"virtual GRBL on {pty}")
    try:
        yield pty, lambda: process.poll() is None
    finally:
        process.terminate()
        process.wait()


def draw(report: MarkReport, folder: Path, watcher: Watcher) -> dict[str, str]:
    """Draw the plan, the ablated pin and the read-back; return their paths by name."""
    with timed("pictures", watcher) as said:
        paths = {name: folder / f"{name}.png" for name in ("plan", "pin", "read_back")}
        planned = report.planned
        plan_picture.save_png(planned.toolpath, planned.design.characters, paths["plan"])
        if report.scan is not None and report.inspection is not None:
            surface.draw_pin(report.scan, paths["pin"])
            surface.draw_read_back(report.scan, report.inspection, paths["read_back"])
        said.append(f"in {folder}")
    return {name: str(path) for name, path in paths.items()}
