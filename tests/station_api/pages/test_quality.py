"""Promises of the engineer's quality page: live charts, gauge, the closed loop, legibility."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect

import hardware
from engraver import codes, coupons, gcode
from engraver.heightmap import write_x3p
from station_api.people import Role
from tests.engraver.test_capability import aiag
from tests.station_api.pages.conftest import LONG_MS, Screen, Station, serious
from tests.station_api.quality.test_charts import detail, keep
from tests.station_api.quality.test_closed_loop import scanned

SETUP = hardware.load_setup("default")
CODE = codes.encode_index(9, SETUP.recipe.code_format).text


def opened(screen: Screen, bench: Station, part: str, **more: object) -> Page:
    """Open one part of the page."""
    page = screen(Role.ENGINEER, "quality", at=bench, **more)
    page.get_by_role("button", name=part).click()
    return page


def test_a_control_chart_hears_of_the_mark_that_breaks_a_rule(
    screen: Screen, bench: Station
) -> None:
    """Limits and points over the records; a pin inspected anywhere is on the chart by itself."""
    page = opened(screen, bench, "Control charts")
    expect(page.get_by_text("a chart needs 2")).to_be_visible()
    noise = np.random.default_rng(5).normal(0, 200, 24).round().astype(int).tolist()
    for n, off in enumerate(noise):
        keep(bench.service.records, 200 + n, detail(22_000 + off))
    expect(page.get_by_text("Steady: no rule")).to_be_visible()
    chart = page.get_by_role("img", name="Control chart of Relief, µm: 24 points, 0 signals")
    expect(chart).to_be_visible()
    expect(page.get_by_role("table", name="Capability of 24 marks")).to_contain_text("able, Cpk")
    bad = keep(bench.service.records, 299, detail(19_000))
    expect(page.get_by_text(f"signals, the last at {bad}")).to_be_visible()
    expect(page.locator(f".signal[data-mark={bad}]")).to_be_visible()
    expect(page.get_by_role("table", name="Signals")).to_contain_text("a point beyond 3 sigma")
    page.get_by_label("Marks a point").select_option("5")
    expect(page.get_by_text("Xbar-R")).to_be_visible()
    assert serious(page) == []
    page.get_by_role("button", name="Español").click()
    expect(page.get_by_role("heading", name="Calidad")).to_be_visible()
    expect(page.get_by_label("Marcas por punto")).to_have_value("5")


def test_a_gauge_study_is_given_or_typed_and_judged(
    screen: Screen, bench: Station, tmp_path: Path
) -> None:
    """The manual's example has its figures; a cell typed over changes them; a gap is told."""
    rows = [f"{p},{o},{k},{v}" for (p, o, k), v in np.ndenumerate(aiag())]
    (tmp_path / "aiag.csv").write_text("part,operator,trial,value\n" + "\n".join(rows))
    page = opened(screen, bench, "Gauge study", color_scheme="dark")
    page.locator("input[type=file]").set_input_files(tmp_path / "aiag.csv")
    page.get_by_role("button", name="Study it").click()
    expect(page.get_by_text("The gauge cannot tell")).to_be_visible()
    expect(page.locator("[data-figure=grr]")).to_contain_text("27.9 %")
    ndc = page.locator("[data-figure=ndc]")
    expect(ndc).to_contain_text("4")
    expect(ndc).to_contain_text("missed")
    assert serious(page) == []
    page.get_by_label("Part 0, operator 0, trial 0").fill("9.9")
    expect(ndc).to_have_count(0)  # figures of another table are not shown
    page.get_by_role("button", name="Study it").click()
    expect(page.locator("[data-figure=grr]")).not_to_contain_text("27.9 %")
    page.get_by_role("button", name="5 × 2 × 2").click()
    page.get_by_label("Part 1, operator A, trial 1").fill("22.1")
    page.get_by_role("button", name="Study it").click()
    expect(page.get_by_role("alert")).to_be_visible()


def test_the_wizard_goes_from_a_coupon_to_a_draft(
    screen: Screen, bench: Station, tmp_path: Path
) -> None:
    """Program, scan, threshold, depth and incubation with intervals, and a recipe from them."""
    (tmp_path / "coupon.x3p").write_bytes(write_x3p(scanned()))
    page = screen(Role.ENGINEER, "quality", at=bench)
    page.get_by_role("button", name="Coupon and calibration").wait_for()
    page.context.set_offline(True)
    page.get_by_role("button", name="Coupon and calibration").click()
    expect(page.locator(".banner")).to_contain_text("cannot be reached")
    page.context.set_offline(False)  # what was asked is asked again, nobody presses anything
    expect(page.get_by_text("Showing every one of")).to_be_visible(timeout=LONG_MS)
    with page.expect_download(timeout=LONG_MS) as download:
        page.get_by_role("button", name="Save the program").click()
    program = gcode.render(coupons.plan("power", SETUP), SETUP)
    assert Path(download.value.path()).read_bytes() == program.data
    page.get_by_role("button", name="It is burned").click()
    page.locator("input[type=file]").set_input_files(tmp_path / "coupon.x3p")
    expect(page.get_by_role("img", name="Heights of the coupon")).to_be_visible(timeout=LONG_MS)
    page.get_by_role("button", name="Go on to the fit").click()
    page.get_by_label("Name of the new material").fill("lot-8")
    page.get_by_role("button", name="Fit it").click()
    threshold = page.locator("[data-figure=fth]")
    expect(threshold).to_contain_text(re.compile(r"1\.2\d\d \(1\.\d+ – 1\.\d+\)"), timeout=LONG_MS)
    expect(threshold).to_contain_text("1.500")  # what the recipe assumed
    expect(page.locator("[data-figure=s]")).to_contain_text("(")
    expect(page.get_by_text("kHz dig the relief on this metal")).to_be_visible()
    assert serious(page) == []
    page.get_by_role("button", name="Go on to the recipe").click()
    page.reload()  # nothing of it is lost
    page.get_by_role("button", name="Keep both").click()
    expect(page.get_by_text("Recipe lot-8, version 1, is a draft")).to_be_visible()
    shelf = bench.service.shelf
    assert shelf.get("recipes", "lot-8", 1).state == "draft"
    assert shelf.get("materials", "lot-8", 1).state == "released"


def test_legibility_is_drawn_by_rounds_and_called_a_simulation(
    screen: Screen, bench: Station
) -> None:
    """Both sets, symbols and whole codes, each position; nothing poses as a measurement."""
    page = opened(screen, bench, "Legibility")
    expect(page.get_by_text("Simulation: conditions are fitted")).to_be_visible()
    page.get_by_label("Code").fill(CODE)
    page.get_by_label("Rounds fired before").fill("0 1500")
    page.get_by_label("Firearms simulated").fill("2")
    page.get_by_role("button", name="Predict").click()
    for which in ("symbols, good set", "whole codes, poor"):
        expect(page.locator(f"[data-curve='{which}'] circle")).to_have_count(2, timeout=LONG_MS)
    shares = page.get_by_role("table", name="Shares read on one case").get_by_role("row")
    expect(shares).to_have_count(3)
    expect(shares.nth(2)).to_contain_text("1,500")
    poor = page.get_by_role("region", name="Poor set: each position read")
    expect(poor.get_by_role("cell")).to_have_count(24)
    expect(page.get_by_text("Simulated: 2 firearms of each set, seed 1")).to_be_visible()
    assert serious(page) == []
