"""`pinmark order`: work orders entered, listed, and printed with their symbol.

In: order files, numbers, a day. Out: a table, JSON, or a PDF of the papers that go with the parts.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from engraver.errors import InputError
from engraver.orders import WorkOrder
from station_api.cli import shell
from station_api.records import Records
from station_api.records.order_lists import entered_between, orders_in, orders_named
from station_api.records.orders import OrderState
from station_api.schemas import read_order
from station_api.station import open_station

WAITING = (OrderState.OPEN, OrderState.CLAIMED)
order_app = typer.Typer(
    help="Work orders, and the papers that go with parts.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the group to the command tree."""
    app.add_typer(order_app, name="order")


@order_app.command()
def add(
    files: Annotated[
        list[Path], typer.Argument(metavar="ORDER...", help="order files, TOML or JSON")
    ],
    as_json: shell.JsonOption = False,
) -> None:
    """Enter orders, all or none; one that is known changes nothing.

    Example: pinmark order add order.toml
    """
    batch = [read_order(file) for file in files]
    with open_station() as station:
        station.record("orders", batch=[asdict(order) for order in batch])
    _show(batch, as_json)


@order_app.command("list")
def list_orders(
    every: Annotated[bool, typer.Option("--all", help="those that are done as well")] = False,
    as_json: shell.JsonOption = False,
) -> None:
    """List the orders that wait. Example: pinmark order list."""
    with open_station() as station:
        found = orders_in(station.records, tuple(OrderState) if every else WAITING)
    _show(found, as_json)


@order_app.command("print")
def print_orders(
    numbers: Annotated[
        list[str] | None, typer.Argument(metavar="NUMBER...", help="order numbers")
    ] = None,
    waiting: Annotated[bool, typer.Option("--waiting", help="all that are not marked yet")] = False,
    entered: Annotated[
        str, typer.Option(help="all that were entered on a day, 2027-03-01, by the clock here")
    ] = "",
    out: Annotated[Path, typer.Option(help="PDF file to write")] = Path("work-orders.pdf"),
    as_json: shell.JsonOption = False,
) -> None:
    """Print work orders with the symbol that scanners read.

    Example: pinmark order print WO-2027-0001 --out order.pdf
    """
    # setting type costs every other command of the group a tenth of a second
    from station_api.papers.licensee import configured_licensee
    from station_api.registry_file import load_registry
    from station_api.reports.order import order_papers

    with open_station() as station:
        batch = _wanted(station.records, numbers or [], waiting, entered)
        name, registry = station.records.station, load_registry()
        pdf = order_papers(batch, registry, None, name, configured_licensee())
    try:
        out.write_bytes(pdf)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}; give another --out") from None
    if as_json:
        shell.emit({"file": str(out), "bytes": len(pdf), "orders": [o.order_id for o in batch]})
    else:
        shell.console.print(f"{out}: {len(batch)} work orders")


def _wanted(records: Records, numbers: list[str], waiting: bool, entered: str) -> list[WorkOrder]:
    if bool(numbers) + waiting + bool(entered) != 1:
        raise InputError(
            "say which orders: their numbers, --waiting, or --entered DAY, and one of the three"
        )
    if numbers:
        return orders_named(records, numbers)
    if waiting:
        found = orders_in(records, WAITING)
    else:
        found = entered_between(records, *_day_us(entered))
    if not found:
        raise InputError(f"no order {'waits' if waiting else f'was entered on {entered}'}")
    return found


def _day_us(day: str) -> tuple[int, int]:
    """Return begin and end of a day of this machine's time zone, us since 1970."""
    try:
        begin = datetime.strptime(day, "%Y-%m-%d").astimezone()
    except ValueError:
        raise InputError(f"{day!r} is no day; write it as 2027-03-01") from None
    end = (begin.replace(tzinfo=None) + timedelta(days=1)).astimezone()
    return int(begin.timestamp() * 1e6), int(end.timestamp() * 1e6)


def _show(found: list[WorkOrder], as_json: bool) -> None:
    if as_json:
        shell.emit({"orders": [asdict(order) for order in found]})
        return
    table = Table("order", "make", "model", "serial", "recipe")
    for order in found:
        table.add_row(*asdict(order).values())
    shell.console.print(table if found else "no orders")
