"""The steps of a first start: what is there of each, and what an answer writes.

In: answers by question. Out: `Progress`, read from the things themselves (file, people, key,
registry) and not from a memory of having asked. An answer is checked and written, or refused whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from engraver.errors import ConflictError, InputError, MissingError
from firmware_bridge.durable import replace_durably
from station_api.configuration import read_here
from station_api.first_start.config_file import file_to_write, make_file, set_keys
from station_api.first_start.questions import ASKED, VIRTUAL, Step
from station_api.first_start.trial import trial_of
from station_api.home import station_home
from station_api.key_backup import fingerprint, note_backup, noted_backup
from station_api.log_key import key_path, log_origin, log_signer
from station_api.people import People, Role
from station_api.profiles import load_setup
from station_api.registry_file import allot, load_registry, registry_path
from station_api.station import open_station, station_name
from station_api.transparency.note import parse_signer_key

SKIPPED = "first-start.json"
STEPS: dict[str, Step] = {step.name: step for step in ASKED}


@dataclass(frozen=True, slots=True)
class Progress:
    """How a step stands: ``done``, ``skipped`` or ``open``, and what is there."""

    step: str
    state: str
    found: str = ""


def begin() -> None:
    """Make the configuration file, empty but for its comments, if there is none."""
    make_file(file_to_write())


def has_begun() -> bool:
    """Return whether the configuration file that would be read is there."""
    return file_to_write().exists()


def progress() -> list[Progress]:
    """Return every step in order, and what is there of it."""
    home = station_home()
    waived = _waived(home)
    found = []
    for name in STEPS:
        there = _THERE[name](home)
        state = "done" if there else "skipped" if name in waived else "open"
        found.append(Progress(name, state, there))
    return found


def answer(name: str, answers: Mapping[str, str]) -> str:
    """Take the answers of a step; return what was made, in one line.

    Raises
    ------
    MissingError
        If there is no such step.
    ConflictError
        If that step is done: nothing is overwritten.
    InputError
        If an answer will not do; nothing was written.
    """
    step = _step(name)
    there = _THERE[name](station_home())
    if there:
        raise ConflictError(f"{name} is done already ({there}); nothing is overwritten")
    if name == "key" and not _THERE["station"](station_home()):
        raise ConflictError("the log's key bears the station's name; answer that first")
    given = {one.name: answers.get(one.name, "").strip() or one.default for one in step.questions}
    lacking = [one for one in step.questions if not given[one.name] and not one.optional]
    if lacking:
        raise InputError(f"{lacking[0].text}: an answer is needed")
    return _TAKE[name](given)


def skip(name: str) -> None:
    """Leave a step for later, if it may wait.

    Raises
    ------
    InputError
        If it may not.
    """
    step = _step(name)
    if not step.may_wait:
        raise InputError(f"{name} cannot wait; answer it, or break off and come again")
    home = station_home()
    replace_durably(home / SKIPPED, json.dumps({"skipped": sorted({*_waived(home), name})}) + "\n")


def _step(name: str) -> Step:
    if name not in STEPS:
        raise MissingError(f"no step is called {name[:40]!r}; known: {', '.join(STEPS)}")
    return STEPS[name]


def _waived(home: Path) -> set[str]:
    try:
        held = json.loads((home / SKIPPED).read_text("utf-8"))
        return {str(name) for name in held["skipped"]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


# ---- what is there


def _set_in(section: str, key: str) -> str:
    reading = read_here()
    if (section, key) not in reading.sources:
        return ""
    value = getattr(getattr(reading.settings, section), key)
    return f"{value}, {reading.sources[section, key]}"


def _administrators(home: Path) -> str:
    if not _set_in("station", "name"):
        return ""  # opening the records would give the log a name before it was chosen
    with open_station() as station:
        found = [
            one.name for one in People(station.records).all() if one.role is Role.ADMINISTRATOR
        ]
    return ", ".join(found)


def _key_there(home: Path) -> str:
    noted = noted_backup(home)
    return f"key {noted.fingerprint}, copy: {noted.where}" if noted else ""


def _model_there(home: Path) -> str:
    if not registry_path().exists():
        return ""
    rows = [row for row in load_registry().rows if row.first_block > 0]
    return ", ".join(f"{row.make} {row.model} {row.range_text}" for row in rows[:3])


def _mark_there(home: Path) -> str:
    found = trial_of(home)
    return f"{found['code']} read back as {found['read_back']}" if found else ""


_THERE: dict[str, Callable[[Path], str]] = {
    "station": lambda home: _set_in("station", "name"),
    "licence": lambda home: _set_in("licence", "licensee"),
    "administrator": _administrators,
    "key": _key_there,
    "machine": lambda home: _set_in("engraver", "recipe"),
    "model": _model_there,
    "mark": _mark_there,
}

# ---- what an answer writes


def _take_station(given: Mapping[str, str]) -> str:
    if (station_home() / "station.db").exists():
        raise ConflictError(
            f"{station_home()} has records of a station {station_name()}; its name stays. Set "
            "[station] name to it, or name another [station] home"
        )
    set_keys(file_to_write(), "station", given)
    return f"station {given['name']}, in {file_to_write()}"


def _take_licence(given: Mapping[str, str]) -> str:
    set_keys(file_to_write(), "licence", {key: value for key, value in given.items() if value})
    return f"licensed is {given['licensee']}"


def _take_administrator(given: Mapping[str, str]) -> str:
    if not _set_in("station", "name"):
        raise ConflictError("people stand in the log, which bears the station's name; answer that")
    if given["password"] != given["again"]:
        raise InputError("the two passwords differ; type them again")
    with open_station(to_mark=True) as station:
        made = People(station.records).add(
            given["name"], Role.ADMINISTRATOR, given["password"], "first start"
        )
    return f"{made.name} can sign in"


def _take_key(given: Mapping[str, str]) -> str:
    home, folder = station_home(), Path(given["folder"]).expanduser()
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; put the medium in and name a folder on it")
    if home.resolve() in (folder.resolve(), *folder.resolve().parents):
        raise InputError(f"{folder} lies in the station's own folder; name one on another medium")
    signer = log_signer(home, log_origin(station_name()))
    copy = folder / f"pinmark-{station_name()}-log.key"
    try:
        handle = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(signer.text() + "\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        pass  # of a first start that was broken off; it is read back below
    except OSError as error:
        raise InputError(f"{copy} cannot be written ({error.strerror})") from None
    there = fingerprint(parse_signer_key(copy.read_text("utf-8")))
    note_backup(home, signer, str(copy), there)
    same = folder.stat().st_dev == home.stat().st_dev
    warned = "; it lies on the station's own disk: move it off this machine" if same else ""
    return f"key {there} in {key_path(home)}, copy in {copy}{warned}"


def _take_machine(given: Mapping[str, str]) -> str:
    setup = load_setup(given["recipe"])
    keys = {"recipe": given["recipe"]}
    if given["port"] != VIRTUAL:
        if "://" not in given["port"] and not Path(given["port"]).exists():
            raise InputError(
                f"{given['port']} is not there; plug the controller in, name its port, or answer "
                f"{VIRTUAL} for now"
            )
        keys["port"] = given["port"]
    set_keys(file_to_write(), "engraver", keys)
    return f"recipe {given['recipe']} on {setup.machine.name}, {given['port']}"


def _take_model(given: Mapping[str, str]) -> str:
    row = allot(given["make"], given["model"], template=given["template"])
    return f"{row.make} {row.model}: {row.range_text}"


def _take_mark(given: Mapping[str, str]) -> str:
    raise InputError("the first mark takes no answer; it is made")


_TAKE: dict[str, Callable[[Mapping[str, str]], str]] = {
    "station": _take_station,
    "licence": _take_licence,
    "administrator": _take_administrator,
    "key": _take_key,
    "machine": _take_machine,
    "model": _take_model,
    "mark": _take_mark,
}
