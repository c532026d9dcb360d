"""All codes that were issued, ready to be scored against a table in one pass.

In: the registry integers that were allotted, a format, ``(n, 32)`` log-likelihoods. Out: one
score a code. Three symbols together are one 15-bit number, so that a code costs one table
look-up for three positions. Authority: docs/formats/pin32.md, "Evidence".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engraver.batch import CHUNK, Integers, pack_indices
from engraver.codes import JOINT, SECOND_PLACE, CodeFormat
from engraver.errors import CodeError
from engraver.registry import Registry

Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class IssuedCodes:
    """The issued registry integers and their codes, packed by threes.

    Parameters
    ----------
    format
        The format all of them were engraved in.
    indices
        ``(count,)`` registry integers.
    triples
        For each group of up to three positions, ``(count,)`` uint16 of 5 bits a symbol.
    """

    format: CodeFormat
    indices: Integers
    triples: tuple[NDArray[np.uint16], ...]

    def __len__(self) -> int:
        return len(self.indices)

    def scores(self, table: NDArray[np.float64]) -> Scores:
        """Return for each code the sum of its symbols' log-likelihoods."""
        if table.shape != (self.format.n, 32):
            raise CodeError(f"a table of shape {table.shape} does not fit {self.format.name}")
        sums = _triple_tables(table, _group_sizes(self.format))
        scores = np.empty(len(self), dtype=np.float32)
        for start in range(0, len(self), CHUNK):
            part = slice(start, start + CHUNK)
            total = sums[0].take(self.triples[0][part])
            for group, column in zip(sums[1:], self.triples[1:], strict=True):
                total += group.take(column[part])
            scores[part] = total
        return scores


def issue(indices: Integers, fmt: CodeFormat) -> IssuedCodes:
    """Write all ``indices`` in ``fmt`` (of one place or both) for scoring."""
    whole = np.asarray(indices, dtype=np.int64)
    if fmt.name in {joint.name for joint in JOINT.values()}:
        parts = [(fmt.name.removesuffix("+8"), fmt.n - 8), (SECOND_PLACE.name, 8)]
    else:
        parts = [(fmt.name, fmt.n)]
    triples: list[NDArray[np.uint16]] = []
    for name, count in parts:
        packed = pack_indices(whole, name)
        for low in range(0, count, 3):
            triples.append(((packed >> (5 * low)) & 32767).astype(np.uint16))
    return IssuedCodes(fmt, whole, tuple(triples))


def allotted_indices(registry: Registry, fmt: CodeFormat) -> Integers:
    """Return every registry integer that a row can give out and ``fmt`` can hold."""
    ranges = [
        np.arange(row.first_index, min(row.first_index + row.count, fmt.index_limit))
        for row in registry.rows
    ]
    return np.concatenate(ranges) if ranges else np.empty(0, dtype=np.int64)


def _group_sizes(fmt: CodeFormat) -> list[int]:
    lengths = [fmt.n - fmt.second] if fmt.second < fmt.n else []
    lengths += [fmt.second] if fmt.second else []
    return [min(3, length - low) for length in lengths for low in range(0, length, 3)]


def _triple_tables(table: NDArray[np.float64], sizes: list[int]) -> list[Scores]:
    """Return for each group the sums over all its symbols, lowest position fastest."""
    tables, at = [], 0
    for size in sizes:
        total = table[at]
        for i in range(at + 1, at + size):
            total = (table[i][:, None] + total[None, :]).reshape(-1)
        tables.append(np.ascontiguousarray(total, dtype=np.float32))
        at += size
    return tables
