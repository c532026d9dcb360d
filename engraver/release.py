"""May a recipe be used on firearms? Evidence -> `Release`, with a reason for every no.

In: inspections' figures (um), a gauge study, read-backs. Out: `Release`. Authority: AIAG MSA (a
gauge that cannot tell blocks what rests on it), AIAG SPC and ISO 22514-2 (Cpk 1.33).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engraver.acceptance import Acceptance
from engraver.capability import Capability, ControlChart, GaugeStudy, capability, control_chart

LEAST_CPK = 1.33
FEWEST_MARKS = 25
"""Marks on which a first release rests; fewer leave Cpk uncertain by more than a quarter."""


@dataclass(frozen=True, slots=True)
class Release:
    """Whether a recipe is released, why not, and the digest of the evidence."""

    recipe: str
    released: bool
    reasons: tuple[str, ...]
    evidence_sha256: str


def judge(
    recipe: str,
    reliefs_um: NDArray[np.float64],
    nominal_um: float,
    limits: Acceptance,
    gauge: GaugeStudy,
    read_backs: Sequence[tuple[str, str]],
) -> tuple[Release, Capability, ControlChart]:
    """Judge a recipe by the reliefs of its trial marks, its gauge and its read-backs.

    Parameters
    ----------
    reliefs_um
        ``(marks,)`` mean relief of each trial mark, in the order they were made.
    read_backs
        Ordered and read code of each.
    """
    low, high = nominal_um - limits.relief_deviation_um, nominal_um + limits.relief_deviation_um
    chart = control_chart(reliefs_um)
    able = capability(reliefs_um, low, high, chart.sigma)
    reasons = list(_doubts(reliefs_um, able, chart, gauge, read_backs))
    evidence = {
        "recipe": recipe,
        "acceptance": limits.digest,
        "reliefs_nm": [round(float(v) * 1000) for v in reliefs_um],
        "read_backs": [list(pair) for pair in read_backs],
        "grr_ppm": round(gauge.grr_share * 1e6),
        "ndc": gauge.ndc,
    }
    return Release(recipe, not reasons, tuple(reasons), digest(evidence)), able, chart


def digest(evidence: Mapping[str, object]) -> str:
    """Return the SHA-256 of evidence in canonical JSON."""
    text = json.dumps(evidence, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _doubts(
    reliefs_um: NDArray[np.float64],
    able: Capability,
    chart: ControlChart,
    gauge: GaugeStudy,
    read_backs: Sequence[tuple[str, str]],
) -> Sequence[str]:
    """Return every reason against a release."""
    found = []
    if len(reliefs_um) < FEWEST_MARKS:
        found.append(f"{len(reliefs_um)} trial marks, {FEWEST_MARKS} are needed")
    if not gauge.acceptable:
        found.append(
            f"the gauge cannot tell: GRR {gauge.grr_share:.0%} of the variation "
            f"(at most 30 %), {gauge.ndc} categories (at least 5)"
        )
    if able.cpk < LEAST_CPK:
        found.append(f"Cpk {able.cpk:.2f} is below {LEAST_CPK}")
    beyond = [s for s in chart.signals if s.rule == 1]
    if beyond:
        found.append(f"mark {beyond[0].point + 1} is out of control: {beyond[0].text}")
    wrong = [(a, b) for a, b in read_backs if a != b]
    if wrong:
        found.append(f"{len(wrong)} of {len(read_backs)} marks read wrong, first {wrong[0][0]}")
    return found
