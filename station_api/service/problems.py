"""Every error as an RFC 9457 problem.

In: exceptions. Out: ``application/problem+json`` with type, title, status, detail, instance, and
for bad input ``errors`` with a JSON pointer each. The table below is the whole mapping from
`engraver.errors` to HTTP; docs/api.md prints it.
"""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from engraver import errors
from firmware_bridge.durable import refusal
from station_api.people import NotAllowedError, SignInError, TooManyError
from station_api.people.sessions import LockedError
from station_api.records.refusals import refused_by
from station_api.service.bench import BenchBusyError

LOG = logging.getLogger("pinmark.problems")
DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
MEDIA_TYPE = "application/problem+json"
TYPE = "urn:pinmark:problem:"


class StaleError(errors.ConflictError):
    """If-Match names a version that is not the newest."""


class NoVersionError(errors.InputError):
    """A change by a person that does not say on which version it was decided."""


class BusyError(errors.PortError):
    """The engraver is marking; one pin at a time."""


class WrongPartError(errors.ConflictError):
    """The part that was scanned is not the one of the order at hand."""


class NotNowError(errors.ConflictError):
    """A pin is at work; the next order waits."""


class TooLargeError(errors.InputError):
    """A body beyond its limit."""


STATUS: dict[type[errors.PinmarkError], tuple[int, str]] = {
    LockedError: (401, "session-locked"),
    SignInError: (401, "not-signed-in"),
    NotAllowedError: (403, "not-allowed"),
    TooManyError: (429, "too-many-attempts"),
    errors.MissingError: (404, "not-found"),
    StaleError: (412, "changed-meanwhile"),
    NoVersionError: (428, "if-match-required"),
    TooLargeError: (413, "too-large"),
    BusyError: (409, "engraver-busy"),
    WrongPartError: (409, "wrong-part"),
    NotNowError: (409, "not-now"),
    errors.ConflictError: (409, "conflict"),
    errors.AlreadyMarkedError: (409, "already-marked"),
    errors.NotReleasedError: (409, "not-released"),
    errors.LeaseError: (409, "claimed-elsewhere"),
    BenchBusyError: (503, "bench-busy"),
    errors.FullDiskError: (507, "disk-full"),
    errors.StorageError: (503, "storage"),
    errors.PortError: (503, "engraver"),
    errors.InputError: (422, "bad-input"),
    errors.UnknownStateError: (409, "state-unknown"),
    errors.ProofError: (422, "does-not-hold"),
}
"""Status and last part of the problem's type, most special first."""


def install(app: FastAPI) -> None:
    """Make an app answer every error as a problem."""
    app.add_exception_handler(errors.PinmarkError, _answer_pinmark)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(sa.exc.DBAPIError, _answer_database)
    app.add_exception_handler(OSError, _answer_disk)
    app.add_exception_handler(Exception, _answer_fault)


def problem(
    status: int,
    kind: str,
    detail: str,
    instance: str = "",
    headers: Mapping[str, str] | None = None,
    found: Sequence[Mapping[str, str]] = (),
) -> Response:
    """Return a problem; ASCII only, so that no text in it can fail to be encoded."""
    body: dict[str, Any] = {
        "type": TYPE + kind,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": instance,
    }
    if found:
        body["errors"] = list(found)
    return Response(json.dumps(body).encode(), status, headers, MEDIA_TYPE)


def kind_of(error: errors.PinmarkError) -> str:
    """Return the last part of the problem's type for an error."""
    return next((kind for kind_, (_, kind) in STATUS.items() if isinstance(error, kind_)), "fault")


def of_error(error: errors.PinmarkError, instance: str) -> Response:
    """Return the problem of an error that pinmark raised on purpose."""
    status, kind = next((s for t, s in STATUS.items() if isinstance(error, t)), (500, "fault"))
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="pinmark"'
    if isinstance(error, TooManyError):
        headers["Retry-After"] = str(error.retry_after_s)
    if status == 503:
        headers["Retry-After"] = "5"
    return problem(status, kind, " ".join(str(error).split()), instance, headers)


async def _answer_pinmark(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.PinmarkError)
    return of_error(error, request.url.path)


async def _answer_database(request: Request, error: Exception) -> Response:
    """A reader that could not read: a disk that is full or gone, a database server that is away."""
    assert isinstance(error, sa.exc.DBAPIError)
    LOG.error("the records cannot be read", exc_info=error)
    return of_error(refused_by(error, "read"), request.url.path)


async def _answer_disk(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    if error.errno not in DISK_ERRORS:
        raise error
    LOG.error("a file cannot be written", exc_info=error)
    return of_error(refusal("a file of the station", error), request.url.path)


_HTTP_KINDS = {404: "not-found", 405: "wrong-method", 408: "too-slow", 413: "too-large"}


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = _HTTP_KINDS.get(error.status_code, "request")
    return problem(
        error.status_code, kind, str(error.detail), request.url.path, dict(error.headers or {})
    )


async def _answer_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # what was sent is not repeated: it may be a secret, and may be no text at all
    found = [
        {"pointer": "#/" + "/".join(map(str, one["loc"])), "detail": str(one["msg"])}
        for one in error.errors()[:20]
    ]
    detail = "; ".join(f"{one['pointer']}: {one['detail']}" for one in found[:3])
    return problem(422, "bad-input", detail, request.url.path, found=found)


async def _answer_fault(request: Request, _error: Exception) -> Response:
    said = "pinmark has a fault here; nothing more is known. The service's log has the details"
    return problem(500, "fault", said, request.url.path)
