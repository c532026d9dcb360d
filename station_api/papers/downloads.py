"""That the book was printed or downloaded: written into the log, and when it was last.

In: files as they left. Out: an entry of kind ``paper``; the newest of them. Authority: ATF Ruling
2016-1 wants all records printed or downloaded at least every six months.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from station_api.kept import append
from station_api.records import Records, canonical
from station_api.records.tables import entries

DOWNLOADED = "downloaded"


@dataclass(frozen=True, slots=True)
class Download:
    """A print or download of the whole book."""

    view: str
    form: str
    sha256: str
    by: str
    at_us: int


class Digest:
    """Passes parts of a file on and remembers their SHA-256."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = parts
        self._hash = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            self._hash.update(part)
            yield part

    def hexdigest(self) -> str:
        """Return the digest of what has passed."""
        return self._hash.hexdigest()


def download_event(view: str, form: str, sha256: str, by: str) -> dict[str, str]:
    """Return the event that says the whole book left, in which view and form, and its digest."""
    return {"did": DOWNLOADED, "view": view, "form": form, "sha256": sha256, "by": by}


def note_download(records: Records, view: str, form: str, sha256: str, by: str) -> None:
    """Write into the log that the whole book left, in which view and form, and its digest."""
    event = download_event(view, form, sha256, by)
    records.transact(lambda connection, pen: append(connection, pen, "paper", event))


def last_download(records: Records) -> Download | None:
    """Return the newest print or download of the whole book."""
    query = (
        sa.select(entries.c.record)
        .where(entries.c.station == records.station, entries.c.kind == "paper")
        .order_by(entries.c.position.desc())
    )
    with records.database.reading.connect() as connection:
        for (record,) in connection.execution_options(yield_per=500).execute(query):
            said: dict[str, Any] = canonical.decode(bytes(record))
            event = said["event"]
            if event.get("did") == DOWNLOADED:
                named = {name: event[name] for name in ("view", "form", "sha256", "by")}
                return Download(**named, at_us=int(said["clock"]["wall_us"]))
    return None
