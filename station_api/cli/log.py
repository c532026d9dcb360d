"""`pinmark log`: sign, prove, verify and check the transparency log.

In: mark ids, entry numbers, proof files, public keys. Out: a line each, or JSON with the fields
``checkpoint``, ``proof``, ``findings``. `verify` opens no database: it needs the file and the
public key. Exit 1: a proof that does not hold, or a log that is not what was signed.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from engraver.errors import InputError, OrderError
from station_api import cosignatures, log
from station_api import kept as kept_rows
from station_api.cli import shell
from station_api.cli.log_witness import witness
from station_api.configuration import settings
from station_api.key_backup import note_backup
from station_api.log_key import (
    log_origin,
    log_signer,
    read_note,
    read_public_keys,
    witness_signer,
)
from station_api.neighbours import read_neighbours
from station_api.station import Station, open_station
from station_api.transparency.checkpoint import parse_checkpoint
from station_api.transparency.note import split_note

log_app = typer.Typer(help="The transparency log: sign, prove, verify, check.")
KeyOption = Annotated[
    list[str] | None, typer.Option("--key", help="public key, or a file with one a line")
]


def register(app: typer.Typer) -> None:
    """Add the group to the command tree."""
    log_app.command()(witness)
    app.add_typer(log_app, name="log")


def _signer(station: Station) -> Any:
    return log_signer(station.home, log_origin(station.records.station))


@log_app.command()
def checkpoint(as_json: shell.JsonOption = False) -> None:
    """Sign where the log stands, and print it. Example: pinmark log checkpoint."""
    with open_station() as station:
        note = cosignatures.with_cosignatures(station.records, station.sign())
    if as_json:
        found = parse_checkpoint(split_note(note)[0])
        fields = {"origin": found.origin, "size": found.size, "root": found.root.hex()}
        shell.emit({"checkpoint": note, **fields})
        return
    print(note, end="")


@log_app.command()
def key(
    rotate: Annotated[bool, typer.Option("--rotate", help="replace the signing key")] = False,
    backed_up: Annotated[
        str | None, typer.Option("--backed-up", metavar="WHERE", help="note where its copy is")
    ] = None,
    fingerprint: Annotated[
        str | None, typer.Option(help="eight hex digits, read off that copy")
    ] = None,
    by_witness: Annotated[
        bool, typer.Option("--witness", help="the key by which this station cosigns others")
    ] = False,
    as_json: shell.JsonOption = False,
) -> None:
    """Print the public key; with --rotate after making a new one.

    Example: pinmark log key --backed-up "safe in the office" --fingerprint 0123abcd
    """
    with open_station(to_mark=rotate) as station:
        signer = _signer(station)
        if rotate:
            signer = log.rotate_key(station.records, station.home, signer, secrets.token_bytes)
        if backed_up is not None:
            note_backup(station.home, signer, backed_up, fingerprint)
        if by_witness:
            signer = witness_signer(station.home, station.records.station)
    text = signer.verifier().text()
    if as_json:
        shell.emit({"key": text, "origin": signer.name})
        return
    print(text)


@log_app.command()
def prove(
    what: Annotated[str, typer.Argument(metavar="MARK|ENTRY", help="mark id or entry number")],
    out: Annotated[Path | None, typer.Option(help="write the proof file here")] = None,
    public: Annotated[bool, typer.Option("--public", help="leave the record out")] = False,
    as_json: shell.JsonOption = False,
) -> None:
    """Prove that a mark's newest entry is in the log.

    Example: pinmark log prove M000001 --out M000001.tlog-proof
    """
    with open_station() as station:
        position = _position(station, what)
        # one that a witness cosigned shows more than one that only this station signed
        note = cosignatures.newest_cosigned(station.records, position) or station.sign()
        text = log.prove(station.records, position, note, public=public).text()
    if out is not None:
        _write(out, text)
    if as_json:
        shell.emit({"entry": position, "file": str(out) if out else None, "proof": text})
    elif out is None:
        print(text, end="")
    else:
        shell.console.print(f"entry {position} proved in {out}")


@log_app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="a .tlog-proof file")],
    keys: KeyOption = None,
    origin: Annotated[str | None, typer.Option(help="the log it has to be of")] = None,
    as_json: shell.JsonOption = False,
) -> None:
    """Verify a proof file with the public key alone: no database, no network.

    Example: pinmark log verify M000001.tlog-proof --key log.pub
    """
    if not keys:
        raise InputError("verifying takes the log's public key; give --key log.pub")
    found = log.verify_file(read_note(file), read_public_keys(keys), origin)
    signers = [one.name for one in found.note.verified]
    if as_json:
        shell.emit(
            {
                "entry": found.position,
                "kind": found.kind,
                "record": found.record,
                "origin": found.checkpoint.origin,
                "size": found.checkpoint.size,
                "root": found.checkpoint.root.hex(),
                "signed_by": signers,
            }
        )
        return
    shell.console.print(
        f"[green]holds[/]: entry {found.position} of {found.checkpoint.size} in "
        f"{found.checkpoint.origin}, signed by {', '.join(signers)}"
    )
    shell.console.print_json(json.dumps(found.record))


@log_app.command()
def fsck(
    keys: KeyOption = None,
    kept: Annotated[
        list[Path] | None, typer.Option("--checkpoint", help="a checkpoint kept elsewhere")
    ] = None,
    as_json: shell.JsonOption = False,
) -> int:
    """Recompute everything and name what is not as it was recorded.

    Example: pinmark log fsck --key log.pub --checkpoint /mnt/auditor/checkpoint
    """
    with open_station() as station:
        own = log.checkpoint_path(station.home)
        elsewhere = [read_note(path) for path in [*(kept or []), *([own] if own.exists() else [])]]
        trusted = [*read_public_keys(keys or []), _signer(station).verifier()]
        records = station.records
        report = kept_rows.fsck(records, trusted, elsewhere)
        report.findings += cosignatures.check(
            records, read_neighbours(settings().witnesses.neighbours)
        )
        version = station.records.database.version()
    if as_json:
        shell.emit({"sound": report.sound, "database": version, **asdict(report)})
    else:
        for finding in report.findings:
            shell.console.print(f"[red]{finding.line()}[/]")
        logs = ", ".join(f"{name}: {size} entries" for name, size in report.sizes.items())
        word = "[green]sound[/]" if report.sound else f"[red]{len(report.findings)} findings[/]"
        signed = f"{report.checkpoints} checkpoints"
        shell.console.print(f"{word}; {logs or 'no entries'}; {signed}; {version}")
    return shell.DONE if report.sound else shell.BAD_MARK


def _position(station: Station, what: str) -> int:
    if what.isdecimal():
        return int(what)
    return int(station.records.history(station.records.get(what).mark_id)[-1]["position"])


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise OrderError(f"{path} cannot be written: {error.strerror}") from error
