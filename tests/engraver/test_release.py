"""Promises of a release: every kind of evidence, each within its limit, or a reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import hardware
from engraver.acceptance import DEFAULT
from engraver.capability import gauge_study
from engraver.coupon import Calibration, Estimate
from engraver.release import (
    Exhibit,
    capability_exhibit,
    coupon_exhibit,
    gauge_exhibit,
    judge,
    prediction_exhibit,
)
from tests.engraver.test_capability import aiag

SETUP = hardware.load_setup("default")
RNG = np.random.default_rng(3)
PARTS = RNG.normal(22, 0.5, 10)[:, None, None]
READ = [("KT9NH5VR", "KT9NH5VR")] * 30


def gauge(noise_um: float = 0.05, tolerance_um: float = 8.0) -> Exhibit:
    table = PARTS + np.random.default_rng(4).normal(0, noise_um, (10, 3, 3))
    return gauge_exhibit(gauge_study(table, tolerance_um), (10, 3, 3), "gauge.csv", "a" * 64)


def trial(
    sigma_um: float = 0.3, marks: int = 30, reads: list[tuple[str, str]] = READ, bow_um: float = 0.2
) -> Exhibit:
    rng = np.random.default_rng(5)
    table = rng.normal(22.0, sigma_um, marks)[:, None] + bow_um * np.linspace(-1, 1, 12)[None, :]
    return capability_exhibit(table, 22.0, DEFAULT, reads, "records", "b" * 64)


def coupon(delta_nm: float = 200.0) -> Exhibit:
    def sure(value: float) -> Estimate:
        return Estimate(value, value, value)

    known = Calibration(sure(6.0), sure(1.5), sure(1.0), sure(delta_nm), 22)
    return coupon_exhibit(known, SETUP, DEFAULT, "coupon.x3p", "c" * 64)


def prediction(share: float = 0.95, read: str = "KT9NH5VR") -> Exhibit:
    return prediction_exhibit("KT9NH5VR", read, np.full(8, share), "good", "d" * 64)


def test_a_recipe_with_all_its_evidence_is_released() -> None:
    """Four exhibits within their limits; the same evidence has the same digest."""
    all_four = [gauge(), trial(), coupon(), prediction()]
    release = judge("default", "e" * 64, all_four)
    assert release.released, release.reasons
    assert judge("default", "e" * 64, all_four) == release
    other = judge("default", "f" * 64, all_four)
    assert other.evidence_sha256 != release.evidence_sha256


@pytest.mark.parametrize("left_out", ["gauge", "capability", "coupon", "prediction"])
def test_missing_evidence_is_named(left_out: str) -> None:
    """Any of the four left out blocks, and the reason says which."""
    given = [e for e in (gauge(), trial(), coupon(), prediction()) if e.kind != left_out]
    release = judge("default", "e" * 64, given)
    assert not release.released
    assert release.reasons == (f"{left_out}: no evidence was given",)


@pytest.mark.parametrize(
    ("worse", "said"),
    [
        (gauge(noise_um=0.5), "gauge: GRR is"),
        (gauge(tolerance_um=0.5), "of the tolerance"),
        (trial(sigma_um=2.0), "Cpk of the relief is"),
        (trial(bow_um=3.5), "Ppk of single symbols"),
        (trial(marks=5), "5 trial marks, at least 25"),
        (trial(reads=[*READ, ("KT9NH5VR", "KT9NH5V8")]), "1 of 31 marks read wrong"),
        (coupon(delta_nm=300.0), "digs 33.0 um where 22 um are asked"),
        (prediction(share=0.8), "80.0% of symbols"),
        (prediction(read="KT9NH5V8"), "read as KT9NH5V8"),
    ],
)
def test_a_missed_limit_is_named_with_its_figure(worse: Exhibit, said: str) -> None:
    """Each kind of doubt blocks, and its reason gives the figure and the limit."""
    good = [e for e in (gauge(), trial(), coupon(), prediction()) if e.kind != worse.kind]
    release = judge("default", "e" * 64, [*good, worse])
    assert not release.released
    assert any(said in reason for reason in release.reasons), release.reasons


def test_the_manuals_own_example_blocks() -> None:
    """AIAG MSA: 27.9 % would do, 4 categories do not."""
    exhibit = gauge_exhibit(gauge_study(aiag()), (10, 3, 3), "aiag.csv", "a" * 64)
    assert exhibit.doubts == ("4 distinct categories, at least 5 are needed",)
    small = replace(gauge_study(aiag()), ndc=9)
    short = gauge_exhibit(small, (4, 3, 3), "aiag.csv", "a" * 64)
    assert short.doubts == ("4 x 3 x 3 parts, operators and trials, at least 5 x 2 x 2 are needed",)
