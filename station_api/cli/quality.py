"""`pinmark quality`: gauge study, control chart and capability, coupon to material profile."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from engraver import coupon as coupons
from engraver.capability import gauge_study
from engraver.errors import InputError
from station_api.cli import charts, shell
from station_api.cli.tables import number, read_table, show
from station_api.profiles import load_setup
from station_api.scans import read_scan

TableArgument = Annotated[Path, typer.Argument(help="CSV with a heading line.")]


def register(app: typer.Typer) -> None:
    """Add `pinmark quality` with its commands."""
    group = typer.Typer(help="Can the gauge tell, does the process keep its limits?")
    group.command("gauge")(gauge)
    group.command("chart")(charts.chart)
    group.command("capability")(charts.capability)
    group.command("coupon")(coupon)
    app.add_typer(group, name="quality")


def gauge(
    table: TableArgument,
    tolerance: Annotated[float | None, typer.Option(help="Width of the tolerance.")] = None,
    as_json: shell.JsonOption = False,
) -> int:
    """Crossed gauge study from a CSV of part,operator,trial,value: exit 1 blocks a release."""
    rows = read_table(table, ("part", "operator", "trial", "value"))
    names = [sorted({row[key] for row in rows}) for key in ("part", "operator", "trial")]
    values = np.full([len(n) for n in names], np.nan)
    for row in rows:
        at = tuple(
            n.index(row[k]) for n, k in zip(names, ("part", "operator", "trial"), strict=True)
        )
        values[at] = number(row["value"], "value")
    study = gauge_study(values, tolerance)
    show(asdict(study) | {"grr": study.grr, "acceptable": study.acceptable}, as_json)
    return shell.DONE if study.acceptable else shell.BAD_MARK


def coupon(
    scan: Annotated[Path, typer.Argument(help="Scan of the coupon.")],
    table: Annotated[Path, typer.Option(help="CSV of x_um,y_um,energy_uj,pulses.")],
    room_um: Annotated[float, typer.Option(help="Free radius round each crater.")] = 20.0,
    recipe: Annotated[str, typer.Option(help="Recipe to propose passes for.")] = "default",
    as_json: shell.JsonOption = False,
) -> None:
    """Turn a scanned coupon into threshold, incubation and penetration depth, with intervals."""
    setup = load_setup(recipe)
    keys = ("x_um", "y_um", "energy_uj", "pulses")
    rows = [[number(row[key], key) for key in keys] for row in read_table(table, keys)]
    figures = np.array(rows, np.float64)
    if not (figures[:, 2:] > 0).all() or not room_um > 0:
        raise InputError("energies, pulses and --room-um must be above 0; correct the table")
    made = coupons.Coupon(figures[:, :2], figures[:, 2], figures[:, 3], room_um)
    squares, depths = coupons.craters(read_scan(scan), made)
    known = coupons.calibrate(made.energy_uj, made.pulses, squares, depths)
    show(
        asdict(known)
        | {
            "proposed_passes": coupons.proposed_passes(known, setup),
            "profile": profile_text(known, setup.material.name, scan.name),
        },
        as_json,
    )


def profile_text(known: coupons.Calibration, name: str, scan: str) -> str:
    """Return the calibrated material as a profile for hardware/materials."""
    lines = [f'name = "{name}-calibrated"']
    for key in ("ablation_threshold_j_cm2", "incubation_coefficient", "penetration_depth_nm"):
        e = getattr(known, key)
        value = min(e.value, 1.0) if key == "incubation_coefficient" else e.value
        source = f"coupon {scan}, {known.used} craters, 95 % {e.low:.4g} to {e.high:.4g}"
        lines.append(f'{key} = {{ value = {value:.4g}, source = "{source}" }}')
    return "\n".join(lines) + "\n"
