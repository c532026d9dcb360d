"""Cosignatures that witnesses gave this station's checkpoints: kept, and put under them again.

In: open records, signature lines that were verified. Out: checkpoints with the cosignatures below
them. Each is a row of `cosignatures` and an entry of the log, so that none disappears unseen.
Entries that speak of witnessing alone (`NO_NEWS`) are no reason to send a checkpoint round: two
stations that watch one another would keep each other busy for ever.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from engraver.errors import NoteError, ProofError
from station_api.kept import keep_row
from station_api.neighbours import Neighbour
from station_api.records import Records
from station_api.records.findings import Finding
from station_api.records.ledger import log_size
from station_api.records.tables import checkpoints, entries
from station_api.records.transition import Pen
from station_api.tables import cosignatures
from station_api.transparency.cosignature import cosigned_at_s
from station_api.transparency.note import VerifierKey, open_note, parse_signature_line, split_note

NO_NEWS = ("witness", "cosigned")
"""Kinds of entries that come of sending checkpoints round."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far one witness has cosigned: the tree's size, and when (s since 1970); 0 for never."""

    size: int = 0
    at_s: int = 0


def keep_cosignature(records: Records, size: int, neighbour: Neighbour, line: str) -> None:
    """Keep a verified signature line of a witness under the checkpoint of ``size`` entries."""
    name = neighbour.key.name

    def work(connection: sa.Connection, pen: Pen) -> None:
        row = {
            "cosignature_id": f"W{secrets.token_hex(8)}",
            "size": size,
            "witness": name,
            "line": line,
        }
        keep_row(connection, pen, cosignatures, row, "checkpoint cosigned", name)

    records.transact(work)


def with_cosignatures(records: Records, note: str) -> str:
    """Put the cosignatures that were kept for a checkpoint under it."""
    text, own = split_note(note)
    size = int(text.split("\n")[1])
    known = {(one.name, one.key_id) for one in own}
    query = sa.select(cosignatures.c.line).where(
        cosignatures.c.station == records.station, cosignatures.c.size == size
    )
    with records.database.reading.connect() as connection:
        rows = connection.execute(query.order_by(cosignatures.c.position.desc())).all()
    for (line,) in rows:
        one = parse_signature_line(line.removesuffix("\n"))
        if (one.name, one.key_id) not in known:  # cosigned once more: the newest counts
            known.add((one.name, one.key_id))
            note += line
    return note


def newest_cosigned(records: Records, position: int) -> str | None:
    """Return the newest checkpoint that covers an entry and that a witness cosigned."""
    query = (
        sa.select(checkpoints.c.note)
        .join(
            cosignatures,
            sa.and_(
                cosignatures.c.station == checkpoints.c.station,
                cosignatures.c.size == checkpoints.c.size,
            ),
        )
        .where(checkpoints.c.station == records.station, checkpoints.c.size > position)
        .order_by(checkpoints.c.number.desc())
        .limit(1)
    )
    with records.database.reading.connect() as connection:
        note = connection.execute(query).scalar()
    return None if note is None else with_cosignatures(records, note)


def standing(records: Records, neighbour: Neighbour) -> Standing:
    """Return how far a witness has cosigned, by what is kept."""
    query = (
        sa.select(cosignatures.c.size, cosignatures.c.line)
        .where(
            cosignatures.c.station == records.station,
            cosignatures.c.witness == neighbour.key.name,
        )
        .order_by(cosignatures.c.size.desc(), cosignatures.c.position.desc())
        .limit(1)
    )
    with records.database.reading.connect() as connection:
        row = connection.execute(query).first()
    if row is None:
        return Standing()
    return Standing(row.size, cosigned_at_s(parse_signature_line(row.line.removesuffix("\n"))))


def has_news(records: Records, since: int) -> bool:
    """Return whether the log has an entry from ``since`` on that a witness should know of."""
    query = sa.select(entries.c.position).where(
        entries.c.station == records.station,
        entries.c.position >= since,
        entries.c.kind.not_in(NO_NEWS),
    )
    with records.database.reading.connect() as connection:
        return connection.execute(query.limit(1)).first() is not None


def check(records: Records, neighbours: Sequence[Neighbour]) -> list[Finding]:
    """Verify every kept cosignature of a known witness against its checkpoint."""
    keys = {one.key.name: one.key for one in neighbours}
    same = sa.and_(
        cosignatures.c.station == checkpoints.c.station, cosignatures.c.size == checkpoints.c.size
    )
    query = (
        sa.select(cosignatures, checkpoints.c.note)
        .select_from(cosignatures.outerjoin(checkpoints, same))
        .where(cosignatures.c.station == records.station)
        .order_by(cosignatures.c.position)
        .execution_options(yield_per=1_000)
    )
    found = []
    with records.database.reading.connect() as connection:
        size = log_size(connection, records.station)
        for row in connection.execute(query):
            said = _wrong(row, keys, size)
            if said:
                found.append(Finding("cosignatures", row.cosignature_id, "line", said))
    return found


def _wrong(row: sa.Row[object], keys: Mapping[str, VerifierKey], size: int) -> str:
    if row.note is None or row.size > size:
        return f"cosigns a checkpoint of {row.size} entries that is not here"
    key = keys.get(row.witness)
    if key is None:
        return ""  # a witness that is no longer configured: its row was compared with the log
    try:
        open_note(split_note(row.note)[0] + "\n" + row.line, [key])
    except (NoteError, ProofError) as error:
        return f"does not hold: {error}"
    return ""
