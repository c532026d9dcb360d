"""The legibility curve: whole codes and single symbols on cases, against rounds fired.

In: `Legibility`. Out: a PNG. Authority: none; shares are of simulated cases, and say so.
"""

from __future__ import annotations

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from engraver.impressions import Legibility


def draw_legibility(found: Legibility, code: str, path: Path | str, title: str = "") -> None:
    """Draw the share of legible symbols by position, and of whole codes, against rounds."""
    figure = Figure(figsize=(8.0, 5.0), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for k, symbol in enumerate(code):
        label = "single symbols" if k == 0 else None
        axes.plot(found.rounds, found.symbol[:, k], color="0.7", linewidth=1.0, label=label)
        axes.annotate(
            symbol,
            (float(found.rounds[-1]), float(found.symbol[-1, k])),
            xytext=(4 + 9 * (k % 4), 0),
            textcoords="offset points",
            fontsize=8,
            color="0.4",
            va="center",
        )
    mean = found.symbol.mean(axis=1)
    axes.plot(found.rounds, mean, color="tab:blue", linewidth=2, label="mean symbol", marker="o")
    axes.plot(
        found.rounds, found.whole, color="tab:red", linewidth=2, label="whole code", marker="o"
    )
    axes.set_ylim(0.0, 1.03)
    axes.set_xlabel("rounds fired before")
    axes.set_ylabel("share read right on one case")
    axes.set_title(f"{code}  {title}, {found.trials} simulated firearms", fontsize=11)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left")
    figure.savefig(str(path), metadata={"Software": None})
