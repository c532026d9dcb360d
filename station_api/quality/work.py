"""Jobs of the engineer's bench: what takes seconds, in a process of its own -> JSON bytes.

In: values the service has read already (setups, paths, limits), never a name to look up. Out:
bytes, made here too, so that the service does not spend its time on them. Grids and strokes are
little-endian integers in base64: a number a point, not a word.
"""

from __future__ import annotations

import base64
import hashlib
import json
import pickle
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engraver import coupons, gcode, layout, motion, relief, toolpath
from engraver.acceptance import Acceptance
from engraver.codes import MarkCode
from engraver.errors import DesignError
from engraver.heightmap import HeightMap
from engraver.inspection import deviation, form_of, inspect
from engraver.inspection.form import remove_form
from engraver.profiles import Setup
from engraver.strokes import MoveKind
from engraver.toolpath import Toolpath
from station_api.codes_typed import mark_code
from station_api.quality import calibrated, evidence, gauge, prediction
from station_api.quality.fields import inspection_fields
from station_api.reports.inspection import inspection_report
from station_api.scan_files import open_scan
from station_api.scans import read_scan

Floats = NDArray[np.float64]
MOST_MOVES = 400_000
"""Moves that are sent; of a longer plan whole passes are left out, and the reply says so."""

NOT_MEASURED = -32768
GRID_STEP_UM = 0.01
LARGEST_UM = 327.0


def plan(setup: Setup, code: str, coupon: str) -> bytes:
    """Plan a mark, or a coupon where one is named: strokes, passes, time by bottleneck."""
    if coupon:
        path, outline = coupons.plan(coupon, setup), []
        facts: dict[str, Any] = {"coupon": coupon}
    else:
        design = relief.design(layout.arrange(mark_code(code), setup), setup)
        path = toolpath.plan(design, setup)
        outline = [_ring(polygon.exterior.coords) for polygon in design.characters.geoms]
        facts = {"code": code, "kerf_um": round(design.kerf_um, 2)}
    program = gcode.render(path, setup)
    needs = motion.budget(path, setup.machine, len(program.lines), len(program.data))
    shown = _passes_that_fit(path)
    kept = path.pass_index < shown
    fields = facts | {
        "recipe": setup.recipe.name,
        "machine": setup.machine.name,
        "strokes": path.stroke_count,
        "moves": len(path.kind),
        "passes": int(path.pass_index.max()) + 1,
        "shown_passes": shown,
        "by_pass": [_of_pass(path, k) for k in range(int(path.pass_index.max()) + 1)],
        "seconds": {
            "motion": round(needs.motion_s, 3),
            "controller": round(needs.controller_s, 3),
            "link": round(needs.link_s, 3),
        },
        "bottleneck": needs.bottleneck,
        "machine_s": round(program.estimated_time_s, 3),
        "lines": len(program.lines),
        "bytes": len(program.data),
        "program_sha256": program.sha256,
        "setup_sha256": gcode.setup_sha256(setup),
        "outline_um": outline,
        "step_um": 0.1,
        "start": _packed(path.xyz_um[:-1, :2][kept] * 10, "<i4"),
        "end": _packed(path.xyz_um[1:, :2][kept] * 10, "<i4"),
        "kind": _packed(path.kind[kept], "u1"),
        "pass": _packed(path.pass_index[kept], "<u2"),
    }
    return _json(fields)


def coupon_program(setup: Setup, coupon: str) -> bytes:
    """Write the program of a coupon."""
    return gcode.render(coupons.plan(coupon, setup), setup).data


def _passes_that_fit(path: Toolpath) -> int:
    counts = np.cumsum(np.bincount(path.pass_index))
    return max(1, int(np.searchsorted(counts, MOST_MOVES, side="right")))


def _of_pass(path: Toolpath, number: int) -> dict[str, Any]:
    mine = path.pass_index == number
    length_mm = np.linalg.norm(np.diff(path.xyz_um, axis=0), axis=1)[mine] * 1e-3
    kind = path.kind[mine]
    return {
        "pass": number,
        "strokes": int(np.unique(path.stroke[mine & (path.stroke >= 0)]).size),
        "burn_mm": round(float(length_mm[kind == MoveKind.BURN].sum()), 3),
        "gated_mm": round(float(length_mm[kind == MoveKind.GATED].sum()), 3),
        "jump_mm": round(float(length_mm[kind == MoveKind.JUMP].sum()), 3),
    }


def maps(path: Path, setup: Setup, code: str, limits: Acceptance, side: int) -> bytes:
    """Inspect a scan and give its heights and its deviation on grids of at most ``side`` points.

    Without a code nothing is inspected: heights alone.
    """
    scan = open_scan(path)
    read_scan(path)  # refuses a scan in a unit that cannot be meant
    grid = scan.height_map
    flat, _ = remove_form(grid, form_of(setup.part))
    fields: dict[str, Any] = {"oddities": list(scan.oddities)}
    if code:
        design = relief.design(layout.arrange(mark_code(code), setup), setup)
        found = inspect(design, grid, limits, form_kind=form_of(setup.part))
        fields["inspection"] = inspection_fields(found)
        fields["limits"] = asdict(limits)
        fields["relief_um"] = design.relief_um
        off, where = deviation(grid, design, found)
        fields["deviation"] = _grid(off, where.pitch_um, where.x0_um, where.y0_um, side)
        flat, grid = _round_mark(flat, grid, found.pose, where)
    (dx, _), (x0, y0) = grid.pitch_xy_um, grid.origin_xy_um
    fields["heights"] = _grid(flat, dx, x0, y0, side)
    return _json(fields)


def _round_mark(flat: Floats, grid: HeightMap, pose: Any, where: Any) -> tuple[Floats, HeightMap]:
    """Cut a scan to the mark and a margin: what is far from it is only face."""
    x, y = pose.to_scan(*np.meshgrid(where.x_um[[0, -1]], where.y_um[[0, -1]]))
    (dx, dy), (x0, y0) = grid.pitch_xy_um, grid.origin_xy_um
    margin = 60.0
    columns = slice(
        max(0, int((x.min() - margin - x0) / dx)), max(2, int((x.max() + margin - x0) / dx) + 1)
    )
    rows = slice(
        max(0, int((y.min() - margin - y0) / dy)), max(2, int((y.max() + margin - y0) / dy) + 1)
    )
    origin = (x0 + columns.start * dx, y0 + rows.start * dy)
    cut = HeightMap(grid.z_um[rows, columns], grid.pitch_xy_um, origin)
    return flat[rows, columns], cut


def _grid(z: Floats, pitch_um: float, x0: float, y0: float, side: int) -> dict[str, Any]:
    """Average blocks of points until the grid has at most ``side`` a side."""
    step = max(1, -(-max(z.shape) // side))
    rows, columns = (n // step for n in z.shape)
    if rows == 0 or columns == 0:
        raise DesignError(f"a scan of {z.shape[1]} x {z.shape[0]} points is too narrow to show")
    blocks = z[: rows * step, : columns * step].reshape(rows, step, columns, step)
    seen = np.isfinite(blocks)
    count = seen.sum(axis=(1, 3))
    mean = np.where(seen, blocks, 0.0).sum(axis=(1, 3)) / np.maximum(count, 1)
    # a block counts as measured where half of it is, as an eye would say
    steps = np.clip(mean, -LARGEST_UM, LARGEST_UM) / GRID_STEP_UM
    values = np.where(count * 2 >= step * step, np.round(steps), NOT_MEASURED)
    return {
        "rows": rows,
        "columns": columns,
        "pitch_um": pitch_um * step,
        "points_a_block": step * step,
        "x0_um": x0,
        "y0_um": y0,
        "step_um": GRID_STEP_UM,
        "not_measured": NOT_MEASURED,
        "z": _packed(values, "<i2"),
    }


def report(path: Path, name: str, setup: Setup, code: str, limits: Acceptance) -> bytes:
    """Return the two-page report of an inspection as PDF."""
    scan = open_scan(path)
    read_scan(path)
    design = relief.design(layout.arrange(mark_code(code), setup), setup)
    found = inspect(design, scan.height_map, limits, form_kind=form_of(setup.part))
    return inspection_report(
        found,
        inspection_fields(found),
        design,
        scan,
        limits,
        name=name,
        scan_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        recipe=setup.recipe.name,
    )


def study_scans(
    rows: Sequence[dict[str, str]],
    paths: dict[str, Path],
    setup: Setup,
    figure: str,
    limits: Acceptance,
    tolerance: float | None,
) -> bytes:
    """Measure scans and study the gauge."""
    measured = gauge.measure_scans(rows, lambda name: paths[name], setup, figure, limits)
    return _json(gauge.study_fields(gauge.study_rows(measured, tolerance)))


def fit_coupon(
    path: Path,
    name: str,
    setup: Setup,
    base: str,
    table: list[tuple[float, ...]],
    room_um: float,
    saved: str,
) -> bytes:
    """Fit a coupon and write the texts of the material and the recipe it asks for."""
    scan = read_scan(path)
    if table:
        fitted = calibrated.fit_craters(scan, table, room_um, setup)
    else:
        fitted = calibrated.fit_patches(scan, setup)
    fields = calibrated.fitted_fields(fitted, setup, name)
    texts = {
        "material": calibrated.material_text(fitted, saved, name),
        "recipe": calibrated.recipe_text(base, saved, fitted),
    }
    return _json(fields | texts)


def exhibits(
    setup: Setup,
    limits: Acceptance,
    coupon: tuple[Path, Setup] | None,
    conditions: str,
) -> bytes:
    """Make the exhibits that take long, as a pickle of `evidence.Kept` for the service alone."""
    kept = []
    if coupon is not None:
        kept.append(evidence.patches_evidence(coupon[0], setup, coupon[1], limits))
    if conditions:
        asked = prediction.Asked(conditions, (0,))
        kept.append(evidence.prediction_evidence(setup, asked))
    return pickle.dumps(kept)


def predict(code: MarkCode, setup: Setup, asked: prediction.Asked) -> bytes:
    """Predict the legibility of a code on cases."""
    return _json(prediction.predict_cases(code, setup, asked)[0])


def _ring(coords: Any) -> list[list[float]]:
    return [[round(x, 1), round(y, 1)] for x, y in np.asarray(coords)[:, :2].tolist()]


def _packed(values: Any, kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(np.round(values)).astype(kind).tobytes()).decode()


def _json(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode()
