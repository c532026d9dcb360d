"""A control chart as a picture: points and spreads, their limits, and the rules that fired.

In: the JSON fields of a chart. Out: a PNG. Authority: none; limits of the chart are dashed, limits
of the acceptance profile dotted, a broken rule is a red ring, numbered where it fires.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def draw_chart(fields: dict[str, Any], path: Path | str) -> None:
    """Draw a chart with its spread chart under it."""
    figure = Figure(figsize=(9.0, 6.0), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2.2, 1.0))
    points, spreads = np.array(fields["points"]), np.array(fields["spreads"])
    x = np.arange(1, len(points) + 1)
    above.plot(x, points, "o-", color="tab:blue", markersize=4, linewidth=1)
    _lines(above, fields["centre"], fields["lower"], fields["upper"])
    for limit in (fields["lower_limit"], fields["upper_limit"]):
        if limit is not None:
            above.axhline(limit, color="tab:orange", linestyle=":", linewidth=1.5)
    _signals(above, fields["signals"], points)
    unit = f" ({fields['unit']})".replace("(um)", "(µm)") if fields["unit"] else ""
    which = "" if fields.get("symbol") is None else f" of position {fields['symbol']}"
    above.set_ylabel(f"{fields['figure']}{unit}")
    above.set_title(f"{fields['kind']} of {fields['figure']}{which}", fontsize=11)
    below.plot(x[len(x) - len(spreads) :], spreads, "o-", color="0.4", markersize=3, linewidth=1)
    _lines(below, fields["spread_centre"], fields["spread_lower"], fields["spread_upper"])
    below.set_ylabel("range" if fields["kind"] == "Xbar-R" else "moving range")
    below.set_xlabel("point")
    figure.savefig(str(path), metadata={"Software": None})


def _lines(axes: Any, centre: float, lower: float, upper: float) -> None:
    axes.axhline(centre, color="tab:green", linewidth=1)
    for limit in (lower, upper):
        axes.axhline(limit, color="tab:red", linestyle="--", linewidth=1)
    axes.grid(alpha=0.25)


def _signals(axes: Any, signals: list[dict[str, Any]], points: Any) -> None:
    """Ring every point of a broken rule; number a rule where it fires, not while it lasts."""
    fired = {(one["point"], one["rule"]) for one in signals}
    for point in sorted({point for point, _ in fired}):
        axes.plot(point + 1, points[point], "o", mfc="none", mec="tab:red", markersize=11)
        new = sorted(rule for at, rule in fired if at == point and (point - 1, rule) not in fired)
        axes.annotate(
            ",".join(map(str, new)), (point + 1, points[point]), xytext=(0, 9), color="tab:red",
            textcoords="offset points", ha="center", fontsize=8,
        )  # fmt: skip
