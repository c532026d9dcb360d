"""The operator's page in a real browser: how soon it is there, how late it is, what it costs.

In: nothing but Debian's Chromium. Out: seconds from the command to a usable first page;
milliseconds from a controller's ``ok`` to the same stroke on the screen; frames a second while a
plan of 200,000 strokes is dragged; starvations of the planner with one screen and with eight.

The clock of an ``ok`` is not the service's: a relay between the service's port and the virtual
controller's stamps each answer as it passes, and the page stamps the frame that shows it. Both
read the clock of this machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tty
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

from engraver.program import GcodeProgram
from station_api import samples
from station_api.cli.sample import PEOPLE, furnish
from station_api.people import People
from station_api.records import Records
from station_api.registry_file import sample_registry
from station_api.schemas import order_from
from station_api.service.plans import MAGIC
from station_api.walk import Nobody, encode_order, plan_code

SCREENS = 8
STROKES = 200_000
DRAGGED_S = 4.0
SPEED = "1"
"""The virtual machine at its own speed: a pin takes a minute."""

STEPS = ("The part is right", "The tip is blank", "The pin is in", "The door is closed")
PATIENCE_MS = 400_000
REALTIME = frozenset(b"?!~") | frozenset(range(0x80, 0x100))
RESET = 0x18

WATCH = """() => {
  window.seen = [];
  new MutationObserver((changes) => {
    const last = Number(changes.at(-1).target.dataset.acknowledged);
    requestAnimationFrame(() =>
      window.seen.push([performance.timeOrigin + performance.now(), last]));
  }).observe(document.body,
    { subtree: true, attributes: true, attributeFilter: ["data-acknowledged"] });
}"""
"""Each new stroke with the beginning of the frame after the one that painted it."""

FRAMES = """(ms) => new Promise((done) => {
  const at = [];
  const step = (now) => {
    at.push(now);
    if (now - at[0] < ms) requestAnimationFrame(step); else done(at);
  };
  requestAnimationFrame(step);
})"""


@dataclass
class Relay:
    """A pseudo-terminal before a controller's, which stamps each answer to each line."""

    controller: Path
    path: Path

    def __post_init__(self) -> None:
        self.answered: list[tuple[float, bytes]] = []
        self._waiting: deque[bytes] = deque()
        self._line = b""
        self._words = b""
        self._host, device = os.openpty()
        self._far = os.open(self.controller, os.O_RDWR | os.O_NOCTTY)
        for end in (device, self._far):
            tty.setraw(end)
        self._device = device  # held open: a master without one reads as closed
        self.path.symlink_to(os.ttyname(device))
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            ready, _, _ = select.select([self._host, self._far], [], [])
            for end in ready:
                data = os.read(end, 65536)
                if end == self._host:
                    self._sent(data)
                    os.write(self._far, data)
                else:
                    self._came(data, time.time())
                    os.write(self._host, data)

    def _sent(self, data: bytes) -> None:
        for byte in data:
            if byte == RESET:
                self._waiting.clear()
                self._line = b""
            elif byte == 0x0A:
                self._waiting.append(self._line)
                self._line = b""
            elif byte not in REALTIME:
                self._line += bytes([byte])

    def _came(self, data: bytes, now_s: float) -> None:
        *lines, self._words = (self._words + data).split(b"\n")
        for line in lines:
            if line.strip() == b"ok" and self._waiting:
                self.answered.append((now_s, self._waiting.popleft()))

    def strokes(self, program: GcodeProgram) -> dict[int, float]:
        """Return when the last line of each stroke was acknowledged, in the newest run."""
        wanted = [bytes(line).strip() for line in program.lines]
        lines = [line.strip() for _, line in self.answered]
        for first in range(len(lines) - len(wanted), -1, -1):
            if lines[first] == wanted[0] and lines[first : first + len(wanted)] == wanted:
                break
        else:
            raise SystemExit("the relay has not seen the whole program")
        times = [at for at, _ in self.answered[first : first + len(wanted)]]
        return {
            int(stroke): at
            for stroke, at in zip(program.line_stroke, times, strict=True)
            if stroke >= 0
        }


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "station_api", *words]


@contextmanager
def running(words: list[str], log: Path, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command for the length of a block."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            words, stdout=file, stderr=file, stdin=subprocess.DEVNULL,
            env=os.environ | {"PINMARK_HOME": str(home), "COLUMNS": "200"},
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def address(log: Path, process: subprocess.Popen[bytes]) -> str:
    """Wait for the line that says where the service listens."""
    while process.poll() is None:
        if found := re.search(r"pages on (http://[\d.:]+)/", log.read_text()):
            return found[1]
        time.sleep(0.005)
    raise SystemExit(f"the service ended: {log.read_text()}")


def cpu_s(pid: int) -> float:
    """Return the processor's seconds that a process has had."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def first_page(browser: Browser, folder: Path) -> tuple[float, float, float]:
    """Return seconds from the command to a usable entrance, of the page alone, and of the CPU."""
    page = browser.new_page()
    begun = time.perf_counter()
    words = command("serve", "--sample", str(folder / "sample"), "--port", "0")
    with running(words, folder / "first.log", folder / "unused") as process:
        url = address(folder / "first.log", process)
        begun_page = time.perf_counter()
        page.goto(url, timeout=PATIENCE_MS)
        page.get_by_role("button", name="Sign in").wait_for()
        now = time.perf_counter()
        page.close()
        return now - begun, now - begun_page, cpu_s(process.pid)


def signed_in(browser: Browser, url: str) -> tuple[BrowserContext, Page]:
    """Open the operator's page on a screen of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(url)
    page.get_by_label("Name").fill("olivia")
    page.get_by_label("PIN or password").fill(PEOPLE["olivia"][1])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/pages/operator")
    page.get_by_role("button", name="Sign out").wait_for()
    return context, page


def press(page: Page, name: str) -> None:
    """Press the one big control once it takes presses."""
    button = page.get_by_role("button", name=name, exact=True)
    expect(button).to_have_attribute("data-ready", re.compile("."), timeout=PATIENCE_MS)
    button.click()


def mark(page: Page, order: str) -> None:
    """Mark one order from the queue to the end of the stream."""
    page.get_by_role("button", name=re.compile(f"^{order}")).click()
    for step in (*STEPS, "Start"):
        press(page, step)
    page.get_by_role("button", name="Inspect", exact=True).wait_for(timeout=PATIENCE_MS)


def planned(order: str, number: int) -> GcodeProgram:
    fields = samples.order_fields() | {"order": order, "serial": f"ZQ{number:04d}"}
    code, setup = encode_order(order_from(fields, "of the sample"), sample_registry())
    return plan_code(code, setup, Nobody()).program


def lateness_ms(page: Page, acknowledged: dict[int, float]) -> list[float]:
    """Return for each stroke how long after its ``ok`` a frame had shown it."""
    seen = page.evaluate("window.seen")
    late: list[float] = []
    at = 0
    for stroke, ok_s in sorted(acknowledged.items()):
        while at < len(seen) and seen[at][1] < stroke:
            at += 1
        if at == len(seen):
            raise SystemExit(f"stroke {stroke} was never shown")
        late.append(seen[at][0] - 1000 * ok_s)
    return late


def enlarged(data: bytes) -> tuple[dict[str, int], bytes]:
    """Return a plan with its strokes said over and over until they are 200,000: head, bytes."""
    size = int.from_bytes(data[4:8], "little")
    head = json.loads(data[8 : 8 + size])
    kinds = {"i4": "<i4", "u1": "u1"}
    arrays = {
        one["name"]: np.frombuffer(data, kinds[one["type"]], one["size"], 8 + size + one["at"])
        for one in head["arrays"]
    }
    times = -(-STROKES // head["strokes"])
    moves, strokes = head["moves"], head["strokes"]
    points = arrays["xy"].reshape(-1, 2)[:moves]  # each move's first; the last closes the whole
    stroke = arrays["stroke"]
    arrays = {
        "xy": np.vstack([np.tile(points, (times, 1)), points[:1]]).ravel(),
        "stroke": np.concatenate([np.where(stroke < 0, -1, stroke + strokes * n)
                                  for n in range(times)]).astype("<i4"),
        "kind": np.tile(arrays["kind"], times),
        "pass": np.tile(arrays["pass"], times),
    }  # fmt: skip
    head |= {"moves": moves * times, "strokes": strokes * times, "arrays": []}
    blocks = b""
    for name, array in arrays.items():
        kind = array.dtype.str.lstrip("<|")
        head["arrays"].append({"name": name, "type": kind, "at": len(blocks), "size": array.size})
        blocks += array.tobytes() + bytes(-array.nbytes % 4)
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 4)
    return head, MAGIC + len(text).to_bytes(4, "little") + text + blocks


def dragged(browser: Browser, url: str, order: str) -> tuple[int, float, float, float]:
    """Return strokes, seconds to draw them, frames a second while dragged, and the longest gap."""
    context, page = signed_in(browser, url)
    heads: list[dict[str, int]] = []

    def enlarge(route: Route) -> None:
        head, data = enlarged(route.fetch().body())
        heads.append(head)
        route.fulfill(body=data, content_type="application/octet-stream")

    page.route("**/v1/orders/*/plan", enlarge)
    page.get_by_role("button", name=re.compile(f"^{order}")).click()
    frame = page.locator(".plan-frame")
    frame.wait_for()
    begun = time.perf_counter()
    drawn = "(moves) => document.querySelector('.plan-frame').dataset.drawn === String(moves)"
    page.wait_for_function(drawn, arg=heads[-1]["moves"])
    drawn_s = time.perf_counter() - begun
    box = frame.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.evaluate(f"() => {{ window.frames_of = ({FRAMES})({1000 * DRAGGED_S}); }}")
    page.mouse.move(x, y)
    page.mouse.down()
    end = time.perf_counter() + DRAGGED_S
    turn = 0
    while time.perf_counter() < end:
        turn += 1
        page.mouse.move(x + 90 * np.sin(turn / 15), y + 60 * np.cos(turn / 15))
    page.mouse.up()
    at = page.evaluate("() => window.frames_of")
    context.close()
    gaps = np.diff(at)
    return heads[-1]["strokes"], drawn_s, 1000 * len(gaps) / (at[-1] - at[0]), float(gaps.max())


def furnished(home: Path) -> None:
    """Make the sample people and orders, before there is a service."""
    home.mkdir()
    records = Records(home / "station.db")
    furnish(records, People(records))
    records.close()


def figures(folder: Path) -> dict[str, float]:
    found: dict[str, float] = json.loads((folder / "engraver.json").read_text())
    return found


def starvations_in(found: dict[str, float]) -> float:
    """Return how often the planner ran empty: with a line at hand, and because none had come."""
    return found["starvations"] + found["late_lines"]


def measure(browser: Browser, stack: ExitStack, folder: Path) -> None:
    """Print what the text above promises."""
    whole_s, page_s, service_s = min(first_page(browser, folder) for _ in range(3))
    print(
        f"first page usable {whole_s:.2f} s after the command (best of 3), {page_s:.2f} s of it "
        f"the page's; the service has had {service_s:.2f} s of a processor"
    )
    home, engraver = folder / "station", folder / "engraver"
    engraver.mkdir()
    furnished(home)
    words = ["engraver", "--pty", str(engraver / "controller"), "--out", str(engraver)]
    words += ["--fresh-pins", "--speed", SPEED]
    stack.enter_context(running(command(*words), engraver / "log", home))
    while not (engraver / "controller").exists():
        time.sleep(0.01)
    relay = Relay(engraver / "controller", folder / "relay")
    words = ["serve", "--port", "0", "--engraver", str(relay.path), "--scans", str(engraver)]
    process = stack.enter_context(running(command(*words), folder / "serve.log", home))
    url = address(folder / "serve.log", process)
    strokes, drawn_s, rate, gap_ms = dragged(browser, url, "WO-2012")
    print(
        f"{strokes:,} strokes drawn in {drawn_s:.2f} s, none left out; while dragged {rate:.0f} "
        f"frames a second, longest gap {gap_ms:.0f} ms"
    )
    print("screens  starvations  stream s  ok to screen ms: median  95 %  99 %  worst")
    screens = [signed_in(browser, url)]
    page = screens[0][1]
    page.evaluate(WATCH)
    for number, wanted in enumerate((1, SCREENS)):
        screens += [signed_in(browser, url) for _ in range(wanted - len(screens))]
        before = starvations_in(figures(engraver)) if number else 0
        page.evaluate("() => { window.seen.length = 0; }")
        order = f"WO-{2001 + number}"
        mark(page, order)
        acknowledged = relay.strokes(planned(order, 100 + number))
        late = sorted(lateness_ms(page, acknowledged))
        times = sorted(acknowledged.values())
        now = figures(engraver)
        print(
            f"{wanted:7d}  {starvations_in(now) - before:11.0f}  {times[-1] - times[0]:8.2f}"
            f"{statistics.median(late):25.0f}"
            + "".join(f"{late[int(share * (len(late) - 1))]:6.0f}" for share in (0.95, 0.99, 1.0))
        )
        if wanted == 1:
            press(page, "Inspect")
            press(page, "Unloaded")


def main() -> None:
    path = shutil.which("chromium")
    if path is None:
        print("benchmarks/pages.py: no Chromium here (Debian: apt-get install chromium): left out")
        return
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as name:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        with contextlib.closing(browser), ExitStack() as stack:
            measure(browser, stack, Path(name))


if __name__ == "__main__":
    main()
