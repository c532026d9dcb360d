"""Questions and answers: what is found, how sure, what is kept, and that an audit agrees."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event

from engraver import codes
from engraver.errors import InputError
from engraver.evidence import rank
from engraver.hypotheses import turned
from engraver.issued import issue
from engraver.likelihood import ReadModel, join, table_of_reading
from engraver.reading import ALPHABET, parse
from station_api import kept
from station_api.people import NotAllowedError, Role
from station_api.records import Records
from station_api.trace.desk import Desk
from station_api.trace.queries import Asker
from station_api.trace.question import Question
from tests.station_api.trace.asking import AUDITOR, TRACER, agrees, holes, shown
from tests.station_api.trace.conftest import intend_all, intent_of, mark_one


@pytest.mark.parametrize("name", ["pin32-8", "pin32-10", "pin32-12"])
def test_a_whole_code_leads_to_its_mark(desk: Desk, records: Records, name: str) -> None:
    """Read without a fault: that firearm, identified, with nothing corrected."""
    base = {"pin32-8": 32768, "pin32-10": 32808, "pin32-12": 32848}[name]
    wanted = intent_of(base + 7, name)
    answer = desk.ask(Question(pattern=wanted.code), TRACER)
    first = answer["candidates"][0]
    assert (answer["verdict"], first["code"], first["corrections"]) == (
        "identified", wanted.code, [],
    )  # fmt: skip
    assert first["marks"][0]["serial"] == wanted.serial
    assert first["posterior"] > 0.99
    assert agrees(desk, records, answer) == []


def test_a_misread_symbol_is_corrected_and_listed(desk: Desk, records: Records) -> None:
    """Within the radius of the check symbols the answer names each symbol it corrected."""
    code = intent_of(32850).code
    wrong = "0" if code[4] != "0" else "1"
    answer = desk.ask(Question(pattern=code[:4] + wrong + holes(code, 7)[5:]), TRACER)
    (first,) = answer["candidates"]
    assert (first["code"], first["misread"]) == (code, 1)
    assert [(c["position"], c["kind"]) for c in first["corrections"]] == [
        (4, "error"), (7, "erasure"),
    ]  # fmt: skip
    assert answer["decoded"]["code"] == code
    assert agrees(desk, records, answer) == []


def test_three_known_symbols_give_every_code_that_has_them(desk: Desk, records: Records) -> None:
    """Partial codes: the set is that of a plain look at every mark."""
    code = intent_of(32820, "pin32-10").code
    pattern = f"??{code[2]}??{code[5]}??{code[8]}?"
    expected = {
        mark.code
        for mark in records.all_marks()
        if len(mark.code) == 10 and all(mark.code[at] == code[at] for at in (2, 5, 8))
    }
    answer = desk.ask(Question(pattern=pattern, rows=50), TRACER)
    assert set(shown(answer)) == expected and code in expected
    assert agrees(desk, records, answer) == []


def test_sets_of_symbols_are_settled_by_likelihood(desk: Desk, records: Records) -> None:
    """A choice such as [RP] is searched as such, and shown as settled."""
    code = intent_of(32849).code
    pattern = f"[{code[0]}0]{code[1:5]}???[{code[8]}Z]???"
    answer = desk.ask(Question(pattern=pattern), TRACER)
    assert shown(answer)[0] == code
    kinds = {c["position"]: c["kind"] for c in answer["candidates"][0]["corrections"]}
    assert kinds[0] == "choice" and kinds[5] == "erasure"
    assert agrees(desk, records, answer) == []


def test_a_fragment_is_found_wherever_it_stood(desk: Desk, records: Records) -> None:
    """Unknown alignment: five symbols from the middle of a code, place not known."""
    code = intent_of(32815, "pin32-10").code
    answer = desk.ask(Question(pattern=code[3:8], fragment=True), TRACER)
    assert shown(answer)[0] == code
    assert "at positions 3 to 7 of 10" in answer["candidates"][0]["assumption"]
    assert agrees(desk, records, answer) == []
    with pytest.raises(InputError, match="or say that it is a fragment"):
        desk.ask(Question(pattern=code[3:8]), TRACER)


def test_rows_in_another_order_are_found(desk: Desk, records: Records) -> None:
    """Alignment: what was read with its rows swapped."""
    code = intent_of(32855).code
    swapped = code[4:8] + code[0:4] + code[8:]
    assert shown(desk.ask(Question(pattern=swapped), TRACER)) == []
    answer = desk.ask(Question(pattern=swapped, any_order=True), TRACER)
    assert shown(answer)[0] == code
    assert "rows" in answer["candidates"][0]["assumption"]
    assert agrees(desk, records, answer) == []


def test_a_code_read_upside_down_is_found(desk: Desk, records: Records) -> None:
    """Turned by 180 degrees, nine of twelve symbols still look like symbols: they are enough."""
    code = intent_of(32864).code
    seen = turned(parse(code))
    upside_down = "".join("?" if len(c) > 1 else ALPHABET[min(c)] for c in seen.choices)
    assert upside_down.count("?") == 3 and upside_down != code
    assert code not in shown(desk.ask(Question(pattern=upside_down), TRACER))
    answer = desk.ask(Question(pattern=upside_down, any_order=True), TRACER)
    assert shown(answer)[0] == code
    assert "upside down" in answer["candidates"][0]["assumption"]
    assert agrees(desk, records, answer) == []


def test_a_code_that_nobody_made_is_not_issued(desk: Desk) -> None:
    """A sound code of the registry that no mark carries: said so, with the firearm it would be."""
    code = codes.encode_index(32768 + 999).text
    answer = desk.ask(Question(pattern=code), TRACER)
    assert (answer["verdict"], answer["found"]) == ("not issued", 0)
    assert answer["not_issued"] > 0.99
    assert answer["decoded"]["firearm"]["serial"] == "ZQ0999"


@pytest.mark.parametrize("few", [0, 1 << 18])
@pytest.mark.parametrize("kind", ["known", "sets", "misread"])
def test_posteriors_are_those_of_weighing_every_code(
    records: Records,
    open_desk: Callable[[], Desk],
    kind: str,
    few: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The shortcut for codes that do not fit agrees with `engraver.evidence` over all of them."""
    monkeypatch.setattr("station_api.trace.matching.FEW", few)
    indices = np.arange(32768, 32768 + 400)
    intend_all(records, indices.tolist(), "pin32-8")
    code = intent_of(32768 + 50, "pin32-8").code
    pattern = {
        "known": holes(code, 1, 2, 5, 6),
        "sets": f"[{code[0]}8]{code[1]}?[{code[3]}0]?{code[5]}??",
        "misread": code,
    }[kind]
    answer = open_desk().ask(Question(pattern=pattern, prior_not_issued=0.3), TRACER)
    model = ReadModel()
    table = join([table_of_reading(parse(pattern), model)], model)
    exact, not_issued = rank(table, issue(indices, codes.FORMATS["pin32-8"]), 0.3, 5)
    first = answer["candidates"][0]
    near = 1e-6 if few else 0.02
    assert answer["others_weighed"] == ("one by one" if few else "as codes of random symbols")
    assert first["posterior"] == pytest.approx(exact[0].posterior, abs=near)
    assert answer["not_issued"] == pytest.approx(not_issued, abs=near)


def test_probabilities_add_up_and_chance_is_what_random_codes_would_give(desk: Desk) -> None:
    """Shown, others and not issued are all there is; N * 32^-j is the chance."""
    code = intent_of(32816, "pin32-10").code
    answer = desk.ask(Question(pattern=f"{code[:3]}???????", rows=50), TRACER)
    total = sum(c["posterior"] for c in answer["candidates"])
    assert total + answer["others"] + answer["not_issued"] == pytest.approx(1, abs=1e-6)
    assert answer["chance_matches"] == pytest.approx(30 / 32**3)


def test_every_state_is_found_and_labelled(records: Records, open_desk: Callable[[], Desk]) -> None:
    """Scrapped, replaced, cancelled: the mark is found and the answer says what became of it."""
    first = mark_one(records, 500, good=False)
    records.authorise_remark(first, "A. One", "B. Two", "half of it is missing")
    second = mark_one(records, 500)
    (blank,) = intend_all(records, [501])
    from engraver.record import MarkState

    records.decide(blank, MarkState.CANCELLED, "A. One", "wrong pin")
    desk = open_desk()
    marks = desk.ask(Question(pattern=intent_of(500).code), TRACER)["candidates"][0]["marks"]
    assert [(m["mark_id"], m["state"], m["replaced_by"]) for m in marks] == [
        (first, "re-mark", second), (second, "verified", None),
    ]  # fmt: skip
    assert marks[1]["replaces"] == first and marks[1]["lineage"] == "re-mark"
    assert marks[0]["history"][-2:] == ("rejected", "re-mark")
    answer = desk.ask(Question(pattern=intent_of(501).code), TRACER)
    (mark,) = answer["candidates"][0]["marks"]
    assert (mark["state"], mark["burned"]) == ("cancelled", False) and "blank" in mark["label"]
    assert agrees(desk, records, answer) == []


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ("12-0032850", 1),
        ("12-003285?", 10),
        ("*32850", 1),
        ("8-*", 30),
        ("*_*", 0),
        ("１２-0032850", 1),
    ],
)
def test_serials_are_found_by_fragment(
    desk: Desk, records: Records, asked: str, count: int
) -> None:
    """? and * stand for what is not known; a sign of LIKE is an ordinary character."""
    answer = desk.ask(Question(serial=asked, rows=100), AUDITOR)
    assert answer["found"] == count
    assert agrees(desk, records, answer) == []


def test_reads_of_cases_are_weighed_over_the_marks(desk: Desk, records: Records) -> None:
    """A laboratory's reads lead to the mark, over codes on record and not over the registry."""
    code = intent_of(32860).code
    reads = {
        "format": "pin32-12",
        "casings": [
            {"name": "A", "reads": [{"text": holes(code, 0, 3)}]},
            {"name": "B", "reads": [{"text": holes(code, 8)}]},
        ],
    }
    answer = desk.ask(Question(reads=json.dumps(reads)), TRACER)
    assert (answer["verdict"], shown(answer)[0]) == ("identified", code)
    assert answer["searched"] == 30 and answer["casings"] == ["A", "B"]
    assert answer["candidates"][0]["marks"][0]["serial"] == intent_of(32860).serial
    assert agrees(desk, records, answer) == []
    reads["format"] = "pin32-8"
    with pytest.raises(InputError):
        desk.ask(Question(reads=json.dumps(reads)), TRACER)


REFUSED = [
    (Question(pattern="????????????"), "no known symbol"),
    (Question(pattern="AC??????????"), "2 known symbols, a tracer needs 3"),
    (Question(pattern="ACD?????????", misread=1), "3 known symbols less 1"),
    (Question(pattern="ACDEFGHJK"), "9 symbols"),
    (Question(pattern="ACD%FGHJKLMN"), "outside the alphabet"),
    (Question(pattern="[AC"), "without its"),
    (Question(serial="Q*"), "known characters"),
    (Question(serial="Q'; DROP TABLE marks"), "outside A-Z"),
    (Question(reads="{}"), "casings"),
    (Question(reads="no json"), "no JSON"),
    (Question(), "one of a pattern"),
    (Question(pattern="ACDEFGHJ", serial="Q123"), "one of a pattern"),
    (Question(pattern="ACDEFGHJ", prior_not_issued=0.0), "closed set"),
    (Question(pattern="ACDEFGHJ", rows=10_000), "a tracer may see 50"),
    (Question(pattern="ACDEFGHJ", rows=0), "at least 1"),
    (Question(pattern="ACDEFGHJ", format_name="pin33"), "none of"),
]


@pytest.mark.parametrize(("question", "said"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_is_refused_says_why_and_is_written_down(
    desk: Desk, records: Records, question: Question, said: str
) -> None:
    """Bad questions and too much asked for: one line, and a row that testifies."""
    with pytest.raises((InputError, NotAllowedError), match=said):
        desk.ask(question, TRACER)
    (kept_row,) = desk.queries.all()
    assert (kept_row["outcome"], kept_row["asked_by"]) == ("refused", "T. Racer")
    assert said in kept_row["reason"]
    assert kept.check(records) == []


def test_other_roles_do_not_trace(desk: Desk) -> None:
    """A supervisor is no tracer, and the attempt is written down."""
    with pytest.raises(NotAllowedError, match="may not trace"):
        desk.ask(Question(pattern="ACDEFGHJ"), Asker("S. Upervisor", Role.SUPERVISOR))
    assert desk.queries.all()[0]["role"] == "supervisor"


def test_no_search_reads_every_row(desk: Desk, records: Records) -> None:
    """Every statement behind an answer is served by a key or an index, at any number of marks."""
    if records.database.reading.dialect.name != "sqlite":
        pytest.skip("SQLite says how it will find rows; PostgreSQL decides by how many there are")
    asked: list[tuple[str, Any]] = []
    first = Question(pattern=f"{intent_of(32850).code[:3]}?????????")
    desk.ask(first, TRACER)
    mark_one(records, 900)

    def note(_c: Any, _cursor: Any, sql: str, values: Any, _context: Any, _many: bool) -> None:
        if sql.startswith("SELECT") and not isinstance(values, list):
            asked.append((sql, values))

    engines = {records.database.reading, records.database.writing}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    whole = (Question(pattern=intent_of(900).code), Question(serial=intent_of(900).serial))
    for question in (first, *whole):
        assert desk.ask(question, TRACER)["found"] >= 1
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)
    assert len(asked) > 20
    with records.database.reading.connect() as connection:
        for sql, values in asked:
            assert "entries.kind =" not in sql, "kinds of entries have no index"
            steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all()
            assert not [step[3] for step in steps if step[3].startswith("SCAN ")], sql


def test_a_search_gives_back_the_pages_it_has_touched(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mapped files count as memory of the service; what is more than enough is given back."""
    desk.index.catch_up()
    desk.index.merge_if_due(now=True)
    block = desk.index.state.blocks["pin32-12"]
    path = desk.index.folder / f"pin32-12.{desk.index.state.generation}.block"
    assert int(block.codes[0]) > 0 and resident_kb(path) > 0
    for limit in ("matching.FEW", "matching.MANY"):
        monkeypatch.setattr(f"station_api.trace.{limit}", 0)
    monkeypatch.setattr("station_api.trace.index.MOST_MAPPED_BYTES", 1 << 40)
    question = Question(pattern=intent_of(32850).code)
    assert desk.ask(question, TRACER)["found"] == 1 and resident_kb(path) > 0
    monkeypatch.setattr("station_api.trace.index.MOST_MAPPED_BYTES", 0)
    assert desk.ask(question, TRACER)["found"] == 1 and resident_kb(path) == 0


def resident_kb(path: Path) -> int:
    """How much of a mapped file counts as memory of this process, kB."""
    parts = Path("/proc/self/smaps").read_text().split(str(path))[1:]
    return sum(int(part.split("Rss:")[1].split()[0]) for part in parts)
