"""Gauge studies: a table of measurements, or a folder of scans measured here -> `GaugeStudy`.

In: rows of part, operator, trial and value; or study.csv with part, operator, trial, scan, code
beside the scans it names. Out: ``(parts, operators, trials)`` figures and their study. Authority:
engraver.capability (AIAG MSA, 4th edition).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engraver import layout, relief
from engraver.acceptance import Acceptance
from engraver.capability import GaugeStudy, gauge_study
from engraver.errors import InputError
from engraver.inspection import form_of, inspect
from engraver.profiles import Setup
from station_api.codes_typed import mark_code
from station_api.quality.fields import inspection_detail
from station_api.quality.figures import Inspected
from station_api.scans import read_scan

KEYS = ("part", "operator", "trial")
INDEX = "study.csv"
MOST_ROWS = 5000


@dataclass(frozen=True, slots=True, eq=False)
class Studied:
    """A study with its measurements, ``(parts, operators, trials)``, and the names along each."""

    study: GaugeStudy
    values: NDArray[np.float64]
    names: tuple[tuple[str, ...], ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Parts, operators and trials."""
        parts, operators, trials = self.values.shape
        return parts, operators, trials


def study_rows(rows: Sequence[Mapping[str, Any]], tolerance: float | None = None) -> Studied:
    """Study measurements: each part by each operator, the same number of trials.

    Raises
    ------
    InputError
        If one is missing or doubled, or there are too few or too many.
    """
    if len(rows) > MOST_ROWS:
        raise InputError(f"{len(rows)} measurements are too many for a study; at most {MOST_ROWS}")
    names = tuple(tuple(sorted({str(row[key]) for row in rows})) for key in KEYS)
    values = np.full([len(n) for n in names], np.nan)
    for row in rows:
        at = tuple(n.index(str(row[key])) for n, key in zip(names, KEYS, strict=True))
        if np.isfinite(values[at]):
            which = ", ".join(f"{key} {row[key]}" for key in KEYS)
            raise InputError(f"{which} was measured twice; a trial has one figure")
        values[at] = row["value"]
    return Studied(gauge_study(values, tolerance), values, names)


def measure_scans(
    rows: Sequence[Mapping[str, str]],
    path_of: Callable[[str], Path],
    setup: Setup,
    figure: str,
    limits: Acceptance,
) -> list[dict[str, Any]]:
    """Inspect each scan and return its figure, the mean of its symbols, as rows of a study.

    Raises
    ------
    InputError
        If a scan cannot be read, or the figure cannot be measured on it.
    """
    measured = []
    for row in rows:
        design = relief.design(layout.arrange(mark_code(row["code"]), setup), setup)
        scan = read_scan(path_of(row["scan"]))
        found = inspect(design, scan, limits, form_kind=form_of(setup.part))
        value = Inspected("", 0, 0, "", "", True, inspection_detail(found)).figure(figure)
        if not np.isfinite(value):
            raise InputError(f"{figure} cannot be measured on {row['scan']}; scan the pin again")
        measured.append({key: row[key] for key in KEYS} | {"value": value})
    return measured


def study_fields(studied: Studied) -> dict[str, Any]:
    """Return a study as JSON fields, its measurements among them."""
    study = studied.study
    return asdict(study) | {
        "grr": study.grr,
        "acceptable": study.acceptable,
        "parts": list(studied.names[0]),
        "operators": list(studied.names[1]),
        "trials": list(studied.names[2]),
        "values": np.round(studied.values, 6).tolist(),
    }
