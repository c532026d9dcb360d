"""Where scans of a watched folder go: ``inspected`` or ``kept``, each with a receipt beside it.

In: a file and what came of it. Out: the file moved, and ``NAME.receipt.json`` written before it,
whole and on disk, so that no moved file lacks one. No scan is deleted, none is overwritten: what
was kept moves on to ``inspected`` or ``discarded`` when a person has decided.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from firmware_bridge.durable import replace_durably

RECEIPT = ".receipt.json"
SHOWN = 50
NEEDED = frozenset({"file", "outcome", "at", "station", "size_bytes", "sha256"})
"""What a receipt has to hold so that its scan can be decided on."""


class Outcome(StrEnum):
    """What came of a file. ``given`` by a person; it and ``seen`` lie with ``inspected``."""

    INSPECTED = "inspected"
    SEEN = "seen"
    KEPT = "kept"
    GIVEN = "given"
    DISCARDED = "discarded"


FOLDERS = (Outcome.INSPECTED, Outcome.KEPT, Outcome.DISCARDED)
"""Outcomes that have a folder of their name."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of one file. ``position`` is the log's entry of the verdict.

    ``by`` is the person who decided on a kept one, ``kept_for`` why it had been kept.
    """

    file: str
    outcome: str
    at: str
    station: str
    size_bytes: int
    sha256: str | None = None
    mark_id: str | None = None
    matched_by: str | None = None
    verdict: str | None = None
    grade: str | None = None
    read_back: str | None = None
    position: int | None = None
    why: str = ""
    by: str | None = None
    kept_for: str = ""


class Shelves:
    """The folders inside a watched folder; the watcher and people put files there at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._guard = threading.Lock()

    def make(self) -> None:
        """Make them.

        Raises
        ------
        OSError
            If the folder cannot be written.
        """
        for outcome in FOLDERS:
            (self.folder / outcome).mkdir(exist_ok=True)

    def put(self, path: Path, receipt: Receipt) -> Path:
        """Write a receipt and move its file beside it; return where the file is now.

        Raises
        ------
        OSError
            If it cannot be written or moved; the file is where it was.
        """
        with self._guard:
            there, note = self._write(path, receipt)
            try:
                path.rename(there)
            except OSError:
                note.unlink(missing_ok=True)
                raise
        return there

    def move_on(self, path: Path, receipt: Receipt) -> Path:
        """Move a kept file to where it was decided to go; its receipt goes with it.

        Of a file that somebody took away the receipt goes alone.

        Raises
        ------
        OSError
            If it cannot be moved; the file is where it was.
        """
        if path.exists():
            there = self.put(path, receipt)
        else:
            with self._guard:
                there, _ = self._write(path, receipt)
        _note_of(path).unlink(missing_ok=True)
        return there

    def _write(self, path: Path, receipt: Receipt) -> tuple[Path, Path]:
        there = _free(self._of(Outcome(receipt.outcome)) / path.name)
        note = _note_of(there)
        replace_durably(note, json.dumps(asdict(receipt), indent=1) + "\n")
        return there, note

    def held(self) -> Iterator[tuple[Path, Receipt]]:
        """Give every kept file that has a receipt, whether the file is still there or not."""
        for note in sorted((self.folder / Outcome.KEPT).glob(f"*{RECEIPT}")):
            held = {n: v for n, v in (_read(note) or {}).items() if v is not None}
            if held.keys() >= NEEDED:
                yield note.with_name(note.name.removesuffix(RECEIPT)), Receipt(**held)

    def _of(self, outcome: Outcome) -> Path:
        return self.folder / (outcome if outcome in FOLDERS else Outcome.INSPECTED)

    def of(self, outcome: Outcome) -> list[dict[str, Any]]:
        """Return the newest receipts of a folder, newest first, at most fifty."""
        place = self._of(outcome)
        try:
            notes = [(note.stat().st_mtime_ns, note) for note in place.glob(f"*{RECEIPT}")]
        except OSError:
            return []
        newest = sorted(notes, reverse=True)[:SHOWN]
        found = [_read(note) for _, note in newest]
        return [one for one in found if one is not None]

    def count(self, outcome: Outcome) -> int:
        """Return how many files lie in a folder."""
        return sum(1 for _ in (self.folder / outcome).glob(f"*{RECEIPT}"))


def _note_of(path: Path) -> Path:
    return path.with_name(path.name + RECEIPT)


def _read(note: Path) -> dict[str, Any] | None:
    try:
        held = json.loads(note.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    fields = Receipt.__dataclass_fields__
    return {name: held.get(name) for name in fields} if isinstance(held, dict) else None


def _free(wanted: Path) -> Path:
    """Return a name that is not taken: NAME.x3p, NAME-2.x3p, NAME-3.x3p."""
    number, free = 1, wanted
    while free.exists() or _note_of(free).exists():
        number += 1
        free = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
    return free
