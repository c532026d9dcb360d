"""8, 10 or 12 symbols on a given tip: the format whose cases identify most often.

In: a `Setup` (its part and recipe). Out: `FormatChoice`, with what every format would do.
Authority: a simulation, no measurement: one case in the ``poor`` conditions of
`engraver.impressions` (Krivosta 2006), read and called among 100,000 issued codes at posterior
0.99. The counts are written by ``python benchmarks/identification.py --sizes --write``.

Theory of operation. A tip holds so much: fewer symbols are larger, and each is read more often;
more symbols are smaller, and fewer of them need to be read. Which wins turns on the size of the
cells that the tip leaves, so every format is laid out on the part and looked up by the height of
its cells. Formats that the counts cannot tell apart (two standard errors of their difference) are
as good as each other: the longest of them is taken, for more of it may be lost or misread before
a person, without likelihoods, can no longer decode it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from engraver import codes, crater, glyphs, layout
from engraver.errors import DesignError
from engraver.profiles import Setup

AUTO = "auto"
"""The code format of a recipe that leaves the choice to its tip."""

TRIALS = 60
FORMATS = ("pin32-8", "pin32-10", "pin32-12")
_COUNTS = (
    # counts begin
    (55.0, 13, 20, 22),
    (70.0, 49, 46, 47),
    (90.0, 56, 58, 58),
    (120.0, 55, 57, 60),
    (160.0, 55, 58, 55),
    (220.0, 53, 54, 59),
    # counts end
)
"""Height of a cell (um), then how many of `TRIALS` firearms one case identified, by format."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One format on the tip: height of its cells, share identified; or why it does not go."""

    format_name: str
    cell_height_um: float
    identified: float
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class FormatChoice:
    """The format taken and all that were weighed, shortest first."""

    format_name: str
    candidates: tuple[Candidate, ...]


def identified(format_name: str, cell_height_um: float) -> float:
    """Return the simulated share of firearms that one poor case identifies, 0 to 1.

    Between the sizes that were simulated it is interpolated; beyond them it stays at the last.

    Examples
    --------
    >>> identified("pin32-12", 45.0) < identified("pin32-12", 120.0)
    True
    """
    table = np.array(_COUNTS, dtype=np.float64)
    column = table[:, 1 + FORMATS.index(format_name)] / TRIALS
    return float(np.interp(cell_height_um, table[:, 0], column))


def choose(setup: Setup) -> FormatChoice:
    """Weigh all formats on the setup's part; its recipe's own format does not matter.

    Raises
    ------
    DesignError
        If no format fits the part; the reasons name what each lacks.
    """
    candidates = tuple(_weighed(name, setup) for name in FORMATS)
    fit = [one for one in candidates if not one.refusal]
    if not fit:
        reasons = "; ".join(one.refusal for one in candidates)
        raise DesignError(f"recipe {setup.recipe.name}: no format fits its tip: {reasons}")
    best = max(one.identified for one in fit)
    as_good = [one for one in fit if best - one.identified <= _doubt(best, one.identified)]
    return FormatChoice(as_good[-1].format_name, candidates)


def settled(setup: Setup) -> Setup:
    """Return the setup with a format in place of `AUTO`; any other setup as it is."""
    if setup.recipe.code_format != AUTO:
        return setup
    return with_format(setup, choose(setup).format_name)


def with_format(setup: Setup, format_name: str) -> Setup:
    """Return the setup with another code format."""
    return replace(setup, recipe=replace(setup.recipe, code_format=format_name))


def _doubt(best: float, other: float) -> float:
    """Return two standard errors of the difference of two simulated shares."""
    return 2 * sqrt((best * (1 - best) + other * (1 - other)) / TRIALS)


def _weighed(name: str, setup: Setup) -> Candidate:
    trial = with_format(setup, name)
    try:
        placed = layout.arrange(codes.encode_index(0, name), trial)
    except DesignError as error:
        return Candidate(name, 0.0, 0.0, str(error))
    size = placed.cell_height_um, placed.cell_width_um, placed.stroke_um
    radius = crater.kerf_um(trial) or setup.laser.beam_radius_um
    if lost := [symbol for symbol in glyphs.SYMBOLS if not glyphs.survives(symbol, *size, radius)]:
        return Candidate(
            name, size[0], 0.0, f"a crater radius of {radius:.1f} um closes {', '.join(lost)}"
        )
    return Candidate(name, size[0], identified(name, size[0]))
