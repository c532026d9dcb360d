"""Open a station: its folder, its records, and what a crash left behind.

In: nothing but the environment (``PINMARK_HOME``, ``PINMARK_DATABASE_URL``, ``PINMARK_STATION``).
Out: `Station`. Opening is where recovery happens: if nobody
holds the station's lock, whatever stands in ``marking`` belongs to a dead process and becomes
``unknown``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engraver.errors import PortError
from engraver.record import MarkState
from station_api.home import station_home, station_lock
from station_api.records import DEFAULT_STATION, MarkRow, Records
from station_api.records.database import database_from_environment

STATION_VARIABLE = "PINMARK_STATION"


@dataclass(frozen=True, slots=True)
class Station:
    """An open station.

    ``recovered`` are the marks that this opening turned into ``unknown``; ``in_doubt`` all
    that wait for a person.
    """

    home: Path
    records: Records
    recovered: tuple[MarkRow, ...]
    in_doubt: tuple[MarkRow, ...]


@contextmanager
def open_station(*, to_mark: bool = False) -> Iterator[Station]:
    """Open the station; with ``to_mark`` hold its lock until the block ends.

    Raises
    ------
    PortError
        If another process of this station is marking and ``to_mark`` is set.
    """
    home = station_home()
    with station_lock(home) as held:
        if to_mark and not held:
            raise PortError(
                f"another process is marking at this station ({home}); wait until it has ended"
            )
        records = Records(database_from_environment(home / "station.db"), station_name())
        try:
            recovered = tuple(records.recover()) if held else ()
            waiting = {MarkState.INTENDED, MarkState.UNKNOWN} if held else {MarkState.UNKNOWN}
            in_doubt = tuple(records.in_states(waiting))
            yield Station(home, records, recovered, in_doubt)
        finally:
            records.close()


def station_name() -> str:
    """Return the name of this station, the same for as long as its log lives."""
    return os.environ.get(STATION_VARIABLE) or DEFAULT_STATION
