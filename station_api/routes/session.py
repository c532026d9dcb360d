"""Signing in and out: /v1/session."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from station_api.pages.table import pages_of
from station_api.people import Caller, SignInError
from station_api.people.sessions import IDLE_S, PREFIX
from station_api.service.bodies import NewSecret, SignIn, Unlock
from station_api.service.callers import COOKIE, ServiceOf, token_of
from station_api.service.service import Service

router = APIRouter(prefix="/session", tags=["session"])


@router.post("", status_code=201)
def sign_in(body: SignIn, service: ServiceOf, request: Request) -> Response:
    """Sign in by name and PIN or password; the token is for `Authorization: Bearer`."""
    person = service.people.check(body.name, body.secret)
    token = service.sessions.open(person.caller())
    return _with_token(token, person.caller(), service, request, 201)


@router.get("")
def who_am_i(service: ServiceOf, request: Request) -> dict[str, Any]:
    """Say whose session this is, at which station, and which pages they see."""
    return _who(service.sessions.find(_session(request)), service)


@router.delete("", status_code=204)
def sign_out(service: ServiceOf, request: Request) -> Response:
    """End the session."""
    token = _session(request)
    service.people.note("signed out", service.sessions.owner(token).name)
    service.sessions.close(token)
    reply = Response(status_code=204)
    reply.delete_cookie(COOKIE, path="/")
    return reply


@router.post("/lock", status_code=204)
def lock(service: ServiceOf, request: Request) -> None:
    """Lock the session, as an operator who leaves does."""
    token = _session(request)
    service.people.note("locked", service.sessions.find(token).name)
    service.sessions.lock(token)


@router.post("/unlock", status_code=204)
def unlock(body: Unlock, service: ServiceOf, request: Request) -> None:
    """Unlock the session by the secret."""
    token = _session(request)
    service.people.check(service.sessions.owner(token).name, body.secret)
    service.sessions.unlock(token)


@router.put("/secret")
def change_secret(body: NewSecret, service: ServiceOf, request: Request) -> Response:
    """Set another secret; every other session of this person ends."""
    name = service.sessions.find(_session(request)).name
    service.people.check(name, body.old)
    person = service.people.set_secret(name, body.new, name)
    service.sessions.close_all(name)
    token = service.sessions.open(person.caller())
    return _with_token(token, person.caller(), service, request, 200)


def _session(request: Request) -> str:
    token = token_of(request)
    if not token.startswith(PREFIX):
        raise SignInError("a machine has no session; its key is enough")
    return token


def _who(caller: Caller, service: Service) -> dict[str, Any]:
    return {
        **asdict(caller),
        "station": service.records.station,
        "pages": pages_of(caller.role),
        "idle_s": IDLE_S,
    }


def _with_token(
    token: str, caller: Caller, service: Service, request: Request, status: int
) -> Response:
    reply = JSONResponse({"token": token, **_who(caller, service)}, status)
    secure = request.url.scheme == "https"
    reply.set_cookie(COOKIE, token, path="/", httponly=True, samesite="strict", secure=secure)
    return reply
