"""Promises of the second place: positions 12 to 19 of the same polynomial."""

from __future__ import annotations

import hashlib
from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engraver import batch, codes, galois
from engraver.codes import ALPHABET, JOINT, SECOND_PLACE, V, W

COUNTER = 3143


def test_nobody_picked_the_constants() -> None:
    """V and W of positions 12 to 19 are the digest of a text with the published counter."""
    digest = hashlib.sha256(f"pin32 second place {COUNTER}".encode()).digest()
    assert V[12:] == tuple(b % 31 for b in digest[:8])
    assert W[12:] == tuple(b % 32 for b in digest[8:16])


def test_swaps_inside_one_pair_never_hide() -> None:
    """No codeword of the second place (P < 2^30) is 0 or one constant everywhere."""
    points = [galois.EXP[i] for i in range(12, 20)]
    for pattern in range(1, 256):
        y = [galois.times_alpha(pattern >> i & 1, -V[12 + i]) for i in range(8)]
        head = galois.interpolate(points[:6], y[:6])
        assert [galois.evaluate(head, x) for x in points[6:]] != y[6:]


def test_small_indices_engrave_varied_symbols() -> None:
    """In block 0 no symbol stands more than 4 times of 8; P = 0 engraves eight different ones."""
    packed = batch.pack_indices(np.arange(32768), "pin32-second")
    symbols = batch.symbols_of(packed, 8)
    assert max(np.bincount(row, minlength=32).max() for row in symbols[::3]) <= 4
    assert len(set(symbols[0].tolist())) == 8


def test_neighbours_differ_on_the_second_place() -> None:
    """P and P + 1 differ in >= 7 of 8 positions (6 for one P in 1,024), two of a block in >= 6."""
    zero = codes.encode_index(0, "pin32-second").text
    for carry in range(15):
        other = codes.encode_index((2 << carry) - 1, "pin32-second").text
        assert sum(a != b for a, b in zip(zero, other, strict=True)) >= (7 if carry < 10 else 6)
    for low, high in combinations((0, 1, 31, 1023, 4660, 32767), 2):
        a = codes.encode_index(low, "pin32-second").text
        b = codes.encode_index(high, "pin32-second").text
        assert sum(x != y for x, y in zip(a, b, strict=True)) >= 6


@settings(max_examples=150, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(JOINT)))
def test_both_places_decode_as_one_longer_code(data: st.DataObject, name: str) -> None:
    """Pin and second place together correct 2 * errors + erasures <= 10 or 12."""
    fmt = JOINT[name]
    index = data.draw(st.integers(0, fmt.index_limit - 1))
    pin = codes.encode_index(index, name).text
    both = pin + codes.encode_index(index, SECOND_PLACE.name).text
    assert codes.encode_index(index, fmt.name).text == both
    errors = data.draw(st.integers(0, fmt.redundancy // 2))
    places = data.draw(st.permutations(range(fmt.n)))[: fmt.redundancy - errors]
    items = list(both)
    for at in places[:errors]:
        items[at] = data.draw(st.sampled_from([s for s in ALPHABET if s != both[at]]))
    for at in places[errors:]:
        items[at] = "?"
    decoded = codes.decode("".join(items), fmt.name)
    assert decoded.index == index
    assert decoded.spare == 0


def test_a_pin_lost_whole_is_read_from_the_second_place_alone() -> None:
    """Below 2^30 the second place alone, six symbols of it even, gives the index."""
    second = codes.encode_index(163963, "pin32-second").text
    decoded = codes.decode("?" * 8 + "??" + second[2:], "pin32-8+8")
    assert decoded.index == 163963
