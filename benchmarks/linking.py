"""Casings in figures: are two scenes that share a pin found, and how often are strangers joined?

Run: make bench, or `python benchmarks/linking.py [CASINGS [ISSUED]]` (default 600 casings, 100,000
issued codes). Out: a line for each legibility. Every pin struck two casings, one at each of two
scenes; half the pins were issued, half never. Reads are simulated as `engraver.likelihood` models
them (a symbol is legible with the given chance, 5 % of the legible ones are read as another by the
confusion table, 1 % of places of a pin show another symbol on every casing); no real casing stands
behind these figures. Linked: posterior of 0.99 and more with the default priors.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from numpy.typing import NDArray

from engraver.batch import pack_indices
from engraver.codes import FORMATS
from engraver.evidence import PRIOR_NOT_ISSUED
from engraver.issued import issue
from engraver.likelihood import ReadModel, table_of_reading
from engraver.linking import LINKED, link, weigh
from engraver.reading import ALPHABET, parse
from station_api.trace.packing import unpack_texts

FORMAT = FORMATS["pin32-12"]
LEGIBLE = (0.9, 0.7, 0.5)
Values = NDArray[np.int64]


def main(casings: int, issued_count: int) -> None:
    """Print a line for each legibility."""
    model = ReadModel()
    issued = issue(np.arange(32768, 32768 + issued_count), FORMAT)
    print(f"\n{casings:,} casings of {casings // 2:,} pins, {issued_count:,} codes issued")
    print(f"{'legible':>8} {'issued pins':>12} {'others':>8} {'strangers':>10} {'of pairs':>10}")
    for legible in LEGIBLE:
        rng = np.random.default_rng((12, int(100 * legible)))
        pins = struck_by(casings // 2, issued_count, rng)
        owner = np.repeat(np.arange(len(pins)), 2)
        texts = [read(pins[pin], legible, model, rng) for pin in owner]
        tables = [table_of_reading(parse(text), model) for text in texts]
        began = time.perf_counter()
        alone = weigh(tables, issued, model, PRIOR_NOT_ISSUED)
        weighed_s = time.perf_counter() - began
        links = link(tables, alone, issued, model, PRIOR_NOT_ISSUED)
        took_s = time.perf_counter() - began
        good = [(one.first, one.second) for one in links if one.posterior >= LINKED]
        found = {owner[first] for first, second in good if owner[first] == owner[second]}
        strangers = sum(owner[first] != owner[second] for first, second in good)
        half = len(pins) // 2
        shares = [
            np.mean([p in found for p in part]) for part in (range(half), range(half, len(pins)))
        ]
        pairs = casings * (casings - 1) // 2 - len(pins)
        print(
            f"{legible:8.1f} {shares[0]:12.1%} {shares[1]:8.1%} {strangers:10,} {pairs:10,}"
            f"   {weighed_s:.0f} s alone, {took_s - weighed_s:.1f} s all pairs",
            flush=True,
        )


def struck_by(pins: int, issued_count: int, rng: np.random.Generator) -> Values:
    """Return the symbols on each pin: the first half issued, the others codes of nobody."""
    half = pins // 2
    ours = rng.choice(issued_count, half, replace=False) + 32768
    others = rng.choice(1 << 29, pins - half, replace=False) + (1 << 29)
    packed = pack_indices(np.concatenate([ours, others]).astype(np.int64), FORMAT.name)
    texts = unpack_texts(packed.astype(np.uint64), FORMAT.n)
    symbols = np.array([[ALPHABET.index(c) for c in text] for text in texts])
    faulty = rng.random(symbols.shape) < ReadModel().fault_rate
    return np.where(faulty, rng.integers(0, 32, symbols.shape), symbols)


def read(pin: Values, legible: float, model: ReadModel, rng: np.random.Generator) -> str:
    """Return what a reader writes down of one casing."""
    seen = [
        ALPHABET[rng.choice(32, p=model.confusion[symbol])] if rng.random() < legible else "?"
        for symbol in pin
    ]
    return "".join(seen)


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*(given + [600, 100_000][len(given) :]))
