"""People, machine keys and approvals: /v1/people, /v1/keys, /v1/approvals."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path

from engraver.errors import MissingError
from engraver.record import MarkState
from station_api.papers.book import CORRECTION
from station_api.papers.mark_corrections import PREFIX as MARK_CORRECTION
from station_api.people import Caller, Right
from station_api.people.approvals import APPROVED, REFUSED
from station_api.service.bodies import Countersign, GivenSecret, NewKey, NewPerson
from station_api.service.callers import AnyId, ServiceOf, allow
from station_api.service.service import Service
from station_api.service.transitions import Asked, change

router = APIRouter(tags=["people"])
Administrator = Annotated[Caller, allow(Right.MANAGE_PEOPLE)]
Asker = Annotated[Caller, allow(Right.ASK_REMARK)]
Approver = Annotated[Caller, allow(Right.APPROVE)]
PersonName = Annotated[str, Path(max_length=64, examples=["a. smith"])]


@router.get("/people")
def list_people(service: ServiceOf, by: Administrator) -> dict[str, Any]:
    """List everybody who can sign in."""
    return {"people": [asdict(person) for person in service.people.all()]}


@router.post("/people", status_code=201)
def add_person(body: NewPerson, service: ServiceOf, by: Administrator) -> dict[str, Any]:
    """Add a person."""
    return {"person": asdict(service.people.add(body.name, body.role, body.secret, by.name))}


@router.post("/people/{name}/disable")
def disable_person(name: PersonName, service: ServiceOf, by: Administrator) -> dict[str, Any]:
    """Keep a person out, at once."""
    person = service.people.disable(name, by.name)
    service.sessions.close_all(person.name)
    return {"person": asdict(person)}


@router.post("/people/{name}/enable")
def enable_person(name: PersonName, service: ServiceOf, by: Administrator) -> dict[str, Any]:
    """Let a person in again, and end a lock-out."""
    return {"person": asdict(service.people.enable(name, by.name))}


@router.put("/people/{name}/secret")
def give_secret(
    name: PersonName, body: GivenSecret, service: ServiceOf, by: Administrator
) -> dict[str, Any]:
    """Give a person another secret; their sessions end."""
    person = service.people.set_secret(name, body.secret, by.name)
    service.sessions.close_all(person.name)
    return {"person": asdict(person)}


@router.get("/keys")
def list_keys(service: ServiceOf, by: Administrator) -> dict[str, Any]:
    """List every machine key, without the keys."""
    return {"keys": [asdict(key) for key in service.keys.all()]}


@router.post("/keys", status_code=201)
def make_key(body: NewKey, service: ServiceOf, by: Administrator) -> dict[str, Any]:
    """Make a key; it is shown this once."""
    key, text = service.keys.make(body.name, body.role, by.name, body.days)
    return {"key": asdict(key), "text": text}


@router.post("/keys/{key_id}/revoke")
def revoke_key(key_id: AnyId, service: ServiceOf, by: Administrator) -> dict[str, Any]:
    """End a key, at once."""
    return {"key": asdict(service.keys.revoke(key_id, by.name))}


@router.get("/approvals")
def list_approvals(service: ServiceOf, by: Approver) -> dict[str, Any]:
    """List what waits for a second person."""
    return {"approvals": [asdict(one) for one in service.approvals.waiting()]}


@router.post("/approvals/{approval_id}/approve")
def approve(approval_id: AnyId, service: ServiceOf, by: Approver) -> dict[str, Any]:
    """Agree, as the second person; what was asked for is done in the same breath."""
    return _agree(approval_id, service, by)


@router.post("/approvals/{approval_id}/countersign")
def countersign(
    approval_id: AnyId, body: Countersign, service: ServiceOf, by: Asker
) -> dict[str, Any]:
    """Let the second person answer at the first one's screen, by their own secret."""
    second = service.people.check(body.name, body.secret).caller()
    second.require(Right.APPROVE)
    if body.agree:
        return _agree(approval_id, service, second)
    return _refuse(approval_id, service, second)


def _agree(approval_id: str, service: Service, by: Caller) -> dict[str, Any]:
    asked = service.approvals.check(approval_id, by)
    if asked.action == CORRECTION:
        of_mark = asked.subject.startswith(MARK_CORRECTION)
        (service.mark_corrections if of_mark else service.book).make(asked.subject, by.name)
        return {"approval": asdict(service.approvals.decide(approval_id, by, APPROVED))}
    if asked.action != "re-mark":
        raise MissingError(f"request {approval_id} asks for {asked.action}, which is not done here")
    wanted = Asked(
        asked.subject,
        MarkState.RE_MARK,
        Caller(asked.asked_by, by.role),
        asked.reason,
        key=approval_id,
        approver=by.name,
    )
    change(service.records, wanted)
    service.live.tell()
    return {"approval": asdict(service.approvals.decide(approval_id, by, APPROVED))}


@router.post("/approvals/{approval_id}/refuse")
def refuse(approval_id: AnyId, service: ServiceOf, by: Approver) -> dict[str, Any]:
    """Refuse; nothing is done."""
    return _refuse(approval_id, service, by)


def _refuse(approval_id: str, service: Service, by: Caller) -> dict[str, Any]:
    service.approvals.check(approval_id, by)
    return {"approval": asdict(service.approvals.decide(approval_id, by, REFUSED))}
