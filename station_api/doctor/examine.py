"""All checks of a station, one after the other, none stopped by another's failure.

In: a `Place`. Out: a list of `Check`, always the same names in the same order. What raises is a
fault of its own: the doctor has to work on the day everything else does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from engraver.errors import PinmarkError
from station_api.configuration.load import Reading
from station_api.doctor import floor, kept, leftovers, link, machine, witnesses
from station_api.doctor.check import Check, fault, skipped
from station_api.records import Records
from station_api.transparency.note import SignerKey


@dataclass(frozen=True, slots=True)
class Place:
    """What is examined.

    ``records`` is ``None`` if they could not be opened, ``why_not`` then says why. ``port_taken``
    says who holds the controller, if it must not be asked now. ``panel``, ``scanners`` and
    ``witnesses`` are how a running service sees them, which has them open.
    """

    home: Path
    reading: Reading
    records: Records | None
    why_not: str = ""
    signer: SignerKey | None = None
    port: str | None = None
    port_taken: str = ""
    panel: Mapping[str, Any] | None = None
    scanners: Sequence[Mapping[str, Any]] | None = None
    witnesses: Sequence[Mapping[str, Any]] | None = None


def examine(place: Place) -> list[Check]:
    """Look at everything."""
    checks: list[Check] = []
    for name, look in _looks(place):
        try:
            checks += look()
        except Exception as error:  # a doctor works on the day everything else does not
            said = str(error) if isinstance(error, PinmarkError | OSError) else repr(error)
            found = f"could not be looked at: {' '.join(said.split())[:300]}"
            checks.append(fault(name, found, "mend what it names, then look again"))
    return checks


def _looks(place: Place) -> Iterator[tuple[str, Callable[[], Iterable[Check]]]]:
    home, settings = place.home, place.reading.settings
    yield "versions", machine.versions
    yield "configuration", lambda: machine.configuration(place.reading)
    yield "sqlite", lambda: [kept.sqlite_fault()]
    yield "clock", lambda: [_clock(place)]
    least_mb = settings.doctor.disk_free_mb
    yield "disk", lambda: machine.disk(home, settings.backup.folder, least_mb)
    yield "permissions", lambda: machine.permissions(home)
    yield "log key", lambda: kept.keys(home, place.signer)
    yield "machine keys", lambda: kept.machine_keys(home)
    yield "registry", lambda: [kept.registry()]
    yield from _of_records(place)
    yield "port", lambda: _port(place)
    yield "controller", lambda: _controller(place)
    yield (
        "interlocks",
        lambda: floor.interlocks(home, settings, place.panel, place.port_taken),
    )
    yield "scanner", lambda: floor.scanners(settings, place.scanners)


def _of_records(place: Place) -> Iterator[tuple[str, Callable[[], Iterable[Check]]]]:
    records, home, settings = place.records, place.home, place.reading.settings
    if records is None:
        remedy = "see docs/runbook.md, `the records cannot be opened`"
        for name in ("database", "log", "witnesses", "backup", leftovers.NAME, "marks in doubt"):
            yield name, partial(_cannot, name, place.why_not, remedy)
        return
    yield "database", lambda: kept.database(records, place.home)
    yield "log", lambda: kept.log(records, home)
    yield witnesses.NAME, lambda: witnesses.witnesses(records, settings.witnesses, place.witnesses)
    yield "backup", lambda: kept.backups(records, settings.backup)
    yield leftovers.NAME, lambda: leftovers.leftovers(home, records, settings)
    yield "marks in doubt", lambda: kept.doubts(records)


def _cannot(name: str, why_not: str, remedy: str) -> list[Check]:
    return [fault(name, why_not, remedy)]


def _clock(place: Place) -> Check:
    newest = None if place.records is None else kept.newest_record_us(place.records)
    return machine.clock(newest, place.reading.settings.doctor.clock_synchronised)


def _port(place: Place) -> Iterable[Check]:
    if place.port_taken:
        return [skipped("port", place.port_taken, "look again when nothing is being marked")]
    return link.port(place.port)


def _controller(place: Place) -> Iterable[Check]:
    if place.port_taken:
        return [skipped("controller", place.port_taken, "look again when nothing is being marked")]
    return link.controller(place.port, place.reading.settings.engraver.recipe)
