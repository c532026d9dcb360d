"""Promises of a running service: live events, slow clients, webhooks, a pin over HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from engraver.record import MarkState
from station_api.app import make_app
from station_api.people import Role
from station_api.service import hardening, server
from station_api.service.service import Service
from tests.conftest import engraver_process, wait_until
from tests.station_api.service.conftest import bearer
from tests.station_api.service.test_marks_api import mark_in

WAIT_S = 60.0


@contextmanager
def running(service: Service) -> Iterator[int]:
    """Serve on a free port; yield it."""
    listener = server.listen("127.0.0.1", 0, tls=False, plain=False)
    made = server.make_server(make_app(service))
    thread = threading.Thread(target=made.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        wait_until(lambda: made.started or not thread.is_alive(), WAIT_S)
        yield listener.getsockname()[1]
    finally:
        made.should_exit = True
        thread.join()
        listener.close()


def ask(
    port: int, method: str, path: str, headers: dict[str, str], body: Any = None
) -> tuple[int, Any]:
    """Send one request; return status and JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body)
    connection.request(method, path, data, {"Content-Type": "application/json", **headers})
    reply = connection.getresponse()
    text = reply.read()
    connection.close()
    return reply.status, json.loads(text) if text else None


@contextmanager
def listening(port: int, path: str, headers: dict[str, str]) -> Iterator[Iterator[dict[str, Any]]]:
    """Open an event stream; yield its events as dicts of id, event, data."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    connection.request("GET", path, headers=headers)
    reply = connection.getresponse()
    assert reply.headers["content-type"].startswith("text/event-stream"), reply.read()

    def events() -> Iterator[dict[str, Any]]:
        found: dict[str, Any] = {}
        while line := reply.readline():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name in ("id", "event", "data"):
                found[name] = json.loads(value) if name == "data" else value
            elif not name and "data" in found:
                yield found
                found = {}

    try:
        yield events()
    finally:
        if reply.fp is not None:
            reply.close()
        connection.close()


def test_events_resume_where_the_last_id_says(service: Service, tokens: dict[Role, str]) -> None:
    """Live transitions have the log's position as id; with Last-Event-ID nothing is missed."""
    reader = bearer(tokens[Role.AUDITOR])
    with running(service) as port:
        with listening(port, "/v1/events", reader) as events:
            mark_id = mark_in(service, MarkState.VERIFIED)
            seen = [next(events) for _ in range(4)]
        states = [one["data"]["to_state"] for one in seen]
        assert states == ["intended", "marking", "marked", "verified"]
        positions = [step["position"] for step in service.records.history(mark_id)]
        assert [int(one["id"]) for one in seen] == positions
        again = {**reader, "Last-Event-ID": seen[1]["id"]}
        with listening(port, f"/v1/marks/{mark_id}/events", again) as events:
            assert [next(events)["data"]["to_state"] for _ in range(2)] == states[2:]
        wait_until(lambda: service.live.listeners() == 0, WAIT_S)


def test_a_pin_is_marked_over_http(
    service: Service, tokens: dict[Role, str], tmp_path: Path
) -> None:
    """Order, job, live steps, marked in the operator's name, scan uploaded, verified."""
    mes, operator = bearer(tokens[Role.STATION]), bearer(tokens[Role.OPERATOR])
    order = {"order": "WO-1", "make": "EXAMPLE ARMS", "model": "MODEL 1", "serial": "ZQ0042"}
    with (
        engraver_process(tmp_path / "engraver", "--speed", "max") as pty,
        running(service) as port,
    ):
        assert ask(port, "POST", "/v1/marks", operator, {"order": order})[0] == 503
        service.runner.port = str(pty)
        assert ask(port, "POST", "/v1/orders", mes, order)[0] == 201
        refused, problem = ask(port, "POST", "/v1/marks", operator, {"order_id": "WO-1"})
        assert (refused, problem["type"]) == (409, "urn:pinmark:problem:claimed-elsewhere")
        assert ask(port, "POST", "/v1/claims", operator)[0] == 201
        with listening(port, "/v1/events", operator) as events:
            key = {**operator, "Idempotency-Key": "start-1"}
            status, job = ask(port, "POST", "/v1/marks", key, {"order_id": "WO-1"})
            assert (status, job["state"]) == (202, "running")
            assert ask(port, "POST", "/v1/marks", key, {"order_id": "WO-1"})[1] == job
            other = {**order, "serial": "ZQ0043"}
            assert ask(port, "POST", "/v1/marks", operator, {"order": other})[0] == 409
            seen = []
            for event in events:
                seen.append(event)
                if event["event"] == "job":
                    break
        assert seen[-1]["data"]["state"] == "done", seen[-1]
        assert {"step", "progress"} <= {event["event"] for event in seen}
        mark_id = seen[-1]["data"]["mark_id"]
        shown = ask(port, "GET", f"/v1/marks/{mark_id}", operator)[1]
        assert shown["mark"]["state"] == "marked"
        assert shown["mark"]["fence"] == 1
        assert [one["actor"] for one in shown["history"]][:2] == ["operator one"] * 2
        scan = tmp_path / "engraver" / "pin.x3p"
        wait_until(scan.exists, WAIT_S)
        status, kept = ask(port, "POST", "/v1/scans", operator, scan.read_bytes())
        assert (status, kept["scan_id"]) == (201, hashlib.sha256(scan.read_bytes()).hexdigest())
        inspect = f"/v1/marks/{mark_id}/inspect"
        status, verdict = ask(port, "POST", inspect, operator, {"scan_id": kept["scan_id"]})
        assert (status, verdict["mark"]["state"]) == (200, "verified")
        assert verdict["transition"]["actor"] == "operator one"
        assert ask(port, "GET", "/v1/orders/WO-1", mes)[1]["state"] == "done"


def test_slow_clients_are_let_go(
    service: Service, tokens: dict[Role, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headers that never end, a body that stops: the connection is closed, others are served."""
    monkeypatch.setattr(server, "HEADERS_S", 0.3)
    app = make_app(service)
    for layer in app.user_middleware:
        if layer.cls is hardening.Hardening:
            layer.kwargs["pause_s"] = 0.3
    monkeypatch.setattr("tests.station_api.service.test_live.make_app", lambda _service: app)
    token = tokens[Role.STATION]
    with running(service) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as silent:
            with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as dribbling:
                dribbling.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\nX-Slow: ")
                assert ask(port, "GET", "/v1/health", {})[0] == 200
                assert dribbling.recv(1000) == b""
            assert silent.recv(1000) == b""
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as half:
            half.sendall(
                b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Authorization: Bearer " + token.encode() + b"\r\nContent-Length: 100\r\n\r\n{"
            )
            answer = half.recv(10_000)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"application/problem+json" in answer


class Receiver(BaseHTTPRequestHandler):
    """A webhook's other end: fails as often as told, then takes."""

    taken: list[tuple[dict[str, str], bytes]]
    failing: int

    def do_POST(self) -> None:
        kind = type(self)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kind.failing -= 1
        if kind.failing < 0:
            kind.taken.append((dict(self.headers), body))
        self.send_response(500 if kind.failing >= 0 else 204)
        self.end_headers()

    def log_message(self, format: str, *words: Any) -> None:
        """Say nothing."""


def test_webhooks_retry_in_order_and_resume_after_a_restart(
    service: Service, tokens: dict[Role, str]
) -> None:
    """Each transition once taken, in order, signed; what was missed comes after the next start."""
    Receiver.taken, Receiver.failing = [], 2
    receiver = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever).start()
    service.webhooks.first_pause_s = 0.01
    admin = bearer(tokens[Role.ADMINISTRATOR])
    url = f"http://127.0.0.1:{receiver.server_port}/hook"
    try:
        with running(service) as port:
            for bad in ("http://example.com/", "https://u:p@example.com/", "ftp://x/", "https://"):
                assert ask(port, "POST", "/v1/webhooks", admin, {"url": bad})[0] == 422, bad
            status, made = ask(port, "POST", "/v1/webhooks", admin, {"url": url})
            assert status == 201
            mark_in(service, MarkState.VERIFIED)
            wait_until(lambda: len(Receiver.taken) == 4, WAIT_S)
        mark_in(service, MarkState.UNKNOWN, 43)
        assert len(Receiver.taken) == 4
        from station_api.service.webhooks import Webhooks

        resumed = Webhooks(service.records, first_pause_s=0.01)
        resumed.start()
        wait_until(lambda: len(Receiver.taken) == 7, WAIT_S)
        resumed.stop()
    finally:
        receiver.shutdown()
        receiver.server_close()
    secret = base64.b64decode(made["secret"].removeprefix("whsec_"))
    states = []
    for headers, body in Receiver.taken:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
        assert headers["webhook-signature"] == f"v1,{digest}"
        states.append(json.loads(body)["data"]["to_state"])
    assert states == ["intended", "marking", "marked", "verified", "intended", "marking", "unknown"]


def test_passwords_do_not_cross_a_network_in_the_clear(pinmark: Any) -> None:
    """A host that others can reach takes TLS, or the word that something else encrypts."""
    refused = pinmark("serve", "--host", "0.0.0.0", "--port", "0")
    assert refused.returncode == 2
    assert "--tls-cert" in refused.stderr
    half = pinmark("serve", "--tls-cert", "x.pem")
    assert half.returncode == 2
