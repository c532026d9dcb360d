"""Promises of /v1/marks, /v1/orders and what goes with them: versions, keys, pages, proofs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from engraver.orders import WorkOrder
from engraver.record import MarkState
from station_api import log
from station_api.log_key import read_public_keys
from station_api.people import Role
from station_api.records.orders import Orders
from station_api.service.listing import page
from station_api.service.service import Service
from station_api.transparency.tiles import Tile, read_bundle, read_hash_tile
from tests.station_api.records.houses import COMPLETE, intent
from tests.station_api.service.conftest import bearer, is_problem

ORDER = {"order": "WO-1", "make": "Example Arms", "model": "Model 1", "serial": "zq0042"}


def mark_in(service: Service, state: MarkState, n: int = 42) -> str:
    """Bring a mark to a state behind the API."""
    mark_id = service.records.intend(intent(n)).mark_id
    service.records.begin(mark_id)
    if state is MarkState.UNKNOWN:
        service.records.give_up(mark_id, "link lost")
    elif state is not MarkState.MARKING:
        service.records.conclude_run(mark_id, replace(COMPLETE))
        service.records.conclude_inspection(mark_id, state is MarkState.VERIFIED, {})
    return mark_id


def etag(client: TestClient, mark_id: str, token: str) -> str:
    return str(client.get(f"/v1/marks/{mark_id}", headers=bearer(token)).headers["etag"])


def test_a_decision_is_made_on_a_version(
    client: TestClient, service: Service, tokens: dict[Role, str]
) -> None:
    """Without If-Match 428, on an old version 412, on the newest 200 with the next ETag."""
    boss = tokens[Role.SUPERVISOR]
    mark_id = mark_in(service, MarkState.UNKNOWN)
    where, body = f"/v1/marks/{mark_id}/conclude", {"state": "rejected", "reason": "half cut"}
    assert is_problem(client.post(where, json=body, headers=bearer(boss)), 428)
    old = bearer(boss, If_Match='"1"')
    assert is_problem(client.post(where, json=body, headers=old), 412)
    now = bearer(boss, If_Match=etag(client, mark_id, boss))
    done = client.post(where, json=body, headers=now)
    assert done.status_code == 200
    assert done.json()["mark"]["state"] == "rejected"
    assert done.json()["transition"]["actor"] == "supervisor one"
    assert done.headers["etag"] == etag(client, mark_id, boss) != now["If-Match"]
    assert is_problem(client.post(where, json=body, headers=now), 412)
    scrap = client.post(
        f"/v1/marks/{mark_id}/scrap", json={"reason": "bad"}, headers=bearer(boss, If_Match="*")
    )
    assert scrap.json()["mark"]["state"] == "scrapped"
    again = bearer(boss, If_Match="*")
    assert is_problem(client.post(where, json=body, headers=again), 409)


def test_the_same_key_gives_the_same_bytes_and_changes_nothing(
    client: TestClient, service: Service, tokens: dict[Role, str], second: str
) -> None:
    """A retry is answered from the log; another use of the key is 422; keys are one's own."""
    boss = tokens[Role.SUPERVISOR]
    mark_id = mark_in(service, MarkState.UNKNOWN)
    where, body = f"/v1/marks/{mark_id}/conclude", {"state": "rejected", "reason": "half cut"}
    headers = bearer(boss, If_Match=etag(client, mark_id, boss), Idempotency_Key="k1")
    first = client.post(where, json=body, headers=headers)
    size = service.records.size()
    retry = client.post(where, json=body, headers=headers)
    assert (retry.content, retry.headers["etag"]) == (first.content, first.headers["etag"])
    assert retry.headers["idempotent-replayed"] == "true"
    assert service.records.size() == size
    other = client.post(where, json={**body, "state": "scrapped"}, headers=headers)
    assert is_problem(other, 422)
    theirs = bearer(second, If_Match="*", Idempotency_Key="k1")
    taken = client.post(f"/v1/marks/{mark_id}/scrap", json={"reason": "bad"}, headers=theirs)
    assert taken.json()["mark"]["state"] == "scrapped"


def test_a_remark_takes_two_people(
    client: TestClient, service: Service, tokens: dict[Role, str], second: str
) -> None:
    """One asks; the same one cannot agree; a second can; both names are in the transition."""
    boss = tokens[Role.SUPERVISOR]
    mark_id = mark_in(service, MarkState.REJECTED)
    where = f"/v1/marks/{mark_id}/re-mark"
    asked = client.post(where, json={"reason": "burr"}, headers=bearer(boss, If_Match="*"))
    assert asked.status_code == 202
    approval = asked.json()["approval"]["approval_id"]
    same = client.post(where, json={"reason": "burr"}, headers=bearer(boss, If_Match="*"))
    assert same.json() == asked.json()
    agree = f"/v1/approvals/{approval}/approve"
    assert is_problem(client.post(agree, headers=bearer(boss)), 403)
    waiting = client.get("/v1/approvals", headers=bearer(second)).json()["approvals"]
    assert [one["approval_id"] for one in waiting] == [approval]
    assert client.post(agree, headers=bearer(second)).json()["approval"]["state"] == "approved"
    assert is_problem(client.post(agree, headers=bearer(second)), 409)
    last = service.records.history(mark_id)[-1]
    assert (last["to_state"], last["actor"], last["approver"]) == (
        "re-mark",
        "supervisor one",
        "supervisor two",
    )
    assert service.records.intend(intent(42)).mark_id == "M000002"


def test_a_machine_does_not_decide_on_a_pin(
    client: TestClient, service: Service, tokens: dict[Role, str]
) -> None:
    """A key is refused where a person has to look."""
    mark_id = mark_in(service, MarkState.UNKNOWN)
    machine = bearer(tokens[Role.STATION], If_Match="*")
    body = {"state": "scrapped", "reason": "x"}
    reply = client.post(f"/v1/marks/{mark_id}/conclude", json=body, headers=machine)
    assert is_problem(reply, 403)


def test_pages_show_one_tree_size_whatever_happens_meanwhile(
    client: TestClient, service: Service, tokens: dict[Role, str]
) -> None:
    """Marks changed or made between two pages appear as they were when the first page was read."""
    reader = bearer(tokens[Role.AUDITOR])
    ids = [mark_in(service, MarkState.UNKNOWN, n) for n in range(7)]
    first = client.get("/v1/marks?limit=3", headers=reader).json()
    for mark_id in ids[2:5]:
        service.records.decide(mark_id, MarkState.SCRAPPED, "a. smith", "half cut")
    mark_in(service, MarkState.VERIFIED, 8)
    seen = list(first["marks"])
    following = first["next"]
    while following:
        reply = client.get(f"/v1/marks?limit=3&cursor={following}", headers=reader).json()
        assert reply["tree_size"] == first["tree_size"]
        seen += reply["marks"]
        following = reply["next"]
    assert [mark["mark_id"] for mark in seen] == ids
    assert {mark["state"] for mark in seen} == {"unknown"}
    assert all(mark["position"] < first["tree_size"] for mark in seen)
    now, _, _ = page(service.records, None, 100)
    assert [mark["state"] for mark in now].count("scrapped") == 3
    assert len(now) == 8
    for bad in ("x", "W10=", "WzEsMl0", "WzEuNSwgMl0=", "WzEwMDAwMCwgMF0="):
        assert is_problem(client.get(f"/v1/marks?cursor={bad}", headers=reader), 422), bad


def test_a_serial_is_found_however_it_is_typed(
    client: TestClient, service: Service, tokens: dict[Role, str]
) -> None:
    """Full-width, padded, lower case: one firearm."""
    mark_in(service, MarkState.VERIFIED)
    for typed in ("ZQ0042", " zq0042 ", "ＺＱ００４２"):
        found = client.get(
            "/v1/marks", params={"serial": typed}, headers=bearer(tokens[Role.TRACER])
        )
        assert [mark["mark_id"] for mark in found.json()["marks"]] == ["M000001"]


def test_orders_are_made_claimed_and_cancelled(
    client: TestClient, service: Service, tokens: dict[Role, str]
) -> None:
    """Once however often sent; another firearm under the number is 422; a taken serial is 409."""
    mes = bearer(tokens[Role.STATION])
    for _ in range(2):
        made = client.post("/v1/orders", json=ORDER, headers=mes)
        assert made.status_code == 201
    assert made.headers["location"] == "/v1/orders/WO-1"
    other = client.post("/v1/orders", json={**ORDER, "serial": "ZQ0043"}, headers=mes)
    assert is_problem(other, 422)
    taken = client.post("/v1/orders", json={**ORDER, "order": "WO-2"}, headers=mes)
    assert is_problem(taken, 409)
    key = {**mes, "Idempotency-Key": "claim-1"}
    claims = [client.post("/v1/claims", json={"count": 5}, headers=key).json() for _ in range(2)]
    assert claims[0] == claims[1]
    assert [one["order_id"] for one in claims[0]["claims"]] == ["WO-1"]
    assert claims[0]["claims"][0]["fence"] == 1
    assert is_problem(client.post("/v1/claims", json={"count": 6}, headers=key), 422)
    assert is_problem(client.post("/v1/orders/WO-1/cancel", headers=mes), 409)
    assert is_problem(client.post("/v1/orders/WO-9/cancel", headers=mes), 404)
    client.post("/v1/orders", json={**ORDER, "order": "W 3", "serial": "ZQ3"}, headers=mes)
    assert client.post("/v1/orders/W%203/cancel", headers=mes).json()["state"] == "cancelled"


def test_a_batch_is_entered_whole_or_not_at_all(
    client: TestClient, service: Service, tokens: dict[Role, str]
) -> None:
    """One bad line leaves nothing and is named; pages of orders follow their numbers."""
    mes = bearer(tokens[Role.STATION], Content_Type="text/csv")
    lines = ["order,make,model,serial,recipe"]
    lines += [f"WO-{n:03d},EXAMPLE ARMS,MODEL 1,ZQ{n:04d},default" for n in range(250)]
    bad = "\n".join([*lines, "WO-X,EXAMPLE ARMS,MODEL 1,Z\u00e9Q,default"])
    refused = client.post("/v1/orders/batch", content=bad.encode(), headers=mes)
    assert is_problem(refused, 422)
    assert "line 252" in refused.json()["detail"]
    assert client.get("/v1/orders", headers=mes).json()["orders"] == []
    made = client.post("/v1/orders/batch", content="\n".join(lines).encode(), headers=mes)
    assert len(made.json()["orders"]) == 250
    seen, after = [], ""
    while after is not None:
        reply = client.get(f"/v1/orders?limit=100&after={after}", headers=mes).json()
        seen += [order["order_id"] for order in reply["orders"]]
        after = reply["next"]
    assert seen == sorted(made.json()["orders"])
    for text in (
        b"",
        b"order\n",
        b"\xff\xfe",
        b"make,model\na,b",
        b'order,make\n"x',
        b"order,order\n",
    ):
        assert is_problem(client.post("/v1/orders/batch", content=text, headers=mes), 422), text


@pytest.mark.parametrize("serial", ["ZQ0042", "zq0042", " ZQ0042 ", "ＺＱ００４２"])
def test_every_spelling_of_a_serial_is_the_same_firearm(
    client: TestClient, service: Service, tokens: dict[Role, str], serial: str
) -> None:
    """A second order for a marked serial is refused, whoever types it."""
    mark_in(service, MarkState.VERIFIED)
    mes = bearer(tokens[Role.STATION])
    reply = client.post(
        "/v1/orders", json={**ORDER, "order": "WO-9", "serial": serial}, headers=mes
    )
    assert is_problem(reply, 409)
    assert "M000001" in reply.json()["detail"]


def test_the_log_can_be_checked_from_outside_by_what_the_service_gives(
    client: TestClient, service: Service, tokens: dict[Role, str]
) -> None:
    """Checkpoint, key and tiles without sign-in; a proof of a transition verifies with the key."""
    mark_in(service, MarkState.VERIFIED)
    key = client.get("/v1/log/key").text.strip()
    note = client.get("/v1/log/checkpoint").text
    size = int(note.splitlines()[1])
    assert size == service.records.size()
    auditor = bearer(tokens[Role.AUDITOR])
    position = service.records.history("M000001")[-1]["position"]
    proof = client.get(f"/v1/log/records/{position}", headers=auditor).text
    found = log.verify_file(proof, read_public_keys([key]))
    assert found.record["mark"]["state"] == "verified"
    public = client.get(f"/v1/log/proofs/{position}", headers=bearer(tokens[Role.TRACER])).text
    assert log.verify_file(public, read_public_keys([key])).record is None
    hashes = client.get(f"/v1/log/{Tile(0, 0, size).path()}")
    assert len(read_hash_tile(hashes.content, Tile(0, 0, size))) == size
    bundle = client.get(f"/v1/log/{Tile(None, 0, size).path()}")
    leaves = read_bundle(bundle.content)
    assert len(leaves) == size
    assert b"ZQ0042" not in bundle.content
    assert is_problem(client.get(f"/v1/log/{Tile(0, 0, size + 1).path()}"), 404)
    assert is_problem(client.get("/v1/log/tile/9/000"), 422)
    assert is_problem(client.get("/v1/log/records/99999", headers=auditor), 404)


def test_an_order_follows_its_mark(
    client: TestClient, service: Service, tokens: dict[Role, str]
) -> None:
    """When the mark of a claimed order is verified, the order is done, in one transaction."""
    Orders(service.records).offer(WorkOrder("WO-1", "EXAMPLE ARMS", "MODEL 1", "ZQ0042", "default"))
    claim = Orders(service.records).claim("S1")[0]
    made = replace(intent(42), order_id="WO-1")
    mark_id = service.records.intend(made, fence=claim.fence).mark_id
    service.records.begin(mark_id)
    service.records.give_up(mark_id, "link lost")
    boss = bearer(tokens[Role.SUPERVISOR], If_Match="*")
    body = {"state": "verified", "reason": "read under the microscope"}
    reply = client.post(f"/v1/marks/{mark_id}/conclude", json=body, headers=boss)
    assert reply.status_code == 200
    shown = client.get("/v1/orders/WO-1", headers=bearer(tokens[Role.AUDITOR])).json()
    assert shown["state"] == "done"


def test_a_recipe_is_drafted_released_and_withdrawn(
    client: TestClient, service: Service, tokens: dict[Role, str]
) -> None:
    """What does not load is never a draft; what is released is what marks are made with."""
    engineer = bearer(tokens[Role.ENGINEER])
    text = client.get("/v1/profiles/recipes/default/0", headers=engineer).json()["text"]
    assert is_problem(
        client.post("/v1/profiles/recipes/default", json={"text": "passes = 3"}, headers=engineer),
        422,
    )
    changed = text.replace("# ", "# Trial: ", 1) if "# " in text else text + "\n# trial\n"
    draft = client.post("/v1/profiles/recipes/default", json={"text": changed}, headers=engineer)
    assert (draft.status_code, draft.json()["version"], draft.json()["state"]) == (201, 1, "draft")
    file = service.shelf.folder / "recipes" / "default.toml"
    assert file.read_text("utf-8") == text
    released = client.post("/v1/profiles/recipes/default/1/release", headers=engineer)
    assert released.json()["released_by"] == "engineer one"
    assert file.read_text("utf-8") == changed
    assert is_problem(client.post("/v1/profiles/recipes/default/1/release", headers=engineer), 409)
    assert (
        client.post("/v1/profiles/recipes/default/1/withdraw", headers=engineer).status_code == 200
    )
    assert file.read_text("utf-8") == text
    assert is_problem(client.post("/v1/profiles/recipes/default/9/release", headers=engineer), 404)
    listed = client.get("/v1/profiles", headers=engineer).json()["profiles"]
    assert {"version", "sha256", "state"} <= set(listed[0])
    assert [p["state"] for p in listed if p["version"] == 1] == ["withdrawn"]


def test_metrics_name_no_one(client: TestClient, service: Service, tokens: dict[Role, str]) -> None:
    """Counts by state and by status; no serial, no code, no person."""
    mark_in(service, MarkState.VERIFIED)
    client.get("/v1/nowhere")
    text = client.get("/v1/metrics", headers=bearer(tokens[Role.AUDITOR])).text
    assert 'pinmark_marks{state="verified"} 1.0' in text
    assert 'pinmark_requests_total{method="GET",status="404"} 1.0' in text
    assert "ZQ0042" not in text
    assert "one" not in text.replace("none", "")
