"""Promises of the engineer's scans: maps of what was measured, a verdict in colour and word."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect

import hardware
from engraver import ablation, codes, layout, relief, toolpath
from engraver.heightmap import write_x3p
from station_api.people import Caller, Role
from tests.station_api.pages.conftest import LONG_MS, Screen, Station, serious

SETUP = hardware.load_setup("default")
CODE = codes.encode_index(11, SETUP.recipe.code_format)
OTHER = codes.encode_index(12, SETUP.recipe.code_format)


@cache
def pin() -> bytes:
    """A predicted pin as an instrument scans it: noise, and one point in twenty not measured."""
    path = toolpath.plan(relief.design(layout.arrange(CODE, SETUP), SETUP), SETUP)
    seen = ablation.predict(path, SETUP, pitch_um=2.0)
    rng = np.random.default_rng(2)
    z = seen.z_um + rng.normal(0, 0.1, seen.z_um.shape)
    z[rng.random(z.shape) < 0.05] = np.nan
    z[:60, :60] = np.nan
    return write_x3p(replace(seen, z_um=z))


def give(page: Page, file: Path, code: str) -> None:
    """Upload a scan as one of a code."""
    page.get_by_label("Code that was ordered").fill(code)
    page.locator("input[type=file]").set_input_files(file)


def test_a_scan_is_mapped_judged_turned_and_printed(
    screen: Screen, bench: Station, tmp_path: Path
) -> None:
    """Good pin: word, colour, twelve symbols; the maps turn by key and drag; a PDF comes out."""
    (tmp_path / "pin.x3p").write_bytes(pin())
    page = screen(Role.ENGINEER, "scans", at=bench)
    other = screen(Role.ENGINEER, "scans", at=bench)
    give(page, tmp_path / "pin.x3p", CODE.text)
    verdict = page.locator(".verdict")
    expect(verdict).to_contain_text("Good: grade", timeout=LONG_MS)
    expect(verdict).to_have_class("notice verdict good")
    expect(verdict).to_contain_text(f"Read {CODE.text}, ordered {CODE.text}")
    symbols = page.get_by_role("table", name="Symbols").get_by_role("row")
    expect(symbols).to_have_count(13)
    expect(symbols.nth(1)).to_contain_text(CODE.text[0])
    expect(symbols.nth(0)).to_contain_text("22 ± 4")
    expect(page.get_by_role("img", name="Heights above the face")).to_be_visible()
    expect(page.locator(".hatched").first).not_to_have_text("not measured: 0.0 %")
    expect(other.get_by_role("table", name="Scans of this station")).to_contain_text("engineer one")

    page.get_by_role("button", name="Surfaces to turn").click()
    surface = page.get_by_role("img", name="Deviation from the design")
    surface.press("ArrowLeft")
    expect(surface).to_have_attribute("data-turned", "0.45 0.85")
    box = surface.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 180, box["y"] + 100)
    page.mouse.up()
    expect(surface).to_have_attribute("data-turned", "0.95 0.85")
    assert serious(page) == []
    with page.expect_download(timeout=LONG_MS) as download:
        page.get_by_role("button", name="Report (PDF)").click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")
    assert download.value.suggested_filename == f"inspection-{CODE.text}.pdf"


def test_a_wrong_pin_and_a_broken_file_are_told_as_such(
    screen: Screen, bench: Station, tmp_path: Path
) -> None:
    """Another pin's scan is bad, symbol by symbol; half a file is refused and nothing is kept."""
    (tmp_path / "half.x3p").write_bytes(pin()[:5000])
    (tmp_path / "pin.x3p").write_bytes(pin())
    page = screen(Role.ENGINEER, "scans", at=bench, color_scheme="dark")
    kept = len(bench.service.scans.newest(200))
    give(page, tmp_path / "half.x3p", CODE.text)
    expect(page.get_by_role("alert")).to_contain_text("zip")
    assert len(bench.service.scans.newest(200)) == kept
    by = Caller("engineer one", Role.ENGINEER)
    tight = hardware.text("acceptance", "default").replace('name = "default"', 'name = "tight"')
    bench.service.shelf.draft("acceptance", "tight", tight, by)
    bench.service.shelf.release("acceptance", "tight", 1, by)
    page.get_by_label("Acceptance profile").select_option("tight")  # there as soon as it is in use
    give(page, tmp_path / "pin.x3p", OTHER.text)
    verdict = page.locator(".verdict")
    expect(verdict).to_contain_text("Bad: grade", timeout=LONG_MS)
    expect(verdict).to_have_class("notice verdict bad")
    expect(verdict).to_contain_text("tight 2")
    wrong = next(k for k, (a, b) in enumerate(zip(CODE.text, OTHER.text, strict=True)) if a != b)
    row = page.get_by_role("table", name="Symbols").get_by_role("row").nth(wrong + 1)
    expect(row).to_contain_text(f"{CODE.text[wrong]} ≠ {OTHER.text[wrong]}")
    assert serious(page) == []
