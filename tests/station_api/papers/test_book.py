"""Promises of the firearms book: what is written stays, and a correction is an entry of its own."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import sqlalchemy as sa

from engraver.errors import ConflictError, InputError, MissingError, PinmarkError
from station_api import kept
from station_api.papers.book import Book
from station_api.papers.views import COLUMNS, Line, Wanted, every_line, page, table_rows
from station_api.records import Records
from station_api.tables import book
from tests.station_api.papers.conftest import DEALER, firearm
from tests.station_api.records.houses import mark


def lines(records: Records, **wanted: Any) -> list[Line]:
    return list(every_line(records, Wanted(**wanted)))


def test_an_entry_has_every_field_of_the_rule_and_its_mark(
    records: Records, the_book: Book
) -> None:
    """27 CFR 478.123(a): maker, importer, type, model, caliber, serial, date; the mark is found."""
    mark_id = mark(records, 1)
    made = the_book.enter(firearm(1, serial=" zq０001 "), "A. Smith")
    assert (made.entry_id, made.line, made.version) == ("B000001.A1", "B000001", 1)
    assert (made.manufacturer, made.model, made.serial) == ("EXAMPLE ARMS", "MODEL 1", "ZQ0001")
    assert (made.type, made.caliber, made.on_date) == ("pistol", "9 mm Luger", "2027-01-14")
    assert (made.mark_id, made.written_by, made.approved_by) == (mark_id, "A. Smith", None)
    gone = the_book.dispose("B000001", DEALER, "B. Jones")
    assert (gone.entry_id, gone.party_name, gone.serial) == (
        "B000001.D1",
        "Dealer & Sons",
        "ZQ0001",
    )
    assert [line.is_open for line in lines(records)] == [False]
    assert kept.check(records) == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"type": "cannon"}, "type 'cannon' is none of pistol"),
        ({"type": ""}, "none of"),
        ({"caliber": " "}, "caliber or gauge is missing"),
        ({"serial": ""}, "serial is empty"),
        ({"serial": "ZQ\u2028'; DROP"}, "outside"),
        ({"model": "M" * 65}, "at most 64"),
        ({"on_date": "2027-02-30"}, "is no day"),
        ({"on_date": "14.1.2027"}, "is no day"),
        ({"on_date": "2027-01-17"}, "has not come yet"),
        ({"on_date": "1850-01-01"}, "before 1900"),
        ({"on_date": None}, "is no day"),
        ({"how": "found"}, "how 'found' is none of"),
        ({"party_name": "Somebody"}, "acquired of nobody"),
        ({"how": "acquired", "party_name": "Somebody"}, "the rule wants of whom"),
        ({"how": "acquired", "party_name": "X", "party_licence": "!!"}, "licence number"),
        ({"party_address": "A" * 257}, "at most 256"),
        ({"caliber": "9 mm\ud800"}, "control character"),
        ({"mark_id": "M000099"}, "is not of serial"),
    ],
)
def test_an_entry_that_lacks_or_garbles_a_field_is_refused(
    records: Records, the_book: Book, fault: dict[str, Any], said: str
) -> None:
    """One line that names the value and the remedy; the book is as it was."""
    with pytest.raises(InputError, match=said):
        the_book.enter(firearm(1) | fault, "A. Smith")
    assert lines(records) == []
    assert records.size() == 0


def test_a_firearm_is_entered_once_until_it_left(records: Records, the_book: Book) -> None:
    """A second line for the same firearm is refused; one that came back gets a line of its own."""
    the_book.enter(firearm(1), "A. Smith")
    with pytest.raises(ConflictError, match="stands in the book since 2027-01-14 as line B000001"):
        the_book.enter(firearm(1), "A. Smith")
    the_book.dispose("B000001", DEALER, "A. Smith")
    with pytest.raises(ConflictError, match="left the book on 2027-01-15"):
        the_book.dispose("B000001", DEALER, "A. Smith")
    back = {"how": "acquired", "on_date": "2027-01-15", "party_name": "Dealer & Sons"}
    again = the_book.enter(firearm(1) | back | {"party_address": "1 Main St"}, "A. Smith")
    assert again.line == "B000002"


def test_a_disposition_fits_its_acquisition(records: Records, the_book: Book) -> None:
    """Of a line that exists, not before it came, to somebody unless it is no more."""
    with pytest.raises(MissingError, match="not in the book"):
        the_book.dispose("B000001", DEALER, "A. Smith")
    the_book.enter(firearm(1), "A. Smith")
    with pytest.raises(InputError, match="before it was acquired"):
        the_book.dispose("B000001", DEALER | {"on_date": "2027-01-13"}, "A. Smith")
    with pytest.raises(InputError, match="to whom it went"):
        the_book.dispose("B000001", {"how": "sold", "on_date": "2027-01-15"}, "A. Smith")
    gone = the_book.dispose("B000001", {"how": "destroyed", "on_date": "2027-01-15"}, "A. Smith")
    assert gone.how == "destroyed"


def test_a_correction_is_an_entry_of_its_own_and_the_original_stays(
    records: Records, the_book: Book
) -> None:
    """ATF Ruling 2016-1, 2(a): views of the original, the corrected, and both."""
    original = the_book.enter(firearm(1, caliber="9 mm Lugre"), "A. Smith")
    fixed = the_book.correct(
        "B000001.A1", {"caliber": "9 mm Luger"}, "misspelt", "A. Smith", "B. Jones"
    )
    assert (fixed.entry_id, fixed.version, fixed.caliber) == ("B000001.A2", 2, "9 mm Luger")
    assert (fixed.reason, fixed.written_by, fixed.approved_by) == (
        "misspelt",
        "A. Smith",
        "B. Jones",
    )
    calibers = {
        view: [e.caliber for e in lines(records, view=view)[0].acquisitions]
        for view in ("original", "corrected", "both")
    }
    assert calibers == {
        "original": ["9 mm Lugre"],
        "corrected": ["9 mm Luger"],
        "both": ["9 mm Lugre", "9 mm Luger"],
    }
    stored = lines(records, view="original")[0].acquisitions[0]
    assert stored == original
    assert kept.check(records) == []


def test_which_firearm_it_is_takes_two_people(the_book: Book) -> None:
    """Serial, model, maker, type, caliber and striking an entry: never by one alone."""
    the_book.enter(firearm(1), "A. Smith")
    for changes in ({"serial": "ZQ0002"}, {"how": "void"}, {"model": "MODEL 2"}):
        for second in (None, "", "a. smith"):
            with pytest.raises(InputError, match="takes two different people"):
                the_book.correct("B000001.A1", changes, "wrong", "A. Smith", second)
    alone = the_book.correct("B000001.A1", {"on_date": "2027-01-13"}, "date of assembly", "A.")
    assert (alone.on_date, alone.approved_by) == ("2027-01-13", None)


def test_a_correction_that_is_none_is_refused(records: Records, the_book: Book) -> None:
    """No reason, no change, an unknown field, an entry that was corrected: nothing is written."""
    the_book.enter(firearm(1), "A. Smith")
    the_book.correct("B000001.A1", {"on_date": "2027-01-13"}, "typing error", "A. Smith")
    size = records.size()
    for entry, changes, reason, said in (
        ("B000001.A2", {"on_date": "2027-01-12"}, " ", "needs a reason"),
        ("B000001.A2", {}, "why", "changes something"),
        ("B000001.A2", {"on_date": "2027-01-13"}, "why", "says that already"),
        ("B000001.A2", {"number": 7}, "why", "cannot be corrected"),
        ("B000001.A2", {"on_date": "soon"}, "why", "is no day"),
        ("B000001.A1", {"on_date": "2027-01-12"}, "why", "correct B000001.A2"),
        ("B000009.A1", {"on_date": "2027-01-12"}, "why", "not in the book"),
    ):
        with pytest.raises(PinmarkError, match=said):
            the_book.correct(entry, changes, reason, "A. Smith")
    assert records.size() == size


def test_void_strikes_an_entry_and_keeps_what_it_said(records: Records, the_book: Book) -> None:
    """A line entered by mistake is void, readable for ever, and its serial is free again."""
    the_book.enter(firearm(1), "A. Smith")
    the_book.dispose("B000001", DEALER, "A. Smith")
    two = ("entered by mistake", "A. Smith", "B. Jones")
    with pytest.raises(ConflictError, match="make that void first"):
        the_book.correct("B000001.A1", {"how": "void"}, *two)
    the_book.correct("B000001.D1", {"how": "void"}, *two)
    assert lines(records)[0].is_open
    struck = the_book.correct("B000001.A1", {"how": "void"}, *two)
    assert (struck.how, struck.serial) == ("void", "ZQ0001")
    assert not lines(records)[0].is_open
    assert the_book.enter(firearm(1), "A. Smith").line == "B000002"


def test_a_correction_cannot_make_two_of_one_firearm(the_book: Book) -> None:
    """The serial of one line cannot become that of another that is still here."""
    the_book.enter(firearm(1), "A. Smith")
    the_book.enter(firearm(2), "A. Smith")
    with pytest.raises(ConflictError, match="as line B000001"):
        the_book.correct("B000002.A1", {"serial": "ZQ0001"}, "misread", "A. Smith", "B. Jones")


def test_two_who_correct_the_same_entry_at_once_make_one_correction(
    records: Records, the_book: Book
) -> None:
    """The second is told that the entry was corrected, and by which entry."""
    the_book.enter(firearm(1), "A. Smith")
    said: list[str] = []

    def correct(day: int) -> None:
        try:
            the_book.correct("B000001.A1", {"on_date": f"2027-01-{day:02d}"}, "race", "A. Smith")
        except ConflictError as error:
            said.append(str(error))

    threads = [threading.Thread(target=correct, args=(day,)) for day in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = lines(records, view="both")[0].acquisitions
    assert [entry.version for entry in entries] == [1, 2]
    assert said == ["entry B000001.A1 was corrected by B000001.A2; correct B000001.A2"] * 7


def test_the_book_is_found_by_serial_date_maker_and_receiver(
    records: Records, the_book: Book
) -> None:
    """ATF Ruling 2016-1, condition 4; a wrong serial that was corrected is found too."""
    for n in (1, 2, 3):
        the_book.enter(firearm(n, on_date=f"2027-01-1{n}", importer="Imp. Co"), "A. Smith")
    the_book.dispose("B000002", DEALER, "A. Smith")
    the_book.correct("B000003.A1", {"serial": "ZQ0033"}, "misread", "A. Smith", "B. Jones")
    found = {
        name: [line.number for line in lines(records, **wanted)]
        for name, wanted in {
            "serial": {"serial": "zq0002"},
            "once wrong": {"serial": "ZQ0003"},
            "now right": {"serial": "ZQ0033"},
            "dates": {"acquired_from": "2027-01-12", "acquired_to": "2027-01-13"},
            "left": {"disposed_from": "2027-01-15"},
            "maker": {"manufacturer": "example"},
            "importer": {"importer": "imp"},
            "receiver": {"party": "DEALER &"},
            "no wildcard": {"party": "%"},
            "corrected": {"only_corrected": True},
        }.items()
    }
    assert found == {
        "serial": [2],
        "once wrong": [3],
        "now right": [3],
        "dates": [2, 3],
        "left": [2],
        "maker": [1, 2, 3],
        "importer": [1, 2, 3],
        "receiver": [2],
        "no wildcard": [],
        "corrected": [3],
    }


def test_pages_hold_every_line_once(records: Records, the_book: Book) -> None:
    """A page goes on where the one before ended; no line is lost or doubled."""
    for n in range(7):
        the_book.enter(firearm(n), "A. Smith")
    seen, after = [], 0
    while after is not None:
        found, after = page(records, Wanted(), after, 3)
        seen += [line.number for line in found]
    assert seen == list(range(1, 8))


def test_a_table_row_has_the_columns_of_the_rule(records: Records, the_book: Book) -> None:
    """One row a line, two parts side by side; in the view of both one row an entry."""
    the_book.enter(firearm(1), "A. Smith")
    the_book.dispose("B000001", DEALER, "A. Smith")
    the_book.correct("B000001.D1", {"party_name": "Dealer & Son"}, "one son only", "A. Smith")
    (row,) = table_rows(lines(records)[0], "corrected")
    told = dict(zip(COLUMNS, row, strict=True))
    assert (told["serial"], told["disposed to"], told["shown as"]) == (
        "ZQ0001",
        "Dealer & Son",
        "correction 1",
    )
    assert told["reason of correction"] == "one son only"
    both = [
        dict(zip(COLUMNS, r, strict=True))
        for r in table_rows(lines(records, view="both")[0], "both")
    ]
    assert [(r["entry"], r["shown as"]) for r in both] == [
        ("B000001.A1", "original"),
        ("B000001.D1", "original"),
        ("B000001.D2", "correction 1"),
    ]


def test_lateness_is_counted_from_the_seventh_day(the_book: Book) -> None:
    """27 CFR 478.123: due by the seventh day; later is written too, with how late it is."""
    late = {
        day: the_book.enter(firearm(n, on_date=day), "A. Smith").days_late
        for n, day in enumerate(("2027-01-15", "2027-01-08", "2027-01-07", "2026-12-16"))
    }
    assert late == {"2027-01-15": 0, "2027-01-08": 0, "2027-01-07": 1, "2026-12-16": 23}


def test_every_changed_column_of_the_book_is_named(records: Records, the_book: Book) -> None:
    """A row altered behind pinmark's back is found by the log, whatever the column."""
    the_book.enter(firearm(1), "A. Smith")
    for column in book.columns:
        if column.primary_key or column.name == "station":
            continue
        other: Any = 77 if isinstance(column.type, sa.Integer) else "X"
        with records.database.writing.connect() as connection:
            before = connection.execute(sa.select(column)).scalar()
            connection.execute(sa.update(book).values({column.name: other}))
            connection.commit()
        assert column.name in {one.column for one in kept.check(records)}, column.name
        with records.database.writing.connect() as connection:
            connection.execute(sa.update(book).values({column.name: before}))
            connection.commit()
    assert kept.check(records) == []


@pytest.mark.parametrize("day", ["2027-02-31", "27-01-01", "2027-1-1", "yesterday", "20270101"])
def test_a_day_that_is_none_is_refused(day: str) -> None:
    """A span of days that no calendar has would show less than was asked for."""
    with pytest.raises(InputError, match=f"'{day}' is no day"):
        Wanted(acquired_from=day)
