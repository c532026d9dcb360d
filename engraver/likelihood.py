"""How likely each symbol makes what was read: reads of a casing -> ``(n, 32)`` tables.

In: `Reading` values, likelihood tables from inspection, slots of a gear ring. Out: natural
logarithms, ``table[i, v]`` for symbol value v at place i, up to a constant a place. Authority:
docs/formats/pin32.md, "Evidence". No randomness: the confusion matrix is a stated assumption.

Theory of operation. Reads of one impression are not independent, so within a casing and a
channel (characters, ring) the tables are averaged; channels and casings add up. A fault of
the pin itself repeats on every casing: with probability ``fault_rate`` the symbol at a place
looks like another one on all of them, which bounds what many casings can prove.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engraver.confusion import probabilities
from engraver.errors import CodeError
from engraver.gear import START, WORD_LENGTH, WORDS
from engraver.reading import ALPHABET, ANY, VALUE, Reading, spell

Table = NDArray[np.float64]

SMALLEST_LIKELIHOOD = 1e-6
SURE_SHARE = 0.8
MOST_CHOICES = 4

UNFORESEEN_SHARE = 0.1
"""Share of misreads that may fall on any symbol: what the simulation of reads did not foresee."""


def default_confusion(error_rate: float = 0.05) -> Table:
    """Return ``confusion[true, read]``: rows sum to 1.

    Where misreads fall is taken from the simulated reads of the micro-font
    (`engraver.confusion`), a tenth of them spread evenly.

    Parameters
    ----------
    error_rate
        Chance that a legible symbol is read as another. 0.05 is an assumption: published
        counts (Krivosta 2006: 54 of 100 whole codes of eight, 0.926 a character) do not
        separate the misread from the illegible.
    """
    if not 0 < error_rate < 1:
        raise CodeError(f"error rate {error_rate} must lie between 0 and 1")
    simulated = probabilities() * (1.0 - np.eye(32))
    simulated /= simulated.sum(axis=1, keepdims=True)
    uniform = (1.0 - np.eye(32)) / 31
    errors = (1 - UNFORESEEN_SHARE) * simulated + UNFORESEEN_SHARE * uniform
    return np.asarray((1 - error_rate) * np.eye(32) + error_rate * errors)


@dataclass(frozen=True, slots=True, eq=False)
class ReadModel:
    """What is assumed about readers and pins; every answer names it.

    Parameters
    ----------
    confusion
        ``(32, 32)``, ``confusion[true, read]``, rows sum to 1.
    slot_error
        Chance that a slot of the gear ring is read wrong.
    fault_rate
        Chance that a place of the pin shows another symbol on every impression.
    """

    confusion: Table = field(default_factory=default_confusion)
    slot_error: float = 0.02
    fault_rate: float = 0.01

    def __post_init__(self) -> None:
        sums = self.confusion.sum(axis=1) if self.confusion.shape == (32, 32) else np.zeros(1)
        if not np.allclose(sums, 1, atol=1e-6) or (self.confusion < 0).any():
            raise CodeError("the confusion matrix must be 32 x 32, not negative, rows summing to 1")
        for name in ("slot_error", "fault_rate"):
            if not 0 <= getattr(self, name) < 0.5:
                raise CodeError(f"{name} {getattr(self, name)} must be at least 0 and below 0.5")
        self.confusion.setflags(write=False)


def table_of_reading(reading: Reading, model: ReadModel) -> Table:
    """Return the log-likelihoods of one reader's text.

    A certain symbol counts by the confusion matrix; a set as the mean over its symbols; an
    illegible place says nothing.
    """
    log_confusion = np.log(np.maximum(model.confusion, SMALLEST_LIKELIHOOD))
    table = np.zeros((len(reading), 32))
    for i, choice in enumerate(reading.choices):
        if len(choice) == 1:
            table[i] = log_confusion[:, min(choice)]
        elif choice != ANY:
            mean = model.confusion[:, sorted(choice)].mean(axis=1)
            table[i] = np.log(np.maximum(mean, SMALLEST_LIKELIHOOD))
    return table


def table_of_likelihoods(rows: Sequence[object], length: int) -> Table:
    """Return the logarithms of a table from inspection.

    Parameters
    ----------
    rows
        For each place 32 numbers in order of value, or an object symbol -> number (symbols
        left out count as the smallest likelihood); an empty object says nothing.

    Raises
    ------
    CodeError
        For another shape, or numbers that are negative, not finite, or all zero.
    """
    if not isinstance(rows, list) or len(rows) != length:
        raise CodeError(f"likelihoods must be a list of {length} places")
    return np.stack([_place(row, i) for i, row in enumerate(rows)]) if rows else np.zeros((0, 32))


def table_of_logarithms(rows: object, length: int) -> Table:
    """Return a table that was written down as natural logarithms, 32 a place.

    Raises
    ------
    CodeError
        For another shape, or numbers that are not finite.
    """
    try:
        table = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        table = np.empty(0)
    if table.shape != (length, 32) or not np.isfinite(table).all():
        raise CodeError(f"log_likelihoods must be {length} places of 32 finite numbers")
    return table


def _place(row: object, i: int) -> Table:
    if isinstance(row, dict):
        if unknown := [key for key in row if key not in VALUE]:
            raise CodeError(f"likelihoods of position {i} name {unknown[0]!r}, not in {ALPHABET}")
        row = [row.get(symbol, 0.0) for symbol in ALPHABET] if row else [1.0] * 32
    numbers = row if isinstance(row, list) else []
    if len(numbers) != 32 or not all(type(x) in (int, float) for x in numbers):
        raise CodeError(f"likelihoods of position {i} must be 32 numbers or symbols with numbers")
    values = np.array([min(max(x, -1.0), 1e300) for x in numbers], dtype=np.float64)
    if not np.isfinite(values).all() or values.min() < 0 or values.max() <= 0:
        raise CodeError(f"likelihoods of position {i} must be finite, not negative, not all zero")
    return np.asarray(np.log(np.maximum(values / values.max(), SMALLEST_LIKELIHOOD)))


def table_of_ring(slots: Sequence[int | None], model: ReadModel) -> Table:
    """Return the log-likelihoods of a ring that begins at its start mark, clockwise."""
    words = np.array(WORDS)
    hit, miss = np.log1p(-model.slot_error), np.log(max(model.slot_error, SMALLEST_LIKELIHOOD))
    data = slots[len(START) :]
    table = np.zeros((len(data) // WORD_LENGTH, 32))
    for slot, seen in enumerate(data):
        if seen is not None:
            i, at = divmod(slot, WORD_LENGTH)
            table[i] += np.where(words[:, at] == seen, hit, miss)
    return table


def average(tables: Sequence[Table]) -> Table:
    """Return the mean of reads of one impression, at each place over the reads that say anything.

    Two people who agree about one impression are not two impressions.
    """
    stack = np.stack(tables)
    says = np.ptp(stack, axis=2) > 0
    weight = says / np.maximum(says.sum(axis=0), 1)
    return np.asarray((stack * weight[:, :, None]).sum(axis=0))


def join(casings: Sequence[Table], model: ReadModel) -> Table:
    """Return the log-likelihoods of all casings under one pin, faults of the pin included."""
    total = np.sum(casings, axis=0)
    if model.fault_rate == 0 or len(casings) == 0:
        return np.asarray(total)
    peak = total.max(axis=1, keepdims=True)
    seen = np.exp(total - peak)
    looks = model.confusion * (1 - np.eye(32))
    looks = looks / np.maximum(looks.sum(axis=1, keepdims=True), SMALLEST_LIKELIHOOD)
    mixed = (1 - model.fault_rate) * seen + model.fault_rate * seen @ looks.T
    return np.asarray(np.log(mixed) + peak)


def consensus(table: Table) -> Reading:
    """Return the joint table as a reading for hard decoding.

    At each place the fewest symbols that hold 80 % of the likelihood, up to four; more are
    illegible.
    """
    weights = np.exp(table - table.max(axis=1, keepdims=True))
    shares = weights / weights.sum(axis=1, keepdims=True)
    order = np.argsort(-shares, axis=1, kind="stable")
    held = np.take_along_axis(shares, order, axis=1).cumsum(axis=1)
    counts = (held < SURE_SHARE).sum(axis=1) + 1
    choices = tuple(
        frozenset(map(int, row[:count])) if count <= MOST_CHOICES else ANY
        for row, count in zip(order, counts, strict=True)
    )
    return Reading(choices, tuple(spell(choice) for choice in choices))


def open_bits(table: Table) -> Table:
    """Return how many of the 5 bits of each place are left open (its entropy)."""
    weights = np.exp(table - table.max(axis=1, keepdims=True))
    shares = weights / weights.sum(axis=1, keepdims=True)
    return np.asarray(-(shares * np.log2(np.maximum(shares, 1e-300))).sum(axis=1))


def legible_places(table: Table) -> int:
    """Return at how many places less than half of the 5 bits is left open."""
    return int((open_bits(table) < 2.5).sum())
