"""The disk that a power cut leaves behind, made from what a process wrote and synced.

In: a folder as it was, the calls of its trace. Out: `Disk.cut`, the files of one power cut.

Theory of operation
-------------------
Every file has bytes that are durable, and changes that are not yet. A sync makes durable what was
asked for before it began, once it has returned. A name (a file made, renamed, removed) is durable
once its folder was synced, however often the file was. At a cut the durable things are there for
sure; of the others a chance decides: none, all, the first so many, any of them, any of them with
writes torn at a sector of 512 bytes. Names come back in the order in which they were changed, as
every journaling file system keeps it; data in none. What was written through a mapping is not
seen by the layer: such a file is whole, empty or zeros.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.faults.layer import Call

T = TypeVar("T")
SECTOR = 512
STRATEGIES = ("nothing", "everything", "first", "any", "torn")


@dataclass(slots=True)
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Call] = field(default_factory=list)
    mapped: bool = False


FOLDER = _File()
"""What stands for every folder: names lead to it, and it holds nothing."""


@dataclass(frozen=True, slots=True)
class _Naming:
    """A change of names, and the file it was about: inode numbers are used again."""

    call: Call
    file: _File


@dataclass(slots=True)
class Disk:
    """A folder of files under ``root``, on a disk whose power may go."""

    root: Path
    files: dict[int, _File] = field(default_factory=dict)
    names: dict[str, _File] = field(default_factory=dict)
    waiting: list[_Naming] = field(default_factory=list)
    syncing: dict[tuple[int, int], list[Any]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, root: Path) -> Disk:
        """Return a disk on which everything that lies in ``root`` now is durable."""
        disk = cls(root.resolve())
        for path in sorted(disk.root.rglob("*")):
            if path.is_file():
                file = disk.files.setdefault(path.stat().st_ino, _File())
                file.durable = bytearray(path.read_bytes())
                disk.names[str(path)] = file
            elif path.is_dir():
                disk.names[str(path)] = FOLDER
        return disk

    def apply(self, calls: Iterable[Call]) -> None:
        """Do what a process did."""
        for call in calls:
            self._apply(call)

    def _apply(self, call: Call) -> None:
        match call.op:
            case "!":
                self.said.append(call.data.decode())
            case "C" | "D" | "R" | "U":
                if call.op == "C" and not call.offset:
                    self.files[call.inode] = _File()  # the number of a removed file is given again
                file = FOLDER if call.op == "D" else self._file(call.inode)
                self.waiting.append(_Naming(call, file))
            case "W" | "T" | "G":
                self._file(call.inode).pending.append(call)
            case "M":
                self._file(call.inode).mapped = True
            case "b":
                pending = self._file(call.inode).pending
                self.syncing[call.thread, call.inode] = list(self.waiting if call.path else pending)
            case "s":
                self._sync(call, self.syncing.pop((call.thread, call.inode), []))

    def _file(self, inode: int) -> _File:
        return self.files.setdefault(inode, _File())

    def _sync(self, call: Call, covered: list[Any]) -> None:
        """Make durable what was asked for before the sync began, and is not yet."""
        ids = {id(one) for one in covered}
        if not call.path:
            file = self._file(call.inode)
            for change in file.pending:
                if id(change) in ids:
                    _change(file.durable, change)
            file.pending = [one for one in file.pending if id(one) not in ids]
            return
        left = []
        for naming in self.waiting:
            if id(naming) in ids and call.path in _folders(naming.call):
                _name(self.names, naming)
            else:
                left.append(naming)
        self.waiting = left

    def cut(self, dice: random.Random, into: Path) -> str:
        """Write what is left after a power cut now into folder ``into``; say how chance went."""
        strategy = dice.choice(STRATEGIES)
        names = dict(self.names)
        kept = _kept(self.waiting, "first" if strategy in ("any", "torn") else strategy, dice)
        for naming in kept:
            _name(names, naming)
        into.mkdir(parents=True, exist_ok=True)
        for name, file in sorted(names.items()):
            target = into / Path(name).relative_to(self.root)
            if not target.parent.is_dir():
                continue  # what lies in a folder that is lost is lost
            if file is FOLDER:
                target.mkdir(exist_ok=True)
            else:
                target.write_bytes(self._left(file, strategy, dice))
        return strategy

    def _left(self, file: _File, strategy: str, dice: random.Random) -> bytes:
        data = bytearray(file.durable)
        for change in _kept(file.pending, strategy, dice):
            for part in _torn(change, dice) if strategy == "torn" else [change]:
                _change(data, part)
        if file.mapped and dice.random() < 0.5:
            return bytes(len(data)) if dice.random() < 0.5 else b""
        return bytes(data)


def _kept(pending: list[T], strategy: str, dice: random.Random) -> list[T]:
    match strategy:
        case "nothing":
            return []
        case "everything":
            return pending
        case "first":
            return pending[: dice.randint(0, len(pending))]
    return [one for one in pending if dice.random() < 0.5]


def _torn(change: Call, dice: random.Random) -> list[Call]:
    """Split a write at the sectors of the disk and lose some of them."""
    if change.op != "W":
        return [change]
    parts, at = [], 0
    while at < len(change.data):
        size = SECTOR - (change.offset + at) % SECTOR
        piece = change.data[at : at + size]
        if dice.random() < 0.6:
            parts.append(Call("W", 0, 0, change.offset + at, "", piece))
        at += size
    return parts


def _change(data: bytearray, change: Call) -> None:
    end = change.offset + (len(change.data) if change.op == "W" else 0)
    if len(data) < end:
        data.extend(bytes(end - len(data)))
    if change.op == "W":
        data[change.offset : end] = change.data
    elif change.op == "T":
        del data[end:]


def _folders(change: Call) -> set[str]:
    paths = [change.path] + ([change.data.decode()] if change.op == "R" else [])
    return {str(Path(path).parent) for path in paths}


def _name(names: dict[str, _File], naming: _Naming) -> None:
    call = naming.call
    if call.op == "U":
        names.pop(call.path, None)
    elif call.op == "R":
        _rename(names, call.path, call.data.decode(), naming.file)
    else:
        names[call.path] = naming.file


def _rename(names: dict[str, _File], old: str, new: str, file: _File) -> None:
    was_folder = names.pop(old, file) is FOLDER
    names[new] = FOLDER if was_folder else file
    for path in [one for one in names if one.startswith(old + "/")] if was_folder else []:
        names[new + path[len(old) :]] = names.pop(path)
