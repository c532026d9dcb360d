"""Impressions: what a pin leaves on a case can be read, and fades as it should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import hardware
from engraver import codes, evidence, layout, relief
from engraver.errors import ProfileError, ScanError
from engraver.heightmap import HeightMap
from engraver.impressions import CONDITIONS, Firearm, Shot, legibility, read_case, strike
from engraver.impressions.conditions import conditions_named
from engraver.impressions.legibility import ideal_pin, shoot
from engraver.issued import issue
from engraver.likelihood import ReadModel

SETUP = hardware.load_setup("default")
INDEX = 163963
DESIGN = relief.design(layout.arrange(codes.encode_index(INDEX), SETUP), SETUP)
PERFECT = replace(
    CONDITIONS["good"],
    transfer=1.0,
    pressure=2.0,
    pressure_spread=0.0,
    offset_um=0.0,
    tilt=0.0,
    flow_um=0.01,
    drag_um=0.0,
    double_strike=0.0,
    sealant=0.0,
    roughness_um=0.0,
)


def test_a_perfect_blow_is_the_pin_inside_out() -> None:
    """Full contact, no smear, no wear: the case is the mirror image of the pin, negated."""
    pin, rng = ideal_pin(DESIGN), np.random.default_rng(1)
    firearm = Firearm.draw(PERFECT, rng)
    case = strike(pin, PERFECT, firearm, Shot.draw(PERFECT, firearm, 0, rng))
    np.testing.assert_allclose(case.z_um, -pin.z_um[:, ::-1], atol=1e-6)


def test_equal_seeds_give_equal_cases() -> None:
    """The model draws nothing but from the generator it is given."""
    maps = []
    for _ in range(2):
        rng = np.random.default_rng(5)
        firearm = Firearm.draw(CONDITIONS["poor"], rng)
        shot = Shot.draw(CONDITIONS["poor"], firearm, 10, rng)
        maps.append(strike(ideal_pin(DESIGN), CONDITIONS["poor"], firearm, shot).z_um)
    np.testing.assert_array_equal(maps[0], maps[1])


@pytest.mark.parametrize("turn", [0, 1, 2])
def test_a_case_in_its_dent_is_found_and_read(turn: int) -> None:
    """The whole way: dent, any quarter turn, place unknown; the text reads as ordered."""
    rng = np.random.default_rng(8 + turn)
    good = CONDITIONS["good"]
    firearm = Firearm.draw(good, rng)
    pin = ideal_pin(DESIGN)
    case = strike(pin, good, firearm, Shot.draw(good, firearm, 100, rng), dent=True)
    z = np.ascontiguousarray(np.rot90(np.pad(case.z_um, 20, mode="edge"), turn))
    seen = read_case(HeightMap(z, case.pitch_xy_um, (500.0, -200.0)), DESIGN)
    right = sum(a == b for a, b in zip(seen.symbols, DESIGN.layout.code.text, strict=True))
    assert right >= 11


def test_legibility_falls_with_rounds_and_with_conditions() -> None:
    """Worn pins print worse, and poor conditions are poorer than good ones."""
    good = legibility(DESIGN, CONDITIONS["good"], [0, 1500], firearms=6)
    poor = legibility(DESIGN, CONDITIONS["poor"], [0, 20_000], firearms=6)
    assert good.symbol.mean() > 0.95
    assert poor.symbol[0].mean() > poor.symbol[1].mean()
    assert poor.symbol.mean() < good.symbol.mean()


def test_cases_lead_to_the_right_firearm_and_to_no_other() -> None:
    """Likelihoods of cases name an issued code, and a code that was not issued stays open."""
    issued = issue(np.arange(163_000, 165_000), codes.FORMATS["pin32-12"])
    rng = np.random.default_rng(3)
    firearm, pin = Firearm.draw(CONDITIONS["poor"], rng), ideal_pin(DESIGN)
    read = [shoot(pin, DESIGN, CONDITIONS["poor"], firearm, k, rng).table for k in range(3)]
    found = evidence.call(read, issued, ReadModel())
    assert found.verdict == "identified"
    assert found.candidates[0].index == INDEX
    others = issue(np.arange(264_000, 266_000), codes.FORMATS["pin32-12"])
    assert evidence.call(read, others, ReadModel()).verdict != "identified"


def test_bad_requests_are_one_line() -> None:
    """Unknown conditions and an empty case."""
    with pytest.raises(ProfileError, match="known: poor, good"):
        conditions_named("fair")
    with pytest.raises(ScanError, match="too few"):
        read_case(HeightMap(np.full((9, 9), np.nan), (3.0, 3.0), (0.0, 0.0)), DESIGN)
