"""Who is calling: a session or a machine key, and whether that may be done.

In: the Authorization header, or the session cookie of pinmark's own pages. Out: `Caller`. A
cookie is only believed with a request that a page of this very origin made (Sec-Fetch-Site, or
Origin equal to Host), so that no other site can act with it.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Request
from starlette.concurrency import run_in_threadpool

from engraver.errors import InputError
from station_api.people import Caller, Right, SignInError
from station_api.people.keys import PREFIX as KEY_PREFIX
from station_api.people.sessions import PREFIX as SESSION_PREFIX
from station_api.service.problems import NoVersionError
from station_api.service.service import Service

COOKIE = "pinmark_session"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
KEY_PATTERN = r"^[\x21-\x7e]{1,60}$"
MARK_ID_PATTERN = r"^[0-9A-Za-z._-]{1,48}$"
_ETAG = re.compile(r'(?:W/)?"([0-9]{1,18})"', re.ASCII)


async def get_service(request: Request) -> Service:
    """Return the service that a request came to; no thread is taken for it."""
    service: Service = request.app.state.service
    return service


def token_of(request: Request) -> str:
    """Return the token that a request carries.

    Raises
    ------
    SignInError
        If it carries none, or a cookie from another site's page.
    """
    given = request.headers.get("authorization")
    if given is not None:
        scheme, _, token = given.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise SignInError("write `Authorization: Bearer TOKEN`")
        return token.strip()
    cookie = request.cookies.get(COOKIE)
    if cookie is None:
        raise SignInError("sign in at POST /v1/session, or send a key as a bearer token")
    if request.method not in _SAFE and not _same_origin(request):
        raise SignInError("this request comes from another site's page")
    return cookie


async def find_caller(request: Request) -> Caller:
    """Return who makes a request.

    Raises
    ------
    SignInError
        If nobody does that pinmark knows.
    """
    token = token_of(request)
    service: Service = request.app.state.service
    if token.startswith(SESSION_PREFIX):
        return service.sessions.find(token)
    if not token.startswith(KEY_PREFIX):
        raise SignInError("this is no token of pinmark's")
    if (known := service.keys.remembered(token)) is not None:
        return known
    found: Caller = await run_in_threadpool(service.keys.find, token)
    return found


def allow(right: Right) -> Any:
    """Return the dependency of a route that takes this right."""

    async def caller_with_right(request: Request) -> Caller:
        caller = await find_caller(request)
        caller.require(right)
        return caller

    caller_with_right.right = right  # type: ignore[attr-defined]
    return Depends(caller_with_right)


def _same_origin(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin", "")
    return origin.partition("://")[2] == request.headers.get("host", "-")


def version_of(if_match: str | None) -> int | None:
    """Read If-Match: one ETag of a mark, or ``*`` for whatever is newest.

    Raises
    ------
    NoVersionError
        If it is missing: who decides says on what.
    InputError
        If it is no ETag of a mark.
    """
    if if_match is None:
        raise NoVersionError("say on which version this was decided: If-Match with its ETag")
    if if_match.strip() == "*":
        return None
    if not (found := _ETAG.fullmatch(if_match.strip())):
        raise InputError(f"If-Match {if_match[:40]!r} is no ETag of a mark")
    return int(found[1])


ServiceOf = Annotated[Service, Depends(get_service)]
KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=KEY_PATTERN,
        description="The same key again gives the first reply again.",
    ),
]
MatchHeader = Annotated[
    str | None, Header(alias="If-Match", description="ETag of the mark this was decided on.")
]
MarkId = Annotated[str, Path(pattern=MARK_ID_PATTERN, examples=["M000001"])]
AnyId = Annotated[str, Path(pattern=r"^[0-9A-Za-z._-]{1,64}$")]
