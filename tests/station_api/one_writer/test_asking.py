"""One process writes, whoever asks: deaths, races, strangers, other versions and garbage."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from engraver.errors import ConflictError, InputError, PortError, UnknownStateError
from station_api import kept
from station_api.home import station_lock
from station_api.one_writer import answering, asking, wire
from station_api.records import Records
from station_api.records.head import read_head
from station_api.station import open_station
from station_api.trace.queries import Queries
from station_api.trace.requests import Requests
from tests.conftest import wait_until

HOLDER = """
import os, signal, sys, time
from station_api.one_writer import deeds
from station_api.station import open_station
whole = deeds.do
def do(*given):
    if sys.argv[1] == "after":
        whole(*given)
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[1] != "stay":
    deeds.do = do
with open_station(to_mark=True):
    print("there", flush=True)
    time.sleep(600)
"""
"""A process that has the station and dies as it is asked: before it wrote, or before it answers."""


def a_query(question: str = "{}") -> dict[str, Any]:
    texts = {"outcome": "refused", "reason": "", "answer": "{}", "question": question}
    asked = {"asked_by": "console", "role": "tracer", "request_id": None}
    return {**texts, **asked, "tree_size": 0, "found": 0, "shown": 0}


def hold(how: str) -> subprocess.Popen[str]:
    """Start a process that has the station, and wait until it has."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, how], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None and holder.stdout.readline() == "there\n"
    return holder


def asked_on(records: Records) -> list[str]:
    return sorted(str(one["question"]) for one in Queries(records).all())


@pytest.fixture
def station(home: Path) -> Path:
    """The folder of a station without records."""
    home.mkdir()
    return home


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_writer_that_dies_while_asked(station: Path, when: str) -> None:
    """The command records by itself what the dead did not, and nothing twice."""
    holder = hold(when)
    with open_station() as opened:
        assert not opened.alone
        query = opened.record("query", row=a_query())
        assert holder.wait() == -signal.SIGKILL
        assert [one["query_id"] for one in Queries(opened.records).all()] == [query]
        assert (station / "station.sock").is_socket()  # nobody answers: nobody waits for it
        opened.sign()
        assert kept.fsck(opened.records).sound
        head = read_head(opened.records.database.path)
        assert head is not None and head.size == opened.records.size()
    with open_station(to_mark=True), open_station() as second:
        assert not second.alone
        second.record("query", row=a_query())
        assert len(Queries(second.records).all()) == 2
        assert (station / "station.sock").stat().st_mode & 0o777 == 0o600
    assert not (station / "station.sock").exists()


def test_a_writer_that_dies_and_is_followed_by_another(
    station: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that is restarted under a question answers it by the key of the first asking."""
    keys: list[str] = []
    ask = asking._ask

    def lost(home: Path, deed: str, key: str, fields: Any) -> Any:
        keys.append(key)
        made = ask(home, deed, key, fields)
        if len(keys) == 1:
            raise ConnectionResetError
        return made

    monkeypatch.setattr(asking, "_ask", lost)
    with open_station(to_mark=True) as first, open_station() as second:
        second.record("query", row=a_query())
        assert len(keys) == 2 and keys[0] == keys[1]
        assert len(Queries(first.records).all()) == 1


def test_many_commands_at_once(station: Path) -> None:
    """With and without a process that stays, each takes its turn and nothing is lost."""
    script = (
        "import sys, json\n"
        "from station_api.station import open_station\n"
        "with open_station() as station:\n"
        "    for row in json.loads(sys.argv[1]):\n"
        "        station.record('query', row=row)\n"
    )

    def run(name: str) -> int:
        rows = [a_query(json.dumps(f"{name}{n}")) for n in range(8)]
        words = [sys.executable, "-c", script, json.dumps(rows)]
        return subprocess.run(words, check=False).returncode

    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(run, "abc")) == [0, 0, 0]
    with open_station(to_mark=True) as opened, ThreadPoolExecutor(8) as threads:
        with open_station() as second:
            names = [f"d{n}" for n in range(24)]
            rows = [a_query(json.dumps(name)) for name in names]
            assert len(set(threads.map(lambda r: second.record("query", row=r), rows))) == 24
        wanted = sorted([f"{one}{n}" for one in "abc" for n in range(8)] + names)
        assert asked_on(opened.records) == wanted
        assert kept.fsck(opened.records).sound


def test_a_reader_cannot_open_a_connection_that_writes(station: Path) -> None:
    """What would write beside the holder by another way than asking is refused, and says why."""
    with open_station(to_mark=True), open_station() as second:
        with pytest.raises(PortError, match="written by another process of this station"):
            second.records.append_event("auth", {"did": "x"})
        with pytest.raises(PortError, match="written by another process"):
            Requests(second.records).withdraw("R000001", "why", "me")
    with open_station() as alone, pytest.raises(PortError, match="written by another process"):
        alone.records.append_event("auth", {"did": "x"})  # the lock was let go


def test_who_has_the_station_is_named(station: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has to be done alone says who is there, and what to do: on its pages, or later."""
    for command, remedy in (("serve", "systemctl stop pinmark"), ("mark", "until it has ended")):
        monkeypatch.setattr(sys, "argv", ["pinmark", command, "--secret", "x"])
        who = f"pinmark {command}, process {os.getpid()}"
        with open_station(to_mark=True):
            with pytest.raises(PortError, match=f"another process .*{who}.*{remedy}"):
                open_station(to_mark=True).__enter__()
            assert (station / "station.lock").read_text() == who
        assert (station / "station.lock").read_text() == ""


def test_who_only_reads_is_waited_for(station: Path) -> None:
    """A service that starts while a command holds the lock for a moment is not turned away."""
    reading, read = threading.Event(), threading.Event()

    def hold_for_a_moment() -> None:
        with station_lock(station) as held:
            assert held
            reading.set()
            assert read.wait(20)

    with ThreadPoolExecutor(2) as threads:
        moment = threads.submit(hold_for_a_moment)
        assert reading.wait(20)

        def serve() -> bool:
            with open_station(to_mark=True) as opened:
                return opened.alone

        service = threads.submit(serve)
        with pytest.raises(TimeoutError):
            service.result(0.2)
        read.set()
        moment.result(20)
        assert service.result(20)


def test_an_older_service_takes_no_records(station: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no socket: the command says so, records nothing, and reading goes on."""
    monkeypatch.setattr(asking, "PATIENCE_S", 0.2)
    with station_lock(station, to_stay=True), open_station_beside(station) as second:
        with pytest.raises(PortError, match=r"nothing was recorded: .* does not answer"):
            second.record("query", row=a_query())
        assert Queries(second.records).all() == []


def open_station_beside(home: Path) -> Any:
    Records(home / "station.db").close()
    return open_station()


def test_an_older_schema_is_not_brought_up_beside_a_service(
    station: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer command beside an older service would change tables under its feet."""
    Records(station / "station.db").close()
    with station_lock(station, to_stay=True):
        monkeypatch.setattr("station_api.records.database.SCHEMA", "9999")
        with pytest.raises(ConflictError, match="stop it and start this one"):
            open_station().__enter__()


def test_one_that_does_not_answer(station: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it wrote is not known, and that is what the command says: exit code 3."""
    monkeypatch.setattr(asking, "ANSWER_S", 0.2)
    Records(station / "station.db").close()
    with station_lock(station, to_stay=True), socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(station / wire.NAME))
        silent.listen(1)
        with open_station() as opened, pytest.raises(UnknownStateError, match="is not known"):
            opened.record("query", row=a_query())


def test_a_folder_with_a_long_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path of more than the 107 bytes that a socket's address holds is no hindrance."""
    home = tmp_path / ("long" * 30) / "station"
    monkeypatch.setenv("PINMARK_HOME", str(home))
    with open_station(to_mark=True), open_station() as second:
        assert second.record("query", row=a_query()).startswith("Q")
        assert (home / wire.NAME).is_socket()
    assert not (home / wire.NAME).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("mode", [0o600, 0o666])
def test_another_user_is_refused(station: Path, mode: int) -> None:
    """By the socket's mode; and by who it is, should somebody open the mode."""
    for folder in (station, *station.parents):
        if folder.stat().st_mode & 0o005 != 0o005 and folder.is_relative_to("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o005)
    script = (
        "import os, sys, pathlib\n"
        "from station_api.one_writer import asking\n"
        "os.setuid(65534)\n"
        "try:\n"
        "    asking._ask(pathlib.Path(sys.argv[1]), 'checkpoint', 'k', {})\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    with open_station(to_mark=True) as opened:
        (station / wire.NAME).chmod(mode)
        words = [sys.executable, "-c", script, str(station)]
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        assert "run the command as its user" in said, said
        assert opened.records.size() == 0


def spoken(home: Path, data: bytes) -> dict[str, Any]:
    """Say something to the process that has the station; return its answer."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(home / wire.NAME))
        peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)
        return wire.receive(peer, 20) or {}


def framed(**changed: Any) -> bytes:
    asked = {"version": wire.VERSION, "deed": "query", "key": "k", "fields": {"row": a_query()}}
    return json.dumps(asked | changed).encode() + b"\n"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "cannot be recorded"),
        (b"[1]\n", "no object"),
        (b"\xff\xfe\n", "cannot be recorded"),
        (b"[" * 100_000 + b"\n", "cannot be recorded"),
        (framed(version=2), "end it and start it again"),
        (framed(deed="people"), "'people' is nothing that a command can have recorded"),
        (framed(deed=7), "names its deed"),
        (framed(fields={}), "cannot be recorded"),
        (framed(fields={"row": a_query() | {"station": "S2"}}), "a query has the columns"),
        (framed(fields={"row": a_query() | {"found": "many"}}), "it has to be int"),
        (framed(fields={"row": a_query() | {"reason": "\ud800"}}), "cannot be recorded"),
        (framed(deed="paper", fields={"event": {"did": "released"}}), "cannot be recorded"),
        (framed(deed="paper", fields={"event": {"did": "downloaded"}}), "is written with"),
        (framed(deed="request", fields={"did": "__init__", "given": {}}), "cannot be recorded"),
        (framed(deed="orders", fields={"batch": [{"serial": 1}]}), "cannot be recorded"),
        (framed(key="x" * 10_000), "key"),
    ],
)
def test_what_is_not_a_question(station: Path, data: bytes, said: str) -> None:
    """Each is refused in one line, changes nothing, and the next question is answered."""
    with open_station(to_mark=True) as opened:
        answer = spoken(station, data)
        assert said in answer["refused"], answer
        assert "\n" not in answer["refused"]
        assert opened.records.size() == 0
        assert "done" in spoken(station, framed())


def test_a_key_that_asked_for_something_else(station: Path) -> None:
    """The answer of one question is not given to another."""
    with open_station(to_mark=True) as opened:
        first = spoken(station, framed())
        assert spoken(station, framed()) == first
        other = spoken(station, framed(fields={"row": a_query("[]")}))
        assert "this key was used to ask for something else" in other["refused"]
        assert len(Queries(opened.records).all()) == 1


def test_who_hangs_up_or_says_nothing_keeps_nobody(
    station: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More silent ones than there are threads: they are let go, and the next is answered."""
    monkeypatch.setattr(answering, "PATIENCE_S", 0.2)
    monkeypatch.setattr(wire, "MOST_BYTES", 1 << 17)
    with open_station(to_mark=True):
        silent = []
        for sent in (b"", b"{", b"x" * 1_000, b"", b"", b"", b"", b""):
            peer = socket.socket(socket.AF_UNIX)
            peer.connect(str(station / wire.NAME))
            peer.sendall(sent)
            silent.append(peer)
        assert "done" in spoken(station, framed())
        for peer in silent:
            peer.close()
        assert "more than" in spoken(station, b" " * (1 << 17) + b" \n")["refused"]


def test_a_place_without_sockets_goes_on_without(
    station: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder on a file system that has none: the station marks, and says what will not go."""
    monkeypatch.setattr(asking, "PATIENCE_S", 0.2)
    (station / wire.NAME).mkdir()
    with open_station(to_mark=True) as opened:
        opened.records.append_event("auth", {"did": "x"})
        with open_station() as second, pytest.raises(PortError, match="nothing was recorded"):
            second.record("query", row=a_query())
    assert "station.sock cannot be made" in caplog.text


def test_what_the_deed_refuses_is_raised_as_if_it_were_done_here(station: Path) -> None:
    """The same class, so the same exit code, and the same line."""
    said: list[tuple[type, str]] = []
    deeds: list[Callable[[Any], Any]] = [
        lambda s: s.record("request", did="withdraw", given=withdrawal()),
        lambda s: s.record("request", did="answer", given=answer_without_words()),
        lambda s: s.record("paper", event={"did": "downloaded"}),
    ]
    for deed in deeds:
        with open_station() as alone, pytest.raises(InputError) as here:
            deed(alone)
        with open_station(to_mark=True), open_station() as second:
            with pytest.raises(InputError) as there:
                deed(second)
            assert (here.type, str(here.value)) == (there.type, str(there.value))
            said.append((there.type, str(there.value)))
    assert len(set(said)) == 3


def withdrawal() -> dict[str, str]:
    return {"request_id": "R000099", "reason": "why", "by": "me"}


def answer_without_words() -> dict[str, Any]:
    return {"request_id": "R000099", "query_id": "Q1", "disclosed": [], "by": "me"}


def test_a_socket_that_ends_with_its_station(station: Path) -> None:
    """What was asked is done before the station closes, and the thread ends with it."""
    with open_station(to_mark=True), open_station() as second:
        second.record("query", row=a_query())
    wait_until(
        lambda: not [one for one in threading.enumerate() if one.name.startswith("one writer")], 20
    )
