"""Check everything: each row against its record, each record against the log, the log against
every signature.

In: an open database, public keys, checkpoints kept elsewhere. Out: a `Report` that names each
row and column that is not as it was recorded. Nothing is trusted but the keys and the
checkpoints: rows are compared with the records of their entries, entries with their leaves,
leaves with the tree (`fsck_tree`), the tree with the signed checkpoints.

A lost end is shown by the head beside the database (`head`). What only a checkpoint from elsewhere
can show is a folder that was rolled back whole, or rewritten by somebody who holds the key: keep
checkpoints where the database is not, and have other stations witness them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from engraver.errors import InputError, NoteError
from station_api.records import canonical
from station_api.records.database import SCHEMA, Database
from station_api.records.findings import Report
from station_api.records.fsck_bulk import (
    ALLOWED,
    COLUMNS,
    POSITION,
    Row,
    Rows,
    marks_agree,
    transitions_agree,
)
from station_api.records.fsck_run import Check, at
from station_api.records.fsck_signed import check_checkpoints, check_unheard
from station_api.records.fsck_tree import PIECE, EntryRow, check_tree
from station_api.records.head import lost_end
from station_api.records.prepared import Prepared
from station_api.records.tables import (
    column_names,
    entries,
    marks,
    metadata,
    orders,
    transitions,
    witnessed,
)
from station_api.transparency.note import VerifierKey, parse_verifier_key

VERSIONED = {"marks": "mark", "orders": "order", "witnessed": "witnessed"}
"""Tables whose rows change, and the name under which a record holds the whole row."""

KINDS = {"marks": "transition", "orders": "order", "witnessed": "witness"}
_PRIMARY = {"marks": marks.c.mark_id, "orders": orders.c.order_id, "witnessed": witnessed.c.origin}


def fsck(
    database: Database,
    keys: Iterable[VerifierKey] = (),
    elsewhere: Sequence[str] = (),
    own: str | None = None,
    follow: Callable[[int, Any], None] | None = None,
) -> Report:
    """Check a database.

    Parameters
    ----------
    keys
        Public keys to trust, besides those that the log itself says it was signed with.
    elsewhere
        Signed checkpoints that were kept outside the database.
    own
        The station whose database this is; orders and witnessed logs of other stations, whose
        logs were copied here, are theirs to check. All, if it is not given.
    follow
        Is given position and record of each entry of ``own`` that no table of the records holds.
    """
    with database.reading.connect() as connection:
        check = Check(connection, list(keys), elsewhere, own, follow)
        _check_schema(check)
        for station in _stations(check):
            _check_station(check, station)
        for table in VERSIONED:
            _check_versioned(check, table)
        _check_lost_marks(check)
        check_unheard(check)
        _check_head(check, database)
        return check.report


def _check_head(check: Check, database: Database) -> None:
    """Hold the log against the file beside the database that says how far it had come."""
    if check.own and (lost := lost_end(database, check.own)):
        check.report.add("entries", f"({check.own})", "", lost)


def _check_schema(check: Check) -> None:
    found = check.connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
    if [row[0] for row in found] != [SCHEMA]:
        said = f"is {[row[0] for row in found]}, this pinmark wrote {SCHEMA}"
        check.report.add("alembic_version", "", "version_num", said)


def _stations(check: Check) -> list[str]:
    """Return every station that some row names; a look-up for each where the key begins so."""
    names: set[str] = set()
    for first, following in _STATIONS:
        found = first.first(check.connection)
        while found is not None:
            names.add(str(found[0]))
            found = following.first(check.connection, after=found[0])
    if check.own and check.elsewhere:
        names.add(check.own)  # a log that was signed and of which nothing is left
    return sorted(names)


def _next_station(table: sa.Table) -> tuple[Prepared, Prepared]:
    """Return statements for the first station in a table and for the one after another."""
    first = sa.select(table.c.station).order_by(table.c.station).limit(sa.literal_column("1"))
    return Prepared(first), Prepared(first.where(table.c.station > sa.bindparam("after")))


_STATIONS = [_next_station(table) for table in metadata.sorted_tables]


def _check_station(check: Check, station: str) -> None:
    """Check a log, each record in it, and what was signed of it."""
    announced: list[VerifierKey] = []
    rows = Rows(check.connection, station)

    def on_block(block: list[EntryRow], doubted: set[int]) -> None:
        check.report.rows += len(block)
        if block:  # else the rows come with the next entries, and no entry speaks of them
            found = rows.until(block[-1][0] + 1)
            _check_block(check, station, block, found, doubted, announced)

    tree = check_tree(check.connection, station, check.report, on_block)
    for row in rows.until(None):
        check.inserted("transitions", at(station, row[POSITION]))
    check_checkpoints(check, station, tree, announced)


def _check_block(
    check: Check,
    station: str,
    block: list[EntryRow],
    rows: list[Row],
    doubted: set[int],
    announced: list[VerifierKey],
) -> None:
    """Compare a block of entries with what the tables say: at once, or else one by one."""
    _check_salts(check, station, block)
    said = [entry for entry in block if entry[1] == "transition"]
    whole = not doubted and transitions_agree(said, rows)
    found = {} if whole else {row[POSITION]: row for row in rows}
    wrote: dict[str, dict[Any, int]] = {"order": {}, "witness": {}}
    for entry in block if not whole else _others(block, said):
        position, kind = entry[:2]
        row = found.pop(position, None)
        held = _check_entry(check, station, entry, row)
        if kind == "key":
            announced.extend(_announced(check, station, position, held))
        elif kind in wrote and check.own in (None, station):
            wrote[kind][_key_of(kind, held)] = position
        elif check.follow is not None and station == check.own and kind != "transition":
            check.follow(position, held)
        if position in doubted:
            _name_column(check, station, position, kind, held, row)
    for kind, newest in wrote.items():
        _check_lost_rows(check, station, kind, newest)
    for position in found:
        check.inserted("transitions", at(station, position))


def _others(block: list[EntryRow], said: list[EntryRow]) -> list[EntryRow]:
    if len(said) == len(block):
        return []
    return [entry for entry in block if entry[1] != "transition"]


def _check_salts(check: Check, station: str, block: list[EntryRow]) -> None:
    if set(map(len, map(itemgetter(2), block))) != {canonical.SALT_BYTES}:
        for position, _, salt, _ in block:
            if len(salt) != canonical.SALT_BYTES:
                check.report.add("entries", at(station, position), "salt", "is not 32 bytes")


def _check_entry(check: Check, station: str, entry: EntryRow, row: tuple[Any, ...] | None) -> Any:
    """Compare one entry with what the tables say; return what its record says."""
    position, kind, _, record = entry
    try:
        said = canonical.decode(record)
    except InputError:
        check.report.add("entries", at(station, position), "record", "cannot be read")
        said = None
    if kind == "transition":
        _compare_transition(check, station, position, said, row)
    elif row is not None:
        check.inserted("transitions", at(station, position))
    return said


def _compare_transition(
    check: Check, station: str, position: int, said: Any, row: tuple[Any, ...] | None
) -> None:
    where = at(station, position)
    if row is None:
        check.report.add("transitions", where, "", "is missing: it was deleted")
        return
    if said is None:
        return
    written = said.get("transition", {})
    for column, found in zip(COLUMNS, row, strict=True):
        if written.get(column) != found:
            check.changed("transitions", where, column, written.get(column), found)
    before, after = written.get("from_state"), written.get("to_state")
    if after not in ALLOWED.get(before, ()):
        check.report.add("transitions", where, "to_state", f"no way leads from {before} to {after}")


def _name_column(
    check: Check, station: str, position: int, kind: str, said: Any, row: tuple[Any, ...] | None
) -> None:
    """Say which column of a changed entry was changed, as far as the tables can tell."""
    known = {"transition", "order", "witness", "key", "auth", "release", "sync", "genesis"}
    known |= {"paper", "casing", "trace", "cosigned"}
    if kind not in known or (row is not None) != (kind == "transition"):
        column = "kind"
    elif said is None or _disagrees(said, row):
        column = "record"
    else:
        column = "salt or record"
    check.report.add("entries", at(station, position), column, "was changed")


def _disagrees(said: Any, row: tuple[Any, ...] | None) -> bool:
    return row is not None and said.get("transition") != dict(zip(COLUMNS, row, strict=True))


def _announced(check: Check, station: str, position: int, said: Any) -> list[VerifierKey]:
    try:
        return [parse_verifier_key(said["event"]["vkey"])]
    except (KeyError, TypeError, NoteError):
        check.report.add("entries", at(station, position), "record", "announces no public key")
        return []


def _key_of(kind: str, said: Any) -> Any:
    table = _TABLE[kind]
    return ((said or {}).get(VERSIONED[table]) or {}).get(_PRIMARY[table].name)


def _check_lost_rows(check: Check, station: str, kind: str, newest: dict[Any, int]) -> None:
    """Check that the rows which order or witness entries wrote are there, as new or newer."""
    table, keys = _TABLE[kind], list(newest)
    found: dict[Any, tuple[int, str]] = {}
    for begin in range(0, len(keys), _TOGETHER):
        asked = keys[begin : begin + _TOGETHER]
        asked += asked[:1] * (_TOGETHER - len(asked))
        named = {f"key_{n}": key for n, key in enumerate(asked)}
        rows = _PLACES[table].all(check.connection, **named)
        found |= {key: (position, whose) for key, position, whose in rows}
    for key, position in newest.items():
        if key not in found:
            check.report.add(table, key, "", "is missing: it was deleted")
        elif found[key][1] == station and found[key][0] < position:
            check.report.add(table, key, "", f"was rolled back: entry {position} wrote it later")


def _places(name: str) -> Prepared:
    """Return a statement that says where the rows with some keys stand, and whose they are."""
    columns, primary = metadata.tables[name].c, _PRIMARY[name]
    keys = [sa.bindparam(f"key_{n}", type_=primary.type) for n in range(_TOGETHER)]
    query = sa.select(primary, columns.position, columns.station)
    return Prepared(query.where(sa.or_(*(primary == key for key in keys))))


_TOGETHER = 64
"""Keys that are looked up by one statement."""

_TABLE = {kind: name for name, kind in KINDS.items()}
_PLACES = {name: _places(name) for name in ("orders", "witnessed")}


def _check_versioned(check: Check, table: str) -> None:
    """Compare each row of a table whose rows change with the entry that wrote it last."""
    names = sorted(column_names(metadata.tables[table]))
    place = names.index(_PRIMARY[table].name)
    after = ""
    while rows := _PAGES[table].all(check.connection, after=after):
        after = rows[-1][place]
        if table == "marks" and marks_agree(rows):
            continue
        for *values, kind, record in rows:
            written = _written(kind, record, table)
            if not isinstance(written, dict):
                check.inserted(table, values[place])
            elif list(map(written.get, names)) != values:
                for column, found in zip(names, values, strict=True):
                    if written.get(column) != found:
                        check.changed(table, values[place], column, written.get(column), found)


def _pages(name: str) -> Prepared:
    """Return a statement that reads a page of a table's rows, each with its entry."""
    table, primary = metadata.tables[name], _PRIMARY[name]
    same = sa.and_(entries.c.station == table.c.station, entries.c.position == table.c.position)
    ordered = (table.c[one] for one in sorted(column_names(table)))
    joined = sa.select(*ordered, entries.c.kind, entries.c.record)
    joined = joined.select_from(table.outerjoin(entries, same))
    joined = joined.where(primary > sa.bindparam("after")).order_by(primary)
    return Prepared(joined.limit(sa.literal_column(str(PIECE))))


_PAGES = {name: _pages(name) for name in VERSIONED}


def _written(kind: str | None, record: bytes | None, table: str) -> Any:
    if record is None or kind != KINDS[table]:
        return None
    try:
        return canonical.decode(record).get(VERSIONED[table])
    except InputError:
        return None


def _check_lost_marks(check: Check) -> None:
    """Find marks that are missing or stand at an older version than their history."""
    last = (
        sa.select(
            transitions.c.mark_id,
            transitions.c.station,
            sa.func.max(transitions.c.position).label("position"),
        )
        .group_by(transitions.c.station, transitions.c.mark_id)
        .subquery()
    )
    query = sa.select(last.c.mark_id, last.c.position, marks.c.position).select_from(
        last.outerjoin(marks, marks.c.mark_id == last.c.mark_id)
    )
    query = query.where(sa.or_(marks.c.mark_id.is_(None), marks.c.position != last.c.position))
    for mark_id, newest, found in check.connection.execute(query):
        if found is None:
            check.report.add("marks", mark_id, "", "is missing: it was deleted")
        elif found < newest:
            check.report.add(
                "marks", mark_id, "", f"was rolled back: entry {newest} wrote it later"
            )
