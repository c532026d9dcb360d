"""Promises of engraver.hypotheses: leads are labelled, weighed and never proofs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engraver import codes
from engraver.codes import ALPHABET, FORMATS
from engraver.hypotheses import UPSIDE_DOWN, suggest, turned
from engraver.reading import parse

TWELVE = FORMATS["pin32-12"]
indices = st.integers(0, (1 << 30) - 1)


def leads(text: str, name: str, below: int | None = None) -> dict[str, int]:
    """Return assumption -> index of every lead."""
    found = suggest(parse(text), FORMATS[name], below)
    return {lead.assumption: lead.decoded.index for lead in found}


@settings(max_examples=60, deadline=None)
@given(data=st.data(), index=indices, errors=st.integers(0, 3))
def test_small_indices_are_read_to_distance_seven(
    data: st.DataObject, index: int, errors: int
) -> None:
    """Below 2^30 pin32-12 corrects 2 * errors + erasures <= 6, and says what that assumes."""
    text = codes.encode_index(index).text
    items = list(text)
    places = data.draw(st.permutations(range(12)))[: 6 - errors]
    for at in places[:errors]:
        items[at] = data.draw(st.sampled_from([s for s in ALPHABET if s != text[at]]))
    for at in places[errors:]:
        items[at] = "?"
    found = suggest(parse("".join(items)), TWELVE)
    lead = next(lead for lead in found if lead.assumption == "the index is below 2^30")
    assert lead.decoded.index == index
    assert codes.decode("".join(items)).code != codes.encode_index(index)


def test_the_issued_rate_reaches_farther_still() -> None:
    """With 300 blocks allotted four erasures and an error of pin32-10 are a lead."""
    text = codes.encode_index(163963, "pin32-10").text
    reading = "????" + ("0" if text[4] != "0" else "1") + text[5:]
    strict = codes.decode(reading)
    assert (strict.index, strict.spare) == (284608495, 0)  # nothing vouches for it: spare is 0
    found = leads(reading, "pin32-10", below=1 << 20)
    assert found["the index is below 2^20"] == 163963


@pytest.mark.parametrize(
    ("name", "order", "assumption"),
    [
        ("pin32-8", (4, 5, 6, 7, 0, 1, 2, 3), "true rows are the written rows 2, 1 (2 x 4)"),
        (
            "pin32-8",
            (3, 2, 1, 0, 7, 6, 5, 4),
            "each row read from right to left, as on the pin itself (2 x 4)",
        ),
        (
            "pin32-12",
            (8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3),
            "true rows are the written rows 3, 2, 1 (3 x 4)",
        ),
        (
            "pin32-12",
            (6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5),
            "true rows are the written rows 2, 1 (2 x 6)",
        ),
    ],
)
def test_other_reading_orders_are_offered(
    name: str, order: tuple[int, ...], assumption: str
) -> None:
    """Rows written in another order, or read from the pin, come back labelled."""
    text = codes.encode_index(32768, name).text
    assert leads("".join(text[at] for at in order), name)[assumption] == 32768


def test_a_mark_read_upside_down_is_offered() -> None:
    """Reversed order and turned symbols; what is none when turned tells nothing."""
    index = next(
        p
        for p in range(1 << 20)
        if sum(s not in UPSIDE_DOWN for s in codes.encode_index(p, "pin32-10").text) <= 2
    )
    text = codes.encode_index(index, "pin32-10").text
    written = "".join(UPSIDE_DOWN.get(symbol, symbol) for symbol in reversed(text))
    assert leads(written, "pin32-10")["read upside down"] == index
    assert turned(parse("6[9K]?A")).text == "??69"


@settings(max_examples=40, deadline=None)
@given(data=st.data(), index=indices)
def test_many_small_sets_are_filled(data: st.DataObject, index: int) -> None:
    """Pairs at ten of twelve places leave few codes, and the true one is listed."""
    text = codes.encode_index(index).text
    items = list(text)
    for at in data.draw(st.permutations(range(12)))[:10]:
        items[at] = f"[{text[at]}{data.draw(st.sampled_from(ALPHABET))}]"
    found = suggest(parse("".join(items)), TWELVE)
    proved = codes.decode("".join(items)).code
    assert proved is not None or index in [lead.decoded.index for lead in found]


def test_a_proved_reading_needs_no_lead_about_its_index() -> None:
    """What decode proves is not repeated as a lead; what was never allotted is left out."""
    text = codes.encode_index(163963).text
    assert all("below" not in label for label in leads(text, "pin32-12"))
    assert all(index < 1000 for index in leads("R8RP????8L1?", "pin32-12", below=1000).values())


def test_chance_is_stated_and_sorts_the_list() -> None:
    """Each lead says how often chance alone would give it."""
    found = suggest(parse("E1GVR8RP"), FORMATS["pin32-8"])
    assert [lead.chance for lead in found] == sorted(lead.chance for lead in found)
    assert all(0 < lead.chance <= 1 for lead in found)
