"""How the log came to be as it is: /v1/log/checkpoints, /consistency, /witnesses, /witnessed.

What was signed, that one tree is the beginning of another, who cosigns this log, and which other
logs this station cosigned. A reader checks all of it with public keys alone; nothing here has to be
believed.
"""

from __future__ import annotations

import base64
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query

from engraver.errors import InputError
from station_api.cosignatures import with_cosignatures
from station_api.people import Caller, Right
from station_api.records.ledger import log_size, read_nodes
from station_api.records.tables import checkpoints, witnessed
from station_api.service.callers import ServiceOf, allow
from station_api.transparency import merkle

router = APIRouter(prefix="/log", tags=["log"])
Reader = Annotated[Caller, allow(Right.READ_MARKS)]
Size = Annotated[int, Query(ge=1, le=2**62, examples=[1])]


@router.get("/checkpoints")
def list_checkpoints(
    service: ServiceOf,
    by: Reader,
    before: Annotated[int, Query(ge=0, le=2**62)] = 2**62,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """List the checkpoints that were signed, newest first, each as its signed note."""
    query = sa.select(checkpoints.c.number, checkpoints.c.size, checkpoints.c.note).where(
        checkpoints.c.station == service.records.station, checkpoints.c.number < before
    )
    query = query.order_by(checkpoints.c.number.desc()).limit(limit)
    with service.records.database.reading.connect() as connection:
        found = [dict(row) for row in connection.execute(query).mappings()]
    for row in found:
        row["note"] = with_cosignatures(service.records, row["note"])
    return {
        "checkpoints": found,
        "next": found[-1]["number"] if len(found) == limit else None,
    }


@router.get("/consistency")
def prove_consistency(service: ServiceOf, by: Reader, first: Size, second: Size) -> dict[str, Any]:
    """Prove that the tree of `first` entries is the beginning of that of `second` (RFC 9162)."""
    station = service.records.station
    with service.records.database.reading.connect() as connection:
        size = log_size(connection, station)
        if second > size:
            raise InputError(f"the log has {size} entries, not {second}; ask for less")
        hashes = merkle.consistency_proof(
            first, second, lambda wanted: read_nodes(connection, station, wanted)
        )
    encoded = [base64.b64encode(one).decode() for one in hashes]
    return {"first": first, "second": second, "hashes": encoded}


@router.get("/witnesses")
def list_witnesses(service: ServiceOf, by: Reader) -> dict[str, Any]:
    """List the witnesses that this log's checkpoints are sent to, and what came of it."""
    return {"witnesses": service.circulation.states()}


@router.get("/witnessed")
def list_witnessed(service: ServiceOf, by: Reader) -> dict[str, Any]:
    """List the logs of other stations that this one cosigned, each with its newest note."""
    names = ("origin", "size", "note", "position")
    query = sa.select(*(witnessed.c[name] for name in names)).where(
        witnessed.c.station == service.records.station
    )
    with service.records.database.reading.connect() as connection:
        rows = connection.execute(query.order_by(witnessed.c.origin)).mappings()
        return {"logs": [dict(row) for row in rows]}
