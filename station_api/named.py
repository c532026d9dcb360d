"""What the configuration names is there: recipe, panel, certificate, an address that may be used.

In: settings without faults of their own. Out: a fault for each name behind which there is nothing:
what `pinmark serve` would say after a restart, `pinmark config check` says before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import platformdirs

import hardware
from engraver.errors import InputError, PinmarkError
from station_api.configuration.load import Fault
from station_api.configuration.model import Settings
from station_api.neighbours import read_neighbours, tls_context
from station_api.profiles import load_setup
from station_api.service.tls import check_tls, refuse_in_the_clear


def named_faults(found: Settings, where: str) -> list[Fault]:
    """Look behind every name of a configuration; ``where`` is what the faults begin with."""
    faults = []
    for key, look in _looks(found):
        try:
            look()
        except PinmarkError as error:
            problem, mark, remedy = " ".join(str(error).split()).rpartition("; ")
            said = (problem, remedy) if mark else (remedy, "name another")
            faults.append(Fault(where, key, f"will not do: {said[0]}", said[1]))
    return faults


def _looks(found: Settings) -> Iterator[tuple[str, Callable[[], object]]]:
    engraver, service = found.engraver, found.service
    home = found.station.home or Path(platformdirs.user_data_dir("pinmark"))
    shelves = (home / "profiles", hardware.SHELF)
    yield "[engraver] recipe", lambda: load_setup(engraver.recipe, shelves)
    if engraver.panel is not None:
        name = engraver.panel
        yield "[engraver] panel", lambda: hardware.load("panels", name, shelves)
    if found.witnesses.neighbours:
        yield "[witnesses] neighbours", lambda: refuse_own(found)
    if found.witnesses.ca_file is not None:
        yield "[witnesses] ca_file", lambda: tls_context(found.witnesses.ca_file)
    tls = service.tls_cert is not None
    yield "[service] tls_cert", lambda: check_tls(service.tls_cert, service.tls_key)
    yield "[service] host", lambda: refuse_in_the_clear(service.host, tls=tls, plain=service.plain)


def refuse_own(found: Settings) -> None:
    """Refuse a station that is named as its own witness: it would show nobody anything.

    Raises
    ------
    InputError
        Says which name it is.
    """
    own = f"{found.log.origin or f'pinmark.local/{found.station.name}'}/witness"
    if own in {one.key.name for one in read_neighbours(found.witnesses.neighbours)}:
        raise InputError(
            f"{own} is this station itself; copy what `pinmark log key --witness` prints on another"
        )
