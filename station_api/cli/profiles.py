"""`pinmark profiles`: what a station can be made of, and whether it goes together."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.table import Table

import hardware
from engraver import codes, gcode, layout, relief, toolpath
from engraver.errors import PinmarkError, ProfileError
from station_api.cli import shell
from station_api.profiles import load_setup, shelves

profiles = typer.Typer(
    help="Machines, lasers, materials, parts, fixtures and recipes.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add `pinmark profiles`."""
    app.add_typer(profiles, name="profiles")


@profiles.command("list")
def list_profiles(as_json: shell.JsonOption = False) -> None:
    """List every profile by kind. Example: pinmark profiles list --json."""
    found = {kind: list(hardware.names(kind, shelves())) for kind in hardware.KINDS}
    if as_json:
        shell.emit(found)
        return
    for kind, names in found.items():
        shell.console.print(f"{kind:<10} {', '.join(names)}")


@profiles.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A profile's name, as `list` prints it.")],
    as_json: shell.JsonOption = False,
) -> None:
    """Show a profile: each figure with its source. Example: pinmark profiles show uv-ns-355."""
    kind = kind_of(name)
    figures = hardware.figures(kind, name, shelves())
    if as_json:
        shell.emit({"kind": kind, "figures": [asdict(figure) for figure in figures]})
        return
    table = Table("key", "value", "source", title=f"{kind}/{name}.toml")
    for figure in figures:
        table.add_row(figure.key, str(figure.value), figure.source)
    shell.console.print(table)


@profiles.command("check")
def check(
    name: Annotated[str, typer.Argument(help="One recipe; all if left out.")] = "",
    as_json: shell.JsonOption = False,
) -> None:
    """Load every profile and plan a trial mark with every recipe; the first fault is named.

    Example: pinmark profiles check default.
    """
    recipes = (name,) if name else hardware.names("recipes", shelves())
    for kind in hardware.KINDS:
        for profile in hardware.names(kind, shelves()):
            hardware.load(kind, profile, shelves())
    found = [_tried(recipe) for recipe in recipes]
    if as_json:
        shell.emit({"recipes": found})
    else:
        for row in found:
            shell.console.print(" ".join(f"{value}" for value in row.values()))
    faulty = [row["recipe"] for row in found if row["fault"]]
    if faulty:
        raise ProfileError(f"{len(faulty)} of {len(found)} recipes cannot mark: {faulty}")


def _tried(recipe: str) -> dict[str, Any]:
    """Plan the mark of registry integer 0 with a recipe."""
    setup = load_setup(recipe)
    try:
        if setup.part.shape == "plate" and setup.recipe.field == "text":
            return {"recipe": recipe, "machine_s": 0.0, "bottleneck": "", "fault": ""}
        code = codes.encode_index(0, setup.recipe.code_format)
        design = relief.design(layout.arrange(code, setup), setup)
        program = gcode.render(toolpath.plan(design, setup), setup)
    except PinmarkError as fault:
        return {"recipe": recipe, "machine_s": 0.0, "bottleneck": "", "fault": str(fault)}
    return {
        "recipe": recipe,
        "machine_s": round(program.estimated_time_s, 2),
        "bottleneck": program.bottleneck,
        "fault": "",
    }


def kind_of(name: str) -> str:
    """Return the kind of the profile called ``name``."""
    kinds = [kind for kind in hardware.KINDS if name in hardware.names(kind, shelves())]
    if not kinds:
        raise ProfileError(f"no profile is called {name!r}; see pinmark profiles list")
    return kinds[0]
