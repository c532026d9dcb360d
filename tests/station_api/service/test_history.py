"""What an auditor reads of the log: marks searched at one tree size, checkpoints, consistency."""

from __future__ import annotations

import base64
from itertools import pairwise
from pathlib import Path

from fastapi.testclient import TestClient

from engraver.record import MarkState
from station_api.people import Role
from station_api.service.listing import Cursor
from station_api.service.service import Service
from station_api.transparency import merkle
from station_api.transparency.checkpoint import open_checkpoint
from tests.station_api.records.houses import live_a_little
from tests.station_api.service.conftest import bearer, is_problem
from tests.station_api.service.test_marks_api import mark_in


def test_marks_are_searched_by_what_is_known_of_them(
    client: TestClient, service: Service, tokens: dict[Role, str]
) -> None:
    """Fragments of serial and code, state, day, newest first; what cannot stand in one is told."""
    reader = bearer(tokens[Role.AUDITOR])
    ids = [mark_in(service, MarkState.VERIFIED, n) for n in range(1, 5)]
    ids.append(mark_in(service, MarkState.UNKNOWN, 12))

    def found(**query: str | int) -> list[str]:
        reply = client.get("/v1/marks", params=query, headers=reader)
        assert reply.status_code == 200, reply.text
        return [mark["mark_id"] for mark in reply.json()["marks"]]

    intended = service.records.get(ids[0]).intended_at_us
    assert found(fragment="zq000?") == ids[:4]
    assert found(fragment="*2") == [ids[1], ids[4]]
    assert found(fragment="zq_002") == []
    assert found(code="*" + service.records.get(ids[2]).code[-4:]) == [ids[2]]
    assert found(state="unknown") == [ids[4]]
    assert found(state="verified", newest_first="true") == ids[3::-1]
    assert found(from_us=intended, until_us=intended + 1) == ids
    assert found(until_us=intended) == []
    for bad in ({"fragment": "%"}, {"code": "%"}, {"state": "lost"}, {"from_us": "x"}):
        assert is_problem(client.get("/v1/marks", params=bad, headers=reader), 422), bad


def test_a_mark_is_found_by_the_serial_it_was_corrected_to(
    client: TestClient, service: Service, tokens: dict[Role, str]
) -> None:
    """From the correction on, and by the serial that was ordered as well."""
    mark_id = mark_in(service, MarkState.VERIFIED, 3)
    before = service.records.size()
    made = service.mark_corrections
    made.correct(mark_id, {"serial": "ZQ0777"}, "typed wrong", "a. smith", "b. jones")
    asked = {"limit": 5, "fragment": "*777"}
    reader = bearer(tokens[Role.AUDITOR])
    for query, size, wanted in (
        (asked, None, [mark_id]),
        (asked | {"fragment": "*003"}, None, [mark_id]),
        (asked, before, []),
    ):
        cursor = {} if size is None else {"cursor": Cursor(size, 0).text()}
        found = client.get("/v1/marks", params=query | cursor, headers=reader).json()["marks"]
        assert [mark["mark_id"] for mark in found] == wanted


def test_a_search_by_state_shows_one_tree_size_whatever_happens_meanwhile(
    client: TestClient, service: Service, tokens: dict[Role, str]
) -> None:
    """Marks that changed since are judged as they stood; the same page again is the same."""
    reader = bearer(tokens[Role.AUDITOR])
    ids = [mark_in(service, MarkState.UNKNOWN, n) for n in range(7)]
    for down, wanted in (("false", ids), ("true", ids[::-1])):
        query = {"limit": 3, "state": "unknown", "newest_first": down}
        first = client.get("/v1/marks", params=query, headers=reader).json()
        if down == "false":
            for mark_id in ids[2:5]:
                service.records.decide(mark_id, MarkState.SCRAPPED, "a. smith", "half cut")
            mark_in(service, MarkState.UNKNOWN, 8)
        else:
            wanted = [one.mark_id for one in service.records.in_states({MarkState.UNKNOWN})][::-1]
            mark_in(service, MarkState.UNKNOWN, 9)
        again = {**query, "cursor": first["cursor"]}
        assert (
            client.get("/v1/marks", params=again, headers=reader).json()["marks"]
            == (first["marks"])
        )
        seen, following = list(first["marks"]), first["next"]
        while following:
            params = {**query, "cursor": following}
            reply = client.get("/v1/marks", params=params, headers=reader).json()
            assert reply["tree_size"] == first["tree_size"]
            seen += reply["marks"]
            following = reply["next"]
        assert [mark["mark_id"] for mark in seen] == wanted
        assert {mark["state"] for mark in seen} == {"unknown"}


def test_each_checkpoint_is_the_beginning_of_the_next(
    client: TestClient, service: Service, tokens: dict[Role, str]
) -> None:
    """Listed newest first, page by page; each pair is proven by hashes from the service."""
    reader = bearer(tokens[Role.TRACER])
    for n in range(1, 6):
        mark_in(service, MarkState.VERIFIED, n)
        client.get("/v1/log/checkpoint")
    listed, before = [], 2**62
    while before is not None:
        reply = client.get(f"/v1/log/checkpoints?limit=2&before={before}", headers=reader).json()
        listed += reply["checkpoints"]
        before = reply["next"]
    assert len(listed) >= 5
    assert [one["number"] for one in listed] == sorted(one["number"] for one in listed)[::-1]
    opened = [open_checkpoint(one["note"], [service.signer.verifier()])[0] for one in listed][::-1]
    for older, newer in pairwise(opened):
        path = f"/v1/log/consistency?first={older.size}&second={newer.size}"
        hashes = client.get(path, headers=reader).json()["hashes"]
        proof = [base64.b64decode(one) for one in hashes]
        merkle.verify_consistency(older.size, newer.size, proof, older.root, newer.root)
    size = service.records.size()
    for query in (f"first=3&second={size + 50}", "first=5&second=3", "first=0&second=3", "first=1"):
        assert is_problem(client.get(f"/v1/log/consistency?{query}", headers=reader), 422), query


def test_logs_that_were_witnessed_are_listed(
    client: TestClient, service: Service, tokens: dict[Role, str], home: Path
) -> None:
    """Each with its newest cosigned note and the entry that says so."""
    live_a_little(
        service.records, service.home if hasattr(service, "home") else service.shelf.folder
    )
    (one,) = client.get("/v1/log/witnessed", headers=bearer(tokens[Role.AUDITOR])).json()["logs"]
    assert (one["origin"], one["size"]) == ("log.example/S2", 7)
    assert one["note"].count("\N{EM DASH} log.example") == 2
