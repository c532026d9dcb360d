"""What the micro-font's symbols are taken for: counts from the read simulation.

In: nothing. Out: P(read | true) over the 32 symbols, for `engraver.evidence`. Source: the
simulation of benchmarks/reading (blur of 6 to 20 um, missing and spoilt parts, small motions,
noise) at a cell of 120 x 85 um and a stroke of 17 um, its conditions and seed as in
docs/formats/font.md; written by ``python benchmarks/font.py --write-confusion``. It is a
simulation: where counts from real impressions exist, they replace it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engraver.codes import ALPHABET

_COUNTS = (
    # counts begin
    "868 8 0 1 0 1 7 7 2 9 17 0 0 1 0 1 0 1 0 3 24 0 5 6 5 3 0 20 10 0 0 1",
    "9 933 0 2 0 1 0 0 0 0 11 0 0 0 0 0 0 0 0 0 0 0 0 0 0 4 0 0 1 37 0 2",
    "7 1 842 3 0 0 0 54 0 18 0 0 4 0 0 0 0 39 0 0 0 0 0 0 0 0 0 0 23 0 0 9",
    "9 12 0 857 0 7 1 13 2 19 35 0 0 0 0 0 0 9 0 0 4 0 0 0 0 14 0 0 0 13 0 5",
    "0 0 0 0 967 1 0 0 0 0 0 0 0 0 0 1 1 0 2 0 0 2 0 2 1 0 0 1 11 7 4 0",
    "24 3 0 32 10 819 16 2 7 6 20 0 5 0 0 0 0 7 0 0 16 1 12 0 9 10 1 0 0 0 0 0",
    "14 1 0 3 0 0 952 0 4 0 5 0 0 0 0 1 0 2 2 0 5 0 3 0 1 0 0 0 2 5 0 0",
    "6 0 8 9 3 2 0 924 0 1 0 0 0 0 0 0 0 12 0 0 3 0 0 4 1 16 0 5 2 4 0 0",
    "26 0 0 10 3 14 32 6 787 4 27 0 0 15 1 2 0 2 0 3 3 1 30 4 28 0 0 0 2 0 0 0",
    "8 1 0 0 0 0 0 0 1 965 0 0 0 0 0 0 0 0 0 0 3 0 4 0 3 1 0 1 0 13 0 0",
    "5 10 0 2 0 0 2 2 0 0 947 0 0 0 0 0 1 0 0 0 10 0 0 0 2 0 0 0 10 1 0 8",
    "0 2 6 0 0 0 0 0 1 0 0 835 1 8 2 20 0 0 9 74 6 0 19 0 0 11 0 0 5 0 0 1",
    "10 0 10 4 2 5 0 31 4 5 4 4 767 7 4 4 1 37 0 14 13 26 11 6 0 0 17 0 14 0 0 0",
    "5 4 0 0 0 5 27 0 2 0 2 1 1 777 15 3 0 0 31 34 0 0 9 2 29 19 0 0 1 0 0 33",
    "10 0 5 0 0 1 0 5 0 0 8 0 1 0 878 5 12 3 10 2 2 0 0 3 1 13 0 0 41 0 0 0",
    "10 11 8 1 5 4 4 5 2 0 0 25 0 3 41 821 0 0 6 2 6 0 0 5 3 0 0 0 38 0 0 0",
    "0 0 0 0 22 0 2 6 3 0 5 0 0 0 13 1 857 8 8 0 0 4 4 0 3 0 3 2 57 2 0 0",
    "0 0 4 7 0 0 1 40 0 1 0 0 1 0 0 1 0 915 0 12 0 0 0 0 0 0 12 0 6 0 0 0",
    "8 2 0 0 0 0 9 0 1 0 3 12 0 0 2 0 0 0 926 0 0 0 0 0 12 4 0 0 4 5 9 3",
    "0 5 3 0 2 2 0 0 0 0 0 9 0 12 3 3 0 7 36 910 0 0 0 0 0 0 4 0 4 0 0 0",
    "0 0 0 4 0 0 1 8 0 0 10 0 0 0 0 1 0 2 2 0 935 5 27 0 1 2 0 0 0 2 0 0",
    "0 0 0 4 31 0 0 11 4 3 0 0 0 0 0 0 5 3 1 0 55 821 44 0 3 1 0 0 2 12 0 0",
    "0 0 0 0 0 0 0 0 0 28 0 0 0 8 0 0 0 0 4 0 9 3 918 0 18 10 0 2 0 0 0 0",
    "21 0 0 0 9 0 0 2 0 5 2 0 0 0 0 0 0 0 1 0 0 0 0 908 1 0 0 6 35 0 10 0",
    "15 0 0 0 2 0 23 0 3 1 7 0 0 0 1 0 0 0 10 0 11 3 19 8 861 10 0 1 0 20 1 4",
    "4 4 0 0 1 0 0 0 0 3 0 0 0 0 1 0 0 0 1 0 0 0 0 1 1 923 0 23 0 12 2 24",
    "0 0 1 3 1 0 0 15 0 0 0 0 9 2 0 1 22 80 3 54 0 10 11 2 0 0 753 0 33 0 0 0",
    "10 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 3 1 0 0 938 16 0 22 9",
    "2 0 0 0 3 0 0 0 0 0 1 0 0 0 1 0 2 2 0 0 0 0 0 4 1 0 3 33 947 1 0 0",
    "0 0 0 0 0 0 5 0 0 2 5 0 0 0 0 0 0 0 3 0 0 0 0 0 3 1 0 0 0 964 17 0",
    "0 0 0 0 1 0 1 0 0 2 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0 5 0 13 0 8 967 2",
    "7 16 0 3 0 0 31 0 0 24 7 0 0 2 0 0 0 0 4 0 0 0 0 0 0 32 0 0 0 20 0 854",
    # counts end
)
"""Row: the true symbol; column: the symbol read; both in the order of the alphabet."""


def counts() -> NDArray[np.int64]:
    """Return ``(32, 32)`` simulated reads, ``[true value, read value]``."""
    return np.array([row.split() for row in _COUNTS], dtype=np.int64)


def probabilities(pseudo_count: float = 0.5) -> NDArray[np.float64]:
    """Return ``(32, 32)`` P(read | true); each row sums to 1.

    Parameters
    ----------
    pseudo_count
        Added to every count, so that a confusion never simulated is rare and not impossible
        (0.5: Jeffreys' prior for a multinomial).
    """
    smoothed = counts() + pseudo_count
    return np.asarray(smoothed / smoothed.sum(axis=1, keepdims=True))


def read_probability(true: str, read: str) -> float:
    """Return the chance that ``true`` is read as ``read``.

    Examples
    --------
    >>> read_probability("H", "H") > read_probability("H", "M")
    True
    """
    return float(probabilities()[ALPHABET.index(true), ALPHABET.index(read)])
