"""The gear ring: the same codeword as teeth round the characters.

In: `MarkCode`, or the slots of a ring as they were read. Out: one bit a slot (1 a tooth, 0 a
gap), or the decoded code with the turn of the ring. Slots count clockwise as seen on the
primer, slot 0 first after 12 o'clock. Authority: docs/formats/gear.md.

Theory of operation. A start mark of 9 slots, 101111100, then 7 slots a symbol, three of them
teeth. Only the start mark has five teeth in a row, and its two ends differ, so it tells where
the ring begins and whether it is seen from behind. Three teeth of seven need no threshold (the
three highest slots are the teeth), betray any single wrong slot, and make two symbols differ
in at least two slots. A damaged word becomes an erasure or a set, which Pin32 corrects.

        start          c0       c1            c(n-1)
    |101111100|  |.......|.......|  ...  |.......|     9 + 7 n slots: 65, 79, 93
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from engraver.codes import CodeFormat, Decoded, MarkCode, decode_reading
from engraver.errors import CodeError
from engraver.reading import ANY, VALUE, Reading, spell

START = (1, 0, 1, 1, 1, 1, 1, 0, 0)
MOST_DOUBT = 4
"""Unread slots of the start mark, wrong ones twice, up to which it shows the turn by itself."""

WORD_LENGTH = 7
WORD_TEETH = 3
_LEFT_OUT = {(1, 1, 1, 0, 0, 0, 0), (0, 0, 0, 0, 1, 1, 1), (0, 0, 1, 1, 1, 0, 0)}
"""Two words that could make five teeth in a row with a neighbour, and one to spare."""


def _all_words() -> tuple[tuple[int, ...], ...]:
    """Return the 32 words in order of value: as binary numbers, smallest first."""
    words = [
        tuple(int(slot in teeth) for slot in range(WORD_LENGTH))
        for teeth in combinations(range(WORD_LENGTH), WORD_TEETH)
    ]
    return tuple(sorted(word for word in words if word not in _LEFT_OUT))


WORDS = _all_words()
"""The word of each value 0..31, first slot first."""


@dataclass(frozen=True, slots=True)
class GearReading:
    """One way to understand a ring.

    Parameters
    ----------
    decoded
        The codeword that the ring's words give.
    turn
        The slot, as counted by the reader, where the start mark begins.
    mirrored
        Whether the ring was seen from behind (on the pin itself) or counted anticlockwise.
    start_faults
        Slots of the start mark that were read otherwise.
    start_unseen
        Slots of the start mark that were not read.
    """

    decoded: Decoded
    turn: int
    mirrored: bool
    start_faults: int
    start_unseen: int

    @property
    def cost(self) -> int:
        """Twice the contradictions plus the unread: smaller is better."""
        symbols = 2 * self.decoded.errors + self.decoded.erasures
        return 2 * self.start_faults + self.start_unseen + symbols


def slot_count(fmt: CodeFormat) -> int:
    """Return the slots of a ring of ``fmt``."""
    return len(START) + WORD_LENGTH * fmt.n


def encode_ring(code: MarkCode) -> tuple[int, ...]:
    """Return the ring of a code, clockwise as seen on the primer: 1 a tooth, 0 a gap.

    Examples
    --------
    >>> from engraver.codes import encode_index
    >>> "".join(map(str, encode_ring(encode_index(32768, "pin32-8"))))[:23]
    '10111110010100010100011'
    """
    slots = list(START)
    for symbol in code.text:
        slots.extend(WORDS[VALUE[symbol]])
    return tuple(slots)


def tooth_arcs_deg(code: MarkCode) -> tuple[tuple[float, float], ...]:
    """Return the arcs that stand, clockwise from 12 o'clock as seen on the primer, in degrees.

    Teeth in neighbouring slots are one arc. On the pin the ring is mirrored with the
    characters.
    """
    ring = encode_ring(code)
    step = 360.0 / len(ring)
    arcs: list[tuple[float, float]] = []
    for slot, tooth in enumerate(ring):
        if tooth and slot and ring[slot - 1]:
            arcs[-1] = (arcs[-1][0], (slot + 1) * step)
        elif tooth:
            arcs.append((slot * step, (slot + 1) * step))
    if ring[0] and ring[-1]:
        arcs[0] = (arcs[-1][0] - 360.0, arcs[0][1])
        arcs.pop()
    return tuple(arcs)


def parse_ring(text: str) -> tuple[int | None, ...]:
    """Understand a written ring: 1 a tooth, 0 a gap, ? unread; separators count for nothing.

    Raises
    ------
    CodeError
        For any other character.
    """
    meaning: dict[str, int | None] = {"1": 1, "0": 0, "?": None, "_": None}
    slots = []
    for character in text:
        if character in " -/|\n\r\t":
            continue
        if character not in meaning:
            raise CodeError(f"slot {character!r} of the ring is none of 1 (tooth), 0 (gap), ?")
        slots.append(meaning[character])
    return tuple(slots)


def decode_ring(slots: Sequence[int | None], fmt: CodeFormat) -> tuple[GearReading, ...]:
    """Return every way to understand a ring at the least cost, best first.

    Parameters
    ----------
    slots
        The ring from any slot on, clockwise or not: 1 tooth, 0 gap, None unread.
    fmt
        The format on the pin.

    Returns
    -------
    tuple of GearReading
        One reading where the ring proves its code and its turn. More than one where it does
        not (they cost the same): the characters have to tell. Empty if no code fits, or only
        one that neither the start mark nor redundancy left over vouches for.

    Raises
    ------
    CodeError
        If the ring has another number of slots than the format's.
    """
    count = slot_count(fmt)
    if len(slots) != count:
        raise CodeError(
            f"the ring has {len(slots)} slots, {fmt.name} has {count}; write ? for unread slots"
        )
    places = [(turn, mirrored) for mirrored in (False, True) for turn in range(count)]
    whole = [place for place in places if start_faults(slots, *place) == (0, 0)]
    readings = (_read_at(slots, fmt, *place) for place in whole or places)
    found = [reading for reading in readings if reading is not None]
    least = min((reading.cost for reading in found), default=0)
    return tuple(reading for reading in found if reading.cost == least)


def turn_ring(slots: Sequence[int | None], turn: int, mirrored: bool) -> list[int | None]:
    """Return the ring from slot ``turn`` on, backwards if ``mirrored``."""
    step = -1 if mirrored else 1
    return [slots[(turn + step * i) % len(slots)] for i in range(len(slots))]


def start_faults(slots: Sequence[int | None], turn: int, mirrored: bool) -> tuple[int, int]:
    """Return how many slots of a start mark at ``turn`` are wrong, and how many unread."""
    step = -1 if mirrored else 1
    seen = [slots[(turn + step * i) % len(slots)] for i in range(len(START))]
    wrong = sum(a not in (None, b) for a, b in zip(seen, START, strict=True))
    return wrong, seen.count(None)


def _read_at(
    slots: Sequence[int | None], fmt: CodeFormat, turn: int, mirrored: bool
) -> GearReading | None:
    """Read the ring as if its start mark began at slot ``turn``; None if that proves nothing."""
    faults, unseen = start_faults(slots, turn, mirrored)
    if faults > 1:  # a mark with two wrong slots is no mark: the turn would be a guess
        return None
    data = turn_ring(slots, turn, mirrored)[len(START) :]
    decoded = decode_reading(ring_reading(data), fmt)
    # a turn that the start mark does not show has to be shown by redundancy left over
    if decoded.code is None or (2 * faults + unseen > MOST_DOUBT and decoded.spare < 2):
        return None
    return GearReading(decoded, turn, mirrored, faults, unseen)


def ring_reading(data: Sequence[int | None]) -> Reading:
    """Turn the slots after the start mark into a reading, one symbol for each 7 slots.

    A word that fits no symbol is illegible if it has unread slots, and the set of the symbols
    one slot away if it has none.
    """
    words = [data[at : at + WORD_LENGTH] for at in range(0, len(data), WORD_LENGTH)]
    choices = tuple(_symbols_of(word) for word in words)
    return Reading(choices, tuple(spell(choice) for choice in choices))


def _symbols_of(word: Sequence[int | None]) -> frozenset[int]:
    misses = [
        sum(slot is not None and slot != own for slot, own in zip(word, candidate, strict=True))
        for candidate in WORDS
    ]
    for allowed in (0, 1):
        near = frozenset(value for value, miss in enumerate(misses) if miss == allowed)
        if near:
            return near
        if None in word:
            break
    return ANY


def arc_limit(fmt: CodeFormat) -> int:
    """Return the missing slots, anywhere in a row, that the words alone always survive.

    An arc of 7 (s - 1) + 1 slots touches at most s words; Pin32 fills n - k of them.
    """
    return WORD_LENGTH * (fmt.redundancy - 1) + 1
