"""The promises of the simulated confusion table."""

from __future__ import annotations

import numpy as np
import pytest

from engraver import confusion
from engraver.codes import ALPHABET


def test_counts_are_a_square_of_equal_rows() -> None:
    """Every symbol was read equally often, and most often rightly."""
    counts = confusion.counts()
    assert counts.shape == (32, 32)
    assert (counts >= 0).all()
    assert len(set(counts.sum(axis=1))) == 1
    assert (counts.argmax(axis=1) == np.arange(32)).all()


def test_probabilities_are_probabilities_and_never_zero() -> None:
    """Rows sum to 1; no confusion is impossible."""
    table = confusion.probabilities()
    assert table.sum(axis=1) == pytest.approx(np.ones(32))
    assert (table > 0).all()


def test_one_entry_is_the_entry_of_the_table() -> None:
    """`read_probability` takes the true symbol first."""
    table = confusion.probabilities()
    true, read = ALPHABET.index("P"), ALPHABET.index("F")
    assert confusion.read_probability("P", "F") == table[true, read]
