"""Promises of a scan at the floor: the right order, the right part, and nothing further."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from station_api import samples
from station_api.labels import write_symbol
from station_api.people import Role
from station_api.records.orders import Orders
from station_api.schemas import order_from
from station_api.service.service import Service
from tests.station_api.service.conftest import bearer, is_problem

GTIN = "06141411234562"


@pytest.fixture
def operator(tokens: dict[Role, str]) -> dict[str, str]:
    return bearer(tokens[Role.OPERATOR], If_Match="*")


@pytest.fixture(autouse=True)
def orders(service: Service) -> None:
    for at, order in ((1, "WO-1"), (2, "WO-2")):
        fields = samples.order_fields() | {"order": order, "serial": f"ZQ004{at}"}
        Orders(service.records).offer(order_from(fields, "of the test"))


def scan(client: TestClient, by: dict[str, str], content: str) -> Any:
    return client.post("/v1/floor/scanned", headers=by, json={"content": content})


def did(reply: Any) -> tuple[int, Any, Any]:
    found = reply.json()
    return (
        reply.status_code,
        found.get("did") or found["type"].split(":")[-1],
        found.get("order_id"),
    )


@pytest.mark.parametrize(
    "content", ["WO-1", "wo-1", "ZQ0041", f"]d201{GTIN}21ZQ0041", write_symbol("WO-1", "ZQ0041")]
)
def test_an_order_is_taken_in_hand_by_number_serial_or_symbol(
    client: TestClient, operator: dict[str, str], content: str
) -> None:
    """Whatever the paper carries leads to the same order, and once is enough."""
    assert did(scan(client, operator, content)) == (200, "chosen", "WO-1")
    floor = client.get("/v1/floor", headers=operator).json()
    assert (floor["order"]["order_id"], floor["step"]) == ("WO-1", "chosen")


def test_the_part_is_confirmed_by_its_serial_alone(
    client: TestClient, operator: dict[str, str]
) -> None:
    """Paper scanned twice confirms nothing; the part's own label does, once."""
    paper = write_symbol("WO-1", "ZQ0041")
    assert did(scan(client, operator, paper)) == (200, "chosen", "WO-1")
    assert did(scan(client, operator, paper)) == (200, "nothing", "WO-1")
    assert client.get("/v1/floor", headers=operator).json()["step"] == "chosen"
    part = f"(01){GTIN}(21)zq0041"
    assert did(scan(client, operator, part)) == (200, "confirmed", "WO-1")
    assert did(scan(client, operator, part)) == (200, "nothing", "WO-1")
    floor = client.get("/v1/floor", headers=operator).json()
    assert (floor["step"], floor["changed_by"]) == ("part", "operator one")


def test_another_part_is_refused_and_another_order_waits(
    client: TestClient, operator: dict[str, str]
) -> None:
    """The serial of another open order is the wrong part, never a silent change of order."""
    scan(client, operator, "WO-1")
    assert did(scan(client, operator, "ZQ0042"))[:2] == (409, "wrong-part")
    assert did(scan(client, operator, f"]C101{GTIN}21ZQ0042"))[:2] == (409, "wrong-part")
    assert did(scan(client, operator, "WO-2")) == (200, "chosen", "WO-2")
    assert did(scan(client, operator, "ZQ0042")) == (200, "confirmed", "WO-2")
    assert did(scan(client, operator, "WO-1"))[:2] == (409, "not-now")
    assert did(scan(client, operator, "ZQ0041"))[:2] == (409, "wrong-part")
    assert client.get("/v1/floor", headers=operator).json()["order"]["order_id"] == "WO-2"


def test_paper_that_is_out_of_date_is_found_out(
    client: TestClient, operator: dict[str, str]
) -> None:
    """A symbol whose serial is not the order's, or whose check does not fit, takes nothing."""
    old = scan(client, operator, write_symbol("WO-1", "ZQ0099"))
    assert is_problem(old, 409) and "out of date" in old.json()["detail"]
    torn = scan(client, operator, write_symbol("WO-1", "ZQ0041")[:-1] + "?")
    assert is_problem(torn, 422)
    assert is_problem(scan(client, operator, write_symbol("WO-9", "ZQ0041")), 404)
    assert is_problem(scan(client, operator, "WO-9"), 404)
    assert client.get("/v1/floor", headers=operator).json()["order"] is None


def test_a_serial_of_two_models_asks_for_the_order(
    client: TestClient, service: Service, operator: dict[str, str]
) -> None:
    """One serial on two models is two firearms; the scan does not choose between them."""
    fields = samples.order_fields() | {"order": "WO-3", "serial": "ZQ0041", "model": "MODEL 2"}
    Orders(service.records).offer(order_from(fields, "of the test"))
    reply = scan(client, operator, "ZQ0041")
    assert is_problem(reply, 409) and "WO-1 and WO-3" in reply.json()["detail"]


def test_of_two_scans_decided_on_one_look_the_second_is_told(
    client: TestClient, operator: dict[str, str]
) -> None:
    """If-Match holds for scans as for presses."""
    seen = client.get("/v1/floor", headers=operator).headers["etag"]
    fresh = {**operator, "If-Match": seen}
    assert scan(client, fresh, "WO-1").status_code == 200
    assert is_problem(scan(client, fresh, "WO-2"), 412)
    nothing = {name: value for name, value in operator.items() if name != "If-Match"}
    assert is_problem(scan(client, nothing, "WO-2"), 428)
