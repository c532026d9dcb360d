"""Promises of engraver.evidence, engraver.likelihood and engraver.issued."""

from __future__ import annotations

import numpy as np
import pytest

from engraver import codes, gear, likelihood
from engraver.codes import FORMATS, JOINT
from engraver.errors import CodeError
from engraver.evidence import call, compare_sources, rank
from engraver.issued import allotted_indices, issue
from engraver.likelihood import ReadModel, Table
from engraver.reading import parse
from engraver.registry import Registry, Row

PIN = FORMATS["pin32-12"]
MODEL = ReadModel()
ISSUED = issue(np.arange(100_000), PIN)


def casing(text: str, model: ReadModel = MODEL) -> Table:
    """Return the table of one reader's text."""
    return likelihood.table_of_reading(parse(text), model)


def spoiled(index: int, lost: str) -> str:
    """Return the code of an index with ``?`` where ``lost`` has x."""
    text = codes.encode_index(index).text
    return "".join("?" if mark == "x" else symbol for symbol, mark in zip(text, lost, strict=True))


@pytest.mark.parametrize("fmt", [*FORMATS.values(), *JOINT.values()], ids=lambda fmt: fmt.name)
def test_scores_are_sums_of_table_entries(fmt: codes.CodeFormat) -> None:
    """Every issued code scores the plain sum of its symbols' log-likelihoods."""
    table = np.random.default_rng(1).normal(size=(fmt.n, 32))
    indices = np.array([0, 1, 32768, 163963, (1 << 30) - 1])
    for index, score in zip(indices, issue(indices, fmt).scores(table), strict=True):
        text = codes.encode_index(int(index), fmt.name).text
        assert score == pytest.approx(
            sum(table[i, codes.ALPHABET.index(s)] for i, s in enumerate(text)), abs=1e-4
        )


def test_posterior_is_bayes_rule_written_out() -> None:
    """With two issued codes the posteriors equal the fraction computed by hand."""
    issued = issue(np.array([5, 77]), PIN)
    table = casing(spoiled(5, "..xxxxxxxxxx"))
    ranked, open_share = rank(table, issued, 0.2)
    weights = []
    for index in (5, 77):
        text = codes.encode_index(index).text
        score = sum(table[i, codes.ALPHABET.index(s)] for i, s in enumerate(text))
        weights.append(0.8 / 2 * np.exp(score))
    weights.append(0.2 * np.prod(np.exp(table).mean(axis=1)))
    assert ranked[0].index == 5
    assert ranked[0].posterior == pytest.approx(weights[0] / sum(weights), rel=1e-4)
    assert open_share == pytest.approx(weights[2] / sum(weights), rel=1e-4)


def test_a_good_mark_is_identified_with_all_it_rests_on() -> None:
    """Nine of twelve symbols identify one of 100,000; N, prior and chance are stated."""
    answer = call([casing(spoiled(4711, "x...x...x..."))], ISSUED, MODEL)
    assert (answer.verdict, answer.candidates[0].index) == ("identified", 4711)
    assert (answer.issued_count, answer.legible) == (100_000, 9)
    assert answer.chance_matches == pytest.approx(1e5 * 32.0**-9)
    assert answer.sources is None and answer.reasons == ()


def test_casings_with_different_losses_add_up() -> None:
    """Two casings of which neither identifies do so together."""
    parts = [casing(spoiled(4711, lost)) for lost in ("xxxxxxxxx...", "...xxxxxxxxx")]
    assert all(call([part], ISSUED, MODEL).verdict != "identified" for part in parts)
    answer = call(parts, ISSUED, MODEL)
    assert (answer.verdict, answer.candidates[0].index) == ("identified", 4711)


def test_two_readers_of_one_casing_are_not_two_casings() -> None:
    """Averaging equal reads gives the read itself."""
    table = casing(spoiled(4711, "xxxx........"))
    assert np.allclose(likelihood.average([table, table, table]), table)
    silent = casing("?" * 12)
    assert np.allclose(likelihood.average([table, silent]), table)


def test_a_mark_that_was_never_issued_is_called_so() -> None:
    """A clean mark from outside ends as 'not issued', never on somebody."""
    for index in (100_000 + 7919 * i for i in range(50)):
        answer = call([casing(codes.encode_index(index).text)] * 3, ISSUED, MODEL)
        assert answer.verdict == "not issued"


def test_too_little_is_refused_with_reasons() -> None:
    """Two legible symbols give no call, and say that chance would match many."""
    answer = call([casing(spoiled(4711, "..xxxxxxxxxx"))], ISSUED, MODEL)
    assert answer.verdict == "no call"
    assert any("by chance" in reason for reason in answer.reasons)


def test_two_firearms_are_not_called_as_one() -> None:
    """Casings of two firearms give evidence for two sources and no call; the split is named."""
    tables = [casing(spoiled(i, "x.....x.....")) for i in (4711, 4711, 815)]
    test = compare_sources(tables, ISSUED, MODEL, 0.5)
    assert test is not None
    assert test.probability_mixed > 0.99 and test.split == (2,)
    assert call(tables, ISSUED, MODEL).verdict == "no call"
    many = [casing(spoiled(4711, "x.....x....."))] * 4 + [casing(spoiled(815, "x.....x....."))] * 3
    grown = compare_sources(many, ISSUED, MODEL, 0.5)
    assert grown is not None and grown.probability_mixed > 0.99
    assert set(grown.split) in ({0, 1, 2, 3}, {4, 5, 6})


def test_a_casing_that_says_nothing_does_not_stand_in_the_way() -> None:
    """A blank casing, or one with a single symbol that fits ill, is left out and named."""
    text = codes.encode_index(4711).text
    likely = codes.ALPHABET[int(np.argsort(MODEL.confusion[codes.ALPHABET.index(text[-1])])[-2])]
    whole, blank, misread = casing(text), np.zeros((12, 32)), casing("?" * 11 + likely)
    for doubtful in (blank, misread):
        for others in ([whole], [whole] * 4):
            answer = call([*others, doubtful], ISSUED, MODEL)
            assert answer.verdict == "identified" and answer.candidates[0].index == 4711
            assert answer.left_out == (len(others),)
    assert call([whole, casing("?" * 11 + text[-1])], ISSUED, MODEL).left_out == ()


def test_a_casing_of_another_firearm_is_never_left_out_in_silence() -> None:
    """What a casing says against the others is not set aside: there is no call."""
    tables = [casing(spoiled(4711, "x.....x....."))] * 4 + [casing(spoiled(815, "xxx...x...xx"))]
    answer = call(tables, ISSUED, MODEL)
    assert answer.verdict == "no call" and answer.left_out == ()


def test_one_firearm_is_not_split() -> None:
    """Casings of one firearm, with a misread on one, stay together."""
    text = codes.encode_index(4711).text
    wrong = ("Z" if text[0] != "Z" else "2") + text[1:]
    test = compare_sources([casing(text), casing(wrong), casing(text)], ISSUED, MODEL, 0.5)
    assert test is not None and test.probability_mixed < 0.01


def test_a_fault_of_the_pin_is_not_overcome_by_repetition() -> None:
    """Twenty casings with the same wrong symbol weigh no more than the fault rate allows."""
    table = likelihood.join([casing("0" + "?" * 11)] * 20, MODEL)
    alike = table[0, codes.ALPHABET.index("0")] - table[0, codes.ALPHABET.index("D")]
    assert alike < np.log(1 / MODEL.fault_rate) + np.log(32)


def test_a_ring_is_a_channel_of_its_own() -> None:
    """Six words of the ring alone single out the code; unread slots say nothing."""
    ring: list[int | None] = list(gear.encode_ring(codes.encode_index(4711)))
    ring[9 + 42 :] = [None] * 42
    table = likelihood.table_of_ring(ring, MODEL)
    assert np.ptp(table[6:], axis=1).max() == 0
    assert call([table], ISSUED, MODEL).candidates[0].index == 4711


def test_the_consensus_is_a_reading_for_hard_decoding() -> None:
    """Legible places become symbols, sets stay sets, silent places stay illegible."""
    text = codes.encode_index(4711).text
    reading = likelihood.consensus(casing("[0D]?" + text[2:]))
    assert reading.text == "[0D]?" + text[2:]
    pair = [casing("?" * 6 + text[6:]), casing(text[:6] + "?" * 6)]
    assert likelihood.consensus(likelihood.join(pair, MODEL)).text == text


def test_sets_share_their_likelihood() -> None:
    """A set makes each of its symbols as likely as a mean of reads, others unlikely."""
    table = casing("[0D]" + "?" * 11)
    zero, d, k = (table[0, codes.ALPHABET.index(s)] for s in "0DK")
    assert zero == pytest.approx(d, abs=0.05) and zero - k > 4


def test_both_places_are_called_together() -> None:
    """A pin with 3 symbols and a second place with 4 identify together."""
    fmt = JOINT["pin32-12"]
    issued = issue(np.arange(50_000), fmt)
    text = codes.encode_index(4711, fmt.name).text
    read = text[:3] + "?" * 9 + text[12:16] + "?" * 4
    answer = call([casing(read)], issued, MODEL)
    assert (answer.verdict, answer.candidates[0].index) == ("identified", 4711)


def test_allotted_indices_follow_the_rows() -> None:
    """Templates end at their last serial, lists at their last entry, formats at their limit."""
    registry = Registry((Row(1, 1, "M", "N", template="Q99"), Row(1 << 15, 1, "M", "O", "Z99")))
    assert len(allotted_indices(registry, PIN)) == 200
    assert allotted_indices(registry, FORMATS["pin32-8"]).tolist() == list(range(32768, 32868))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1.0] * 32] * 11, "list of 12 places"),
        ([[1.0] * 31] * 12, "32 numbers"),
        ([[0.0] * 32] * 12, "not all zero"),
        ([[-1.0] + [1.0] * 31] * 12, "not negative"),
        ([{"B": 1.0}] * 12, "not in"),
        ([[float("nan")] * 32] * 12, "finite"),
    ],
)
def test_bad_tables_end_in_one_clear_line(rows: list[object], message: str) -> None:
    """A table of another shape or of impossible numbers is refused."""
    with pytest.raises(CodeError, match=message):
        likelihood.table_of_likelihoods(rows, 12)


def test_a_closed_prior_or_an_empty_registry_is_refused() -> None:
    """The open set cannot be switched off."""
    table = casing(codes.encode_index(1).text)
    for prior in (0.0, 1.0, -0.1):
        with pytest.raises(CodeError, match="prior"):
            call([table], ISSUED, MODEL, prior)
    with pytest.raises(CodeError, match="no issued codes"):
        call([table], issue(np.array([], dtype=np.int64), PIN), MODEL)
    with pytest.raises(CodeError, match="no casings"):
        call([], ISSUED, MODEL)
