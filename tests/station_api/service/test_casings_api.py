"""Promises of casings over HTTP: tracers enter and link them, everybody else is turned away."""

from __future__ import annotations

import networkx as nx
from fastapi.testclient import TestClient

from station_api.people import Role
from station_api.records import canonical
from station_api.service.service import Service
from station_api.transparency.proof import parse_proof
from tests.station_api.casings.conftest import CASEWORK, casing
from tests.station_api.service.conftest import bearer, is_problem


def test_a_tracer_enters_casings_and_finds_the_scenes_that_share_a_pin(
    client: TestClient, tokens: dict[Role, str], service: Service
) -> None:
    """From the first casing to the graph, its files, and the withdrawal of one."""
    tracer = bearer(tokens[Role.TRACER])
    for n, fields in enumerate(CASEWORK):
        past = fields | {"found_at": "2026-01-13T23:10:00Z"}
        key = bearer(tokens[Role.TRACER], Idempotency_Key=f"casing-{n}")
        made = client.post("/v1/casings", json=past, headers=key)
        assert made.status_code == 201, made.text
        assert client.post("/v1/casings", json=past, headers=key).json() == made.json()
    shown = client.get(made.headers["location"], headers=tracer).json()["casing"]
    assert (shown["casing_id"], shown["entered_by"]) == ("E000005", "tracer one")
    graph = client.get("/v1/casings/graph", headers=tracer).json()
    pins = {(one["from"], one["to"]) for one in graph["links"] if one["kind"] == "one pin"}
    assert pins == {("E000001", "E000003"), ("E000002", "E000004")}
    assert all(-1.5 < node["x"] < 1.5 for node in graph["nodes"])
    text = client.get("/v1/casings/graph.graphml", headers=tracer).text
    assert set(nx.parse_graphml(text)) == {node["id"] for node in graph["nodes"]}
    rows = client.get("/v1/casings/graph.csv", headers=tracer).text.splitlines()
    assert len(rows) == 1 + len(graph["links"])
    records = service.records
    said = [canonical.decode(records.entry(n).record) for n in range(records.size())]
    taken = [one["event"]["what"] for one in said if one["event"].get("did") == "exported"]
    assert taken == ["GraphML", "CSV"]
    gone = client.post(
        "/v1/casings/E000004/withdraw", json={"reason": "entered twice"}, headers=tracer
    )
    assert gone.json()["casing"]["state"] == "withdrawn"
    listed = client.get("/v1/casings?scene=27-0305", headers=tracer).json()["casings"]
    assert [one["casing_id"] for one in listed] == ["E000005"]


def test_an_auditor_sees_that_there_are_casings_and_not_what_they_say(
    client: TestClient, tokens: dict[Role, str]
) -> None:
    """The list of entries has no content, nor has the record behind the log."""
    fields = casing("27-SECRET", "WT37AHG3P1Y5", found_at="2026-01-13T23:10:00Z")
    client.post("/v1/casings", json=fields, headers=bearer(tokens[Role.TRACER]))
    auditor = bearer(tokens[Role.AUDITOR])
    listed = client.get("/v1/casings/entries", headers=auditor)
    assert [one["casing_id"] for one in listed.json()["entries"]] == ["E000001"]
    position = listed.json()["entries"][0]["position"]
    behind = client.get(f"/v1/log/records/{position}", headers=auditor)
    record = parse_proof(behind.text).extra or b""
    assert b"E000001" in record
    for said in (listed.content, record):
        assert b"SECRET" not in said
        assert b"WT37" not in said
    assert is_problem(client.get("/v1/casings/E000001", headers=auditor), 403)


def test_bad_casings_and_bad_priors_are_problems(
    client: TestClient, tokens: dict[Role, str]
) -> None:
    """422 with the value; nothing is kept."""
    tracer = bearer(tokens[Role.TRACER])
    good = casing("27-0113", "WT37AHG3P1Y5", found_at="2026-01-13T23:10:00Z")
    for fault in (
        {"reads": [{"text": "?" * 12}]},
        {"reads": [{"text": "WT37"}]},
        {"reads": [{"likelihoods": [["NaN"] * 32] * 12}]},
        {"reads": [7]},
        {"found_at": "2099-01-01T00:00:00Z"},
        {"latitude_udeg": 10**9},
        {"colour": "brass"},
    ):
        reply = client.post("/v1/casings", json=good | fault, headers=tracer)
        assert is_problem(reply, 422), fault
    for query in ("prior_same_pin=0", "prior_same_pin=nan", "prior_not_issued=1"):
        assert is_problem(client.get(f"/v1/casings/graph?{query}", headers=tracer), 422)
    assert client.get("/v1/casings", headers=tracer).json()["casings"] == []
