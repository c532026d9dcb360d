"""The wire protocol, sans-IO: bytes from a controller -> frozen events.

In: bytes in any chunking, with garbage between. Out: events; nothing is ever raised for what a
controller said, because a wire may say anything: what cannot be understood is `Noise`. Units
on the wire are mm and mm/min. Authority: grbl 1.1 interface document.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

LONGEST_LINE = 512
"""No controller sends longer lines; a longer one is noise."""


@dataclass(frozen=True, slots=True)
class Ok:
    """A line was parsed (not: executed)."""


@dataclass(frozen=True, slots=True)
class Error:
    """A line was refused; ``code`` is None where the controller writes words."""

    code: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """The controller locked itself."""

    code: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Banner:
    """The controller has started: power-up, reset, or the end of check mode."""

    firmware: str
    version: str
    text: str


@dataclass(frozen=True, slots=True)
class Message:
    """A push message in brackets: ``[kind:text]``."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Setting:
    """``$number=value``."""

    number: int
    value: str


@dataclass(frozen=True, slots=True)
class StartupLine:
    """``>line:ok``: a stored start-up line was executed."""

    line: str
    answer: str


@dataclass(frozen=True, slots=True)
class Status:
    """A status report; what it did not name is None. Positions in mm, speeds in mm/min."""

    state: str
    substate: int | None = None
    mpos_mm: tuple[float, ...] | None = None
    wpos_mm: tuple[float, ...] | None = None
    wco_mm: tuple[float, ...] | None = None
    free_blocks: int | None = None
    free_bytes: int | None = None
    line_number: int | None = None
    feed_mm_min: float | None = None
    spindle_s: float | None = None
    overrides: tuple[int, ...] | None = None
    pins: str | None = None
    accessories: str | None = None
    other: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Noise:
    """Bytes that are no line of this protocol."""

    data: bytes


Event = Ok | Error | Alarm | Banner | Message | Setting | StartupLine | Status | Noise

_BANNER = re.compile(r"(grbl(?:hal)?) (\d+\.\d+\S*)(.*)", re.IGNORECASE)
_SETTING = re.compile(r"\$(\d+)=(.*?)(?: \(.*\))?$")
_NUMBER = r"[-+]?\d+(?:\.\d*)?"
_STATE = re.compile(r"([A-Z][A-Za-z]+)(?::(\d+))?$")
_PRINTABLE = re.compile(rb"[\x20-\x7e]*")


class Receiver:
    """Collects bytes and gives back the events they make."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes as they come; return the events they complete."""
        self._pending += data
        *lines, rest = bytes(self._pending).replace(b"\r", b"\n").split(b"\n")
        self._pending = bytearray(rest)
        events = [read_line(line) for line in lines if line]
        if len(self._pending) > LONGEST_LINE:
            events.append(Noise(bytes(self._pending)))
            self._pending.clear()
        return events


def read_line(line: bytes) -> Event:
    """Return the event that one line (without its end) stands for.

    Examples
    --------
    >>> read_line(b"error:9")
    Error(code=9, text='error:9')
    """
    if line == b"ok":
        return Ok()
    if not _PRINTABLE.fullmatch(line):
        return Noise(line)
    text = line.decode("ascii")
    if text.startswith("<") and text.endswith(">"):
        return read_status(text) or Noise(line)
    if text.startswith("error:"):
        return Error(_code(text[6:]), text)
    if text.startswith("ALARM:"):
        return Alarm(_code(text[6:]), text)
    return _read_other(text) or Noise(line)


def _code(text: str) -> int | None:
    return int(text) if text.strip().isdecimal() else None


def _read_other(text: str) -> Event | None:
    if text.startswith("[") and text.endswith("]"):
        kind, _, rest = text[1:-1].partition(":")
        return Message(kind, rest)
    if text.startswith(">") and ":" in text:
        line, _, answer = text[1:].rpartition(":")
        return StartupLine(line, answer)
    if setting := _SETTING.match(text):
        return Setting(int(setting[1]), setting[2])
    if banner := _BANNER.match(text):
        return Banner(banner[1], banner[2], text)
    return None


def read_status(text: str) -> Status | None:
    """Return the status report ``<...>``, or None where it is garbled.

    Examples
    --------
    >>> read_status("<Hold:0|MPos:1.000,2.000,0.000|Bf:15,128>").free_blocks
    15
    """
    head, *fields = text[1:-1].split("|")
    state = _STATE.match(head)
    if state is None:
        return None
    values: dict[str, object] = {}
    other: list[str] = []
    for field in fields:
        name, colon, value = field.partition(":")
        reader = _FIELDS.get(name)
        if not colon or reader is None:
            other.append(field)
            continue
        try:
            values.update(reader(value))
        except ValueError:
            return None
    substate = None if state[2] is None else int(state[2])
    return Status(state[1], substate, other=tuple(other), **values)  # type: ignore[arg-type]


def _floats(text: str, least: int) -> tuple[float, ...]:
    parts = text.split(",")
    if len(parts) < least or not all(re.fullmatch(_NUMBER, part) for part in parts):
        raise ValueError(text)
    return tuple(float(part) for part in parts)


def _pair(text: str) -> tuple[int, int]:
    first, second = text.split(",")
    return int(first), int(second)


def _buffers(text: str) -> dict[str, object]:
    blocks, count = _pair(text)
    return {"free_blocks": blocks, "free_bytes": count}


def _feed_speed(text: str) -> dict[str, object]:
    numbers = _floats(text, 2)
    return {"feed_mm_min": numbers[0], "spindle_s": numbers[1]}


_FIELDS: dict[str, Callable[[str], dict[str, object]]] = {
    "MPos": lambda text: {"mpos_mm": _floats(text, 3)},
    "WPos": lambda text: {"wpos_mm": _floats(text, 3)},
    "WCO": lambda text: {"wco_mm": _floats(text, 3)},
    "Bf": _buffers,
    "Ln": lambda text: {"line_number": int(text)},
    "FS": _feed_speed,
    "F": lambda text: {"feed_mm_min": _floats(text, 1)[0]},
    "Ov": lambda text: {"overrides": tuple(int(part) for part in text.split(","))},
    "Pn": lambda text: {"pins": text},
    "A": lambda text: {"accessories": text},
}
