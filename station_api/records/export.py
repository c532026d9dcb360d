"""Everything in open formats, for people and programs that have no pinmark.

In: open records, an empty folder. Out: ``TABLE.csv`` and ``TABLE.jsonl`` for every table,
``log/`` with the checkpoint, the tiles and the entry bundles of the station's log (C2SP
tlog-tiles, so that any tool for such logs can read it), and ``README.txt`` that says what is
what. Written in pages: memory does not grow with the records.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engraver.errors import InputError
from firmware_bridge.durable import refusal
from station_api.records import canonical
from station_api.records.ledger import log_size, read_nodes
from station_api.records.store import Records
from station_api.records.tables import column_names, entries, metadata
from station_api.tables import SECRET_COLUMNS, replies, service_metadata
from station_api.transparency.tiles import TILE_WIDTH, Tile, tiles_of, write_bundle

ROWS_A_STEP = 2_000

EXPORTED = tuple(
    table
    for tables in (metadata, service_metadata)
    for table in tables.sorted_tables
    if table is not replies  # what was answered this week; no record, and keys stand in it
)

README = """Export of the records of a pinmark station.

*.csv     one table each, UTF-8, first line the column names; bytes in hexadecimal
*.jsonl   the same, one JSON object a line
log/      the transparency log: checkpoint (C2SP tlog-checkpoint), tile/ (C2SP tlog-tiles)

Times (names ending in _us) are microseconds since 1970-01-01 UTC. Each entry of the log is
{"commitment": SHA-256(salt, record), "kind", "position", "v"}; salt and record are in entries.

Passwords, keys and the content of casings kept as evidence are given as their SHA-256, as in the
log; `pinmark casings export` gives the casings to a tracer.
"""


def export(records: Records, folder: Path, note: str) -> dict[str, int]:
    """Write everything into an empty folder; return how many rows of each table.

    Parameters
    ----------
    note
        The signed checkpoint to put beside the tiles.

    Raises
    ------
    InputError
        If the folder holds something.
    StorageError
        If the disk refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InputError(f"{folder} is not empty; name a new folder")
        (folder / "README.txt").write_text(README, "utf-8")
        with records.database.reading.connect() as connection:
            counts = {table.name: _write_table(connection, table, folder) for table in EXPORTED}
            _write_log(connection, records.station, folder / "log", note)
    except OSError as error:
        raise refusal(f"the export to {folder}", error) from error
    return counts


def _write_table(connection: sa.Connection, table: sa.Table, folder: Path) -> int:
    names = column_names(table)
    secret = [name in SECRET_COLUMNS for name in names]
    count = 0
    with (
        (folder / f"{table.name}.csv").open("w", encoding="utf-8", newline="") as comma,
        (folder / f"{table.name}.jsonl").open("w", encoding="utf-8") as lines,
    ):
        writer = csv.writer(comma)
        writer.writerow(names)
        for found in _rows(connection, table):
            row = [
                hashlib.sha256(str(value).encode()).hexdigest() if hide else value
                for value, hide in zip(found, secret, strict=True)
            ]
            writer.writerow(["" if value is None else value for value in row])
            lines.write(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) + "\n")
            count += 1
    return count


def _rows(connection: sa.Connection, table: sa.Table) -> Iterator[list[Any]]:
    query = sa.select(table).order_by(*table.primary_key.columns)
    for row in connection.execution_options(yield_per=ROWS_A_STEP).execute(query):
        yield [value.hex() if isinstance(value, bytes) else value for value in row]


def _write_log(connection: sa.Connection, station: str, folder: Path, note: str) -> None:
    folder.mkdir()
    (folder / "checkpoint").write_text(note, "utf-8")
    for tile in tiles_of(log_size(connection, station)):
        path = folder / tile.path()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tile_bytes(connection, station, tile))


def tile_bytes(connection: sa.Connection, station: str, tile: Tile) -> bytes:
    """Return the bytes of a hash tile or an entry bundle; the caller checks that it is full."""
    if tile.level is not None:
        return b"".join(read_nodes(connection, station, tile.coordinates()))
    begin = tile.index * TILE_WIDTH
    query = sa.select(entries).where(
        entries.c.station == station,
        entries.c.position >= begin,
        entries.c.position < begin + tile.width,
    )
    rows = connection.execute(query.order_by(entries.c.position)).all()
    return write_bundle(
        [
            canonical.leaf_data(
                row.kind, row.position, canonical.commitment(bytes(row.salt), bytes(row.record))
            )
            for row in rows
        ]
    )
