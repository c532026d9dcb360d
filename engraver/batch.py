"""A million codes in one call: the same Pin32 as `engraver.codes`, over arrays.

In: serial texts of one registry row, registry integers or code texts, as lists or arrays. Out:
numpy arrays in order. Every answer equals that of the one-at-a-time functions; serials written
otherwise (lower case, full width) go through those. Authority: docs/formats/pin32.md.

Theory of operation. Encoding is linear over GF(2) apart from W, so the packed code of P is the
XOR of one table entry for each 10 bits of P, and the check symbols of a text are the XOR of
one table entry for each pair of characters. Everything runs in chunks that stay in cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from engraver.codes import CodeFormat, V, W, encode_index, format_named
from engraver.errors import CodeError, RegistryError
from engraver.galois import EXP, evaluate, interpolate, multiply, times_alpha
from engraver.orders import normalise_serial
from engraver.reading import ALPHABET, VALUE
from engraver.registry import Row
from engraver.templates import parse_template

CHUNK = 1 << 15
"""Codes worked on at a time: their indices and symbols stay in the second-level cache."""

_REFUSED = -(1 << 56)
"""What a character outside the template adds: 32 pairs of them still fit 64 bits."""

_LARGEST_TEMPLATE = 1 << 55

Integers = NDArray[np.int64]


def encode_indices(indices: Integers, format_name: str = "pin32-12") -> NDArray[np.bytes_]:
    """Return the code texts of registry integers.

    Parameters
    ----------
    indices
        ``(count,)`` integers.

    Returns
    -------
    ndarray
        ``(count,)`` of dtype ``S8``, ``S10`` or ``S12``.

    Raises
    ------
    CodeError
        If any index lies outside the format; the message names the first.

    Examples
    --------
    >>> encode_indices(np.array([32768, 163963])).tolist()
    [b'R8RPE1GVR8L1', b'YY4JC8DYCFDP']
    """
    fmt = _format_of_one_place(format_name)
    indices = _as_indices(indices, fmt)
    pairs = np.empty((len(indices), fmt.n // 2), dtype=np.uint16)
    for part in _chunks(len(indices)):
        _write_pairs(_packed(indices[part], fmt), fmt, pairs[part])
    return pairs.view(f"S{fmt.n}").reshape(-1)


def pack_indices(indices: Integers, format_name: str = "pin32-12") -> Integers:
    """Return codes as integers, 5 bits a symbol, position 0 in the lowest bits.

    The compact form for searching; `symbols_of` unpacks it. Raises CodeError as
    `encode_indices` does.
    """
    fmt = _format_of_one_place(format_name)
    indices = _as_indices(indices, fmt)
    packed = np.empty(len(indices), dtype=np.int64)
    for part in _chunks(len(indices)):
        packed[part] = _packed(indices[part], fmt)
    return packed


def symbols_of(packed: Integers, count: int) -> NDArray[np.uint8]:
    """Unpack codes into ``(codes, count)`` symbol values 0..31."""
    shifts = 5 * np.arange(count)
    return ((packed[:, None] >> shifts) & 31).astype(np.uint8)


def encode_serials(
    serials: Sequence[str], row: Row, format_name: str = "pin32-12"
) -> NDArray[np.bytes_]:
    """Return the code texts of many serials of one registry row.

    Raises
    ------
    RegistryError
        If a serial is not the row's; the message names the first such.
    """
    return encode_indices(index_serials(serials, row), format_name)


def index_serials(serials: Sequence[str], row: Row) -> Integers:
    """Return the registry integers of many serials of one row, in order.

    Raises
    ------
    RegistryError
        If a serial is not the row's; the message names the first such.
    """
    offsets = _plain_offsets(serials, row) if row.template else None
    if offsets is None:
        return np.array([_one_index(serial, row) for serial in serials], dtype=np.int64)
    for at in np.flatnonzero((offsets < 0) | (offsets >= row.count)):
        offsets[at] = _one_index(serials[int(at)], row) - row.first_index
    return offsets + row.first_index


def check_texts(texts: Sequence[str] | NDArray[np.bytes_], format_name: str) -> NDArray[np.bool_]:
    """Return for each text whether it is a codeword without any correction.

    Parameters
    ----------
    texts
        Texts of exactly the format's length, as a list of str or an ``S`` array. Aliases,
        lower case and separators make a text False here: `engraver.codes.decode` reads those.
    """
    fmt = _format_of_one_place(format_name)
    codes = _characters(texts, fmt.n)
    if codes is None:
        return np.array([_is_code(text, fmt) for text in texts], dtype=bool)
    sound = np.empty(len(codes), dtype=bool)
    for part in _chunks(len(codes)):
        syndrome = np.zeros(len(codes[part]), dtype=np.uint32)
        for j, table in enumerate(_check_tables(fmt.name)):
            syndrome ^= table[codes[part, 2 * j : 2 * j + 2].view(np.uint16)[:, 0]]
        sound[part] = syndrome == 0
    return sound


def _format_of_one_place(name: str) -> CodeFormat:
    """Return the format, or refuse one whose symbols do not fit 64 bits."""
    fmt = format_named(name)
    if fmt.n > 12:
        raise CodeError(f"{name} joins two places; encode or check each place by itself")
    return fmt


def _chunks(count: int) -> Iterator[slice]:
    return (slice(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK))


def _as_indices(indices: Integers, fmt: CodeFormat) -> Integers:
    given = np.asarray(indices)
    if given.size and not np.issubdtype(given.dtype, np.integer):
        raise CodeError(f"indices are of type {given.dtype}, not whole numbers")
    whole = given.astype(np.int64).reshape(-1)
    if whole.size and not (whole.min() >= 0 and whole.max() < fmt.index_limit):
        first = int(whole[(whole < 0) | (whole >= fmt.index_limit)][0])
        encode_index(first, fmt.name)  # raises, naming the limit
    return whole


@cache
def _encode_tables(name: str) -> tuple[Integers, ...]:
    """Return, for each 10 bits of P, the 1,024 packed words they contribute (W in the first)."""
    fmt = format_named(name)
    tables = []
    for low in range(0, fmt.k, 2):
        columns = np.zeros(1024, dtype=np.int64)
        for value in range(1024):
            message = [0] * low + [value & 31, value >> 5]
            for at, i in enumerate(fmt.positions):
                columns[value] |= times_alpha(evaluate(message, EXP[i]), V[i]) << (5 * at)
        tables.append(columns)
    tables[0] ^= sum(W[i] << (5 * at) for at, i in enumerate(fmt.positions))
    return tuple(tables)


def _packed(indices: Integers, fmt: CodeFormat) -> Integers:
    tables = _encode_tables(fmt.name)
    words: Integers = tables[0][indices & 1023]
    for j, table in enumerate(tables[1:], start=1):
        words ^= table[(indices >> (10 * j)) & 1023]
    return words


@cache
def _pair_texts() -> NDArray[np.uint16]:
    """Return the two characters of each pair of values, low value first, as one uint16."""
    symbols = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)
    both = np.empty((1024, 2), dtype=np.uint8)
    both[:, 0], both[:, 1] = np.tile(symbols, 32), np.repeat(symbols, 32)
    return both.view(np.uint16).reshape(-1)


def _write_pairs(packed: Integers, fmt: CodeFormat, pairs: NDArray[np.uint16]) -> None:
    table = _pair_texts()
    for j in range(fmt.n // 2):
        pairs[:, j] = table[(packed >> (10 * j)) & 1023]


def _characters(texts: Sequence[str] | NDArray[np.bytes_], length: int) -> NDArray[np.uint8] | None:
    """Return ``(count, length)`` ASCII codes, or None if some text has another form."""
    if isinstance(texts, np.ndarray) and texts.dtype.kind == "S":
        if texts.dtype.itemsize != length:
            return None
        return np.ascontiguousarray(texts).view(np.uint8).reshape(-1, length)
    joined = "\n".join([*texts, ""])  # with line ends, one look at a column proves all lengths
    plain = joined.isascii() and joined.count("\n") == len(texts)
    if not plain or len(joined) != len(texts) * (length + 1):
        return None
    lines = np.frombuffer(joined.encode("ascii"), dtype=np.uint8).reshape(-1, length + 1)
    return lines[:, :length] if (lines[:, length] == ord("\n")).all() else None


def _is_code(text: str | bytes, fmt: CodeFormat) -> bool:
    plain = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    if len(plain) != fmt.n or any(symbol not in VALUE for symbol in plain):
        return False
    return bool(check_texts([plain], fmt.name)[0])


@cache
def _check_tables(name: str) -> tuple[NDArray[np.uint32], ...]:
    """Return, for each pair of positions, the check symbols each pair of characters gives.

    65,536 entries a table. A codeword's entries XOR to 0; a character outside the alphabet
    sets a bit that belongs to its table alone, so that no other can cancel it.
    """
    fmt = format_named(name)
    tables = []
    for i in range(0, fmt.n, 2):
        first, second = _check_column(fmt, i), _check_column(fmt, i + 1)
        known = (first >= 0)[None, :] & (second >= 0)[:, None]
        refused = 1 << (5 * fmt.redundancy + i // 2)
        table = np.where(known, first[None, :] ^ second[:, None], refused)
        tables.append(table.reshape(-1).astype(np.uint32))
    return tuple(tables)


def _check_column(fmt: CodeFormat, at: int) -> Integers:
    """Return the check symbols that each of 256 characters gives at place ``at``; -1 for none."""
    points, i = [EXP[i] for i in fmt.positions], fmt.positions[at]
    unit = [int(j == at) for j in range(fmt.n)]
    basis = interpolate(points[: fmt.k], unit[: fmt.k])
    pairs = zip(points[fmt.k :], unit[fmt.k :], strict=True)
    weights = [evaluate(basis, point) ^ own for point, own in pairs]
    column = np.full(256, -1, dtype=np.int64)
    for value, symbol in enumerate(ALPHABET):
        y = times_alpha(value ^ W[i], -V[i])
        column[ord(symbol)] = sum(multiply(w, y) << (5 * r) for r, w in enumerate(weights))
    return column


def _plain_offsets(serials: Sequence[str], row: Row) -> Integers | None:
    """Return offsets of serials as the template writes them, negative for any that differs.

    None if the serials are not all of the template's length.
    """
    template = parse_template(row.template)
    codes = _characters(serials, len(template.sets))
    if codes is None or not len(codes) or template.size > _LARGEST_TEMPLATE:
        return None
    columns = _template_columns(row.template)
    offsets = np.full(len(codes), -row.start, dtype=np.int64)
    for part in _chunks(len(codes)):
        for i, table in enumerate(columns):
            piece = codes[part, 2 * i : 2 * i + 2]
            offsets[part] += table[piece.view(np.uint16 if piece.shape[1] == 2 else np.uint8)[:, 0]]
    return offsets


@cache
def _template_columns(text: str) -> tuple[Integers, ...]:
    """Return, for each pair of characters of a template, what they add to the index."""
    template = parse_template(text)
    single, weight = [], template.size
    for characters in template.sets:
        weight //= len(characters)
        column = np.full(256, _REFUSED, dtype=np.int64)
        for digit, character in enumerate(characters):
            column[ord(character)] = digit * weight
        single.append(column)
    pairs = zip(single[::2], single[1::2], strict=False)
    sums = [(second[:, None] + first[None, :]).reshape(-1) for first, second in pairs]
    tables = [np.where(table < 0, _REFUSED, table) for table in sums]
    return tuple(tables + ([single[-1]] if len(single) % 2 else []))


def _one_index(serial: str, row: Row) -> int:
    offset = row.offset_of(normalise_serial(serial))
    if offset is None:
        raise RegistryError(
            f"serial {serial!r} is not in the {row.label}, {row.range_text}; check the serial"
        )
    return row.first_index + offset
