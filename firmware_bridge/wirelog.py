r"""The wire log: every byte both ways with its time, bounded, rotated, replayable.

In: a port. Out: the same port, and a text file one line an exchange::

    12.345678 > G1X0.5\\n
    12.350112 < ok\\r\\n

Seconds of the port's own clock, ``>`` to the controller, ``<`` from it, bytes as a Python
bytes literal without quotes. When a file has grown to its limit it becomes ``NAME.1``, that one
``NAME.2``; older ones go.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from engraver.errors import PortError, PortLostError, StorageError
from firmware_bridge.durable import refusal
from firmware_bridge.port import Port

ALWAYS = b"!?~\x18"
"""Real-time commands that pass whatever the disk says, beside those from 0x80 on."""

LARGEST_BYTES = 8 << 20
FILES_KEPT = 3
OUT, IN = ">", "<"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One entry: when, which way, what."""

    at_s: float
    way: str
    data: bytes


class LoggedPort:
    """A port that writes down what passes."""

    def __init__(self, port: Port, path: Path, largest_bytes: int = LARGEST_BYTES) -> None:
        self.name = port.name
        self._port, self._path, self._largest = port, path, largest_bytes
        self._file = path.open("a", encoding="ascii")
        self._failure: StorageError | None = None

    def read(self, timeout_s: float) -> bytes:
        """Read through, and note what came."""
        data = self._port.read(timeout_s)
        if data:
            self._note(IN, data)
        return data

    def write(self, data: bytes) -> None:
        """Note what goes, then let it go: the log never knows less than the wire.

        Where the disk refuses the note, hold, reset and query still go: the way into the dark
        does not depend on a disk.

        Raises
        ------
        StorageError
            If the disk refused, and ``data`` is more than real-time commands.
        """
        self._note(OUT, data)
        if self._failure is not None and not all(b in ALWAYS or b >= 0x80 for b in data):
            raise self._failure
        self._port.write(data)

    def now_s(self) -> float:
        """Return the port's clock."""
        return self._port.now_s()

    def wake(self) -> None:
        """Wake the port."""
        self._port.wake()

    def close(self) -> None:
        """Close port and file."""
        try:
            with suppress(OSError):
                self._file.close()
        finally:
            self._port.close()

    def __enter__(self) -> LoggedPort:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _note(self, way: str, data: bytes) -> None:
        if self._failure is not None:
            return
        try:
            self._file.write(f"{self._port.now_s():.6f} {way} {repr(data)[2:-1]}\n")
            if self._file.tell() >= self._largest:
                self._rotate()
        except OSError as error:
            self._failure = refusal(f"wire log {self._path}", error)

    def _rotate(self) -> None:
        self._file.close()
        for number in range(FILES_KEPT - 1, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            newer = self._path.with_name(f"{self._path.name}.{number - 1}")
            source = newer if number > 1 else self._path
            if source.exists():
                source.replace(older)
        self._file = self._path.open("w", encoding="ascii")


def read_log(path: Path) -> Iterator[Exchange]:
    """Yield the exchanges of one log file.

    Raises
    ------
    PortError
        Naming the line that is none.
    """
    with path.open(encoding="ascii") as file:
        for number, line in enumerate(file, 1):
            try:
                at_s, way, text = line.rstrip("\n").split(" ", 2)
                quote = '"' if "'" in text and '"' not in text else "'"
                data = ast.literal_eval(f"b{quote}{text}{quote}")
                yield Exchange(float(at_s), way, data)
            except (ValueError, SyntaxError) as error:
                raise PortError(f"{path} line {number} is no wire log entry: {error}") from error


class ReplayPort:
    """Plays the controller's side of a log: what it said comes when as much has been written."""

    def __init__(self, exchanges: Iterator[Exchange], name: str = "replay") -> None:
        self.name = name
        self._exchanges = list(exchanges)
        self._next = 0
        self._owed = 0
        self._now_s = self._exchanges[0].at_s if self._exchanges else 0.0

    def read(self, timeout_s: float) -> bytes:
        """Return the next thing the controller said, if all before it was written."""
        if self._next == len(self._exchanges):
            raise PortLostError(f"{self.name}: the log ends here")
        entry = self._exchanges[self._next]
        if entry.way == IN and self._owed >= 0:
            self._next += 1
            self._now_s = max(self._now_s, entry.at_s)
            return entry.data
        self._now_s += timeout_s
        return b""

    def write(self, data: bytes) -> None:
        """Take bytes and compare their count with the log's."""
        self._owed += len(data)
        while self._next < len(self._exchanges) and self._exchanges[self._next].way == OUT:
            self._owed -= len(self._exchanges[self._next].data)
            self._next += 1

    def now_s(self) -> float:
        """Return the log's clock."""
        return self._now_s

    def wake(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Nothing to release."""
