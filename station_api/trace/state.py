"""The trace index at one moment: what a search looks at.

In: blocks of codes that are never changed, and the tail of those that came since. Out: the codes
that fit, all codes of a format, and how far each station's log had been read.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engraver.codes import FORMATS, CodeFormat
from engraver.issued import IssuedCodes
from station_api.trace.block import CHUNK, Block, Choices, scan
from station_api.trace.packing import BITS, Indices, Packed, unpack_texts
from station_api.trace.tail import Codes, Reach, insert


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """The index at one moment; replaced whole, so that a search sees one moment."""

    generation: int = 0
    blocks: dict[str, Block] = field(default_factory=dict)
    tail: Codes = field(default_factory=dict)
    tail_end: int = 0
    reach: dict[str, Reach] = field(default_factory=dict)
    noted: dict[str, Reach] = field(default_factory=dict)
    odd: int = 0

    def formats(self) -> list[CodeFormat]:
        """Return the formats of which there is at least one code."""
        return [fmt for name, fmt in FORMATS.items() if self.count(name)]

    def count(self, name: str) -> int:
        """Return how many codes of a format there are."""
        return (len(self.blocks[name]) if name in self.blocks else 0) + self.tail_count(name)

    def tail_count(self, name: str | None = None) -> int:
        """Return how many codes the tail has, of one format or of all."""
        names = self.tail if name is None else [name]
        return sum(len(self.tail[one][0]) for one in names if one in self.tail)

    def all_of(self, name: str) -> tuple[Packed, Indices]:
        """Return all codes of a format with their registry integers, in ascending order."""
        tail = {name: self.tail[name]} if name in self.tail else {}
        if name not in self.blocks:
            return tail.get(name, (np.empty(0, np.uint64), np.empty(0, np.int64)))
        block = self.blocks[name]
        return insert({name: (block.codes, block.indices)}, tail)[name]

    def find(self, name: str, choices: Choices) -> Packed:
        """Return every code of a format that fits, ascending, packed."""
        found: list[Packed] = []
        if name in self.blocks:
            block = self.blocks[name]
            found.append(block.codes[block.match(choices)])
        if name in self.tail:
            codes = self.tail[name][0]
            found.append(codes[scan(codes, choices)])
        if len(found) == 1:
            return found[0]
        return np.sort(np.concatenate(found)) if found else np.empty(0, dtype=np.uint64)

    def find_texts(self, name: str, choices: Choices) -> list[str]:
        """Return every code of a format that fits, as texts."""
        return unpack_texts(self.find(name, choices), FORMATS[name].n)

    def issued(self, name: str) -> IssuedCodes:
        """Return all codes of a format, ready to be weighed by `engraver.evidence`."""
        fmt = FORMATS[name]
        lows = range(0, fmt.n, 3)
        if name not in self.blocks:
            codes, indices = self.all_of(name)
            return IssuedCodes(fmt, indices, tuple(_triple(codes, low) for low in lows))
        block = self.blocks[name]
        codes, indices = self.tail.get(name, (block.codes[:0], block.indices[:0]))
        at = np.searchsorted(block.codes, codes)
        triples = tuple(
            np.insert(_triple(block.codes, low), at, _triple(codes, low)) for low in lows
        )
        block.let_go()  # at 10^7 codes 80 MB that the weighing does not need, and once more
        whole = np.insert(block.indices, at, indices)
        block.let_go()
        return IssuedCodes(fmt, whole, triples)


def _triple(codes: Packed, low: int) -> NDArray[np.uint16]:
    """Return three symbols of each code from position ``low``, as `engraver.issued` has them."""
    found = np.empty(len(codes), dtype=np.uint16)
    for start in range(0, len(codes), CHUNK):
        part = codes[start : start + CHUNK]
        found[start : start + CHUNK] = (part >> np.uint64(BITS * low)) & np.uint64(32767)
    return found
