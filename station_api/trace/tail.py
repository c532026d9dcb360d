"""The tail of the index: codes that came since the blocks were written, in a file that grows.

In: codes by format, and how far each station's log was read. Out: frames at the end of a file; and
from the file the frames that are whole. A frame that a crash cut short is forgotten: the log is
read again from where the last whole frame ends.

    frame    "PMTT", uint32 length, uint32 CRC-32 of the rest, then
             one line of JSON (reach, odd, counts), codes and indices by format
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from station_api.trace.packing import Indices, Packed

_HEAD = struct.Struct("<4sII")
_MAGIC = b"PMTT"

Codes = dict[str, tuple[Packed, Indices]]
"""Codes and their registry integers, by the name of the format."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a station's log was read: ``size`` entries, whose tree has this ``root`` (hex)."""

    size: int
    root: str


@dataclass(slots=True)
class Frame:
    """What one look at the log added."""

    reach: dict[str, Reach]
    codes: Codes = field(default_factory=dict)
    odd: int = 0

    def __len__(self) -> int:
        return sum(len(codes) for codes, _ in self.codes.values())


def append_frame(path: Path, end: int, frame: Frame) -> int:
    """Write a frame at ``end``, over whatever a crash left there; return the new end."""
    data = _encode(frame)
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.truncate(end)
        file.seek(end)
        file.write(data)
    return end + len(data)


def read_frames(path: Path, begin: int = 0) -> tuple[list[Frame], int]:
    """Return the whole frames from ``begin`` on, and where the last of them ends."""
    if not path.exists():
        return [], begin
    with path.open("rb") as file:
        file.seek(begin)
        data = file.read()
    frames: list[Frame] = []
    at = 0
    while (found := _decode(data, at)) is not None:
        frame, at = found
        frames.append(frame)
    return frames, begin + at


def _encode(frame: Frame) -> bytes:
    said = {
        "counts": {name: len(codes) for name, (codes, _) in frame.codes.items()},
        "odd": frame.odd,
        "reach": {station: [to.size, to.root] for station, to in frame.reach.items()},
    }
    parts = [json.dumps(said).encode() + b"\n"]
    for codes, indices in frame.codes.values():
        parts += [codes.astype("<u8").tobytes(), indices.astype("<i8").tobytes()]
    payload = b"".join(parts)
    return _HEAD.pack(_MAGIC, len(payload), zlib.crc32(payload)) + payload


def _decode(data: bytes, at: int) -> tuple[Frame, int] | None:
    if len(data) < at + _HEAD.size:
        return None
    magic, length, crc = _HEAD.unpack_from(data, at)
    begin, end = at + _HEAD.size, at + _HEAD.size + length
    if magic != _MAGIC or len(data) < end or zlib.crc32(data[begin:end]) != crc:
        return None
    line_end = data.index(b"\n", begin, end)
    said = json.loads(data[begin:line_end])
    codes: Codes = {}
    place = line_end + 1
    for name, count in said["counts"].items():
        packed = np.frombuffer(data, dtype="<u8", count=count, offset=place)
        indices = np.frombuffer(data, dtype="<i8", count=count, offset=place + 8 * count)
        codes[name] = (packed, indices)
        place += 16 * count
    reach = {station: Reach(*to) for station, to in said["reach"].items()}
    return Frame(reach, codes, said["odd"]), end


def is_in(codes: Packed, ordered: Packed) -> NDArray[np.bool_]:
    """Return for each code whether it is one of those in ascending order."""
    if not len(ordered):
        return np.zeros(len(codes), dtype=bool)
    at = np.minimum(np.searchsorted(ordered, codes), len(ordered) - 1)
    return np.asarray(ordered[at] == codes)


def insert(into: Codes, fresh: Codes) -> Codes:
    """Return ``into`` with codes that are not in it, still in ascending order."""
    grown = dict(into)
    for name, (codes, indices) in fresh.items():
        if name not in into:
            grown[name] = codes, indices
            continue
        known, known_indices = into[name]
        at = np.searchsorted(known, codes)
        grown[name] = np.insert(known, at, codes), np.insert(known_indices, at, indices)
    return grown
