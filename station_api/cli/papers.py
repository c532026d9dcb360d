"""`pinmark papers`: the firearms book, its corrections, and the papers made from it.

In: fields, entry ids. Out: a line each or JSON: ``entry`` (columns of `book`), ``lines``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from engraver.errors import InputError, OrderError
from station_api.cli import papers_certify, papers_packs, shell
from station_api.papers import prints
from station_api.papers.book import Book
from station_api.papers.downloads import Digest, download_event
from station_api.papers.entries import BookEntry
from station_api.papers.licensee import configured_licensee
from station_api.papers.unentered import unentered
from station_api.papers.views import COLUMNS, Wanted, page, table_rows
from station_api.station import Station, open_station

papers_app = typer.Typer(no_args_is_help=True, help="The firearms book and the law's papers.")
By = Annotated[str, typer.Option(help="who writes it")]
Date = Annotated[str, typer.Option("--date", help="the day, YYYY-MM-DD")]
Licence = Annotated[str, typer.Option(help="the other party's licence number")]
Address = Annotated[str, typer.Option(help="the other party's address")]


def register(app: typer.Typer) -> None:
    """Add the group to the command tree."""
    papers_packs.register(papers_app)
    papers_certify.register(papers_app)
    app.add_typer(papers_app, name="papers")


@papers_app.command()
def enter(
    make: Annotated[str, typer.Option(help="manufacturer")],
    model: Annotated[str, typer.Option(help="model")],
    serial: Annotated[str, typer.Option(help="serial number")],
    kind: Annotated[str, typer.Option("--type", help="pistol, revolver, rifle, receiver ...")],
    caliber: Annotated[str, typer.Option(help="caliber or gauge")],
    date: Date,
    by: By,
    how: Annotated[str, typer.Option(help="manufactured or acquired")] = "manufactured",
    importer: Annotated[str, typer.Option(help="importer, if any")] = "",
    source: Annotated[str, typer.Option("--from", help="of whom it was acquired")] = "",
    licence: Licence = "",
    address: Address = "",
    mark: Annotated[str | None, typer.Option(help="its mark; found by the serial")] = None,
    as_json: shell.JsonOption = False,
) -> None:
    """Enter a firearm: manufactured here, or acquired of somebody.

    Example: pinmark papers enter --make "Example Arms" --model "Model 1" --serial ZQ0042
    --type pistol --caliber "9 mm Luger" --date 2027-01-14 --by "A. Smith"
    """
    fields = {
        "how": how,
        "manufacturer": make,
        "importer": importer,
        "type": kind,
        "model": model,
        "caliber": caliber,
        "serial": serial,
        "on_date": date,
        "party_name": source,
        "party_licence": licence,
        "party_address": address,
        "mark_id": mark,
    }
    with open_station(to_mark=True) as station:
        _tell(Book(station.records).enter(fields, by), as_json)


@papers_app.command("enter-marked")
def enter_marked(
    kind: Annotated[str, typer.Option("--type", help="pistol, revolver, rifle, receiver ...")],
    caliber: Annotated[str, typer.Option(help="caliber or gauge")],
    by: By,
    make: Annotated[str, typer.Option(help="only of this make")] = "",
    model: Annotated[str, typer.Option(help="only of this model")] = "",
    as_json: shell.JsonOption = False,
) -> None:
    """Enter every firearm whose mark is verified and that is not in the book, by its mark's day.

    Example: pinmark papers enter-marked --type pistol --caliber "9 mm Luger" --by "A. Smith"
    """
    made = []
    with open_station(to_mark=True) as station:
        book = Book(station.records)
        for found in unentered(station.records):
            if make.upper() in ("", found.make) and model.upper() in ("", found.model):
                fields = {"type": kind, "caliber": caliber, **found.fields()}
                made.append(book.enter(fields, by))
    if as_json:
        shell.emit({"entries": [asdict(one) for one in made]})
    else:
        shell.console.print(f"{len(made)} firearms entered")


@papers_app.command()
def dispose(
    line: Annotated[str, typer.Argument(help="line of the book, B000001")],
    date: Date,
    by: By,
    how: Annotated[
        str, typer.Option(help="sold, transferred, exported, returned, destroyed, stolen or lost")
    ] = "sold",
    to: Annotated[str, typer.Option(help="to whom it went")] = "",
    licence: Licence = "",
    address: Address = "",
    as_json: shell.JsonOption = False,
) -> None:
    """Write how a firearm left.

    Example: pinmark papers dispose B000001 --date 2027-01-15 --to "Dealer & Sons"
    --licence 1-54-000-01-8A-12345 --by "A. Smith"
    """
    fields = {
        "how": how,
        "on_date": date,
        "party_name": to,
        "party_licence": licence,
        "party_address": address,
    }
    with open_station(to_mark=True) as station:
        _tell(Book(station.records).dispose(line, fields, by), as_json)


@papers_app.command()
def correct(
    entry: Annotated[str, typer.Argument(help="the newest entry of a part, B000001.A1")],
    change: Annotated[list[str], typer.Option("--set", help="FIELD=VALUE; how=void strikes it")],
    reason: Annotated[str, typer.Option(help="what was wrong, and how it is known")],
    by: Annotated[list[str], typer.Option(help="who corrects it; twice for two people")],
    as_json: shell.JsonOption = False,
) -> None:
    """Correct an entry by a new one; the original stays.

    What says which firearm it is (serial, model, type, caliber, makers) takes two people.

    Example: pinmark papers correct B000001.A1 --set on_date=2027-01-13 --reason "assembled the
    day before" --by "A. Smith"
    """
    if len(by) > 2:
        raise InputError(f"a correction takes one or two people, --by was given {len(by)} times")
    changes: dict[str, Any] = {}
    for text in change:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--set {text[:40]!r} is not FIELD=VALUE")
        changes[name.strip()] = value
    with open_station(to_mark=True) as station:
        made = Book(station.records).correct(entry, changes, reason, by[0], (*by, None)[1])
        _tell(made, as_json)


@papers_app.command()
def book(
    view: Annotated[str, typer.Option(help="original, corrected or both")] = "corrected",
    serial: Annotated[str, typer.Option(help="of this serial, also if it was once wrong")] = "",
    make: Annotated[str, typer.Option(help="part of the manufacturer's name")] = "",
    importer: Annotated[str, typer.Option(help="part of the importer's name")] = "",
    party: Annotated[str, typer.Option(help="part of the other party's name")] = "",
    address: Annotated[str, typer.Option(help="part of their address")] = "",
    acquired_from: Annotated[str, typer.Option(help="acquired on or after, YYYY-MM-DD")] = "",
    acquired_to: Annotated[str, typer.Option(help="acquired on or before")] = "",
    disposed_from: Annotated[str, typer.Option(help="disposed of on or after")] = "",
    disposed_to: Annotated[str, typer.Option(help="disposed of on or before")] = "",
    only_corrected: Annotated[bool, typer.Option(help="lines with a correction")] = False,
    pdf: Annotated[Path | None, typer.Option(help="print to this file (-2, -3 ... follow)")] = None,
    csv: Annotated[Path | None, typer.Option(help="download to this file")] = None,
    ascii_file: Annotated[Path | None, typer.Option("--ascii", help="as plain ASCII text")] = None,
    after: Annotated[int, typer.Option(min=0, help="lines after this number")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="lines to show")] = 100,
    as_json: shell.JsonOption = False,
) -> None:
    """Show, print or download the book: original entries, corrected ones, or both.

    Example: pinmark papers book --view both --serial ZQ0042 --pdf book.pdf
    """
    wanted = Wanted(
        view=view,
        serial=serial,
        manufacturer=make,
        importer=importer,
        party=party,
        address=address,
        acquired_from=acquired_from,
        acquired_to=acquired_to,
        disposed_from=disposed_from,
        disposed_to=disposed_to,
        only_corrected=only_corrected,
    )
    with open_station() as station:
        files = _download(station, wanted, pdf, csv, ascii_file)
        lines, following = page(station.records, wanted, after, limit)
    if as_json:
        fields = [prints.line_fields(line) for line in lines]
        shell.emit({"view": view, "lines": fields, "next": following, "files": files})
        return
    for file in files:
        shell.console.print(file)
    if not files:
        rows = [row for line in lines for row in table_rows(line, view)]
        shell.console.print(_table(rows) if rows else "no lines")


def _download(
    station: Station, wanted: Wanted, pdf: Path | None, csv: Path | None, plain: Path | None
) -> list[str]:
    written = []
    forms = []
    if pdf is not None:
        note = station.sign()
        licensee = configured_licensee()
        for n, made in enumerate(prints.prints(station.records, wanted, licensee, note), 1):
            path = pdf if n == 1 else pdf.with_stem(f"{pdf.stem}-{n}")
            part = Digest([made])
            written.append(write_file(path, part))
            forms.append(("PDF", part))
    for file, form, lines in (
        (csv, "CSV", prints.csv_lines(station.records, wanted)),
        (plain, "ASCII", prints.ascii_lines(station.records, wanted)),
    ):
        if file is not None:
            part = Digest(line.encode() for line in lines)
            written.append(write_file(file, part))
            forms.append((form, part))
    if not prints.selection(wanted):
        for form, part in forms:
            digest = part.hexdigest()
            event = download_event(wanted.view, form, digest, "console")
            station.record("paper", event=event)
    return written


def write_file(path: Path, parts: Iterable[bytes]) -> str:
    """Write a file and return its path.

    Raises
    ------
    OrderError
        If it cannot be written.
    """
    try:
        with path.open("wb") as file:
            for part in parts:
                file.write(part)
    except OSError as error:
        raise OrderError(f"{path} cannot be written: {error.strerror}") from error
    return str(path)


def _tell(entry: BookEntry, as_json: bool) -> None:
    if as_json:
        shell.emit({"entry": {**asdict(entry), "days_late": entry.days_late}})
        return
    late = f", {entry.days_late} days late" if entry.days_late else ""
    who = f"{entry.manufacturer} {entry.model} serial {entry.serial}"
    shell.console.print(f"{entry.entry_id}: {who}, {entry.how} on {entry.on_date}{late}")


def _table(rows: list[list[str]]) -> Table:
    shown = ("entry", "shown as", "model", "serial", "acquired on", "disposed on", "disposed to")
    table = Table()
    for name in shown:
        table.add_column(name, no_wrap=name != "disposed to")
    for row in rows:
        told = dict(zip(COLUMNS, row, strict=True))
        table.add_row(*(told[name] for name in shown))
    return table
