"""Promises of the monthly audit: what an auditor would ask about is in it, and nothing else."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engraver import codes
from engraver.errors import InputError
from engraver.record import MarkState
from station_api import log
from station_api.papers import audit as audits
from station_api.papers.audit import Audit, audit, audit_report, csv_text
from station_api.papers.book import Book
from station_api.papers.licensee import Licensee
from station_api.people import Role
from station_api.records import Records
from station_api.records.clock import Reading
from station_api.registry_file import sample_registry
from station_api.trace.queries import Asker, Queries
from station_api.trace.requests import Requests
from tests.station_api.papers.conftest import NOON, firearm
from tests.station_api.records.conftest import NewDatabase
from tests.station_api.records.houses import COMPLETE, INTENT, KEY

MAKER = Licensee("Example Arms Inc.", "1-54-000-07-8A-12345", "1 Works Road")
DAY_US = 86_400_000_000
LATER = NOON + 40 * DAY_US
"""A day in February: January 2027 is over."""


class Hand:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = NOON

    def read(self) -> Reading:
        return Reading(self.at, self.at, "boot", "test", 0)


def burn(records: Records, offset: int, state: str = "verified") -> str:
    """Mark serial number ``offset`` of the sample registry, as far as a state."""
    index = 32768 + offset
    serial, code = f"ZQ{offset:04d}", codes.encode_index(index, "pin32-12").text
    intent = replace(INTENT, serial=serial, code=code, code_index=index, order_id=serial)
    mark_id = records.intend(intent).mark_id
    records.begin(mark_id)
    if state == "unknown":
        records.give_up(mark_id, "link lost")
        return mark_id
    records.conclude_run(mark_id, COMPLETE)
    records.conclude_inspection(mark_id, state == "verified", {"grade": "A"})
    return mark_id


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def records(new_database: NewDatabase, hand: Hand) -> Iterator[Records]:
    opened = Records(new_database(), clock=hand)
    yield opened
    opened.close()


@pytest.fixture
def january(records: Records, hand: Hand, tmp_path: Path) -> Callable[[], Audit]:
    """A January with one of everything, looked at in February."""
    hand.at = NOON - 20 * DAY_US  # December
    burn(records, 0)
    burn(records, 1, "rejected")
    hand.at = NOON
    doubt = burn(records, 4, "unknown")
    bad = burn(records, 5, "rejected")
    records.authorise_remark(bad, "A. Smith", "B. Jones", "burr on the second symbol")
    burn(records, 5)
    blank = records.intend(replace(INTENT, serial="ZQ0009", code="X", code_index=32777)).mark_id
    records.decide(blank, MarkState.CANCELLED, "A. Smith", "wrong pin")
    burn(records, 10)
    the_book = Book(records)
    the_book.enter(firearm(0, on_date="2027-01-01"), "A. Smith")
    the_book.enter(firearm(10), "A. Smith")
    the_book.correct("B000002.A1", {"on_date": "2027-01-13"}, "misdated", "A. Smith")
    asked = {"agency": "ATF NTC", "person": "P", "contact": "C", "authority": "923(g)(7)"}
    requests = Requests(records, lambda: hand.at)
    late = requests.record("T. Racer", **asked, received_at_us=NOON - 30 * 3_600_000_000)
    requests.answer(late.request_id, "Q000001", ["M000001"], "T. Racer")
    requests.record("T. Racer", **asked)
    Queries(records).refuse(Asker("T. Racer", Role.TRACER), {"pattern": "??"}, "no known symbol")
    hand.at = LATER
    records.decide(doubt, MarkState.SCRAPPED, "A. Smith", "half cut")

    def look(month: str = "2027-01", now: int = LATER) -> Audit:
        note = log.issue_checkpoint(records, [KEY], tmp_path)
        return audit(records, sample_registry(), MAKER, month, note, now)

    return look


def of(found: Audit, kind: str) -> list[tuple[str, ...]]:
    return [
        (line.what, line.serial, line.by, line.since) for line in found.lines if line.kind == kind
    ]


def test_everything_that_is_to_be_asked_about_stands_in_the_audit(
    january: Callable[[], Audit],
) -> None:
    """Each kind once, with who did it and what became of it."""
    found = january()
    assert of(found, audits.GAP) == [
        ("ZQ0002 to ZQ0003", "ZQ0002", "", "passed over in this month"),
        ("ZQ0006 to ZQ0009", "ZQ0006", "", "passed over in this month"),
    ]
    assert of(found, audits.UNKNOWN) == [("M000003", "ZQ0004", "station", "scrapped")]
    assert of(found, audits.REJECT) == [("M000004", "ZQ0005", "inspection", "re-mark")]
    assert of(found, audits.REMARK) == [
        ("M000004", "ZQ0005", "A. Smith and B. Jones", "M000005, verified")
    ]
    assert of(found, audits.CANCEL) == [("M000006", "ZQ0009", "A. Smith", "as then")]
    assert of(found, audits.SCRAP) == []
    assert of(found, audits.LATE_ENTRY) == [("B000001.A1", "ZQ0000", "A. Smith", "")]
    assert of(found, audits.CORRECTION) == [("B000002.A2", "ZQ0010", "A. Smith", "")]
    assert of(found, audits.OVERDUE) == [("M000005", "ZQ0005", "", "not in the book")]
    first, second = of(found, audits.LATE_ANSWER)
    assert first[0].startswith("R") and first[3].startswith("answered 2027-01-15")
    assert second[0].startswith("R") and second[3] == "still open"
    ((query, *rest),) = of(found, audits.REFUSED)
    assert query.startswith("Q") and rest == ["", "T. Racer", "for no request"]
    assert (found.counts["verified"], found.counts["rejected"], found.over) == (2, 1, True)
    assert found.checkpoint["size"] == int(found.note.splitlines()[1])


def test_another_month_has_its_own_lines(january: Callable[..., Audit]) -> None:
    """December saw one reject; February scrapped the mark that was in doubt."""
    december = january("2026-12")
    assert [(line.kind, line.serial) for line in december.lines if line.kind != audits.OVERDUE] == [
        (audits.REJECT, "ZQ0001")
    ]
    february = january("2027-02")
    assert of(february, audits.SCRAP) == [("M000003", "ZQ0004", "A. Smith", "as then")]
    assert not february.over and of(february, audits.GAP) == []


def test_the_print_is_the_same_twice_and_the_csv_has_every_line(
    january: Callable[[], Audit],
) -> None:
    """Bound to a checkpoint: the same log gives the same bytes."""
    found, again = january(), january()
    made = audit_report(found)
    assert made.startswith(b"%PDF") and made == audit_report(again)
    pages = re.search(rb"/Type/Pages/Count (\d+)", made)
    assert pages is not None and int(pages[1]) >= 1
    rows = list(csv.DictReader(io.StringIO(csv_text(found))))
    assert len(rows) == len(found.lines) and rows[0]["kind"] == audits.GAP


@pytest.mark.parametrize("month", ["2027-13", "2027", "january", "2027-1", "2099-01", ""])
def test_what_is_no_month_or_has_not_begun_is_refused(
    january: Callable[..., Audit], month: str
) -> None:
    """One line with the value and how it is written."""
    with pytest.raises(InputError, match=r"write YYYY-MM|has not begun"):
        january(month)


def test_the_command_prints_and_writes(
    home: Path, pinmark: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """A station without marks has nothing to ask about; PDF, CSV and JSON all the same."""
    pdf, table = tmp_path / "a.pdf", tmp_path / "a.csv"
    words = ("papers", "audit", "--month", "2026-10", "--pdf", pdf, "--csv", table)
    done = pinmark(*words, "--json")
    said: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode, said["month"], said["lines"]) == (0, "2026-10", [])
    assert pdf.read_bytes().startswith(b"%PDF") and table.read_text().startswith("kind,what,")
    assert "nothing to ask about" in pinmark("papers", "audit", "--month", "2026-10").stdout
    assert pinmark("papers", "audit", "--month", "2026-1").returncode == 2
