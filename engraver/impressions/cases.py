"""Height map of a case -> what can be read on it, symbol by symbol.

In: `HeightMap` of a primer, seen as a person looks at the case (um), and the design. Out:
`CaseReading` with an ``(n, 32)`` table of log-likelihoods for `engraver.evidence`. Authority:
the reader of pins (`engraver.inspection.reading`), looking at the negative: a case turned
inside out is a pin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import hypot, pi

import numpy as np
from numpy.typing import NDArray

from engraver.errors import ScanError
from engraver.heightmap import HeightMap
from engraver.inspection import expected, form, reading, registration
from engraver.inspection.registration import Field, Pose
from engraver.relief import ReliefDesign

Floats = NDArray[np.float64]
L_FILTER_UM = 250.0
"""Waves longer than two symbols are the dent and the contact, not the code."""

TEMPER = 0.8
"""Share of a case's log-likelihood that counts. Over simulated cases it is the largest tried (of
0.1 to 1.3) at which symbols given more than 0.9 are right at least as often as stated: 0.995
against 0.984 in poor conditions, 0.9993 against 0.9998 of 1,528 in good ones."""

SETTLED_UM = 40.0  # farther, the fit has run away from the place that was found

LEGIBLE = 0.9
"""Posterior of a symbol, among 32, from which it counts as read."""


@dataclass(frozen=True, slots=True, eq=False)
class CaseReading:
    """What one case says.

    ``text`` has ``?`` where no symbol reaches the posterior `LEGIBLE`; ``symbols`` is the
    likeliest text without such reserve; ``table`` the log-likelihoods behind both.
    """

    text: str
    symbols: str
    table: Floats
    quality: float
    pose: Pose

    def __post_init__(self) -> None:
        self.table.setflags(write=False)


def read_case(
    height_map: HeightMap, design: ReliefDesign, start: Pose | None = None
) -> CaseReading:
    """Read the impression of a mark of ``design``'s layout; its own code is not used.

    Parameters
    ----------
    start
        Where the mark lies, if that is known (its mirror included); it is looked for otherwise.

    Raises
    ------
    ScanError
        If the map holds too little to look at.
    """
    field = inside_out(height_map)
    shapes = expected.templates(design)
    if start is not None:
        return _reading(reading.read(field, design.layout, shapes, start), start)
    found = [
        (pose, reading.read(field, design.layout, shapes, pose)) for pose in _poses(field, design)
    ]
    pose, seen = max(found, key=lambda f: f[1].quality)
    fit = registration.settle(field, expected.surface(design, seen.symbols), pose, scaled=False)
    if hypot(fit.pose.shift_x_um - pose.shift_x_um, fit.pose.shift_y_um - pose.shift_y_um) < 15.0:
        again = reading.read(field, design.layout, shapes, fit.pose)
        pose, seen = (fit.pose, again) if again.quality > seen.quality else (pose, seen)
    return _reading(seen, pose)


def inside_out(height_map: HeightMap) -> Field:
    """Return the negative of a case with dent and long waves taken off."""
    if np.isfinite(height_map.z_um).sum() < form.FEWEST_POINTS:
        raise ScanError("the case has too few measured points to look at; measure it again")
    z = -height_map.z_um
    long_waves = form.gaussian(z, height_map.pitch_xy_um, L_FILTER_UM)
    return Field(z - long_waves, height_map.pitch_xy_um, height_map.origin_xy_um)


def _poses(field: Field, design: ReliefDesign) -> list[Pose]:
    """Return where the mark may lie: round the best place, either way up; always mirrored."""
    coarse = registration.shrink(field, registration.COARSE_UM)
    nameless = expected.anonymous(design, coarse.pitch_xy_um[0])
    spread = float(np.nanstd(coarse.z_um)) or 1.0
    flipped = Field(coarse.z_um[:, ::-1], coarse.pitch_xy_um, _mirrored_origin(coarse))
    lifted = Field(flipped.z_um - np.nanpercentile(flipped.z_um, 90), *_frame(flipped))
    at = registration.find(lifted, nameless, 3 * spread)
    start = replace(at, rotation_rad=-at.rotation_rad, shift_x_um=-at.shift_x_um, mirrored=True)
    return [pose for turn in (0.0, pi) for pose in _neighbours(field, design, start, turn)]


def _neighbours(field: Field, design: ReliefDesign, start: Pose, turn: float) -> list[Pose]:
    """Return ``start`` one way up, moved by up to one cell: a code is a grid that looks alike."""
    turned = replace(start, rotation_rad=start.rotation_rad + turn)
    nameless = expected.anonymous(design, 2.0)
    settled = registration.settle(field, nameless, turned, scaled=False).pose
    away = hypot(settled.shift_x_um - turned.shift_x_um, settled.shift_y_um - turned.shift_y_um)
    base = settled if away < SETTLED_UM else turned
    width, height = expected.cell_size_um(design.layout)
    poses = []
    for row in (-1, 0, 1):
        for column in (-1, 0, 1):
            x, y = base.to_scan(np.array([column * width]), np.array([row * height]))
            poses.append(replace(base, shift_x_um=float(x[0]), shift_y_um=float(y[0])))
    return poses


def _frame(field: Field) -> tuple[tuple[float, float], tuple[float, float]]:
    return field.pitch_xy_um, field.origin_xy_um


def _mirrored_origin(field: Field) -> tuple[float, float]:
    last = field.origin_xy_um[0] + field.pitch_xy_um[0] * (field.z_um.shape[1] - 1)
    return (-last, field.origin_xy_um[1])


def _reading(seen: reading.Reading, pose: Pose) -> CaseReading:
    table = TEMPER * seen.log_likelihood
    share = np.exp(table - table.max(axis=1, keepdims=True))
    share = share / share.sum(axis=1, keepdims=True)
    sure = share.max(axis=1) >= LEGIBLE
    text = "".join(s if ok else "?" for s, ok in zip(seen.symbols, sure, strict=True))
    return CaseReading(text, seen.symbols, table, seen.quality, pose)
