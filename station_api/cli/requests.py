"""`pinmark requests`: trace requests, their 24 hours, and the sheet that answers one.

In: who asks and on what authority. Out: rows that testify, clocks, PDF sheets. Searching for a
request is `pinmark trace PATTERN --request ID`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from engraver.errors import InputError
from station_api.cli import shell
from station_api.cli.trace import CONSOLE, named, open_desk
from station_api.records import now_us
from station_api.reports.trace import trace_sheet
from station_api.station import Station, open_station
from station_api.trace.desk import Desk
from station_api.trace.requests import TraceRequest

requests_app = typer.Typer(help="Trace requests and their 24 hours.", no_args_is_help=True)
ByOption = Annotated[str, typer.Option(help="Who writes this down.")]


def register(app: typer.Typer) -> None:
    """Add the group to the command tree."""
    app.add_typer(requests_app, name="requests")


@requests_app.command()
def add(
    agency: Annotated[str, typer.Option(help="The agency that asks.")] = "",
    person: Annotated[str, typer.Option(help="The person who asks.")] = "",
    contact: Annotated[str, typer.Option(help="Telephone or address to answer to.")] = "",
    authority: Annotated[str, typer.Option(help="Such as '18 U.S.C. 923(g)(7)'.")] = "",
    reference: Annotated[str, typer.Option(help="The agency's own number.")] = "",
    note: Annotated[str, typer.Option(help="Special instructions.")] = "",
    received: Annotated[
        str, typer.Option(help="When it was received, 2027-01-15T08:00Z; else now.")
    ] = "",
    by: ByOption = CONSOLE,
    as_json: shell.JsonOption = False,
) -> None:
    """Write a request down; its 24 hours run from when it was received.

    Example: pinmark requests add --agency "ATF NTC" --person "J. Doe" --contact "+1 800 555 0100"
    --authority "18 U.S.C. 923(g)(7)"
    """
    at_us = _time(received) if received else None
    with open_station() as station:
        made = _record(
            station,
            "record",
            by=by,
            agency=agency,
            person=person,
            contact=contact,
            authority=authority,
            reference=reference,
            note=note,
            received_at_us=at_us,
        )
    _show([made], as_json, single=True)


@requests_app.command("list")
def list_requests(
    open_only: Annotated[bool, typer.Option("--open", help="Only those not answered.")] = False,
    as_json: shell.JsonOption = False,
) -> None:
    """List requests with the time that is left. Example: pinmark requests list --open."""
    with _desk() as (_, desk):
        found = desk.requests.all(open_only=open_only)
    _show(found, as_json)


@requests_app.command()
def answer(
    request_id: str,
    query: Annotated[str, typer.Option(help="The query whose answer was given.")],
    told: Annotated[
        list[str] | None, typer.Option(help="What the agency was told; repeat.")
    ] = None,
    by: ByOption = CONSOLE,
    as_json: shell.JsonOption = False,
) -> None:
    """Write down that the agency was answered: the clock stops.

    Example: pinmark requests answer R000012 --query Q000013 --told "MODEL 1 ZQ0042, verified"
    """
    with _desk() as (station, desk):
        made_for = desk.queries.get(query)["request_id"]
        if made_for != request_id:
            raise InputError(f"query {query} was not made for request {request_id}")
        given = {"query_id": query, "disclosed": told or [], "by": by}
        done = _record(station, "answer", request_id=request_id, **given)
    _show([done], as_json, single=True)


@requests_app.command()
def withdraw(
    request_id: str,
    reason: Annotated[str, typer.Option(help="Why the agency took it back.")] = "",
    by: ByOption = CONSOLE,
    as_json: shell.JsonOption = False,
) -> None:
    """Write down that a request was withdrawn.

    Example: pinmark requests withdraw R000012 --reason "found otherwise"
    """
    with open_station() as station:
        done = _record(station, "withdraw", request_id=request_id, reason=reason, by=by)
    _show([done], as_json, single=True)


@requests_app.command()
def sheet(
    query_id: str,
    out: Annotated[Path, typer.Option(help="Where the PDF goes.")],
    as_json: shell.JsonOption = False,
) -> None:
    """Set the answer to a query on paper, by the fields of ATF Form 3312.1.

    Example: pinmark requests sheet Q000013 --out answer.pdf
    """
    with _desk() as (station, desk):
        data = trace_sheet(desk, station.records, query_id)
    try:
        out.write_bytes(data)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}") from None
    if as_json:
        shell.emit({"file": str(out), "bytes": len(data)})
    else:
        shell.console.print(f"{out}: {len(data)} bytes")


@contextmanager
def _desk() -> Iterator[tuple[Station, Desk]]:
    with open_station() as station:
        yield station, open_desk(station)


def _record(station: Station, did: str, **given: Any) -> TraceRequest:
    """Write down what became of a request; return it as it stands now."""
    fields = station.record("request", did=did, given={**given, "by": named(given["by"])})
    return TraceRequest(**{**fields, "disclosed": tuple(fields["disclosed"])})


def _time(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"time {text!r} is not like 2027-01-15T08:00Z") from None
    if at.tzinfo is None:
        raise InputError(f"time {text!r} has no zone; write 2027-01-15T08:00Z or +01:00")
    return int(at.astimezone(UTC).timestamp() * 1_000_000)


def _show(found: list[TraceRequest], as_json: bool, *, single: bool = False) -> None:
    now = now_us()
    fields: list[dict[str, Any]] = [asdict(one) | {"clock": one.clock(now)} for one in found]
    if as_json:
        shell.emit({"request": fields[0]} if single else {"requests": fields})
        return
    table = Table(box=None)
    for name in ("request", "agency", "person", "received", "due", "state", "clock"):
        table.add_column(name)
    for one in fields:
        clock = one["clock"]
        table.add_row(
            one["request_id"],
            one["agency"],
            one["person"],
            clock["received"],
            clock["due"],
            one["state"],
            clock_text(clock["left_s"], one["state"]),
        )
    shell.console.print(table)


def clock_text(left_s: int, state: str) -> str:
    """Say how much of the 24 hours is left, or was.

    Examples
    --------
    >>> clock_text(3_660, "open"), clock_text(-7_200, "open"), clock_text(60, "answered")
    ('1 h 01 min left', 'LATE by 2 h 00 min', 'in time, 0 h 01 min left')
    """
    hours, minutes = divmod(abs(left_s) // 60, 60)
    span = f"{hours} h {minutes:02d} min"
    if state == "withdrawn":
        return "withdrawn"
    if left_s < 0:
        return f"LATE by {span}" if state == "open" else f"late by {span}"
    return f"{span} left" if state == "open" else f"in time, {span} left"
