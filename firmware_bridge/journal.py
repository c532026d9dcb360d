"""The durable side of the ledger: a small file that is never wrong about the laser.

In: the ledger's bounds. Out: a JSON file, replaced whole and synced, so that a host that dies
between two writes leaves true bounds behind: the file promises how far lines may have been
sent (`may_send_lines`), and the streamer sends no line beyond that promise before the next
one is on disk. Strokes count from 0; -1 means none.
"""

from __future__ import annotations

import json
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
