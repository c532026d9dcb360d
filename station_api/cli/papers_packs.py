"""`pinmark papers`: what is made of the book and the records: packs, events, audits, checklist."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from engraver import sampling
from engraver.errors import InputError, OrderError
from engraver.orders import normalise_name
from engraver.record import MarkState
from station_api import log
from station_api.cli import shell
from station_api.log_key import log_origin, log_signer, read_public_keys
from station_api.papers import checklist as conditions
from station_api.papers import epcis as events
from station_api.papers.handover import hand_over as write_everything
from station_api.papers.licensee import configured_licensee
from station_api.papers.manifest import verify_folder
from station_api.papers.prints import checkpoint_fields
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
    app.command()(verify)
    app.command("sample-plan")(sample_plan)


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
        note = log.issue_checkpoint(station.records, [signer], station.home)
        made = write_everything(station.records, folder, configured_licensee(), signer, note)
    report_folder(folder, made, as_json)


def verify(
    folder: Annotated[Path, typer.Argument(help="a folder with manifest.json and manifest.note")],
    keys: Annotated[list[str], typer.Option("--key", help="public key, or its file")],
    as_json: shell.JsonOption = False,
) -> None:
    """Verify a folder that was handed over: signature, every file, nothing added.

    Example: pinmark papers verify /mnt/usb/records-2027 --key log.pub
    """
    manifest = verify_folder(folder, read_public_keys(keys))
    report_folder(folder, manifest, as_json, "[green]whole[/], ")


def sample_plan(
    make: Annotated[str, typer.Option(help="manufacturer")],
    model: Annotated[str, typer.Option(help="model")],
    reliability: Annotated[float, typer.Option(help="share that has to be legible")] = 0.90,
    confidence: Annotated[float, typer.Option(help="how sure the sample makes")] = 0.95,
    failures: Annotated[int, typer.Option(help="failures that are accepted")] = 0,
    as_json: shell.JsonOption = False,
) -> None:
    """Say how many verified marks of a model to fire, which ones, and what that would prove.

    The sample is drawn by the root of the signed log, so that nobody chooses it.

    Example: pinmark papers sample-plan --make "Example Arms" --model "Model 1"
    """
    named = (normalise_name(make, "make"), normalise_name(model, "model"))
    with open_station() as station:
        signer = log_signer(station.home, log_origin(station.records.station))
        note = log.issue_checkpoint(station.records, [signer], station.home)
        good = station.records.in_states({MarkState.VERIFIED})
    lot = [row.serial for row in good if (row.make, row.model) == named]
    if not lot:
        raise InputError(f"no verified mark of {' '.join(named)}; see `pinmark records`")
    stands = checkpoint_fields(note)
    found = sampling.plan(reliability, confidence, failures, len(lot))
    drawn = sampling.draw(lot, found.sample, bytes.fromhex(stands["root"]))
    if as_json:
        shell.emit({**asdict(found), "drawn": drawn, "checkpoint": stands})
        return
    shell.console.print(
        f"fire {found.sample} of {len(lot)} and accept with at most {failures} failures: shows "
        f"{reliability:g} with confidence {confidence:g}; drawn by log root {stands['root'][:16]}"
    )
    shell.console.print(", ".join(drawn), markup=False)


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
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise OrderError(f"{path} cannot be written: {error.strerror}") from error
