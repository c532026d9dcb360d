"""Evidence for a release, from the things themselves: tables, scans, records -> `Exhibit`.

In: paths and the records. Out: exhibits with the SHA-256 of what they rest on, and the bytes of it
in the station's folder ``evidence``, named by that digest, so that an auditor can judge again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engraver import codes
from engraver.acceptance import Acceptance
from engraver.errors import InputError
from engraver.profiles import Setup
from engraver.release import (
    Exhibit,
    capability_exhibit,
    coupon_exhibit,
    gauge_exhibit,
    prediction_exhibit,
)
from firmware_bridge.durable import make_folder, refusal, replace_durably
from station_api.quality import calibrated
from station_api.quality.figures import Inspected
from station_api.quality.gauge import (
    INDEX,
    KEYS,
    Studied,
    measure_scans,
    study_fields,
    study_rows,
)
from station_api.quality.prediction import Asked, first_shares, predict_cases
from station_api.quality.tables import number, parse_table
from station_api.scan_files import read_bytes
from station_api.scans import read_scan

__all__ = [
    "gauge_evidence",
    "marks_evidence",
    "patches_evidence",
    "prediction_evidence",
    "read_study",
    "study_evidence",
    "study_fields",
    "study_table",
    "table_evidence",
    "tolerance_of",
]

Kept = tuple[Exhibit, bytes]
"""An exhibit and the bytes it rests on."""


def read_study(
    path: Path,
    setup: Setup,
    figure: str = "relief",
    tolerance: float | None = None,
    limits: Acceptance | None = None,
) -> tuple[Studied, bytes]:
    """Read a study from a CSV, or measure a folder of scans; return it and its table."""
    if path.is_dir():
        data = read_bytes(path / INDEX)
        index = parse_table(data, INDEX, (*KEYS, "scan", "code"))

        def beside(name: str) -> Path:
            inside = (path / name).resolve()
            if not inside.is_relative_to(path.resolve()):
                raise InputError(f"{INDEX}: scan {name!r} lies outside {path}")
            return inside

        rows = measure_scans(index, beside, setup, figure, limits or Acceptance())
        digests = [
            row | {"scan_sha256": hashlib.sha256(read_bytes(beside(one["scan"]))).hexdigest()}
            for row, one in zip(rows, index, strict=True)
        ]
        return study_rows(rows, tolerance), _json({"figure": figure, "measured": digests})
    data = read_bytes(path)
    return study_table(data, path.name, tolerance), data


def study_table(data: bytes, name: str, tolerance: float | None = None) -> Studied:
    """Read a study from the bytes of a CSV."""
    rows: list[dict[str, Any]] = [
        row | {"value": number(row["value"], "value")}
        for row in parse_table(data, name, (*KEYS, "value"))
    ]
    return study_rows(rows, tolerance)


def gauge_evidence(path: Path, setup: Setup, limits: Acceptance) -> Kept:
    """Study the gauge of reliefs against the tolerance of the acceptance profile."""
    studied, data = read_study(path, setup, "relief", tolerance_of(limits), limits)
    return study_evidence(studied, data, path.name)


def study_evidence(studied: Studied, data: bytes, name: str) -> Kept:
    """Judge a study whose table is ``data``."""
    return gauge_exhibit(studied.study, studied.shape, name, _digest(data)), data


def tolerance_of(limits: Acceptance) -> float:
    """Return the width of the tolerance of the relief, in um."""
    return 2 * limits.relief_deviation_um


def marks_evidence(found: Sequence[Inspected], setup: Setup, limits: Acceptance) -> Kept:
    """Judge trial marks as the records hold them; their log positions are the evidence."""
    reliefs = [[s["relief_nm"] for s in one.detail["symbols"]] for one in found]
    whole = [k for k, row in enumerate(reliefs) if all(v is not None for v in row)]
    table = np.array([reliefs[k] for k in whole], np.float64) * 1e-3
    reads = [(str(one.detail["designed"]), str(one.detail["read_back"])) for one in found]
    data = _json([{"mark_id": one.mark_id, "position": one.position} for one in found])
    table = table.reshape(len(whole), -1) if whole else np.zeros((0, 1))
    exhibit = capability_exhibit(
        table, setup.recipe.relief_um, limits, reads, "records", _digest(data)
    )
    return exhibit, data


def table_evidence(path: Path, setup: Setup, limits: Acceptance) -> Kept:
    """Judge trial marks of a CSV: relief_um of each, in order, perhaps ordered and read."""
    data = read_bytes(path)
    rows = parse_table(data, path.name, ("relief_um",))
    reliefs = np.array([[number(row["relief_um"], "relief_um")] for row in rows])
    reads = [(row["ordered"], row["read"]) for row in rows if row.get("ordered")]
    exhibit = capability_exhibit(
        reliefs, setup.recipe.relief_um, limits, reads, path.name, _digest(data)
    )
    return exhibit, data


def patches_evidence(scan: Path, setup: Setup, burned_with: Setup, limits: Acceptance) -> Kept:
    """Judge a recipe by a power coupon, burned with it or with the one it was derived from."""
    fitted = calibrated.fit_patches(read_scan(scan), burned_with)
    data = read_bytes(scan)
    return coupon_exhibit(fitted.calibration, setup, limits, scan.name, _digest(data)), data


def prediction_evidence(setup: Setup, asked: Asked) -> Kept:
    """Predict a trial code's legibility with the recipe as it stands."""
    code = codes.encode_index(0, setup.recipe.code_format)
    fields, _ = predict_cases(code, setup, asked)
    data = _json(fields)
    shares = np.array(first_shares(fields))
    return (
        prediction_exhibit(
            code.text, fields["pin_read_back"], shares, asked.conditions, _digest(data)
        ),
        data,
    )


def keep_evidence(home: Path, kept: Sequence[Kept]) -> None:
    """Write what exhibits rest on into the station's folder, each file named by its digest."""
    folder = home / "evidence"
    try:
        make_folder(folder)
        for exhibit, data in kept:
            replace_durably(folder / exhibit.source_sha256, data)
    except OSError as error:
        raise refusal(folder, error) from error


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
