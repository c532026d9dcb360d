"""`pinmark stream`: run a program file, for coupons and tests; `pinmark monitor`: watch.

In: a G-code file and a port. Out: the receipt. A program that fires is streamed only with
``--fire``: what it does is not recorded as a mark. Ctrl-C and SIGTERM stop it with the laser
off.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from engraver.errors import InputError, PinmarkError, PortError, UnknownStateError
from engraver.record import MarkIntent, Outcome, RunReceipt
from firmware_bridge import preflight, streamer
from firmware_bridge.journal import read_journal
from firmware_bridge.link import Link
from firmware_bridge.port import Port, open_port
from firmware_bridge.program_map import program_of, read_program
from firmware_bridge.protocol import Status
from firmware_bridge.wirelog import LoggedPort
from hardware.load import load_setup
from station_api.cli import shell
from station_api.cli.controller import PortOption, RecipeOption, read_bytes

LOOK_S = 0.25


def register(app: typer.Typer) -> None:
    """Add `pinmark stream` and `pinmark monitor`."""
    app.command(epilog="Example: pinmark stream coupon.gcode --port /dev/ttyUSB0 --fire")(stream)
    app.command(epilog="Example: pinmark monitor --port /dev/ttyUSB0")(monitor)


def stream(
    file: Annotated[Path, typer.Argument(help="A G-code program.")],
    port: PortOption,
    recipe: RecipeOption = "default",
    fire: Annotated[bool, typer.Option("--fire", help="Let it fire the laser.")] = False,
    log: Annotated[Path | None, typer.Option(help="Write a wire log to this file.")] = None,
    journal: Annotated[Path | None, typer.Option(help="Keep the bounds in this file.")] = None,
    as_json: shell.JsonOption = False,
) -> None:
    """Vet a program in check mode, run it, say what the laser has done."""
    machine = load_setup(recipe).machine
    program = program_of(read_bytes(file), machine)
    if read_program(program, machine).burns.any() and not fire:
        raise InputError(
            f"{file} fires the laser and would not be recorded as a mark; use `pinmark mark` for "
            "a pin, or --fire for a coupon"
        )
    intent = MarkIntent("coupon", "", "", "", "", "", 0, recipe, program.sha256, "", 0)
    with _logged(open_port(port, machine.baud), log) as opened, _bar() as bar:
        checked = preflight.check(program, opened, machine)
        task = bar.add_task("", total=len(program.lines), strokes=0)

        def show(now: streamer.Progress) -> None:
            done = now.last_surely_done_stroke + 1
            bar.update(task, completed=now.lines_executed, strokes=done)

        receipt = streamer.run(checked, opened, intent, on_progress=show, journal=journal)
    report(receipt, checked.remarks, as_json)


def _logged(port: Port, log: Path | None) -> Port:
    return port if log is None else LoggedPort(port, log)


def _bar() -> Progress:
    columns = (
        TextColumn("streaming"), BarColumn(), TextColumn("{task.completed} lines executed"),
        TextColumn("{task.fields[strokes]} strokes surely burned"), TimeRemainingColumn(),
    )  # fmt: skip
    return Progress(*columns, console=shell.progress_console, transient=True)


def report(receipt: RunReceipt, remarks: tuple[str, ...], as_json: bool) -> None:
    """Print a receipt; raise where the program did not come to its end."""
    try:
        _require_complete(receipt)
    except PinmarkError as error:
        if not as_json:
            raise
        said = {"message": str(error), "exit_code": error.exit_code}
        shell.emit(asdict(receipt) | {"remarks": list(remarks), "error": said})
        raise typer.Exit(error.exit_code) from None
    if as_json:
        shell.emit(asdict(receipt) | {"remarks": list(remarks)})
    if not as_json:
        shell.console.print(
            f"{receipt.lines_acknowledged} lines in {receipt.elapsed_us / 1e6:.1f} s"
        )
        for remark in remarks:
            shell.console.print(f"remark: {remark}")


def _require_complete(receipt: RunReceipt) -> None:
    bounds = (
        f"strokes surely burned up to {receipt.last_surely_done_stroke}, untouched from "
        f"{receipt.first_surely_not_begun_stroke}"
    )
    if receipt.outcome is Outcome.UNKNOWN:
        raise UnknownStateError(f"{receipt.detail}; {bounds}: look at the piece")
    if receipt.outcome is Outcome.REFUSED:
        raise PortError(f"{receipt.detail}; nothing was burned")


def monitor(
    port: Annotated[str | None, typer.Option(help="Watch a controller nobody streams to.")] = None,
    journal: Annotated[Path | None, typer.Option(help="Watch the journal of a run.")] = None,
    recipe: RecipeOption = "default",
    once: Annotated[bool, typer.Option("--once", help="Look once and leave.")] = False,
    as_json: shell.JsonOption = False,
) -> None:
    """Show a controller, or a run by its journal, live in the terminal."""
    if (port is None) == (journal is None):
        raise InputError("give one of --port DEV (idle controller) and --journal FILE (a run)")
    if journal is not None:
        _watch(lambda: asdict(read_journal(journal)), once, as_json)
        return
    with open_port(str(port), load_setup(recipe).machine.baud) as opened:
        link = Link(opened)
        link.greet()
        _watch(lambda: _status_fields(link, link.full_status()), once, as_json)


def _status_fields(link: Link, status: Status) -> dict[str, Any]:
    work = link.work_place(status)
    return {
        "state": status.state,
        "work_mm": work,
        "machine_mm": status.mpos_mm,
        "feed_mm_min": status.feed_mm_min,
        "spindle_s": status.spindle_s,
        "free_blocks": status.free_blocks,
        "free_bytes": status.free_bytes,
        "overrides": status.overrides,
        "pins": status.pins,
    }


def _watch(look: Any, once: bool, as_json: bool) -> None:
    if once or as_json:
        fields = look()
        shell.emit(fields) if as_json else shell.console.print(_table(fields))
        return
    with Live(_table(look()), console=shell.console, refresh_per_second=1 / LOOK_S) as live:
        while True:
            live.update(_table(look()))
            _pause()


def _pause() -> None:
    """Let a quarter of a second pass; Ctrl-C ends the watch."""
    import threading

    threading.Event().wait(LOOK_S)


def _table(fields: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in fields.items():
        table.add_row(name, "" if value is None else str(value))
    return table
