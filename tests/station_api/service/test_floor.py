"""Promises of the floor: one step after the other, two screens, what testifies, who may agree."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from engraver.record import MarkIntent, MarkState
from station_api import kept, samples
from station_api.people import Role
from station_api.records.orders import Orders
from station_api.schemas import order_from
from station_api.service.plans import MAGIC
from station_api.service.service import Service
from tests.station_api.service.conftest import PASSWORD, bearer, is_problem

ORDER = "WO-1001"


@pytest.fixture
def order(service: Service) -> str:
    Orders(service.records).offer(order_from(samples.order_fields(), "of the test"))
    return ORDER


@pytest.fixture
def operator(tokens: dict[Role, str]) -> dict[str, str]:
    return bearer(tokens[Role.OPERATOR], If_Match="*")


def choose(client: TestClient, operator: dict[str, str], order: str = ORDER) -> Any:
    return client.post("/v1/floor/choose", headers=operator, json={"order_id": order})


def test_steps_come_one_after_the_other(
    client: TestClient, service: Service, order: str, operator: dict[str, str]
) -> None:
    """Part, blank, loaded, closed; none is skipped, none twice, and each names who said so."""
    assert choose(client, operator).status_code == 200
    assert client.get("/v1/floor", headers=operator).json()["order"]["state"] == "claimed"
    for wrong in ("blank", "closed"):
        reply = client.post("/v1/floor/confirm", headers=operator, json={"step": wrong})
        assert is_problem(reply, 409)
    for step in ("part", "blank", "loaded", "closed"):
        reply = client.post("/v1/floor/confirm", headers=operator, json={"step": step})
        assert reply.status_code == 200
        again = client.post("/v1/floor/confirm", headers=operator, json={"step": step})
        assert is_problem(again, 409)
    state = client.get("/v1/floor", headers=operator).json()
    assert (state["step"], state["changed_by"]) == ("closed", "operator one")
    assert state["order"]["code"] == "WT37AHG3P1Y5"
    assert kept.check(service.records) == []


def test_of_two_screens_the_second_is_told_to_look_again(
    client: TestClient, order: str, operator: dict[str, str]
) -> None:
    """A press decided on an older version changes nothing; without a version it is refused."""
    seen = client.get("/v1/floor", headers=operator)
    fresh = {**operator, "If-Match": seen.headers["etag"]}
    assert choose(client, fresh).status_code == 200
    assert is_problem(choose(client, fresh), 412)
    nothing = {name: value for name, value in operator.items() if name != "If-Match"}
    assert is_problem(client.post("/v1/floor/clear", headers=nothing), 428)


def test_an_order_that_is_done_or_unknown_is_not_taken_in_hand(
    client: TestClient, service: Service, order: str, operator: dict[str, str]
) -> None:
    """404 for a number nobody entered, 409 for an order that was cancelled."""
    assert is_problem(choose(client, operator, "WO-NONE"), 404)
    Orders(service.records).cancel(order)
    assert is_problem(choose(client, operator), 409)
    assert client.get("/v1/floor", headers=operator).json()["order"] is None


def test_the_row_at_hand_testifies(
    client: TestClient, service: Service, order: str, operator: dict[str, str]
) -> None:
    """Somebody who changes the row behind the service's back is found by the check."""
    choose(client, operator)
    with service.records.database.reading.connect() as connection:
        assert connection.exec_driver_sql("select count(*) from at_hand").scalar() == 1
    service.records.writer.run(
        lambda c: c.exec_driver_sql("update at_hand set changed_by = 'nobody'")
    )
    assert [one.column for one in kept.check(service.records)] == ["changed_by"]


def test_a_plan_comes_as_arrays_that_say_what_they_are(
    client: TestClient, order: str, operator: dict[str, str]
) -> None:
    """Magic, head, arrays: the vertices, kinds and strokes of the toolpath, on its grid."""
    data = client.get(f"/v1/orders/{order}/plan", headers=operator).content
    (size,) = struct.unpack("<I", data[4:8])
    head = json.loads(data[8 : 8 + size])
    assert data[:4] == MAGIC
    found = {
        one["name"]: np.frombuffer(data, f"<{one['type']}", one["size"], 8 + size + one["at"])
        for one in head["arrays"]
    }
    assert (head["code"], head["strokes"]) == ("WT37AHG3P1Y5", 5294)
    assert len(found["xy"]) == 2 * (head["moves"] + 1)
    assert len(found["kind"]) == len(found["stroke"]) == len(found["pass"]) == head["moves"]
    assert found["stroke"].max() == head["strokes"] - 1
    assert np.abs(found["xy"]).max() * head["unit_um"] < 1000


def marked(service: Service, fence: int, state: MarkState) -> str:
    """Put a mark of the sample order into the records, as far as ``state``."""
    intent = service.records.intend(
        MarkIntent("", ORDER, "EXAMPLE ARMS", "MODEL 1", "ZQ0042", "WT37AHG3P1Y5", 32810,
                   "default", "0" * 64, "0" * 64, 1), fence=fence,
    )  # fmt: skip
    service.records.begin(intent.mark_id)
    if state is MarkState.UNKNOWN:
        service.records.give_up(intent.mark_id, "the test pulled the plug")
    return intent.mark_id


def test_two_people_reopen_the_order_of_a_scrapped_pin(
    client: TestClient, service: Service, order: str, operator: dict[str, str],
    tokens: dict[Role, str],
) -> None:  # fmt: skip
    """Unknown, scrapped, another mark asked for and agreed to at one screen: the order is held."""
    choose(client, operator)
    mark = marked(service, 1, MarkState.UNKNOWN)
    supervisor = bearer(tokens[Role.SUPERVISOR], If_Match="*")
    body = {"state": "scrapped", "reason": "half of it is missing"}
    where = f"/v1/marks/{mark}"
    assert client.post(f"{where}/conclude", headers=supervisor, json=body).status_code == 200
    assert client.get(f"/v1/orders/{order}", headers=operator).json()["state"] == "done"
    asked = client.post(f"{where}/re-mark", headers=operator, json={"reason": "a new pin"})
    number = asked.json()["approval"]["approval_id"]
    state = client.get("/v1/floor", headers=operator).json()
    assert [one["approval_id"] for one in state["approvals"]] == [number]
    sign = f"/v1/approvals/{number}/countersign"
    for name, status in (("operator one", 403), ("auditor one", 403), ("supervisor one", 200)):
        body = {"name": name, "secret": PASSWORD, "agree": True}
        assert client.post(sign, headers=operator, json=body).status_code == status, name
    assert client.get(f"/v1/orders/{order}", headers=operator).json()["state"] == "claimed"
    history = client.get(where, headers=operator).json()["history"]
    assert (history[-1]["actor"], history[-1]["approver"]) == ("operator one", "supervisor one")
    assert choose(client, operator).status_code == 200


def test_a_wrong_secret_of_the_second_person_agrees_to_nothing(
    client: TestClient, service: Service, order: str, operator: dict[str, str]
) -> None:
    """401, and the request stays open."""
    choose(client, operator)
    mark = marked(service, 1, MarkState.UNKNOWN)
    service.records.decide(mark, MarkState.REJECTED, "seen", "supervisor one")
    asked = client.post(
        f"/v1/marks/{mark}/re-mark", headers=operator, json={"reason": "not good"}
    ).json()["approval"]["approval_id"]
    body = {"name": "supervisor one", "secret": "not hers at all", "agree": True}
    reply = client.post(f"/v1/approvals/{asked}/countersign", headers=operator, json=body)
    assert is_problem(reply, 401)
    assert [one.approval_id for one in service.approvals.waiting()] == [asked]


def test_a_scan_older_than_the_mark_is_not_taken(
    client: TestClient, service: Service, order: str, operator: dict[str, str], tmp_path: Path
) -> None:
    """No folder, an empty one, one with an old scan: 404 each time, and nothing is kept."""
    choose(client, operator)
    folder = tmp_path / "instrument"
    folder.mkdir()
    (folder / "old.x3p").write_bytes(b"")
    mark = marked(service, 1, MarkState.MARKING)
    where = f"/v1/marks/{mark}/collect-scan"
    assert is_problem(client.post(where, headers=operator), 404)
    service.instrument.folder = folder
    assert is_problem(client.post(where, headers=operator), 404)


def test_jobs_that_are_not_known_can_be_asked_nothing(
    client: TestClient, operator: dict[str, str]
) -> None:
    """Hold, resume, abort of nothing are 404, the controller of no engraver is 503."""
    for what in ("hold", "resume", "abort"):
        assert is_problem(client.post(f"/v1/jobs/J0/{what}", headers=operator), 404)
    assert is_problem(client.get("/v1/controller", headers=operator), 503)
    assert client.get("/v1/jobs", headers=operator).json() == {"jobs": []}
