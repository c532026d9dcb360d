"""`pinmark cost`: seconds and USD a pin, recipe by recipe, against what was promised.

In: names of recipes and a station's own assumptions. Out: a table, as text, Markdown or JSON. Each
recipe is planned with the mark of registry integer 0; no machine is needed.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

import hardware
from engraver import codes, gcode, layout, relief, toolpath
from engraver.costing import PROMISED_USD, Assumptions, cost
from engraver.errors import InputError, PinmarkError
from engraver.profiles import Setup
from station_api.cli import shell
from station_api.profiles import load_setup, shelves

COLUMNS = ("recipe", "machine", "burn s", "check s", "station s", "pins/h",
           "marking", "scan", "rejects", "USD a pin", "promise")  # fmt: skip
DEFAULT = Assumptions()


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command("cost")(show)


def show(
    recipes: Annotated[
        list[str] | None, typer.Argument(help="recipes; all, if none is named")
    ] = None,
    handling_s: Annotated[
        float, typer.Option(help="seconds to unload, load, close and start")
    ] = DEFAULT.handling_s,
    scan_s: Annotated[float, typer.Option(help="seconds of one scan")] = DEFAULT.scan_s,
    scan_usd_per_hour: Annotated[
        float, typer.Option(help="what the scanning instrument costs")
    ] = DEFAULT.scan_usd_per_hour,
    reject_share: Annotated[
        float, typer.Option(help="share of marked pins that are rejected, 0 to 0.5")
    ] = DEFAULT.reject_share,
    blank_usd: Annotated[
        float, typer.Option(help="what a lost pin cost unmarked")
    ] = DEFAULT.blank_usd,
    markdown: Annotated[bool, typer.Option("--markdown", help="a table for a document")] = False,
    as_json: shell.JsonOption = False,
) -> None:
    """Seconds and USD a pin from the planner, against the 0.50 to 1.00 USD that was promised.

    Example: pinmark cost default fine-direct-drive --handling-s 12
    """
    assumed = Assumptions(handling_s, scan_s, scan_usd_per_hour, reject_share, blank_usd)
    names = recipes or hardware.names("recipes", shelves())
    setups = [load_setup(name) for name in names]
    if recipes and (plates := [s.recipe.name for s in setups if not is_a_pin(s)]):
        raise InputError(
            f"recipe {plates[0]} cuts text into a plate; pinmark plan --plate costs it"
        )
    rows = [row(setup, assumed) for setup in setups if is_a_pin(setup)]
    if as_json:
        fields = {"promised_usd": list(PROMISED_USD), "assumptions": asdict(assumed)}
        shell.emit({**fields, "recipes": rows})
        return
    for line in table(rows, markdown):
        print(line)


def is_a_pin(setup: Setup) -> bool:
    """Tell whether a recipe marks a code, and not the text of a plate."""
    return not (setup.part.shape == "plate" and setup.recipe.field == "text")


def row(setup: Setup, assumed: Assumptions) -> dict[str, Any]:
    """Plan one recipe's mark and say what it costs."""
    name = {"recipe": setup.recipe.name, "machine": setup.machine.name}
    try:
        code = codes.encode_index(0, setup.recipe.code_format)
        path = toolpath.plan(relief.design(layout.arrange(code, setup), setup), setup)
        program = gcode.render(path, setup)
    except PinmarkError as error:
        return {**name, "fault": str(error)}
    found = cost(program, setup.machine, assumed)
    fields = {key: round(value, 4) for key, value in asdict(found).items()}
    return {
        **name,
        **fields,
        "usd_per_hour": setup.machine.cost_usd_per_hour,
        "total_usd": round(found.total_usd, 4),
        "promise": found.promise,
        "fault": "",
    }


def table(rows: list[dict[str, Any]], markdown: bool) -> list[str]:
    """Return the lines of a table for a person."""
    body = [COLUMNS, *map(_cells, rows)]
    if markdown:
        rule = ("---", "---", *("---:",) * 8, "---")
        return [f"| {' | '.join(cells)} |" for cells in (body[0], rule, *body[1:])]
    widths = [max(len(cells[at]) for cells in body) for at in range(len(COLUMNS))]
    return [
        "  ".join(
            cell.ljust(width) if at < 2 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        for cells in body
    ]


def _cells(one: dict[str, Any]) -> tuple[str, ...]:
    if one["fault"]:
        return (one["recipe"], one["machine"], *("",) * 8, one["fault"])
    seconds = (f"{one[key]:.1f}" for key in ("machine_s", "check_s", "station_s"))
    usd = (f"{one[key]:.2f}" for key in ("marking_usd", "scan_usd", "rejects_usd", "total_usd"))
    hour = f"{3600 / one['station_s']:.0f}"
    return (one["recipe"], one["machine"], *seconds, hour, *usd, one["promise"])
