"""The figures of inspections out of the records again.

In: `Records`. Out: `Inspected` marks, oldest first (um and degrees). A figure that could not be
measured is null in the record and NaN here.
Authority: the record; nothing is measured again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import hypot, isfinite, nan
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from engraver.acceptance import Acceptance
from engraver.errors import InputError
from engraver.layout import MarkLayout
from engraver.record import MarkState
from station_api.records import Records, canonical
from station_api.records.tables import marks, transitions

SYMBOL_FIGURES = {
    "relief": ("relief_nm", 1e-3, "um"),
    "shift-x": ("shift_x_nm", 1e-3, "um"),
    "shift-y": ("shift_y_nm", 1e-3, "um"),
    "width": ("width_nm", 1e-3, "um"),
    "height": ("height_nm", 1e-3, "um"),
    "stroke": ("stroke_nm", 1e-3, "um"),
    "draft": ("draft_mdeg", 1e-3, "deg"),
    "floor-sa": ("floor_sa_nm", 1e-3, "um"),
    "floor-sq": ("floor_sq_nm", 1e-3, "um"),
    "recast": ("recast_nm", 1e-3, "um"),
}
"""Figures of one symbol: name -> key in the record, factor to the unit, unit."""

MARK_FIGURES = {
    "slope": ("relief_slope_nm", 1e-3, "um"),
    "tilt": ("tilt_mdeg", 1e-3, "deg"),
    "rotation": ("rotation_mdeg", 1e-3, "deg"),
    "scale": ("scale_ppm", 1e-6, "1"),
    "offset": ("mark_offset_nm", 1e-3, "um"),
}
"""Figures of the mark as a whole, the same way."""

FIGURES = (*SYMBOL_FIGURES, "position", *MARK_FIGURES)
"""Everything that can be charted; ``position`` is a symbol's distance from its place."""

MOST_MARKS = 10_000
INSPECTED = "read back and measured"
"""The reason of every transition that an inspection made."""

_DONE = (MarkState.VERIFIED.value, MarkState.REJECTED.value)


@dataclass(frozen=True, slots=True)
class Inspected:
    """One inspected mark as the records hold it; ``at_us`` since 1970-01-01 UTC."""

    mark_id: str
    position: int
    at_us: int
    recipe: str
    setup_sha256: str
    good: bool
    detail: Mapping[str, Any]

    def figure(self, name: str, symbol: int | None = None) -> float:
        """Return a figure of one symbol (from 0), or of the mark: then the mean of its symbols.

        Raises
        ------
        InputError
            If there is no such figure.
        """
        if name in MARK_FIGURES:
            key, factor, _ = MARK_FIGURES[name]
            return _value(self.detail, key, factor)
        values = [_of_symbol(one, name) for one in self._symbols(symbol)]
        finite = [value for value in values if isfinite(value)]
        return float(np.mean(finite)) if finite else nan

    def _symbols(self, symbol: int | None) -> list[Mapping[str, Any]]:
        return [s for s in self.detail["symbols"] if symbol is None or s["position"] == symbol]


def _of_symbol(one: Mapping[str, Any], name: str) -> float:
    if name == "position":
        return hypot(_of_symbol(one, "shift-x"), _of_symbol(one, "shift-y"))
    if name not in SYMBOL_FIGURES:
        raise InputError(f"figure {name!r} is unknown; known: {', '.join(FIGURES)}")
    key, factor, _ = SYMBOL_FIGURES[name]
    return _value(one, key, factor)


def _value(holder: Mapping[str, Any], key: str, factor: float) -> float:
    kept = holder.get(key)
    return nan if kept is None else kept * factor


def unit_of(name: str) -> str:
    """Return the unit of a figure.

    Raises
    ------
    InputError
        If there is no such figure.
    """
    if name == "position":
        return "um"
    known = SYMBOL_FIGURES | MARK_FIGURES
    if name not in known:
        raise InputError(f"figure {name!r} is unknown; known: {', '.join(FIGURES)}")
    return known[name][2]


def limits_of(
    name: str, layout: MarkLayout, relief_um: float, limits: Acceptance
) -> tuple[float | None, float | None]:
    """Return the lower and the upper limit of a figure; None where it has none."""

    def around(nominal: float, room: float) -> tuple[float, float]:
        return nominal - room, nominal + room

    known: dict[str, tuple[float | None, float | None]] = {
        "relief": around(relief_um, limits.relief_deviation_um),
        "shift-x": around(0.0, limits.position_deviation_um),
        "shift-y": around(0.0, limits.position_deviation_um),
        "position": (None, limits.position_deviation_um),
        "width": around(layout.cell_width_um, limits.size_deviation_um),
        "height": around(layout.cell_height_um, limits.size_deviation_um),
        "stroke": around(layout.stroke_um, limits.stroke_deviation_um),
        "floor-sq": (None, limits.floor_sq_um),
        "recast": (None, limits.recast_um),
        "slope": (None, limits.relief_slope_um),
        "offset": (None, limits.mark_offset_um),
        "scale": around(1.0, limits.scale_deviation),
    }
    return known.get(name, (None, None))


def inspected(
    records: Records,
    *,
    recipe: str | None = None,
    setup_sha256: str | None = None,
    since_us: int = 0,
    last: int = 500,
) -> list[Inspected]:
    """Return the newest inspections of this station, oldest first.

    Parameters
    ----------
    last
        At most so many, 10,000 at most.
    """
    if not 1 <= last <= MOST_MARKS:
        raise InputError(f"{last} marks cannot be charted; ask for 1 to {MOST_MARKS}")
    query = (
        sa.select(transitions, marks.c.recipe, marks.c.setup_sha256)
        .join(marks, marks.c.mark_id == transitions.c.mark_id)
        .where(transitions.c.station == records.station, transitions.c.to_state.in_(_DONE))
        .where(transitions.c.reason == INSPECTED, transitions.c.at_us >= since_us)
        .order_by(transitions.c.position.desc())
        .limit(last)
    )
    if recipe is not None:
        query = query.where(marks.c.recipe == recipe)
    if setup_sha256 is not None:
        query = query.where(marks.c.setup_sha256 == setup_sha256)
    with records.database.reading.connect() as connection:
        rows = connection.execute(query).all()
    return list(_read(reversed(rows)))


def _read(rows: Any) -> Iterator[Inspected]:
    for row in rows:
        detail = canonical.decode(row.detail)
        if not detail.get("symbols"):
            continue
        yield Inspected(
            mark_id=row.mark_id,
            position=row.position,
            at_us=row.at_us,
            recipe=row.recipe,
            setup_sha256=row.setup_sha256,
            good=row.to_state == MarkState.VERIFIED.value,
            detail=detail,
        )


def series(found: list[Inspected], name: str, symbol: int | None = None) -> NDArray[np.float64]:
    """Return one figure of all marks, ``(marks,)``, NaN where it was not measured."""
    unit_of(name)
    return np.array([one.figure(name, symbol) for one in found], np.float64)
