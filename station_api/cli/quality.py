"""`pinmark quality`: gauge study, control chart and capability, coupon to material profile."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import hardware
from station_api.cli import charts, shell
from station_api.cli.tables import read_table, show
from station_api.home import station_home
from station_api.profiles import load_setup, shelves
from station_api.quality import calibrated, evidence
from station_api.quality.tables import number
from station_api.scans import read_scan


def register(app: typer.Typer) -> None:
    """Add `pinmark quality` with its commands."""
    group = typer.Typer(help="Can the gauge tell, does the process keep its limits?")
    group.command("gauge")(gauge)
    group.command("chart")(charts.chart)
    group.command("capability")(charts.capability)
    group.command("coupon")(coupon)
    app.add_typer(group, name="quality")


def gauge(
    study: Annotated[Path, typer.Argument(help="CSV of the study, or a folder of scans.")],
    tolerance: Annotated[float | None, typer.Option(help="Width of the tolerance.")] = None,
    figure: Annotated[str, typer.Option(help="Figure to measure on scans.")] = "relief",
    recipe: Annotated[str, typer.Option(help="Recipe the scanned pins were made with.")] = (
        "default"
    ),
    as_json: shell.JsonOption = False,
) -> int:
    """Crossed gauge study by ANOVA: exit 1 blocks a release.

    A CSV has part,operator,trial,value; a folder has study.csv with part,operator,trial,scan,code
    and the scans it names, which are measured here.

    Example: pinmark quality gauge study/ --figure relief --tolerance 8
    """
    studied, _ = evidence.read_study(study, load_setup(recipe), figure, tolerance)
    fields = evidence.study_fields(studied)
    hidden = () if as_json else ("parts", "operators", "trials", "values")
    show({key: value for key, value in fields.items() if key not in hidden}, as_json)
    return shell.DONE if studied.study.acceptable else shell.BAD_MARK


def coupon(
    scan: Annotated[Path, typer.Argument(help="Scan of the coupon.")],
    table: Annotated[
        Path | None,
        typer.Option(help="CSV of x_um,y_um,energy_uj,pulses: craters instead of the patches."),
    ] = None,
    room_um: Annotated[float, typer.Option(help="Free radius round each crater.")] = 20.0,
    recipe: Annotated[str, typer.Option(help="Recipe it was burned with.")] = "default",
    save: Annotated[str, typer.Option(help="Name of a material and a recipe to write.")] = "",
    as_json: shell.JsonOption = False,
) -> None:
    """Turn a scanned coupon into threshold, incubation and penetration depth, with intervals.

    Without a table the scan shows what `pinmark plan --coupon power` of the recipe burned.

    Example: pinmark quality coupon coupon.x3p --recipe default --save lot-7
    """
    setup = load_setup(recipe)
    if table is None:
        fitted = calibrated.fit_patches(read_scan(scan), setup)
    else:
        rows = read_table(table, calibrated.COLUMNS)
        figures = [tuple(number(row[k], k) for k in calibrated.COLUMNS) for row in rows]
        fitted = calibrated.fit_craters(read_scan(scan), figures, room_um, setup)
    fields = calibrated.fitted_fields(fitted, setup, scan.name)
    if save:
        folder, base = station_home() / "profiles", hardware.text("recipes", recipe, shelves())
        written = calibrated.save(folder, save, fitted, scan.name, base, shelves())
        fields["written"] = [str(path) for path in written]
    show(fields, as_json)
