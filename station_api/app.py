"""The HTTP service: the station's records, read-only, on this machine.

In: requests under ``/v1``. Out: JSON; errors as RFC 9457 problems. It marks nothing: marking is
`pinmark mark` until people can sign in here.
"""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from engraver.errors import PinmarkError
from station_api.routes import marks

PROBLEM = "application/problem+json"


def make_app() -> FastAPI:
    """Return the service; the station is opened afresh for each request."""
    app = FastAPI(title="pinmark", description="Records of a firing-pin marking station.")
    app.include_router(marks.router, prefix="/v1")
    app.add_exception_handler(PinmarkError, problem)
    return app


def problem(request: Request, error: Exception) -> JSONResponse:
    """Answer a `PinmarkError` as an RFC 9457 problem."""
    status = 404 if isinstance(error, marks.NoSuchMark) else 400
    body = {"type": "about:blank", "title": type(error).__name__, "status": status}
    return JSONResponse(
        {**body, "detail": str(error), "instance": request.url.path}, status, media_type=PROBLEM
    )
