"""Promises of linking casings: one pin is found whether issued or not, two are kept apart."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from engraver import codes
from engraver.errors import CodeError
from engraver.evidence import compare_sources
from engraver.issued import IssuedCodes, issue
from engraver.likelihood import ReadModel, Table, table_of_reading
from engraver.linking import LEAD, PRIOR_SAME_PIN, Link, link, weigh
from engraver.reading import ALPHABET, parse

FORMAT = codes.FORMATS["pin32-12"]
MODEL = ReadModel()
ISSUED: IssuedCodes = issue(np.arange(200_000), FORMAT)
Q = 0.2


def read(text: str) -> Table:
    return table_of_reading(parse(text), MODEL)


def linked(*texts: str, prior: float = PRIOR_SAME_PIN) -> list[Link]:
    tables = [read(text) for text in texts]
    return link(tables, weigh(tables, ISSUED, MODEL, Q), ISSUED, MODEL, Q, prior)


def spoilt(text: str, places: tuple[int, ...]) -> str:
    return "".join("?" if at in places else symbol for at, symbol in enumerate(text))


def test_two_partial_reads_of_one_issued_pin_are_linked() -> None:
    """Nine and eight symbols legible, five of them in common: one pin."""
    code = codes.encode_index(4711, "pin32-12").text
    (found,) = linked(spoilt(code, (0, 3, 7)), spoilt(code, (1, 4, 5, 9)))
    assert (found.first, found.second) == (0, 1)
    assert found.posterior > 0.98
    assert found.log10_bayes_factor > 4


def test_a_pin_that_was_never_issued_is_linked_by_the_reads_themselves() -> None:
    """Another maker's pin, in no registry: that both casings show the same symbols is enough."""
    foreign = "ZZZT0PQ12345"
    tables = [read(foreign), read(spoilt(foreign, (2, 8)))]
    alone = weigh(tables, ISSUED, MODEL, Q)
    assert [one.not_issued > 0.999 for one in alone] == [True, True]
    (found,) = link(tables, alone, ISSUED, MODEL, Q)
    assert found.posterior > 0.9999


def test_neighbours_in_the_registry_are_kept_apart() -> None:
    """Consecutive firearms, whole reads: not one pin among fifteen pairs."""
    assert linked(*(codes.encode_index(n, "pin32-12").text for n in range(6))) == []


def test_too_little_in_common_is_no_link() -> None:
    """Two symbols in common prove nothing at this prior, and nothing is said."""
    code = codes.encode_index(99, "pin32-12").text
    assert linked(code[:2] + "?" * 10, code) == []
    assert linked("?" * 12, code) == []


def test_the_screen_loses_no_link_that_the_whole_calculation_finds() -> None:
    """Against the mixed-source test of `engraver.evidence` on all pairs of 60 spoilt reads."""
    rng = np.random.default_rng(1)
    texts = []
    for pin in range(20):
        foreign = "".join(rng.choice(list(ALPHABET), 12))
        code = (
            foreign if pin % 2 else codes.encode_index(int(rng.integers(200_000)), "pin32-12").text
        )
        for _ in range(3):
            hidden = tuple(int(p) for p in rng.choice(12, int(rng.integers(0, 8)), replace=False))
            seen = list(spoilt(code, hidden))
            if rng.random() < 0.3:
                seen[int(rng.integers(12))] = str(rng.choice(list(ALPHABET)))
            texts.append("".join(seen))
    found = {(one.first, one.second): one for one in linked(*texts)}
    tables = [read(text) for text in texts]
    wanted = {}
    for pair in combinations(range(len(texts)), 2):
        test = compare_sources([tables[at] for at in pair], ISSUED, MODEL, Q)
        assert test is not None
        odds = PRIOR_SAME_PIN / (1 - PRIOR_SAME_PIN) * 10**test.log10_bayes_factor
        if odds / (1 + odds) >= LEAD:
            wanted[pair] = test.log10_bayes_factor
    assert found.keys() == wanted.keys()
    assert all(abs(found[pair].log10_bayes_factor - wanted[pair]) < 1e-6 for pair in wanted)
    right = sum(a // 3 == b // 3 for a, b in found)
    assert (right, len(found)) == (len(found), len(found))
    assert right > 25


@pytest.mark.parametrize("prior", [0.0, 1.0, -1.0, float("nan")])
def test_a_prior_that_is_no_chance_is_refused(prior: float) -> None:
    """0 would never link, 1 always; both are said to be no priors."""
    with pytest.raises(CodeError, match="must lie between"):
        linked("?" * 12, "?" * 12, prior=prior)
