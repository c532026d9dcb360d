"""Promises of the sample station: people and orders are there, and nothing of it is left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from station_api.cli.sample import OPEN_ORDERS, PEOPLE
from tests.conftest import command, wait_until

START_S = 60.0


def processes_of(folder: Path) -> list[int]:
    """Return the processes whose command names a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes()
        except OSError:  # it has ended meanwhile
            continue
        if str(folder).encode() in words:
            found.append(int(entry.parent.name))
    return found


def ask(url: str, cookie: str = "", body: dict[str, str] | None = None) -> tuple[Any, str]:
    """Return JSON and the session's cookie of a request."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Cookie": cookie}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as reply:
        return json.load(reply), (reply.headers["Set-Cookie"] or "").partition(";")[0]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="lists processes by /proc")
def test_a_newcomer_finds_orders_and_sigterm_ends_the_engraver_too(tmp_path: Path) -> None:
    """`serve --sample` lets olivia in to twelve orders; a SIGTERM leaves no process behind."""
    folder = tmp_path / "sample"
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            command("serve", "--sample", str(folder), "--port", "0"),
            stdout=file, stderr=file, stdin=subprocess.DEVNULL, env=os.environ | {"COLUMNS": "200"},
        )  # fmt: skip
    try:
        wait_until(lambda: b"sign in as" in log.read_bytes() or process.poll() is not None, START_S)
        found = re.search(r"pages on (http://[\d.:]+)/", log.read_text())
        assert found, log.read_text()
        secret = PEOPLE["olivia"][1]
        body = {"name": "olivia", "secret": secret}
        wait_until(lambda: olivia_is_in(found[1], body), START_S)
        _, cookie = ask(f"{found[1]}/v1/session", body=body)
        floor, _ = ask(f"{found[1]}/v1/floor", cookie)
        assert len(floor["queue"]) == OPEN_ORDERS
        assert len(processes_of(folder)) >= 2
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(START_S) == 0
    wait_until(lambda: processes_of(folder) == [], START_S)


def olivia_is_in(url: str, body: dict[str, str]) -> bool:
    """Return whether the sample people are there already: they come while it serves."""
    try:
        ask(f"{url}/v1/session", body=body)
    except OSError:
        return False
    return True
