"""Promises of engraver.registry and engraver.templates."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engraver import codes, registry
from engraver.allotment import row_fields
from engraver.errors import InputError, RegistryError
from engraver.orders import WorkOrder, normalise_name, normalise_serial
from engraver.registry import Firearm, Registry, Row
from engraver.templates import parse_template

PISTOL = Row(1, 1, "Example Arms", "Model 1", template="ZQ9999")
RIFLE = Row(2, 4, "EXAMPLE ARMS", "MODEL 1", template="ZR99999")
LISTED = Row(6, 1, "EXAMPLE ARMS", "MODEL 2", serials=("PROTO-1", "2/2026"))
SAMPLE = Registry((PISTOL, RIFLE, LISTED))


def order(make: str, model: str, serial: str) -> WorkOrder:
    """Return an order with normalised names."""
    names = normalise_name(make, "make"), normalise_name(model, "model")
    return WorkOrder("1", *names, normalise_serial(serial), "any")


def test_a_firearm_is_block_times_32768_plus_offset() -> None:
    """The first serial of block 1 is P = 32768, R8RPE1GVR8L1; 123 of block 5 is YY4JC8DYCFDP."""
    code = codes.encode(order("example  arms", "ＭＯＤＥＬ 1", " zq0000 "), SAMPLE, "pin32-12")
    assert (code.index, code.text) == (32768, "R8RPE1GVR8L1")
    code = codes.encode(order("EXAMPLE ARMS", "MODEL 1", "zr98427"), SAMPLE, "pin32-12")
    assert (code.index, code.text) == (163963, "YY4JC8DYCFDP")


@given(index=st.sampled_from([*range(32768, 42768, 977), *range(65536, 165536, 9973), 196609]))
def test_identify_undoes_index_of(index: int) -> None:
    """From index to firearm -> index is the identity on everything allotted."""
    firearm = SAMPLE.identify(index)
    assert SAMPLE.index_of(firearm.make, firearm.model, firearm.serial) == index


def test_explicit_lists_hold_any_serial() -> None:
    """The offset of a listed serial is its place in the list."""
    assert SAMPLE.index_of("Example Arms", "model 2", "2/2026") == 6 * 32768 + 1
    assert SAMPLE.identify(6 * 32768) == Firearm("EXAMPLE ARMS", "MODEL 2", "PROTO-1")


@pytest.mark.parametrize(
    ("make", "model", "serial", "message"),
    [
        ("NOBODY", "MODEL 1", "ZQ0000", "make NOBODY is not in the registry"),
        ("EXAMPLE ARMS", "MODEL 9", "ZQ0000", "has no model MODEL 9"),
        ("EXAMPLE ARMS", "MODEL 1", "ZQ00000", "outside what is allotted"),
        ("EXAMPLE ARMS", "MODEL 2", "PROTO-9", "outside what is allotted"),
        ("EXAMPLE ARMS", "MODEL 1", "", "serial is empty"),
    ],
)
def test_strangers_end_in_one_clear_line(make: str, model: str, serial: str, message: str) -> None:
    """An unknown make, model or serial is refused by name."""
    with pytest.raises(InputError, match=message) as caught:
        SAMPLE.index_of(make, model, serial)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("index", [0, 32768 + 10000, 7 * 32768, 1 << 39])
def test_an_index_nobody_was_allotted_is_refused(index: int) -> None:
    """Gaps, the end of a template and the end of the registry identify nobody."""
    with pytest.raises(RegistryError, match="index"):
        SAMPLE.identify(index)


def test_a_serial_that_fits_two_rows_is_refused() -> None:
    """Two templates that both write the serial make the registry ambiguous for it."""
    both = Registry((PISTOL, Row(8, 1, "EXAMPLE ARMS", "MODEL 1", template="Z[QA]9999")))
    with pytest.raises(RegistryError, match="fits 2 rows"):
        both.index_of("EXAMPLE ARMS", "MODEL 1", "ZQ0001")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"first_block": 1}, "allotted twice"),
        ({"first_block": 5}, "allotted twice"),
        ({"first_block": -1}, "outside"),
        ({"first_block": 8, "blocks": 0}, "outside"),
        ({"first_block": 1 << 25}, "outside"),
        ({"first_block": "8"}, "not a whole number"),
        ({"start": 100}, "cannot hold start index 100"),
        ({"template": ""}, "either a template or a list"),
        ({"template": "Q[", "start": 0}, "unclosed set"),
        ({"template": "Q[AA]"}, "repeats"),
        ({"template": "Q\\"}, "ends in"),
        ({"template": "q99"}, "upper case"),
        ({"template": "99-"}, "impossible serials"),
        ({"make": ""}, "make is empty"),
    ],
)
def test_bad_rows_are_refused(fields: dict[str, object], message: str) -> None:
    """A row that contradicts itself or another ends in one line naming it."""
    good = {"first_block": 8, "blocks": 1, "make": "M", "model": "N", "template": "Q99"}
    with pytest.raises(InputError, match=message):
        Registry((PISTOL, RIFLE, Row(**(good | fields))))  # type: ignore[arg-type]


def test_templates_count_leftmost_most_significant() -> None:
    r"""Mixed radix: \A literal, [AC] of radix 2, A of 26, 9 of 10, X of 36."""
    template = parse_template("\\A[AC]A9X")
    assert template.size == 2 * 26 * 10 * 36
    assert template.serial_at(0) == "AAA00"
    assert template.index_of("ACB1Z") == ((1 * 26 + 1) * 10 + 1) * 36 + 35
    assert template.index_of("BCB1Z") is None
    assert all(template.index_of(template.serial_at(i)) == i for i in range(0, template.size, 97))


def test_json_text_comes_in_whole_or_not_at_all() -> None:
    """Parsing checks keys and digest and names what is off."""
    rows = [row_fields(row) for row in SAMPLE.rows]
    assert registry.parse(json.dumps({"rows": rows, "digest": SAMPLE.digest})) == SAMPLE
    for text, message in [
        ("{", "no JSON"),
        ("[]", 'no list "rows"'),
        ("", "lacks its header"),
        ('{"rows": [1]}', "no object"),
        ('{"rows": [{"first_block": 1}]}', "lacks"),
        (json.dumps({"rows": rows[:1], "digest": SAMPLE.digest}), "changed after export"),
    ]:
        with pytest.raises(RegistryError, match=message):
            registry.parse(text)


@pytest.mark.parametrize("write", [registry.to_json, registry.to_csv])
def test_export_and_import_are_inverse(write: Callable[[Registry, str], str]) -> None:
    """JSON and CSV bring back the same rows, carry a date and a digest, and betray a change."""
    text = write(SAMPLE, "2026-01-05")
    assert "2026-01-05" in text and SAMPLE.digest in text
    assert registry.parse(text) == SAMPLE
    assert registry.parse("\ufeff" + text.replace("\n", "\r\n")) == SAMPLE
    with pytest.raises(RegistryError, match="changed after export"):
        registry.parse(text.replace("ZQ9999", "ZK9999"))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("x,1,M,N,Q99,0,,", "invalid literal"),
        ("8,1,M,N,Q99,0", "one cell a column"),
        ("8,1,M,N,Q99,0,,,9", "one cell a column"),
        ("8,1,M,N,Q99,0,,5.1.2026", "not written as 2026-01-05"),
    ],
)
def test_bad_csv_rows_end_in_one_clear_line(cells: str, message: str) -> None:
    """A cell too few or too many, a number that is none, a date nobody can sort."""
    header = "first_block,blocks,make,model,template,start,serials,dated"
    with pytest.raises(RegistryError, match=message):
        registry.parse(f"{header}\n{cells}\n")


def test_history_only_grows_and_disagreement_is_found() -> None:
    """Of two registries one continues the other, or the first differing row is named."""
    longer = SAMPLE.extended(Row(7, 1, "EXAMPLE ARMS", "MODEL 3", template="K999"))
    assert registry.compare(SAMPLE, SAMPLE).relation == "equal"
    assert registry.compare(SAMPLE, longer).relation == "continues"
    assert registry.compare(longer, SAMPLE).relation == "behind"
    other = SAMPLE.extended(Row(7, 1, "OTHER", "MODEL 3", template="K999"))
    answer = registry.compare(longer, other)
    assert (answer.relation, answer.common) == ("disagrees", 3)
    assert "EXAMPLE ARMS" in answer.detail and "OTHER" in answer.detail
    assert longer.digest != other.digest
    assert registry.chain(longer.rows)[3] == SAMPLE.digest
