"""Open a station: its folder, its records, and what a crash left behind.

In: nothing but the configuration (``[station]``, ``[records]``). Out: `Station`. Opening is where
recovery happens: if nobody holds the station's lock, whatever stands in ``marking`` belongs to a
dead process and becomes ``unknown``. Who opens a station to mark holds its lock to the end, writes,
and records what commands beside it ask for; who opens it to read lets the lock go at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from engraver.errors import PortError, UnknownStateError
from engraver.record import MarkState
from firmware_bridge.durable import make_folder, refusal
from firmware_bridge.journal import read_journal
from station_api.configuration import settings
from station_api.configuration.secret_files import read_secret
from station_api.home import PATIENCE_S, holder, station_home, station_lock
from station_api.one_writer import put, taking_deeds
from station_api.records import MarkRow, Records


@dataclass(frozen=True, slots=True)
class Station:
    """An open station.

    ``recovered`` are the marks that this opening turned into ``unknown``; ``in_doubt`` all
    that wait for a person. ``alone``: no other process stayed in the station when it was opened.
    """

    home: Path
    records: Records
    recovered: tuple[MarkRow, ...]
    in_doubt: tuple[MarkRow, ...]
    alone: bool = True

    def record(self, deed: str, **fields: Any) -> Any:
        """Have a deed recorded by the one process that writes; return what it returned.

        Raises
        ------
        PortError
            If another process has the station and does not answer; nothing was recorded.
        UnknownStateError
            If it ended or fell silent before it answered.
        """
        return put(self.records, self.home, deed, fields)

    def sign(self) -> str:
        """Sign where the log stands now, and return the checkpoint."""
        return str(self.record("checkpoint"))


@contextmanager
def open_station(*, to_mark: bool = False, to_stay: bool = False) -> Iterator[Station]:
    """Open the station: to read it, or with its lock held until the block ends.

    Parameters
    ----------
    to_mark
        Hold the lock, or refuse.
    to_stay
        Hold the lock if it is free.

    Raises
    ------
    PortError
        If another process of this station holds the lock and ``to_mark`` is set.
    """
    home, stays = station_home(), to_mark or to_stay
    with ExitStack() as opened:
        lock = ExitStack()
        opened.push(lock)
        held = lock.enter_context(station_lock(home, to_stay=stays, patience_s=PATIENCE_S))
        if to_mark and not held:
            raise taken(home)
        records = Records(records_place(home), station_name(), may_write=held)
        opened.callback(records.close)
        recovered = tuple(records.recover(partial(_last_words, home))) if held else ()
        waiting = {MarkState.INTENDED, MarkState.UNKNOWN} if held else {MarkState.UNKNOWN}
        in_doubt = tuple(records.in_states(waiting))
        if held and stays:
            opened.enter_context(taking_deeds(records, home))
        elif held:
            records.database.end_writing()
            lock.close()
        yield Station(home, records, recovered, in_doubt, held)


def taken(home: Path) -> PortError:
    """Return the error that says who has the station, and what to do."""
    who = holder(home)
    if who.startswith("pinmark serve"):
        remedy = "do it on the service's pages, or stop the service first (systemctl stop pinmark)"
    else:
        remedy = "wait until it has ended"
    named = f"{who}, {home}" if who else str(home)
    return PortError(f"another process is marking at this station ({named}); {remedy}")


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
