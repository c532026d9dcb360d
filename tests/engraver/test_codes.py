"""Promises of engraver.codes: vectors, the whole radius, nothing beyond it in silence."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engraver import codes, galois
from engraver.codes import ALPHABET, FORMATS, V, W
from engraver.errors import CodeError

VECTORS = {
    0: "KT9NH5VR1H6A",
    1: "RETGM6QF399L",
    32767: "AXRK2V1762AX",
    32768: "R8RPE1GVR8L1",
    163963: "YY4JC8DYCFDP",
    (1 << 30) - 1: "KR3Y5PA2PNDC",
    (1 << 40) - 1: "K7649YGZ36P9",
}


@pytest.mark.parametrize(("index", "text"), VECTORS.items())
def test_published_vectors(index: int, text: str) -> None:
    """Each published vector encodes and decodes; shorter formats are prefixes below 2^30."""
    assert codes.encode_index(index, "pin32-12").text == text
    assert codes.decode(text).index == index
    if index < 1 << 30:
        assert codes.encode_index(index, "pin32-8").text == text[:8]
        assert codes.encode_index(index, "pin32-10").text == text[:10]


def test_encoding_is_the_formula_of_the_format() -> None:
    """c_i = alpha^V_i * sum m_j alpha^(i j) + W_i, summed term by term with slow arithmetic."""

    def slow_times(a: int, b: int) -> int:
        product = 0
        for bit in range(5):
            product ^= (a << bit) if b >> bit & 1 else 0
        for bit in range(9, 4, -1):
            product ^= (0b100101 << (bit - 5)) if product >> bit & 1 else 0
        return product

    index = 0x9A5F3C7E21
    for i, symbol in enumerate(codes.encode_index(index).text):
        total = 0
        for j in range(8):
            term = index >> 5 * j & 31
            for _ in range(i * j):
                term = slow_times(term, 2)
            total ^= term
        for _ in range(V[i]):
            total = slow_times(total, 2)
        assert ALPHABET[total ^ W[i]] == symbol


@settings(max_examples=300, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(FORMATS)))
def test_everything_within_the_radius_is_corrected_and_listed(
    data: st.DataObject, name: str
) -> None:
    """2 * errors + erasures <= n - k decodes to the code, with one line for each fault."""
    fmt = FORMATS[name]
    index = data.draw(st.integers(0, fmt.index_limit - 1))
    errors = data.draw(st.integers(0, fmt.redundancy // 2))
    unsure = data.draw(st.integers(0, fmt.redundancy - 2 * errors))
    places = data.draw(st.permutations(range(fmt.n)))[: errors + unsure]
    text = codes.encode_index(index, name).text
    items = list(text)
    for at in places[:errors]:
        items[at] = data.draw(st.sampled_from([s for s in ALPHABET if s != text[at]]))
    for at in places[errors:]:
        other = data.draw(st.sampled_from([s for s in ALPHABET if s != text[at]]))
        items[at] = data.draw(st.sampled_from(["?", f"[{other}{text[at]}]"]))
    decoded = codes.decode("".join(items))
    assert decoded.code == codes.encode_index(index, name)
    assert (decoded.errors, decoded.erasures) == (errors, unsure)
    assert sorted(c.position for c in decoded.corrections) == sorted(places)
    assert decoded.spare == fmt.redundancy - 2 * errors - unsure


@settings(max_examples=300, deadline=None)
@given(text=st.text(ALPHABET + "?", min_size=8, max_size=12).filter(lambda t: len(t) != 9))
def test_nothing_beyond_the_radius_is_returned(text: str) -> None:
    """Whatever is read, a returned code lies within 2 * errors + erasures <= n - k."""
    if len(text) not in (8, 10, 12):
        with pytest.raises(CodeError, match="fit no format"):
            codes.decode(text)
        return
    decoded = codes.decode(text)
    if decoded.code is None:
        with pytest.raises(CodeError, match="within"):
            _ = decoded.index
        return
    again = codes.encode_index(decoded.index, decoded.format.name).text
    misses = sum(a not in ("?", b) for a, b in zip(text, again, strict=True))
    assert 2 * misses + text.count("?") <= decoded.format.redundancy


def test_a_set_without_the_true_symbol_is_an_error_not_an_erasure() -> None:
    """In pin32-8 two wrong sets cost 4 and are refused, two right ones cost 2 and decode."""
    text = codes.encode_index(32768, "pin32-8").text
    assert text == "R8RPE1GV"
    assert codes.decode("[RP]8[RP]PE1GV").index == 32768
    assert codes.decode("[QP]8[QP]PE1GV").code is None


def test_aliases_are_read_as_what_is_engraved() -> None:
    """B, I, O and S read as 8, 1, 0 and 5, and the list of corrections says so."""
    decoded = codes.decode("RBRPEIGV")
    assert decoded.index == 32768
    assert [(c.written, c.symbol, c.kind) for c in decoded.corrections] == [
        ("B", "8", "alias"),
        ("I", "1", "alias"),
    ]


def test_swaps_inside_one_confusable_pair_are_always_correctable() -> None:
    """No two codewords differ by {0, 1} times one constant: V leaves no such word in the code.

    Checked for all 2^8 and 2^12 patterns against the parity of the k-dimensional code.
    """
    for fmt in FORMATS.values():
        points = [galois.EXP[i] for i in range(fmt.n)]
        found = []
        for pattern in range(1, 1 << fmt.n):
            ones = [pattern >> i & 1 for i in range(fmt.n)]
            values = [galois.times_alpha(one, -V[i]) for i, one in enumerate(ones)]
            head = galois.interpolate(points[: fmt.k], values[: fmt.k])
            tail = zip(points[fmt.k :], values[fmt.k :], strict=True)
            if all(galois.evaluate(head, x) == y for x, y in tail):
                found.append(pattern)
        assert found == [], fmt.name


def test_consecutive_firearms_differ_widely() -> None:
    """P and P + 1 differ in >= 11 of 12 positions, any two of one block in >= 10."""
    for carry in range(15):
        difference = (2 << carry) - 1
        changed = codes.encode_index(difference).text
        zero = codes.encode_index(0).text
        assert sum(a != b for a, b in zip(zero, changed, strict=True)) >= 11
    for low, high in combinations((0, 1, 31, 1023, 4660, 32767), 2):
        a, b = codes.encode_index(low).text, codes.encode_index(high).text
        assert sum(x != y for x, y in zip(a, b, strict=True)) >= 10


def test_length_of_offsets_is_spread() -> None:
    """W keeps P = 0 .. 32767 from engraving one symbol over and over: never 7 alike of 12."""
    worst = max(
        max(text.count(s) for s in set(text))
        for text in (codes.encode_index(p).text for p in range(0, 32768, 7))
    )
    assert worst < 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("R8RPE1G", "fit no format"),
        ("R8RPE1G!", "outside the alphabet"),
        ("R8RPE1G[]", "empty set"),
        ("R8RPE1G[8", "close the set"),
        ("R8RPE1ß", "outside the alphabet"),
        ("R8RPE1ﬁ", "outside the alphabet"),
        ("", "fit no format"),
    ],
)
def test_bad_readings_end_in_one_clear_line(text: str, message: str) -> None:
    """A reading that cannot be one is refused with a line that says how to write it."""
    with pytest.raises(CodeError, match=message) as caught:
        codes.decode(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("index", [-1, 1 << 30, True, 1.5, "7"])
def test_an_index_outside_the_format_is_refused(index: object) -> None:
    """P below 0, at 2^(5k) or no whole number never becomes a code."""
    with pytest.raises(CodeError, match="index"):
        codes.encode_index(index, "pin32-8")  # type: ignore[arg-type]
