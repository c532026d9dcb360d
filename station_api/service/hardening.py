"""What stands before every route: sizes, slow clients, headers. Pure ASGI.

In: ASGI events. Out: the same, bounded. A body beyond its limit is 413, one that trickles is
408, and a reader that does not read is cut off. Starlette's BaseHTTPMiddleware is not used: under
it a server-sent event stream does not learn that its client has gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from station_api.service.problems import problem

Message = MutableMapping[str, Any]

LARGEST_BODY_BYTES = 1 << 20
LARGEST_BATCH_BYTES = 8 << 20
LARGEST_SCAN_BYTES = 64 << 20
BODY_PAUSE_S = 10.0
"""Longest pause between two pieces of a body."""

BODY_BYTES_S = 16 * 1024
"""Slowest body, on average, once the first pause is over: a link of 128 kbit/s."""

WRITE_S = 30.0
"""Longest time a reader may leave a streamed piece unread."""

HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")


_CLOSE = {"Connection": "close"}


class _BodyRefused(HTTPException):
    """A body that is not read to its end; of the one kind that FastAPI lets through."""


def limit_of(path: str) -> int:
    """Return how many bytes a request to ``path`` may carry."""
    if path in ("/v1/scans", "/v1/trace/scans"):
        return LARGEST_SCAN_BYTES
    return LARGEST_BATCH_BYTES if path == "/v1/orders/batch" else LARGEST_BODY_BYTES


@dataclass(slots=True)
class Hardening:
    """The outermost ASGI layer."""

    app: ASGIApp
    tls: bool = False
    pause_s: float = BODY_PAUSE_S
    write_s: float = WRITE_S

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_safely(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                self._add_headers(message)
            if message.get("more_body"):
                await asyncio.wait_for(send(message), self.write_s)
            else:
                await send(message)

        limit = limit_of(scope["path"])
        try:
            if _declared(scope) > limit:
                raise _too_large(limit)
            body = self._bounded(receive, limit) if _has_body(scope) else receive
            await self.app(scope, body, send_safely)
        except _BodyRefused as error:
            if not started:
                kind = "too-large" if error.status_code == 413 else "too-slow"
                answer = problem(
                    error.status_code, kind, error.detail, scope["path"], error.headers
                )
                await answer(scope, receive, send_safely)

    def _bounded(self, receive: Receive, limit: int) -> Callable[[], Awaitable[Message]]:
        read, begun, whole = 0, asyncio.get_running_loop().time(), False

        async def receive_bounded() -> Message:
            nonlocal read, whole
            if whole:  # after the body comes only the news that the client has gone
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), self.pause_s)
            except TimeoutError:
                raise _too_slow() from None
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                whole = not message.get("more_body", False)
                taken_s = asyncio.get_running_loop().time() - begun
                if read > limit:
                    raise _too_large(limit)
                if not whole and taken_s > self.pause_s + read / BODY_BYTES_S:
                    raise _too_slow()
            return message

        return receive_bounded

    def _add_headers(self, message: Message) -> None:
        present = {name for name, _ in message.get("headers", ())}
        own = (*HEADERS, STRICT_TRANSPORT) if self.tls else HEADERS
        added = [pair for pair in own if pair[0] not in present]
        message["headers"] = [*message.get("headers", ()), *added]


def _too_large(limit: int) -> _BodyRefused:
    return _BodyRefused(413, f"the body has more than {limit} bytes", _CLOSE)


def _too_slow() -> _BodyRefused:
    return _BodyRefused(408, "the body came too slowly", _CLOSE)


def _has_body(scope: Scope) -> bool:
    names = {name for name, _ in scope["headers"]}
    return b"content-length" in names or b"transfer-encoding" in names


def _declared(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
