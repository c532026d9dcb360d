"""Check what was signed: every checkpoint against the log, and nothing signed is missing.

In: a log as recomputed, its keys, checkpoints kept outside the database. Out: findings.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from engraver.errors import NoteError, ProofError, StorageError
from station_api.records.fsck_run import Check
from station_api.records.fsck_tree import Tree, root_at
from station_api.records.tables import checkpoints
from station_api.transparency.checkpoint import Checkpoint, open_checkpoint
from station_api.transparency.note import VerifierKey


def check_checkpoints(
    check: Check, station: str, tree: Tree, announced: Sequence[VerifierKey]
) -> None:
    """Check the signed checkpoints of a station, in the database and from elsewhere."""
    keys = list(dict.fromkeys([*check.keys, *announced]))
    query = sa.select(checkpoints).where(checkpoints.c.station == station)
    known: set[str] = set()
    last_size = 0
    rows = check.connection.execute(query.order_by(checkpoints.c.number)).all()
    for expected, row in enumerate(rows, start=1):
        where = f"({station}, {row.number})"
        if row.number != expected:
            check.report.add(
                "checkpoints", where, "number", f"should be {expected}: one is missing"
            )
        known.add(row.note)
        found = _open(check, keys, row.note, where)
        if found is None:
            continue
        check.report.checkpoints += 1
        if found.size != row.size:
            check.changed("checkpoints", where, "size", found.size, row.size)
        if found.size < last_size:
            check.report.add("checkpoints", where, "number", "is out of order")
        last_size = found.size
        _check_root(check, station, tree, found, where)
    for place, note in enumerate(check.elsewhere):
        if note in known:
            check.heard.add(place)
            continue
        where = f"({station}, kept elsewhere)"
        found = _open(check, keys, note, where, silent=True)
        if found is not None and _is_of(found, announced, check.own in (None, station)):
            check.heard.add(place)
            _check_root(check, station, tree, found, where)
            if not any(row.size >= found.size for row in rows):
                said = f"the signed checkpoint of size {found.size} is missing: it was deleted"
                check.report.add("checkpoints", where, "", said)


def check_unheard(check: Check) -> None:
    """Name what was given as a checkpoint from elsewhere and shows nothing of any log here."""
    for place in range(len(check.elsewhere)):
        if place not in check.heard:
            check.report.add(
                "checkpoints",
                f"(kept elsewhere, {place + 1})",
                "note",
                "shows nothing: no checkpoint of a log that is here, or signed by no known key; "
                "give that log's key with --key, or another file",
            )


def _is_of(found: Checkpoint, announced: Sequence[VerifierKey], own: bool) -> bool:
    """Return whether a checkpoint from elsewhere is of the log that announced these keys."""
    return found.origin in {key.name for key in announced} or (own and not announced)


def _open(
    check: Check, keys: Sequence[VerifierKey], note: object, where: str, silent: bool = False
) -> Checkpoint | None:
    if not isinstance(note, str):  # SQLite holds any type in any column
        check.report.add("checkpoints", where, "note", "is no text")
        return None
    try:
        return open_checkpoint(note, keys)[0]
    except (NoteError, ProofError) as error:
        if not silent:
            check.report.add("checkpoints", where, "note", f"does not hold: {error}")
        return None


def _check_root(check: Check, station: str, tree: Tree, found: Checkpoint, where: str) -> None:
    if found.size > tree.size:
        said = f"the log has {tree.size} entries, {found.size} were signed: it was rolled back"
        check.report.add("entries", f"({station}, {tree.size})", "", said)
        return
    try:
        root = root_at(check.connection, station, found.size)
    except StorageError:
        return  # the missing node has been named
    if found.size == tree.size:
        root = tree.frontier.root()
    if root != found.root:
        said = f"the root of {found.size} entries is not the signed one: history was rewritten"
        check.report.add("checkpoints", where, "note", said)
