"""Pictures of every page in both themes -> docs/pages/: `make screenshots`.

In: Debian's Chromium and nothing else; a sample station is served from a folder of its own, and a
pin is marked on its virtual engraver. Out: PNG files, to be looked at by people; no test reads
them.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402
from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402

from station_api.cli.sample import PEOPLE  # noqa: E402
from station_api.pages.table import PAGES  # noqa: E402
from tests.station_api.pages.conftest import QUIET, SIZE, find_chromium, sign_in  # noqa: E402

OUT = ROOT / "docs" / "pages"
THEMES = ("light", "dark")
COLOURS = 128
PATIENCE_MS = 180_000
STEPS = ("The part is right", "The tip is blank", "The pin is in", "The door is closed")


AT_REST = """() => !document.querySelector("[role=status].waiting, [aria-busy=true]")
  && document.querySelector("main").innerText.length > 40"""
"""Nothing on the page says that it waits for something."""


@dataclass
class Sample:
    """A sample station being served, and the codes of what it has marked."""

    url: str
    folder: Path
    codes: dict[str, str] = field(default_factory=dict)


@contextmanager
def sample(folder: Path) -> Iterator[Sample]:
    """Serve a sample station."""
    log = folder / "log"
    words = [sys.executable, "-m", "station_api", "serve", "--sample", str(folder), "--port", "0"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            words, stdout=file, stderr=file, stdin=subprocess.DEVNULL, cwd=ROOT,
            env=os.environ | {"COLUMNS": "200"},
        )  # fmt: skip
    try:
        while not (found := re.search(r"pages on (http://[\d.:]+)/", log.read_text())):
            if process.poll() is not None:
                raise SystemExit(log.read_text())
            time.sleep(0.05)
        yield Sample(found[1], folder)
    finally:
        process.terminate()
        process.wait()


def show(browser: Browser, url: str, name: str, person: str, theme: str) -> Page:
    """Return a page, signed in, in one theme."""
    context = browser.new_context(viewport=SIZE, locale="en-GB", color_scheme=theme)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{url}/pages/{name}")
    sign_in(page, person, PEOPLE[person][1])
    page.get_by_role("heading").first.wait_for()
    return page


def shoot(page: Page, name: str, theme: str, *, resting: bool = True) -> None:
    """Write one picture, with as many colours as such a page has use for."""
    if resting:
        page.wait_for_function(AT_REST, timeout=PATIENCE_MS)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    OUT.mkdir(exist_ok=True)
    few = picture.quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(OUT / f"{name}-{theme}.png", optimize=True)
    print(f"docs/pages/{name}-{theme}.png")


def press(page: Page, name: str) -> None:
    """Press the one big control once it takes presses."""
    button = page.get_by_role("button", name=name, exact=True)
    expect(button).to_have_attribute("data-ready", re.compile("."), timeout=PATIENCE_MS)
    button.click()


def operator(browser: Browser, at: Sample) -> None:
    """Mark two pins: in each theme the queue, a check, the laser at work, the verdict."""
    for theme, order in zip(THEMES, ("WO-2001", "WO-2002"), strict=True):
        page = show(browser, at.url, "operator", "olivia", theme)
        row = page.get_by_role("button", name=re.compile(f"^{order}"))
        row.wait_for()
        shoot(page, "operator-queue", theme, resting=False)
        row.click()
        page.locator(".plan-frame[data-drawn]").wait_for()
        shoot(page, "operator-check", theme)
        for step in (*STEPS, "Start"):
            press(page, step)
        half = "() => { const p = document.querySelector('.progress progress');"
        half += " return p && p.value > 0.45 && document.querySelector('.controls .hold'); }"
        page.wait_for_function(half, timeout=PATIENCE_MS)
        shoot(page, "operator-marking", theme)
        press(page, "Inspect")
        expect(page.locator(".verdict")).to_be_visible(timeout=PATIENCE_MS)
        serial, code = page.locator(".order dd.code").all_inner_texts()[:2]
        at.codes[serial] = code
        shoot(page, "operator-verdict", theme)
        press(page, "Unloaded")
        page.context.close()


def plan_an_order(page: Page, at: Sample) -> None:
    page.get_by_label("What is burned").select_option("order")
    page.get_by_label("Work order").select_option("WO-2003")
    page.get_by_role("button", name="Plan it").click()
    page.locator("canvas[data-drawn]").wait_for()


def upload_a_scan(page: Page, at: Sample) -> None:
    page.get_by_label("Code that was ordered").fill(at.codes["ZQ0101"])
    page.locator("input[type=file]").set_input_files(at.folder / "engraver" / "pin.x3p")
    expect(page.locator(".verdict")).to_contain_text("grade", timeout=PATIENCE_MS)


def open_a_mark(page: Page, at: Sample) -> None:
    page.get_by_label("Serial (?").fill("ZQ0101")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("row").filter(has_text="ZQ0101").first.get_by_role("button").click()
    expect(page.locator("[data-proven]")).to_contain_text("steps proven", timeout=PATIENCE_MS)


def trace_a_casing(page: Page, at: Sample) -> None:
    page.get_by_role("button", name="New request").click()
    dialog = page.get_by_role("dialog")
    for label, text in (
        ("Agency", "Sample County"),
        ("Person", "R. Diaz"),
        ("Contact", "555 0100"),
        ("Authority", "case 26-1187"),
    ):
        dialog.get_by_label(label).fill(text)
    dialog.get_by_role("button", name="Record the request").click()
    page.get_by_role("heading", name="Sample County").wait_for()
    code = at.codes["ZQ0101"]
    page.get_by_label("As text").fill(f"{code[:3]}?[{code[4]}M]?{code[6:]}")
    page.get_by_role("button", name="Search all marks").click()
    page.get_by_role("article", name="Candidate 1").wait_for()


MORE: dict[str, Callable[[Page, Sample], None]] = {
    "plans": plan_an_order,
    "scans": upload_a_scan,
    "audit": open_a_mark,
    "trace": trace_a_casing,
}
"""What is done on a page before its picture is taken."""


def others(browser: Browser, at: Sample) -> None:
    """Every other page, as one of the sample people who has it."""
    for one in PAGES:
        if one.name == "operator":
            continue
        people = [name for name, (role, _) in PEOPLE.items() if one.is_for(role)]
        person = "tess" if "tess" in people else people[0]  # the desk is hers; an auditor looks on
        for theme in THEMES:
            page = show(browser, at.url, one.name, person, theme)
            if one.name in MORE:
                MORE[one.name](page, at)
            shoot(page, one.name, theme)
            page.context.close()


def main() -> None:
    path = find_chromium()
    if path is None:
        raise SystemExit("no Chromium here, and none can be installed: apt-get install chromium")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        with sample(Path(name)) as at:
            operator(browser, at)
            others(browser, at)
        browser.close()


if __name__ == "__main__":
    main()
