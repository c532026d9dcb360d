"""The plan viewer: frames a second while a plan is dragged, beside a page that draws nothing.

In: nothing. Out: a table by number of strokes. Debian's Chromium without a graphics card loads the
viewer's own module (`pages/bench/strokes.js`) and a plan of so many strokes, all of them in view;
the plan is dragged for 240 frames by the hand of a script, then left to rest. Rounds of plan and
empty page alternate; the ratio is of their medians. ``1 of`` is what the page says it shows.
"""

from __future__ import annotations

import contextlib
import http.server
import shutil
import statistics
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

PAGES = Path(__file__).resolve().parents[1] / "station_api" / "pages"
STROKES = (5_000, 50_000, 200_000, 400_000)
ROUNDS = 3

MEASURE = """async ([strokes, frames]) => {
  document.body.innerHTML = '<canvas style="display:block;width:1240px;height:540px"></canvas>';
  const canvas = document.querySelector("canvas");
  const { Strokes } = await import("/static/pages/bench/strokes.js");
  const next = () => new Promise(requestAnimationFrame);
  const plan = {
    start: new Float32Array(2 * strokes), end: new Float32Array(2 * strokes), count: strokes,
    kind: new Uint8Array(strokes), pass: new Uint16Array(strokes), outline: [],
    box: [-500, -500, 500, 500],
  };
  for (let k = 0; k < strokes; k += 1) {
    const [column, row] = [k % 400, Math.floor(k / 400)];
    const y = -500 + (1000 * row * 400) / strokes;
    plan.start.set([-500 + 2.5 * column, y], 2 * k);
    plan.end.set([-498 + 2.5 * column, y], 2 * k);
    plan.kind[k] = k % 2;
  }
  const told = {};
  const names = { x: "", y: "", write: String };
  const hear = (one) => Object.assign(told, one);
  const viewer = strokes ? new Strokes(canvas, plan, names, hear) : null;
  const began = performance.now();
  if (viewer) viewer.redraw();
  while (viewer && !told.every) await next();
  const rest = performance.now() - began;
  await next();
  const from = performance.now();
  for (let k = 0; k < frames; k += 1) {
    if (viewer) viewer.shift(k % 40 < 20 ? 6 : -6, 2);
    await next();
  }
  const rate = (1000 * frames) / (performance.now() - from);
  if (viewer) viewer.close();
  return { rate, rest, every: told.every || 1 };
}"""


@contextlib.contextmanager
def served() -> Iterator[str]:
    """Serve the pages' files on a free port."""
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=PAGES))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/static/icon.svg"
    finally:
        server.shutdown()
        thread.join()


def main() -> None:
    """Print the table."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("plan viewer: no Chromium here (apt-get install chromium); not measured")
        return
    with served() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(url.replace("icon.svg", "shell.html"))
        print("plan viewer, dragged for 240 frames; 30 frames a second are asked for at 200,000")
        heads = ("frames/s", "empty", "ratio", "at rest, ms")
        print(f"{'strokes':>9} {'1 of':>5} " + " ".join(f"{one:>11}" for one in heads))
        for strokes in STROKES:
            found: list[dict[str, Any]] = []
            empty: list[float] = []
            for _ in range(ROUNDS):
                empty.append(page.evaluate(MEASURE, [0, 240])["rate"])
                found.append(page.evaluate(MEASURE, [strokes, 240]))
            rate = statistics.median(one["rate"] for one in found)
            nothing = statistics.median(empty)
            rest = statistics.median(one["rest"] for one in found)
            print(
                f"{strokes:>9,} {found[0]['every']:>5} {rate:>11.1f} {nothing:>11.1f} "
                f"{rate / nothing:>11.2f} {rest:>11.0f}"
            )
        browser.close()


if __name__ == "__main__":
    main()
