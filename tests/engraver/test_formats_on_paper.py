"""docs/formats is enough: a laboratory that knows nothing else encodes and decodes.

Nothing of pinmark computes here. The tables are taken from the pages, the arithmetic is the
one the pages describe; only the last comparison is with `engraver`.
"""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest

from engraver import codes, gear

FORMATS = Path(__file__).parents[2] / "docs" / "formats"
PIN32 = (FORMATS / "pin32.md").read_text(encoding="utf-8")
GEAR = (FORMATS / "gear.md").read_text(encoding="utf-8")


def table(page: str, header: str, place: int = 0) -> list[list[str]]:
    """Return the cells of the table whose header line starts with ``header``."""
    lines = page.splitlines()
    starts = [at for at, line in enumerate(lines) if line.startswith(header)]
    rows = []
    for line in lines[starts[place] + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


POWER = {int(e): int(value) for e, value in table(PIN32, "| e | alpha^e |")}
SYMBOL = {int(row[0]): row[1] for row in table(PIN32, "| value | symbol | log |")}
LOG = {int(row[0]): int(row[2]) for row in table(PIN32, "| value | symbol | log |")[1:]}
VALUE = {symbol: value for value, symbol in SYMBOL.items()}
V = {int(i): int(v) for i, v, _ in table(PIN32, "| position i | V | W |")}
W = {int(i): int(w) for i, _, w in table(PIN32, "| position i | V | W |")}
NAMES = ("pin32-8", "pin32-10", "pin32-12", "pin32-8+8", "pin32-10+8", "pin32-12+8")
H = {
    name: {
        int(row[0]): int(row[1 + at])
        for row in table(PIN32, "| position i | pin32-8")
        if row[1 + at]
    }
    for at, name in enumerate(NAMES)
}
SIZES = {row[0]: (int(row[1]), int(row[2])) for row in table(PIN32, "| format | symbols n |")}
INVERSE = {
    6: [row[1:] for row in table(PIN32, "|  | 0 | 1 | 2 | 3 | 4 | 5 |")],
    8: [row[1:] for row in table(PIN32, "|  | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |")],
}


def times(value: int, log: int) -> int:
    """Multiply by a power of alpha, by the tables."""
    return POWER[(LOG[value] + log) % 31] if value else 0


def encode(number: int, name: str) -> str:
    """Follow "Encoding"."""
    digits = [number >> 5 * j & 31 for j in range(SIZES[name][1])]
    symbols = []
    for i in H[name]:
        total = 0
        for j, digit in enumerate(digits):
            total ^= times(digit, i * j)
        symbols.append(SYMBOL[times(total, V[i]) ^ W[i]])
    return "".join(symbols)


def sums(text: str, name: str) -> list[int]:
    """Follow "Checking": one sum for each r over the legible places."""
    n, k = SIZES[name]
    totals = [0] * (n - k)
    for (i, log), symbol in zip(H[name].items(), text, strict=True):
        if symbol != "?":
            for r in range(n - k):
                totals[r] ^= times(VALUE[symbol] ^ W[i], log + r * i)
    return totals


def fill_two(text: str, name: str) -> str:
    """Follow "Worked decoding" for two erasures, and confirm with the rows left over."""
    places = [i for i, symbol in zip(H[name], text, strict=True) if symbol == "?"]
    first, second = places
    s = sums(text, name)
    right, left = s[1] ^ times(s[0], first), POWER[second % 31] ^ POWER[first % 31]
    y = times(right, -LOG[left])
    x = s[0] ^ y
    assert all(times(x, r * first) ^ times(y, r * second) == s[r] for r in range(len(s)))
    symbols = dict(zip(H[name], text, strict=True))
    for i, term in ((first, x), (second, y)):
        symbols[i] = SYMBOL[times(term, -H[name][i]) ^ W[i]]
    return "".join(symbols.values())


def number_of(text: str, k: int) -> int:
    """Follow "From the code to P"."""
    number = 0
    for j, row in enumerate(INVERSE[k]):
        digit = 0
        for i, cell in enumerate(row):
            digit ^= times(VALUE[text[i]] ^ W[i], int(cell)) if cell != "-" else 0
        number += digit << 5 * j
    return number


def test_the_tables_agree_with_each_other() -> None:
    """Logarithms invert powers, and powers double under XOR with the field polynomial."""
    assert all(POWER[LOG[value]] == value for value in range(1, 32))
    for e in range(31):
        doubled = POWER[e] << 1
        assert POWER[(e + 1) % 31] == (doubled ^ 0b100101 if doubled & 32 else doubled)


@pytest.mark.parametrize("name", NAMES)
def test_encoding_by_the_page_equals_pinmark(name: str) -> None:
    """For the vectors' numbers, every format, and all checks of the page hold."""
    for number in (0, 1, 32767, 32768, 163963, 2**30 - 1):
        text = encode(number, name)
        assert text == codes.encode_index(number, name).text
        assert not any(sums(text, name))


def test_the_worked_encoding_is_right_line_by_line() -> None:
    """Each line of the table follows from the one before and gives the printed code."""
    rows = table(PIN32, "| i | m0 |")
    for row in rows:
        i, m0, a, b, total = (int(cell) for cell in row[:5])
        assert (m0, a, b) == (10, POWER[i], POWER[3 * i % 31])
        assert total == m0 ^ a ^ b
        value = times(total, V[i])
        assert [int(row[6]), int(row[8]), int(row[9])] == [V[i], value, W[i]]
        assert int(row[10]) == value ^ W[i] and row[11] == SYMBOL[value ^ W[i]]
    code = "".join(row[11] for row in rows)
    assert f"The code is **{code}**; in pin32-8 it is **{code[:8]}**" in PIN32
    assert codes.encode_index(32810, "pin32-10").text == code


def test_the_worked_decoding_is_right() -> None:
    """The printed reading, its sums, the symbols found and the firearm all follow."""
    (reading,) = re.findall(r"lost two symbols: \*\*([0-9A-Z?]+)\*\*", PIN32)
    rows = table(PIN32, "| i | symbol | value | z")
    assert [int(cell) for cell in rows[-1][5:]] == sums(reading, "pin32-10")
    for row in rows[:-1]:
        if row[1] != "?":
            z = VALUE[row[1]] ^ W[int(row[0])]
            terms = [times(z, int(row[4]) + r * int(row[0])) for r in range(4)]
            assert [int(cell) for cell in row[5:]] == terms
    code = fill_two(reading, "pin32-10")
    assert f"The code is **{code}**, with two corrections" in PIN32
    assert number_of(code, 6) == 32810
    assert codes.decode(reading).code == codes.encode_index(32810, "pin32-10")


def test_any_two_erasures_are_filled_by_the_page() -> None:
    """The method of the page restores every pair of places of every format."""
    for name in NAMES:
        text = encode(987654321, name)
        for pair in combinations(range(len(text)), 2):
            read = "".join("?" if at in pair else s for at, s in enumerate(text))
            assert fill_two(read, name) == text
        assert number_of(text, SIZES[name][1]) == 987654321


def test_the_vectors_are_pinmarks() -> None:
    """Printed vectors equal what pinmark engraves on both places."""
    numbers = {"2^30-1": 2**30 - 1, "2^40-1": 2**40 - 1}
    for name, pin, second in table(PIN32, "| P | positions"):
        number = numbers.get(name) or int(name)
        assert codes.encode_index(number).text == pin
        assert codes.encode_index(number, "pin32-second").text == second


def test_the_ring_of_the_page_is_pinmarks() -> None:
    """Words, the worked ring and its decoding with an unseen arc follow the page."""
    words = {}
    for row in table(GEAR, "| symbol | word |"):
        words |= {row[0]: row[1], row[2]: row[3]}
    assert ["".join(map(str, w)) for w in gear.WORDS] == [words[SYMBOL[v]] for v in range(32)]
    (printed,) = re.findall(r"^ +(101111100(?: [01]{7}){8})$", GEAR, re.MULTILINE)
    code = codes.encode_index(32810, "pin32-8")
    assert printed == " ".join(["101111100", *(words[symbol] for symbol in code.text)])
    ring: list[int | None] = list(gear.parse_ring(printed))
    ring[23:37] = [None] * 14
    (reading,) = gear.decode_ring(ring[40:] + ring[:40], code.format)
    assert (reading.decoded.code, reading.decoded.spare) == (code, 0)
