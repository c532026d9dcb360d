"""`pinmark papers`: the sample plan, the certification pack, and whether a pack is whole.

In: make and model, a table of cases with their scans, who states. Out: a plan, a pack as a folder
or a zip, its verdict; exit code 1 while anything is lacking or the reliability is not shown.
"""

from __future__ import annotations

import json
import secrets
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import sqlalchemy as sa
import typer

import hardware
from engraver.errors import InputError, OrderError
from engraver.orders import normalise_name
from station_api.cli import shell
from station_api.log_key import log_origin, log_signer, read_public_keys, save_key
from station_api.papers.certification import judging
from station_api.papers.certification.pack import Pack, write_pack, zip_folder
from station_api.papers.certification.plan import SamplePlan, draw_sample, lot_at, plan_from
from station_api.papers.certification.series import Shown, read_table
from station_api.papers.certification.statement import STATEMENT, Stated, verify_statement
from station_api.papers.licensee import configured_licensee
from station_api.papers.manifest import new_folder, verify_folder
from station_api.profiles import load_setup, shelves
from station_api.records import Records
from station_api.records.tables import marks
from station_api.station import open_station
from station_api.transparency.note import generate_key, parse_signer_key

MOST_UNPACKED = 1 << 34
"""Bytes of a zip that are unpacked to be verified: 16 GiB."""


def register(app: typer.Typer) -> None:
    """Add the commands to the group."""
    app.command("sample-plan")(sample_plan)
    app.command()(certify)
    app.command("key")(statement_key)
    app.command()(verify)


def sample_plan(
    make: Annotated[str, typer.Option(help="manufacturer")],
    model: Annotated[str, typer.Option(help="model")],
    reliability: Annotated[float, typer.Option(help="share that has to be legible")] = 0.90,
    confidence: Annotated[float, typer.Option(help="how sure the sample makes")] = 0.95,
    failures: Annotated[int, typer.Option(help="failures that are accepted")] = 0,
    save: Annotated[Path | None, typer.Option(help="write the plan here, for certify")] = None,
    as_json: shell.JsonOption = False,
) -> None:
    """Say how many verified marks of a model to fire, which ones, and what that would prove.

    The sample is drawn by the root of the signed log, so that nobody chooses it.

    Example: pinmark papers sample-plan --make "Example Arms" --model "Model 1" --save plan.json
    """
    named = (normalise_name(make, "make"), normalise_name(model, "model"))
    with open_station() as station:
        note = station.sign()
        drawn = draw_sample(station.records, *named, note, reliability, confidence, failures)
    if save is not None:
        _write_new(save, json.dumps(drawn.fields(), indent=1) + "\n")
    if as_json:
        shell.emit(drawn.fields())
        return
    stat, root = drawn.statistics, drawn.stands.root.hex()
    shell.console.print(
        f"fire {stat.sample} of {stat.lot} and accept with at most {failures} failures: shows "
        f"{reliability:g} with confidence {confidence:g}; drawn by log root {root[:16]}"
    )
    shell.console.print(", ".join(drawn.drawn), markup=False)


def certify(
    folder: Annotated[Path, typer.Argument(help="a new folder, or a new file that ends in .zip")],
    plan: Annotated[Path, typer.Option(help="the plan, as sample-plan --save wrote it")],
    cases: Annotated[Path, typer.Option(help="CSV: serial, round, scan; scans lie beside it")],
    by: Annotated[str, typer.Option(help="who states it")],
    title: Annotated[str, typer.Option(help="as what: Compliance Officer ...")],
    date: Annotated[str, typer.Option(help="the day of the statement, YYYY-MM-DD")],
    rounds: Annotated[
        int, typer.Option(min=2, max=1_000_000, help="rounds fired from each firearm")
    ] = judging.ROUNDS,
    sign_with: Annotated[
        Path | None, typer.Option("--sign-with", help="the licensee's key; else the station's")
    ] = None,
    acceptance: Annotated[str, typer.Option(help="acceptance profile of the pins")] = "default",
    as_json: shell.JsonOption = False,
) -> int:
    """Make the certification pack of Cal. Penal Code 27531-27532 from cases that were fired.

    Round 0 is the pin itself. Exit code 1 while anything is lacking, or the share is not shown.

    Example: pinmark papers certify pack.zip --plan plan.json --cases cases.csv
    --by "A. Smith" --title "Compliance Officer" --date 2027-01-15
    """
    stated = Stated(by, title, date).checked()
    as_zip = folder.suffix.lower() == ".zip"
    if as_zip and folder.exists():
        raise InputError(f"{folder} is there already; name a new file")
    shown = read_table(cases)
    limits = hardware.load("acceptance", acceptance, shelves())
    setup_of = cache(load_setup)
    with open_station() as station:
        records = station.records
        signer = log_signer(station.home, log_origin(records.station))
        drawn = plan_from(_read(plan), records, [signer.verifier()])
        lot = lot_at(records, drawn.make, drawn.model, drawn.stands.size)
        _refuse_strangers(drawn, shown, cases.name)
        if not as_zip:
            new_folder(folder)  # before minutes of reading
        state_of = lambda mark_id: records.get(mark_id).state  # noqa: E731
        with shell.progress_console.status("reading cases ...") as bar:
            found = judging.judge(
                drawn, lot, shown, rounds, setup_of, _owners(records), state_of,
                lambda what: bar.update(f"reading {what} ..."),
            )  # fmt: skip
        pack = Pack(drawn, lot, found, shown, stated, configured_licensee())
        key = signer if sign_with is None else parse_signer_key(_read(sign_with))
        with _room(folder, as_zip) as room:
            manifest = write_pack(room, pack, records, signer, key, setup_of, limits)
            if as_zip:
                zip_folder(room, folder)
        station.record("paper", event=_event(drawn, manifest))
    if as_json:
        shell.emit({"folder": str(folder), **manifest})
    else:
        _tell(folder, manifest)
    return shell.DONE if manifest["facts"]["shown"] else shell.BAD_MARK


def statement_key(
    file: Annotated[Path, typer.Argument(help="a new file, for its owner alone")],
    name: Annotated[str, typer.Option(help="whose key: example.com/compliance")],
) -> None:
    """Make an Ed25519 key by which a statement is signed; its public half lies beside it.

    Example: pinmark papers key officer.key --name example.com/compliance
    """
    if file.exists():
        raise InputError(f"{file} is there already; a key is never written over")
    made = save_key(file, generate_key(name, secrets.token_bytes))
    shell.console.print(f"{file}; public: {made.verifier().text()}", markup=False, soft_wrap=True)


def verify(
    folder: Annotated[Path, typer.Argument(help="a folder with manifest.json, or a zip of one")],
    keys: Annotated[list[str], typer.Option("--key", help="public key, or its file")],
    as_json: shell.JsonOption = False,
) -> None:
    """Verify a folder that was handed over: signatures, every file, nothing added.

    Example: pinmark papers verify /mnt/usb/records-2027 --key log.pub
    """
    trusted = read_public_keys(keys)
    with _unpacked(folder) as room:
        manifest = verify_folder(room, trusted)
        stated = verify_statement(room, trusted) if (room / STATEMENT).exists() else None
    if as_json:
        shell.emit({"folder": str(folder), **manifest, "stated_by": stated})
        return
    stands = manifest["checkpoint"]
    said = f"[green]whole[/], {manifest['what']}, {len(manifest['files'])} files; log "
    shell.console.print(f"{folder}: {said}{stands['origin']} at {stands['size']} entries")
    if stated is not None:
        shell.console.print(f"stated by {stated}", markup=False)
    if verdict := manifest["facts"].get("verdict"):
        shell.console.print(verdict, markup=False)


def _refuse_strangers(drawn: SamplePlan, shown: list[Shown], table: str) -> None:
    for one in shown:
        if one.serial not in drawn.drawn:
            raise InputError(
                f"{table} line {one.row}: serial {one.serial} is not in the sample of "
                f"{drawn.make} {drawn.model} that was drawn"
            )


def _owners(records: Records) -> Any:
    """Return what says whose a code is on record."""

    def owner(code: str) -> str:
        query = sa.select(marks.c.serial).where(marks.c.code == code).limit(1)
        with records.database.reading.connect() as connection:
            return str(connection.execute(query).scalar() or "")

    return owner


def _event(drawn: SamplePlan, manifest: dict[str, Any]) -> dict[str, str]:
    """Return what the log says of a pack that was made: its verdict, its statement's digest."""
    return {
        "did": "certification pack",
        "make": drawn.make,
        "model": drawn.model,
        "verdict": manifest["facts"]["verdict"],
        "sha256": next(f["sha256"] for f in manifest["files"] if f["path"] == STATEMENT),
        "by": "console",
    }


def _tell(folder: Path, manifest: dict[str, Any]) -> None:
    facts = manifest["facts"]
    colour = "green" if facts["shown"] else "red"
    shell.console.print(f"{folder}: {len(manifest['files'])} files")
    shell.console.print(f"[{colour}]{facts['verdict']}[/]")
    for gap in facts["gaps"]:
        shell.console.print(f"  {gap}", markup=False)


@contextmanager
def _room(folder: Path, as_zip: bool) -> Iterator[Path]:
    """Give the new folder itself, or one that lasts until it is zipped."""
    if not as_zip:
        yield new_folder(folder)
        return
    with tempfile.TemporaryDirectory(prefix="pinmark-pack-") as made:
        yield Path(made)


@contextmanager
def _unpacked(folder: Path) -> Iterator[Path]:
    """Give a folder as it is, a zip unpacked for a while.

    Raises
    ------
    InputError
        If it is neither, or the zip is damaged or too large.
    """
    if folder.is_dir():
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="pinmark-pack-") as made:
        try:
            with zipfile.ZipFile(folder) as archive:
                if sum(one.file_size for one in archive.infolist()) > MOST_UNPACKED:
                    raise InputError(f"{folder} unpacks to more than {MOST_UNPACKED} bytes")
                archive.extractall(made)
        except (OSError, zipfile.BadZipFile) as error:
            raise InputError(f"{folder} is no folder and no zip of one: {error}") from None
        yield Path(made)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        cause = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise InputError(f"{path} cannot be read: {cause}") from None


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise OrderError(f"{path} cannot be written: {error.strerror}") from error
