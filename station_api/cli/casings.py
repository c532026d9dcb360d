"""`pinmark casings`: casings as evidence, and which scenes share a pin.

In: reads or scans of casings. Out: a line each or JSON: ``casing``, ``casings``, the graph. Over
the service only tracers see them; at the console it is whoever may read the station's folder.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from engraver import codes, layout, relief
from engraver.errors import CodeError, InputError, OrderError
from engraver.evidence import PRIOR_NOT_ISSUED
from engraver.impressions import read_case
from engraver.linking import PRIOR_SAME_PIN
from station_api.casings import graph as casework
from station_api.casings.observation import Observation
from station_api.casings.store import Casings
from station_api.cli import shell
from station_api.cli.papers import write_file
from station_api.profiles import load_setup
from station_api.registry_file import load_registry
from station_api.scans import read_scan
from station_api.station import open_station

casings_app = typer.Typer(no_args_is_help=True, help="Casings as evidence: scenes and pins.")


def register(app: typer.Typer) -> None:
    """Add the group to the command tree."""
    app.add_typer(casings_app, name="casings")


@casings_app.command()
def add(
    scene: Annotated[str, typer.Option(help="case number of the scene")],
    place: Annotated[str, typer.Option(help="where it was found")],
    found_at: Annotated[str, typer.Option(help="when, as 2027-01-14T21:30:00Z")],
    by: Annotated[str, typer.Option(help="who enters it")],
    text: Annotated[str | None, typer.Option(help="what was read: WT3?AHG[38]P1Y5")] = None,
    reads: Annotated[Path | None, typer.Option(help="JSON list of reads of this casing")] = None,
    scan: Annotated[Path | None, typer.Option(help="X3P scan of the casing")] = None,
    recipe: Annotated[str, typer.Option(help="recipe of the layout a scan is read by")] = "default",
    name: Annotated[str, typer.Option(help="exhibit number")] = "",
    format_name: Annotated[str, typer.Option("--format", help="format of the code")] = "pin32-12",
    latitude_udeg: Annotated[int | None, typer.Option(help="millionths of a degree")] = None,
    longitude_udeg: Annotated[int | None, typer.Option(help="millionths of a degree")] = None,
    as_json: shell.JsonOption = False,
) -> None:
    """Keep a casing: its scene, place and time, and what was read on it.

    Example: pinmark casings add --scene 27-0113 --place "5th and Main" --found-at
    2027-01-13T23:10:00Z --text WT37?HG3??Y5 --by "T. Racer"
    """
    given: list[Any] = [{"text": text}] if text is not None else []
    digest = None
    if reads is not None:
        given += _reads_of(reads)
    if scan is not None:
        read, digest = _read_scan(scan, recipe, format_name)
        given.append(read)
    fields = {
        "scene": scene,
        "place": place,
        "found_at": found_at,
        "name": name,
        "format": format_name,
        "reads": given,
        "scan_sha256": digest,
        "latitude_udeg": latitude_udeg,
        "longitude_udeg": longitude_udeg,
    }
    with open_station(to_mark=True) as station:
        _tell(Casings(station.records).add(fields, by), as_json)


@casings_app.command()
def withdraw(
    casing_id: Annotated[str, typer.Argument(help="E000001")],
    reason: Annotated[str, typer.Option(help="why it should not have been entered")],
    by: Annotated[str, typer.Option(help="who withdraws it")],
    as_json: shell.JsonOption = False,
) -> None:
    """Withdraw a casing entered by mistake: it stays readable and links nothing any more.

    Example: pinmark casings withdraw E000003 --reason "entered twice" --by "T. Racer"
    """
    with open_station(to_mark=True) as station:
        _tell(Casings(station.records).withdraw(casing_id, reason, by), as_json)


@casings_app.command("list")
def list_casings(
    scene: Annotated[str, typer.Option(help="only of this scene")] = "",
    withdrawn: Annotated[bool, typer.Option(help="withdrawn ones too")] = False,
    as_json: shell.JsonOption = False,
) -> None:
    """List the casings. Example: pinmark casings list --scene 27-0113."""
    with open_station() as station:
        found = Casings(station.records).all(with_withdrawn=withdrawn, scene=scene)
    if as_json:
        shell.emit({"casings": [casing_fields(one) for one in found]})
        return
    for one in found:
        shell.console.print(_line(one), markup=False)


@casings_app.command()
def graph(
    csv: Annotated[Path | None, typer.Option(help="write the links to this file")] = None,
    graphml: Annotated[Path | None, typer.Option(help="write the graph to this file")] = None,
    prior_not_issued: Annotated[
        float, typer.Option(help="chance, before looking, that a mark is none of ours")
    ] = PRIOR_NOT_ISSUED,
    prior_same_pin: Annotated[
        float, typer.Option(help="chance, before looking, that two casings share a pin")
    ] = PRIOR_SAME_PIN,
    as_json: shell.JsonOption = False,
) -> None:
    """Say which casings share a pin, issued or not, with the posterior on each link.

    Example: pinmark casings graph --graphml casework.graphml --csv links.csv
    """
    with open_station() as station:
        found = Casings(station.records).all()
    made = casework.build(found, load_registry(), prior_not_issued, prior_same_pin)
    files = []
    if csv is not None:
        files.append(write_file(csv, [casework.csv_text(made).encode()]))
    if graphml is not None:
        files.append(write_file(graphml, [casework.graphml(made).encode()]))
    fields = casework.fields_of(made) | {"files": files}
    if as_json:
        shell.emit(fields)
        return
    for cluster in fields["clusters"]:
        who = cluster["firearm"] or cluster["code"] or f"a pin that reads {cluster['text']}"
        shell.console.print(
            f"one pin: {', '.join(cluster['casings'])} of {', '.join(cluster['scenes'])}; "
            f"{cluster['verdict']}: {who}, not issued {cluster['not_issued']:.6f}",
            markup=False,
        )
    linked = sum(1 for one in fields["links"] if one["kind"] == "one pin")
    shell.console.print(
        f"{len(found)} casings, {linked} links between them, {len(fields['clusters'])} clusters; "
        f"prior of one pin {prior_same_pin:g}, of not issued {prior_not_issued:g}"
    )
    for file in files:
        shell.console.print(file)


def casing_fields(one: Observation) -> dict[str, Any]:
    """Return a casing as JSON fields."""
    return {**asdict(one), "reads": list(one.reads)}


def _reads_of(path: Path) -> list[Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise OrderError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, list):
        raise CodeError(f"{path} holds no list of reads")
    return found


def _read_scan(path: Path, recipe: str, format_name: str) -> tuple[dict[str, Any], str]:
    setup = load_setup(recipe)
    if setup.recipe.code_format != format_name:
        raise InputError(
            f"recipe {recipe} engraves {setup.recipe.code_format}, the casing is said to be of "
            f"{format_name}; name the recipe"
        )
    # any code of the format has the same layout; its symbols are not looked at
    design = relief.design(layout.arrange(codes.encode_index(0, format_name), setup), setup)
    height_map = read_scan(path)
    table = read_case(height_map, design).table
    shares = np.exp(table - table.max(axis=1, keepdims=True))
    rows = [[round(float(v), 6) for v in row] for row in shares]
    return {"likelihoods": rows}, hashlib.sha256(path.read_bytes()).hexdigest()


def _tell(one: Observation, as_json: bool) -> None:
    if as_json:
        shell.emit({"casing": casing_fields(one)})
    else:
        shell.console.print(_line(one), markup=False)


def _line(one: Observation) -> str:
    read = next((str(read["text"]) for read in one.reads if "text" in read), "by likelihoods")
    return f"{one.casing_id}  {one.state}  {one.found_at}  scene {one.scene}, {one.place}: {read}"
