"""`pinmark log witness`: who cosigns this station's log, and how far.

In: `[witnesses]` of the configuration. Out: a line a witness, or JSON with ``witnesses``: ``witness
url size at_s state said``. The service asks by itself; ``--ask`` asks now, where none is running.
Exit 1: a witness denies this log, or is none; 3: one that was asked did not cosign.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from engraver.errors import InputError, PortError
from station_api.asking import GRAVE, Answer, Line, Outcome, ask
from station_api.cli import shell
from station_api.configuration import settings
from station_api.cosignatures import has_news, keep_cosignature, standing
from station_api.log import issue_checkpoint
from station_api.log_key import log_origin, log_signer
from station_api.neighbours import Neighbour, read_neighbours, tls_context
from station_api.records import Records
from station_api.station import Station, open_station
from station_api.transparency.checkpoint import parse_checkpoint
from station_api.transparency.note import split_note


def witness(
    now: Annotated[bool, typer.Option("--ask", help="ask each for its cosignature now")] = False,
    as_json: shell.JsonOption = False,
) -> int:
    """Say how far each witness has cosigned this log. Example: pinmark log witness --ask."""
    keys = settings().witnesses
    neighbours = read_neighbours(keys.neighbours)
    if not neighbours:
        raise InputError(
            "no witness is configured; set [witnesses] neighbours, and give the stations this "
            "one's `pinmark log key`"
        )
    line = Line(tls_context(keys.ca_file))
    with open_station(to_stay=now) as station:
        if now and not station.alone:
            raise PortError(
                "the service of this station is running and asks by itself; "
                "see `pinmark doctor` for what its witnesses say"
            )
        answers = [_ask(station, one, line) if now else None for one in neighbours]
        found = [
            _state(station.records, one, answer)
            for one, answer in zip(neighbours, answers, strict=True)
        ]
    if as_json:
        shell.emit({"witnesses": found})
    else:
        for one in found:
            shell.console.print(_told(one), markup=False, soft_wrap=True)
    outcomes = {answer.outcome for answer in answers if answer is not None}
    if outcomes & GRAVE:
        return shell.BAD_MARK
    return shell.DONE if outcomes <= {Outcome.COSIGNED} else shell.UNKNOWN_STATE


def _ask(station: Station, one: Neighbour, line: Line) -> Answer:
    records = station.records
    signer = log_signer(station.home, log_origin(records.station))
    note = issue_checkpoint(records, [signer], station.home)
    size = parse_checkpoint(split_note(note)[0]).size
    answer = ask(records, note, one, min(standing(records, one).size, size), line)
    if answer.outcome is Outcome.COSIGNED:
        keep_cosignature(records, size, one, answer.line)
    return answer


def _state(records: Records, one: Neighbour, answer: Answer | None) -> dict[str, Any]:
    far = standing(records, one)
    if answer is None:
        word = "more was recorded since" if has_news(records, far.size) else "nothing new since"
        answer = Answer(Outcome.WAITING, word)
    state = {"state": answer.outcome.value, "said": answer.said}
    return {"witness": one.key.name, "url": one.url, **asdict(far), **state}


def _told(one: dict[str, Any]) -> str:
    when = f"{datetime.fromtimestamp(one['at_s'], UTC):%Y-%m-%d %H:%M} UTC"
    far = f"{one['size']} entries cosigned on {when}" if one["size"] else "nothing cosigned yet"
    return f"{one['witness']} ({one['url']}): {far}; {one['said']}"
