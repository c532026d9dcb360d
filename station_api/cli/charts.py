"""`pinmark quality chart` and `capability`: over a CSV, or over what the records hold."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

import hardware
from engraver.acceptance import Acceptance
from engraver.capability import capability as able_of
from engraver.capability import control_chart
from engraver.errors import InputError
from station_api.cli import shell
from station_api.cli.tables import read_table, show
from station_api.pictures.charts import draw_chart
from station_api.profiles import load_setup, shelves
from station_api.quality.charts import (
    Wanted,
    capability_fields,
    capability_table,
    chart_fields,
    chart_marks,
    layout_of,
    marks_of,
    since,
)
from station_api.quality.figures import FIGURES, Inspected, limits_of
from station_api.quality.tables import number
from station_api.station import open_station

TableArgument = Annotated[Path | None, typer.Argument(help="CSV with a heading line.")]
RecordsOption = Annotated[bool, typer.Option("--records", help="Chart this station's records.")]
RecipeOption = Annotated[str, typer.Option(help="Recipe, as it stands now.")]
SinceOption = Annotated[str, typer.Option(help="Only from this day or time on, in UTC.")]
LastOption = Annotated[int, typer.Option(help="At most so many marks, the newest.")]
AcceptanceOption = Annotated[str, typer.Option(help="Acceptance profile with the limits.")]
LowerOption = Annotated[float | None, typer.Option(help="Lower limit.")]
UpperOption = Annotated[float | None, typer.Option(help="Upper limit.")]


def chart(
    table: TableArgument = None,
    records: RecordsOption = False,
    figure: Annotated[str, typer.Option(help=f"One of {', '.join(FIGURES)}.")] = "relief",
    symbol: Annotated[int | None, typer.Option(min=0, help="One position, from 0.")] = None,
    subgroup: Annotated[int, typer.Option(help="Marks to a point: 1 I-MR, 2-10 Xbar-R.")] = 1,
    baseline: Annotated[int | None, typer.Option(help="Points to take the limits from.")] = None,
    recipe: RecipeOption = "default",
    since_text: Annotated[str, typer.Option("--since", help="From this day on, UTC.")] = "",
    last: LastOption = 500,
    acceptance: AcceptanceOption = "default",
    lower: LowerOption = None,
    upper: UpperOption = None,
    png: Annotated[Path | None, typer.Option(help="Chart to draw.")] = None,
    as_json: shell.JsonOption = False,
) -> int:
    """Chart a figure and name every broken Western Electric rule: exit 1 on a signal.

    From a CSV of value, or of subgroup,value; or from the inspections this station recorded.

    Example: pinmark quality chart --records --figure relief --since 2027-01-15
    """
    one_source(table, records)
    if table is not None:
        fields = chart_table(table, baseline, lower, upper)
    else:
        found, limits = recorded(recipe, acceptance, since_text, last)
        setup = load_setup(recipe)
        between = limits_of(figure, layout_of(setup), setup.recipe.relief_um, limits)
        between = (
            between[0] if lower is None else lower,
            between[1] if upper is None else upper,
        )
        drawn = chart_marks(found, Wanted(figure, symbol, subgroup, baseline), between)
        fields = chart_fields(drawn) | {"recipe": recipe}
    if png is not None:
        draw_chart(fields, png)
    tell_chart(fields, as_json)
    return shell.BAD_MARK if fields["signals"] else shell.DONE


def capability(
    table: TableArgument = None,
    records: RecordsOption = False,
    recipe: RecipeOption = "default",
    since_text: Annotated[str, typer.Option("--since", help="From this day on, UTC.")] = "",
    last: LastOption = 500,
    acceptance: AcceptanceOption = "default",
    lower: LowerOption = None,
    upper: UpperOption = None,
    least: Annotated[float, typer.Option(help="Cpk to reach.")] = 1.33,
    as_json: shell.JsonOption = False,
) -> int:
    """Cp and Cpk with their 95 % intervals, of every figure that has a limit: exit 1 below --least.

    Example: pinmark quality capability --records --recipe default
    """
    one_source(table, records)
    if table is not None:
        values, _ = values_of(table)
        able = able_of(values, lower, upper, control_chart(values).sigma)
        rows: list[dict[str, Any]] = [
            {"figure": "value", "unit": "", "lower_limit": lower, "upper_limit": upper,
             "capability": capability_fields(able), "signals": len(control_chart(values).signals)}
        ]  # fmt: skip
    else:
        found, limits = recorded(recipe, acceptance, since_text, last)
        if not found:
            raise InputError(f"no inspected mark of recipe {recipe!r} is in the records")
        setup = load_setup(recipe)
        rows = capability_table(found, layout_of(setup), setup.recipe.relief_um, limits)
    tell_capability(rows, as_json)
    return shell.BAD_MARK if any(falls_short(row, least) for row in rows) else shell.DONE


def falls_short(row: dict[str, Any], least: float) -> bool:
    """Tell whether a figure's Cpk is too small; without any spread its mean alone decides."""
    able = row["capability"]
    if able is None:
        return False
    if able["cpk"] is not None:
        return bool(able["cpk"] < least)
    lower, upper = row["lower_limit"], row["upper_limit"]
    return not ((lower is None or able["mean"] > lower) and (upper is None or able["mean"] < upper))


def one_source(table: Path | None, records: bool) -> None:
    """Refuse a call that names no figures, or two kinds of them."""
    if (table is not None) == records:
        raise InputError("give a CSV file or --records, one of the two")


def recorded(
    recipe: str, acceptance: str, since_text: str, last: int
) -> tuple[list[Inspected], Acceptance]:
    """Return the inspected marks of a recipe, and the limits they are held to."""
    limits = hardware.load("acceptance", acceptance, shelves())
    assert isinstance(limits, Acceptance)
    setup, from_us = load_setup(recipe), since(since_text)
    with open_station() as station:
        return marks_of(station.records, setup, from_us, last), limits


def values_of(table: Path) -> tuple[NDArray[np.float64], list[str]]:
    """Return the figures of a CSV, ``(points, n)``, and what each point is called."""
    groups: dict[str, list[float]] = {}
    for k, row in enumerate(read_table(table, ("value",))):
        groups.setdefault(row.get("subgroup") or str(k), []).append(number(row["value"], "value"))
    if len({len(g) for g in groups.values()}) > 1:
        raise InputError("subgroups differ in size; an Xbar-R chart needs equal ones")
    return np.array(list(groups.values())), list(groups)


def chart_table(
    table: Path, baseline: int | None, lower: float | None, upper: float | None
) -> dict[str, Any]:
    """Chart the figures of a CSV."""
    values, names = values_of(table)
    drawn = control_chart(values, baseline)
    fields: dict[str, Any] = {
        "figure": table.stem,
        "unit": "",
        "kind": drawn.kind,
        "centre": drawn.centre,
        "lower": drawn.lower,
        "upper": drawn.upper,
        "spread_centre": drawn.spread_centre,
        "spread_lower": drawn.spread_lower,
        "spread_upper": drawn.spread_upper,
        "sigma": drawn.sigma,
        "lower_limit": lower,
        "upper_limit": upper,
        "points": drawn.points.tolist(),
        "spreads": drawn.spreads.tolist(),
        "marks": names,
        "signals": [asdict(one) | {"mark_id": names[one.point]} for one in drawn.signals],
    }
    if lower is not None or upper is not None:
        fields["capability"] = capability_fields(able_of(values, lower, upper, drawn.sigma))
    return fields


def tell_chart(fields: dict[str, Any], as_json: bool) -> None:
    """Print a chart's figures, and one line a signal."""
    if as_json:
        shell.emit(fields)
        return
    hidden = {"points", "spreads", "marks", "at_us", "signals", "capability"}
    show({key: value for key, value in fields.items() if key not in hidden}, False)
    if fields.get("capability"):
        able = fields["capability"]
        shell.console.print(f"{'Cpk':>26}  {spread(able, 'cpk')}")
    for one in fields["signals"]:
        shell.console.print(
            f"rule {one['rule']} at point {one['point'] + 1} ({one['mark_id']}): {one['text']}",
            markup=False,
        )


def tell_capability(rows: list[dict[str, Any]], as_json: bool) -> None:
    """Print a table of capability."""
    if as_json:
        shell.emit({"figures": rows})
        return
    table = Table("figure", "limits", "n", "mean", "Cp", "Cpk (95 %)", "signals")
    for row in rows:
        able = row["capability"]
        between = " to ".join(
            "" if v is None else f"{v:g}" for v in (row["lower_limit"], row["upper_limit"])
        )
        cells = ["-"] * 4
        if able:
            cells = [str(able["count"]), f"{able['mean']:.3f}", spread(able, "cp")]
            cells.append(spread(able, "cpk"))
        table.add_row(row["figure"], f"{between} {row['unit']}", *cells, str(row["signals"]))
    shell.console.print(table)


def spread(able: dict[str, Any], name: str) -> str:
    """Write an index with its interval."""
    if able[name] is None:
        return "-"
    return f"{able[name]:.2f} ({able[f'{name}_low']:.2f} to {able[f'{name}_high']:.2f})"
