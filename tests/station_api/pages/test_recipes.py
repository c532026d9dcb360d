"""Promises of the engineer's recipes: versions side by side, no release without its evidence."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

import hardware
from engraver import gcode
from engraver.heightmap import write_x3p
from engraver.profiles import Setup
from station_api.people import Caller, Role
from station_api.quality import calibrated
from tests.station_api.pages.conftest import LONG_MS, Screen, Station, serious
from tests.station_api.quality.test_charts import detail, keep
from tests.station_api.quality.test_closed_loop import scanned
from tests.station_api.quality.test_releases import study


def test_a_version_is_drafted_compared_and_put_in_use(screen: Screen, bench: Station) -> None:
    """What a text adds, removes and changes stands side by side; a faulty text is refused."""
    page = screen(Role.ENGINEER, "recipes", at=bench)
    page.get_by_role("button", name="Versions side by side").click()
    page.get_by_label("New").select_option("default-direct-drive/0")
    text = hardware.text("recipes", "default-direct-drive")
    box = page.get_by_label("Text of the profile")
    expect(box).to_have_value(text)
    box.fill(text.replace("passes = { value = 7", "passes = { value = -1"))
    page.get_by_role("button", name="Keep as a draft").click()
    expect(page.get_by_role("alert")).to_contain_text("passes")
    shorter = re.sub(r"(?m)^draft_deg = .*\n", "", text)
    box.fill(shorter.replace("passes = { value = 7", "passes = { value = 12"))
    page.get_by_role("button", name="Keep as a draft").click()
    expect(page.get_by_text("default-direct-drive, version 1, is kept as a draft")).to_be_visible()
    page.get_by_label("New").select_option("default-direct-drive/1")
    passes = page.get_by_role("row").filter(has_text="passes").filter(has_text="changed")
    expect(passes.locator(".was")).to_have_text("7")
    expect(passes.locator(".is")).to_have_text("12")
    gone = page.get_by_role("row").filter(has=page.get_by_text("draft_deg", exact=True))
    expect(gone).to_contain_text("removed")
    expect(gone).to_contain_text("°")
    drafts = page.get_by_role("row").filter(has_text="engineer one")
    row = drafts.filter(has_text="default-direct-drive")
    row.get_by_role("button", name="Put in use").click()
    expect(row).to_contain_text("released")
    assert (
        hardware.load_setup("default-direct-drive", bench.service.shelf.folder).recipe.passes == 12
    )
    assert serious(page) == []


def test_a_release_takes_all_its_evidence_and_a_signature(
    screen: Screen, bench: Station, tmp_path: Path
) -> None:
    """Each of the four is missing, given, judged as it comes; then signed, listed, withdrawn."""
    (tmp_path / "coupon.x3p").write_bytes(write_x3p(scanned()))
    setup = calibrated_recipe(bench)
    page = screen(Role.ENGINEER, "recipes", at=bench)
    page.get_by_role("button", name="lot-7").click()
    release = page.get_by_role("button", name="Release for firearms", exact=True).last
    gauge, capability, coupon, prediction = (
        page.locator(f"[data-kind={one}]")
        for one in ("gauge", "capability", "coupon", "prediction")
    )
    expect(gauge).to_contain_text("Missing: a crossed study")
    expect(capability).to_contain_text("0 trial marks, at least 25 are needed")
    expect(coupon).to_contain_text("Missing: a scanned power coupon")
    expect(prediction).to_contain_text("Missing: a predicted legibility")
    expect(release).to_be_disabled()
    for n in range(26):  # the page hears of the marks; nobody reloads it
        found = detail(22_000 + 100 * (n % 3))
        keep(bench.service.records, n, found, setup_sha256=gcode.setup_sha256(setup))
    expect(capability).to_contain_text("within limits")
    gauge.get_by_text("Give a study").click()
    bad, good = study(tmp_path / "bad.csv", 3.0), study(tmp_path / "good.csv", 0.1)
    gauge.locator("input[type=file]").set_input_files(bad)
    expect(gauge).to_contain_text("blocks")
    gauge.locator("input[type=file]").set_input_files(good)
    expect(gauge).to_contain_text("within limits")
    coupon.get_by_text("Give a coupon").click()
    coupon.locator("input[type=file]").set_input_files(tmp_path / "coupon.x3p")
    expect(coupon).to_contain_text("within limits", timeout=LONG_MS)
    expect(page.get_by_text("Not releasable. Reasons, shown above: 1.")).to_be_visible()
    prediction.get_by_label("Firearms").select_option("good")
    expect(prediction).to_contain_text("within limits", timeout=LONG_MS)
    assert serious(page) == []
    release.click()
    expect(page.get_by_role("dialog")).to_contain_text("engineer one releases lot-7")
    page.get_by_role("dialog").get_by_role("button", name="Release for firearms").click()
    row = page.get_by_role("row", name="lot-7")
    expect(row).to_contain_text(re.compile(r"\breleased"), timeout=LONG_MS)
    expect(page.get_by_text("may be used on firearms")).to_be_visible()
    page.get_by_role("button", name="Withdraw").click()
    page.get_by_label("Reason").fill("drift of the relief")
    page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    expect(row).to_contain_text("withdrawn")
    page.get_by_role("button", name="Releases so far").click()
    expect(page.get_by_role("row", name="lot-7")).to_contain_text("drift of the relief")
    page.get_by_role("button", name="lot-7").click()
    expect(page.locator("[data-kind=coupon]")).to_contain_text("1.241 J/cm²")


def calibrated_recipe(bench: Station) -> Setup:
    """Put material and recipe "lot-7" in use, as the coupon of the tests asks for them."""
    base = hardware.load_setup("default")
    fitted = calibrated.fit_patches(scanned(), base)
    shelf, by = bench.service.shelf, Caller("engineer one", Role.ENGINEER, is_machine=False)
    texts = {
        "materials": calibrated.material_text(fitted, "lot-7", "coupon.x3p"),
        "recipes": calibrated.recipe_text(hardware.text("recipes", "default"), "lot-7", fitted),
    }
    for kind, text in texts.items():
        shelf.draft(kind, "lot-7", text, by)
        shelf.release(kind, "lot-7", 1, by)
    return hardware.load_setup("lot-7", shelf.folder)
