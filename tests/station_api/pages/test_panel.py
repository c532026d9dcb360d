"""Promises of the contacts on a page: pressed, seen on every screen, a dead line said plainly."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from station_api.interlocks import panel_folder
from station_api.people import Role
from tests.station_api.pages.conftest import Screen, Station, serious, serving


@pytest.fixture
def virtual(tmp_path: Path) -> Iterator[Station]:
    with serving(tmp_path / "station", panel="virtual") as made:
        yield made


def test_buttons_chain_and_tower(screen: Screen, virtual: Station) -> None:
    """A press moves the chain on this page and on the operator's, and the tower with it."""
    page = screen(Role.SUPERVISOR, "panel", virtual)
    operator = screen(Role.OPERATOR, "operator", virtual)
    chain, there = page.locator(".chain"), operator.locator(".chain")
    expect(chain).to_contain_text("Interlocks: open")
    expect(there).to_contain_text("key switch: open")
    expect(page.locator(".lamp.yellow")).to_have_class(re.compile(r"\bon\b"))
    page.get_by_role("button", name="Turn the key").click()
    expect(chain).to_contain_text("Interlocks: closed")
    expect(there).to_contain_text("Interlocks: closed")
    expect(page.locator(".lamp.green")).to_have_class(re.compile(r"\bon\b"))
    page.get_by_role("button", name="Hit the emergency stop").click()
    expect(there).to_contain_text("emergency stop: open")
    expect(page.get_by_role("region", name="Recorded changes")).to_contain_text("open")
    page.get_by_role("button", name="Press start").click()
    expect(chain).to_contain_text("Interlocks: open")
    assert virtual.service.runner.jobs() == []
    (panel_folder(virtual.service.home) / "panel.json").write_text("torn")
    expect(chain).to_contain_text("cannot be read")
    expect(there).to_contain_text("cannot be read: look at its wire")
    checks = {one.name: one for one in virtual.service.upkeep.checks()}
    assert "cannot be read" in checks["interlocks"].found and checks["interlocks"].remedy
    if shots := os.environ.get("PINMARK_SOAK_SHOTS"):
        page.get_by_role("button", name="Dark").click()
        page.screenshot(path=f"{shots}/panel.png", full_page=True)
        operator.screenshot(path=f"{shots}/panel-operator.png")
    assert serious(page) == [] and serious(operator) == []
