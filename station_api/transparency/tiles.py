"""Tiles: the log cut into files of 256 hashes or entries, for anybody to mirror.

In: stored nodes and entries. Out: tile bytes and their paths. Authority: C2SP tlog-tiles. Tile
(L, N) holds the nodes at tree level 8 L, indices 256 N onwards; its right edge may be partial.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from engraver.errors import NoteError
from station_api.transparency.merkle import HASH_BYTES, Coordinate

TILE_WIDTH = 256
TILE_HEIGHT = 8
HIGHEST_LEVEL = 7
LARGEST_ENTRY_BYTES = 0xFFFF

_PATH = re.compile(
    r"tile/(?P<level>entries|[0-7])/(?P<index>(?:x[0-9]{3}/){0,5}[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile: level (``None`` for entries), index, and how many of its 256 places are filled."""

    level: int | None
    index: int
    width: int = TILE_WIDTH

    def path(self) -> str:
        """Return the path below the log's prefix.

        Examples
        --------
        >>> Tile(0, 1234067, 8).path()
        'tile/0/x001/x234/067.p/8'
        """
        level = "entries" if self.level is None else str(self.level)
        partial = f".p/{self.width}" if self.width < TILE_WIDTH else ""
        return f"tile/{level}/{encode_index(self.index)}{partial}"

    def coordinates(self) -> list[Coordinate]:
        """Return which stored nodes make up this hash tile."""
        level = (self.level or 0) * TILE_HEIGHT
        first = self.index * TILE_WIDTH
        return [(level, first + place) for place in range(self.width)]


def encode_index(index: int) -> str:
    """Write a tile index in groups of three digits: 1234067 is x001/x234/067."""
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03d}")
    return "/".join(groups)


def parse_tile_path(path: str) -> Tile:
    """Read a tile path.

    Raises
    ------
    NoteError
        If it is not one, or not spelled the one way.
    """
    found = _PATH.fullmatch(path)
    if not found:
        raise NoteError(
            f"{path[:80]!r} is no tile path such as tile/0/x001/067 or tile/entries/000"
        )
    index = int(found["index"].replace("x", "").replace("/", ""))
    width = int(found["width"] or TILE_WIDTH)
    tile = Tile(None if found["level"] == "entries" else int(found["level"]), index, width)
    if tile.path() != path:
        raise NoteError(f"tile path {path!r} is spelled {tile.path()!r}")
    return tile


def tile_in_tree(tile: Tile, size: int) -> bool:
    """Return whether a tree of ``size`` leaves has filled this tile as far as it says."""
    filled = size >> ((tile.level or 0) * TILE_HEIGHT)
    return tile.index * TILE_WIDTH + tile.width <= filled


def tiles_of(size: int) -> list[Tile]:
    """Return every hash tile of a tree, and its entry bundles, the partial ones included."""
    found = [Tile(None, n, width) for n, width in _row(size)]
    for level in range(HIGHEST_LEVEL + 1):
        row = _row(size >> (level * TILE_HEIGHT))
        found += [Tile(level, n, width) for n, width in row]
    return found


def _row(filled: int) -> list[tuple[int, int]]:
    whole, rest = divmod(filled, TILE_WIDTH)
    return [(n, TILE_WIDTH) for n in range(whole)] + ([(whole, rest)] if rest else [])


def write_bundle(entries: Sequence[bytes]) -> bytes:
    """Pack the entries of a tile, each after its length in two bytes.

    Raises
    ------
    NoteError
        If an entry is longer than 65535 bytes or there are more than 256.
    """
    if len(entries) > TILE_WIDTH or any(len(e) > LARGEST_ENTRY_BYTES for e in entries):
        raise NoteError(f"a bundle has at most {TILE_WIDTH} entries of {LARGEST_ENTRY_BYTES} bytes")
    return b"".join(struct.pack(">H", len(entry)) + entry for entry in entries)


def read_bundle(data: bytes) -> list[bytes]:
    """Unpack a bundle.

    Raises
    ------
    NoteError
        If it ends inside an entry.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            raise NoteError(f"the entry bundle is cut short after {len(entries)} entries")
        (length,) = struct.unpack_from(">H", data, at)
        entry = data[at + 2 : at + 2 + length]
        if len(entry) != length:
            raise NoteError(f"the entry bundle is cut short inside entry {len(entries)}")
        entries.append(entry)
        at += 2 + length
    return entries


def read_hash_tile(data: bytes, tile: Tile) -> list[bytes]:
    """Unpack a hash tile; its length has to fit its path."""
    if len(data) != tile.width * HASH_BYTES:
        raise NoteError(
            f"tile {tile.path()} has {len(data)} bytes, {tile.width} hashes have "
            f"{tile.width * HASH_BYTES}"
        )
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]
