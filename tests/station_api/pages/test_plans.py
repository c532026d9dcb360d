"""Promises of the plan viewer: the strokes that would be burned, moved by mouse, finger and key."""

from __future__ import annotations

import base64
import json

import numpy as np
from playwright.sync_api import Locator, Page, Route, expect

import hardware
from engraver import codes
from engraver.orders import WorkOrder
from station_api.people import Caller, Role
from station_api.records.orders import Orders
from station_api.registry_file import sample_registry
from station_api.service.service import Service
from tests.conftest import wait_until
from tests.station_api.pages.conftest import LONG_MS, Screen, Station, serious

RECIPE = "default-fluidnc"
ORDER = WorkOrder("WO-PLANS-1", "EXAMPLE ARMS", "MODEL 1", "ZQ0077", RECIPE)
CODE = codes.encode(ORDER, sample_registry(), hardware.load_setup(RECIPE).recipe.code_format).text


def view(canvas: Locator) -> tuple[float, float, float]:
    """Return where a canvas looks: x and y of its middle in um, pixels a um."""
    x, y, zoom = map(float, str(canvas.get_attribute("data-view")).split())
    return x, y, zoom


def ask(page: Page) -> Locator:
    """Plan, and wait until all of it is drawn."""
    page.get_by_role("button", name="Plan it").click()
    canvas = page.locator("canvas[data-drawn]")
    canvas.wait_for(timeout=LONG_MS)
    return canvas


def test_a_plan_is_seen_pass_by_pass_and_moved_every_way(screen: Screen, bench: Station) -> None:
    """Figures are the plan's; mouse, wheel, keys and two fingers move it; a change makes it old."""
    page = screen(Role.ENGINEER, "plans", at=bench, has_touch=True)
    page.get_by_label("What is burned").select_option("order")
    Orders(bench.service.records).offer(ORDER)  # entered meanwhile, and on the list
    page.get_by_label("Work order").select_option(ORDER.order_id)
    canvas = ask(page)
    reply = json.loads(bench.service.bench.run("plan", setup_of(bench.service), CODE, ""))
    shown = page.get_by_role("status").filter(has_text="Showing every one")
    expect(shown).to_contain_text(f"{reply['moves']:,} in all")
    expect(page.get_by_text(f"{reply['machine_s']:.1f} s on the machine")).to_be_visible()
    rows = page.get_by_role("table", name="Pass by pass").get_by_role("row")
    expect(rows).to_have_count(reply["passes"] + 1)
    expect(rows.nth(2)).to_contain_text(f"{reply['by_pass'][1]['strokes']:,}")

    page.get_by_label(f"All {reply['passes']} passes").press("ArrowRight")
    expect(page.get_by_label(f"Pass 1 of {reply['passes']}")).to_be_visible()
    kind, number = (np.frombuffer(base64.b64decode(reply[k]), t) for k, t in PACKED)
    expect(canvas).to_have_attribute("data-drawn", str(int((number == 0).sum())))
    page.get_by_role("button", name="gated sweep").click()
    page.get_by_role("button", name="jump").click()
    expect(canvas).to_have_attribute("data-drawn", str(int(((number == 0) & (kind == 0)).sum())))

    moved_every_way(page, canvas)
    assert serious(page) == []
    engineer = Caller("engineer one", Role.ENGINEER)
    text = hardware.text("recipes", RECIPE).replace("passes = { value = 7", "passes = { value = 6")
    bench.service.shelf.draft("recipes", RECIPE, text, engineer)
    bench.service.shelf.release("recipes", RECIPE, 1, engineer)
    expect(page.get_by_text("has changed since this was planned")).to_be_visible()


PACKED = (("kind", "u1"), ("pass", "<u2"))


def moved_every_way(page: Page, canvas: Locator) -> None:
    """Drag, turn the wheel, press keys and buttons, pinch; 0 brings the whole plan back."""
    box = canvas.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    whole = drawn(canvas)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 80, y, steps=4)
    page.mouse.up()
    dragged = drawn(canvas, whole)
    assert abs(dragged[0] - (whole[0] - 80 / whole[2])) < 0.01
    page.mouse.wheel(0, -200)
    closer = drawn(canvas, dragged)
    assert closer[2] > whole[2] * 1.3
    canvas.press("0")
    assert drawn(canvas, closer) == whole
    for key in ("+", "ArrowLeft", "ArrowUp"):
        canvas.press(key)
    page.get_by_role("button", name="Closer").tap()
    tapped = drawn(canvas, whole)
    assert tapped[2] > whole[2] * 1.9
    assert tapped[0] < whole[0] and tapped[1] > whole[1]
    fingers = page.context.new_cdp_session(page)
    for kind, apart in (("touchStart", 40), ("touchMove", 60), ("touchMove", 80), ("touchEnd", 0)):
        points = [{"x": x - apart, "y": y, "id": 1}, {"x": x + apart, "y": y, "id": 2}]
        fingers.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": points if apart else []}
        )
    assert drawn(canvas, tapped)[2] > tapped[2] * 1.5


def drawn(canvas: Locator, before: tuple[float, ...] | None = None) -> tuple[float, float, float]:
    """Wait until the view has left ``before`` and is drawn where it is; return it."""
    wait_until(
        lambda: (
            canvas.get_attribute("data-drawn-at") == canvas.get_attribute("data-view")
            and view(canvas) != before
        ),
        60.0,
    )
    return view(canvas)


def setup_of(service: Service) -> object:
    return hardware.load_setup(RECIPE, service.shelf.folder)


def test_a_plan_of_200_000_strokes_is_thinned_out_and_says_so(
    screen: Screen, bench: Station
) -> None:
    """1 of n strokes at this zoom; a drag moves the picture each frame without drawing strokes."""
    strokes = 200_000
    lines = np.arange(strokes) % 2000
    start = np.column_stack([-5000 + 40 * (np.arange(strokes) // 2000), 5 * lines - 5000])
    reply = {
        "recipe": RECIPE, "machine": "-", "code": CODE, "strokes": strokes, "moves": strokes,
        "passes": 1, "shown_passes": 1, "bottleneck": "motion", "machine_s": 900.0, "lines": 1,
        "by_pass": [{"pass": 0, "strokes": strokes, "burn_mm": 1, "gated_mm": 0, "jump_mm": 0}],
        "seconds": {"motion": 900.0, "controller": 1.0, "link": 1.0}, "bytes": 1,
        "program_sha256": "0" * 64, "setup_sha256": "", "outline_um": [], "step_um": 0.1,
        "start": packed(start, "<i4"), "end": packed(start + np.array([30, 0]), "<i4"),
        "kind": packed(np.zeros(strokes), "u1"), "pass": packed(np.zeros(strokes), "<u2"),
    }  # fmt: skip
    page = screen(Role.ENGINEER, "plans", at=bench)

    def answer(route: Route) -> None:
        route.fulfill(json=reply)

    page.route("**/v1/plans", answer)
    page.get_by_label("Code").fill(CODE)
    canvas = ask(page)
    said = page.locator("[data-every]")
    expect(said).to_have_text(
        "Showing 1 of 4 strokes at this zoom: 50,000 of 200,000 in view (200,000 in all). "
        "Go closer to see every one."
    )
    frames = page.evaluate(PAN)
    assert frames["painted"] >= frames["asked"] - 1
    assert frames["drawn"] == "50000"
    for _ in range(6):
        canvas.press("+")
    expect(said).to_have_attribute("data-every", "1")
    expect(said).to_contain_text("Showing every one of")
    assert int(str(canvas.get_attribute("data-drawn"))) < 60_000


PAN = """async () => {
  const canvas = document.querySelector("canvas");
  const before = Number(canvas.dataset.frames);
  const send = (kind, x) => canvas.dispatchEvent(new PointerEvent(kind, {
    bubbles: true, pointerId: 1, clientX: x, clientY: 500 }));
  canvas.setPointerCapture = () => {};
  send("pointerdown", 400);
  for (let k = 1; k <= 30; k += 1) {
    send("pointermove", 400 + 3 * k);
    await new Promise(requestAnimationFrame);
  }
  const { frames, drawn } = canvas.dataset;
  const found = { painted: Number(frames) - before, asked: 30, drawn };
  send("pointerup", 490);
  return found;
}"""


def packed(values: object, kind: str) -> str:
    """Return numbers as the service packs them."""
    return base64.b64encode(np.ascontiguousarray(values).astype(kind).tobytes()).decode()
