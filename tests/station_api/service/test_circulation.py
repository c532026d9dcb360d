"""Checkpoints go round by themselves, and no witness, however it behaves, holds up a mark."""

from __future__ import annotations

import base64
import http.client
import json
import os
import secrets
import shutil
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from station_api import cosignatures, log
from station_api.asking import Answer, Line, Outcome, ask
from station_api.configuration.model import WitnessesKeys
from station_api.kept import fsck
from station_api.log_key import log_origin, log_signer
from station_api.neighbours import Neighbour
from station_api.records import Records
from station_api.records.tables import checkpoints
from station_api.service.circulation import Circulation
from station_api.service.service import Service
from station_api.transparency.cosignature import parse_add_checkpoint
from station_api.transparency.note import Algorithm, generate_key, open_note
from tests.conftest import command, wait_until
from tests.station_api.records.conftest import free_port
from tests.station_api.records.houses import mark
from tests.station_api.service.neighbourhood import (
    WAIT_S,
    House,
    liar,
    open_all,
    open_house,
    silent,
)


def houses(folder: Path, *names: str) -> list[House]:
    """Stations with keys, each watching every other."""
    made = [House(name, folder / name, free_port()) for name in names]
    for one in made:
        one.home.mkdir()
    for one in made:
        one.watch([other for other in made if other is not one])
    return made


def quiet(services: Sequence[Service]) -> bool:
    """Tell whether every witness has cosigned all that its neighbours recorded."""
    return all(
        not cosignatures.has_news(service.records, one["size"])
        for service in services
        for one in service.circulation.states()
    )


def test_three_stations_cosign_one_another_and_come_to_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mark's checkpoint gets both signatures, its proof carries them, and then nobody writes."""
    monkeypatch.setenv("PINMARK_CONFIG", "")
    three = houses(tmp_path, "S1", "S2", "S3")
    with open_all(three) as services:
        first = services[0].records
        mark(first, 1)
        position = first.size() - 1
        wait_until(lambda: quiet(services), WAIT_S)
        note = cosignatures.newest_cosigned(first, position)
        assert note is not None
        keys = [log_signer(three[0].home, log_origin("S1")).verifier()]
        keys += [house.neighbour().key for house in three[1:]]
        assert {one.name for one in open_note(note, keys).verified} == {key.name for key in keys}
        proof = log.prove(first, position, services[0].checkpoint_over(position)).text()
        assert len(log.verify_file(proof, keys).note.verified) == 3
        before = [signed_sizes(service.records) for service in services[:2]]
        mark(services[2].records, 2)
        wait_until(lambda: quiet(services), WAIT_S)
        # cosigning is an entry of its own, and no reason for the witness to sign and send in turn
        assert [signed_sizes(service.records) for service in services[:2]] == before
        for house, service in zip(three, services, strict=True):
            own = log_signer(house.home, log_origin(house.name)).verifier()
            assert fsck(service.records, [own]).sound
            others = [other.neighbour() for other in three if other is not house]
            assert cosignatures.check(service.records, others) == []


def signed_sizes(records: Records) -> list[int]:
    """Return the sizes that a station signed."""
    with records.database.reading.connect() as connection:
        return list(connection.execute(sa.select(checkpoints.c.size)).scalars())


def test_a_cosignature_that_was_swapped_is_named(records: Records, tmp_path: Path) -> None:
    """Even if its row and its entry agree: the witness's own key does not."""
    key = generate_key("log.example/S9/witness", secrets.token_bytes, Algorithm.COSIGNATURE)
    other = generate_key("log.example/S9/witness", secrets.token_bytes, Algorithm.COSIGNATURE)
    neighbour = Neighbour("http://127.0.0.1:9/v1/log", key.verifier())
    answer, size = cosigned_by(records, tmp_path, other, other.verifier())
    assert answer.outcome is Outcome.COSIGNED
    cosignatures.keep_cosignature(records, size, neighbour, answer.line)
    (found,) = cosignatures.check(records, [neighbour])
    assert found.table == "cosignatures" and "none of the keys" in found.problem


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    opened = Records(tmp_path / "station.db")
    mark(opened, 1)
    yield opened
    opened.close()


def signed(records: Records, home: Path) -> str:
    """Sign where the log stands."""
    return log.issue_checkpoint(records, [SIGNER], home)


SIGNER = generate_key("pinmark.local/S1", lambda n: bytes(range(n)))
WITNESS = generate_key("log.example/S2/witness", lambda n: bytes(n), Algorithm.COSIGNATURE)


def cosigned_by(records: Records, home: Path, signer: Any, key: Any) -> tuple[Answer, int]:
    """Ask a witness that signs whatever it gets."""

    def sign(body: bytes) -> tuple[int, bytes]:
        text = parse_add_checkpoint(body.decode()).checkpoint.partition("\n\n")[0] + "\n"
        made = signer.verifier().key_id + signer.sign(text, 1_800_000_000)
        return 200, f"\u2014 {signer.name} {base64.b64encode(made).decode()}\n".encode()

    note = signed(records, home)
    with liar(sign) as url:
        return ask(records, note, Neighbour(url, key), 0, Line()), records.size()


ANSWERS: dict[str, tuple[int, bytes, Outcome, str]] = {
    "nothing signed": (200, b"", Outcome.UNBELIEVABLE, "of the same witness"),
    "no note": (200, b"thank you\n", Outcome.UNBELIEVABLE, "of the same witness"),
    "too much": (200, b"x" * 100_000, Outcome.AWAY, "more than 65536 bytes"),
    "not known": (404, b"unknown log\n", Outcome.REFUSED, "folder neighbours"),
    "not our key": (403, b"", Outcome.REFUSED, "folder neighbours"),
    "ahead": (409, b"700\n", Outcome.SET_BACK, "700 entries of this log, which has 5"),
    "same size": (409, b"0\n", Outcome.FORKED, "another tree of 0 entries"),
    "no size": (409, b"many\n", Outcome.UNBELIEVABLE, "without a size"),
    "beyond": (409, b"99999999999999999999\n", Outcome.UNBELIEVABLE, "without a size"),
    "no proof": (422, b"", Outcome.FORKED, "does not continue"),
    "busy": (503, b"", Outcome.AWAY, "asked again"),
    "elsewhere": (302, b"", Outcome.UNBELIEVABLE, "302"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_whatever_a_witness_answers_has_a_name(records: Records, tmp_path: Path, name: str) -> None:
    """No answer is an exception, none is believed without a signature, each says what to do."""
    status, body, outcome, said = ANSWERS[name]
    note = signed(records, tmp_path)
    with liar(lambda _: (status, body)) as url:
        answer = ask(records, note, Neighbour(url, WITNESS.verifier()), 0, Line())
    assert (answer.outcome, answer.line) == (outcome, "")
    assert said in answer.said


def test_a_right_signature_by_another_key_is_none(records: Records, tmp_path: Path) -> None:
    """A wrong key in the configuration is told from a witness that is away."""
    other = generate_key(WITNESS.name, lambda n: bytes([7] * n), Algorithm.COSIGNATURE)
    answer, _ = cosigned_by(records, tmp_path, other, WITNESS.verifier())
    assert answer.outcome is Outcome.UNBELIEVABLE and WITNESS.name in answer.said


def test_a_stale_size_is_asked_once_more_from_what_the_witness_saw(
    records: Records, tmp_path: Path
) -> None:
    """409 names the old size; the second request proves the way from there."""
    asked = []

    def answer(body: bytes) -> tuple[int, bytes]:
        asked.append(parse_add_checkpoint(body.decode()))
        return 409, b"3\n"

    note = signed(records, tmp_path)
    with liar(answer) as url:
        found = ask(records, note, Neighbour(url, WITNESS.verifier()), 0, Line())
    assert [(one.old_size, bool(one.proof)) for one in asked] == [(0, False), (3, True)]
    assert found.outcome is Outcome.FORKED


def test_nobody_there_and_nobody_answering_hold_up_nothing(
    records: Records, tmp_path: Path
) -> None:
    """One port is closed, one witness takes the request and is silent: marks go on, stop ends."""
    waiting, leave = threading.Event(), threading.Event()
    key = WITNESS.verifier().text()
    with silent(waiting, leave) as url:
        gone = f"http://127.0.0.1:{free_port()}/v1/log"
        keys = WitnessesKeys(neighbours=(f"{url} {key}", f"{gone} {other_key()}"), every_s=1)
        circulation = Circulation(records, keys, lambda: signed(records, tmp_path))
        circulation.start()
        try:
            wait_until(lambda: circulation.states()[1]["state"] == "away", WAIT_S)
            assert waiting.wait(WAIT_S)
            mark(records, 2)
            assert circulation.states()[0]["state"] == "waiting"
            assert "Connection refused" in circulation.states()[1]["said"]
        finally:
            circulation.stop()
            leave.set()
    assert not [one for one in threading.enumerate() if one.name == "pinmark-witness"]


def other_key() -> str:
    """The key of one more witness."""
    made = generate_key("log.example/S3/witness", secrets.token_bytes, Algorithm.COSIGNATURE)
    return made.verifier().text()


@contextmanager
def running(house: House, config: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `pinmark serve` as a process, until the block ends."""
    variables = {"PINMARK_CONFIG": str(config), "PINMARK_LOG_FORMAT": "json", "PINMARK_HOME": ""}
    with (house.home / "log.jsonl").open("ab") as errors:
        words = command("serve", "--port", str(house.port))
        process = subprocess.Popen(words, env=os.environ | variables, stderr=errors, stdout=errors)
    try:
        wait_until(lambda: health(house) is not None or process.poll() is not None, WAIT_S)
        assert process.poll() is None, (house.home / "log.jsonl").read_text()
        yield process
    finally:
        process.terminate()
        process.wait()


def health(house: House) -> list[str] | None:
    """Return how the witnesses of a running station answered; None while it is not there."""
    with suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=5)
        try:
            connection.request("GET", "/v1/health")
            found: list[str] = json.load(connection.getresponse())["witnesses"]
        finally:
            connection.close()
        return found
    return None


def sign_in_badly(house: House) -> None:
    """Make an entry: every sign-in stands in the log, refused ones too."""
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=20)
    body = '{"name": "nobody", "secret": "nothing at all"}'
    connection.request("POST", "/v1/session", body, {"Content-Type": "application/json"})
    assert connection.getresponse().status == 401
    connection.close()


def written(house: House, others: Sequence[House]) -> Path:
    """Write a station's configuration."""
    path = house.home / "pinmark.toml"
    lines = ",\n".join(f'  "{other.line()}"' for other in others)
    path.write_text(
        f'[station]\nname = "{house.name}"\nhome = "{house.home}"\n'
        f"[witnesses]\nevery_s = 1\nneighbours = [\n{lines}\n]\n"
    )
    return path


def test_a_station_set_back_is_named_by_its_witness(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pinmark: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """Two stations watch each other; one is killed, goes on, then comes back with old records."""
    monkeypatch.setenv("PINMARK_CONFIG", "")
    one, two = houses(tmp_path, "S1", "S2")
    config = written(one, [two])
    old = tmp_path / "old.db"
    with open_house(two, [one.line()]):
        with running(one, config) as process:
            wait_until(lambda: health(one) == ["cosigned"], WAIT_S)
            with sqlite3.connect(f"file:{one.home}/station.db?mode=ro", uri=True) as source:
                source.backup(sqlite3.connect(old))
            sign_in_badly(one)
            wait_until(lambda: cosigned_size(one) > size_of(old), WAIT_S)
            process.send_signal(signal.SIGKILL)
            process.wait()
        with running(one, config):
            sign_in_badly(one)
            wait_until(lambda: health(one) == ["cosigned"], WAIT_S)
            monkeypatch.setenv("PINMARK_CONFIG", str(config))
            monkeypatch.delenv("PINMARK_HOME", raising=False)
            busy = pinmark("log", "witness", "--ask")
            assert busy.returncode == 2 and "asks by itself" in busy.stderr
            shown = pinmark("log", "witness")
            assert shown.returncode == 0 and "entries cosigned on" in shown.stdout
        for path in one.home.glob("station.db*"):
            path.unlink()
        shutil.copy(old, one.home / "station.db")
        shutil.rmtree(one.home / "log")  # nothing beside the database speaks of it either
        with running(one, config):
            sign_in_badly(one)
            wait_until(lambda: health(one) in (["set-back"], ["forked"]), WAIT_S)
            assert "answers otherwise than before" in (one.home / "log.jsonl").read_text()
        done = pinmark("log", "witness", "--ask", "--json")
        assert done.returncode == 1, done.stdout + done.stderr
        assert json.loads(done.stdout)["witnesses"][0]["state"] in ("forked", "set-back")


def size_of(database: Path) -> int:
    with sqlite3.connect(database) as connection:
        return int(connection.execute("select count(*) from entries").fetchone()[0])


def cosigned_size(house: House) -> int:
    with sqlite3.connect(f"file:{house.home}/station.db?mode=ro", uri=True) as connection:
        return int(connection.execute("select max(size) from cosignatures").fetchone()[0])
