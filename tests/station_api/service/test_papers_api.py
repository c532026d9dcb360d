"""Promises of the book over HTTP: written once, corrected by two, read in three views, printed."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

from fastapi.testclient import TestClient

from engraver.record import MarkState
from station_api import kept
from station_api.people import Role
from station_api.service.service import Service
from tests.station_api.papers.conftest import DEALER, firearm
from tests.station_api.service.conftest import bearer, is_problem
from tests.station_api.service.test_marks_api import mark_in

TODAY = datetime.now(UTC).date().isoformat()


def enter(client: TestClient, token: str, n: int, **more: Any) -> Any:
    body = firearm(n, on_date=TODAY) | more
    return client.post("/v1/papers/entries", json=body, headers=bearer(token))


def test_an_entry_is_written_once_under_its_key(
    client: TestClient, tokens: dict[Role, str]
) -> None:
    """The same request with the same key is one entry; the Location leads to its line."""
    headers = bearer(tokens[Role.STATION], Idempotency_Key="entry-1")
    body = firearm(1, on_date=TODAY)
    first = client.post("/v1/papers/entries", json=body, headers=headers)
    again = client.post("/v1/papers/entries", json=body, headers=headers)
    assert first.status_code == 201, first.text
    assert (first.json(), again.headers["idempotent-replayed"]) == (again.json(), "true")
    line = client.get(first.headers["location"], headers=bearer(tokens[Role.AUDITOR]))
    assert [one["serial"] for one in line.json()["acquisitions"]] == ["ZQ0001"]
    assert is_problem(enter(client, tokens[Role.STATION], 1), 409)
    assert is_problem(enter(client, tokens[Role.STATION], 2, type="cannon"), 422)
    assert is_problem(enter(client, tokens[Role.STATION], 2, colour="blue"), 422)
    missing = client.get("/v1/papers/lines/B000009", headers=bearer(tokens[Role.AUDITOR]))
    assert is_problem(missing, 404)


def test_what_says_which_firearm_it_is_waits_for_a_second_person(
    client: TestClient, tokens: dict[Role, str], second: str, service: Service
) -> None:
    """202, nothing changed; who asked cannot agree; another can; then the original still stands."""
    enter(client, tokens[Role.STATION], 1)
    body = {"entry_id": "B000001.A1", "changes": {"serial": "ZQ0011"}, "reason": "misread"}
    asked = client.post("/v1/corrections", json=body, headers=bearer(tokens[Role.SUPERVISOR]))
    assert asked.status_code == 202, asked.text
    approval = asked.json()["approval"]["approval_id"]
    agree = f"/v1/approvals/{approval}/approve"
    assert is_problem(client.post(agree, headers=bearer(tokens[Role.SUPERVISOR])), 403)
    assert serials(client, tokens, "corrected") == ["ZQ0001"]
    assert client.post(agree, headers=bearer(second)).status_code == 200
    assert is_problem(client.post(agree, headers=bearer(second)), 409)
    assert serials(client, tokens, "original") == ["ZQ0001"]
    assert serials(client, tokens, "corrected") == ["ZQ0011"]
    assert serials(client, tokens, "both") == ["ZQ0001", "ZQ0011"]
    (made,) = client.get("/v1/corrections", headers=bearer(tokens[Role.AUDITOR])).json()[
        "corrections"
    ]
    assert (made["asked_by"], made["made_entry"]) == ("supervisor one", "B000001.A2")
    assert kept.check(service.records) == []


def test_a_correction_by_one_is_made_at_once_and_a_wrong_one_is_refused(
    client: TestClient, tokens: dict[Role, str]
) -> None:
    """A date takes one person; an unknown field, an old entry, an empty change are refused."""
    enter(client, tokens[Role.STATION], 1, on_date="2026-01-02")
    token = tokens[Role.ENGINEER]

    def correct(entry: str, **changes: Any) -> Any:
        body = {"entry_id": entry, "changes": changes, "reason": "assembled a day earlier"}
        return client.post("/v1/corrections", json=body, headers=bearer(token))

    assert correct("B000001.A1", on_date="2026-01-01").status_code == 201
    assert is_problem(correct("B000001.A1", on_date="2026-01-03"), 409)
    assert is_problem(correct("B000001.A2", position="7"), 422)
    assert is_problem(correct("B000001.A2"), 422)
    assert is_problem(correct("B000007.A1", on_date="2026-01-03"), 404)
    assert is_problem(correct("B000001.A2", serial="ZQ\u202e1"), 422)


def test_the_book_is_printed_and_downloaded(client: TestClient, tokens: dict[Role, str]) -> None:
    """PDF of the same bytes each time while nothing changed; CSV that runs no formula."""
    enter(client, tokens[Role.STATION], 1)
    out = DEALER | {"on_date": TODAY, "party_name": "=cmd|'/C calc'!A0"}
    headers = bearer(tokens[Role.STATION])
    gone = client.post("/v1/papers/lines/B000001/disposition", json=out, headers=headers)
    assert gone.status_code == 201, gone.text
    reader = bearer(tokens[Role.AUDITOR])
    # a print of the whole book is itself an entry of the log, and the next shows that
    asked = "/v1/papers/book.pdf?view=both&serial=ZQ0001"
    printed = [client.get(asked, headers=reader) for _ in range(2)]
    assert printed[0].content.startswith(b"%PDF")
    assert printed[0].content == printed[1].content
    table = list(
        csv.DictReader(io.StringIO(client.get("/v1/papers/book.csv", headers=reader).text))
    )
    assert [(row["serial"], row["disposed to"]) for row in table] == [
        ("ZQ0001", "'=cmd|'/C calc'!A0")
    ]


def test_a_verified_mark_that_nobody_entered_is_listed_with_its_day(
    client: TestClient, tokens: dict[Role, str], service: Service
) -> None:
    """Seven days after it was verified the entry is due; once entered it is gone from the list."""
    mark_in(service, MarkState.VERIFIED, 1)
    reader = bearer(tokens[Role.AUDITOR])
    (found,) = client.get("/v1/papers/unentered", headers=reader).json()["firearms"]
    assert found["verified_on"] == TODAY
    assert found["due_on"] > TODAY
    entered = enter(
        client,
        tokens[Role.STATION],
        1,
        manufacturer=found["make"],
        model=found["model"],
        serial=found["serial"],
    )
    assert entered.json()["entry"]["mark_id"] == found["mark_id"]
    assert client.get("/v1/papers/unentered", headers=reader).json()["firearms"] == []


def serials(client: TestClient, tokens: dict[Role, str], view: str) -> list[str]:
    reply = client.get(f"/v1/papers/lines?view={view}", headers=bearer(tokens[Role.AUDITOR]))
    return [one["serial"] for line in reply.json()["lines"] for one in line["acquisitions"]]


def test_the_audit_of_a_month_over_http(
    client: TestClient, service: Service, tokens: dict[Role, str]
) -> None:
    """The auditor reads it as JSON, PDF and CSV; an operator does not; a bad month is a problem."""
    mark_in(service, MarkState.REJECTED, 1)
    month = TODAY[:7]
    headers = bearer(tokens[Role.AUDITOR])
    said = client.get(f"/v1/papers/audit?month={month}", headers=headers)
    assert said.status_code == 200 and said.json()["kinds"]["reject"] == 1
    assert said.json()["lines"][0]["kind"] == "reject"
    made = client.get(f"/v1/papers/audit.pdf?month={month}", headers=headers)
    assert made.status_code == 200 and made.content.startswith(b"%PDF")
    rows = list(
        csv.DictReader(
            io.StringIO(client.get(f"/v1/papers/audit.csv?month={month}", headers=headers).text)
        )
    )
    assert [row["kind"] for row in rows] == ["reject"]
    refused = client.get("/v1/papers/audit?month=2999-01", headers=headers)
    assert is_problem(refused, 422) and "has not begun" in refused.json()["detail"]
    assert is_problem(client.get("/v1/papers/audit?month=x", headers=headers), 422)
    asked = client.get(f"/v1/papers/audit?month={month}", headers=bearer(tokens[Role.OPERATOR]))
    assert is_problem(asked, 403)


def test_a_marks_record_is_corrected_by_two_over_http(
    client: TestClient, service: Service, tokens: dict[Role, str], second: str
) -> None:
    """Asked for by one, agreed to by another; machines, tracers and the same person are refused."""
    mark_id = mark_in(service, MarkState.VERIFIED, 1)
    path, first = f"/v1/marks/{mark_id}/corrections", bearer(tokens[Role.SUPERVISOR])
    body = {"changes": {"serial": "ZQ0777"}, "reason": "fitted to the next pistol"}
    for role in (Role.STATION, Role.TRACER, Role.AUDITOR):
        assert is_problem(client.post(path, json=body, headers=bearer(tokens[role])), 403)
    asked = client.post(path, json=body, headers=first)
    assert asked.status_code == 202, asked.text
    approval = asked.json()["approval"]["approval_id"]
    reader = bearer(tokens[Role.AUDITOR])
    assert len(client.get(path, headers=reader).json()["versions"]) == 1
    assert client.post(f"/v1/approvals/{approval}/approve", headers=first).status_code in (403, 409)
    agreed = client.post(f"/v1/approvals/{approval}/approve", headers=bearer(second))
    assert agreed.status_code == 200, agreed.text
    both = client.get(path, headers=reader).json()["versions"]
    assert [one["serial"] for one in both][1:] == ["ZQ0777"] and both[1]["approved_by"]
    listed = client.get("/v1/marks?serial=ZQ0777", headers=reader).json()["marks"]
    assert [row["mark_id"] for row in listed] == [mark_id]
    one = client.get(f"{path}?view=original", headers=reader).json()["versions"]
    assert [said["version"] for said in one] == [0]
    for wrong, status in (
        ({"changes": {"code": "A"}, "reason": "x"}, 422),
        ({"changes": {"serial": "ZQ0777"}, "reason": "x"}, 422),
        ({"changes": {}, "reason": "x"}, 422),
    ):
        assert is_problem(client.post(path, json=wrong, headers=first), status)
    missing = client.post("/v1/marks/M999999/corrections", json=body, headers=first)
    assert is_problem(missing, 404)
    assert kept.check(service.records) == []
