"""The firearms book and its corrections: /v1/papers, /v1/corrections."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import JSONResponse, StreamingResponse

from engraver.errors import InputError, MissingError
from station_api.papers import audit as audits
from station_api.papers import epcis, prints
from station_api.papers.book import CORRECTION, takes_two
from station_api.papers.checklist import checklist
from station_api.papers.downloads import Digest, note_download
from station_api.papers.licensee import configured_licensee
from station_api.papers.unentered import unentered
from station_api.papers.views import Wanted, page
from station_api.people import Caller, NotAllowedError, Right
from station_api.service.callers import KeyHeader, ServiceOf, allow
from station_api.service.paper_bodies import NewCorrection, NewDisposition, NewEntry
from station_api.service.service import Service

router = APIRouter(tags=["papers"])
Reader = Annotated[Caller, allow(Right.READ_BOOK)]
Keeper = Annotated[Caller, allow(Right.KEEP_BOOK)]
Corrector = Annotated[Caller, allow(Right.CORRECT_BOOK)]
LineId = Annotated[str, Path(pattern=r"^[0-9A-Za-z._-]{1,40}$", examples=["B000001"])]
Text = Annotated[str, Query(max_length=128)]
Day = Annotated[str, Query(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")]
Month = Annotated[str, Query(pattern=r"^[0-9]{4}-[0-9]{2}$", examples=["2027-01"])]
PDF = {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}
CSV = {"text/csv": {"schema": {"type": "string"}}}
MOST_LINES_IN_PRINT = prints.LINES_A_PRINT


def wanted_of(
    view: Annotated[Literal["original", "corrected", "both"], Query()] = "corrected",
    serial: Annotated[str, Query(max_length=64)] = "",
    manufacturer: Text = "",
    importer: Text = "",
    party: Text = "",
    address: Text = "",
    acquired_from: Day = "",
    acquired_to: Day = "",
    disposed_from: Day = "",
    disposed_to: Day = "",
    only_corrected: Annotated[bool, Query()] = False,
) -> Wanted:
    """Read what is wanted of the book from a request's query."""
    return Wanted(
        view=view,
        serial=serial,
        manufacturer=manufacturer,
        importer=importer,
        party=party,
        address=address,
        acquired_from=acquired_from,
        acquired_to=acquired_to,
        disposed_from=disposed_from,
        disposed_to=disposed_to,
        only_corrected=only_corrected,
    )


Asked = Annotated[Wanted, Depends(wanted_of)]


@router.get("/papers/lines")
def list_lines(
    service: ServiceOf,
    by: Reader,
    wanted: Asked,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Show the book line by line: original entries, corrected ones, or both."""
    lines, following = page(service.records, wanted, after, limit)
    fields = [prints.line_fields(line) for line in lines]
    return {"view": wanted.view, "lines": fields, "next": following}


@router.get("/papers/lines/{line}")
def show_line(line: LineId, service: ServiceOf, by: Reader) -> dict[str, Any]:
    """Show one line with every entry ever written in it."""
    number = line.rpartition("B")[2]
    if number.isdecimal() and len(number) <= 18:
        found, _ = page(service.records, Wanted(view="both"), int(number) - 1, 1)
        if found and found[0].line == line:
            return prints.line_fields(found[0])
    raise MissingError(f"line {line!r} is not in the book")


@router.post("/papers/entries", status_code=201)
def enter_firearm(
    body: NewEntry, service: ServiceOf, by: Keeper, key: KeyHeader = None
) -> Response:
    """Enter a firearm; its verified mark is found by the serial."""

    def work() -> Response:
        made = service.book.enter(body.model_dump(), by.name)
        reply = JSONResponse({"entry": {**asdict(made), "days_late": made.days_late}}, 201)
        reply.headers["Location"] = f"/v1/papers/lines/{made.line}"
        return reply

    return service.replies.once(by, key, b"enter " + body.model_dump_json().encode(), work)


@router.post("/papers/lines/{line}/disposition", status_code=201)
def dispose_of_firearm(
    line: LineId, body: NewDisposition, service: ServiceOf, by: Keeper, key: KeyHeader = None
) -> Response:
    """Write how a firearm left."""

    def work() -> Response:
        made = service.book.dispose(line, body.model_dump(), by.name)
        return JSONResponse({"entry": {**asdict(made), "days_late": made.days_late}}, 201)

    asked = f"dispose {line} {body.model_dump_json()}".encode()
    return service.replies.once(by, key, asked, work)


@router.get("/papers/unentered")
def list_unentered(service: ServiceOf, by: Reader) -> dict[str, Any]:
    """List verified marks whose firearms are not in the book, with the day the entry is due."""
    found = unentered(service.records)
    return {"firearms": [{**asdict(one), "due_on": one.due_on} for one in found]}


@router.get("/papers/book.pdf", response_class=Response, responses={200: {"content": PDF}})
def print_book(service: ServiceOf, by: Reader, wanted: Asked) -> Response:
    """Print the book, up to a thousand lines; select by date for more."""
    _, more = page(service.records, wanted, 0, MOST_LINES_IN_PRINT)
    if more is not None:
        raise InputError(
            f"more than {MOST_LINES_IN_PRINT} lines fit; select by date, or use "
            "`pinmark papers book --pdf`, which prints in parts"
        )
    note = service.checkpoint()
    (made,) = prints.prints(service.records, wanted, configured_licensee(), note)
    if not prints.selection(wanted):
        digest = hashlib.sha256(made).hexdigest()
        note_download(service.records, wanted.view, "PDF", digest, by.name)
    return Response(made, media_type="application/pdf", headers=_as_file("book.pdf"))


@router.get("/papers/book.csv", response_class=Response, responses={200: {"content": CSV}})
def download_book(service: ServiceOf, by: Reader, wanted: Asked) -> StreamingResponse:
    """Download the book as CSV, every line that is wanted."""
    part = Digest(line.encode() for line in prints.csv_lines(service.records, wanted))

    def parts() -> Iterator[bytes]:
        yield from part
        if not prints.selection(wanted):
            note_download(service.records, wanted.view, "CSV", part.hexdigest(), by.name)

    return StreamingResponse(parts(), media_type="text/csv", headers=_as_file("book.csv"))


@router.get("/papers/checklist")
def show_checklist(service: ServiceOf, by: Reader) -> dict[str, Any]:
    """Show which rule wants what, what meets it, and how it stands now."""
    return {"conditions": [asdict(one) for one in checklist(service.records)]}


@router.get("/papers/audit")
def audit_month(service: ServiceOf, by: Reader, month: Month) -> dict[str, Any]:
    """Audit one month: gaps in serials, unknowns, rejects, re-marks, late entries and answers."""
    return asdict(_audit(service, month))


@router.get("/papers/audit.pdf", response_class=Response, responses={200: {"content": PDF}})
def print_audit(service: ServiceOf, by: Reader, month: Month) -> Response:
    """Print the audit of a month, bound to a signed checkpoint."""
    made = audits.audit_report(_audit(service, month))
    headers = _as_file(f"audit-{month}.pdf")
    return Response(made, media_type="application/pdf", headers=headers)


@router.get("/papers/audit.csv", response_class=Response, responses={200: {"content": CSV}})
def download_audit(service: ServiceOf, by: Reader, month: Month) -> Response:
    """Download the lines of a month's audit as CSV."""
    made = audits.csv_text(_audit(service, month))
    return Response(made, media_type="text/csv", headers=_as_file(f"audit-{month}.csv"))


@router.get("/papers/epcis")
def show_events(service: ServiceOf, by: Reader, since: Day = "", until: Day = "") -> Response:
    """Show what was written on these days as EPCIS 2.0 events, valid by the published schema."""
    origin = service.signer.name
    made = epcis.document(service.records, configured_licensee(), origin, since, until)
    return JSONResponse(made, media_type="application/ld+json")


@router.get("/corrections")
def list_corrections(service: ServiceOf, by: Reader) -> dict[str, Any]:
    """List corrections, newest first: what, who, why, by whom agreed, the entry made."""
    return {"corrections": [asdict(one) for one in service.book.corrections()]}


@router.post("/corrections", status_code=201)
def correct_entry(
    body: NewCorrection, service: ServiceOf, by: Corrector, key: KeyHeader = None
) -> Response:
    """Correct an entry by a new one; 202 where a second person has to agree first."""
    if by.is_machine:
        raise NotAllowedError(f"{by.name} is a machine; a person has to answer for a correction")

    def work() -> Response:
        if not takes_two(body.changes):
            made = service.book.correct(body.entry_id, body.fields(), body.reason, by.name)
            return JSONResponse({"entry": asdict(made)}, 201)
        asked = service.book.ask(body.entry_id, body.fields(), body.reason, by.name)
        approval = service.approvals.ask(CORRECTION, asked.correction_id, body.reason, by)
        asked = service.book.await_second(asked.correction_id, approval.approval_id, by.name)
        return JSONResponse({"correction": asdict(asked), "approval": asdict(approval)}, 202)

    return service.replies.once(by, key, b"correct " + body.model_dump_json().encode(), work)


def _audit(service: Service, month: str) -> audits.Audit:
    note = service.checkpoint()
    return audits.audit(service.records, service.registry, configured_licensee(), month, note)


def _as_file(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
