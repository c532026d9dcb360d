"""Scans, profiles and recipes, the registry: /v1/scans, /v1/profiles, /v1/registry."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool

from station_api.people import Caller, Right
from station_api.service.bodies import NewProfile
from station_api.service.callers import ServiceOf, allow
from station_api.service.receiving import SCAN_BODY, upload

router = APIRouter(tags=["shelf"])
Inspector = Annotated[Caller, allow(Right.INSPECT_MARKS)]
MarkReader = Annotated[Caller, allow(Right.READ_MARKS)]
Reader = Annotated[Caller, allow(Right.READ_PROFILES)]
Drafter = Annotated[Caller, allow(Right.DRAFT_PROFILES)]
Releaser = Annotated[Caller, allow(Right.RELEASE_PROFILES)]
ScanId = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
Kind = Annotated[str, Path(pattern=r"^[a-z]{1,16}$", examples=["recipes"])]
ProfileName = Annotated[str, Path(pattern=r"^[0-9a-z][0-9a-z.-]{0,63}$", examples=["default"])]
Version = Annotated[int, Path(ge=0, le=1_000_000)]


@router.post("/scans", status_code=201, openapi_extra=SCAN_BODY)
async def upload_scan(request: Request, service: ServiceOf, by: Inspector) -> dict[str, Any]:
    """Upload an X3P file of at most 64 MiB; the id is its SHA-256."""
    async with upload(request, service.scans.folder) as received:
        return asdict(await run_in_threadpool(service.scans.keep, received, by))


@router.get("/scans")
def list_scans(
    service: ServiceOf, by: MarkReader, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> dict[str, Any]:
    """List the scans that were uploaded last, the newest first."""
    return {"scans": [asdict(one) for one in service.scans.newest(limit)]}


@router.get("/scans/{scan_id}")
def show_scan(scan_id: ScanId, service: ServiceOf, by: MarkReader) -> dict[str, Any]:
    """Show what is known of a scan."""
    return asdict(service.scans.get(scan_id))


@router.get("/scans/{scan_id}/file")
def download_scan(scan_id: ScanId, service: ServiceOf, by: MarkReader) -> FileResponse:
    """Download a scan."""
    path = service.scans.path(service.scans.get(scan_id).scan_id)
    return FileResponse(path, media_type="application/octet-stream", filename=path.name)


@router.get("/profiles")
def list_profiles(service: ServiceOf, by: Reader) -> dict[str, Any]:
    """List every version of every machine, laser, material, part and recipe."""
    found = [asdict(one) for one in service.shelf.all()]
    return {"profiles": [{k: v for k, v in one.items() if k != "text"} for one in found]}


@router.get("/profiles/{kind}/{name}/{version}")
def show_profile(
    kind: Kind, name: ProfileName, version: Version, service: ServiceOf, by: Reader
) -> dict[str, Any]:
    """Show one version; version 0 ships with pinmark."""
    return asdict(service.shelf.get(kind, name, version))


@router.post("/profiles/{kind}/{name}", status_code=201)
def draft_profile(
    kind: Kind, name: ProfileName, body: NewProfile, service: ServiceOf, by: Drafter
) -> dict[str, Any]:
    """Keep a text as the next version; it is a draft until it is released."""
    return asdict(service.shelf.draft(kind, name, body.text, by))


@router.post("/profiles/{kind}/{name}/{version}/release")
def release_profile(
    kind: Kind, name: ProfileName, version: Version, service: ServiceOf, by: Releaser
) -> dict[str, Any]:
    """Release a version: marks are made with it from now on."""
    return asdict(service.shelf.release(kind, name, version, by))


@router.post("/profiles/{kind}/{name}/{version}/withdraw")
def withdraw_profile(
    kind: Kind, name: ProfileName, version: Version, service: ServiceOf, by: Releaser
) -> dict[str, Any]:
    """Withdraw a version; the newest one released before it takes its place."""
    return asdict(service.shelf.withdraw(kind, name, version, by))


@router.get("/registry")
def show_registry(service: ServiceOf, by: Reader) -> dict[str, Any]:
    """Show makes, models and the blocks that were allotted to them."""
    rows = [
        {
            "first_block": row.first_block,
            "blocks": row.blocks,
            "make": row.make,
            "model": row.model,
            "template": row.template,
            "start": row.start,
            "dated": row.dated,
        }
        for row in service.registry.rows
    ]
    return {"rows": rows}
