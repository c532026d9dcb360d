"""Pin32: (make, model, serial) <-> the code on the pin.

In: a work order and the registry, a registry integer P, or a reading of an impression. Out:
`MarkCode`, a Reed-Solomon codeword over GF(32) in evaluation form, one symbol a position; or
`Decoded`, what a reading proves and every correction it took. Authority: docs/formats/pin32.md.

Theory of operation. The n symbols are values of one polynomial of degree < k at n points, so
any k of them give it back; two codewords differ in at least d = n - k + 1 positions. Count 2
for a wrong symbol and 1 for an unsure one (illegible, or a set that holds the true symbol):
at every position where two codewords differ, their costs add up to 2 or more, hence at most
one codeword costs n - k or less. `decode` returns that one and never another; what lies
beyond is the business of `engraver.hypotheses`, which labels it so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

from engraver.errors import CodeError
from engraver.galois import EXP, FIELD_POLYNOMIAL, LOG, decode_within_radius, evaluate, times_alpha
from engraver.orders import WorkOrder
from engraver.reading import ALIASES, ALPHABET, ANY, VALUE, Reading, parse
from engraver.registry import Registry

__all__ = [
    "ALIASES",
    "ALPHABET",
    "EXP",
    "FIELD_POLYNOMIAL",
    "FORMATS",
    "JOINT",
    "LOG",
    "SECOND_PLACE",
    "CodeFormat",
    "Correction",
    "Decoded",
    "MarkCode",
    "V",
    "W",
    "decode",
    "decode_reading",
    "encode",
    "encode_index",
    "format_for",
    "format_named",
]

V = (6, 7, 4, 9, 2, 18, 20, 28, 1, 25, 23, 25, 13, 24, 29, 30, 30, 18, 9, 3)
W = (18, 25, 9, 21, 16, 5, 27, 24, 1, 16, 6, 10, 8, 22, 31, 2, 7, 18, 9, 28)
SECOND_PLACE_START = 12
"""Positions 12 to 19 stand on the second place; scripts/choose_second_place.py chose them."""


@dataclass(frozen=True, slots=True)
class CodeFormat:
    """Length ``n``, payload symbols ``k`` and the usual arrangement of a format.

    ``second`` of the n symbols, the last ones, stand on the second place of the firearm.
    """

    name: str
    n: int
    k: int
    rows: int
    columns: int
    second: int = 0

    @property
    def positions(self) -> tuple[int, ...]:
        """The places in the polynomial that the n symbols carry."""
        first = self.n - self.second
        return (*range(first), *range(SECOND_PLACE_START, SECOND_PLACE_START + self.second))

    @property
    def index_limit(self) -> int:
        """The smallest registry integer P that does not fit."""
        return 1 << (5 * self.k)

    @property
    def redundancy(self) -> int:
        """Redundant symbols n - k: what 2 * errors + erasures may reach."""
        return self.n - self.k


FORMATS = {
    f.name: f
    for f in (
        CodeFormat("pin32-8", 8, 6, 2, 4),
        CodeFormat("pin32-10", 10, 6, 2, 5),
        CodeFormat("pin32-12", 12, 8, 3, 4),
    )
}
"""What stands on a firing pin."""

SECOND_PLACE = CodeFormat("pin32-second", 8, 8, 2, 4, second=8)
"""What stands on the second place (breech face); alone it proves nothing above P = 2^30."""

JOINT = {
    f.name: CodeFormat(f"{f.name}+8", f.n + 8, f.k, f.rows, f.columns, second=8)
    for f in FORMATS.values()
}
"""Both places of one firearm read as one codeword, by the name of the pin's format."""

_ALL = FORMATS | {f.name: f for f in (SECOND_PLACE, *JOINT.values())}


@dataclass(frozen=True, slots=True)
class MarkCode:
    """A code and the registry integer it carries."""

    text: str
    format: CodeFormat
    index: int


@dataclass(frozen=True, slots=True)
class Correction:
    """One position where the code differs from what was written down.

    ``kind`` is ``error`` (another symbol was read), ``erasure`` (nothing was read), ``choice``
    (settled within a set) or ``alias`` (B, I, O or S stood for what is engraved).
    """

    position: int
    written: str
    symbol: str
    kind: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a reading proves.

    Parameters
    ----------
    reading
        What was read.
    format
        The format it was read as.
    code
        The one codeword within the radius, or None if there is none.
    corrections
        Every position where ``code`` differs from what was written, in order.
    errors, erasures
        How many positions exclude the code's symbol, how many are unsure but allow it.
    """

    reading: Reading
    format: CodeFormat
    code: MarkCode | None
    corrections: tuple[Correction, ...]
    errors: int
    erasures: int

    @property
    def index(self) -> int:
        """The registry integer; CodeError if the reading has none within the radius."""
        if self.code is None:
            raise CodeError(
                f"reading {self.reading.text!r} is no {self.format.name} code within "
                f"2 * errors + erasures <= {self.format.redundancy}; read the mark again, or ask "
                "for hypotheses"
            )
        return self.code.index

    @property
    def spare(self) -> int:
        """Redundancy left over to notice further errors; 0 means that nothing vouches for it."""
        return self.format.redundancy - 2 * self.errors - self.erasures

    @property
    def chance(self) -> float:
        """Share of random texts that would decode at as many errors and the same erasures."""
        certain = self.format.n - self.erasures
        words = sum(comb(certain, t) * 31**t for t in range(self.errors + 1))
        return float(min(1.0, words / 32.0 ** (certain - self.format.k)))


def format_named(name: str) -> CodeFormat:
    """Return the format called ``name``; CodeError names the known ones."""
    try:
        return _ALL[name]
    except (KeyError, TypeError):
        raise CodeError(f"format {name!r} is unknown; known formats: {', '.join(_ALL)}") from None


def format_for(length: int) -> CodeFormat:
    """Return the format of ``length`` symbols on one pin, or on both places together.

    Raises
    ------
    CodeError
        If there is none.
    """
    for fmt in (*FORMATS.values(), *JOINT.values()):
        if fmt.n == length:
            return fmt
    lengths = ", ".join(str(fmt.n) for fmt in FORMATS.values())
    raise CodeError(
        f"{length} symbols fit no format; codes have {lengths} symbols: write ? for each "
        "illegible one"
    )


def encode(order: WorkOrder, registry: Registry, format_name: str = "pin32-12") -> MarkCode:
    """Write the firearm of ``order`` as a code of ``format_name``.

    Raises
    ------
    RegistryError
        If make and model are not registered, or the serial fits none or two of their rows.
    CodeError
        If the registry integer does not fit the format.
    """
    return encode_index(registry.index_of(order.make, order.model, order.serial), format_name)


def encode_index(index: int, format_name: str = "pin32-12") -> MarkCode:
    """Write the registry integer ``index`` as a codeword of ``format_name``.

    Raises
    ------
    CodeError
        If the format is unknown or ``index`` lies outside ``0 <= index < index_limit``.

    Examples
    --------
    >>> encode_index(32768).text
    'R8RPE1GVR8L1'
    """
    fmt = format_named(format_name)
    if isinstance(index, bool) or not isinstance(index, int):
        raise CodeError(f"index {index!r} is not a whole number; give a registry integer")
    if not 0 <= index < fmt.index_limit:
        raise CodeError(
            f"index {index} is outside {fmt.name}, which holds 0 to {fmt.index_limit - 1}"
        )
    message = [(index >> (5 * j)) & 31 for j in range(fmt.k)]
    return MarkCode(text_at(message, fmt.positions), fmt, index)


def text_at(message: Sequence[int], positions: Sequence[int]) -> str:
    """Return the symbols that the polynomial ``message`` puts at ``positions``."""
    values = (times_alpha(evaluate(message, EXP[i]), V[i]) ^ W[i] for i in positions)
    return "".join(ALPHABET[value] for value in values)


def decode(text: str, format_name: str | None = None) -> Decoded:
    """Read a mark: errors and erasures, over the whole radius and never beyond it.

    Parameters
    ----------
    text
        What was read, see `engraver.reading.parse`.
    format_name
        The format; if None, the one with as many symbols as the text.

    Raises
    ------
    CodeError
        If the text cannot be a reading of that format. A reading that is no code within the
        radius is a result, ``code`` None, not an exception.

    Examples
    --------
    >>> decoded = decode("R8RP?1GVR8LI")
    >>> decoded.code.text, decoded.index, [c.kind for c in decoded.corrections]
    ('R8RPE1GVR8L1', 32768, ['erasure', 'alias'])
    """
    reading = parse(text)
    fmt = format_for(len(reading)) if format_name is None else format_named(format_name)
    return decode_reading(reading, fmt)


def decode_reading(reading: Reading, fmt: CodeFormat) -> Decoded:
    """Decode a parsed reading as ``fmt``; see `decode`."""
    if len(reading) != fmt.n:
        raise CodeError(
            f"reading {reading.text!r} has {len(reading)} symbols, {fmt.name} has {fmt.n}; "
            "write ? for each illegible one"
        )
    message = nearest_message(reading, fmt.positions, fmt.k)
    if message is None:
        return Decoded(reading, fmt, None, (), 0, count_unsure(reading))
    code = MarkCode(text_at(message, fmt.positions), fmt, index_from(message))
    errors, erasures = count_faults(reading, code.text)
    return Decoded(reading, fmt, code, list_corrections(reading, code.text), errors, erasures)


def nearest_message(reading: Reading, positions: Sequence[int], k: int) -> tuple[int, ...] | None:
    """Return the k message symbols with 2 * errors + erasures <= n - k, or None.

    ``positions[j]`` is the place in the polynomial of the reading's j-th symbol. A set counts
    as an erasure if it holds the codeword's symbol and as an error if not.
    """
    sure = [(i, min(c)) for i, c in zip(positions, reading.choices, strict=True) if len(c) == 1]
    points = [EXP[i] for i, _ in sure]
    values = [times_alpha(value ^ W[i], -V[i]) for i, value in sure]
    message = decode_within_radius(points, values, k)
    if message is None:
        return None
    errors, erasures = count_faults(reading, text_at(message, positions))
    return tuple(message) if 2 * errors + erasures <= len(reading) - k else None


def index_from(message: Sequence[int]) -> int:
    """Return P = sum of m_j * 32^j."""
    return sum(m << (5 * j) for j, m in enumerate(message))


def list_corrections(reading: Reading, text: str) -> tuple[Correction, ...]:
    """List every position where ``text`` is not what the reader wrote."""
    return tuple(
        Correction(i, written, symbol, _kind(choice, VALUE[symbol]))
        for i, (choice, written, symbol) in enumerate(
            zip(reading.choices, reading.written, text, strict=True)
        )
        if written != symbol
    )


def _kind(choice: frozenset[int], value: int) -> str:
    if choice == ANY:
        return "erasure"
    if value not in choice:
        return "error"
    return "choice" if len(choice) > 1 else "alias"


def count_faults(reading: Reading, text: str) -> tuple[int, int]:
    """Return how many positions exclude ``text``, and how many are unsure but allow it."""
    pairs = [(choice, VALUE[symbol]) for choice, symbol in zip(reading.choices, text, strict=True)]
    errors = sum(value not in choice for choice, value in pairs)
    return errors, sum(len(choice) > 1 and value in choice for choice, value in pairs)


def count_unsure(reading: Reading) -> int:
    """Return how many positions have more than one possible symbol."""
    return sum(len(choice) > 1 for choice in reading.choices)
