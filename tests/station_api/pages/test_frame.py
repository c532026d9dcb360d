"""Promises of the frame: who sees which page, nothing typed is lost, nothing blocked or blurred."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from station_api.pages.table import PAGES
from station_api.people import Role
from tests.station_api.pages.conftest import (
    SECRETS,
    Screen,
    Station,
    serious,
    sign_in,
    small,
)

PEOPLE = [role for role in Role if role is not Role.STATION]


@pytest.mark.parametrize("role", PEOPLE)
def test_each_role_sees_its_pages_and_no_others(role: Role, screen: Screen) -> None:
    """The menu names them; any other page's address answers 403 and shows nothing of it."""
    page = screen(role)
    mine = [one.name for one in PAGES if one.is_for(role)]
    if mine:
        page.wait_for_url(f"**/pages/{mine[0]}")
    menu = page.get_by_role("navigation", name="Pages").get_by_role("link")
    expect(menu).to_have_count(len(mine))
    for one in PAGES:
        reply = page.goto(page.url.partition("/pages/")[0] + f"/pages/{one.name}")
        assert reply is not None
        assert reply.status == (200 if one.name in mine else 403)
        refused = page.get_by_text("This page is not for the role")
        expect(refused).to_have_count(0 if one.name in mine else 1)


def test_nobody_sees_nothing_but_the_entrance(screen: Screen, station: Station) -> None:
    """Without a session each page's address shows the way in, and reads nothing."""
    for one in PAGES:
        page = screen(None, one.name)
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert page.get_by_role("navigation").count() == 0


def test_a_wrong_secret_says_so_and_can_be_typed_again(screen: Screen) -> None:
    """The name stays, the secret does not."""
    page = screen(None)
    page.get_by_label("Name").fill("operator one")
    page.get_by_label("PIN or password").fill("111222")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("name or secret is wrong")
    expect(page.get_by_label("Name")).to_have_value("operator one")
    expect(page.get_by_label("PIN or password")).to_have_value("")


def test_a_lock_keeps_what_was_typed_and_takes_the_secret(screen: Screen) -> None:
    """Behind the lock the page stays as it was, out of reach of keys and fingers."""
    page = screen(Role.ADMINISTRATOR, "people")
    page.get_by_label("Name").fill("half a na")
    page.get_by_role("button", name="Lock").click()
    overlay = page.get_by_role("dialog")
    expect(overlay).to_contain_text("Locked by administrator one")
    page.keyboard.press("Escape")
    expect(overlay).to_be_visible()
    overlay.get_by_label("PIN or password").fill(SECRETS[Role.ADMINISTRATOR])
    page.keyboard.press("Enter")
    expect(overlay).to_have_count(0)
    expect(page.get_by_label("Name")).to_have_value("half a na")


def test_a_session_that_ended_is_taken_up_over_the_page(screen: Screen, station: Station) -> None:
    """What a restart of the service does to sessions costs a secret, and nothing typed."""
    page = screen(Role.ADMINISTRATOR, "people")
    page.get_by_label("Name").fill("half a na")
    station.service.sessions.close_all("administrator one")
    overlay = page.get_by_role("dialog")
    expect(overlay).to_contain_text("please sign in again")
    overlay.get_by_label("PIN or password").fill(SECRETS[Role.ADMINISTRATOR])
    overlay.get_by_role("button", name="Sign in").click()
    expect(overlay).to_have_count(0)
    expect(page.get_by_label("Name")).to_have_value("half a na")


def test_a_lost_network_is_said_and_survived(screen: Screen, station: Station) -> None:
    """The banner comes and goes; the list that changed meanwhile is read again by itself."""
    page = screen(Role.ADMINISTRATOR, "people")
    expect(page.get_by_role("cell", name="tracer one")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_label("Name").fill("nina newcomer")
    page.get_by_label("First PIN or password").fill("493 817 493 817")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("The station was not reached")).to_be_visible()
    expect(page.locator(".banner")).to_contain_text("cannot be reached")
    station.service.people.add("made meanwhile", Role.AUDITOR, SECRETS[Role.AUDITOR], "test")
    page.context.set_offline(False)
    expect(page.get_by_role("cell", name="made meanwhile")).to_be_visible()
    expect(page.locator(".banner")).to_be_empty()
    expect(page.get_by_label("Name")).to_have_value("nina newcomer")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("cell", name="nina newcomer")).to_be_visible()


def test_two_screens_show_the_same_without_a_reload(screen: Screen, station: Station) -> None:
    """What one changes the other shows, and what changes elsewhere both do."""
    one, other = (screen(Role.ADMINISTRATOR, "people") for _ in range(2))
    station.service.people.add("seen by both", Role.TRACER, SECRETS[Role.TRACER], "test")
    for page in (one, other):
        expect(page.get_by_role("cell", name="seen by both")).to_be_visible()
    row = one.get_by_role("row", name="seen by both")
    row.get_by_role("button", name="Disable").click()
    expect(other.get_by_role("row", name="seen by both")).to_contain_text("disabled")


def test_a_first_secret_is_changed_before_anything_else(screen: Screen, station: Station) -> None:
    """Who was given a secret sees no page before setting one of their own."""
    station.service.people.add("fred first", Role.OPERATOR, "192837", "test")
    station.service.people.set_secret("fred first", "192837", "administrator one")
    page = screen(None)
    sign_in(page, "fred first", "192837")
    expect(page.get_by_role("heading", name="Set a secret of your own")).to_be_visible()
    assert page.get_by_role("navigation").count() == 0
    page.get_by_label("PIN or password", exact=True).fill("192837")
    page.get_by_label("New PIN or password").fill("564738")
    page.get_by_role("button", name="Set it").click()
    page.wait_for_url("**/pages/operator")
    expect(page.get_by_text("fred first, operator")).to_be_visible()


def test_theme_and_language_are_chosen_and_kept(screen: Screen) -> None:
    """Dark and Spanish stay after a reload."""
    page = screen(Role.ADMINISTRATOR, "people")
    page.get_by_role("button", name="Dark").click()
    page.get_by_role("button", name="Español").click()
    page.reload()
    expect(page.get_by_role("heading", name="Personas de esta estación")).to_be_visible()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("document.documentElement.lang") == "es"


def test_scripts_come_from_the_station_alone(browser: Browser, station: Station) -> None:
    """A script in the document's own text is not run, whoever put it there."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{station.url}/pages/")
    page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
        " document.head.append(s); }"
    )
    assert page.evaluate("window.ran") is None
    policy = page.request.get(page.url).headers["content-security-policy"]
    assert "script-src 'self';" in policy
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["", *(one.name for one in PAGES)])
def test_axe_finds_nothing_serious(name: str, theme: str, screen: Screen) -> None:
    """WCAG 2.2 AA as far as a program can tell, on every page and the way in, in both themes."""
    role = next((r for r in PEOPLE if name in [p.name for p in PAGES if p.is_for(r)]), None)
    page = screen(role, name, color_scheme=theme)
    page.get_by_role("heading").first.wait_for()
    assert serious(page) == []


@pytest.mark.parametrize("one", [one.name for one in PAGES])
def test_everything_that_is_pressed_is_as_large_as_a_gloved_finger(
    one: str, screen: Screen
) -> None:
    """Buttons, links of the menu and fields are at least 48 px high at 1280 x 800."""
    role = next(r for r in PEOPLE if one in [p.name for p in PAGES if p.is_for(r)])
    page = screen(role, one)
    page.get_by_role("heading").first.wait_for()
    assert small(page) == []


def test_scripts_cannot_read_the_session_and_other_sites_cannot_send_it(screen: Screen) -> None:
    """The cookie is HttpOnly and SameSite=Strict."""
    page = screen(Role.OPERATOR)
    assert "pinmark_session" not in page.evaluate("document.cookie")
    context: BrowserContext = page.context
    cookie = next(c for c in context.cookies() if c["name"] == "pinmark_session")
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict"
