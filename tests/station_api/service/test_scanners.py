"""Promises of the station's own scanners: what they read comes to the floor, and nothing fires."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from station_api import samples
from station_api.configuration.model import ScannerKeys
from station_api.labels import write_symbol
from station_api.people import Role
from station_api.records.orders import Orders
from station_api.schemas import order_from
from station_api.service.scanners import Scanners, open_scanners
from station_api.service.service import Service
from tests.hardware.scanner_devices import PtyDevice, RecordedDevice
from tests.station_api.service.conftest import bearer

PATIENCE_S = 30.0


@pytest.fixture
def scanner(tmp_path: Path) -> Iterator[PtyDevice]:
    device = PtyDevice(tmp_path / "pinmark-scanner")
    device.plug_in()
    yield device
    device.unplug()


@pytest.fixture
def told(service: Service, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the pages hear."""
    heard: list[dict[str, Any]] = []

    def hear(event: str = "changed", **fields: Any) -> None:
        heard.append({"event": event, **fields})

    monkeypatch.setattr(service.live, "tell", hear)
    return heard


@pytest.fixture
def scanners(
    service: Service,
    scanner: PtyDevice,
    told: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Scanners]:
    for at in (1, 2):
        fields = samples.order_fields() | {"order": f"WO-{at}", "serial": f"ZQ004{at}"}
        Orders(service.records).offer(order_from(fields, "of the test"))
    made = open_scanners(ScannerKeys(serial=scanner.path), service.labels, service.live)
    monkeypatch.setattr(service, "scanners", made)
    yield made
    made.close()


def until(found: Callable[[], Any]) -> Any:
    """Wait until there is something."""
    end_s = time.monotonic() + PATIENCE_S
    while not (value := found()):
        assert time.monotonic() < end_s
        time.sleep(0.01)
    return value


def came(told: list[dict[str, Any]], number: int) -> dict[str, Any]:
    """Return what came of the scan with a number, from 0."""
    found: dict[str, Any] = until(
        lambda: [one for one in told if one["event"] == "scanned"][number : number + 1]
    )[0]
    return found


def test_a_scanned_order_comes_to_the_floor_by_itself(
    service: Service,
    scanners: Scanners,
    scanner: PtyDevice,
    told: list[dict[str, Any]],
    client: TestClient,
    tokens: dict[Role, str],
) -> None:
    """Order, part, wrong part, nonsense: each is told to the pages, in the scanner's own name."""
    scanner.scan(write_symbol("WO-1", "ZQ0041"))
    assert came(told, 0) == {
        "event": "scanned", "scanner": "serial", "did": "chosen", "order_id": "WO-1",
    }  # fmt: skip
    scanner.scan("ZQ0042")
    assert came(told, 1)["kind"] == "wrong-part"
    scanner.scan("zq0041")
    assert came(told, 2)["did"] == "confirmed"
    scanner.scan("PINMARK1/WO-1/ZQ")
    assert (came(told, 3)["kind"], "cut short" in came(told, 3)["problem"]) == ("bad-input", True)
    reply = client.get("/v1/floor", headers=bearer(tokens[Role.OPERATOR])).json()
    assert (reply["step"], reply["changed_by"]) == ("part", "scanner serial")
    assert reply["scanners"][0]["state"] == "reading"
    assert reply["scanners"][0]["scans"] == 4


def test_an_unplugged_scanner_is_said_and_taken_up_again(
    service: Service, scanners: Scanners, scanner: PtyDevice, told: list[dict[str, Any]]
) -> None:
    """Said once, not once a second; back in its place it is read without a restart."""
    until(lambda: scanners.states()[0]["state"] == "reading")
    scanner.unplug()
    until(lambda: "opened" in scanners.states()[0]["said"])
    away = [one for one in told if one["event"] == "scanner" and one["state"] == "away"]
    assert len(away) <= 2  # unplugged, then not to be opened: never one a look
    assert "plug it in" in away[-1]["said"]
    scanner.plug_in()
    until(lambda: scanners.states()[0]["state"] == "reading")
    scanner.scan("WO-2")
    assert came(told, 0)["order_id"] == "WO-2"


def test_nothing_that_is_scanned_starts_anything(
    service: Service,
    scanners: Scanners,
    scanner: PtyDevice,
    told: list[dict[str, Any]],
    client: TestClient,
    tokens: dict[Role, str],
) -> None:
    """With every step confirmed and the start awaited, no content goes further."""
    operator = bearer(tokens[Role.OPERATOR], If_Match="*")
    client.post("/v1/floor/choose", headers=operator, json={"order_id": "WO-1"})
    for step in ("part", "blank", "loaded", "closed"):
        client.post("/v1/floor/confirm", headers=operator, json={"step": step})
    before = service.floor.row()
    contents = ["WO-1", "ZQ0041", write_symbol("WO-1", "ZQ0041"), "START", "closed", "M4S1000G1X1"]
    for number, content in enumerate(contents):
        scanner.scan(content)
        came(told, number)
    assert service.floor.row() == before
    assert service.runner.jobs() == [] and service.records.all_marks() == []


def test_a_hid_scanner_does_the_same(service: Service, tmp_path: Path) -> None:
    """One key of the configuration, the same floor."""
    device = RecordedDevice(tmp_path / "event-kbd")
    device.plug_in()
    fields = samples.order_fields() | {"order": "WO-1", "serial": "ZQ0041"}
    Orders(service.records).offer(order_from(fields, "of the test"))
    made = Scanners(service.labels, service.live)
    made.add("HID", str(device.path), device.open)
    made.open()
    device.scan("WO-1")
    until(lambda: (service.floor.row() or {}).get("order_id") == "WO-1")
    made.close()
    device.unplug()
