"""A service of its own and a real browser: one of each for all tests of a run.

Tests of a page take `screen`: a function that opens a page in a fresh browser context, signed in as
one of each role, at 1280 x 800. `station` is the service behind it, in this process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from station_api.app import make_app
from station_api.configuration.model import ScansKeys
from station_api.pages.table import pages_of
from station_api.people import People, Role
from station_api.people.secrets import Hasher
from station_api.records import Records
from station_api.service.server import listen, make_server
from station_api.service.service import Service, make_service

SECRETS = {role: f"a secret of {role}" for role in Role} | {Role.OPERATOR: "493817"}
"""What each sample person types; the person is called after the role, such as `operator one`."""

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
SIZE = {"width": 1280, "height": 800}
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
         "--disable-component-update", "--disable-default-apps", "--no-first-run",
         "--autoplay-policy=no-user-gesture-required")  # fmt: skip
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)
LONG_MS = 120_000
"""As long as the bench may take for one job, on a machine that is busy with other tests."""


def find_chromium() -> str | None:
    """Return Debian's Chromium, installed first where that needs nobody's leave."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    settings = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-qq"], ["install", "-y", "-qq", "chromium"]):
        subprocess.run(["apt-get", *words], env=settings, capture_output=True, check=False)
    return shutil.which("chromium")


@dataclass(slots=True)
class Station:
    """A service that listens on this machine."""

    service: Service
    url: str


@contextmanager
def serving(
    home: Path,
    engraver: str | None = None,
    instrument: Path | None = None,
    panel: str = "none",
    watched: Path | None = None,
) -> Iterator[Station]:
    """Serve a station in a thread of this process, with one person of each role."""
    home.mkdir(parents=True, exist_ok=True)
    records = Records(home / "station.db")
    service = make_service(
        home, records, engraver, Hasher(QUICK), panel=panel, instrument=instrument,
        folder=ScansKeys(folder=watched),
    )  # fmt: skip
    add_one_of_each(service.people)
    listener = listen("127.0.0.1", 0, tls=False, plain=True)
    server = make_server(make_app(service))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield Station(service, f"http://127.0.0.1:{listener.getsockname()[1]}")
    finally:
        service.live.close()
        server.should_exit = True
        thread.join()
        records.close()


def add_one_of_each(people: People) -> None:
    """Add a person of each role, called after it."""
    for role in Role:
        if role is not Role.STATION:
            people.add(f"{role} one", role, SECRETS[role], "test")


@pytest.fixture(scope="session")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """A station without an engraver, shared by all tests: leave no order of yours half done."""
    with serving(tmp_path_factory.mktemp("pages") / "station") as made:
        yield made


@pytest.fixture(scope="package")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """A station of the engineer's tests alone: recipes, marks and scans come and go here."""
    with serving(tmp_path_factory.mktemp("bench") / "station") as made:
        yield made


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window.

    Gone when this folder's tests end: its event loop runs in the thread of the tests, where
    nobody else could run one.
    """
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium here, and none can be installed: apt-get install chromium")
    expect.set_options(timeout=PATIENCE_MS)  # this machine may be busy
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield opened
        opened.close()


Screen = Callable[..., Page]


@pytest.fixture
def contexts(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Give fresh browser contexts, and fail the test if any of its pages had an error."""
    opened: list[BrowserContext] = []
    wrong: list[str] = []

    def make(**more: object) -> BrowserContext:
        context = browser.new_context(viewport=SIZE, locale="en-GB", **more)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        context.on("weberror", lambda error: wrong.append(str(error.error)))
        context.on("console", lambda said: _note(wrong, said.type, said.text))
        opened.append(context)
        return context

    yield make
    for context in opened:
        for page in context.pages:
            page.goto("about:blank")  # a context closed while a page is on its way may never close
        context.close()
    assert wrong == []


def _note(wrong: list[str], kind: str, text: str) -> None:
    # a refused request is a result; a blocked script or a fault is not
    if kind == "error" and "Failed to load resource" not in text:
        wrong.append(text)


@pytest.fixture
def screen(station: Station, contexts: Callable[..., BrowserContext]) -> Screen:
    """Give a function (role, page name) -> a page, signed in as `ROLE one`."""

    def show(role: Role | None, name: str = "", at: Station = station, **more: object) -> Page:
        page = contexts(**more).new_page()
        page.goto(f"{at.url}/pages/{name}")
        if role is not None:
            sign_in(page, f"{role} one", SECRETS[role])
            if not name and pages_of(role):
                page.wait_for_url(f"**/pages/{pages_of(role)[0]}")
                page.get_by_role("button", name="Sign out").wait_for()
        return page

    return show


def sign_in(page: Page, name: str, secret: str) -> None:
    """Sign in at the entrance, as a person does."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("PIN or password").fill(secret)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()


def serious(page: Page) -> list[str]:
    """Return what axe-core finds on a page that is serious or critical."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['html'][:200]} ({node['failureSummary'][:300]})"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def small(page: Page) -> list[str]:
    """Return what is pressed on a page and is less than 48 px high: too small for a glove."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("button, nav a, summary, input:not([type=checkbox])"
        + ":not([type=radio]), select")].filter((e) => e.offsetParent !== null
        && e.getBoundingClientRect().height < 48).map((e) => e.outerHTML)"""
    )
    return found
