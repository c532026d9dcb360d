"""The trace desk: /v1/trace/requests, /v1/trace/search, /v1/trace/queries, /v1/trace/scans."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from engraver.errors import InputError, PinmarkError
from station_api.people import Caller, Right, Role
from station_api.profiles import load_setup
from station_api.reports.trace import trace_sheet
from station_api.service.bodies import Because
from station_api.service.callers import AnyId, KeyHeader, ServiceOf, allow
from station_api.service.receiving import SCAN_BODY, upload
from station_api.service.service import Service
from station_api.service.trace_bodies import NewAnswer, NewSearch, NewTraceRequest
from station_api.trace.queries import Asker
from station_api.trace.requests import TraceRequest
from station_api.trace.scans import read_cases

router = APIRouter(prefix="/trace", tags=["trace"])
Searcher = Annotated[Caller, allow(Right.TRACE)]
Answerer = Annotated[Caller, allow(Right.ANSWER_TRACES)]
RequestId = Annotated[str, Path(pattern=r"^[0-9A-Za-z._-]{1,48}$", examples=["R000012"])]
PDF = {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}


@router.get("/requests")
def list_requests(
    service: ServiceOf,
    by: Searcher,
    open_only: Annotated[bool, Query(alias="open")] = False,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """List requests with their 24-hour clocks; open ones alone come by what is due first."""
    found = service.desk.requests.all(open_only=open_only, limit=limit)
    return {"requests": [request_fields(service, one) for one in found]}


@router.post("/requests", status_code=201)
def record_request(
    body: NewTraceRequest, service: ServiceOf, by: Answerer, key: KeyHeader = None
) -> Response:
    """Write down a request; one without an authority is refused."""

    def work() -> Response:
        made = service.desk.requests.record(by.name, **body.model_dump())
        return JSONResponse(request_fields(service, made), 201)

    return service.replies.once(by, key, b"trace request" + body.model_dump_json().encode(), work)


@router.get("/requests/{request_id}")
def show_request(request_id: RequestId, service: ServiceOf, by: Searcher) -> dict[str, Any]:
    """Show a request, its clock, and every query that was made for it."""
    found = request_fields(service, service.desk.requests.get(request_id))
    return found | {"queries": service.desk.queries.all(request_id)}


@router.post("/requests/{request_id}/answer")
def answer_request(
    request_id: RequestId, body: NewAnswer, service: ServiceOf, by: Answerer
) -> dict[str, Any]:
    """Write down that the agency was answered: the clock stops."""
    query = service.desk.queries.get(body.query_id)
    if query["request_id"] != request_id:
        raise InputError(f"query {body.query_id} was not made for request {request_id}")
    done = service.desk.requests.answer(request_id, body.query_id, body.disclosed, by.name)
    return request_fields(service, done)


@router.post("/requests/{request_id}/withdraw")
def withdraw_request(
    request_id: RequestId, body: Because, service: ServiceOf, by: Answerer
) -> dict[str, Any]:
    """Write down that the agency took its request back."""
    return request_fields(service, service.desk.requests.withdraw(request_id, body.reason, by.name))


@router.post("/search")
def search(body: NewSearch, service: ServiceOf, by: Searcher, key: KeyHeader = None) -> Response:
    """Search all marks; every question is written down, refused ones too."""
    asked = b"trace search" + body.model_dump_json().encode()
    return service.replies.once(by, key, asked, lambda: JSONResponse(_answer(body, service, by)))


@router.post("/scans", status_code=201, openapi_extra=SCAN_BODY)
async def upload_case_scan(request: Request, service: ServiceOf, by: Answerer) -> dict[str, Any]:
    """Upload a scan of a case, at most 64 MiB; its id is its SHA-256."""
    async with upload(request, service.desk.scans.folder) as received:
        return {"scan_id": await run_in_threadpool(service.desk.scans.keep, received)}


@router.get("/queries")
def list_queries(
    service: ServiceOf,
    by: Searcher,
    before: Annotated[int, Query(ge=0, le=2**62)] = 2**62,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """List every query, newest first, refused ones too."""
    found = service.desk.queries.all(before=before, limit=limit)
    return {"queries": found, "next": found[-1]["position"] if len(found) == limit else None}


@router.get("/queries/{query_id}")
def show_query(query_id: AnyId, service: ServiceOf, by: Searcher) -> dict[str, Any]:
    """Show a query and its answer, for `pinmark trace --rerun`."""
    return service.desk.queries.get(query_id)


@router.get(
    "/queries/{query_id}/sheet.pdf", response_class=Response, responses={200: {"content": PDF}}
)
def answer_sheet(query_id: AnyId, service: ServiceOf, by: Searcher) -> Response:
    """Give an answer as a sheet of two pages at most, by the fields of ATF Form 3312.1."""
    name = f'attachment; filename="{query_id}.pdf"'
    sheet = trace_sheet(service.desk, service.records, query_id)
    return Response(sheet, media_type="application/pdf", headers={"Content-Disposition": name})


def request_fields(service: Service, request: TraceRequest) -> dict[str, Any]:
    """Return a request as JSON, its clock included."""
    return asdict(request) | {"clock": request.clock(service.desk.requests.now())}


def _answer(body: NewSearch, service: Service, by: Caller) -> dict[str, Any]:
    asker = Asker(by.name, by.role, body.request_id)
    try:
        if by.role == Role.TRACER and body.request_id is None:
            raise InputError(
                "a tracer searches for a trace request, which has an authority; record it at "
                "POST /v1/trace/requests and give its request_id"
            )
        if body.scans and body.reads is not None:
            raise InputError("ask by one of a pattern, a serial or the reads of cases")
        reads = json.dumps(body.reads) if body.reads is not None else ""
        cases: list[dict[str, Any]] = []
        if body.scans:
            named = [(one.name, one.scan_id) for one in body.scans]
            setup = load_setup(body.recipe, service.shelf.folder)
            reads, cases = read_cases(named, service.desk.scans, setup)
    except PinmarkError as error:
        service.desk.refuse(body.model_dump(exclude_defaults=True), asker, error)
        raise
    return service.desk.ask(body.question(reads), asker, cases)
