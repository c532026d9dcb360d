"""The durable side of the ledger: a small file that is never wrong about the laser.

In: the ledger's bounds. Out: a JSON file, replaced whole and synced, so that a host that dies
between two writes leaves true bounds behind: the file promises how far lines may have been
sent (`may_send_lines`), and the streamer sends no line beyond that promise before the next
one is on disk. Strokes count from 0; -1 means none.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from engraver.errors import UnknownStateError
from firmware_bridge.durable import refusal, replace_durably


@dataclass(frozen=True, slots=True)
class Entry:
    """What the file says."""

    mark_id: str
    program_sha256: str
    executed_lines: int
    may_send_lines: int
    last_surely_done_stroke: int
    first_surely_not_begun_stroke: int
    state: str


class Journal:
    """Writes `Entry` after entry to ``path``; ``None`` keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def write(self, entry: Entry) -> None:
        """Replace the file by ``entry``; on disk when this returns.

        Raises
        ------
        StorageError
            If the disk refuses; the promise of the last entry holds.
        """
        if self.path is None:
            return
        try:
            replace_durably(self.path, json.dumps(asdict(entry)))
        except OSError as error:
            raise refusal(f"journal {self.path}", error) from error


class Ahead:
    """Writes one entry of a journal at a time on a thread of its own.

    A disk that is busy with somebody else's files takes longer for one sync than the controller's
    buffer lasts: the thread that sends must not wait for it before it has to.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self.promised = 0
        """Lines that may be sent by the last entry that is on disk."""

    @property
    def at_work(self) -> bool:
        """Whether an entry was begun whose end nobody has asked for."""
        return self._thread is not None

    @property
    def done(self) -> bool:
        """Whether asking for its end would not wait."""
        return self._thread is None or not self._thread.is_alive()

    def begin(self, entry: Entry) -> None:
        """Begin to write an entry; one at a time."""
        self._thread = threading.Thread(target=self._write, args=(entry,), name="pinmark-journal")
        self._thread.start()

    def finish(self) -> None:
        """Wait until the entry is on disk.

        Raises
        ------
        StorageError
            If the disk refused it; the promise of the one before holds.
        """
        self.settle()
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def settle(self) -> None:
        """Wait until nothing is being written, whatever came of it."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _write(self, entry: Entry) -> None:
        try:
            self._journal.write(entry)
            self.promised = entry.may_send_lines
        except BaseException as error:  # raised where its end is asked for
            self._error = error


def read_journal(path: Path) -> Entry:
    """Return the last entry of ``path``.

    Raises
    ------
    UnknownStateError
        If there is no such file, or it is no journal.
    """
    try:
        return Entry(**json.loads(path.read_text("ascii")))
    except (OSError, ValueError, TypeError) as error:
        raise UnknownStateError(
            f"journal {path} cannot be read ({error}): look at the pin"
        ) from error
