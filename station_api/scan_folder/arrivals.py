"""Which files of a folder are finished: still for a while, and a zip to its last byte.

In: a folder, looked at again and again, and a steady clock. Out: finished files, and what is waited
for. A file is finished when neither its size nor its time moved between two looks `STILL_S` apart
and its zip directory, which is written last, is there. Polled, since neither SMB nor NFS tells of
changes made by others.
"""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

STILL_S = 2.0
PATIENCE_S = 120.0
"""A file that is still and no whole zip for this long is what it is: never finished, or no X3P."""

SUFFIX = ".x3p"
_BROKEN = (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that is not finished, and what it lacks."""

    file: str
    size_bytes: int
    lacks: str


@dataclass(frozen=True, slots=True)
class _Seen:
    size_bytes: int
    mtime_ns: int
    since_s: float


class Arrivals:
    """One folder's files as they come; `look` is called by one thread."""

    def __init__(self, folder: Path, now_s: Callable[[], float]) -> None:
        self.folder = folder
        self.waiting: tuple[Waiting, ...] = ()
        self.left_alone: tuple[str, ...] = ()
        self._now_s = now_s
        self._seen: dict[str, _Seen] = {}

    def look(self) -> list[Path]:
        """Return the files that are finished now, oldest first; what is not X3P stays alone.

        Raises
        ------
        OSError
            If the folder cannot be listed.
        """
        now_s, before = self._now_s(), self._seen
        found: dict[str, _Seen] = {}
        finished: list[tuple[int, Path]] = []
        waiting: list[Waiting] = []
        others: list[str] = []
        for path in self.folder.iterdir():
            if (facts := _facts(path)) is None:
                continue
            if path.suffix.lower() != SUFFIX:
                others.append(shown_name(path.name))
                continue
            known = before.get(path.name)
            moved = known is None or (known.size_bytes, known.mtime_ns) != facts
            seen = _Seen(*facts, now_s) if moved or known is None else known
            found[path.name] = seen
            lacks = _lacks(path, now_s - seen.since_s)
            if lacks:
                waiting.append(Waiting(shown_name(path.name), seen.size_bytes, lacks))
            else:
                finished.append((seen.mtime_ns, path))
        self._seen = found
        self.waiting = tuple(sorted(waiting, key=lambda one: one.file))
        self.left_alone = tuple(sorted(others))
        return [path for _, path in sorted(finished)]


def shown_name(name: str, most: int = 255) -> str:
    r"""Return a file's name as it can be shown and recorded: no controls, no half characters.

    Examples
    --------
    >>> shown_name("ZQ0041\n\udcff.x3p")
    'ZQ0041??.x3p'
    """
    return "".join(c if c.isprintable() else "?" for c in name)[:most]


def _facts(path: Path) -> tuple[int, int] | None:
    """Return size and time of a plain file that is not hidden; ``None`` of everything else."""
    if path.name.startswith("."):
        return None
    try:
        found = path.lstat()
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


def _lacks(path: Path, still_s: float) -> str:
    if still_s < STILL_S:
        return "still being written"
    if still_s < PATIENCE_S and not is_whole_zip(path):
        return "its end has not come yet"
    return ""


def is_whole_zip(path: Path) -> bool:
    """Return whether a file is a zip whose directory is there and points into the file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return bool(archive.infolist())
    except _BROKEN:
        return False
