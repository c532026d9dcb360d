"""Promises of the first start on a page: who may open it, from nothing to a mark."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.conftest import REPOSITORY
from tests.station_api.pages.conftest import serious

PASSWORD = "correct horse battery"
MARK_MS = 180_000


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[str, str, Path]]:
    """`pinmark setup --page` of somebody who has nothing: its address, its password, its folder."""
    variables = {name: text for name, text in os.environ.items() if "PINMARK" not in name} | {
        "PINMARK_HOME": str(tmp_path / "home"),
        "PINMARK_CONFIG": str(tmp_path / "pinmark.toml"),
    }
    (tmp_path / "stick").mkdir()
    command = [sys.executable, "-m", "station_api", "setup", "--page", "--port", "0"]
    process = subprocess.Popen(
        command, env=variables, cwd=REPOSITORY, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    assert process.stderr is not None
    said = process.stderr.readline()
    found = re.search(r"open (\S+)/ and sign in once as setup with (\S+)", said)
    assert found, said
    try:
        yield found[1], found[2], tmp_path
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


def fill(page: Page, **values: str) -> None:
    for name, value in values.items():
        field = page.locator(f"[name={name}]")
        if field.evaluate("one => one.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    page.get_by_role("button", name="Take this answer").click()


def test_from_nothing_to_the_first_mark_on_a_page(
    opened: tuple[str, str, Path], contexts: Callable[..., BrowserContext]
) -> None:
    """Locked without the printed password; wrong answers are said; a reload goes on."""
    url, password, place = opened
    page = contexts().new_page()
    reply = page.request.get(f"{url}/v1/setup")
    assert reply.status == 401 and "printed" in reply.json()["detail"]
    page.goto(f"{url}/")
    page.locator("[name=name]").fill("setup")
    page.locator("[name=secret]").fill("a wrong password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.locator("[name=secret]").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="First start")).to_be_visible()
    fill(page, name="no blanks in it")
    expect(page.get_by_role("alert")).to_be_visible()
    assert serious(page) == []
    fill(page, name="LINE-3")
    page.get_by_role("button", name="Later").click()
    fill(page, name="A. Smith", password=PASSWORD, again=PASSWORD[:-1])
    expect(page.get_by_role("alert")).to_contain_text("differ")
    page.reload()
    expect(page.locator("[name=name]")).to_have_value("A. Smith")
    fill(page, password=PASSWORD, again=PASSWORD)
    fill(page, folder=str(place / "stick"))
    fill(page, recipe="default", port="virtual")
    fill(page, make="Example Arms", model="Model 9", template="ZQ9999")
    page.get_by_role("button", name="español").click()
    page.get_by_role("button", name="Hacer la primera marca").click()
    expect(page.get_by_role("heading", name="La primera marca está hecha")).to_be_visible(
        timeout=MARK_MS
    )
    expect(page.get_by_text("R8RPE1GVR8L1")).to_be_visible()
    expect(page.locator(".pictures img").first).to_have_js_property("complete", True)
    assert page.locator(".pictures img").first.evaluate("one => one.naturalWidth") > 100
    page.get_by_role("button", name="Oscuro").click()
    assert serious(page) == []
    if shots := os.environ.get("PINMARK_SOAK_SHOTS"):
        page.screenshot(path=f"{shots}/setup-done.png", full_page=True)
    page.get_by_role("button", name="Terminar el primer inicio").click()
    expect(page.get_by_role("heading", name="El primer inicio ha terminado.")).to_be_visible()
    assert 'name = "LINE-3"' in (place / "pinmark.toml").read_text()
    assert (place / "stick" / "pinmark-LINE-3-log.key").exists()
    assert PASSWORD not in (place / "pinmark.toml").read_text()
