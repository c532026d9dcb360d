"""`pinmark plan`: from a code to the program, its picture and its price, without a machine."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from shapely.geometry import MultiPolygon

import hardware
from engraver import choice, codes, coupons, crater, gcode, layout, plate, relief, toolpath, tray
from engraver.codes import MarkCode
from engraver.errors import InputError
from engraver.profiles import Recipe, Setup
from engraver.program import GcodeProgram
from engraver.relief import ReliefDesign
from engraver.toolpath import Toolpath
from station_api.cli import shell
from station_api.codes_typed import mark_code
from station_api.pictures import plan as picture
from station_api.profiles import load_setup, shelves
from station_api.registry_file import load_registry
from station_api.schemas import read_order


def register(app: typer.Typer) -> None:
    """Add `pinmark plan`."""
    app.command("plan")(plan)


def plan(
    code: Annotated[list[str] | None, typer.Option("--code", help="Symbols; one a pin.")] = None,
    order: Annotated[
        list[Path] | None, typer.Option("--order", help="Work orders instead; one a pin.")
    ] = None,
    coupon: Annotated[
        str, typer.Option("--coupon", help=f"A calibration job: {', '.join(coupons.KINDS)}.")
    ] = "",
    plate_file: Annotated[
        Path | None, typer.Option("--plate", help="TOML of a legal frame mark.")
    ] = None,
    fixture: Annotated[str, typer.Option("--fixture", help="A tray for several pins.")] = "",
    recipe: Annotated[
        str | None, typer.Option("--recipe", help="A recipe's name; the order's, else default.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="G-code file.")] = None,
    svg: Annotated[Path | None, typer.Option("--svg", help="Picture of the plan.")] = None,
    png: Annotated[Path | None, typer.Option("--png", help="Picture of the plan.")] = None,
    as_json: shell.JsonOption = False,
) -> None:
    """Plan marks, a coupon or a frame plate: program, picture, seconds and cost. No laser.

    Example: pinmark plan --order order.toml -o pin.gcode --png plan.png
    """
    asked = [bool(code), bool(order), bool(coupon), plate_file is not None]
    if sum(asked) != 1:
        raise InputError("give one of --code, --order, --coupon and --plate")
    orders = [read_order(file) for file in order or []]
    name = recipe or one_recipe([asked.recipe for asked in orders])
    setup = load_setup(name)
    if coupon:
        job = Job(coupons.plan(coupon, setup), {"coupon": coupon})
    elif plate_file is not None:
        job = plan_plate(plate_file, setup)
    else:
        marks = [mark_code(text) for text in code or []]
        marks += [codes.encode(o, load_registry(), setup.recipe.code_format) for o in orders]
        job = plan_pins(marks, fixture, setup)
    program = gcode.render(job.path, setup)
    if output is not None:
        _write(output, program.data)
    if svg is not None:
        _write(svg, picture.svg(job.path, job.shapes).encode("utf-8"))
    if png is not None:
        picture.save_png(job.path, job.shapes, png)
    report(summary(setup, job, program), as_json)


@dataclass(frozen=True, slots=True)
class Job:
    """What was planned: the path, what to say about it, and shapes to draw under it."""

    path: Toolpath
    facts: dict[str, Any]
    shapes: MultiPolygon | None = None
    pins: int = 1


def one_recipe(names: list[str]) -> str:
    """Return the recipe that all orders name; the default where there are none."""
    if len(set(names)) > 1:
        raise InputError(f"orders of different recipes {sorted(set(names))} need a tray each")
    return names[0] if names else "default"


def plan_pins(marks: list[MarkCode], fixture_name: str, setup: Setup) -> Job:
    """Plan one pin, or a tray of them."""
    designs = [relief.design(layout.arrange(mark, setup), setup) for mark in marks]
    paths = [toolpath.plan(design, setup) for design in designs]
    facts = {
        "code": ",".join(design.layout.code.text for design in designs),
        **format_facts(setup, designs[0]),
        "kerf_um": round(designs[0].kerf_um, 2),
        "expected_relief_um": round(crater.depth_um(setup), 2),
    }
    if not fixture_name:
        if len(paths) > 1:
            raise InputError(f"{len(paths)} codes need a tray; name one with --fixture")
        return Job(paths[0], facts, designs[0].characters)
    fixture = hardware.load_fixture(fixture_name, setup, shelves())
    whole, strokes = tray.arrange(paths, fixture)
    facts |= {"fixture": fixture_name, "pin_strokes": [[s.start, s.stop] for s in strokes]}
    return Job(whole, facts, None, len(paths))


def format_facts(setup: Setup, design: ReliefDesign) -> dict[str, Any]:
    """Return the code's format and, where the recipe leaves it to the tip, what was weighed."""
    facts: dict[str, Any] = {
        "code_format": design.layout.code.format.name,
        "cell_height_um": design.layout.cell_height_um,
    }
    recipe: Recipe = hardware.load("recipes", setup.recipe.name, shelves())
    if recipe.code_format == choice.AUTO:
        weighed = choice.choose(setup)
        facts["chosen_format"] = weighed.format_name
        facts["formats"] = [
            {
                "format": one.format_name,
                "cell_height_um": one.cell_height_um,
                "identified": round(one.identified, 4),
                "refusal": one.refusal,
            }
            for one in weighed.candidates
        ]
    return facts


def plan_plate(file: Path, setup: Setup) -> Job:
    """Plan the legal mark of a TOML file: make, model, calibre, city, state, serial, rule."""
    try:
        fields = tomllib.loads(file.read_text("utf-8"))
        rule = fields.pop("rule", "us")
        text = plate.PlateText(**fields)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError) as error:
        wanted = "make, model, calibre, city, state, serial and rule"
        raise InputError(f"{file} is no plate text: {error}; give {wanted}, each a text") from None
    if not all(isinstance(value, str) for value in (*fields.values(), rule)):
        raise InputError(f"{file}: every field of a plate is a text; write it in quotes")
    region = plate.region(text, rule, setup)
    path = toolpath.plan_grooves(region, setup)
    facts = {"text": list(text.lines), "expected_depth_um": round(crater.depth_um(setup), 2)}
    return Job(path, facts, region)


def summary(setup: Setup, job: Job, program: GcodeProgram) -> dict[str, Any]:
    """Return what a person or a script wants to know about a plan."""
    pin_s = program.estimated_time_s / job.pins
    return {
        "recipe": setup.recipe.name,
        "machine": setup.machine.name,
        **job.facts,
        "passes": int(job.path.pass_index.max()) + 1,
        "strokes": job.path.stroke_count,
        "burn_mm": round(job.path.burn_length_um * 1e-3, 3),
        "machine_s": round(program.estimated_time_s, 2),
        "bottleneck": program.bottleneck,
        "pin_s": round(pin_s, 2),
        "pin_usd": round(pin_s / 3600 * setup.machine.cost_usd_per_hour, 4),
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
        if key != "formats":
            shell.console.print(f"{key:<20} {value}")
            continue
        for one in value:
            said = one["refusal"] or f"one poor case identifies {one['identified']:.0%} (simulated)"
            size = f"cells of {one['cell_height_um']:.0f} um, " if one["cell_height_um"] else ""
            shell.console.print(f"{one['format']:<20} {size}{said}")


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; choose another") from None
