"""The station looked after: /v1/doctor, /v1/backups, /v1/support-bundle."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from station_api.doctor import worst
from station_api.people import Caller, Right
from station_api.service.callers import ServiceOf, allow
from station_api.support_bundle import BUNDLE_NAME

router = APIRouter(tags=["upkeep"])
Reader = Annotated[Caller, allow(Right.READ_UPKEEP)]
Keeper = Annotated[Caller, allow(Right.MANAGE_UPKEEP)]


@router.get("/doctor")
def doctor(
    service: ServiceOf, by: Reader, ask_controller: Annotated[bool, Query()] = True
) -> dict[str, Any]:
    """Look at everything the station rests on, with what to do where it is out of order.

    Without ``ask_controller`` the port is left alone, and nobody who starts a pin has to wait.
    """
    checks = service.upkeep.checks(ask_controller=ask_controller)
    return {"state": worst(checks), "checks": [asdict(check) for check in checks]}


@router.get("/backups")
def list_backups(service: ServiceOf, by: Reader) -> dict[str, Any]:
    """List the backups in the configured folder, newest first."""
    return {"backups": [asdict(backup) for backup in service.upkeep.backups()]}


@router.post("/backups", status_code=201)
def take_backup(service: ServiceOf, by: Keeper) -> dict[str, Any]:
    """Take a backup now and check it; asked twice, there are two, each sound."""
    taken = service.upkeep.back_up()
    name, sizes = taken.backup.path.name, taken.backup.report.sizes
    return {"file": name, "sizes": sizes, "thinned_out": [path.name for path in taken.thinned_out]}


@router.get("/support-bundle", response_class=Response)
def support_bundle(service: ServiceOf, by: Keeper) -> Response:
    """Give a zip for whoever helps, without secrets, serials, codes or names."""
    headers = {"Content-Disposition": f'attachment; filename="{BUNDLE_NAME}"'}
    return Response(service.upkeep.bundle(), 200, headers, "application/zip")
