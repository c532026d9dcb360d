"""Where scans of a watched folder go: ``inspected`` or ``kept``, each with a receipt beside it.

In: a file and what came of it. Out: the file moved, and ``NAME.receipt.json`` written before it,
whole and on disk, so that no moved file lacks one. Nothing is deleted and nothing is overwritten.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from firmware_bridge.durable import replace_durably

RECEIPT = ".receipt.json"
SHOWN = 50


class Outcome(StrEnum):
    """What came of a file; the folders are called like it, ``seen`` lies with ``inspected``."""

    INSPECTED = "inspected"
    SEEN = "seen"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of one file. ``position`` is the log's entry of the verdict."""

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


class Shelves:
    """The two folders inside a watched folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self) -> None:
        """Make them.

        Raises
        ------
        OSError
            If the folder cannot be written.
        """
        for outcome in (Outcome.INSPECTED, Outcome.KEPT):
            (self.folder / outcome).mkdir(exist_ok=True)

    def put(self, path: Path, receipt: Receipt) -> Path:
        """Write a receipt and move its file beside it; return where the file is now.

        Raises
        ------
        OSError
            If it cannot be written or moved; the file is where it was.
        """
        place = Outcome.KEPT if receipt.outcome == Outcome.KEPT else Outcome.INSPECTED
        there = _free(self.folder / place / path.name)
        note = there.with_name(there.name + RECEIPT)
        replace_durably(note, json.dumps(asdict(receipt), indent=1) + "\n")
        try:
            path.rename(there)
        except OSError:
            note.unlink(missing_ok=True)
            raise
        return there

    def of(self, outcome: Outcome) -> list[dict[str, Any]]:
        """Return the newest receipts of a folder, newest first, at most fifty."""
        place = self.folder / (Outcome.KEPT if outcome is Outcome.KEPT else Outcome.INSPECTED)
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
    while free.exists() or free.with_name(free.name + RECEIPT).exists():
        number += 1
        free = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
    return free
