"""The wear series: symbols read right on each case, against the round it was fired in.

In: cases by firearm. Out: a PNG, the same bytes from the same cases. Authority: none; where cases
are simulated the picture says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator


def draw_wear(
    series: Mapping[str, Sequence[tuple[int, int]]], symbols: int, path: Path, simulated: bool
) -> None:
    """Draw a line a firearm: ``(round, symbols read right)``, the worst named."""
    figure = Figure(figsize=(8.0, 3.4), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    worst = sorted(series, key=lambda serial: min(right for _, right in series[serial]))[:5]
    for serial, points in sorted(series.items()):
        rounds, right = zip(*sorted(points), strict=True)
        named = serial in worst
        axes.plot(
            rounds,
            right,
            marker="o",
            markersize=3,
            linewidth=1.4 if named else 0.8,
            color=None if named else "0.7",
            label=serial if named else None,
        )
    axes.set_ylim(-0.3, symbols + 0.5)
    axes.set_xlabel("round")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(f"symbols read right, of {symbols}")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left", fontsize=7, title="fewest read right", title_fontsize=7)
    if simulated:
        axes.text(
            0.5, 0.5, "SIMULATION", transform=axes.transAxes, ha="center", va="center",
            fontsize=34, color="tab:red", alpha=0.25, rotation=12,
        )  # fmt: skip
    figure.savefig(path, metadata={"Software": None})
