"""Promises under hostile input: everything ends in a problem below 500, and nothing is recorded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from station_api.people import Role
from station_api.service.hardening import LARGEST_BODY_BYTES, LARGEST_SCAN_BYTES
from station_api.service.service import Service
from tests.station_api.service.conftest import bearer, is_problem

BAD_TEXTS = {
    "nul": "ZQ\u00000042",
    "lone surrogate": "ZQ\ud8000042",
    "empty": "",
    "blank": "   ",
    "full-width nothing": "\u3000",
    "right-to-left": "ZQ\u202e42",
    "zero width": "ZQ\u200b42",
    "emoji": "ZQ\U0001f52b",
    "long": "Z" * 5000,
    "sql": "'; DROP TABLE marks;--",
    "not a text": 42,
    "null": None,
    "list": ["ZQ0042"],
}


FREE = {"sql", "right-to-left", "zero width", "emoji"}
"""What a free text of one line may hold: an order's number is the plant's own."""


def test_a_bad_text_in_any_field_is_422_and_leaves_nothing(
    client: TestClient, service: Service, tokens: dict[Role, str]
) -> None:
    r"""`\u0000`, lone surrogates and the rest, in each field of an order, raw JSON."""
    order = {"order": "WO-1", "make": "EXAMPLE ARMS", "model": "MODEL 1", "serial": "ZQ0042"}
    mes = bearer(tokens[Role.STATION], Content_Type="application/json")
    client.get("/v1/orders", headers=mes)  # the key's first use is an entry
    size = service.records.size()
    for field in order:
        for name, text in BAD_TEXTS.items():
            if field == "order" and name in FREE:
                continue
            data = json.dumps({**order, field: text}).encode()
            reply = client.post("/v1/orders", content=data, headers=mes)
            assert is_problem(reply, 422), (field, name, reply.text)
    assert service.records.size() == size


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe\x00",
        b'{"order": "1"} trailing',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"make": NaN}',
        b'{"order": "W", "order": "X"}',
        b"1" * 5000,
        b'{"order":"1","make":"A","model":"M","serial":"S","extra":1}',
    ],
)
def test_a_body_that_is_no_order_is_422(
    client: TestClient, tokens: dict[Role, str], body: bytes
) -> None:
    """Broken, nested a hundred thousand deep, no UTF-8, of another shape."""
    headers = bearer(tokens[Role.STATION], Content_Type="application/json")
    reply = client.post("/v1/orders", content=body, headers=headers)
    assert is_problem(reply, 422) or is_problem(reply, 400), (reply.status_code, reply.text[:200])


def test_a_body_of_100_mb_is_413_and_is_not_read(
    client: TestClient, tokens: dict[Role, str]
) -> None:
    """Declared or streamed: refused at the limit, long before the end."""
    taken = 0

    def pieces() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(100):
            taken += 1 << 20
            yield b"x" * (1 << 20)

    mes = bearer(tokens[Role.STATION])
    declared = client.post("/v1/orders", content=b"x" * (100 << 20), headers=mes)
    assert is_problem(declared, 413)
    assert is_problem(client.post("/v1/orders", content=pieces(), headers=mes), 413)
    for path, limit in (("/v1/orders", LARGEST_BODY_BYTES), ("/v1/scans", LARGEST_SCAN_BYTES)):
        lying = {**mes, "Content-Length": str(limit + 1)}
        assert is_problem(client.post(path, content=b"", headers=lying), 413)


def test_a_scan_that_is_none_is_refused_and_not_kept(
    client: TestClient, service: Service, tokens: dict[Role, str]
) -> None:
    """Random bytes, an empty body, a zip of something else."""
    mes = bearer(tokens[Role.STATION])
    for data in (b"", b"no scan" * 1000, b"PK\x05\x06" + bytes(18)):
        assert is_problem(client.post("/v1/scans", content=data, headers=mes), 422)
    assert list(service.scans.folder.iterdir()) == []


def test_wrong_methods_and_unknown_paths_are_problems(client: TestClient) -> None:
    """405 names what is allowed; 404 is a problem too, docs included."""
    wrong = client.request("DELETE", "/v1/marks")
    assert is_problem(wrong, 405)
    assert "GET" in wrong.headers["allow"]
    for path in ("/v1", "/v1/nowhere", "/docs", "/openapi.json", "/redoc", "/v1/marks/"):
        assert is_problem(client.get(path), 404), path
    assert is_problem(client.request("PROPFIND", "/v1/marks"), 405)


@pytest.mark.parametrize("path", ["//", "///", "//v1/health", "/v1//health", "/pages//"])
def test_a_doubled_slash_is_another_path_and_names_nothing(client: TestClient, path: str) -> None:
    """As the wire carries it; a client that takes `//` for the start of a URL asks for `/`."""
    sent: list[Any] = []

    async def ask() -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode()}
        scope |= {"query_string": b"", "headers": [(b"host", b"x")], "http_version": "1.1"}
        scope |= {"scheme": "http", "server": ("x", 80), "client": ("y", 1), "root_path": ""}
        await client.app(scope, receive, send)

    asyncio.run(ask())
    assert sent[0]["status"] == 404
    assert dict(sent[0]["headers"])[b"content-type"] == b"application/problem+json"


@pytest.mark.parametrize(
    "path", ["/v1/marks/%00", "/v1/marks/%ff%fe", "/v1/marks/..%2f..", "/v1/marks/" + "M" * 5000]
)
def test_a_path_that_names_no_mark_is_below_500(
    client: TestClient, tokens: dict[Role, str], path: str
) -> None:
    """NUL, no UTF-8, dots, far too long."""
    reply = client.get(path, headers=bearer(tokens[Role.AUDITOR]))
    assert is_problem(reply, 404) or is_problem(reply, 422)


def test_headers_that_are_nonsense_are_below_500(
    client: TestClient, tokens: dict[Role, str]
) -> None:
    """If-Match, Last-Event-ID, Idempotency-Key and Authorization of any bytes."""
    boss = tokens[Role.SUPERVISOR]
    body = {"state": "scrapped", "reason": "x"}
    for value in ("x", '"x"', '"-1"', '"99999999999999999999"', '"1", "2"', "W/", "\xff"):
        headers = {**bearer(boss), "If-Match": value.encode("latin-1")}
        reply = client.post("/v1/marks/M000001/conclude", json=body, headers=headers)
        assert is_problem(reply, 422), value
    for value in (b"\xff\xfe", b"k" * 61, b"a b"):
        headers = {**bearer(boss), "Idempotency-Key": value}
        assert is_problem(client.post("/v1/claims", headers=headers), 422), value
    assert is_problem(client.get("/v1/marks", headers={"Authorization": b"Bearer \xff\xfe"}), 401)


def test_every_answer_carries_the_secure_headers(
    client: TestClient, tokens: dict[Role, str]
) -> None:
    """Problems too; no server is named."""
    for reply in (
        client.get("/v1/health"),
        client.get("/v1/nowhere"),
        client.get("/v1/marks", headers=bearer(tokens[Role.AUDITOR])),
    ):
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert "server" not in reply.headers


def test_a_fault_is_a_problem_that_tells_nothing(
    client: TestClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception nobody foresaw is 500 as a problem, without its text."""

    def fail() -> int:
        raise RuntimeError("the secret is swordfish")

    monkeypatch.setattr(service.records, "size", fail)
    reply = client.get("/v1/health")
    assert is_problem(reply, 500)
    assert "swordfish" not in reply.text
