"""The transparency log and the service's state: /v1/log, /v1/health, /v1/metrics, /v1/webhooks.

Checkpoint and tiles need no sign-in: they show that something was recorded, and nothing of what.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query, Response

from engraver.errors import InputError, MissingError
from engraver.record import MarkState
from station_api.log import prove
from station_api.people import Caller, Right
from station_api.records import canonical
from station_api.records.ledger import read_nodes
from station_api.records.tables import entries
from station_api.service.bodies import NewHook
from station_api.service.callers import AnyId, ServiceOf, allow
from station_api.service.service import Service
from station_api.transparency.tiles import (
    TILE_WIDTH,
    Tile,
    parse_tile_path,
    tile_in_tree,
    write_bundle,
)

router = APIRouter(tags=["log"])
MarkReader = Annotated[Caller, allow(Right.READ_MARKS)]
RecordReader = Annotated[Caller, allow(Right.READ_RECORDS)]
Scraper = Annotated[Caller, allow(Right.READ_METRICS)]
HookManager = Annotated[Caller, allow(Right.MANAGE_HOOKS)]
Position = Annotated[int, Path(ge=0, le=2**62)]
WHOLE = {"Cache-Control": "public, max-age=31536000, immutable"}


@router.get("/health", tags=["state"])
def health(service: ServiceOf) -> dict[str, Any]:
    """Say whether the records can be read, and how many marks wait for a person."""
    waiting = service.records.in_states({MarkState.UNKNOWN})
    return {
        "status": "ok",
        "entries": service.records.size(),
        "in_doubt": len(waiting),
        "engraver": "none" if service.runner.port is None else _busy(service),
        "witnesses": [one["state"] for one in service.circulation.states()],
        "plant": None if service.plant is None else service.plant.state()["state"],
    }


def _busy(service: Service) -> str:
    return "marking" if service.runner.busy() else "idle"


@router.get("/metrics", tags=["state"])
def metrics(service: ServiceOf, by: Scraper) -> Response:
    """Give figures to Prometheus."""
    return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/log/checkpoint")
def checkpoint(service: ServiceOf) -> Response:
    """Give the newest signed checkpoint (C2SP tlog-checkpoint); it takes no sign-in."""
    return Response(service.checkpoint(), media_type="text/plain; charset=utf-8")


@router.get("/log/key")
def public_key(service: ServiceOf) -> Response:
    """Give the log's public key (C2SP signed-note verifier key)."""
    return Response(service.signer.verifier().text() + "\n", media_type="text/plain")


@router.get("/log/tile/{path:path}")
def tile(path: Annotated[str, Path(max_length=64)], service: ServiceOf) -> Response:
    """Give a tile (C2SP tlog-tiles); it takes no sign-in."""
    wanted = parse_tile_path(f"tile/{path}")
    if not tile_in_tree(wanted, service.records.size()):
        raise MissingError(f"the log has not filled {wanted.path()} yet")
    data = _bundle(service, wanted) if wanted.level is None else _hashes(service, wanted)
    return Response(data, 200, WHOLE, "application/octet-stream")


@router.get("/log/proofs/{position}")
def public_proof(position: Position, service: ServiceOf, by: MarkReader) -> Response:
    """Prove that an entry stands in the log, without what it says (C2SP tlog-proof)."""
    return _proof(service, position, public=True)


@router.get("/log/records/{position}")
def opened_proof(position: Position, service: ServiceOf, by: RecordReader) -> Response:
    """Prove an entry together with its record, for `pinmark log verify`."""
    return _proof(service, position, public=False)


@router.get("/log/entries", tags=["log"])
def list_entries(
    service: ServiceOf,
    by: RecordReader,
    after: Annotated[int, Query(ge=-1, le=2**62)] = -1,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """List the records behind the entries, sign-ins included."""
    query = sa.select(entries).where(
        entries.c.station == service.records.station, entries.c.position > after
    )
    with service.records.database.reading.connect() as connection:
        rows = connection.execute(query.order_by(entries.c.position).limit(limit)).all()
    found = [
        {"position": row.position, "kind": row.kind, "record": canonical.decode(bytes(row.record))}
        for row in rows
    ]
    return {"entries": found, "next": found[-1]["position"] if len(found) == limit else None}


@router.get("/webhooks", tags=["webhooks"])
def list_hooks(service: ServiceOf, by: HookManager) -> dict[str, Any]:
    """List receivers and how far each was delivered to."""
    return {"webhooks": [asdict(hook) for hook in service.webhooks.all()]}


@router.post("/webhooks", status_code=201, tags=["webhooks"])
def add_hook(body: NewHook, service: ServiceOf, by: HookManager) -> dict[str, Any]:
    """Send every transition from now on to a URL; the secret is shown this once."""
    hook, secret = service.webhooks.add(body.url, by)
    return {"webhook": asdict(hook), "secret": secret}


@router.post("/webhooks/{hook_id}/remove", tags=["webhooks"])
def remove_hook(hook_id: AnyId, service: ServiceOf, by: HookManager) -> dict[str, Any]:
    """Stop sending."""
    return {"webhook": asdict(service.webhooks.remove(hook_id, by))}


def _proof(service: Service, position: int, *, public: bool) -> Response:
    try:
        service.records.entry(position)
    except InputError as error:
        raise MissingError(str(error)) from error
    note = service.checkpoint_over(position)
    text = prove(service.records, position, note, public=public).text()
    return Response(text, media_type="text/plain; charset=utf-8")


def _hashes(service: Service, wanted: Tile) -> bytes:
    with service.records.database.reading.connect() as connection:
        return b"".join(read_nodes(connection, service.records.station, wanted.coordinates()))


def _bundle(service: Service, wanted: Tile) -> bytes:
    first = wanted.index * TILE_WIDTH
    query = sa.select(entries).where(
        entries.c.station == service.records.station,
        entries.c.position >= first,
        entries.c.position < first + wanted.width,
    )
    with service.records.database.reading.connect() as connection:
        rows = connection.execute(query.order_by(entries.c.position)).all()
    leaves = [
        canonical.leaf_data(
            row.kind, row.position, canonical.commitment(bytes(row.salt), bytes(row.record))
        )
        for row in rows
    ]
    return write_bundle(leaves)
