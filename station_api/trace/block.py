"""A block of the index: all codes of one format in one memory-mapped file, with postings.

In: packed codes and their registry integers, sorted and distinct. Out: a file, and from it the
codes that fit a set of allowed symbols at each position.

Theory of operation
-------------------
The positions are halved; for each two positions of one half there is a list, for each of the
1,024 pairs of symbols, of the codes that carry it. Of three known symbols two always stand in
one half, so that such a pattern reads about N/1024 codes and looks at no others (Mantel: no
fewer lists do). What is known least of is checked on those candidates. Patterns that no list
narrows are compared with all codes, a chunk that stays in cache at a time.

    header, 4096 bytes   JSON: format, count, SHA-256 of the body
    codes                count x uint64, sorted
    indices              count x int64
    postings             pairs x count x uint32
    starts               pairs x 1025 x uint64

All little-endian. The same codes give the same bytes, whatever way they came in.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from engraver.codes import FORMATS, CodeFormat
from engraver.errors import StorageError
from firmware_bridge.durable import replace_durably
from station_api.trace.packing import BITS, Indices, Packed

MAGIC = "pinmark trace block 1"
HEADER_BYTES = 4096
CHUNK = 1 << 16
"""Codes compared at a time: 512 KiB, meant to stay within a cache."""

SCAN_SHARE = 0.25
"""Share of all codes from which reading everything in order beats picking out candidates."""

BUCKETS = 1 << (2 * BITS)
Choices = Sequence[frozenset[int]]
"""For each position the symbol values that fit."""

Places = NDArray[np.intp]


class DamagedBlockError(StorageError):
    """A file of the index that is not what it says it is."""


def pairs_of(fmt: CodeFormat) -> list[tuple[int, int]]:
    """Return the pairs of positions that have postings: all within each half."""
    half = fmt.n // 2
    return [*combinations(range(half), 2), *combinations(range(half, fmt.n), 2)]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """An open block; its arrays are memory-mapped and read-only."""

    format: CodeFormat
    codes: Packed
    indices: Indices
    starts: NDArray[np.uint64]
    postings: NDArray[np.uint32]
    sha256: str
    body: mmap.mmap

    def __len__(self) -> int:
        return len(self.codes)

    def let_go(self) -> None:
        """Give back the pages that searches have touched; the kernel keeps what it can of them.

        A mapped page counts as memory of the process until it is given back.
        """
        self.body.madvise(mmap.MADV_DONTNEED)

    def match(self, choices: Choices) -> Places:
        """Return the places of all codes that fit, ascending."""
        if not len(self):
            return np.empty(0, dtype=np.intp)
        lists = self._shortest(choices)
        if lists is None:
            return scan(self.codes, choices)
        found = np.concatenate(lists).astype(np.intp)
        kept = found[fits(self.codes[found], choices)]
        kept.sort()
        return kept

    def _shortest(self, choices: Choices) -> list[NDArray[np.uint32]] | None:
        """Return the postings that hold every code that can fit; None if they are too many."""
        best: tuple[float, int, list[int]] = (SCAN_SHARE * len(self), -1, [])
        for at, (one, two) in enumerate(pairs_of(self.format)):
            if len(choices[one]) * len(choices[two]) > SCAN_SHARE * BUCKETS:
                continue
            keys = [low | high << BITS for high in choices[two] for low in choices[one]]
            row = self.starts[at]
            count = float(sum(int(row[key + 1]) - int(row[key]) for key in keys))
            if count < best[0]:
                best = (count, at, keys)
        if best[1] < 0:
            return None
        row, listed = self.starts[best[1]], self.postings[best[1]]
        return [listed[int(row[key]) : int(row[key + 1])] for key in sorted(best[2])]


def scan(codes: Packed, choices: Choices) -> Places:
    """Return the places of all codes that fit, by looking at every one."""
    found = [
        start + np.flatnonzero(fits(codes[start : start + CHUNK], choices))
        for start in range(0, len(codes), CHUNK)
    ]
    return np.concatenate(found) if found else np.empty(0, dtype=np.intp)


def fits(codes: Packed, choices: Choices) -> NDArray[np.bool_]:
    """Return for each code whether every symbol is one of those allowed at its position."""
    mask = value = 0
    sets: list[tuple[int, NDArray[np.bool_]]] = []
    for at, choice in enumerate(choices):
        if len(choice) == 1:
            mask |= 31 << (BITS * at)
            value |= min(choice) << (BITS * at)
        elif len(choice) < 32:
            table = np.zeros(32, dtype=bool)
            table[sorted(choice)] = True
            sets.append((at, table))
    good = np.asarray((codes & np.uint64(mask)) == np.uint64(value))
    for at, table in sorted(sets, key=lambda pair: int(pair[1].sum())):
        left = np.flatnonzero(good)
        symbols = (codes[left] >> np.uint64(BITS * at)) & np.uint64(31)
        good[left] = table[symbols.astype(np.intp)]
    return good


def write_block(path: Path, fmt: CodeFormat, codes: Packed, indices: Indices) -> str:
    """Write a block durably and put it in its place whole; return the SHA-256 of its body.

    Parameters
    ----------
    codes, indices
        Distinct, in ascending order of code.
    """
    digest = hashlib.sha256()

    def write(file: IO[bytes]) -> None:
        file.seek(HEADER_BYTES)

        def put(part: NDArray[Any]) -> None:
            data = np.ascontiguousarray(part).view(np.uint8).data
            digest.update(data)
            file.write(data)

        put(codes.astype("<u8"))
        put(indices.astype("<i8"))
        _write_postings(fmt, codes, put)
        header = {"count": len(codes), "format": fmt.name, "magic": MAGIC}
        text = json.dumps(header | {"sha256": digest.hexdigest()}, sort_keys=True)
        file.seek(0)
        file.write(text.encode().ljust(HEADER_BYTES - 1) + b"\n")

    replace_durably(path, write)
    return digest.hexdigest()


def _write_postings(fmt: CodeFormat, codes: Packed, put: Callable[[NDArray[Any]], None]) -> None:
    starts = []
    for pair in pairs_of(fmt):
        keys = pair_keys(codes, *pair)
        starts.append(starts_of(keys))
        # a stable sort of 16-bit keys is numpy's radix sort
        put(np.argsort(keys, kind="stable").astype("<u4"))
    put(np.stack(starts))


def pair_keys(codes: Packed, one: int, two: int) -> NDArray[np.uint16]:
    """Return for each code the number of its bucket: the symbols at two positions."""
    keys = np.empty(len(codes), dtype=np.uint16)
    for start in range(0, len(codes), CHUNK):
        part = codes[start : start + CHUNK]
        low = (part >> np.uint64(BITS * one)) & np.uint64(31)
        high = (part >> np.uint64(BITS * two)) & np.uint64(31)
        keys[start : start + CHUNK] = low | high << np.uint64(BITS)
    return keys


def starts_of(keys: NDArray[np.uint16]) -> NDArray[Any]:
    """Return where each bucket begins, and at the end how many codes there are."""
    starts = np.zeros(BUCKETS + 1, dtype="<u8")
    np.cumsum(np.bincount(keys, minlength=BUCKETS), out=starts[1:])
    return starts


def open_block(path: Path, sha256: str) -> Block:
    """Map a block.

    Raises
    ------
    DamagedBlockError
        If the file is missing, cut short, or not the one that is wanted.
    """
    try:
        with path.open("rb") as file:
            header = json.loads(file.read(HEADER_BYTES))
            count, fmt = int(header["count"]), FORMATS[header["format"]]
            named = (header["magic"], header["sha256"]) == (MAGIC, sha256)
            whole = os.fstat(file.fileno()).st_size == HEADER_BYTES + _body_bytes(fmt, count)
            if not named or not whole:
                raise DamagedBlockError(f"{path} is cut short or of another index")
            body = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedBlockError(f"{path} cannot be opened as a block: {error}") from error
    codes, indices, postings, starts = _arrays(body, fmt, count)
    return Block(fmt, codes, indices, starts, postings, sha256, body)


def _arrays(body: mmap.mmap, fmt: CodeFormat, count: int) -> Iterator[Any]:
    pairs, at = len(pairs_of(fmt)), HEADER_BYTES
    for kind, shape in (
        ("<u8", (count,)),
        ("<i8", (count,)),
        ("<u4", (pairs, count)),
        ("<u8", (pairs, BUCKETS + 1)),
    ):
        size = int(np.prod(shape))
        yield np.frombuffer(body, dtype=kind, count=size, offset=at).reshape(shape)
        at += size * np.dtype(kind).itemsize


def _body_bytes(fmt: CodeFormat, count: int) -> int:
    pairs = len(pairs_of(fmt))
    return 16 * count + pairs * ((BUCKETS + 1) * 8 + 4 * count)


def check_block(path: Path, block: Block) -> list[str]:
    """Compare a block with its digest, and its postings with its codes; say what is wrong."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(HEADER_BYTES)
        while piece := file.read(1 << 22):
            digest.update(piece)
    found = [] if digest.hexdigest() == block.sha256 else ["the file is not as it was written"]
    if len(block) > 1 and not bool((block.codes[1:] > block.codes[:-1]).all()):
        found.append("the codes are not in order")
    for at, pair in enumerate(pairs_of(block.format)):
        keys = pair_keys(block.codes, *pair)
        same = np.array_equal(block.starts[at], starts_of(keys)) and np.array_equal(
            block.postings[at], np.argsort(keys, kind="stable")
        )
        if not same:
            found.append(f"the postings of positions {pair[0]} and {pair[1]} miss a code")
    return found
