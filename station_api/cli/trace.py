"""`pinmark trace`: from a partly legible code, a serial or cases -> the marks that may be meant.

In: a pattern, a serial, scans or reads of cases. Out: ranked candidates with what they rest on; a
row and a log entry for every question, refused ones too. `--rerun` audits an answer over the log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from engraver.errors import InputError, ScanError
from station_api.cli import shell
from station_api.cli.trace_show import show_answer, show_rerun
from station_api.log_key import log_origin, log_signer, read_public_keys
from station_api.people import Role
from station_api.profiles import load_setup
from station_api.records.rows import clean_line
from station_api.registry_file import load_registry
from station_api.station import Station, open_station
from station_api.trace.desk import Desk
from station_api.trace.queries import Asker
from station_api.trace.question import DEFAULT_ROWS, Question
from station_api.trace.rerun import entries_in, entries_of, rerun
from station_api.trace.scans import read_cases

CONSOLE = "console"
"""Who the log names for what is asked here, unless --by says who it was."""


Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATTERN|FILES",
        help="A pattern such as 'R8[RP]?E1GV????'; with --cases, files.",
    ),
]
Cases = Annotated[
    bool, typer.Option("--cases", help="FILES are scans of cases, or one reads file (JSON).")
]
Serial = Annotated[
    str, typer.Option(help="A serial instead; ? for one character, * for any number.")
]
Fragment = Annotated[
    bool, typer.Option("--fragment", help="The place of PATTERN in the code is not known.")
]
AnyOrder = Annotated[
    bool, typer.Option("--any-order", help="Rows swapped, mirrored, upside down as well.")
]
Misread = Annotated[
    int | None, typer.Option(help="Symbols that may be wrong; else what can be corrected.")
]
Format = Annotated[str, typer.Option("--format", help="pin32-8, pin32-10, pin32-12.")]
Rows = Annotated[int, typer.Option(help="How many candidates to show.")]
Prior = Annotated[
    float | None, typer.Option(help="Chance, before looking, that the mark is none of ours.")
]
Recipe = Annotated[str, typer.Option(help="The recipe the mark was made by.")]
RequestId = Annotated[
    str | None, typer.Option(help="The trace request that this is for (pinmark requests).")
]
By = Annotated[str, typer.Option(help="Who asks.")]
RoleName = Annotated[str, typer.Option(help="tracer, or auditor with wider limits.")]
Save = Annotated[Path | None, typer.Option(help="Write the answer here, for --rerun.")]
RerunOf = Annotated[
    Path | None, typer.Option("--rerun", help="Audit an answer: search the log itself again.")
]
Export = Annotated[
    Path | None, typer.Option(help="With --rerun: entries of this export, no database.")
]
Keys = Annotated[
    list[str] | None, typer.Option("--key", help="With --rerun: the log's public key.")
]
CheckIndex = Annotated[
    bool, typer.Option("--check-index", help="Compare the whole index with the records.")
]


def register(app: typer.Typer) -> None:
    """Add `pinmark trace`."""
    app.command("trace")(trace)


def trace(
    words: Words = None,
    cases: Cases = False,
    serial: Serial = "",
    fragment: Fragment = False,
    any_order: AnyOrder = False,
    misread: Misread = None,
    format_name: Format = "",
    rows: Rows = DEFAULT_ROWS,
    prior_not_issued: Prior = None,
    recipe: Recipe = "default",
    request: RequestId = None,
    by: By = CONSOLE,
    role: RoleName = "tracer",
    save: Save = None,
    rerun_of: RerunOf = None,
    export: Export = None,
    keys: Keys = None,
    check_index: CheckIndex = False,
    as_json: shell.JsonOption = False,
) -> int:
    """Find the marks that a code, a serial or cases may be of: exit 0 found, 1 not.

    Example: pinmark trace 'WT3?[A4]HG?P1??'
    """
    if rerun_of is not None:
        return _rerun(rerun_of, export, keys or [], as_json)
    asked = Question(
        serial=serial,
        format_name=format_name,
        fragment=fragment,
        any_order=any_order,
        misread=misread,
        prior_not_issued=prior_not_issued,
        rows=rows,
    )
    who = named(by)
    with open_station() as station:
        desk = open_desk(station)
        if check_index:
            return _check_index(desk, as_json)
        answer = _ask(desk, asked, words or [], cases, recipe, Asker(who, _role(role), request))
    if save is not None:
        _write(save, json.dumps(answer, ensure_ascii=False, indent=1) + "\n")
    if as_json:
        shell.emit(answer)
    else:
        show_answer(answer)
    decided = answer["verdict"] == "identified" if cases else answer["found"] > 0
    return shell.DONE if decided else shell.BAD_MARK


def _ask(
    desk: Desk, asked: Question, words: list[str], cases: bool, recipe: str, asker: Asker
) -> dict[str, Any]:
    """Ask the desk; scans that cannot be read are written down as refused, too."""
    try:
        question, readings = _question(asked, words, cases, recipe, desk)
    except ScanError as error:
        desk.refuse({"kind": "cases", "files": words}, asker, error)
        raise
    answer = desk.ask(question, asker, readings)
    desk.keep_up()
    return answer


def named(by: str) -> str:
    """Return who asks or writes, in one line.

    Raises
    ------
    InputError
        If it is nobody, too long, or no text.
    """
    clean = clean_line(by, "--by", 64)
    if not clean:
        raise InputError("--by is empty; say who it is, or leave it out")
    return clean


def open_desk(station: Station) -> Desk:
    """Open the desk of a station."""

    def write(row: Mapping[str, Any]) -> str:
        return str(station.record("query", row=dict(row)))

    return Desk(station.records, station.home, load_registry(), station.sign, write)


def _question(
    asked: Question, words: list[str], cases: bool, recipe: str, desk: Desk
) -> tuple[Question, list[dict[str, Any]]]:
    """Return the question, and what was read on scans."""
    if not cases:
        if len(words) > 1:
            raise InputError(
                f"{len(words)} patterns were given; give one, or --cases with files of scans"
            )
        return replace(asked, pattern=words[0] if words else ""), []
    if asked.serial:
        raise InputError("ask by one of a pattern, a serial or the reads of cases")
    if not words:
        raise InputError("--cases needs files: scans of cases, or one reads file (JSON)")
    if len(words) == 1 and words[0].lower().endswith(".json"):
        return replace(asked, reads=_read_text(Path(words[0]))), []
    scans = [(Path(word).name, desk.scans.keep(Path(word), word)) for word in words]
    reads, shown = read_cases(scans, desk.scans, load_setup(recipe))
    return replace(asked, reads=reads), shown


def _role(name: str) -> Role:
    if name not in (Role.TRACER, Role.AUDITOR):
        raise InputError(f"role {name!r} may not trace; give tracer or auditor")
    return Role(name)


def _rerun(path: Path, export: Path | None, keys: list[str], as_json: bool) -> int:
    try:
        answer = json.loads(_read_text(path))
    except ValueError as error:
        raise InputError(f"{path} is no answer: {error}") from None
    if not isinstance(answer, dict):
        raise InputError(f"{path} is no answer of the trace desk")
    trusted = read_public_keys(keys)
    if export is not None:
        if not trusted:
            raise InputError("an audit without the database takes the log's public key: --key")
        done = rerun(answer, entries_in(export), trusted, load_registry())
    else:
        with open_station() as station:
            signer = log_signer(station.home, log_origin(station.records.station))
            read = entries_of(station.records.database.reading)
            done = rerun(answer, read, trusted or [signer.verifier()], load_registry())
    show_rerun(done, as_json)
    return shell.DONE if done.same else shell.BAD_MARK


def _check_index(desk: Desk, as_json: bool) -> int:
    found = desk.index.check()
    state = desk.index.state
    counts = {fmt.name: state.count(fmt.name) for fmt in state.formats()}
    sizes = {station: reach.size for station, reach in state.reach.items()}
    if as_json:
        shell.emit({"sound": not found, "findings": found, "codes": counts, "sizes": sizes})
    else:
        for one in found:
            shell.console.print(f"[red]{one}[/]")
        told = ", ".join(f"{name}: {count} codes" for name, count in counts.items()) or "no codes"
        word = f"[red]{len(found)} findings[/]" if found else "[green]sound[/]"
        shell.console.print(f"{word}; {told}")
    return shell.BAD_MARK if found else shell.DONE


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        cause = getattr(error, "strerror", None) or "not a text"
        raise InputError(f"{path} cannot be read: {cause}; check the name") from None


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
