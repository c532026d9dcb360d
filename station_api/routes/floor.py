"""The shop floor: /v1/floor, /v1/controller, and what is asked of a job at work.

The order at hand is changed on the version that was looked at (If-Match), so that of two screens
which press at once one is told to look again.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from engraver.errors import InputError, MissingError
from engraver.record import MarkState
from firmware_bridge.control import Wish
from station_api.people import Caller, Right
from station_api.profiles import load_setup
from station_api.service.bodies import ChooseOrder, ConfirmStep, ScannedLabel
from station_api.service.callers import (
    AnyId,
    KeyHeader,
    MarkId,
    MatchHeader,
    ServiceOf,
    allow,
    version_of,
)
from station_api.service.service import Service

router = APIRouter(tags=["floor"])
Reader = Annotated[Caller, allow(Right.READ_MARKS)]
Starter = Annotated[Caller, allow(Right.START_MARKS)]
Inspector = Annotated[Caller, allow(Right.INSPECT_MARKS)]
DOOR_PIN, DOOR_STATE = "D", "Door"


@router.get("/floor")
def show_floor(service: ServiceOf, by: Starter, response: Response) -> dict[str, Any]:
    """Show the order at hand, its mark and job, the queue, the last marks, what waits."""
    state = service.floor.state()
    asked = [asdict(one) for one in service.approvals.waiting()]
    response.headers["ETag"] = f'"{state["version"]}"'
    around = {"scanners": service.scanners.states(), "kept_scans": service.watcher.kept()}
    return {**state, "approvals": asked, **around}


@router.post("/floor/choose")
def choose_order(
    body: ChooseOrder, service: ServiceOf, by: Starter, if_match: MatchHeader = None
) -> Response:
    """Take an order in hand; it is claimed for this station if nobody has it."""
    return _told(service, service.floor.choose(body.order_id, by, version_of(if_match)))


@router.post("/floor/scanned")
def take_scanned(
    body: ScannedLabel, service: ServiceOf, by: Starter, if_match: MatchHeader = None
) -> Response:
    """Do what a scanned label asks for: take its order in hand, or confirm the part.

    `did` is `chosen`, `confirmed` or `nothing` (that order is at hand already).
    """
    taken = service.labels.take(body.content, by, version_of(if_match))
    service.live.tell()
    return JSONResponse(asdict(taken), headers={"ETag": f'"{taken.version}"'})


@router.post("/floor/confirm")
def confirm_step(
    body: ConfirmStep, service: ServiceOf, by: Starter, if_match: MatchHeader = None
) -> Response:
    """Say that the next step is done: part, blank, loaded, closed."""
    return _told(service, service.floor.confirm(body.step, by, version_of(if_match)))


@router.post("/floor/clear")
def clear_floor(service: ServiceOf, by: Starter, if_match: MatchHeader = None) -> Response:
    """Put the order at hand away."""
    return _told(service, service.floor.clear(by, version_of(if_match)))


@router.get("/controller")
def glance_at_controller(service: ServiceOf, by: Starter) -> dict[str, Any]:
    """Ask the controller how it is, with the laser off; `door_open` is its own word (``Pn:D``)."""
    row = service.floor.row()
    recipe = "default"
    if row is not None and row["order_id"]:
        recipe = service.floor.recipe_of(row["order_id"])
    setup = load_setup(recipe, service.shelf.folder)
    said = service.runner.glance(setup.machine.baud)
    is_open = DOOR_PIN in said.pins or said.state.startswith(DOOR_STATE)
    return {**asdict(said), "door_open": is_open}


@router.get("/scan-folder")
def show_scan_folder(service: ServiceOf, by: Reader) -> dict[str, Any]:
    """Show the watched folder: waiting, kept, inspected; its changes are events `folder`."""
    return service.watcher.state()


@router.get("/jobs")
def list_jobs(service: ServiceOf, by: Reader) -> dict[str, Any]:
    """List the jobs since the service began, newest first, at most fifty."""
    return {"jobs": [asdict(job) for job in service.runner.jobs()[:50]]}


@router.post("/jobs/{job_id}/hold")
def hold_job(job_id: AnyId, service: ServiceOf, by: Starter) -> dict[str, Any]:
    """Stop the motion where it is, laser off; asked twice it is held all the same."""
    return asdict(service.runner.ask(job_id, Wish.HOLD))


@router.post("/jobs/{job_id}/resume")
def resume_job(job_id: AnyId, service: ServiceOf, by: Starter, key: KeyHeader = None) -> Response:
    """Go on exactly where it was held; the door has to be closed. Twice under one key is once."""

    def work() -> Response:
        return JSONResponse(asdict(service.runner.ask(job_id, Wish.RESUME)))

    return service.replies.once(by, key, b"resume " + job_id.encode(), work)


@router.post("/jobs/{job_id}/abort")
def abort_job(job_id: AnyId, service: ServiceOf, by: Starter) -> dict[str, Any]:
    """Stop for good, laser off; a job that has ended stays as it ended."""
    job = service.runner.get(job_id)
    return asdict(job if job.state != "running" else service.runner.ask(job_id, Wish.ABORT))


@router.post("/marks/{mark_id}/collect-scan", status_code=201)
def collect_scan(mark_id: MarkId, service: ServiceOf, by: Inspector) -> dict[str, Any]:
    """Take over the scan that the instrument made of this pin since it was marked."""
    try:
        service.records.get(mark_id)
    except InputError as error:
        raise MissingError(str(error)) from error
    begun = [
        one["at_us"]
        for one in service.records.history(mark_id)
        if one["to_state"] == MarkState.MARKING
    ]
    if not begun:
        raise MissingError(f"mark {mark_id} was not begun; there is no scan of it")
    return asdict(service.instrument.collect(begun[-1], by))


def _told(service: Service, version: int) -> Response:
    service.live.tell()
    return JSONResponse({"version": version}, headers={"ETag": f'"{version}"'})
