"""Marks: /v1/marks and the jobs that make them, /v1/jobs."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from engraver.errors import ConflictError, InputError, MissingError
from engraver.orders import normalise_serial
from engraver.record import MarkState
from station_api.marking import made_with
from station_api.people import RIGHTS, Caller, NotAllowedError, Right
from station_api.people.sessions import PREFIX as SESSION_PREFIX
from station_api.quality.figures import INSPECTED
from station_api.records import TRANSITIONS
from station_api.records.transition import Testimony
from station_api.routes.orders import order_named
from station_api.service.bodies import (
    Because,
    Conclude,
    InspectMark,
    MarkPage,
    MarkVersion,
    StartMark,
    TransitionReply,
)
from station_api.service.callers import (
    AnyId,
    KeyHeader,
    MarkId,
    MatchHeader,
    ServiceOf,
    allow,
    token_of,
    version_of,
)
from station_api.service.decisions import Decided, Decision, DecisionRoute, decides
from station_api.service.listing import LONGEST_PAGE, Wanted, page, parse_cursor
from station_api.service.problems import StaleError
from station_api.service.service import Service
from station_api.service.transitions import Asked, change, earlier

router = APIRouter(tags=["marks"])
Reader = Annotated[Caller, allow(Right.READ_MARKS)]
Follower = Annotated[Caller, allow(Right.FOLLOW)]
Starter = Annotated[Caller, allow(Right.START_MARKS)]
Inspector = Annotated[Caller, allow(Right.INSPECT_MARKS)]
Asker = Annotated[Caller, allow(Right.ASK_REMARK)]
LastEventId = Annotated[
    str | None,
    Header(alias="Last-Event-ID", pattern=r"^[0-9]{1,18}$", description="Where to go on."),
]
STREAM = {"text/event-stream": {"schema": {"type": "string"}}}


def wanted_of(
    serial: Annotated[str | None, Query(max_length=64)] = None,
    fragment: Annotated[str | None, Query(max_length=64, examples=["ZQ00?2"])] = None,
    code: Annotated[str | None, Query(max_length=24, examples=["R8RP*"])] = None,
    state: MarkState | None = None,
    from_us: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    until_us: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    newest_first: bool = False,
) -> Wanted:
    """Read which marks are wanted from a request's query."""
    whole = None if serial is None else normalise_serial(serial)
    return Wanted(whole, fragment, code, state, from_us, until_us, newest_first)


@router.get("/marks", response_model=MarkPage)
def list_marks(
    service: ServiceOf,
    by: Reader,
    wanted: Annotated[Wanted, Depends(wanted_of)],
    cursor: Annotated[str | None, Query(max_length=128)] = None,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = 100,
) -> Any:
    """List marks, oldest first unless asked for otherwise; all pages are of one `tree_size`.

    What is asked for stays the same from page to page.
    """
    at = None if cursor is None else parse_cursor(cursor)
    rows, here, following = page(service.records, at, limit, wanted)
    return {
        "marks": rows,
        "tree_size": here.size,
        "cursor": here.text(),
        "next": following.text() if following else None,
    }


@router.post("/marks", status_code=202)
def start_mark(body: StartMark, service: ServiceOf, by: Starter, key: KeyHeader = None) -> Response:
    """Begin to mark one pin; the job's events say how it goes."""

    def work() -> Response:
        job = service.runner.start(order_named(service, body.order_id, body.order), by)
        reply = JSONResponse(asdict(job), 202)
        reply.headers["Location"] = f"/v1/jobs/{job.job_id}"
        return reply

    return service.replies.once(by, key, b"start " + body.model_dump_json().encode(), work)


@router.get("/jobs/{job_id}")
def show_job(job_id: AnyId, service: ServiceOf, by: Reader) -> dict[str, Any]:
    """Show how a job stands."""
    return asdict(service.runner.get(job_id))


@router.get("/jobs/{job_id}/events", responses={200: {"content": STREAM}})
def follow_job(
    job_id: AnyId, service: ServiceOf, by: Reader, request: Request, last: LastEventId = None
) -> StreamingResponse:
    """Follow a job: steps, lines acknowledged, transitions."""
    service.runner.get(job_id)
    return _stream(service, request, last, job_id=job_id)


@router.get("/events", responses={200: {"content": STREAM}})
def follow_all(
    service: ServiceOf, by: Follower, request: Request, last: LastEventId = None
) -> StreamingResponse:
    """Follow everything that happens at this station; who may not read marks hears only ``grown``.

    ``grown`` says that something was recorded that is no transition of a mark.
    """
    blind = by.role not in RIGHTS[Right.READ_MARKS]
    return _stream(service, request, last, only_growth=blind)


@router.get("/marks/{mark_id}", response_model=MarkVersion)
def show_mark(mark_id: MarkId, service: ServiceOf, by: Reader, response: Response) -> Any:
    """Show one mark, its history and who carried its serial; the ETag is its version."""
    try:
        mark = service.records.get(mark_id)
    except InputError as error:
        raise MissingError(str(error)) from error
    history = service.records.history(mark_id)
    response.headers["ETag"] = f'"{history[-1]["position"]}"'
    lineage = [one.mark_id for one in service.records.lineage(mark_id)]
    return {"mark": asdict(mark), "history": history, "lineage": lineage}


@router.get("/marks/{mark_id}/events", responses={200: {"content": STREAM}})
def follow_mark(
    mark_id: MarkId, service: ServiceOf, by: Reader, request: Request, last: LastEventId = None
) -> StreamingResponse:
    """Follow one mark's transitions."""
    return _stream(service, request, last, mark_id=mark_id)


@decides(Right.DECIDE_MARKS, Conclude)
async def conclude_mark(mark_id: MarkId, body: Conclude, by: Decided) -> Response:
    """Write what a person decided about a mark in doubt."""
    return await _decide(mark_id, MarkState(body.state), body.reason, by)


@decides(Right.DECIDE_MARKS, Because)
async def scrap_mark(mark_id: MarkId, body: Because, by: Decided) -> Response:
    """Scrap the pin of a bad mark."""
    return await _decide(mark_id, MarkState.SCRAPPED, body.reason, by)


for _path, _endpoint in (("conclude", conclude_mark), ("scrap", scrap_mark)):
    router.add_api_route(
        f"/marks/{{mark_id}}/{_path}",
        _endpoint,
        methods=["POST"],
        responses={200: {"model": TransitionReply}},
        route_class_override=DecisionRoute,
    )


async def _decide(mark_id: str, state: MarkState, reason: str, by: Decision) -> Response:
    asked = Asked(mark_id, state, by.caller, reason, by.version, by.key)
    made = await by.service.gathering.run(lambda: change(by.service.records, asked))
    return _answer(by.service, made)


@router.post("/marks/{mark_id}/inspect", responses={200: {"model": TransitionReply}})
def inspect_mark(
    mark_id: MarkId, body: InspectMark, service: ServiceOf, by: Inspector, key: KeyHeader = None
) -> Response:
    """Inspect a pin from its scan; the verdict is the transition."""
    try:
        row = service.records.get(mark_id)
    except InputError as error:
        raise MissingError(str(error)) from error
    scan = service.scans.path(service.scans.get(body.scan_id).scan_id)
    if (known := earlier(service.records, by, key)) is not None:
        again = Asked(mark_id, MarkState(known["to_state"]), by, INSPECTED, None, key)
        return _answer(service, change(service.records, again))
    judged = service.line.judge(scan, *made_with(row, service.shelf.folder))
    state = MarkState.VERIFIED if judged["good"] else MarkState.REJECTED
    detail = {**judged["detail"], "scan_sha256": body.scan_id}
    asked = Asked(mark_id, state, by, INSPECTED, None, key, detail=detail)
    return _answer(service, change(service.records, asked))


@router.post("/marks/{mark_id}/re-mark", status_code=202)
def ask_for_remark(
    mark_id: MarkId, body: Because, service: ServiceOf, by: Asker, if_match: MatchHeader = None
) -> Response:
    """Ask for a re-mark or a replacement pin; a second person agrees at /v1/approvals."""
    _require_person(by)
    version = version_of(if_match)
    try:
        mark = service.records.get(mark_id)
    except InputError as error:
        raise MissingError(str(error)) from error
    _check_remark(service, mark_id, mark.state, version)
    asked = service.approvals.ask("re-mark", mark_id, body.reason, by)
    return JSONResponse({"approval": asdict(asked)}, 202)


def _check_remark(service: Any, mark_id: str, state: MarkState, version: int | None) -> None:
    if MarkState.RE_MARK not in TRANSITIONS[state]:
        raise ConflictError(f"mark {mark_id} is {state}; it cannot be marked again from there")
    newest = service.records.history(mark_id)[-1]["position"]
    if version is not None and version != newest:
        raise StaleError(f"mark {mark_id} is at version {newest}, not {version}; read it again")


def _require_person(caller: Caller) -> None:
    if caller.is_machine:
        raise NotAllowedError(f"{caller.name} is a machine; a person has to look at the pin")


def _answer(service: Any, testified: Testimony) -> Response:
    service.live.tell()
    headers = {"ETag": f'"{testified.position}"'}
    if testified.replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(testified.record, 200, headers, "application/json")


def _stream(
    service: Service, request: Request, last: str | None, **which: Any
) -> StreamingResponse:
    after = None if last is None else int(last)
    token = token_of(request)
    is_session = token.startswith(SESSION_PREFIX)
    may_go_on = partial(service.sessions.is_open, token) if is_session else lambda: True
    events = service.live.stream(after, **which, may_go_on=may_go_on)
    return StreamingResponse(
        events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
    )
