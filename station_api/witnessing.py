"""Stations watch one another: each cosigns the other's log as it grows.

In: an add-checkpoint request (C2SP tlog-witness) and the keys of the logs that are watched. Out:
the reply. What was cosigned is in the table `witnessed` and in this station's own log before the
cosignature is given away: a witness that forgot could be shown two histories.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from station_api.records import Records, canonical
from station_api.records.ledger import read_nodes
from station_api.records.tables import witnessed
from station_api.transparency import merkle
from station_api.transparency.checkpoint import parse_checkpoint
from station_api.transparency.cosignature import AddCheckpoint, Seen, WitnessReply, witness
from station_api.transparency.note import SignerKey, VerifierKey, split_note


def cosign(
    records: Records,
    body: str,
    trusted: Mapping[str, Sequence[VerifierKey]],
    signer: SignerKey,
    at_s: int,
) -> WitnessReply:
    """Answer a log's request for a cosignature, and remember what was cosigned.

    Parameters
    ----------
    trusted
        Public keys of the watched logs, by origin.
    signer
        This station's cosigning key.
    at_s
        The time, s since 1970.
    """

    def work(connection: sa.Connection) -> WitnessReply:
        seen = {
            row.origin: Seen(row.size, parse_checkpoint(split_note(row.note)[0]).root)
            for row in connection.execute(sa.select(witnessed))
        }
        reply = witness(body, trusted, seen, signer, at_s)
        if reply.seen is not None:
            note = body.partition("\n\n")[2] + reply.body
            row = {"origin": reply.seen.origin, "size": reply.seen.size, "note": note}
            _remember(connection, records, row, known=reply.seen.origin in seen)
        return reply

    return records.writer.run(work)


def _remember(
    connection: sa.Connection, records: Records, row: dict[str, Any], *, known: bool
) -> None:
    position = records.ledger.next_position(connection)
    whole = {**row, "station": records.station, "position": position}
    if known:
        where = witnessed.c.origin == row["origin"]
        connection.execute(sa.update(witnessed).where(where).values(**whole))
    else:
        connection.execute(sa.insert(witnessed).values(**whole))
    record = {"witnessed": whole, "v": canonical.VERSION}
    records.ledger.append(connection, "witness", record, position)


def request_cosignature(records: Records, note: str, old_size: int) -> AddCheckpoint:
    """Return the request that a witness who last saw ``old_size`` entries needs."""
    size = parse_checkpoint(split_note(note)[0]).size
    with records.database.reading.connect() as connection:
        proof = merkle.consistency_proof(
            old_size, size, lambda wanted: read_nodes(connection, records.station, wanted)
        )
    return AddCheckpoint(old_size, tuple(proof), note)
