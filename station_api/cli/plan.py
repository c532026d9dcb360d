"""`pinmark plan`: from a code to the program, its picture and its price, without a machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import hardware
from engraver import codes, crater, gcode, layout, relief, toolpath
from engraver.codes import FORMATS, MarkCode
from engraver.errors import CodeError, InputError
from engraver.gcode import GcodeProgram
from engraver.profiles import Setup
from engraver.relief import ReliefDesign
from engraver.toolpath import Toolpath
from station_api.cli import shell
from station_api.pictures import plan as picture
from station_api.registry_file import load_registry
from station_api.schemas import read_order


def register(app: typer.Typer) -> None:
    """Add `pinmark plan`."""
    app.command("plan")(plan)


def plan(
    code: Annotated[str | None, typer.Option("--code", help="The symbols to engrave.")] = None,
    order: Annotated[Path | None, typer.Option("--order", help="A work order instead.")] = None,
    recipe: Annotated[
        str | None, typer.Option("--recipe", help="A recipe's name; the order's, else default.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="G-code file.")] = None,
    svg: Annotated[Path | None, typer.Option("--svg", help="Picture of the plan.")] = None,
    png: Annotated[Path | None, typer.Option("--png", help="Picture of the plan.")] = None,
    as_json: shell.JsonOption = False,
) -> None:
    """Plan one mark: the program, its picture and its seconds. Nothing is engraved.

    Example: pinmark plan --order order.toml -o pin.gcode --png plan.png
    """
    chosen, setup = choose(code, order, recipe)
    arrangement = layout.arrange(chosen, setup)
    design = relief.design(arrangement, setup)
    path = toolpath.plan(design, setup)
    program = gcode.render(path, setup)
    if output is not None:
        _write(output, program.data)
    if svg is not None:
        _write(svg, picture.svg(path, design).encode("utf-8"))
    if png is not None:
        picture.save_png(path, design, png)
    report(summary(setup, design, path, program), as_json)


def choose(code: str | None, order: Path | None, recipe: str | None) -> tuple[MarkCode, Setup]:
    """Return the code and the setup that the options name: one of code and order.

    Raises
    ------
    InputError
        If both or neither is given.
    """
    if (code is None) == (order is None):
        raise InputError("give either --code or --order, one of the two")
    if code is not None:
        return mark_code(code), hardware.load_setup(recipe or "default")
    assert order is not None
    asked = read_order(order)
    setup = hardware.load_setup(recipe or asked.recipe)
    return codes.encode(asked, load_registry(), setup.recipe.code_format), setup


def mark_code(text: str) -> MarkCode:
    """Take symbols as they are typed; nothing is decoded, so a trial text may be engraved."""
    symbols = text.strip().upper()
    for fmt in FORMATS.values():
        if fmt.n == len(symbols):
            return MarkCode(symbols, fmt, -1)
    lengths = ", ".join(str(fmt.n) for fmt in FORMATS.values())
    raise CodeError(f"code {text!r} has {len(symbols)} symbols; a code has {lengths}")


def summary(
    setup: Setup, design: ReliefDesign, path: Toolpath, program: GcodeProgram
) -> dict[str, Any]:
    """Return what a person or a script wants to know about a plan."""
    return {
        "recipe": setup.recipe.name,
        "machine": setup.machine.name,
        "code": design.layout.code.text,
        "passes": setup.recipe.passes,
        "strokes": path.stroke_count,
        "burn_mm": round(path.burn_length_um * 1e-3, 3),
        "kerf_um": round(design.kerf_um, 2),
        "expected_relief_um": round(crater.depth_um(setup), 2),
        "machine_s": round(program.estimated_time_s, 2),
        "lines": len(program.lines),
        "bytes": len(program.data),
        "sha256": program.sha256,
    }


def report(fields: dict[str, Any], as_json: bool) -> None:
    """Print a plan's figures as JSON or as a table."""
    if as_json:
        shell.emit(fields)
        return
    for key, value in fields.items():
        shell.console.print(f"{key:<20} {value}")


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; choose another") from None
