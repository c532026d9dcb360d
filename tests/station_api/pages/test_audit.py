"""Promises of the auditor's page, in a real browser: nothing is believed that can be checked."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from engraver.record import MarkState
from station_api.people import Role
from station_api.transparency.note import Algorithm, generate_key
from tests.station_api.pages.conftest import Screen, Station, serious, serving, small
from tests.station_api.papers.conftest import firearm
from tests.station_api.records.houses import COMPLETE
from tests.station_api.trace.conftest import intend_all, intent_of, mark_one
from tests.station_api.transparency.test_merkle_vectors import (
    GOLDEN,
    consistency_probes,
    inclusion_probes,
)


def plain(one: Any) -> Any:
    """Return what a page can be given: bytes as hex."""
    if isinstance(one, list):
        return [plain(part) for part in one]
    return one.hex() if isinstance(one, bytes) else one


PARTS = "/pages/static/pages/audit"
JUDGE = """async ([module, name, probes]) => {
  const made = await import(module);
  const bytes = (one) => typeof one === "string" ? Uint8Array.from(one.match(/../g) || [],
    (pair) => parseInt(pair, 16)) : Array.isArray(one) ? one.map(bytes) : BigInt(one);
  const judged = [];
  for (const probe of probes) {
    judged.push(await made[name](...probe.map(bytes)).then(() => true, (why) => {
      if (!why.code) throw why;
      return false;
    }));
  }
  return judged;
}"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """A station with good marks, one that two people allowed again, and two checkpoints."""
    with serving(tmp_path_factory.mktemp("audit") / "station") as made:
        records = made.service.records
        for index in range(32768, 32771):
            mark_one(records, index)
        made.service.checkpoint()
        (bad,) = intend_all(records, [40000])
        records.begin(bad)
        records.conclude_run(bad, COMPLETE)
        records.conclude_inspection(bad, False, {"grade": "F"})
        records.authorise_remark(bad, "A. Smith", "B. Jones", "burr on the second symbol")
        mark_one(records, 40000)
        made.service.checkpoint()
        yield made


def test_the_page_judges_proofs_as_their_publishers_do(screen: Screen, house: Station) -> None:
    """Every probe of transparency-dev/merkle; Tessera's published checkpoints under its key."""
    page = screen(None, "audit", house)

    for name, probes in (
        ("checkInclusion", list(inclusion_probes())),
        ("checkConsistency", list(consistency_probes())),
    ):
        given = [list(map(plain, probe)) for _, probe, _ in probes]
        judged = page.evaluate(JUDGE, [f"{PARTS}/merkle.js", name, given])
        wrong = [p[0] for p, verdict in zip(probes, judged, strict=True) if p[2] is not verdict]
        assert wrong == [] and len(probes) > 90
    log = json.loads((GOLDEN / "tessera_log.json").read_text())
    opening = """async ([module, key, notes]) => { const m = await import(module);
      const keys = [await m.parseKey(key)];
      return Promise.all(notes.map((note) => m.openCheckpoint(note, keys)
        .then((one) => String(one.size), (why) => why.code))); }"""
    notes = list(log["checkpoints"].values())
    other = generate_key("another.example/log", lambda n: bytes(range(n))).verifier().text()
    broken = [notes[-1].replace("\n", "\n1", 1), notes[0][:-3] + "A\n", notes[0][:-1], ""]
    read = page.evaluate(opening, [f"{PARTS}/note.js", log["vkey"], notes + broken])
    assert read[: len(notes)] == list(log["checkpoints"])
    assert not any(str(one).isdecimal() for one in read[len(notes) :])
    assert set(page.evaluate(opening, [f"{PARTS}/note.js", other, notes])) == {"not-signed"}


def test_a_cosignature_is_checked_by_the_witness_s_key(screen: Screen, house: Station) -> None:
    """C2SP tlog-cosignature: the time is signed too."""
    witness = generate_key("w.example", lambda n: bytes(range(5, 5 + n)), Algorithm.COSIGNATURE)
    log = generate_key("log.example", lambda n: bytes(range(7, 7 + n)))
    text = f"log.example\n3\n{base64.b64encode(bytes(32)).decode()}\n"
    lines = [
        f"\N{EM DASH} {key.name} "
        f"{base64.b64encode(key.verifier().key_id + key.sign(text, 1_800_000_000)).decode()}\n"
        for key in (log, witness)
    ]
    script = """async ([module, note, keys]) => { const m = await import(module);
      const opened = await m.openCheckpoint(note, await Promise.all(keys.map(m.parseKey)))
        .catch((why) => ({ code: why.code }));
      return opened.code
        || opened.signatures.map((one) => [one.name, Boolean(one.by), m.cosignedAt(one)]);
    }"""
    keys = [log.verifier().text(), witness.verifier().text()]
    note = f"{text}\n{''.join(lines)}"
    page = screen(None, "audit", house)
    read = page.evaluate(script, [f"{PARTS}/note.js", note, keys])
    assert read == [["log.example", True, None], ["w.example", True, 1_800_000_000]]
    later = lines[1].replace(lines[1][-40:-30], "A" * 10)
    forged = f"{text}\n{lines[0]}{later}"
    assert page.evaluate(script, [f"{PARTS}/note.js", forged, keys]) == "bad-signature"


def open_mark(page: Page, serial: str) -> None:
    """Search a serial by a fragment and open the newest mark that has it."""
    page.get_by_label("Serial (?").fill(serial)
    page.get_by_role("button", name="Search").click()
    rows = page.get_by_role("row").filter(has_text=serial.strip("*"))
    rows.first.get_by_role("button").click()


def test_a_mark_s_whole_life_is_proven_in_the_page_and_a_changed_byte_is_told(
    screen: Screen, house: Station
) -> None:
    """Each step with who, when, why and its proof; tampered with on its way, that step fails."""
    page = screen(Role.AUDITOR, "audit", house)
    open_mark(page, "*40000")
    proven = page.locator("[data-proven]")
    expect(proven).to_contain_text("4 of 4 steps proven")
    expect(proven).to_contain_text("the key that the station itself gave")
    page.get_by_role("button", name="Compare the key").click()
    dialog = page.get_by_role("dialog")
    given = house.service.signer.verifier().text()
    dialog.get_by_label("Or paste a public key").fill(given[:-3] + "AAA")
    dialog.get_by_role("button", name="Pin the pasted key").click()
    expect(dialog.get_by_role("alert")).to_contain_text("not that of the key")
    dialog.get_by_label("Or paste a public key").fill(given)
    dialog.get_by_role("button", name="Pin the pasted key").click()
    expect(proven).to_contain_text("under the pinned key")
    older = page.locator(".lineage").get_by_role("button").first
    older.click()
    expect(proven).to_contain_text("5 of 5 steps proven")
    steps = page.locator(".timeline > li")
    expect(steps.last).to_contain_text("A. Smith and B. Jones")
    expect(steps.last).to_contain_text("burr on the second symbol")
    assert serious(page) == [] and small(page) == []
    position = steps.nth(2).get_attribute("data-position")

    def tampered(route: Route) -> None:
        text = route.fetch().text()
        line = next(one for one in text.split("\n") if one.startswith("extra "))
        extra = bytearray(base64.b64decode(line[6:]))
        extra[extra.index(b'"actor":"') + 9] ^= 1
        changed = base64.b64encode(bytes(extra)).decode()
        route.fulfill(body=text.replace(line[6:], changed), content_type="text/plain")

    page.route(f"**/v1/log/records/{position}", tampered)
    page.reload()
    expect(proven).to_contain_text("1 of 5 steps are NOT proven")
    expect(steps.nth(2)).to_contain_text("this entry, as it is shown, is not in the log")
    expect(steps.nth(3)).to_contain_text("proven in the tree of")
    assert serious(page) == []
    page.unroute_all()
    page.route("**/v1/marks/M*", lambda route: route.fulfill(
        json=renamed(route.fetch().json()), headers={"ETag": '"1"'}))  # fmt: skip
    page.reload()
    expect(steps.last).to_contain_text("What is shown is not what was proven: actor")


def renamed(shown: dict[str, Any]) -> dict[str, Any]:
    """Say that somebody else did the last step."""
    shown["history"][-1]["actor"] = "C. Brown"
    return shown


def test_marks_are_searched_page_by_page_at_one_tree_size_and_exported(
    screen: Screen, house: Station
) -> None:
    """By state; what is marked meanwhile comes to the first page; the CSV has what fits."""
    page = screen(Role.AUDITOR, "audit", house)
    page.get_by_label("State").select_option("verified")
    page.get_by_role("button", name="Search").click()
    table = page.get_by_role("table", name=re.compile("^Marks, as the log stood"))
    expect(table.get_by_role("row")).to_have_count(1 + 4)
    mark_one(house.service.records, 32790)
    expect(table.get_by_role("row", name=intent_of(32790).serial)).to_be_visible()
    with page.expect_download() as taken:
        page.get_by_role("button", name="All that fit (CSV)").click()
    rows = list(csv.DictReader(io.StringIO(Path(taken.value.path()).read_text())))
    kept = house.service.records.in_states({MarkState.VERIFIED})
    assert {row["mark_id"] for row in rows} == {mark.mark_id for mark in kept}
    page.get_by_label("Code (?").fill("%")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("alert")).to_contain_text("wildcards")


def test_the_log_only_grew_and_two_sizes_are_compared(screen: Screen, house: Station) -> None:
    """Each look continues the last; consistency, the entries between, and forgeries told."""
    page = screen(Role.AUDITOR, "audit", house)
    page.get_by_role("button", name="Log", exact=True).click()
    stands = page.get_by_role("region", name="Where the log stands")
    expect(stands).to_contain_text("First look from this browser")
    mine = house.service.checkpoint()
    mark_one(house.service.records, 32795)
    house.service.checkpoint()
    page.reload()
    expect(stands).to_contain_text("it has only grown")
    between = page.get_by_role("region", name="Between two sizes")
    between.get_by_label("Older").select_option("pasted")
    between.get_by_label("Your own copy").fill(mine)
    size = house.service.records.size()
    newest = between.get_by_label("Newer").locator("option", has_text=f": {size} entries")
    between.get_by_label("Newer").select_option(newest.get_attribute("value"))
    between.get_by_role("button", name="Compare").click()
    expect(between.locator("[data-compared]")).to_contain_text("nothing was changed or removed")
    entries = between.get_by_role("table")
    expect(entries).to_contain_text(re.compile("marked . verified, inspection"))
    between.get_by_role("button", name="Prove those shown").click()
    expect(entries.get_by_text("holds")).to_have_count(entries.get_by_role("row").count() - 1)
    assert serious(page) == []
    page.route(
        "**/v1/log/consistency*", lambda route: route.fulfill(json=bent(route.fetch().json()))
    )
    between.get_by_role("button", name="Compare").click()
    expect(between.get_by_role("alert")).to_contain_text("history was changed")
    page.unroute_all()
    forged = mine.replace(mine.split("\n")[1], "999999", 1)
    between.get_by_label("Your own copy").fill(forged)
    between.get_by_role("button", name="Compare").click()
    expect(between.get_by_role("alert")).to_contain_text("changed after it was signed")


def bent(proof: dict[str, Any]) -> dict[str, Any]:
    """Alter one byte of a consistency proof."""
    first = bytearray(base64.b64decode(proof["hashes"][0]))
    first[0] ^= 1
    return proof | {"hashes": [base64.b64encode(bytes(first)).decode(), *proof["hashes"][1:]]}


def test_who_cosigns_and_who_denies_the_log_is_shown(
    screen: Screen, house: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A witness that is well is a word; one that denies the log stands with what to do."""
    good = {"witness": "log.example/S2/witness", "url": "https://s2.example/v1/log"}
    bad = {"witness": "log.example/S3/witness", "url": "https://s3.example/v1/log"}
    told = [
        good | {"size": 7, "at_s": 1_800_000_000, "state": "cosigned", "said": "cosigned"},
        bad | {"size": 0, "at_s": 0, "state": "set-back", "said": "says 9000; mark nothing"},
    ]
    monkeypatch.setattr(house.service.circulation, "states", lambda: told)
    page = screen(Role.AUDITOR, "audit", house)
    page.get_by_role("button", name="Log", exact=True).click()
    table = page.get_by_role("table", name="Witnesses of this log")
    expect(table.get_by_role("row", name="log.example/S2/witness")).to_contain_text("cosigned")
    denies = table.get_by_role("row", name="log.example/S3/witness")
    expect(denies).to_contain_text("log set back: says 9000; mark nothing")
    assert serious(page) == []


def test_a_browser_that_cannot_check_says_so(screen: Screen, house: Station) -> None:
    """Over plain HTTP from afar a page has no WebCrypto: nothing is called proven."""
    page = screen(Role.AUDITOR, "audit", house)
    page.add_init_script("Object.defineProperty(crypto, 'subtle', { value: undefined })")
    page.reload()
    open_mark(page, "*32769")
    expect(page.locator("[data-proven]")).to_contain_text("4 of 4 steps are NOT proven")
    expect(page.locator(".timeline > li").first).to_contain_text("only over HTTPS")
    page.get_by_role("button", name="Log", exact=True).click()
    stands = page.get_by_role("region", name="Where the log stands")
    expect(stands).to_contain_text("only over HTTPS")


def test_a_corrected_mark_and_a_month_are_shown(screen: Screen, house: Station) -> None:
    """Original, corrected, both; what to ask about the month, on the page, on paper, as a table."""
    records = house.service.records
    mark_id = mark_one(records, 32780)
    made = house.service.mark_corrections
    made.correct(mark_id, {"serial": "ZQ7777"}, "read from the frame", "a. smith", "b. jones")
    page = screen(Role.AUDITOR, "audit", house)
    page.get_by_label("Serial (?").fill("*7777")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("row").nth(1).get_by_role("button", name=mark_id).click()
    corrected = page.get_by_role("region", name="This record was corrected")
    expect(corrected.locator("s")).to_contain_text(intent_of(32780).serial)
    expect(corrected).to_contain_text("by a. smith and b. jones")
    corrected.get_by_role("button", name="Corrected").click()
    expect(corrected.locator("s")).to_have_count(0)
    expect(corrected).to_contain_text("ZQ7777")
    page.get_by_role("button", name="Month", exact=True).click()
    lines = page.get_by_role("table", name=re.compile("^What to ask about"))
    expect(lines.get_by_role("row").filter(has_text="burr on the second symbol")).not_to_have_count(
        0
    )
    assert serious(page) == [] and small(page) == []
    for name, begins in (("Report (PDF)", b"%PDF"), ("Lines (CSV)", b"")):
        with page.expect_download() as taken:
            page.get_by_role("button", name=name).click()
        assert Path(taken.value.path()).read_bytes().startswith(begins)


def test_the_book_shows_what_was_corrected_and_files_are_taken(
    screen: Screen, house: Station
) -> None:
    """The original crossed out beside what replaced it; dark and Spanish too; CSV and PDF."""
    book = house.service.book
    made = book.enter(firearm(7, on_date="2026-01-14"), "supervisor one")
    book.correct(made.entry_id, {"caliber": ".45 ACP"}, "read from the barrel", "a", "b")
    page = screen(Role.AUDITOR, "audit", house, color_scheme="dark")
    page.get_by_role("button", name="Firearms book").click()
    table = page.get_by_role("table", name=re.compile("27 CFR 478.123"))
    expect(table.locator("s").filter(has_text="9 mm Luger").first).to_be_visible()
    expect(table).to_contain_text("read from the barrel")
    page.get_by_role("button", name="Original").click()
    expect(table).not_to_contain_text(".45 ACP")
    page.get_by_role("button", name="Español").click()
    assert serious(page) == []
    page.get_by_role("button", name="Archivos").click()
    for name, begins in (("book.csv", b"line,"), ("book.pdf", b"%PDF"), ("log.pub", b"pinmark")):
        with page.expect_download() as taken:
            page.get_by_role("button", name=name).click()
        assert Path(taken.value.path()).read_bytes().startswith(begins)
    expect(page.get_by_role("table")).to_contain_text("27 CFR 478.25a")
    assert serious(page) == []
