"""`Inspection` and its parts: what was read, measured and found on one pin.

In and out: values; lengths in um. Authority: ISO 14253-1 for the words of the verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from engraver.inspection.registration import Pose

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure with its standard uncertainty, um unless said otherwise."""

    value: float
    u: float


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured on one symbol; deviations are measured minus designed."""

    relief_um: Measure
    shift_x_um: Measure
    shift_y_um: Measure
    width_um: Measure
    height_um: Measure
    stroke_um: Measure
    draft_deg: Measure
    floor_sa_um: Measure
    floor_sq_um: Measure
    recast_um: Measure
    residual_um: float

    @property
    def shift_um(self) -> Measure:
        """Distance from the symbol's place."""
        u = max(self.shift_x_um.u, self.shift_y_um.u)
        return Measure(float(np.hypot(self.shift_x_um.value, self.shift_y_um.value)), u)


_UNKNOWN = Measure(float("nan"), float("nan"))
NOTHING = Measures(
    relief_um=_UNKNOWN,
    shift_x_um=_UNKNOWN,
    shift_y_um=_UNKNOWN,
    width_um=_UNKNOWN,
    height_um=_UNKNOWN,
    stroke_um=_UNKNOWN,
    draft_deg=_UNKNOWN,
    floor_sa_um=_UNKNOWN,
    floor_sq_um=_UNKNOWN,
    recast_um=_UNKNOWN,
    residual_um=float("nan"),
)
"""What is known of a symbol that cannot be measured."""


class Verdict(StrEnum):
    """A bad mark is a result, not an error."""

    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: a stable ``code``, a sentence with figures, where."""

    code: str
    text: str
    position: int | None = None


@dataclass(frozen=True, slots=True)
class SymbolReport:
    """What was found in one cell; ``grade`` is A to F, ``reason`` what kept it from an A."""

    position: int
    row: int
    column: int
    designed: str
    symbol: str
    probability: float
    runner_up: str
    runner_up_probability: float
    correlation: float
    measured: float
    centre_x_um: float
    centre_y_um: float
    width_um: float
    height_um: float
    measures: Measures
    grade: str
    reason: str

    @property
    def relief_um(self) -> float:
        """Step height from floor to top."""
        return self.measures.relief_um.value


@dataclass(frozen=True, slots=True)
class Tooth:
    """One tooth of the gear ring, or several in a row.

    ``centre_deg`` is its designed place, counter-clockwise from twelve o'clock on the pin (as on
    the primer clockwise); ``shift_um`` how far along the ring it stands from there.
    """

    centre_deg: float
    stands: bool
    height_um: Measure
    shift_um: Measure


@dataclass(frozen=True, slots=True)
class RingReport:
    """The gear ring: its slots as designed and as read (None: not measured), its teeth.

    ``fiducial`` tells whether the start mark reads, ``fiducial_shift_um`` how far along the ring
    it stands from twelve o'clock of the mark; None where it does not read.
    """

    wanted: tuple[int, ...]
    read: tuple[int | None, ...]
    teeth: tuple[Tooth, ...]
    fiducial: bool
    fiducial_shift_um: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Inspection:
    """The result of looking at one pin.

    ``log_likelihood`` is ``(n, 32)`` by position of the code, the evidence of the read-back;
    ``pose`` lays the tip frame on the scan; ``mark_offset_um`` is the mark's distance from the
    tip's centre, None where the scan does not show the rim; ``acceptance`` is the name, and
    ``acceptance_digest`` the SHA-256, of the limits it was judged by; ``ring`` is None where the
    design has no gear ring.
    """

    read_back: str
    designed: str
    verdict: Verdict
    grade: str
    symbols: tuple[SymbolReport, ...]
    findings: tuple[Finding, ...]
    pose: Pose
    registration_u_um: float
    relief_um: float
    relief_slope_um: float
    tilt_deg: float
    mark_offset_um: Measure | None
    residual_um: float
    log_likelihood: Floats
    acceptance: str
    acceptance_digest: str
    ring: RingReport | None = None

    def __post_init__(self) -> None:
        self.log_likelihood.setflags(write=False)
