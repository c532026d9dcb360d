"""Corrections of marks' own records: /v1/marks/{mark_id}/corrections, made by two people."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from engraver.errors import InputError, MissingError
from station_api.papers.book import CORRECTION
from station_api.papers.mark_corrections import view_of
from station_api.people import Caller, NotAllowedError, Right
from station_api.records import MarkRow
from station_api.service.callers import KeyHeader, MarkId, ServiceOf, allow
from station_api.service.paper_bodies import CorrectMark
from station_api.service.service import Service

router = APIRouter(tags=["marks"])
Reader = Annotated[Caller, allow(Right.READ_MARKS)]
Corrector = Annotated[Caller, allow(Right.CORRECT_BOOK)]


@router.get("/marks/{mark_id}/corrections")
def show_versions(
    mark_id: MarkId,
    service: ServiceOf,
    by: Reader,
    view: Annotated[Literal["original", "corrected", "both"], Query()] = "both",
) -> dict[str, Any]:
    """Show a mark's record as first written, as it stands, or every version of it."""
    mark = _mark(service, mark_id)
    made = service.mark_corrections.of(mark_id)
    return {"mark_id": mark_id, "view": view, "versions": view_of(mark, made, view)}


@router.post("/marks/{mark_id}/corrections", status_code=202)
def correct_mark(
    mark_id: MarkId, body: CorrectMark, service: ServiceOf, by: Corrector, key: KeyHeader = None
) -> Response:
    """Ask for a correction; a second person agrees at /v1/approvals."""
    if by.is_machine:
        raise NotAllowedError(f"{by.name} is a machine; a person has to answer for a correction")
    _mark(service, mark_id)

    def work() -> Response:
        asked = service.mark_corrections.ask(mark_id, dict(body.changes), body.reason, by.name)
        approval = service.approvals.ask(CORRECTION, asked.correction_id, body.reason, by)
        made = service.mark_corrections
        asked = made.await_second(asked.correction_id, approval.approval_id, by.name)
        return JSONResponse({"correction": asdict(asked), "approval": asdict(approval)}, 202)

    said = f"correct mark {mark_id} {body.model_dump_json()}".encode()
    return service.replies.once(by, key, said, work)


def _mark(service: Service, mark_id: str) -> MarkRow:
    try:
        return service.records.get(mark_id)
    except InputError as error:
        raise MissingError(str(error)) from error
