"""Promises of engraver.gear: any turn, either side, a missing arc, a wrong slot."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engraver import codes, gear
from engraver.codes import ALPHABET, FORMATS, CodeFormat, MarkCode
from engraver.errors import CodeError

indices = st.integers(0, (1 << 30) - 1)


def code_of(index: int, name: str) -> MarkCode:
    """Return the code of an index."""
    return codes.encode_index(index, name)


def test_the_words_are_the_published_ones() -> None:
    """32 words of three teeth in seven, in order of value, no two alike when mirrored whole."""
    assert len(gear.WORDS) == len(ALPHABET) == len(set(gear.WORDS))
    assert all(sum(word) == 3 for word in gear.WORDS)
    assert gear.WORDS[0] == (0, 0, 0, 1, 0, 1, 1) and gear.WORDS[31] == (1, 1, 0, 1, 0, 0, 0)
    assert gear.START[::-1] != gear.START


def test_only_the_start_mark_has_five_teeth_in_a_row() -> None:
    """No two neighbouring words, and no word next to the mark, make a run of five."""
    joined = [a + b for a in gear.WORDS for b in gear.WORDS]
    joined += [word + gear.START[:2] for word in gear.WORDS]
    joined += [gear.START[7:] + word for word in gear.WORDS]
    assert all("11111" not in "".join(map(str, slots)) for slots in joined)


@settings(max_examples=60, deadline=None)
@given(
    index=indices,
    name=st.sampled_from(sorted(FORMATS)),
    turn=st.integers(0, 92),
    mirrored=st.booleans(),
)
def test_a_whole_ring_decodes_from_any_turn_and_side(
    index: int, name: str, turn: int, mirrored: bool
) -> None:
    """The start mark tells where the ring begins and from which side it is seen."""
    ring = gear.encode_ring(code_of(index, name))
    turn %= len(ring)
    seen = ring[-turn:] + ring[:-turn] if turn else ring
    if mirrored:
        seen = seen[::-1]
    (reading,) = gear.decode_ring(seen, FORMATS[name])
    assert (reading.decoded.index, reading.cost, reading.mirrored) == (index, 0, mirrored)
    assert reading.turn == (len(ring) - 1 - turn if mirrored else turn)


@settings(max_examples=40, deadline=None)
@given(index=indices, start=st.integers(9, 92), name=st.sampled_from(["pin32-10", "pin32-12"]))
def test_a_missing_arc_of_words_is_filled(index: int, start: int, name: str) -> None:
    """22 slots in a row (85 degrees of pin32-12) may be gone anywhere after the start mark."""
    fmt: CodeFormat = FORMATS[name]
    assert gear.arc_limit(fmt) == 22
    ring: list[int | None] = list(gear.encode_ring(code_of(index, name)))
    start = min(start, len(ring) - 22)
    ring[start : start + 22] = [None] * 22
    (reading,) = gear.decode_ring(ring, fmt)
    assert reading.decoded.index == index and reading.turn == 0


@settings(max_examples=40, deadline=None)
@given(index=indices, turn=st.integers(0, 92), name=st.sampled_from(["pin32-10", "pin32-12"]))
def test_a_missing_start_mark_is_found_from_the_words(index: int, turn: int, name: str) -> None:
    """With the whole start mark gone, the true reading is among the cheapest ones offered."""
    ring: list[int | None] = list(gear.encode_ring(code_of(index, name)))
    ring[:9] = [None] * 9
    turn %= len(ring)
    seen = ring[-turn:] + ring[:-turn] if turn else ring
    readings = gear.decode_ring(seen, FORMATS[name])
    assert (index, turn) in [(r.decoded.index, r.turn) for r in readings]


@settings(max_examples=40, deadline=None)
@given(index=indices, at=st.integers(0, 92))
def test_one_wrong_slot_is_harmless(index: int, at: int) -> None:
    """A tooth broken off or a burr, anywhere on the ring, changes nothing."""
    ring = list(gear.encode_ring(code_of(index, "pin32-12")))
    ring[at] ^= 1
    (reading,) = gear.decode_ring(ring, FORMATS["pin32-12"])
    assert (reading.decoded.index, reading.turn, reading.mirrored) == (index, 0, False)


def test_arcs_join_neighbouring_teeth_and_go_round_once() -> None:
    """Arcs lie clockwise from 12 o'clock; their sum is the share of teeth."""
    code = code_of(32768, "pin32-8")
    arcs = gear.tooth_arcs_deg(code)
    ring = gear.encode_ring(code)
    assert sum(b - a for a, b in arcs) == pytest.approx(360 * sum(ring) / len(ring))
    assert all(b < c for (_, b), (c, _) in pairwise(arcs))


def test_bad_rings_end_in_one_clear_line() -> None:
    """Another number of slots or another character is refused."""
    with pytest.raises(CodeError, match="the ring has 3 slots, pin32-8 has 65"):
        gear.decode_ring((1, 0, 1), FORMATS["pin32-8"])
    with pytest.raises(CodeError, match="slot '2'"):
        gear.parse_ring("102")
    assert gear.parse_ring("1 0-?") == (1, 0, None)
