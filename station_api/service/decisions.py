"""The route of a transition that a person decides on: fewer steps to the same answer.

In: a request. Out: what the endpoint answers, given a mark's id, a body, and a `Decision`. FastAPI
describes such a route by the endpoint's signature like every other, and matches it; only
resolving the parameters is done here, by name, for a third of a request's time, and what keeps
dependencies with a clean-up is left out, as there are none. What is raised is answered by the
application's own handlers. Whoever may not call is turned away before the body is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.types import Receive, Scope, Send

from station_api.people import Caller, NotAllowedError, Right
from station_api.service.callers import (
    KEY_PATTERN,
    MARK_ID_PATTERN,
    KeyHeader,
    MatchHeader,
    find_caller,
    version_of,
)
from station_api.service.service import Service

_KEY = re.compile(KEY_PATTERN)
_MARK_ID = re.compile(MARK_ID_PATTERN)
_JSON = re.compile(r"application/(?:[^;\s]+\+)?json\s*(?:;|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decides about a mark, at which service, on which version of it, under which key."""

    service: Service
    caller: Caller
    version: int | None
    key: str | None


def _decision(key: KeyHeader = None, if_match: MatchHeader = None) -> None:
    """Describe the headers of a decision; `DecisionRoute` reads them."""


Decided = Annotated[Decision, Depends(_decision)]


class DecisionRoute(APIRoute):
    """A route whose endpoint takes ``mark_id``, ``body`` and ``by``, a `Decision`."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._answer = self.get_route_handler()

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that this route was chosen for."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        response = await self._answer(Request(scope, receive, send))
        await response(scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        endpoint: Any = self.endpoint
        model: type[BaseModel] = endpoint.body
        right: Right = endpoint.right

        async def handle(request: Request) -> Response:
            caller = await find_caller(request)
            caller.require(right)
            if caller.is_machine:
                raise NotAllowedError(
                    f"{caller.name} is a machine; a person has to look at the pin"
                )
            mark_id = _matching(_MARK_ID, request.path_params["mark_id"], ("path", "mark_id"))
            key = request.headers.get("idempotency-key")
            if key is not None:
                _matching(_KEY, key, ("header", "Idempotency-Key"))
            body = _read(model, request.headers.get("content-type", ""), await request.body())
            version = version_of(request.headers.get("if-match"))
            by = Decision(request.app.state.service, caller, version, key)
            answer: Response = await endpoint(mark_id=mark_id, body=body, by=by)
            return answer

        return handle


def decides(right: Right, body: type[BaseModel]) -> Callable[[Any], Any]:
    """Say what an endpoint of a `DecisionRoute` takes: a right, and a body."""

    def told(endpoint: Any) -> Any:
        endpoint.right, endpoint.body = right, body
        return endpoint

    return told


def _read(model: type[BaseModel], content_type: str, data: bytes) -> BaseModel:
    if not _JSON.match(content_type):
        raise _refused(("header", "Content-Type"), "a body is application/json")
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        found = [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False)]
        raise RequestValidationError(found) from error


def _matching(pattern: re.Pattern[str], text: str, where: tuple[str, str]) -> str:
    if not pattern.fullmatch(text):
        raise _refused(where, f"does not match {pattern.pattern}")
    return text


def _refused(where: tuple[str, str], said: str) -> RequestValidationError:
    return RequestValidationError([{"type": "value_error", "loc": where, "msg": said}])
