"""Promises of the roles: every route against every role, and nobody through the door unseen."""

from __future__ import annotations

from fastapi.testclient import TestClient

from station_api.people import RIGHTS, Right, Role
from station_api.service.service import Service
from tests.station_api.service.conftest import bearer, is_problem

OPEN = {
    ("GET", "/v1/health"),
    ("GET", "/v1/log/checkpoint"),
    ("GET", "/v1/log/key"),
    ("GET", "/v1/log/witness-key"),
    ("POST", "/v1/log/add-checkpoint"),
    ("GET", "/v1/log/tile/{path}"),
    ("POST", "/v1/session"),
}
OWN_SESSION = {
    ("GET", "/v1/session"),
    ("DELETE", "/v1/session"),
    ("POST", "/v1/session/lock"),
    ("POST", "/v1/session/unlock"),
    ("PUT", "/v1/session/secret"),
}
F = "station operator supervisor engineer"
TABLE = {
    "GET /v1/people": "administrator",
    "POST /v1/people": "administrator",
    "POST /v1/people/{name}/disable": "administrator",
    "POST /v1/people/{name}/enable": "administrator",
    "PUT /v1/people/{name}/secret": "administrator",
    "GET /v1/keys": "administrator",
    "POST /v1/keys": "administrator",
    "POST /v1/keys/{key_id}/revoke": "administrator",
    "GET /v1/approvals": "supervisor engineer",
    "POST /v1/approvals/{approval_id}/approve": "supervisor engineer",
    "POST /v1/approvals/{approval_id}/refuse": "supervisor engineer",
    "GET /v1/orders": f"{F} auditor",
    "POST /v1/orders": "station supervisor engineer",
    "POST /v1/orders/batch": "station supervisor engineer",
    "GET /v1/orders/{order_id}": f"{F} auditor",
    "POST /v1/orders/{order_id}/cancel": "station supervisor engineer",
    "POST /v1/claims": F,
    "GET /v1/marks": f"{F} auditor tracer",
    "POST /v1/marks": F,
    "GET /v1/floor": F,
    "POST /v1/floor/choose": F,
    "POST /v1/floor/scanned": F,
    "POST /v1/floor/confirm": F,
    "POST /v1/floor/clear": F,
    "GET /v1/controller": F,
    "GET /v1/jobs": f"{F} auditor tracer",
    "GET /v1/scan-folder": f"{F} auditor tracer",
    "POST /v1/kept-scans/{scan_id}/reading": F,
    "POST /v1/kept-scans/{scan_id}/give": F,
    "POST /v1/kept-scans/{scan_id}/discard": "supervisor engineer",
    "POST /v1/jobs/{job_id}/hold": F,
    "POST /v1/jobs/{job_id}/resume": F,
    "POST /v1/jobs/{job_id}/abort": F,
    "POST /v1/marks/{mark_id}/collect-scan": F,
    "GET /v1/orders/{order_id}/plan": f"{F} auditor",
    "POST /v1/approvals/{approval_id}/countersign": "operator supervisor engineer",
    "GET /v1/jobs/{job_id}": f"{F} auditor tracer",
    "GET /v1/jobs/{job_id}/events": f"{F} auditor tracer",
    "GET /v1/events": f"{F} auditor tracer administrator",
    "GET /v1/marks/{mark_id}": f"{F} auditor tracer",
    "GET /v1/marks/{mark_id}/events": f"{F} auditor tracer",
    "POST /v1/marks/{mark_id}/conclude": "supervisor engineer",
    "POST /v1/marks/{mark_id}/scrap": "supervisor engineer",
    "POST /v1/marks/{mark_id}/inspect": F,
    "POST /v1/marks/{mark_id}/re-mark": "operator supervisor engineer",
    "GET /v1/marks/{mark_id}/corrections": f"{F} auditor tracer",
    "POST /v1/marks/{mark_id}/corrections": "supervisor engineer",
    "POST /v1/scans": F,
    "GET /v1/scans": f"{F} auditor tracer",
    "GET /v1/scans/{scan_id}": f"{F} auditor tracer",
    "GET /v1/scans/{scan_id}/file": f"{F} auditor tracer",
    "GET /v1/profiles": f"{F} auditor tracer",
    "GET /v1/profiles/{kind}/{name}/{version}": f"{F} auditor tracer",
    "POST /v1/profiles/{kind}/{name}": "engineer",
    "POST /v1/profiles/{kind}/{name}/{version}/release": "engineer",
    "POST /v1/profiles/{kind}/{name}/{version}/withdraw": "engineer",
    "GET /v1/profiles/{kind}/{name}/{version}/difference": f"{F} auditor tracer",
    "GET /v1/releases": f"{F} auditor tracer",
    "POST /v1/releases": "engineer",
    "POST /v1/releases/{name}/withdraw": "engineer",
    "POST /v1/plans": "engineer",
    "POST /v1/coupons": "engineer",
    "POST /v1/scans/{scan_id}/maps": "engineer",
    "POST /v1/scans/{scan_id}/report": "engineer",
    "POST /v1/gauge-studies": "engineer",
    "POST /v1/coupon-fits": "engineer",
    "POST /v1/predictions": "engineer",
    "GET /v1/charts": "supervisor engineer auditor",
    "GET /v1/capability": "supervisor engineer auditor",
    "GET /v1/panel": f"{F} auditor tracer",
    "GET /v1/panel/changes": f"{F} auditor tracer",
    "POST /v1/panel/press": F,
    "POST /v1/panel/reset": "supervisor engineer",
    "GET /v1/registry": f"{F} auditor tracer",
    "GET /v1/metrics": "station engineer auditor administrator",
    "GET /v1/log/proofs/{position}": f"{F} auditor tracer",
    "GET /v1/log/records/{position}": "supervisor engineer auditor",
    "GET /v1/log/entries": "supervisor engineer auditor",
    "GET /v1/log/checkpoints": f"{F} auditor tracer",
    "GET /v1/log/consistency": f"{F} auditor tracer",
    "GET /v1/log/witnessed": f"{F} auditor tracer",
    "GET /v1/log/witnesses": f"{F} auditor tracer",
    "GET /v1/papers/audit": "supervisor engineer auditor tracer",
    "GET /v1/papers/audit.csv": "supervisor engineer auditor tracer",
    "GET /v1/papers/audit.pdf": "supervisor engineer auditor tracer",
    "GET /v1/papers/lines": "supervisor engineer auditor tracer",
    "GET /v1/papers/lines/{line}": "supervisor engineer auditor tracer",
    "POST /v1/papers/entries": "station supervisor engineer",
    "POST /v1/papers/lines/{line}/disposition": "station supervisor engineer",
    "GET /v1/papers/unentered": "supervisor engineer auditor tracer",
    "GET /v1/papers/book.pdf": "supervisor engineer auditor tracer",
    "GET /v1/papers/book.csv": "supervisor engineer auditor tracer",
    "GET /v1/papers/checklist": "supervisor engineer auditor tracer",
    "GET /v1/papers/epcis": "supervisor engineer auditor tracer",
    "GET /v1/corrections": "supervisor engineer auditor tracer",
    "POST /v1/corrections": "supervisor engineer",
    "GET /v1/doctor": "engineer auditor administrator",
    "GET /v1/backups": "engineer auditor administrator",
    "POST /v1/backups": "administrator",
    "GET /v1/support-bundle": "administrator",
    "GET /v1/casings": "tracer",
    "POST /v1/casings": "tracer",
    "GET /v1/casings/entries": "auditor tracer",
    "GET /v1/casings/graph": "tracer",
    "GET /v1/casings/graph.graphml": "tracer",
    "GET /v1/casings/graph.csv": "tracer",
    "GET /v1/casings/{casing_id}": "tracer",
    "POST /v1/casings/{casing_id}/withdraw": "tracer",
    "GET /v1/trace/requests": "auditor tracer",
    "POST /v1/trace/requests": "tracer",
    "GET /v1/trace/requests/{request_id}": "auditor tracer",
    "POST /v1/trace/requests/{request_id}/answer": "tracer",
    "POST /v1/trace/requests/{request_id}/withdraw": "tracer",
    "POST /v1/trace/search": "auditor tracer",
    "POST /v1/trace/scans": "tracer",
    "GET /v1/trace/queries": "auditor tracer",
    "GET /v1/trace/queries/{query_id}": "auditor tracer",
    "GET /v1/trace/queries/{query_id}/sheet.pdf": "auditor tracer",
    "GET /v1/webhooks": "administrator engineer",
    "POST /v1/webhooks": "administrator engineer",
    "POST /v1/webhooks/{hook_id}/remove": "administrator engineer",
}
"""Who gets past the door of each route; written out by hand, not derived from the code."""


def test_the_table_names_every_route(client: TestClient) -> None:
    """A route that nobody put into the table does not exist."""
    described = client.app.openapi()["paths"]  # type: ignore[attr-defined]
    served = {(m.upper(), path) for path, methods in described.items() for m in methods}
    named = {tuple(line.split(" ", 1)) for line in TABLE}
    assert served == named | OPEN | OWN_SESSION


def test_every_route_against_every_role(
    client: TestClient, tokens: dict[Role, str], service: Service
) -> None:
    """Refused with 403 where the table says so, and with nothing else; let in everywhere else."""
    wrong = []
    for line, allowed in TABLE.items():
        method, path = line.split(" ", 1)
        for role in Role:
            if role in allowed.split() and path.endswith("events"):
                continue  # an endless stream; test_live.py opens it
            token = tokens[role]
            reply = client.request(method, _filled(path), headers=bearer(token))
            if (reply.status_code == 403) == (role in allowed.split()):
                wrong.append((line, role, reply.status_code))
            assert reply.status_code < 500 or reply.status_code == 503, (line, role, reply.text)
    assert wrong == []


def test_without_a_way_in_every_route_is_401(client: TestClient) -> None:
    """No token, a forged one, one of the wrong shape: 401 with a challenge, a problem each time."""
    forged = [
        {},
        bearer("pms_" + "A" * 43),
        bearer("pmk_" + "A" * 43),
        bearer("nonsense"),
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer"},
        {"Cookie": "pinmark_session=pms_x"},
    ]
    for line in [*TABLE, *(f"{m} {p}" for m, p in OWN_SESSION)]:
        method, path = line.split(" ", 1)
        body = {"secret": "x", "old": "x", "new": "x"}
        if path in ("/v1/session/unlock", "/v1/session/secret"):
            body = {k: v for k, v in body.items() if (k == "secret") == path.endswith("unlock")}
        for headers in forged:
            reply = client.request(method, _filled(path), headers=headers, json=body)
            assert is_problem(reply, 401), (line, headers, reply.text)
            assert reply.headers["www-authenticate"].startswith("Bearer")


def test_an_administrator_can_do_nothing_to_a_pin() -> None:
    """Who hands out the ways in has no right that touches orders, marks, scans or profiles."""
    held = {right for right, roles in RIGHTS.items() if Role.ADMINISTRATOR in roles}
    ways_in = {Right.FOLLOW, Right.MANAGE_PEOPLE, Right.MANAGE_HOOKS, Right.READ_METRICS}
    assert held == ways_in | {Right.READ_UPKEEP, Right.MANAGE_UPKEEP}


def _filled(path: str) -> str:
    values = {
        "name": "default",
        "version": "1",
        "kind": "recipes",
        "scan_id": "0" * 64,
        "position": "0",
    }
    for part in path.split("/"):
        if part.startswith("{"):
            path = path.replace(part, values.get(part[1:-1], "X1"))
    return path
