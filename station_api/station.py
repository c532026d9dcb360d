"""Open a station: its folder, its records, and what a crash left behind.

In: nothing but the configuration (``[station]``, ``[records]``). Out: `Station`. Opening is where
recovery happens: if nobody holds the station's lock, whatever stands in ``marking`` belongs to a
dead process and becomes ``unknown``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from engraver.errors import PortError, UnknownStateError
from engraver.record import MarkState
from firmware_bridge.durable import make_folder, refusal
from firmware_bridge.journal import read_journal
from station_api.configuration import settings
from station_api.configuration.secret_files import read_secret
from station_api.home import station_home, station_lock
from station_api.records import MarkRow, Records


@dataclass(frozen=True, slots=True)
class Station:
    """An open station.

    ``recovered`` are the marks that this opening turned into ``unknown``; ``in_doubt`` all
    that wait for a person. ``alone``: no other process holds the station's lock.
    """

    home: Path
    records: Records
    recovered: tuple[MarkRow, ...]
    in_doubt: tuple[MarkRow, ...]
    alone: bool = True


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
        records = Records(records_place(home), station_name())
        try:
            recovered = tuple(records.recover(partial(_last_words, home))) if held else ()
            waiting = {MarkState.INTENDED, MarkState.UNKNOWN} if held else {MarkState.UNKNOWN}
            in_doubt = tuple(records.in_states(waiting))
            yield Station(home, records, recovered, in_doubt, held)
        finally:
            records.close()


def journal_path(home: Path, mark_id: str) -> Path:
    """Return where the streamer keeps the bounds of a run while it lasts.

    Raises
    ------
    StorageError
        If the disk refuses the folder.
    """
    folder = home / "journals"
    try:
        return make_folder(folder) / f"{mark_id}.json"
    except OSError as error:
        raise refusal(folder, error) from error


def _last_words(home: Path, mark_id: str) -> str:
    """Say what the journal of a run that died knows of its strokes; nothing if there is none."""
    try:
        entry = read_journal(journal_path(home, mark_id))
    except UnknownStateError:
        return ", without a journal"
    return (
        f"; done for sure up to stroke {entry.last_surely_done_stroke}, not begun from stroke "
        f"{entry.first_surely_not_begun_stroke}"
    )


def station_name() -> str:
    """Return the name of this station, the same for as long as its log lives."""
    return settings().station.name


def records_place(home: Path) -> Path | str:
    """Return where the records are: a database server's URL, or the file in the station's folder.

    Raises
    ------
    InputError
        If the file with the URL cannot be read, or others can read it.
    """
    keys = settings().records
    if keys.database_url_file is not None:
        return read_secret(keys.database_url_file)
    return keys.database_url or home / "station.db"
