"""Scans of the watched folder that fitted no mark: /v1/kept-scans, decided on by a person."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from station_api.people import Caller, NotAllowedError, Right
from station_api.routes.shelf import ScanId
from station_api.service.bodies import Because, GiveKept, ReadKept, TransitionReply
from station_api.service.callers import KeyHeader, MatchHeader, ServiceOf, allow, version_of

router = APIRouter(tags=["marks"])
Inspector = Annotated[Caller, allow(Right.INSPECT_MARKS)]
Decider = Annotated[Caller, allow(Right.DECIDE_MARKS)]


@router.post("/kept-scans/{scan_id}/reading")
def read_kept(scan_id: ScanId, body: ReadKept, service: ServiceOf, by: Inspector) -> dict[str, Any]:
    """Read a kept scan for a mark: its code beside the ordered one. No verdict is recorded."""
    return asdict(service.giving.read(scan_id, body.mark, by))


@router.post("/kept-scans/{scan_id}/give", responses={200: {"model": TransitionReply}})
def give_kept(
    scan_id: ScanId,
    body: GiveKept,
    service: ServiceOf,
    by: Inspector,
    key: KeyHeader = None,
    if_match: MatchHeader = None,
) -> Response:
    """Make a kept scan the inspection of a mark; the verdict is the transition."""
    _require_person(by)
    version = version_of(if_match)
    made = service.giving.give(scan_id, body.mark_id, by, body.reason, version, key)
    service.live.tell()
    headers = {"ETag": f'"{made.position}"'}
    if made.replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(made.record, 200, headers, "application/json")


@router.post("/kept-scans/{scan_id}/discard")
def discard_kept(
    scan_id: ScanId, body: Because, service: ServiceOf, by: Decider, key: KeyHeader = None
) -> Response:
    """Say that a kept scan is of no mark, and why; its file stays in another folder."""
    _require_person(by)

    def work() -> Response:
        return JSONResponse(asdict(service.giving.discard(scan_id, body.reason, by)))

    said = f"discard {scan_id} {body.model_dump_json()}".encode()
    return service.replies.once(by, key, said, work)


def _require_person(caller: Caller) -> None:
    if caller.is_machine:
        raise NotAllowedError(f"{caller.name} is a machine; a person has to look at the scan")
