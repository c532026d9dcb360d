"""`pinmark backup`, `pinmark restore`, `pinmark export`: keeping the records.

In: folders and files. Out: a line each, or JSON with ``file``, ``sizes``, ``rows``. A backup is
checked before it counts; a restore overwrites nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from station_api.backups import EVIDENCE, back_up, backup_folder, copy_evidence
from station_api.cli import shell
from station_api.home import PATIENCE_S, station_home, station_lock
from station_api.log_key import log_origin, log_signer, read_note, read_public_keys
from station_api.records.backup import restore_backup
from station_api.records.export import export as export_records
from station_api.station import open_station, station_name, taken


def register(app: typer.Typer) -> None:
    """Add the commands to the command tree."""
    app.command()(backup)
    app.command()(restore)
    app.command()(export)


def backup(
    folder: Annotated[
        Path | None, typer.Argument(help="where; without it \\[backup] folder of the configuration")
    ] = None,
    keep_days: Annotated[
        int | None, typer.Option(help="days of which every backup is kept", min=1)
    ] = None,
    as_json: shell.JsonOption = False,
) -> None:
    """Back the records up while the station works, and check the copy.

    Older backups are thinned to the newest of each month. Example: pinmark backup /mnt/backups
    """
    where = backup_folder(folder)
    with open_station() as station:
        signer = log_signer(station.home, log_origin(station.records.station))
        taken = back_up(
            station.records, station.home, station.sign(), [signer.verifier()], where, keep_days
        )
    made = taken.backup
    if as_json:
        fields = {"file": str(made.path), "sizes": made.report.sizes}
        shell.emit({**fields, "thinned_out": [str(path) for path in taken.thinned_out]})
        return
    shell.console.print(f"{made.path}: sound, {made.report.rows} entries")


def restore(
    file: Annotated[Path, typer.Argument(help="a backup file")],
    keys: Annotated[list[str] | None, typer.Option("--key", help="public key of the log")] = None,
    kept: Annotated[
        list[Path] | None, typer.Option("--checkpoint", help="a checkpoint kept elsewhere")
    ] = None,
    as_json: shell.JsonOption = False,
) -> None:
    """Restore a backup into PINMARK_HOME, which must hold no records yet.

    Example: pinmark restore /mnt/backups/pinmark-S1-0000000042-20270115T080000Z.db
    """
    home = station_home()
    with station_lock(home, to_stay=True, patience_s=PATIENCE_S) as held:
        if not held:
            raise taken(home)
        notes = [read_note(path) for path in kept or []]
        report = restore_backup(
            file, home / "station.db", read_public_keys(keys or []), notes, station_name()
        )
        pieces = copy_evidence(file.parent / EVIDENCE, home / EVIDENCE)
    if as_json:
        shell.emit({"file": str(home / "station.db"), "sizes": report.sizes, EVIDENCE: pieces})
        return
    shell.console.print(
        f"{home / 'station.db'}: restored, sound, {report.rows} entries; "
        f"{pieces} pieces of evidence of releases"
    )


def export(
    folder: Annotated[Path, typer.Argument(help="a new folder")],
    as_json: shell.JsonOption = False,
) -> None:
    """Write everything in open formats: CSV, JSON lines, the log as tiles.

    Example: pinmark export /mnt/usb/records
    """
    with open_station() as station:
        counts = export_records(station.records, folder, station.sign())
    if as_json:
        shell.emit({"file": str(folder), "rows": counts})
        return
    told = ", ".join(f"{count} {table}" for table, count in counts.items() if count)
    shell.console.print(f"{folder}: {told or 'nothing yet'}")
