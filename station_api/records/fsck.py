"""Check everything: each row against its record, each record against the log, the log against
every signature.

In: an open database, public keys, checkpoints kept elsewhere. Out: a `Report` that names each
row and column that is not as it was recorded. Nothing is trusted but the keys and the
checkpoints: rows are compared with the records of their entries, entries with their leaves,
leaves with the tree (`fsck_tree`), the tree with the signed checkpoints.

What only a checkpoint from elsewhere can show is a database that was rolled back whole, or
rewritten by somebody who also holds the signing key: keep checkpoints where the database is not,
and have other stations witness them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from engraver.errors import InputError, NoteError
from engraver.record import MarkState
from station_api.records import canonical
from station_api.records.database import SCHEMA, Database
from station_api.records.findings import Report
from station_api.records.fsck_run import Check, at
from station_api.records.fsck_signed import check_checkpoints
from station_api.records.fsck_tree import EntryRow, check_tree
from station_api.records.prepared import Prepared
from station_api.records.states import TRANSITIONS
from station_api.records.tables import (
    TRANSITION_COLUMNS,
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
    """
    with database.reading.connect() as connection:
        check = Check(connection, list(keys), elsewhere, own)
        _check_schema(check)
        for station in _stations(check):
            _check_station(check, station)
        for table in VERSIONED:
            _check_versioned(check, table)
        _check_lost_marks(check)
        return check.report


def _check_schema(check: Check) -> None:
    found = check.connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
    if [row[0] for row in found] != [SCHEMA]:
        said = f"is {[row[0] for row in found]}, this pinmark wrote {SCHEMA}"
        check.report.add("alembic_version", "", "version_num", said)


def _stations(check: Check) -> list[str]:
    names: set[str] = set()
    for table in metadata.sorted_tables:
        rows = check.connection.execute(sa.select(table.c.station).distinct())
        names.update(str(row[0]) for row in rows)
    return sorted(names)


def _check_station(check: Check, station: str) -> None:
    """Check a log, each record in it, and what was signed of it."""
    announced: list[VerifierKey] = []
    rows = _Rows(check.connection, station)

    def on_block(block: list[EntryRow], doubted: set[int]) -> None:
        found = rows.until(block[-1][0] + 1) if block else {}
        check.report.rows += len(block)
        if not doubted and _all_agree(block, found):
            return
        for entry in block:
            row = found.pop(entry[0], None)
            said = _check_entry(check, station, entry, row)
            if entry[1] == "key":
                announced.extend(_announced(check, station, entry[0], said))
            if entry[0] in doubted:
                _name_column(check, station, entry[0], entry[1], said, row)
        for position in found:
            check.inserted("transitions", at(station, position))

    tree = check_tree(check.connection, station, check.report, on_block)
    for position in rows.until(None):
        check.inserted("transitions", at(station, position))
    check_checkpoints(check, station, tree, announced)


def _check_entry(check: Check, station: str, entry: EntryRow, row: tuple[Any, ...] | None) -> Any:
    """Compare one entry with what the tables say; return what its record says."""
    position, kind, salt, record = entry
    if len(salt) != canonical.SALT_BYTES:
        check.report.add("entries", at(station, position), "salt", "is not 32 bytes")
    try:
        said = canonical.decode(record)
    except InputError:
        check.report.add("entries", at(station, position), "record", "cannot be read")
        said = None
    if kind == "transition":
        _compare_transition(check, station, position, said, row)
    elif row is not None:
        check.inserted("transitions", at(station, position))
    if kind in ("order", "witness") and check.own in (None, station):
        _check_lost_row(check, station, position, kind, said)
    return said


def _all_agree(block: list[EntryRow], found: dict[int, tuple[Any, ...]]) -> bool:
    """Return whether every entry of a block is a transition and says exactly its row.

    Nearly always so, and then nothing has to be taken apart: the rows are written as canonical
    bytes once more, all at once, and compared with the ends of the records.
    """
    if len(found) != len(block) or {entry[1] for entry in block} != {"transition"}:
        return False
    if set(map(len, map(itemgetter(2), block))) != {canonical.SALT_BYTES}:
        return False
    rows = list(found.values())
    if [row[_POSITION] for row in rows] != [entry[0] for entry in block]:
        return False
    if any(
        after not in _ALLOWED[before] for before, after in {(r[_BEFORE], r[_AFTER]) for r in rows}
    ):
        return False
    written = canonical.encode([dict(zip(_COLUMNS, row, strict=True)) for row in rows])
    ends = [record[record.rfind(_MARKER) + len(_MARKER) : -len(_END)] for *_, record in block]
    return written == b"[" + b",".join(ends) + b"]" and all(r.endswith(_END) for *_, r in block)


_MARKER, _END = b',"transition":', b',"v":1}'
_COLUMNS = tuple(sorted(TRANSITION_COLUMNS))
_POSITION, _BEFORE, _AFTER = map(_COLUMNS.index, ("position", "from_state", "to_state"))
_TRANSITIONS = Prepared(
    sa.select(*(transitions.c[name] for name in _COLUMNS))
    .where(
        transitions.c.station == sa.bindparam("station"),
        transitions.c.position >= sa.bindparam("begin"),
        transitions.c.position < sa.bindparam("end"),
    )
    .order_by(transitions.c.position)
)


@dataclass(slots=True)
class _Rows:
    """The transitions of a station, read in step with its entries."""

    connection: sa.Connection
    station: str
    begin: int = -(2**62)

    def until(self, end: int | None) -> dict[int, tuple[Any, ...]]:
        """Return the rows from where the last call ended to before ``end``."""
        limit = 2**62 if end is None else end
        rows = _TRANSITIONS.all(self.connection, station=self.station, begin=self.begin, end=limit)
        self.begin = max(limit, self.begin)
        return {row[_POSITION]: row for row in rows}


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
    for column, found in zip(_COLUMNS, row, strict=True):
        if written.get(column) != found:
            check.changed("transitions", where, column, written.get(column), found)
    before, after = written.get("from_state"), written.get("to_state")
    if after not in _ALLOWED.get(before, ()):
        check.report.add("transitions", where, "to_state", f"no way leads from {before} to {after}")


_ALLOWED: dict[str | None, frozenset[str]] = {
    before.value: frozenset(after.value for after in afters)
    for before, afters in TRANSITIONS.items()
} | {None: frozenset({MarkState.INTENDED.value})}


def _name_column(
    check: Check, station: str, position: int, kind: str, said: Any, row: tuple[Any, ...] | None
) -> None:
    """Say which column of a changed entry was changed, as far as the tables can tell."""
    known = {"transition", "order", "witness", "key", "auth", "release", "sync", "genesis"}
    known |= {"paper", "casing", "trace"}
    if kind not in known or (row is not None) != (kind == "transition"):
        column = "kind"
    elif said is None or _disagrees(said, row):
        column = "record"
    else:
        column = "salt or record"
    check.report.add("entries", at(station, position), column, "was changed")


def _disagrees(said: Any, row: tuple[Any, ...] | None) -> bool:
    return row is not None and said.get("transition") != dict(zip(_COLUMNS, row, strict=True))


def _announced(check: Check, station: str, position: int, said: Any) -> list[VerifierKey]:
    try:
        return [parse_verifier_key(said["event"]["vkey"])]
    except (KeyError, TypeError, NoteError):
        check.report.add("entries", at(station, position), "record", "announces no public key")
        return []


def _check_lost_row(check: Check, station: str, position: int, kind: str, said: Any) -> None:
    """Check that the row which an order or witness entry wrote is there, as new or newer."""
    table = next(name for name, one in KINDS.items() if one == kind)
    written = (said or {}).get(VERSIONED[table], {})
    primary = _PRIMARY[table]
    key = written.get(primary.name)
    columns = metadata.tables[table].c
    query = sa.select(columns.position, columns.station).where(primary == key)
    row = check.connection.execute(query).first()
    if row is None:
        check.report.add(table, key, "", "is missing: it was deleted")
    elif row.station == station and row.position < position:
        check.report.add(table, key, "", f"was rolled back: entry {position} wrote it later")


def _check_versioned(check: Check, table: str) -> None:
    """Compare each row of a table whose rows change with the entry that wrote it last."""
    names = column_names(metadata.tables[table])
    place = names.index(_PRIMARY[table].name)
    after = ""
    while rows := _PAGES[table].all(check.connection, after=after):
        for *values, kind, record in rows:
            written = _written(kind, record, table)
            if not isinstance(written, dict):
                check.inserted(table, values[place])
            elif list(map(written.get, names)) != values:
                for column, found in zip(names, values, strict=True):
                    if written.get(column) != found:
                        check.changed(table, values[place], column, written.get(column), found)
        after = rows[-1][place]


def _pages(name: str) -> Prepared:
    """Return a statement that reads a page of a table's rows, each with its entry."""
    table, primary = metadata.tables[name], _PRIMARY[name]
    same = sa.and_(entries.c.station == table.c.station, entries.c.position == table.c.position)
    joined = sa.select(*table.c, entries.c.kind, entries.c.record)
    joined = joined.select_from(table.outerjoin(entries, same))
    joined = joined.where(primary > sa.bindparam("after")).order_by(primary)
    return Prepared(joined.limit(sa.literal_column("4000")))


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
