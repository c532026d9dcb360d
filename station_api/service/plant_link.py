"""A station and its plant: orders claimed ahead, the log copied, whether the plant is there or not.

In: this station's records, `[plant]`. Out: orders kept in this station's own database under leases,
and the station's log in the plant's. One thread; while the plant is away the station marks what it
holds, and what was marked goes over when the plant is back: nothing lost, nothing twice
(`records.sync`). What fails is tried again after 1 s, 2 s, 4 s ... up to five minutes.

A restart of the machine ends every claim (its time was counted by a clock that began anew). So the
first thing with the plant is to hold again, under new tokens, what this station holds there and
never began.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from engraver.errors import AlreadyMarkedError, InputError, PinmarkError
from station_api.configuration.model import PlantKeys, Settings
from station_api.configuration.secret_files import read_secret
from station_api.logs import fields
from station_api.records import Records
from station_api.records.clock import now_us
from station_api.records.orders import Orders
from station_api.records.sync import push

LOG = logging.getLogger("pinmark.plant")
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 300.0
END_S = 5.0
"""Patience at the end with a thread that waits for the network."""


def link_to_plant(local: Records, settings: Settings) -> PlantLink | None:
    """Return the link of a station to its plant; ``None`` if it has none.

    Raises
    ------
    InputError
        If the station's records are at a server already, or bear the plant's name.
    """
    keys = settings.plant
    if keys.database_url is None and keys.database_url_file is None:
        return None
    if not local.database.is_sqlite:
        raise InputError(
            "[plant] links a station with records of its own, and [records] names a server; leave "
            "one of them out"
        )
    if keys.name == local.station:
        raise InputError(
            f"[plant] name and [station] name are both {keys.name}; a station has one of its own"
        )
    return PlantLink(local, keys)


@dataclass(frozen=True, slots=True)
class PlantState:
    """How the station stands to its plant: ``waiting``, ``in step``, ``away`` or ``conflict``."""

    state: str = "waiting"
    said: str = "was not asked since the start"
    held: int = 0
    in_step_at_us: int = 0


class PlantLink:
    """The thread that claims ahead and copies."""

    def __init__(self, local: Records, keys: PlantKeys, pause_s: float = FIRST_PAUSE_S) -> None:
        self._local, self._keys, self._first_pause_s = local, keys, pause_s
        self._plant: Records | None = None
        self._held_again = False
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pinmark-plant", daemon=True)
        self._state = PlantState()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; what did not go over goes after the next start."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(END_S)

    def state(self) -> dict[str, Any]:
        """Return ``state``, what was ``said``, orders ``held``, when it was ``in_step_at_us``."""
        return asdict(self._state)

    def _run(self) -> None:
        failures = 0
        while not self._ending.is_set():
            try:
                self.go_round()
                failures, pause_s = 0, float(self._keys.every_s)
            except (PinmarkError, sa.exc.SQLAlchemyError) as error:
                longest_s = max(LONGEST_PAUSE_S, float(self._keys.every_s))
                pause_s = min(longest_s, self._first_pause_s * 2 ** min(failures, 20))
                failures += 1
                self._fail(error)
            self._ending.wait(pause_s)
        self._close()

    def go_round(self) -> None:
        """Copy the log, hold again what a restart ended, claim what is lacking.

        Raises
        ------
        AlreadyMarkedError
            If the plant knows another mark with a serial or code of this station.
        StorageError, InputError
            If the plant cannot be reached or used.
        """
        plant = self._opened()
        push(self._local, plant)
        theirs, ours = Orders(plant), Orders(self._local)
        if not self._held_again:
            never_begun = ours.without_mark(theirs.held_by(self._local.station))
            ours.keep(theirs.hold_again(self._local.station, never_begun))
            self._held_again = True
        held = ours.count_held()
        if (lacking := self._keys.orders_ahead - held) > 0:
            claims = theirs.claim(self._local.station, lacking)
            ours.keep(claims)
            held += len(claims)
        self._tell(PlantState("in step", "", held, now_us()))

    def _fail(self, error: Exception) -> None:
        self._close()  # a connection that broke is opened anew
        state = "conflict" if isinstance(error, AlreadyMarkedError) else "away"
        said = " ".join(str(getattr(error, "orig", None) or error).split())[:300]
        held, last_us = self._state.held, self._state.in_step_at_us
        self._tell(PlantState(state, said, held, last_us))

    def _tell(self, now: PlantState) -> None:
        if now.state != self._state.state:
            level = logging.INFO if now.state == "in step" else logging.WARNING
            LOG.log(level, "the plant stands otherwise than before", extra=fields(state=now.state))
        self._state = now

    def _opened(self) -> Records:
        if self._plant is None:
            self._plant = Records(self._url(), self._keys.name)
        return self._plant

    def _url(self) -> str:
        if self._keys.database_url_file is not None:
            return read_secret(self._keys.database_url_file)
        return self._keys.database_url or ""

    def _close(self) -> None:
        if self._plant is not None:
            self._plant.close()
            self._plant = None
