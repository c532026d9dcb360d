"""Promises of the read-only service."""

from __future__ import annotations

from pathlib import Path

from fastapi.testclient import TestClient

from station_api.app import make_app
from station_api.records import Records
from tests.station_api.records.houses import INTENT


def test_the_service_tells_what_the_records_hold(home: Path) -> None:
    """Health, list and one mark agree with the database; an unknown id is a 404 problem."""
    client = TestClient(make_app())
    assert client.get("/v1/marks").json() == {"marks": []}
    records = Records(home / "station.db")
    mark_id = records.intend(INTENT).mark_id
    records.close()
    assert client.get("/v1/health").json() == {"status": "ok", "marks": 1, "in_doubt": [mark_id]}
    assert client.get("/v1/marks").json()["marks"][0]["serial"] == "ZQ0042"
    assert client.get(f"/v1/marks/{mark_id}").json()["history"][0]["to_state"] == "intended"
    absent = client.get("/v1/marks/M999999")
    assert absent.status_code == 404
    assert absent.headers["content-type"] == "application/problem+json"
    assert "M999999" in absent.json()["detail"]
