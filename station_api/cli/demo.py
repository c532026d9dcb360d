"""`pinmark demo`: one sample order on the virtual engraver, end to end, in a fresh station.

In: nothing. Out: the walk, the verdict and three pictures. The virtual engraver is a process of
its own, reached only through a pseudo-terminal; its pin comes back as an X3P file.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from engraver.record import MarkState
from station_api import samples
from station_api.cli import shell
from station_api.cli.report import Display, report_fields
from station_api.configuration import CONFIG_VARIABLE
from station_api.home import HOME_VARIABLE
from station_api.marking import mark_order
from station_api.registry_file import load_registry
from station_api.scans import scan_taker
from station_api.schemas import order_from
from station_api.station import open_station
from station_api.virtual_run import SCAN_TIMEOUT_S, draw, virtual_engraver


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command()(demo)


def demo(
    out: Annotated[Path | None, typer.Option(help="folder for station data and pictures")] = None,
    serial: Annotated[str, typer.Option(help="serial number to mark")] = samples.SERIAL,
    as_json: shell.JsonOption = False,
) -> int:
    """Mark one virtual firing pin end to end in a fresh station.

    Example: pinmark demo --json
    """
    folder = out or Path(tempfile.mkdtemp(prefix="pinmark-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    os.environ[HOME_VARIABLE] = str(folder / "station")
    os.environ[CONFIG_VARIABLE] = ""  # a demonstration touches no real station
    order = order_from({**samples.order_fields(), "serial": serial}, "of the demo")
    if not as_json:
        who = f"{order.make} {order.model} serial {order.serial}"
        shell.console.print(f"[bold]{who}[/] (order {order.order_id}, recipe {order.recipe})")
    with Display(as_json) as display:
        with virtual_engraver(folder, order.recipe, display) as (pty, alive):
            take_scan = scan_taker(folder / "pin.x3p", SCAN_TIMEOUT_S, alive)
            with open_station(to_mark=True) as station:
                report = mark_order(
                    order,
                    load_registry(),
                    station.records,
                    str(pty),
                    take_scan,
                    display,
                    home=station.home,
                )
        pictures = draw(report, folder, display)
    machine = json.loads((folder / "engraver.json").read_text())
    fields = {
        **report_fields(report),
        "cycle_time_s": machine["machine_seconds"],
        "pictures": pictures,
        "home": str(folder / "station"),
    }
    if as_json:
        shell.emit(fields)
    else:
        tell(fields)
    return shell.BAD_MARK if report.state is MarkState.REJECTED else shell.DONE


def tell(fields: dict[str, Any]) -> None:
    """Print the outcome for a person."""
    good = fields["state"] == MarkState.VERIFIED
    say = shell.console.print
    say(f"code       [bold]{fields['code']}[/]")
    say(f"read back  [bold]{fields['read_back']}[/]")
    difference = fields["cycle_time_s"] / fields["estimated_time_s"] - 1
    say(
        f"cycle time {fields['cycle_time_s']:.1f} s on the machine's clock, "
        f"planned {fields['estimated_time_s']:.1f} s ({difference:+.1%})"
    )
    say(
        f"verdict    [bold {'green' if good else 'red'}]{fields['verdict']}[/], "
        f"recorded as {fields['mark_id']} {fields['state']}"
    )
    for name, path in fields["pictures"].items():
        say(f"{name:<10} {path}")
