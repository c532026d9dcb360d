"""The trace index in figures: partial codes among many marks, beside SQLite GLOB and DuckDB LIKE.

Run: make bench, or `python benchmarks/trace.py [CODES ...]` (default 100,000 1,000,000 10,000,000;
`--alone` leaves the other two out, for sizes that they would take all day over).
Out: a table a size, all in one run. The same patterns of pin32-10 are put to the block of
`station_api.trace.block`, to an indexed SQLite column by GLOB and to DuckDB by LIKE; all three must
find the same codes. In process only: HTTP and the records behind the answer are not in these times.
"""

from __future__ import annotations

import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from engraver.batch import pack_indices
from engraver.codes import FORMATS
from engraver.reading import ALPHABET
from station_api.trace.block import Block, open_block, write_block
from station_api.trace.packing import unpack_texts

FORMAT = FORMATS["pin32-10"]
SIZES = (100_000, 1_000_000, 10_000_000)
PATTERNS = 50
ALONE = "--alone"
ALL = frozenset(range(32))


def main(sizes: list[int], *, alone: bool = False) -> None:
    """Print a table for each number of codes, and what they say of 10^8."""
    times = {}
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="pinmark-trace-") as folder:
            times[size] = measure(size, Path(folder), alone)
    if len(times) > 1:
        (few, less_s), (many, more_s) = sorted(times.items())[-2:]
        slope = np.log(more_s / less_s) / np.log(many / few)
        factor = 1e8 / many
        print(
            f"\nfrom {few:,} to {many:,} codes the time grew as N^{slope:.2f}; 10^8 on paper: "
            f"{more_s * factor**slope * 1e3:.2f} ms, and {more_s * factor * 1e3:.2f} ms at most"
        )


def measure(size: int, folder: Path, alone: bool) -> float:
    """Build the three for one set of codes and time them side by side; return our time, s."""
    rng = np.random.default_rng(8)
    indices = rng.choice(1 << 30, size, replace=False).astype(np.int64)
    codes = pack_indices(indices, FORMAT.name).astype(np.uint64)
    order = np.argsort(codes)
    codes, indices = codes[order], indices[order]
    began = time.perf_counter()
    digest = write_block(folder / "block", FORMAT, codes, indices)
    built_s = time.perf_counter() - began
    opened_s = best(lambda: open_block(folder / "block", digest), 20)
    block = open_block(folder / "block", digest)
    texts = unpack_texts(codes, FORMAT.n)
    peers: list[tuple[str, Callable[[str], list[str]] | None]] = []
    if not alone:
        peers = [
            ("SQLite GLOB", in_sqlite(folder, texts)),
            ("DuckDB LIKE", in_duckdb(folder, codes)),
        ]
    picked = [texts[n] for n in rng.integers(0, size, PATTERNS)]
    partial = [
        without(text, rng.choice(np.arange(1, FORMAT.n), 3, replace=False)) for text in picked
    ]
    print(f"\n{size:,} codes; block built in {built_s:.1f} s, opened in {opened_s * 1e3:.2f} ms")
    ours = median(lambda p: block.match(choices_of(p)), partial)
    print(f"{'three known of ten, pairs':>28} {ours * 1e3:10.3f} ms")
    few = partial[:3]
    for name, ask in peers:
        if ask is None:
            print(f"{name:>28}  not installed here")
            continue
        for pattern in few:
            place = {texts[n] for n in block.match(choices_of(pattern))}
            assert set(ask(pattern)) == place, pattern
        theirs = median(ask, few)
        print(f"{name:>28} {theirs * 1e3:10.1f} ms {theirs / ours:10,.0f} x")
    unsure = [sets_of(text, rng) for text in picked[:10]]
    print(f"{'a set of 3 at each of ten':>28} {median(block.match, unsure) * 1e3:10.3f} ms")
    wide = [[ALL] * 6 + sets_of(text, rng)[6:] for text in picked[:10]]
    print(f"{'a set of 3 at four of ten':>28} {median(block.match, wide) * 1e3:10.3f} ms")
    peak_mb, file_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, resident(block)
    print(
        f"{'peak, building included':>28} {peak_mb:10.0f} MB; block {file_mb:,.0f} MB", flush=True
    )
    return ours


def without(text: str, known: Any) -> str:
    """Leave only the known places of a code, never the first: no prefix helps an ordered index."""
    return "".join(c if at in known else "?" for at, c in enumerate(text))


def choices_of(pattern: str) -> list[frozenset[int]]:
    """Return the symbol values that a pattern allows at each place."""
    return [ALL if c == "?" else frozenset({ALPHABET.index(c)}) for c in pattern]


def sets_of(text: str, rng: np.random.Generator) -> list[frozenset[int]]:
    """Return the right value and two others at each place."""
    return [frozenset({ALPHABET.index(c), *(int(n) for n in rng.integers(0, 32, 2))}) for c in text]


def in_sqlite(folder: Path, texts: list[str]) -> Callable[[str], list[str]]:
    """Return a search in an indexed column of SQLite."""
    connection = sqlite3.connect(folder / "codes.sqlite")
    connection.execute("create table marks (code text primary key) without rowid")
    connection.executemany("insert into marks values (?)", ((text,) for text in sorted(texts)))
    connection.commit()
    query = "select code from marks where code glob ?"
    return lambda pattern: [row[0] for row in connection.execute(query, (pattern,))]


def in_duckdb(folder: Path, codes: Any) -> Callable[[str], list[str]] | None:
    """Return a search in a column of DuckDB; None where it is not installed."""
    try:
        import duckdb
    except ImportError:
        return None
    path = folder / "codes.csv"
    path.write_text("code\n" + "\n".join(unpack_texts(codes, FORMAT.n)) + "\n")
    connection = duckdb.connect()
    connection.execute("set threads to 1")
    connection.execute(
        f"create table marks as select * from read_csv('{path}', columns={{'code': 'VARCHAR'}})"
    )
    query = "select code from marks where code like ?"

    def ask(pattern: str) -> list[str]:
        rows = connection.execute(query, [pattern.replace("?", "_")]).fetchall()
        return [row[0] for row in rows]

    return ask


def median(ask: Callable[[Any], object], questions: list[Any]) -> float:
    """Return the median time of a question, in s."""
    times = []
    for question in questions:
        began = time.perf_counter()
        ask(question)
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def best(work: Callable[[], object], times: int) -> float:
    """Return the shortest of some runs, in s."""
    return min(median(lambda _: work(), [None]) for _ in range(times))


def resident(block: Block) -> float:
    """Return the size of a block's arrays in MB."""
    return (block.codes.nbytes + block.indices.nbytes + block.postings.nbytes) / 1e6


if __name__ == "__main__":
    given = [word for word in sys.argv[1:] if word != ALONE]
    main([int(word) for word in given] or list(SIZES), alone=ALONE in sys.argv)
