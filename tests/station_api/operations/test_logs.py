"""The service's log: structured, graded, rotated, and without a firearm or a person in it."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from station_api.configuration.model import LoggingKeys
from station_api.logs import JsonLines, TextLines, fields, set_up
from station_api.service.notify import notify
from tests.conftest import command, engraver_process, wait_until

PASSWORD = "correct horse battery"
MARKED = ("ZQ0042", "WT37AHG3P1Y5", "WO-1001")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Leave the root logger as the test found it."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)


def one_line(formatter: logging.Formatter, **extra: Any) -> str:
    """Format one warning whose exception and arguments name a serial."""
    try:
        raise ValueError("ZQ0042 was marked before")
    except ValueError:
        record = logging.getLogger("pinmark.x").makeRecord(
            "pinmark.x", logging.WARNING, "f", 1, "order %s refused", ("ZQ0042",), sys.exc_info()
        )
    record.__dict__.update(extra)
    return formatter.format(record)


def test_an_event_is_constant_and_an_exception_is_its_class() -> None:
    """Arguments and messages of exceptions, which name serials, are not written."""
    said = json.loads(one_line(JsonLines(), **fields(mark="M000001")))
    assert said["event"] == "order %s refused" and said["mark"] == "M000001"
    assert said["exception"] == "ValueError" and "test_logs.py" in said["at_code"]
    text = one_line(TextLines(levels=True))
    assert text.startswith("<4>warning pinmark.x: order %s refused exception=ValueError")
    assert "ZQ0042" not in text + json.dumps(said)


def test_a_librarys_words_are_not_repeated(tmp_path: Path) -> None:
    """Of a library's warnings only that they came is written; of its chat not even that."""
    file = tmp_path / "l.log"
    set_up(LoggingKeys(file=file, format="json"), journal=False)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.NOTSET)
    logging.getLogger("sqlalchemy.engine").info("SELECT ... ('ZQ0042')")
    logging.getLogger("sqlalchemy.engine").warning("INSERT ... ('ZQ0042')")
    said = json.loads(file.read_text())
    assert (said["logger"], said["event"]) == ("sqlalchemy.engine", "a message of a library")


@pytest.mark.parametrize("letter", ["x", "ä"])
def test_the_file_is_rotated(tmp_path: Path, letter: str) -> None:
    """No more files than configured, each no larger than configured, in bytes."""
    file = tmp_path / "l.log"
    set_up(LoggingKeys(file=file, file_mb=1, files=2), journal=False)
    for _ in range(30):
        logging.getLogger("pinmark.test").info(letter * 200_000)
    found = sorted(tmp_path.iterdir())
    assert [path.name for path in found] == ["l.log", "l.log.1", "l.log.2"]
    assert all(path.stat().st_size <= 1_000_000 for path in found)


@contextmanager
def served(home: Path, *options: str, **variables: str) -> Iterator[tuple[str, Path]]:
    """Run `pinmark serve` as a process; yield its address and the file of its standard error."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    errors = home.parent / "serve.err"
    variables = {"PINMARK_LOG_LEVEL": "debug", "PINMARK_LOG_FORMAT": "json", **variables}
    with errors.open("w") as log:
        process = subprocess.Popen(
            command("serve", "--port", str(port), *options), stderr=log, env=os.environ | variables
        )
    try:
        wait_until(lambda: answers(port) or process.poll() is not None, 60)
        assert process.poll() is None, errors.read_text()
        yield f"http://127.0.0.1:{port}", errors
    finally:
        process.terminate()
        process.wait()


def answers(port: int) -> bool:
    """Whether the service answers yet."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/health", timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def ask(url: str, token: str = "", body: Any = None) -> tuple[int, Any]:
    """One request; the status and what came back."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        request = urllib.request.Request(url, data, headers)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_whole_shift_leaves_no_serial_in_the_log(
    home: Path, pinmark: Any, tmp_path: Path
) -> None:
    """Sign-in, order, mark on the virtual engraver, second mark refused, hostile input: at level
    debug the log has the transitions by mark id, and no serial, code, order, name or secret.
    """
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD)
    for name, role in (("Quintessa Zyx", "supervisor"), ("Ada Zyx", "operator")):
        pinmark("people", "add", name, "--role", role, "--secret-file", secret)
    order = {"order": "WO-1001", "make": "Example Arms", "model": "Model 1", "serial": "ZQ0042",
             "recipe": "default"}  # fmt: skip
    with (
        engraver_process(tmp_path / "engraver", "--speed", "max") as port,
        served(home, "--engraver", str(port)) as (url, errors),
    ):
        body = {"name": "Quintessa Zyx", "secret": PASSWORD}
        _, session = ask(f"{url}/v1/session", body=body)
        token = session["token"]
        assert ask(f"{url}/v1/session", body={**body, "secret": "wrong ZQ0042"})[0] == 401
        assert ask(f"{url}/v1/orders", token, order)[0] == 201
        assert ask(f"{url}/v1/claims", token, {"count": 1})[0] in (200, 201)
        status, job = ask(f"{url}/v1/marks", token, {"order_id": "WO-1001"})
        assert status == 202, job
        where = f"{url}/v1/jobs/{job['job_id']}"
        wait_until(lambda: '"now": "marked"' in errors.read_text(), 300)
        wait_until(lambda: ask(where, token)[1]["state"] == "done", 60)
        assert ask(f"{url}/v1/marks", token, {"order_id": "WO-1001"})[0] >= 400
        assert ask(f"{url}/v1/orders", token, {**order, "order": "WO-1001-ZQ0042"})[0] >= 400
    lines = errors.read_text().splitlines()
    events = [json.loads(line) for line in lines if line.startswith("{")]
    changed = [(e["was"], e["now"]) for e in events if e["event"] == "mark changed"]
    assert ("marking", "marked") in changed
    assert {e["mark"] for e in events if "mark" in e} == {"M000001"}
    text = errors.read_text().casefold()
    for word in (*MARKED, "Quintessa", "Ada Zyx", PASSWORD, token, "wrong"):
        assert word.casefold() not in text, word


def test_systemd_is_told(home: Path, tmp_path: Path) -> None:
    """READY once it serves, WATCHDOG while it lives, STOPPING at the end."""
    address = tmp_path / "notify"
    told: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(address))
        systemd.settimeout(60)
        variables = {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "2000000"}
        with served(home, **variables):
            while told.count("WATCHDOG=1") < 3:
                told += systemd.recv(4096).decode().splitlines()
        while "STOPPING=1" not in told:
            told += systemd.recv(4096).decode().splitlines()
    assert told[0] == "READY=1"


def test_under_the_journal_the_first_password_is_not_printed(home: Path) -> None:
    """It stands in a file of mode 600; the journal is told where."""
    with served(home, JOURNAL_STREAM="8:1") as (_, errors):
        note = home / "first-sign-in"
        wait_until(note.exists, 30)
        name, password = note.read_text().split()
        assert note.stat().st_mode & 0o777 == 0o600
        wait_until(lambda: "first-sign-in" in errors.read_text(), 30)
        assert name == "administrator" and password not in errors.read_text()


def test_without_systemd_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket, or one that is gone: silence, no error."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/notify")
    assert not notify("READY=1")


def test_two_services_on_one_port(home: Path, tmp_path: Path) -> None:
    """The second says that the port is taken, exit 2, and touches nothing."""
    with served(home) as (url, _):
        words = command("serve", "--port", url.rsplit(":", 1)[1])
        second = subprocess.run(
            words, env=os.environ | {"PINMARK_HOME": str(tmp_path / "second")},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert second.returncode == 2
    assert "cannot be listened on (Address already in use)" in second.stderr
    assert not (tmp_path / "second" / "station.db").exists()
