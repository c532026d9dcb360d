"""Promises of the administrator's page, in a real browser: health, doctor, backups, keys."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from engraver.record import MarkState
from station_api.people import Role
from tests.conftest import wait_until
from tests.station_api.pages.conftest import Screen, Station, serious, serving, small
from tests.station_api.service.test_marks_api import mark_in


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Station]:
    """A station with a folder for backups and one good mark."""
    monkeypatch.setenv("PINMARK_BACKUP_FOLDER", str(tmp_path / "backups"))
    (tmp_path / "backups").mkdir()
    with serving(tmp_path / "station") as made:
        mark_in(made.service, MarkState.VERIFIED)
        yield made


def test_the_station_is_looked_after_from_the_page(
    screen: Screen, house: Station, tmp_path: Path
) -> None:
    """What is out of order stands on top, with the remedy; a backup is taken; figures are live."""
    page = screen(Role.ADMINISTRATOR, "admin", house)
    doctor = page.get_by_role("region", name="Doctor")
    first = doctor.locator("[data-check]").first
    expect(first).not_to_have_attribute("data-state", "ok")
    expect(doctor.locator("[data-check='log key']")).to_contain_text("--backed-up")
    expect(doctor.locator("[data-check='port']")).to_contain_text("not asked")
    doctor.get_by_role("button", name="Look again").click()
    expect(doctor.locator("[data-check='port']")).to_contain_text("no engraver is configured")
    backups = page.get_by_role("region", name="Backups")
    expect(backups).to_contain_text("No backup is in the folder.")
    backups.get_by_role("button", name="Back up now").click()
    expect(backups.get_by_role("status")).to_contain_text("Backup taken and checked")
    (file,) = (tmp_path / "backups").glob("*.db")
    expect(backups.get_by_role("row", name=file.name)).to_be_visible()
    expect(doctor.locator("[data-check='log']")).to_have_attribute("data-state", "ok")
    expect(page.locator("[data-figure='backup-age']")).to_contain_text("0.0 h old")
    entries = page.locator("[data-figure='entries']")
    before = entries.inner_text()
    mark_in(house.service, MarkState.UNKNOWN, 7)
    expect(entries).not_to_have_text(before)
    expect(page.locator("[data-figure='in-doubt']")).to_contain_text("1")
    with page.expect_download() as taken:
        backups.get_by_role("button", name="Support bundle").click()
    assert Path(taken.value.path()).read_bytes().startswith(b"PK")
    assert serious(page) == [] and small(page) == []


def test_a_key_is_shown_once_and_ends_when_revoked(screen: Screen, house: Station) -> None:
    """Made, shown, gone from the page; the machine gets in by it until it is revoked."""
    page = screen(Role.ADMINISTRATOR, "admin", house, color_scheme="dark")
    keys = page.get_by_role("region", name="Keys of machines")
    keys.get_by_label("Machine", exact=True).fill("line MES")
    keys.get_by_role("button", name="Make a key").click()
    dialog = page.get_by_role("dialog")
    text = dialog.locator("[data-key-text]").inner_text()
    assert re.fullmatch(r"pmk_\S{30,}", text)
    page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    assert serious(page) == []
    dialog.get_by_role("button", name="I have kept it").click()
    expect(dialog).to_have_count(0)
    assert text not in page.content()
    sign = {"Authorization": f"Bearer {text}"}
    assert page.request.get(f"{house.url}/v1/marks", headers=sign).status == 200
    page.get_by_role("button", name="Español").click()
    page.get_by_role("row", name="line MES").get_by_role("button", name="Revocar").click()
    page.get_by_role("dialog").get_by_role("button", name="Revocar definitivamente").click()
    expect(page.get_by_role("row", name="line MES")).to_contain_text("revocada")
    assert page.request.get(f"{house.url}/v1/marks", headers=sign).status == 401
    assert serious(page) == []


def test_a_webhook_that_is_not_taken_says_so(screen: Screen, house: Station) -> None:
    """Added, its secret shown once; what fails is named and counted; removed, it is gone."""
    page = screen(Role.ADMINISTRATOR, "admin", house)
    hooks = page.get_by_role("region", name="Webhooks", exact=True)
    address = hooks.get_by_label("Address", exact=True)
    address.fill("http://elsewhere.example/x")
    hooks.get_by_role("button", name="Add a receiver").click()
    expect(hooks.get_by_role("alert")).to_contain_text("https")
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/pinmark"
    address.fill(url)
    hooks.get_by_role("button", name="Add a receiver").click()
    dialog = page.get_by_role("dialog")
    secret = dialog.locator("[data-hook-secret]").inner_text()
    assert secret.startswith("whsec_")
    dialog.get_by_role("button", name="I have kept it").click()
    assert secret not in page.content()
    row = hooks.get_by_role("row", name=url)
    expect(row).to_contain_text("active")
    mark_in(house.service, MarkState.REJECTED, 43)
    wait_until(lambda: house.service.webhooks.all()[0].failures > 0, 60.0)
    hooks.get_by_role("button", name="Look again").click()
    expect(row).to_contain_text("failing")
    expect(row).to_contain_text("refused")
    assert serious(page) == [] and small(page) == []
    row.get_by_role("button", name="Remove").click()
    dialog.get_by_role("button", name="Stop sending").click()
    expect(row).to_have_count(0)


def test_what_the_disk_refuses_is_told_and_nothing_is_lost(
    screen: Screen, house: Station, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No folder, no network: what was typed is there, and the press can be repeated."""
    monkeypatch.delenv("PINMARK_BACKUP_FOLDER")
    page = screen(Role.ADMINISTRATOR, "admin", house)
    page.get_by_label("Machine", exact=True).fill("half a na")
    backups = page.get_by_role("region", name="Backups")
    backups.get_by_role("button", name="Back up now").click()
    expect(backups.get_by_role("alert")).to_contain_text("folder")
    page.route("**/v1/keys", lambda route: route.abort())
    page.get_by_role("button", name="Make a key").click()
    expect(page.get_by_role("alert").filter(has_text="not reached")).to_be_visible()
    expect(page.get_by_label("Machine", exact=True)).to_have_value("half a na")
    assert house.service.keys.all() == []


def test_a_forgotten_secret_is_replaced(screen: Screen, house: Station) -> None:
    """The administrator gives one; it opens one door, and has to be changed there."""
    page = screen(Role.ADMINISTRATOR, "people", house)
    page.get_by_role("row", name="tracer one").get_by_role("button", name="New secret").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("New PIN or password").fill("short")
    dialog.get_by_role("button", name="New secret").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_label("New PIN or password").fill("a fresh one for you")
    dialog.get_by_role("button", name="New secret").click()
    expect(dialog).to_have_count(0)
    person = house.service.people.check("tracer one", "a fresh one for you")
    assert person.must_change
