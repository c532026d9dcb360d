"""Control charts and capability over the records: what was measured, in the order it was made.

In: `Inspected` marks, a figure, its limits. Out: JSON fields, and signals that name the mark at
which a rule was broken. Authority: engraver.capability (AIAG SPC, ISO 22514-2, Western Electric).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import numpy as np

from engraver import codes, gcode, layout
from engraver.acceptance import Acceptance
from engraver.capability import Capability, ControlChart, capability, control_chart
from engraver.errors import InputError
from engraver.layout import MarkLayout
from engraver.profiles import Setup
from station_api.quality import figures
from station_api.quality.figures import FIGURES, Inspected, limits_of, series, unit_of
from station_api.records import Records

Limits = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which figure is charted, and how.

    Parameters
    ----------
    symbol
        A position of the code from 0; the mean of all symbols without.
    subgroup
        Marks in a row that make one point: 1 gives an I-MR chart, 2 to 10 an Xbar-R chart.
    baseline
        Points that the limits are taken from; all without.
    """

    figure: str = "relief"
    symbol: int | None = None
    subgroup: int = 1
    baseline: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Charted:
    """A chart, the marks behind each of its points, and what the figure may be."""

    wanted: Wanted
    chart: ControlChart
    points: tuple[tuple[Inspected, ...], ...]
    limits: Limits
    able: Capability | None
    unmeasured: int


def marks_of(
    records: Records, setup: Setup | None, since_us: int = 0, last: int = 500
) -> list[Inspected]:
    """Return the inspected marks of a recipe as it stands: other figures make another process."""
    digest = None if setup is None else gcode.setup_sha256(setup)
    return figures.inspected(records, setup_sha256=digest, since_us=since_us, last=last)


def chart_marks(found: Sequence[Inspected], wanted: Wanted, limits: Limits) -> Charted:
    """Chart one figure of inspected marks.

    Raises
    ------
    InputError
        If there are too few marks that carry the figure.
    """
    if not 1 <= wanted.subgroup <= 10:
        raise InputError(f"subgroups of {wanted.subgroup} marks cannot be charted; use 1 to 10")
    values = series(list(found), wanted.figure, wanted.symbol)
    seen = np.flatnonzero(np.isfinite(values))
    whole = len(seen) // wanted.subgroup
    if whole < 2:
        raise InputError(
            f"{len(seen)} of {len(found)} inspected marks carry figure {wanted.figure!r}; a chart "
            f"needs {2 * wanted.subgroup}"
        )
    groups = seen[: whole * wanted.subgroup].reshape(whole, wanted.subgroup)
    chart = control_chart(values[groups], wanted.baseline)
    able = None
    if any(limit is not None for limit in limits):
        able = capability(values[groups], *limits, chart.sigma)
    points = tuple(tuple(found[k] for k in group) for group in groups.tolist())
    return Charted(wanted, chart, points, limits, able, len(found) - len(seen))


def chart_fields(charted: Charted) -> dict[str, Any]:
    """Return a chart as JSON fields; a signal names the last mark of the point that fired it."""
    chart, wanted = charted.chart, charted.wanted
    return {
        "figure": wanted.figure,
        "symbol": wanted.symbol,
        "unit": unit_of(wanted.figure),
        "kind": chart.kind,
        "subgroup": wanted.subgroup,
        "baseline": wanted.baseline,
        "centre": chart.centre,
        "lower": chart.lower,
        "upper": chart.upper,
        "spread_centre": chart.spread_centre,
        "spread_lower": chart.spread_lower,
        "spread_upper": chart.spread_upper,
        "sigma": chart.sigma,
        "lower_limit": charted.limits[0],
        "upper_limit": charted.limits[1],
        "points": [round(float(v), 6) for v in chart.points],
        "spreads": [round(float(v), 6) for v in chart.spreads],
        "marks": [group[-1].mark_id for group in charted.points],
        "at_us": [group[-1].at_us for group in charted.points],
        "unmeasured": charted.unmeasured,
        "signals": [
            asdict(signal) | {"mark_id": charted.points[signal.point][-1].mark_id}
            for signal in chart.signals
        ],
        "capability": None if charted.able is None else capability_fields(charted.able),
    }


def capability_fields(able: Capability) -> dict[str, Any]:
    """Return capability as JSON fields; null where an index does not exist."""
    fields = asdict(able)
    return {
        key: (value if not isinstance(value, float) or isfinite(value) else None)
        for key, value in fields.items()
    }


def capability_table(
    found: Sequence[Inspected], where: MarkLayout, relief_um: float, limits: Acceptance
) -> list[dict[str, Any]]:
    """Return the capability of every figure that has a limit, as JSON fields."""
    rows = []
    for name in FIGURES:
        lower, upper = limits_of(name, where, relief_um, limits)
        if lower is None and upper is None:
            continue
        row: dict[str, Any] = {
            "figure": name,
            "unit": unit_of(name),
            "lower_limit": lower,
            "upper_limit": upper,
            "capability": None,
            "signals": 0,
        }
        if np.isfinite(series(list(found), name)).sum() >= 2:
            charted = chart_marks(found, Wanted(name), (lower, upper))
            assert charted.able is not None
            row["capability"] = capability_fields(charted.able)
            row["signals"] = len(charted.chart.signals)
        rows.append(row)
    return rows


def layout_of(setup: Setup) -> MarkLayout:
    """Return the layout that every code of a recipe has, without any order."""
    return layout.arrange(codes.encode_index(0, setup.recipe.code_format), setup)


def since(text: str) -> int:
    """Read a day or a time in UTC, as us since 1970.

    Examples
    --------
    >>> since("2027-01-15")
    1799971200000000
    """
    if not text:
        return 0
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is no day; write 2027-01-15 or 2027-01-15T08:00") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1e6)
