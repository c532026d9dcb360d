"""Promises of the whole API under generated requests: never a 5xx, and described as it is."""

from __future__ import annotations

import json
from typing import Any

import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engraver.record import MarkState
from station_api.people import Role
from station_api.service.service import Service
from tests.station_api.service.conftest import bearer
from tests.station_api.service.test_marks_api import mark_in

EXAMPLES = 12
"""Requests for each operation: some seven hundred in all."""


def test_the_description_is_openapi_3_1_with_examples(client: TestClient, pinmark: Any) -> None:
    """`pinmark openapi` prints it without a service; bodies have examples; errors are problems."""
    described = json.loads(pinmark("openapi").stdout)
    assert described["openapi"].startswith("3.1")
    assert described == json.loads(json.dumps(client.app.openapi()))  # type: ignore[attr-defined]
    order = described["components"]["schemas"]["NewOrder"]
    assert order["examples"][0]["serial"] == "ZQ0042"
    start = described["paths"]["/v1/marks"]["post"]
    assert start["security"] == [{"bearer": []}]
    assert "security" not in described["paths"]["/v1/log/checkpoint"]["get"]
    assert "application/problem+json" in start["responses"]["default"]["content"]


def test_no_request_makes_a_5xx(
    client: TestClient, service: Service, tokens: dict[Role, str]
) -> None:
    """Schemathesis over every operation, each as a role that may do it."""
    for n, state in enumerate((MarkState.UNKNOWN, MarkState.REJECTED, MarkState.VERIFIED)):
        mark_in(service, state, n)
    schema = schemathesis.openapi.from_asgi("/openapi.json", _described(client))
    faults = []
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path.endswith("/events"):
            continue  # endless when it is let in; test_live.py opens it
        role = _role(operation.method, operation.path)

        for request in _requests(operation, tokens[role]):
            reply = client.request(**request)
            # 503: no engraver is connected, and the service says so
            if reply.status_code >= 500 and reply.status_code != 503:
                faults.append((request, reply.text))
        tokens[Role.ADMINISTRATOR] = _fresh(service)
    assert faults == []


def _requests(operation: Any, token: str) -> list[dict[str, Any]]:
    """Generate requests for an operation, with a token, some about a mark that exists."""
    found = []

    @given(case=operation.as_strategy(), mark_id=st.sampled_from(["M000001", "M000002", None]))
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    def generate(case: Any, mark_id: str | None) -> None:
        if mark_id and "mark_id" in case.path_parameters:
            case.path_parameters["mark_id"] = mark_id
        case.headers.update(bearer(token))
        keywords = case.as_transport_kwargs(base_url="http://testserver")
        found.append({k: v for k, v in keywords.items() if k != "verify"})

    generate()
    return found


def _fresh(service: Service) -> str:
    # generated requests may sign out, lock, or disable whoever sends them
    return service.sessions.open(service.people.get("administrator one").caller())


def _role(method: str, path: str) -> Role:
    if path.startswith(("/v1/people", "/v1/keys", "/v1/webhooks", "/v1/session")):
        return Role.ADMINISTRATOR
    return Role.ENGINEER


def _described(client: TestClient) -> Any:
    """An application that serves the description of the one under test."""
    from fastapi import FastAPI

    app = FastAPI(openapi_url=None)
    app.get("/openapi.json")(lambda: client.app.openapi())  # type: ignore[attr-defined]
    return app
