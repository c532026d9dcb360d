"""Two stations watch one another over HTTP: C2SP tlog-witness, from request to offline check."""

from __future__ import annotations

import secrets
from pathlib import Path

from fastapi.testclient import TestClient

from station_api import log
from station_api.log_key import log_origin, log_signer
from station_api.records import Records
from station_api.records.fsck import fsck
from station_api.service.service import Service
from station_api.transparency.note import generate_key, open_note, parse_verifier_key
from station_api.witnessing import request_cosignature
from tests.station_api.records.houses import KEY, mark
from tests.station_api.service.conftest import is_problem

POST = "/v1/log/add-checkpoint"
TEXT = {"Content-Type": "text/plain"}


def test_a_neighbour_is_cosigned_and_a_fork_is_not(
    client: TestClient, service: Service, tmp_path: Path
) -> None:
    """First and grown checkpoint are cosigned and kept; stale, forged, unknown, forked are not."""
    (service.home / "neighbours").mkdir()
    (service.home / "neighbours" / "s2.pub").write_text(KEY.verifier().text() + "\n")
    other, home = Records(tmp_path / "s2.db", "S2"), tmp_path / "s2"
    home.mkdir()
    mark(other, 1)
    first = log.issue_checkpoint(other, [KEY], home)
    size = other.size()
    answer = client.post(POST, content=request_cosignature(other, first, 0).text(), headers=TEXT)
    assert answer.status_code == 200, answer.text
    witness = parse_verifier_key(client.get("/v1/log/witness-key").text.strip())
    both = open_note(first + answer.text, [KEY.verifier(), witness])
    assert {one.name for one in both.verified} == {KEY.name, witness.name}
    mark(other, 2)
    grown = request_cosignature(other, log.issue_checkpoint(other, [KEY], home), size)
    assert client.post(POST, content=grown.text(), headers=TEXT).status_code == 200
    stale = client.post(POST, content=grown.text(), headers=TEXT)
    assert (stale.status_code, stale.text) == (409, f"{other.size()}\n")
    assert stale.headers["content-type"].startswith("text/x.tlog.size")
    fork = Records(tmp_path / "fork.db", "S2")
    for n in (3, 4, 5):
        mark(fork, n)
    note = log.issue_checkpoint(fork, [KEY], tmp_path)
    forked = request_cosignature(fork, note, other.size())
    assert is_problem(client.post(POST, content=forked.text(), headers=TEXT), 422)
    stranger = generate_key("log.example/S9", secrets.token_bytes)
    unknown = request_cosignature(other, log.issue_checkpoint(other, [stranger], home), 0)
    assert is_problem(client.post(POST, content=unknown.text(), headers=TEXT), 404)
    assert is_problem(client.post(POST, content=b"\xff\xfe", headers=TEXT), 400)
    assert is_problem(client.post(POST, content="old x\n\n", headers=TEXT), 400)
    own = log_signer(service.home, log_origin(service.records.station)).verifier()
    assert fsck(service.records.database, [own]).sound
    kinds = [service.records.entry(n).kind for n in range(service.records.size())]
    assert kinds.count("witness") == 2
    other.close()
    fork.close()
