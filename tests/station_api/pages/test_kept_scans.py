"""Promises of kept scans on the engineer's page: both codes are seen before anything is pressed."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Page, expect

from engraver import ablation, codes, layout, relief, toolpath
from engraver.heightmap import write_x3p
from engraver.record import MarkState
from station_api.people import Role
from station_api.profiles import load_setup
from tests.station_api.pages.conftest import LONG_MS, Screen, Station, serious, serving, small
from tests.station_api.service.folder import SERIALS, marked


def lay(folder: Path, name: str, serial: str) -> str:
    """Put a scan of a pin into kept, as the watcher would; return its id."""
    setup = load_setup("default")
    code = codes.encode_index(SERIALS[serial], setup.recipe.code_format)
    path = toolpath.plan(relief.design(layout.arrange(code, setup), setup), setup)
    data = write_x3p(ablation.predict(path, setup, pitch_um=1.0), comment=name)
    (folder / "kept").mkdir(exist_ok=True)
    (folder / "kept" / name).write_bytes(data)
    scan_id = hashlib.sha256(data).hexdigest()
    at = datetime.now(UTC).replace(year=2099).isoformat(timespec="seconds")
    note = {
        "file": name, "outcome": "kept", "at": at, "station": "S1", "size_bytes": len(data),
        "sha256": scan_id, "why": "its name fits M000001 and M000002; look at it",
    }  # fmt: skip
    (folder / "kept" / f"{name}.receipt.json").write_text(json.dumps(note))
    return scan_id


def test_a_kept_scan_is_given_to_its_mark_and_no_other(screen: Screen, tmp_path: Path) -> None:
    """Another pin's is refused in so many words; the right one is read, pressed, and gone."""
    folder = tmp_path / "profilometer"
    folder.mkdir()
    with serving(tmp_path / "station", watched=folder) as station:
        first = marked(station.service, "ZQ0041")
        marked(station.service, "ZQ0042", "WO-2")
        lay(folder, "20261125-0007.x3p", "ZQ0041")
        page = screen(Role.ENGINEER, "scans", at=station)
        kept = page.get_by_role("table", name="Scans that fitted no mark")
        expect(kept).to_contain_text("20261125-0007.x3p")
        kept.get_by_role("button", name="Give to a mark").click()
        ask(page, "ZQ0042")
        found = page.get_by_role("status").filter(has_text="another pin")
        expect(found).to_contain_text("pins were exchanged", timeout=LONG_MS)
        expect(page.get_by_role("button", name="Give it")).to_have_count(0)
        look(page, tmp_path, "refused")
        assert station.service.records.get(first).state is MarkState.MARKED
        assert serious(page) == []
        ask(page, "zq0041")
        expect(page.get_by_role("status").filter(has_text="code of this mark")).to_contain_text(
            f"ZQ0041 ({first})", timeout=LONG_MS
        )
        assert small(page) == []
        look(page, tmp_path, "agrees")
        page.get_by_role("button", name="Give it: M000001 becomes verified").click()
        expect(kept).to_have_count(0)
        assert station.service.records.get(first).state is MarkState.VERIFIED
        discard(page, station, folder)


def discard(page: Page, station: Station, folder: Path) -> None:
    """Another one comes, and is of no mark: a reason is asked for."""
    scan_id = lay(folder, "test-lot.x3p", "ZQ0042")
    station.service.live.tell("folder", outcome="kept")
    kept = page.get_by_role("table", name="Scans that fitted no mark")
    kept.get_by_role("button", name="Discard").click()
    button = page.get_by_role("dialog").get_by_role("button", name="Discard")
    expect(button).to_be_disabled()
    page.get_by_label("Why it is of no mark").fill("a pin of the training lot")
    button.click()
    expect(kept).to_have_count(0)
    note = json.loads((folder / "discarded" / "test-lot.x3p.receipt.json").read_text())
    assert (note["by"], note["why"], note["sha256"]) == (
        "engineer one", "a pin of the training lot", scan_id,
    )  # fmt: skip


def ask(page: Page, mark: str) -> None:
    """Type a mark or serial, and have the scan read for it."""
    page.get_by_label("Mark or serial number").fill(mark)
    page.get_by_role("button", name="Read it for this mark").click()


def look(page: Page, folder: Path, name: str) -> None:
    """Keep a picture, for whoever looks at the page."""
    page.screenshot(path=folder / f"kept-scan-{name}.png")
