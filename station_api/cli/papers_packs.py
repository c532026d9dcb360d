"""`pinmark papers`: what is made of the book and the records: packs, events, audits, checklist."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from engraver.errors import OrderError
from station_api.cli import shell
from station_api.log_key import log_origin, log_signer
from station_api.papers import audit as audits
from station_api.papers import checklist as conditions
from station_api.papers import epcis as events
from station_api.papers.handover import hand_over as write_everything
from station_api.papers.licensee import configured_licensee
from station_api.registry_file import load_registry
from station_api.station import open_station

COLOUR = {
    conditions.MET: "green",
    conditions.PROVIDED: "green",
    conditions.OPEN: "red",
    conditions.DUTY: "dim",
}
Folder = Annotated[Path, typer.Argument(help="a new folder")]


def register(app: typer.Typer) -> None:
    """Add the commands to the group."""
    app.command()(checklist)
    app.command()(epcis)
    app.command("hand-over")(hand_over)
    app.command()(audit)


def checklist(
    markdown: Annotated[bool, typer.Option(help="print the table of docs/compliance.md")] = False,
    as_json: shell.JsonOption = False,
) -> int:
    """Say which conditions of the law are met, by what, and which are the licensee's own duty.

    Exit code 1 while one that pinmark can look at is open. Example: pinmark papers checklist
    """
    if markdown:
        shell.console.print(conditions.table_text(), markup=False, end="")
        return shell.DONE
    with open_station() as station:
        found = conditions.checklist(station.records)
    if as_json:
        shell.emit({"conditions": [asdict(one) for one in found]})
    else:
        table = Table("rule", "wants", "state", "by what", show_lines=True)
        for one in found:
            state = f"[{COLOUR[one.state]}]{one.state}[/]"
            said = f"{state}: {escape(one.found)}" if one.found else state
            table.add_row(one.rule, one.wants, said, escape(one.how))
        shell.console.print(table)
    is_open = any(one.state == conditions.OPEN for one in found)
    return shell.BAD_MARK if is_open else shell.DONE


def epcis(
    out: Annotated[Path | None, typer.Option(help="file to write; else standard output")] = None,
    since: Annotated[str, typer.Option(help="written on or after this day, YYYY-MM-DD")] = "",
    until: Annotated[str, typer.Option(help="written on or before")] = "",
    as_json: shell.JsonOption = False,
) -> None:
    """Write marks and book as GS1 EPCIS 2.0 events, valid by the published schema.

    Example: pinmark papers epcis --out events.json
    """
    with open_station() as station:
        origin = log_origin(station.records.station)
        made = events.document(station.records, configured_licensee(), origin, since, until)
    text = json.dumps(made, indent=None if as_json else 1, ensure_ascii=False)
    if out is None:
        print(text)
        return
    _write(out, text + "\n")
    count = len(made["epcisBody"]["eventList"])
    if as_json:
        shell.emit({"file": str(out), "events": count})
    else:
        shell.console.print(f"{out}: {count} events, valid by the schema of EPCIS 2.0")


def hand_over(folder: Folder, as_json: shell.JsonOption = False) -> None:
    """Write everything for a successor or ATF's Out-of-Business Records Center, signed.

    Example: pinmark papers hand-over /mnt/usb/records-2027
    """
    with open_station() as station:
        signer = log_signer(station.home, log_origin(station.records.station))
        note = station.sign()
        made = write_everything(station.records, folder, configured_licensee(), signer, note)
    report_folder(folder, made, as_json)


def audit(
    month: Annotated[str, typer.Option(help="YYYY-MM, in UTC")],
    pdf: Annotated[Path | None, typer.Option(help="print to this file")] = None,
    csv: Annotated[Path | None, typer.Option(help="lines to this file")] = None,
    as_json: shell.JsonOption = False,
) -> None:
    """Audit one month: gaps in serials, unknowns, rejects, re-marks, late entries and answers.

    Example: pinmark papers audit --month 2027-01 --pdf audit.pdf
    """
    with open_station() as station:
        note = station.sign()
        registry = load_registry()
        found = audits.audit(station.records, registry, configured_licensee(), month, note)
    files = []
    if pdf is not None:
        _write_bytes(pdf, audits.audit_report(found))
        files.append(str(pdf))
    if csv is not None:
        _write_bytes(csv, audits.csv_text(found).encode())
        files.append(str(csv))
    if as_json:
        shell.emit({**asdict(found), "files": files})
        return
    for file in files:
        shell.console.print(file, markup=False)
    shell.console.print(f"{month}{'' if found.over else ', not over yet'}: ", end="")
    told = [f"{count} {kind}" for kind, count in found.kinds.items() if count]
    shell.console.print(", ".join(told) or "nothing to ask about", markup=False)
    for line in found.lines if not files else ():
        who = f"{line.make} {line.model} {line.serial}".strip()
        told = [line.kind, line.what, who, line.at, line.by, line.said, line.since]
        shell.console.print("  " + "; ".join(text for text in told if text), markup=False)


def report_folder(folder: Path, manifest: dict[str, Any], as_json: bool, said: str = "") -> None:
    """Print a manifest: its files as JSON, or how many there are."""
    if as_json:
        shell.emit({"folder": str(folder), **manifest})
        return
    stands = manifest["checkpoint"]
    shell.console.print(
        f"{folder}: {said}{manifest['what']}, {len(manifest['files'])} files; log "
        f"{stands['origin']} at {stands['size']} entries"
    )


def _write(path: Path, text: str) -> None:
    _write_bytes(path, text.encode())


def _write_bytes(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise OrderError(f"{path} cannot be written: {error.strerror}") from error
