"""Promises of the operator's page, kept in a real browser on a virtual engraver.

Each test has a station of its own, with a few orders, and an engraver in a process of its own that
takes a blank pin for each program, as a person puts one in.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from station_api import kept, samples
from station_api.people import People, Role
from station_api.people.secrets import Hasher
from station_api.records import Records
from station_api.records.orders import Orders
from station_api.schemas import order_from
from tests.conftest import command, engraver_process
from tests.station_api.pages.conftest import (
    QUICK,
    SECRETS,
    Screen,
    Station,
    add_one_of_each,
    serious,
    serving,
    sign_in,
)

MARK_MS, INSPECT_MS = 60_000, 60_000
STEPS = ("The part is right", "The tip is blank", "The pin is in", "The door is closed")
Floor = Callable[..., Station]


def offer(records: Records, count: int = 4) -> None:
    """Enter orders WO-1 ... for serials ZQ0101 ..."""
    for number in range(1, count + 1):
        fields = samples.order_fields() | {"order": f"WO-{number}", "serial": f"ZQ010{number}"}
        Orders(records).offer(order_from(fields, "of the test"))


@pytest.fixture
def floor(home: Path, tmp_path: Path) -> Iterator[Floor]:
    """Give a function: options of `pinmark engraver` -> a station that can mark."""
    with ExitStack() as stack:

        def make(*options: str) -> Station:
            folder = tmp_path / "engraver"
            port = stack.enter_context(engraver_process(folder, "--fresh-pins", *options))
            made = stack.enter_context(serving(home, str(port), folder))
            offer(made.service.records)
            return made

        yield make


def press(page: Page, name: str) -> None:
    """Press the one big control once it is there and has been looked at."""
    ready(page, name).click()


def ready(page: Page, name: str) -> Locator:
    """Return a button once it takes presses: the first 350 ms belong to the step before."""
    button = page.get_by_role("button", name=name, exact=True)
    expect(button).to_be_enabled(timeout=INSPECT_MS)
    if name not in ("Hold", "Resume"):
        expect(button).to_have_attribute("data-ready", re.compile("."))
    return button


def take(page: Page, order: str = "WO-1") -> None:
    """Take an order from the queue."""
    page.get_by_role("button", name=re.compile(f"^{order}")).click()


def to_start(page: Page, order: str = "WO-1") -> None:
    """Go from the queue to a marking engraver."""
    take(page, order)
    for step in STEPS:
        press(page, step)
    press(page, "Start")


def verdict(page: Page, word: str) -> None:
    """Expect a verdict."""
    expect(page.locator(".verdict")).to_contain_text(word, timeout=MARK_MS)


def test_a_shift_by_mouse(screen: Screen, floor: Floor) -> None:
    """Two pins from queue to unloaded; the verdict is seen, read and heard."""
    station = floor("--speed", "max")
    page = screen(Role.OPERATOR, "operator", station)
    for order in ("WO-1", "WO-2"):
        to_start(page, order)
        code = page.locator(".order dd.code").nth(1).inner_text()
        press(page, "Inspect")
        verdict(page, "GOOD")
        expect(page.locator(".verdict")).to_contain_text(code)
        assert page.evaluate("document.documentElement.dataset.played") == "good"
        assert serious(page) == []
        press(page, "Unloaded")
    expect(page.get_by_text("Scan the work order of the next pin.").first).to_be_visible()
    expect(page.locator(".counts")).to_contain_text(re.compile(r"verified\s*2"))
    expect(page.locator(".last li")).to_have_count(2)
    assert {str(one.state) for one in station.service.records.page(None)} == {"verified"}
    assert kept.check(station.service.records) == []


def test_a_pin_by_touch(screen: Screen, floor: Floor) -> None:
    """Fingers alone: every control is tapped, none is out of sight at 1280 x 800."""
    page = screen(Role.OPERATOR, "operator", floor("--speed", "max"), has_touch=True)
    page.get_by_role("button", name=re.compile("^WO-1")).tap()
    for step in (*STEPS, "Start", "Inspect", "Unloaded"):
        button = ready(page, step)
        expect(button).to_be_in_viewport(ratio=1)
        button.tap()
    expect(page.locator(".counts")).to_contain_text(re.compile(r"verified\s*1"))


def scan(page: Page, text: str) -> None:
    """Do what a keyboard-wedge scanner does: quick keys and Enter, whatever has the focus.

    The keys carry a scanner's own times, 4 ms apart, however busy this machine is. The separator of
    a GS1 label is Ctrl+].
    """
    devices = page.context.new_cdp_session(page)
    begun_s = time.time()
    for number, sign in enumerate([*text, "\r"]):
        key = {"key": "Enter" if sign == "\r" else sign, "timestamp": begun_s + 0.004 * number}
        typed = {"text": sign}
        if sign == "\x1d":
            key, typed = key | {"key": "]", "code": "BracketRight", "modifiers": 2}, {}
        devices.send("Input.dispatchKeyEvent", key | typed | {"type": "keyDown"})
        devices.send("Input.dispatchKeyEvent", key | {"type": "keyUp"})
    devices.detach()


def test_a_shift_by_scanner_and_keys(screen: Screen, floor: Floor) -> None:
    """The order and the part's serial are scanned with no field focused; Enter does the rest."""
    page = screen(Role.OPERATOR, "operator", floor("--speed", "max"))
    expect(page.get_by_text("Scan the work order of the next pin.").first).to_be_visible()
    for order, serial in (("WO-3", "zq0103"), ("WO-4", "ZQ0104")):
        scan(page, order)
        expect(page.get_by_role("heading", name=order)).to_be_visible()
        scan(page, "ZQ9999")
        expect(page.get_by_role("alert")).to_contain_text("ZQ9999 was scanned")
        scan(page, serial)
        for step in (*STEPS[1:], "Start", "Inspect", "Unloaded"):
            button = ready(page, step)
            expect(button).to_be_focused()
            page.keyboard.press("Enter")
        expect(button).to_have_count(0, timeout=INSPECT_MS)
    expect(page.locator(".counts")).to_contain_text(re.compile(r"verified\s*2"))


def test_a_scan_at_the_wrong_time_changes_nothing(screen: Screen, floor: Floor) -> None:
    """With a pin in the fixture the next order is not taken, and the big control is not pressed.

    Its part was confirmed by a GS1 label, the separator typed as Ctrl+].
    """
    page = screen(Role.OPERATOR, "operator", floor("--speed", "max"))
    take(page)
    scan(page, "010614141123456210LOT\x1d21ZQ0101")
    for step in STEPS[1:3]:
        press(page, step)
    expect(page.get_by_role("button", name="The door is closed")).to_be_focused()
    scan(page, "WO-2")
    expect(page.get_by_role("alert")).to_contain_text("finish its pin first")
    expect(page.get_by_role("heading", name="WO-1")).to_be_visible()
    expect(page.get_by_role("button", name="The door is closed")).to_be_visible()


def test_a_door_opened_mid_mark_stops_the_laser_and_waits(screen: Screen, floor: Floor) -> None:
    """The page says that the door is open; after Resume the same pin becomes a good one."""
    page = screen(Role.OPERATOR, "operator", floor("--speed", "max", "--fault", "door@6000"))
    to_start(page)
    expect(page.get_by_role("button", name="Resume")).to_be_visible(timeout=MARK_MS)
    expect(page.locator(".progress")).to_contain_text("OPEN")
    expect(page.locator(".progress")).to_contain_text("Door")
    press(page, "Resume")
    press(page, "Inspect")
    verdict(page, "GOOD")


def test_hold_resume_and_an_abort_that_takes_two_people_to_mend(
    screen: Screen, floor: Floor
) -> None:
    """Held, resumed, aborted: the pin is in doubt; one decides, two reopen the order."""
    station = floor("--speed", "2")
    page = screen(Role.OPERATOR, "operator", station)
    to_start(page)
    press(page, "Hold")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    press(page, "Resume")
    page.get_by_role("button", name="Abort", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("The laser is off now")
    assert serious(page) == []
    page.get_by_role("button", name="Abort for good").click()
    verdict(page, "UNKNOWN")
    assert page.evaluate("document.documentElement.dataset.played") == "doubt"
    expect(page.get_by_text("Call a supervisor.")).to_be_visible()
    assert serious(page) == []
    supervisor = screen(Role.SUPERVISOR, "operator", station)
    supervisor.get_by_label("Part of a mark: scrap the pin").check()
    supervisor.get_by_label("What was seen").fill("six of twelve symbols are there")
    supervisor.get_by_role("button", name="Record the decision").click()
    verdict(page, "SCRAPPED")
    page.get_by_label("Why another mark is needed").fill("the pin was scrapped after an abort")
    page.get_by_role("button", name="Ask for another mark").click()
    expect(supervisor.get_by_text("operator one asks for another mark")).to_be_visible()
    supervisor.get_by_role("button", name="Agree", exact=True).click()
    press(page, "Begin anew")
    expect(page.get_by_role("button", name="The part is right")).to_be_visible()
    mark = station.service.records.page(None)[-1]
    last = station.service.records.history(mark.mark_id)[-1]
    assert (last["actor"], last["approver"]) == ("operator one", "supervisor one")


def test_a_rejected_pin_and_another_one_signed_for_at_the_same_screen(
    screen: Screen, floor: Floor, tmp_path: Path
) -> None:
    """The scan of another pin is rejected; the second person signs; the new pin is good."""
    station = floor("--speed", "max")
    page = screen(Role.OPERATOR, "operator", station)
    to_start(page, "WO-1")
    press(page, "Inspect")
    press(page, "Unloaded")
    other = tmp_path / "other.x3p"
    other.write_bytes((tmp_path / "engraver" / "pin.x3p").read_bytes())
    to_start(page, "WO-2")
    expect(page.get_by_role("button", name="Inspect", exact=True)).to_be_visible(timeout=MARK_MS)
    page.locator("input[type=file]").set_input_files(other)
    verdict(page, "REJECTED")
    assert page.evaluate("document.documentElement.dataset.played") == "bad"
    assert serious(page) == []
    page.get_by_label("Why another mark is needed").fill("it reads as another firearm")
    page.get_by_role("button", name="Ask for another mark").click()
    signing = page.get_by_role("group", name="Second person: sign here")
    for name, secret in (
        ("operator one", SECRETS[Role.OPERATOR]),
        ("supervisor one", SECRETS[Role.SUPERVISOR]),
    ):
        signing.get_by_label("Name").fill(name)
        signing.get_by_label("PIN or password").fill(secret)
        signing.get_by_role("button", name="Agree").click()
        if name == "operator one":
            expect(signing.get_by_role("alert")).to_be_visible()
    press(page, "Begin anew")
    for step in (*STEPS, "Start", "Inspect"):
        press(page, step)
    verdict(page, "GOOD")


def test_two_screens_on_one_station_show_the_same(screen: Screen, floor: Floor) -> None:
    """Each step, stroke and verdict is on both, whichever was pressed."""
    station = floor("--speed", "max")
    one, other = (screen(Role.OPERATOR, "operator", station) for _ in range(2))
    take(one)
    press(other, STEPS[0])
    for page in (one, other):
        expect(page.get_by_role("button", name=STEPS[1])).to_be_visible()
    for step in STEPS[1:]:
        press(one, step)
    press(other, "Start")
    for page in (one, other):
        expect(page.get_by_role("button", name="Hold")).to_be_visible()
        expect(
            page.locator(".plan-frame[data-acknowledged]:not([data-acknowledged='-1'])")
        ).to_be_visible(timeout=MARK_MS)
    press(one, "Inspect")
    for page in (one, other):
        verdict(page, "GOOD")


@contextmanager
def served(home: Path, port: int, engraver: Path, scans: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `pinmark serve` as a process that can be killed."""
    words = command("serve", "--port", str(port), "--engraver", engraver, "--scans", scans)
    environment = os.environ | {"PINMARK_HOME": str(home)}
    with (home / "serve.log").open("ab") as log:
        process = subprocess.Popen(words, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_the_service_killed_mid_mark_and_restarted(
    screen: Screen, home: Path, tmp_path: Path
) -> None:
    """The page says so, keeps what was typed, and shows the pin as what it is: in doubt."""
    home.mkdir()
    records = Records(home / "station.db")
    add_one_of_each(People(records, Hasher(QUICK)))
    offer(records)
    records.close()
    scans, port = tmp_path / "engraver", free_port()
    with engraver_process(scans, "--fresh-pins", "--speed", "2") as engraver:
        with served(home, port, engraver, scans) as process:
            page = open_when_ready(screen, port)
            to_start(page)
            press(page, "Hold")
            press(page, "Resume")
            page.get_by_label("Work order").fill("WO-17 half typed")
            process.send_signal(signal.SIGKILL)
            process.wait()
            expect(page.locator(".banner")).to_contain_text("cannot be reached")
            expect(page.get_by_label("Work order")).to_have_value("WO-17 half typed")
        with served(home, port, engraver, scans):
            overlay = page.get_by_role("dialog")
            expect(overlay).to_contain_text("please sign in again", timeout=MARK_MS)
            overlay.get_by_label("PIN or password").fill(SECRETS[Role.OPERATOR])
            overlay.get_by_role("button", name="Sign in").click()
            verdict(page, "UNKNOWN")
            expect(page.get_by_label("Work order")).to_have_value("WO-17 half typed")
            expect(page.locator(".banner")).to_be_empty()


def open_when_ready(screen: Screen, port: int) -> Page:
    """Open the operator's page once the service answers."""
    page = screen(None, "operator", Station(None, "about:blank#"))  # type: ignore[arg-type]
    deadline = time.monotonic() + 60
    while True:
        try:
            page.goto(f"http://127.0.0.1:{port}/pages/operator")
            break
        except Exception:
            assert time.monotonic() < deadline
            page.wait_for_timeout(100)
    sign_in(page, "operator one", SECRETS[Role.OPERATOR])
    return page


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_typing_by_hand_is_not_taken_for_a_scan(screen: Screen, floor: Floor) -> None:
    """A person who types a number with no field focused, and Enter, takes no order in hand."""
    page = screen(Role.OPERATOR, "operator", floor("--speed", "max"))
    expect(page.get_by_text("Scan the work order of the next pin.").first).to_be_visible()
    page.keyboard.type("WO-2", delay=90)
    page.keyboard.press("Enter")
    scan(page, "WO-3")
    expect(page.get_by_role("heading", name="WO-3")).to_be_visible()
