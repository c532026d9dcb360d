"""The trace desk over HTTP: a request, its clock, a search, an answer, a sheet; what is refused."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from station_api import kept
from station_api.people import Role
from station_api.service.service import Service
from tests.station_api.service.conftest import bearer, is_problem
from tests.station_api.trace.cases import case_scan
from tests.station_api.trace.conftest import intend_all, intent_of

Run = Callable[..., subprocess.CompletedProcess[str]]
REQUEST = {
    "agency": "ATF National Tracing Center",
    "person": "J. Doe",
    "contact": "+1 800 555 0100",
    "authority": "18 U.S.C. 923(g)(7)",
}


@pytest.fixture
def tracer(client: TestClient, service: Service, tokens: dict[Role, str]) -> Iterator[Any]:
    """Return a function that calls as the tracer; thirty codes are on record."""
    intend_all(service.records, range(32768, 32798))

    def call(method: str, path: str, **more: Any) -> Any:
        headers = bearer(tokens[Role.TRACER]) | more.pop("headers", {})
        return client.request(method, f"/v1/trace/{path}", headers=headers, **more)

    yield call


def test_from_request_to_answer(tracer: Any, service: Service) -> None:
    """Recorded, searched, answered: the clock stops, what was told is kept, all testifies."""
    made = tracer("POST", "requests", json=REQUEST)
    assert made.status_code == 201
    request = made.json()
    assert request["clock"]["left_s"] > 86_000 and not request["clock"]["late"]
    code = intent_of(32770).code
    search = {"pattern": code[:4] + "????" + code[8:], "request_id": request["request_id"]}
    found = tracer("POST", "search", json=search)
    assert found.status_code == 200
    answer = found.json()
    mark = answer["candidates"][0]["marks"][0]
    assert (answer["verdict"], mark["serial"]) == ("identified", intent_of(32770).serial)
    told = {"query_id": answer["query_id"], "disclosed": [f"{mark['model']} {mark['serial']}"]}
    done = tracer("POST", f"requests/{request['request_id']}/answer", json=told).json()
    assert (done["state"], done["answered_by"]) == ("answered", "tracer one")
    shown = tracer("GET", f"requests/{request['request_id']}").json()
    assert [query["query_id"] for query in shown["queries"]] == [answer["query_id"]]
    again = tracer("POST", "search", json=search)
    assert is_problem(again, 409) and "is answered" in again.json()["detail"]
    assert kept.check(service.records) == []


def test_the_same_search_twice_is_one_query(tracer: Any) -> None:
    """Idempotency-Key: the first answer again, and one row."""
    request_id = tracer("POST", "requests", json=REQUEST).json()["request_id"]
    body = {"pattern": intent_of(32771).code, "request_id": request_id}
    replies = [
        tracer("POST", "search", json=body, headers={"Idempotency-Key": "one"}) for _ in range(2)
    ]
    assert replies[0].json() == replies[1].json()
    assert len(tracer("GET", "queries").json()["queries"]) == 1


@pytest.mark.parametrize("name", list(REQUEST))
def test_a_request_without_authority_is_refused(tracer: Any, name: str) -> None:
    """Agency, person, contact, authority: each is needed, and the remedy is named."""
    reply = tracer("POST", "requests", json={**REQUEST, name: " "})
    assert is_problem(reply, 422) and f"without {name}" in reply.json()["detail"]


REFUSED = [
    ({"pattern": "????????????"}, 422, "no known symbol"),
    ({"pattern": "AC??????????"}, 422, "a tracer needs 3"),
    ({"pattern": "ACDEF"}, 422, "5 symbols"),
    ({"pattern": "ACD$%GHJKLMN"}, 422, "outside the alphabet"),
    ({"pattern": "ACDEFGHJ", "rows": 10_000}, 403, "a tracer may see 50"),
    ({"serial": "*"}, 422, "known characters"),
    ({"reads": {"casings": []}}, 422, "casings"),
    ({"scans": [{"scan_id": "0" * 64, "name": "A"}]}, 404, "upload it first"),
    ({}, 422, "one of a pattern"),
]


@pytest.mark.parametrize(("body", "status", "said"), REFUSED, ids=lambda value: str(value)[:30])
def test_what_is_refused_is_a_problem_and_written_down(
    tracer: Any, body: dict[str, Any], status: int, said: str
) -> None:
    """Nothing is lost: the refused question stands beside those that were answered."""
    request_id = tracer("POST", "requests", json=REQUEST).json()["request_id"]
    reply = tracer("POST", "search", json={**body, "request_id": request_id})
    assert is_problem(reply, status) and said in reply.json()["detail"]
    (query,) = tracer("GET", "queries").json()["queries"]
    assert query["outcome"] == "refused" and said in query["reason"]


def test_a_tracer_needs_a_request_and_an_auditor_does_not(
    tracer: Any, client: TestClient, tokens: dict[Role, str]
) -> None:
    """Without a request there is no authority; the auditor looks at the desk itself."""
    body = {"pattern": intent_of(32772).code}
    reply = tracer("POST", "search", json=body)
    assert is_problem(reply, 422) and "authority" in reply.json()["detail"]
    headers = bearer(tokens[Role.AUDITOR])
    few = {"pattern": "?" * 11 + intent_of(32772).code[-1], "rows": 500}
    for asked in (body, few):
        reply = client.post("/v1/trace/search", json=asked, headers=headers)
        assert reply.status_code == 200 and reply.json()["found"] >= 1


def test_scans_of_cases_lead_to_the_mark_and_onto_the_sheet(
    tracer: Any, service: Service, pinmark: Run, tmp_path: Path
) -> None:
    """Upload, search, sheet: two pages at most, the same bytes; the console says the same."""
    data = case_scan(32775)
    uploaded = tracer("POST", "scans", content=data)
    assert uploaded.status_code == 201
    request_id = tracer("POST", "requests", json=REQUEST).json()["request_id"]
    scan = {"scan_id": uploaded.json()["scan_id"], "name": "case A"}
    answer = tracer("POST", "search", json={"scans": [scan], "request_id": request_id}).json()
    assert answer["candidates"][0]["code"] == intent_of(32775).code
    assert len(answer["cases"][0]["cells_um"]) == 12
    (tmp_path / "case A").write_bytes(data)
    told = pinmark("trace", "--cases", str(tmp_path / "case A"), "--json")
    assert told.returncode == 0, told.stderr
    said = json.loads(told.stdout)
    assert said["cases"] == answer["cases"]
    assert said["question"]["reads"] == answer["question"]["reads"]
    for name in ("verdict", "found", "set_sha256", "not_issued", "candidates"):
        assert said[name] == answer[name], name
    path = f"queries/{answer['query_id']}/sheet.pdf"
    sheets = [tracer("GET", path).content for _ in range(2)]
    assert sheets[0].startswith(b"%PDF") and sheets[0] == sheets[1]
    pages = re.search(rb"/Type/Pages/Count (\d+)", sheets[0])
    assert pages is not None and int(pages[1]) in (1, 2)


def test_a_scan_that_is_no_scan_is_refused(tracer: Any, service: Service) -> None:
    """Bytes that are no height map are not kept."""
    for data in (b"", b"not a scan", b"PK\x03\x04 broken"):
        refused = tracer("POST", "scans", content=data)
        assert is_problem(refused, 422) and "--pitch" not in refused.json()["detail"]
    assert list(service.desk.scans.folder.iterdir()) == []
    huge = {"Content-Length": str((64 << 20) + 1)}
    assert is_problem(tracer("POST", "scans", content=b"PK", headers=huge), 413)
    assert list(service.desk.scans.folder.iterdir()) == []


def test_the_console_refuses_what_is_no_scan_and_writes_it_down(
    service: Service, pinmark: Run, tmp_path: Path
) -> None:
    """One line, exit 2, and a row that testifies; twenty-one cases are too many."""
    (tmp_path / "note.x3p").write_text("not a scan")
    done = pinmark("trace", "--cases", tmp_path / "note.x3p")
    assert done.returncode == 2 and "note.x3p" in done.stderr
    assert pinmark("trace", "--cases", tmp_path / "nowhere.x3p").returncode == 2
    assert pinmark("trace", "--cases").returncode == 2
    assert [one["outcome"] for one in service.desk.queries.all()][:2] == ["refused", "refused"]


def test_a_refused_query_has_no_sheet(tracer: Any) -> None:
    """There is nothing to print, and the reason is given."""
    tracer("POST", "search", json={"pattern": "ACDEFGHJ"})
    query = tracer("GET", "queries").json()["queries"][0]
    assert is_problem(tracer("GET", f"queries/{query['query_id']}/sheet.pdf"), 404)
    assert is_problem(tracer("GET", "queries/Q999999"), 404)
