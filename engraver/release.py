"""May a recipe be used on firearms? Exhibits -> `Release`, with a reason for every no.

In: a gauge study, the reliefs of trial marks (um), a coupon's fit, a predicted legibility. Out:
`Exhibit` of each, in integers, and `Release`. Authority: AIAG MSA (a gauge that cannot tell
blocks what rests on it), AIAG SPC and ISO 22514-2 (Cpk 1.33); Pin32 for the share of symbols that
has to be legible. Limits that no standard gives are marked as assumptions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from engraver import crater
from engraver.acceptance import Acceptance
from engraver.capability import (
    LARGEST_GRR,
    LEAST_NDC,
    GaugeStudy,
    capability,
    control_chart,
)
from engraver.coupon import Calibration
from engraver.profiles import Setup

Floats = NDArray[np.float64]

KINDS = ("gauge", "capability", "coupon", "prediction")
"""What a release rests on; none can be left out."""

LEAST_CPK = 1.33
FEWEST_MARKS = 25
"""Marks on which a first release rests; fewer leave Cpk uncertain by more than a quarter."""

FEWEST_PARTS, FEWEST_OPERATORS, FEWEST_TRIALS = 5, 2, 2
"""Smallest gauge study: AIAG asks for 10 x 3 x 3 and allows 5 x 2 x 2 as its short form."""

LEAST_LEGIBLE = 0.9
"""Share of single symbols read on a first case. Assumption: at 0.9 a code of 12 of which 8 are
needed is read whole or with erasures in more than 99 of 100 cases."""

LIMITS: Mapping[str, Mapping[str, int]] = {
    "parts": {"least": FEWEST_PARTS},
    "operators": {"least": FEWEST_OPERATORS},
    "trials": {"least": FEWEST_TRIALS},
    "grr_ppm": {"most": round(LARGEST_GRR * 1e6)},
    "grr_tolerance_ppm": {"most": round(LARGEST_GRR * 1e6)},
    "ndc": {"least": LEAST_NDC},
    "marks": {"least": FEWEST_MARKS},
    "cpk_ppm": {"least": round(LEAST_CPK * 1e6)},
    "ppk_symbols_ppm": {"least": round(LEAST_CPK * 1e6)},
    "legible_ppm": {"least": round(LEAST_LEGIBLE * 1e6)},
}
"""What the figures of exhibits are held to, in the integers they are written in."""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One piece of evidence: what it rests on, its figures in integers, doubts against it."""

    kind: str
    source: str
    source_sha256: str
    figures: Mapping[str, object]
    doubts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """Whether a recipe is released, why not, and the digest of the evidence."""

    recipe: str
    setup_sha256: str
    released: bool
    reasons: tuple[str, ...]
    evidence: str
    evidence_sha256: str


def judge(recipe: str, setup_sha256: str, exhibits: Sequence[Exhibit]) -> Release:
    """Judge a recipe: every kind of evidence is there and none has a doubt."""
    reasons = [
        f"{kind}: no evidence was given"
        for kind in KINDS
        if not any(one.kind == kind for one in exhibits)
    ]
    reasons += [f"{one.kind}: {doubt}" for one in exhibits for doubt in one.doubts]
    evidence = {
        "recipe": recipe,
        "setup_sha256": setup_sha256,
        "exhibits": [asdict(one) for one in exhibits],
    }
    text = json.dumps(evidence, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Release(recipe, setup_sha256, not reasons, tuple(reasons), text, digest)


def gauge_exhibit(
    study: GaugeStudy, shape: tuple[int, int, int], source: str, sha256: str
) -> Exhibit:
    """Judge a crossed study of ``shape`` parts, operators and trials."""
    doubts = []
    least = (FEWEST_PARTS, FEWEST_OPERATORS, FEWEST_TRIALS)
    if any(n < needed for n, needed in zip(shape, least, strict=True)):
        doubts.append(
            f"{' x '.join(map(str, shape))} parts, operators and trials, at least "
            f"{' x '.join(map(str, least))} are needed"
        )
    if study.grr_share > LARGEST_GRR:
        doubts.append(
            f"GRR is {study.grr_share:.1%} of the variation, {LARGEST_GRR:.0%} is the limit"
        )
    if study.ndc < LEAST_NDC:
        doubts.append(f"{study.ndc} distinct categories, at least {LEAST_NDC} are needed")
    share = study.grr_tolerance_share
    if share is not None and share > LARGEST_GRR:
        doubts.append(f"GRR is {share:.1%} of the tolerance, {LARGEST_GRR:.0%} is the limit")
    figures = {
        "parts": shape[0],
        "operators": shape[1],
        "trials": shape[2],
        "grr_ppm": _millionths(study.grr_share),
        "grr_tolerance_ppm": None if share is None else _millionths(share),
        "ndc": study.ndc,
    }
    return Exhibit("gauge", source, sha256, figures, tuple(doubts))


def capability_exhibit(
    reliefs_um: Floats,
    nominal_um: float,
    limits: Acceptance,
    read_backs: Sequence[tuple[str, str]],
    source: str,
    sha256: str,
) -> Exhibit:
    """Judge trial marks.

    Parameters
    ----------
    reliefs_um
        ``(marks, symbols)`` in the order they were made, ``(marks, 1)`` where only means are
        known. The chart is of means; Ppk of all single symbols has to reach the limit too.
    read_backs
        Ordered and read code of each mark, empty where a table does not say.
    """
    low, high = nominal_um - limits.relief_deviation_um, nominal_um + limits.relief_deviation_um
    marks = len(reliefs_um)
    figures: dict[str, object] = {"marks": marks, "acceptance_sha256": limits.digest}
    if marks < FEWEST_MARKS:
        doubts = [f"{marks} trial marks, at least {FEWEST_MARKS} are needed"]
        return Exhibit("capability", source, sha256, figures, tuple(doubts))
    means = reliefs_um.mean(axis=1)
    chart = control_chart(means)
    able = capability(means, low, high, chart.sigma)
    single = capability(reliefs_um, low, high)
    doubts = []
    if able.cpk < LEAST_CPK:
        doubts.append(f"Cpk of the relief is {able.cpk:.2f}, at least {LEAST_CPK} is needed")
    if single.ppk < LEAST_CPK:
        doubts.append(
            f"Ppk of single symbols' relief is {single.ppk:.2f}, at least {LEAST_CPK} is needed"
        )
    beyond = [signal for signal in chart.signals if signal.rule == 1]
    if beyond:
        doubts.append(f"mark {beyond[0].point + 1} is out of control: {beyond[0].text}")
    wrong = [(ordered, read) for ordered, read in read_backs if ordered != read]
    if wrong:
        doubts.append(f"{len(wrong)} of {len(read_backs)} marks read wrong, first {wrong[0][0]}")
    figures |= {
        "mean_nm": round(able.mean * 1000),
        "cpk_ppm": _millionths(able.cpk),
        "cpk_low_ppm": _millionths(able.cpk_low),
        "cpk_high_ppm": _millionths(able.cpk_high),
        "ppk_symbols_ppm": _millionths(single.ppk),
    }
    return Exhibit("capability", source, sha256, figures, tuple(doubts))


def coupon_exhibit(
    known: Calibration, setup: Setup, limits: Acceptance, source: str, sha256: str
) -> Exhibit:
    """Judge a recipe by the metal that the coupon found: would it reach its relief on it?"""
    laser = replace(setup.laser, beam_radius_um=known.beam_radius_um.value)
    found = replace(setup, laser=laser, material=known.material(setup.material.name))
    depth_um, asked_um = crater.depth_um(found), setup.recipe.relief_um
    doubts = []
    if abs(depth_um - asked_um) > limits.relief_deviation_um:
        doubts.append(
            f"on the coupon's metal the recipe digs {depth_um:.1f} um where {asked_um:g} um are "
            f"asked, {limits.relief_deviation_um:g} um off is the limit; calibrate the material"
        )
    figures: dict[str, object] = {
        "used": known.used,
        "threshold_mj_cm2": round(known.ablation_threshold_j_cm2.value * 1000),
        "incubation_ppm": _millionths(known.incubation_coefficient.value),
        "penetration_pm": round(known.penetration_depth_nm.value * 1000),
        "depth_nm": round(depth_um * 1000),
    }
    return Exhibit("coupon", source, sha256, figures, tuple(doubts))


def prediction_exhibit(
    code: str, read_back: str, symbol_shares: Floats, source: str, sha256: str
) -> Exhibit:
    """Judge a prediction: the pin reads right, and its symbols can be read on a first case."""
    doubts = []
    if read_back != code:
        doubts.append(f"code {code} is predicted to be read as {read_back} on the pin")
    mean = float(np.mean(symbol_shares))
    if mean < LEAST_LEGIBLE:
        doubts.append(
            f"{mean:.1%} of symbols are predicted legible on a first case, "
            f"at least {LEAST_LEGIBLE:.0%} is needed"
        )
    figures: dict[str, object] = {
        "code": code,
        "legible_ppm": _millionths(mean),
        "worst_position_ppm": _millionths(float(np.min(symbol_shares))),
    }
    return Exhibit("prediction", source, sha256, figures, tuple(doubts))


def _millionths(value: float) -> int | None:
    return round(value * 1e6) if isfinite(value) else None
