"""Promises of what is handed over: complete, described, signed, and checked by anybody."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from engraver.errors import InputError, NoteError, ProofError
from station_api import log
from station_api.papers.book import Book
from station_api.papers.checklist import WANTS, checklist, table_text
from station_api.papers.downloads import last_download, note_download
from station_api.papers.handover import hand_over
from station_api.papers.licensee import Licensee
from station_api.papers.manifest import MANIFEST, NOTE, verify_folder
from station_api.papers.prints import prints
from station_api.papers.views import Wanted
from station_api.records import Records
from station_api.transparency.note import generate_key
from tests.conftest import REPOSITORY
from tests.station_api.papers.conftest import DEALER, firearm
from tests.station_api.records.houses import KEY, mark

MAKER = Licensee("Example Arms Inc.", "1-54-000-07-8A-12345", "1 Works Road")


@pytest.fixture
def handed(records: Records, the_book: Book, tmp_path: Path) -> Path:
    mark(records, 1)
    the_book.enter(firearm(1), "A. Smith")
    the_book.enter(firearm(2, caliber="9 mm Lugré"), "A. Smith")
    the_book.correct("B000002.A1", {"on_date": "2027-01-10"}, "misdated", "A. Smith")
    the_book.dispose("B000001", DEALER, "A. Smith")
    note = log.issue_checkpoint(records, [KEY], tmp_path)
    hand_over(records, tmp_path / "out", MAKER, KEY, note)
    return tmp_path / "out"


def test_a_hand_over_is_whole_and_says_what_each_file_is(handed: Path) -> None:
    """Three views in three forms, in order of acquisition; tables; events; the key; a README."""
    made = verify_folder(handed, [KEY.verifier()])
    named = {one["path"] for one in made["files"]}
    for view in ("original", "corrected", "both"):
        assert {f"book/book-{view}.{end}" for end in ("pdf", "csv", "txt")} <= named
    assert {"records/book.csv", "records/log/checkpoint", "epcis.json", "log.pub"} <= named
    with (handed / "book" / "book-corrected.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["acquired on"], row["serial"]) for row in rows] == [
        ("2027-01-10", "ZQ0002"),
        ("2027-01-14", "ZQ0001"),
    ]
    plain = (handed / "book" / "book-both.txt").read_bytes()
    assert plain.isascii()
    assert rb"9 mm Lugr\xe9" in plain
    readme = (handed / "README.txt").read_text()
    assert "Example Arms Inc., licence 1-54-000-07-8A-12345" in readme
    assert "30 days" in readme


@pytest.mark.parametrize("name", ["book/book-both.csv", "records/marks.csv", MANIFEST, NOTE])
def test_one_changed_byte_is_named(handed: Path, name: str) -> None:
    """Whatever file it is in, the signed manifest and its own signature included."""
    data = bytearray((handed / name).read_bytes())
    data[len(data) // 2] ^= 1
    (handed / name).write_bytes(data)
    with pytest.raises((ProofError, NoteError)) as refused:
        verify_folder(handed, [KEY.verifier()])
    assert name.split("/")[-1] in str(refused.value) or name == NOTE


def test_a_missing_an_added_and_a_stranger_are_named(handed: Path) -> None:
    """A file too few, one too many, a key that did not sign."""
    (handed / "added.txt").write_text("x")
    with pytest.raises(ProofError, match=r"added\.txt was added"):
        verify_folder(handed, [KEY.verifier()])
    (handed / "added.txt").unlink()
    (handed / "epcis.json").unlink()
    with pytest.raises(ProofError, match=r"epcis\.json is missing"):
        verify_folder(handed, [KEY.verifier()])
    stranger = generate_key(KEY.name, lambda n: bytes(n))
    with pytest.raises(ProofError, match="by none of the keys"):
        verify_folder(handed, [stranger.verifier()])
    with pytest.raises(NoteError, match="no readable"):
        verify_folder(handed / "book", [KEY.verifier()])


def test_a_hand_over_overwrites_nothing(records: Records, handed: Path) -> None:
    """Into a folder that holds something it does not go."""
    note = log.issue_checkpoint(records, [KEY], handed.parent)
    with pytest.raises(InputError, match="is not empty"):
        hand_over(records, handed, MAKER, KEY, note)


def test_the_same_book_prints_the_same_bytes(
    records: Records, the_book: Book, tmp_path: Path
) -> None:
    """A print can be compared by its digest; an empty book prints too."""
    note = log.issue_checkpoint(records, [KEY], tmp_path)
    empty = list(prints(records, Wanted(), MAKER, note))
    assert len(empty) == 1 and empty[0].startswith(b"%PDF")
    the_book.enter(firearm(1), "A. Smith")
    note = log.issue_checkpoint(records, [KEY], tmp_path)
    once, again = (list(prints(records, Wanted(), MAKER, note)) for _ in range(2))
    assert once == again != empty


def test_the_checklist_looks_where_it_can(
    records: Records, the_book: Book, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing configured and nothing downloaded is open; each becomes met by doing it."""

    def states() -> dict[str, str]:
        return {one.name: one.state for one in checklist(records)}

    monkeypatch.setenv("PINMARK_BACKUP_FOLDER", str(tmp_path))
    before = states()
    assert (before["downloads"], before["backup"]) == ("open", "open")
    assert (before["corrections"], before["premises"]) == ("met", "licensee's duty")
    assert before["representative sample"] == "provided"
    note_download(records, "corrected", "CSV", "0" * 64, "A. Smith")
    (tmp_path / "pinmark-S1-0000000001-20270115T000000Z.db").touch()
    found = last_download(records)
    assert found is not None and (found.form, found.by) == ("CSV", "A. Smith")
    after = {one.name: one for one in checklist(records)}
    assert after["backup"].state == "met"
    assert after["backup"].found.startswith("newest backup 0 hours old")


def test_a_verified_mark_that_is_overdue_opens_the_checklist(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight days after the mark was verified and not entered, the line is open."""
    mark(records, 1)
    lines = {one.name: one for one in checklist(records)}
    due = lines["in time"]
    monkeypatch.setattr("station_api.papers.checklist.now_us", lambda: 1_800_014_400_000_000)
    assert {one.name: one for one in checklist(records)}["in time"].state == "met"
    late = 1_800_014_400_000_000 + 8 * 86_400_000_000
    monkeypatch.setattr("station_api.papers.checklist.now_us", lambda: late)
    due = {one.name: one for one in checklist(records)}["in time"]
    assert (due.state, due.found[:24]) == ("open", "1 verified marks overdue")


def test_the_document_has_the_checklist_as_it_is() -> None:
    """docs/compliance.md prints the table that the command goes through."""
    text = (REPOSITORY / "docs" / "compliance.md").read_text("utf-8")
    between = re.search(r"<!-- checklist:[^\n]*-->\n(.*?)<!-- end of checklist -->", text, re.S)
    assert between is not None
    assert between[1] == table_text(), "run: pinmark papers checklist --markdown"
    assert len({one.name for one in WANTS}) == len(WANTS)


def test_the_commands_from_entry_to_hand_over(pinmark: Any, home: Path, tmp_path: Path) -> None:
    """Enter, dispose, correct by two, print, download, check, hand over, verify: exit codes too."""
    firearm_words = ["--make", "Example Arms", "--model", "Model 1", "--serial", "ZQ0042"]
    words = ["papers", "enter", *firearm_words, "--type", "pistol", "--caliber", "9 mm Luger"]
    words += ["--date", "2026-01-02", "--by", "A. Smith", "--json"]
    assert json.loads(pinmark(*words).stdout)["entry"]["entry_id"] == "B000001.A1"
    assert pinmark(*words).returncode == 2
    out = ["papers", "dispose", "B000001", "--date", "2026-01-03", "--to", "Dealer"]
    assert pinmark(*out, "--licence", "1-54-00001", "--by", "A. Smith").returncode == 0
    fix = ["papers", "correct", "B000001.A1", "--set", "serial=ZQ0043", "--reason", "misread"]
    alone = pinmark(*fix, "--by", "A. Smith")
    assert (alone.returncode, "two different people" in alone.stderr) == (2, True)
    assert pinmark(*fix, "--by", "A. Smith", "--by", "B. Jones").returncode == 0
    assert pinmark("papers", "correct", "B000001.A2", "--set", "x", "--reason", "r", "--by", "A")
    assert pinmark("papers", "checklist").returncode == 1
    book = ["papers", "book", "--view", "both", "--pdf", tmp_path / "b.pdf", "--json"]
    shown = json.loads(pinmark(*book, "--csv", tmp_path / "b.csv").stdout)
    assert [e["serial"] for e in shown["lines"][0]["acquisitions"]] == ["ZQ0042", "ZQ0043"]
    assert len(shown["files"]) == 2
    listed = json.loads(pinmark("papers", "checklist", "--json").stdout)["conditions"]
    assert {one["name"]: one["state"] for one in listed}["downloads"] == "met"
    assert pinmark("papers", "epcis", "--out", tmp_path / "e.json").returncode == 0
    assert pinmark("papers", "hand-over", tmp_path / "out").returncode == 0
    verify = ["papers", "verify", tmp_path / "out", "--key", home / "log.pub"]
    assert pinmark(*verify).returncode == 0
    (tmp_path / "out" / "README.txt").write_text("changed")
    changed = pinmark(*verify)
    assert (changed.returncode, "README.txt" in changed.stderr) == (1, True)
    assert pinmark("log", "fsck").returncode == 0


def test_a_sample_is_drawn_from_the_verified_marks(pinmark: Any, home: Path) -> None:
    """How many, which, under which checkpoint; a model without marks is refused."""
    home.mkdir()
    opened = Records(home / "station.db")
    for n in range(1, 5):
        mark(opened, n, good=n != 4)
    opened.close()
    words = ["papers", "sample-plan", "--make", "Example Arms", "--json", "--model"]
    found = json.loads(pinmark(*words, "Model 1").stdout)
    assert (found["lot"], found["sample"]) == (3, 3)
    assert set(found["drawn"]) == {"ZQ0001", "ZQ0002", "ZQ0003"}
    assert pinmark(*words, "Model 9").returncode == 2
