"""The index of the trace desk: every code that any mark of this database carries.

In: a folder beside the station, and the database that testifies. Out: `TraceIndex`, which finds
codes and says how far it had read each station's log. It is a copy: it is believed only while the
roots it names are those of the logs in this database, and caught up from there; anything else
(foreign, rolled back, damaged) is thrown away and made anew.

Theory of operation
-------------------
Distinct codes lie in blocks, one file a format, that are never changed (`block`). Codes that came
since lie in the tail (`tail`), which grows by a frame at each look at the log, and is short enough
to be compared whole. When it has grown to a thirty-second of the blocks, blocks are written anew
beside the old ones and a new manifest takes the place of the old in one step. A file lock keeps
two writers apart; who does not get it still catches up, in memory.

A code is in the index once however many marks carry it; which marks those are, and in what
state, is asked of the database. An SQL index was weighed instead: docs/decisions/0090.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import mmap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from engraver.codes import FORMATS
from firmware_bridge.durable import replace_durably
from station_api.records.database import Database
from station_api.records.ledger import log_size
from station_api.trace import source
from station_api.trace.block import (
    Block,
    DamagedBlockError,
    check_block,
    open_block,
    write_block,
)
from station_api.trace.packing import Packed, unpack_texts
from station_api.trace.state import State
from station_api.trace.tail import (
    Codes,
    Frame,
    Reach,
    append_frame,
    insert,
    is_in,
    read_frames,
)

VERSION = 1
FEWEST_TO_MERGE = 65_536
MERGE_SHARE = 1 / 32
MOST_MAPPED_BYTES = 200 << 20
"""Mapped files that may count as memory of this process between two searches."""

QUIET_ENTRIES = 256
"""Entries without a new code that may be read again at the next start instead of noted."""


def mapped_bytes() -> int:
    """Return how much of mapped files counts as memory of this process (proc_pid_statm(5))."""
    shared = int(Path("/proc/self/statm").read_text("ascii").split()[2])
    return shared * mmap.PAGESIZE


class TraceIndex:
    """The index of one database, in a folder of its own; safe to use from any thread."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self._database = database
        self._guard = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._stamp = self._stamp_now()
        self.state = self._load()
        self._pending = Frame({})
        self.rebuilt = ""
        """Why the index was made anew when it was opened or caught up; empty if it was not."""

    # ---- catching up

    def catch_up(self, limits: dict[str, int] | None = None) -> State:
        """Read what came since; with ``limits``, of these stations no farther than so many entries.

        The first time, and whenever the files cannot be believed, everything is read.
        """
        with self._guard:
            self._look_for_others()
            with self._database.reading.connect() as connection:
                doubt = self._doubt(connection)
                if doubt:
                    self.rebuilt = doubt
                    self._rebuild(source.read_all(connection))
                frame = self._since(connection, limits or {})
            self.state = _grown(self.state, frame)
            self._note(frame)
            return self.state

    def let_go(self) -> None:
        """Give back what searches have touched of the files, once it has become much.

        Pages that are touched again cost as much as the search that touches them.
        """
        if mapped_bytes() > MOST_MAPPED_BYTES:
            for block in self.state.blocks.values():
                block.let_go()

    def merge_if_due(self, *, now: bool = False) -> bool:
        """Write the blocks anew if the tail has grown long; return whether that was done."""
        with self._guard:
            state = self.state
            whole = sum(state.count(fmt.name) for fmt in state.formats())
            due = max(FEWEST_TO_MERGE, int(whole * MERGE_SHARE))
            if state.tail_count() < (1 if now else due):
                return False
            with self._lock() as held:
                if not held or self._stamp_now() != self._stamp:
                    return False
                self.state = self._write(state)
            return True

    def _doubt(self, connection: sa.Connection) -> str:
        """Say why what is held cannot be this database's; empty if it can."""
        state = self.state
        if not state.generation:
            return "there was none"
        for station, reach in state.reach.items():
            if not source.is_same_log(connection, station, reach):
                return f"the log of {station} is not the one that was read"
        return ""

    def _since(self, connection: sa.Connection, limits: dict[str, int]) -> Frame:
        frame, found = Frame({}), []
        for station in source.stations(connection):
            reach = self.state.reach.get(station)
            begin, end = reach.size if reach else 0, log_size(connection, station)
            end = min(end, limits.get(station, end))
            if end > begin:
                piece = source.read_since(connection, station, begin, end)
                frame.reach |= piece.reach
                frame.odd += piece.odd
                found.append(piece.codes)
        frame.codes = self._unknown(source.join(found))
        return frame

    def _unknown(self, codes: Codes) -> Codes:
        """Leave out what is there already: a re-mark repeats the code of the mark before."""
        fresh: Codes = {}
        for name, (packed, indices) in codes.items():
            new = np.ones(len(packed), dtype=bool)
            if name in self.state.blocks:
                new &= ~is_in(packed, self.state.blocks[name].codes)
            if name in self.state.tail:
                new &= ~is_in(packed, self.state.tail[name][0])
            if new.any():
                fresh[name] = (packed[new], indices[new])
        return fresh

    # ---- the files

    def _note(self, frame: Frame) -> None:
        """Keep what was read, unless another process is at it or nothing is worth it."""
        waiting = self._pending
        waiting.codes = source.join([waiting.codes, frame.codes])
        waiting.reach |= frame.reach
        waiting.odd += frame.odd
        quiet = self._behind() < QUIET_ENTRIES and not waiting.odd and not len(waiting)
        if not frame.reach or quiet:
            return
        with self._lock() as held:
            if held and self._stamp_now() == self._stamp:
                end = append_frame(
                    self._tail_path(self.state.generation), self.state.tail_end, waiting
                )
                self.state = replace(self.state, tail_end=end, noted=self.state.reach)
                self._stamp, self._pending = self._stamp_now(), Frame({})

    def _behind(self) -> int:
        """Return how many entries were read that the files do not know of."""
        noted = self.state.noted
        return sum(
            to.size - (noted[station].size if station in noted else 0)
            for station, to in self.state.reach.items()
        )

    def _look_for_others(self) -> None:
        """Read the files again if another process wrote them."""
        if (stamp := self._stamp_now()) != self._stamp:
            self.state, self._stamp, self._pending = self._load(), stamp, Frame({})

    def _stamp_now(self) -> tuple[int, ...]:
        """Return what changes whenever a file of the index is written."""
        paths = [self.folder / "manifest.json", *sorted(self.folder.glob("*.tail"))]
        found: list[int] = []
        for path in paths:
            if path.exists():
                said = path.stat()
                found += [said.st_ino, said.st_size, said.st_mtime_ns]
        return tuple(found)

    def _rebuild(self, frame: Frame) -> None:
        """Write everything anew, over whatever is there; in memory alone if that is not allowed."""
        self._pending = Frame({})
        fresh = State(tail=frame.codes, reach=frame.reach, odd=frame.odd)
        with self._lock() as held:
            self.state = self._write(fresh) if held else fresh

    def _write(self, state: State) -> State:
        """Write blocks of everything, then the manifest, then drop the old files."""
        generation = int(self._manifest().get("generation", 0)) + 1
        blocks: dict[str, Block] = {}
        for fmt in state.formats():
            codes, indices = state.all_of(fmt.name)
            path = self.folder / f"{fmt.name}.{generation}.block"
            blocks[fmt.name] = open_block(path, write_block(path, fmt, codes, indices))
            del codes, indices
        reach = {name: [to.size, to.root] for name, to in state.reach.items()}
        said: dict[str, Any] = {
            "blocks": {name: block.sha256 for name, block in blocks.items()},
            "generation": generation,
            "odd": state.odd,
            "reach": reach,
            "v": VERSION,
        }
        said["sha256"] = _digest(said)
        replace_durably(self.folder / "manifest.json", json.dumps(said, indent=1) + "\n")
        for path in self.folder.iterdir():
            if path.suffix in (".block", ".tail", ".part") and f".{generation}." not in path.name:
                path.unlink(missing_ok=True)
        self._stamp, self._pending = self._stamp_now(), Frame({})
        return State(generation, blocks, {}, 0, state.reach, state.reach, state.odd)

    def _load(self) -> State:
        """Open what is on disk; an empty state if there is nothing to be believed."""
        said = self._manifest()
        if not said:
            return State()
        try:
            blocks = {
                name: open_block(self.folder / f"{name}.{said['generation']}.block", digest)
                for name, digest in said["blocks"].items()
            }
        except DamagedBlockError:
            return State()
        reach = {name: Reach(*to) for name, to in said["reach"].items()}
        state = State(said["generation"], blocks, {}, 0, reach, reach, said["odd"])
        frames, end = read_frames(self._tail_path(state.generation))
        if frames:
            joined = source.join([frame.codes for frame in frames])
            state = replace(state, tail=joined, odd=state.odd + sum(f.odd for f in frames))
            for frame in frames:
                state = replace(state, reach=state.reach | frame.reach)
        return replace(state, tail_end=end, noted=state.reach)

    def _manifest(self) -> dict[str, Any]:
        try:
            said = json.loads((self.folder / "manifest.json").read_text("utf-8"))
            digest = said.pop("sha256")
        except (OSError, ValueError, KeyError, AttributeError):
            return {}
        sound = digest == _digest(said) and said.get("v") == VERSION
        return dict(said) if sound else {}

    def _tail_path(self, generation: int) -> Path:
        return self.folder / f"codes.{generation}.tail"

    @contextmanager
    def _lock(self) -> Iterator[bool]:
        """Hold the right to write, if nobody else does."""
        with (self.folder / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    # ---- checking

    def check(self) -> list[str]:
        """Compare the whole index with the database; say what is wrong with it."""
        self.catch_up()
        found = []
        state = self.state
        for name, block in state.blocks.items():
            path = self.folder / f"{name}.{state.generation}.block"
            found += [f"{name}: {said}" for said in check_block(path, block)]
        with self._database.reading.connect() as connection:
            truth = source.read_all(connection)
        if truth.reach != state.reach:
            return [*found, "the log grew during the check; check again"]
        for name in FORMATS:
            mine = state.all_of(name)[0]
            theirs = truth.codes.get(name, (np.empty(0, np.uint64), None))[0]
            for text in _some(np.setdiff1d(theirs, mine), name):
                found.append(f"{name}: {text} is missing from the index")
            for text in _some(np.setdiff1d(mine, theirs), name):
                found.append(f"{name}: {text} is on no mark")
        return found


def _some(codes: Packed, name: str) -> list[str]:
    return unpack_texts(codes[:10], FORMATS[name].n)


def _grown(state: State, frame: Frame) -> State:
    if not frame.reach:
        return state
    tail = insert(state.tail, frame.codes)
    return replace(state, tail=tail, reach=state.reach | frame.reach, odd=state.odd + frame.odd)


def _digest(said: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
