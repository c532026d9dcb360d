"""Promises of the trace desk's page, kept in a real browser: from the microscope to the answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engraver import reading
from station_api import kept
from station_api.pages.serving import STATIC
from station_api.people import Role
from tests.station_api.pages.conftest import SECRETS, Screen, Station, serious, serving, small
from tests.station_api.trace.cases import case_scan
from tests.station_api.trace.conftest import intent_of, mark_one

MODULE = "/pages/static/pages/trace/reading.js"
ASKER = {"person": "J. Doe", "contact": "+1 800 555 0100", "authority": "18 U.S.C. 923(g)(7)"}
HOUR_US = 3600 * 1_000_000


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """A station with a few firearms, and two requests: one with two hours left, one late."""
    with serving(tmp_path_factory.mktemp("trace") / "station") as made:
        for index in range(32768, 32774):
            mark_one(made.service.records, index)
        requests = made.service.desk.requests
        for agency, ago in (("Kern County", 26), ("Sacramento PD", 22)):
            at = requests.now() - ago * HOUR_US
            requests.record("tracer one", agency=agency, received_at_us=at, **ASKER)
        yield made


def record_request(page: Page, agency: str) -> None:
    """Record a request, as a tracer does; it is the one worked on from then on."""
    page.get_by_role("button", name="New request").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Agency").fill(agency)
    for name, text in (("Person", ASKER["person"]), ("Contact", ASKER["contact"])):
        dialog.get_by_label(name).fill(text)
    dialog.get_by_role("button", name="Record the request").click()
    expect(dialog.get_by_role("alert")).to_contain_text("without authority")
    dialog.get_by_label("Authority").fill(ASKER["authority"])
    dialog.get_by_role("button", name="Record the request").click()
    expect(page.get_by_role("heading", name=agency)).to_be_visible()


def test_from_the_microscope_to_the_answer_by_keys(screen: Screen, desk: Station) -> None:
    """Typed box by box, with a doubt and a gap: identified, disclosed; the clock stops."""
    page = screen(Role.TRACER, "trace", desk)
    record_request(page, "ATF NTC")
    code = intent_of(32770).code
    page.get_by_label("Symbol 1:").focus()
    page.keyboard.type(f"{code[:3]} {code[4]}")
    page.keyboard.press("ArrowLeft")
    page.keyboard.type("M")
    page.keyboard.press("ArrowRight")
    page.keyboard.type(f"?{code[6:]}")
    written = f"{code[:3]}?[{code[4]}M]?{code[6:]}"
    expect(page.get_by_label("As text")).to_have_value(written)
    page.reload()
    expect(page.get_by_label("As text")).to_have_value(written)
    desk.service.sessions.close_all("tracer one")  # as a restart of the service does
    overlay = page.get_by_role("dialog")
    expect(overlay).to_contain_text("please sign in again")
    overlay.get_by_label("PIN or password").fill(SECRETS[Role.TRACER])
    page.keyboard.press("Enter")
    expect(overlay).to_have_count(0)
    expect(page.get_by_label("As text")).to_have_value(written)
    page.get_by_label("Symbol 12:").focus()
    page.keyboard.press("Enter")
    answer = page.get_by_role("region", name="Answer")
    expect(answer.get_by_role("status")).to_contain_text("Identified")
    best = answer.get_by_role("article", name="Candidate 1")
    expect(best).to_contain_text(intent_of(32770).serial)
    expect(best).to_contain_text("verified")
    expect(best).to_contain_text("2 filled in")
    size = desk.service.desk.queries.all(limit=1)[0]["tree_size"]
    expect(answer).to_contain_text(re.compile(rf"Tree size searched\s*{size}"))
    for name in ("On no record", "By chance", "Prior: no record"):
        expect(answer).to_contain_text(name)
    with page.expect_download() as sheet:
        answer.get_by_role("button", name="Answer sheet (PDF)").click()
    assert Path(sheet.value.path()).read_bytes().startswith(b"%PDF")
    answer.get_by_role("button", name="Disclose and answer").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("What is disclosed")).to_have_value(
        re.compile(intent_of(32770).serial)
    )
    assert serious(page) == [] and small(page) == []
    dialog.get_by_role("button", name="Record the answer").click()
    expect(page.locator(".head .clock")).to_have_attribute("data-standing", "intime")
    expect(page.get_by_role("region", name="Question", exact=True)).to_have_count(0)
    kept_answer = desk.service.desk.requests.all()[0]
    assert kept_answer.state == "answered" and intent_of(32770).serial in kept_answer.disclosed[0]
    assert kept.check(desk.service.records) == []
    assert serious(page) == []


def test_the_24_hours_run_down_and_a_late_one_is_told_by_word_and_shape(
    screen: Screen, desk: Station
) -> None:
    """What one screen records the other shows; clocks tick; being late is told three ways."""
    tracer, auditor = (screen(role, "trace", desk) for role in (Role.TRACER, Role.AUDITOR))
    for page in (tracer, auditor):
        late = page.get_by_role("button", name="Kern County")
        expect(late).to_contain_text("LATE by 2:0")
        shape = "getComputedStyle(document.querySelector('.late .clock-word'), '::before').content"
        assert page.evaluate(shape).startswith('"\N{BLACK UP-POINTING TRIANGLE}')
        soon = page.get_by_role("button", name="Sacramento PD")
        expect(soon).to_contain_text("Due soon: 1:5")
    before = soon.inner_text()
    expect(soon).not_to_have_text(before)
    record_request(tracer, "seen by both")
    expect(auditor.get_by_role("button", name="seen by both")).to_be_visible()
    expect(auditor.get_by_role("button", name="New request")).to_have_count(0)
    tracer.get_by_role("button", name="Withdraw").click()
    tracer.get_by_role("dialog").get_by_label("Reason").fill("asked of the wrong maker")
    tracer.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    expect(auditor.get_by_role("button", name="seen by both")).to_contain_text("Withdrawn")


def test_an_auditor_asks_by_serial_and_sees_every_question(screen: Screen, desk: Station) -> None:
    """Without a request; refused questions are listed too, in Spanish and dark as well."""
    page = screen(Role.AUDITOR, "trace", desk, color_scheme="dark")
    page.get_by_role("button", name="Español").click()
    page.get_by_role("button", name="Número de serie").click()
    page.get_by_label("Número de serie, o").fill("*")
    page.get_by_role("button", name="Buscar en todas").click()
    expect(page.get_by_role("alert")).to_contain_text("0 known characters")
    page.get_by_label("Número de serie, o").fill("*32771")
    page.get_by_role("button", name="Buscar en todas").click()
    answer = page.get_by_role("region", name="Respuesta")
    expect(answer).to_contain_text("Encontrada")
    expect(answer).to_contain_text(intent_of(32771).serial)
    asked = page.get_by_role("table", name="Preguntas hechas")
    expect(asked.get_by_role("row", name="*32771")).to_contain_text("respondida")
    expect(asked).to_contain_text("rechazada")
    assert serious(page) == []


def test_scans_of_a_case_lead_to_the_firearm(screen: Screen, desk: Station, tmp_path: Path) -> None:
    """Uploaded from the page, kept over a reload, weighed together, answered with its posterior."""
    file = tmp_path / "case A.x3p"
    file.write_bytes(case_scan(32772))
    page = screen(Role.TRACER, "trace", desk)
    record_request(page, "Casing lab")
    page.get_by_role("button", name="Case scans").click()
    page.get_by_label("Add scans").set_input_files(file)
    expect(page.get_by_role("listitem").filter(has_text="case A.x3p")).to_be_visible()
    page.reload()
    page.get_by_role("button", name="Search all marks").click()
    best = page.get_by_role("article", name="Candidate 1")
    expect(best).to_contain_text(intent_of(32772).serial, timeout=60_000)


def test_boxes_and_text_say_the_same(screen: Screen, desk: Station) -> None:
    """What the page makes of a text, the service reads as the same sets of symbols."""
    page = screen(None, "trace", desk)
    script = "async ([m, t]) => { const r = await import(m); return r.write(r.parse(t)); }"
    for text in ("WT3?[A4]HG?P1??", "r8[D0] ?B", "K", "??", "[a4a]/_*"):
        written = page.evaluate(script, [MODULE, text])
        assert reading.parse(written).choices == reading.parse(text).choices


def test_the_page_has_the_alphabet_of_the_codes() -> None:
    """The palette offers the 32 symbols in the order of their values."""
    source = (STATIC / "pages" / "trace" / "reading.js").read_text("utf-8")
    assert f'ALPHABET = "{reading.ALPHABET}"' in source
