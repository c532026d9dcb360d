"""`pinmark mark`: one work order, one pin.

In: an order file, a port, optionally the file a microscope will write. Out: the walk with the
time of each step, or JSON with the fields of `report.report_fields`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engraver.record import MarkState
from station_api.cli import shell
from station_api.cli.records import announce_doubts
from station_api.cli.report import Display, report_fields
from station_api.interlocks import panel_of, require_panel, watching
from station_api.marking import mark_order
from station_api.registry_file import load_registry
from station_api.scans import scan_taker
from station_api.schemas import read_order
from station_api.station import open_station


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command()(mark)


def mark(
    order_file: Annotated[Path, typer.Argument(metavar="ORDER", help="order file, TOML or JSON")],
    port: Annotated[str, typer.Option(help="serial device of the controller")],
    scan: Annotated[
        Path | None, typer.Option(help="X3P file the microscope will write after the run")
    ] = None,
    scan_timeout: Annotated[float, typer.Option(help="seconds to wait for the scan")] = 120.0,
    panel: Annotated[
        str | None, typer.Option(help="profile of the contacts and lamps; else the machine's")
    ] = None,
    as_json: shell.JsonOption = False,
) -> int:
    """Mark one pin for one work order.

    Example: pinmark mark order.toml --port /dev/ttyACM0 --scan /scans/pin.x3p
    """
    order = read_order(order_file)
    registry = load_registry()
    take_scan = scan_taker(scan, scan_timeout, alive=lambda: True) if scan else None
    with open_station(to_mark=True) as station:
        announce_doubts(station)
        name = panel or panel_of(order.recipe)
        with (
            watching(station.home, station.records, name) as interlocks,
            Display(as_json) as display,
        ):
            require_panel(panel_of(order.recipe), interlocks)
            report = mark_order(
                order,
                registry,
                station.records,
                port,
                take_scan,
                display,
                home=station.home,
                arming=interlocks,
            )
    if as_json:
        shell.emit(report_fields(report))
    else:
        shell.console.print(f"{report.mark_id} is [bold]{report.state}[/]")
    return shell.BAD_MARK if report.state is MarkState.REJECTED else shell.DONE
