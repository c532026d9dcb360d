"""The HTTP service: everything under /v1, and the pages, for one station.

In: requests. Out: JSON, signed notes, tiles, event streams, pages; an error is an RFC 9457 problem.
`make_app` puts the layers together: hardening outside, then problems, callers, routes. The
description (OpenAPI 3.1) is served only where `docs` is set; `pinmark openapi` prints it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from station_api.pages.serving import add_pages
from station_api.routes import (
    bench,
    casings,
    floor,
    history,
    kept_scans,
    log,
    mark_corrections,
    marks,
    orders,
    panel,
    papers,
    people,
    releases,
    session,
    shelf,
    trace,
    upkeep,
    witness,
)
from station_api.service.bodies import Problem
from station_api.service.counting import Counting
from station_api.service.hardening import Hardening
from station_api.service.problems import MEDIA_TYPE, install
from station_api.service.replies_shown import add_examples, name_other_kinds
from station_api.service.service import Service

ROUTERS = (
    session.router,
    people.router,
    orders.router,
    marks.router,
    floor.router,
    shelf.router,
    kept_scans.router,
    log.router,
    history.router,
    mark_corrections.router,
    papers.router,
    upkeep.router,
    casings.router,
    bench.router,
    releases.router,
    panel.router,
    trace.router,
    witness.router,
)
OPEN_ROUTES = frozenset(
    {
        "/v1/health",
        "/v1/log/checkpoint",
        "/v1/log/key",
        "/v1/log/add-checkpoint",
        "/v1/log/witness-key",
        "/v1/log/tile/{path}",
        "/v1/session",
    }
)
"""Routes that take no sign-in (of /v1/session only POST)."""


def make_app(service: Service | None, *, docs: bool = False, tls: bool = False) -> FastAPI:
    """Return the service's application; without a service it can only describe itself."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if service is not None:
            service.webhooks.start()
            service.follower.start()
            service.circulation.start()
            if service.plant is not None:
                service.plant.start()
            await run_in_threadpool(service.replies.forget_old)
            await run_in_threadpool(service.upkeep.tidy)
            service.pulse.start()
        try:
            yield
        finally:
            if service is not None:
                await service.pulse.stop()
                await run_in_threadpool(service.close)

    app = FastAPI(
        title="pinmark",
        version="1",
        description="Work orders, marks and proofs of a firing-pin marking station.",
        lifespan=lifespan,
        docs_url="/docs" if docs else None,
        redoc_url=None,
        openapi_url="/openapi.json" if docs else None,
        redirect_slashes=False,
        responses={"default": {"model": Problem, "content": {MEDIA_TYPE: {}}}},
    )
    app.state.service = service
    for router in ROUTERS:
        app.include_router(router, prefix="/v1")
    add_pages(app)
    install(app)
    if service is not None:
        app.add_middleware(Counting, metrics=service.metrics)
    app.add_middleware(Hardening, tls=tls)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return app


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI 3.1 description, with how to sign in."""
    if app.openapi_schema is None:
        schema = FastAPI.openapi(app)
        schema["components"]["securitySchemes"] = {
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "The token of POST /v1/session, or a machine's key.",
            }
        }
        for path, methods in schema["paths"].items():
            for method, operation in methods.items():
                if path not in OPEN_ROUTES or (path, method) in _SIGNED_IN:
                    operation["security"] = [{"bearer": []}]
        name_other_kinds(schema)
        add_examples(schema)
        app.openapi_schema = schema
    return app.openapi_schema


_SIGNED_IN = {("/v1/session", "get"), ("/v1/session", "delete")}
