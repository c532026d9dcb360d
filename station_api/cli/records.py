"""`pinmark records`: what was marked, one mark's life, and a person's decision on a doubt.

In: mark ids. Out: a table or JSON: ``marks`` (each with the columns of `records.MarkRow`),
``recovered`` (ids that this command found abandoned and turned into ``unknown``), ``database``
(engine, version and what is known against it).
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import typer
from rich.table import Table

from engraver.errors import InputError
from engraver.record import MarkState
from station_api.cli import shell
from station_api.marking import inspect_later
from station_api.papers.mark_corrections import FIELDS, MarkCorrections, View, view_of
from station_api.quality.fields import inspection_detail
from station_api.records import MarkRow, utc_text
from station_api.scans import read_scan
from station_api.station import Station, open_station

COLOUR = {
    MarkState.VERIFIED: "green",
    MarkState.MARKED: "cyan",
    MarkState.UNKNOWN: "bold red",
    MarkState.REJECTED: "red",
    MarkState.INTENDED: "yellow",
    MarkState.MARKING: "yellow",
}

records_app = typer.Typer(help="What was marked here, and what waits for a person.")


def register(app: typer.Typer) -> None:
    """Add the group to the command tree."""
    app.add_typer(records_app, name="records")


@records_app.callback(invoke_without_command=True)
def list_records(context: typer.Context, as_json: shell.JsonOption = False) -> None:
    """List every mark of this station. Example: pinmark records --json."""
    if context.invoked_subcommand is not None:
        return
    with open_station() as station:
        marks = station.records.all_marks()
        if as_json:
            shell.emit(
                {
                    "home": str(station.home),
                    "database": station.records.database.version(),
                    "marks": [asdict(row) for row in marks],
                    "recovered": [row.mark_id for row in station.recovered],
                }
            )
            return
        announce_doubts(station)
        shell.console.print(_table(marks) if marks else "no marks yet")


@records_app.command()
def show(
    mark_id: str,
    view: Annotated[str, typer.Option(help="original, corrected or both")] = "both",
    as_json: shell.JsonOption = False,
) -> None:
    """Show one mark and each version of its record. Example: pinmark records show M000001."""
    if view not in get_args(View):
        raise InputError(f"view {view!r} is none of {', '.join(get_args(View))}")
    with open_station() as station:
        row = station.records.get(mark_id)
        history = station.records.history(mark_id)
        made = MarkCorrections(station.records).of(mark_id)
    versions = view_of(row, made, cast(View, view))
    if as_json:
        shell.emit({"mark": asdict(row), "history": history, "versions": versions})
        return
    for said in versions:
        named = {name: said[name] for name in FIELDS}
        shell.console.print(_table([replace(row, **named)]))
        if said["version"]:
            shell.console.print(
                f"version {said['version']}, by {said['corrected_by']} and {said['approved_by']}: "
                f"{said['reason']}",
                markup=False,
            )
    for step in history:
        shell.console.print(
            f"{utc_text(step['at_us'])}  {step['from_state'] or 'new'} -> {step['to_state']}"
            f"  by {step['actor']}: {step['reason']}"
        )


@records_app.command()
def decide(
    mark_id: str,
    to: Annotated[MarkState, typer.Option(help="cancelled, scrapped, verified or rejected")],
    by: Annotated[str, typer.Option(help="who looked at the pin")],
    reason: Annotated[str, typer.Option(help="what was seen")],
    as_json: shell.JsonOption = False,
) -> None:
    """Write what a person decided about a mark in doubt.

    Example: pinmark records decide M000001 --to scrapped --by "A. Smith" --reason "half cut".
    """
    with open_station(to_mark=True) as station:
        row = station.records.decide(mark_id, to, by, reason)
    if as_json:
        shell.emit({"mark": asdict(row)})
    else:
        shell.console.print(_table([row]))


@records_app.command()
def inspect(
    mark_id: str,
    scan: Annotated[Path, typer.Option(help="X3P file of the pin")],
    as_json: shell.JsonOption = False,
) -> int:
    """Inspect the pin of a mark from its scan and record the verdict.

    Example: pinmark records inspect M000001 --scan pin.x3p.
    """
    height_map = read_scan(scan)
    with open_station(to_mark=True) as station:
        found = inspect_later(station.records, mark_id, height_map)
        row = station.records.get(mark_id)
    if as_json:
        shell.emit({"mark": asdict(row), "inspection": inspection_detail(found)})
    else:
        shell.console.print(f"reads {found.read_back}, {found.verdict}")
        for finding in found.findings:
            shell.console.print(f"  {finding.text}")
        shell.console.print(_table([row]))
    return shell.DONE if row.state is MarkState.VERIFIED else shell.BAD_MARK


@records_app.command()
def correct(
    mark_id: str,
    change: Annotated[list[str], typer.Option("--set", help="serial=, make=, model=, order_id=")],
    by: Annotated[list[str], typer.Option(help="who corrects it; give it twice")],
    reason: Annotated[str, typer.Option(help="what was wrong, and how it is known")],
    as_json: shell.JsonOption = False,
) -> None:
    """Correct which firearm a mark is in, by two people; the record as first written stays.

    Example: pinmark records correct M000001 --set serial=ZQ0043 --by "A. Smith" --by "B. Jones"
    --reason "the pin was fitted to the next pistol of the tray"
    """
    if len(by) != 2:
        raise InputError(f"a correction of a mark takes two people, --by was given {len(by)} times")
    pairs = [text.partition("=") for text in change]
    if bare := [name for name, equals, _ in pairs if not equals]:
        raise InputError(f"--set {bare[0][:40]!r} is not FIELD=VALUE")
    changes = {name.strip(): value for name, _, value in pairs}
    with open_station(to_mark=True) as station:
        made = MarkCorrections(station.records).correct(mark_id, changes, reason, *by)
    if as_json:
        shell.emit({"correction": asdict(made)})
    else:
        shell.console.print(
            f"{mark_id}: {made.make} {made.model} serial {made.serial}, order {made.order_id}, "
            f"version {made.number}",
            markup=False,
        )


@records_app.command("re-mark")
def re_mark(
    mark_id: str,
    by: Annotated[list[str], typer.Option(help="who authorises it; give it twice")],
    reason: Annotated[str, typer.Option(help="what is wrong with the mark or the pin")],
    as_json: shell.JsonOption = False,
) -> None:
    """Let a successor carry this mark's serial: a re-mark or a replacement pin, by two people.

    Example: pinmark records re-mark M000001 --by "A. Smith" --by "B. Jones" --reason "burr".
    """
    if len(by) != 2:
        raise InputError(f"a re-mark takes two people, --by was given {len(by)} times")
    with open_station(to_mark=True) as station:
        row = station.records.authorise_remark(mark_id, by[0], by[1], reason)
    if as_json:
        shell.emit({"mark": asdict(row)})
    else:
        shell.console.print(_table([row]))


def announce_doubts(station: Station) -> None:
    """Say on standard error which marks wait for a person."""
    for row in station.in_doubt:
        shell.progress_console.print(
            f"[bold red]{row.state}[/]: {row.mark_id} serial {row.serial}, code {row.code}, begun "
            f"{utc_text(row.intended_at_us)}: look at the pin, then `pinmark records decide`"
        )


def _table(marks: list[MarkRow]) -> Table:
    table = Table("make", "model")
    for name in ("serial", "code", "mark", "state"):
        table.add_column(name, no_wrap=True)  # what is copied from the screen is never cut
    table.add_column("since (UTC)")
    for row in marks:
        table.add_row(*_cells(row))
    return table


def _cells(row: MarkRow) -> list[Any]:
    state = f"[{COLOUR.get(row.state, 'dim')}]{row.state}[/]"
    since = utc_text(row.changed_at_us)
    return [row.make, row.model, row.serial, row.code, row.mark_id, state, since]
