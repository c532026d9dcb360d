"""Commands beside a real `pinmark serve`: what they do is recorded, and only the service writes."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from station_api import kept
from station_api.papers.downloads import last_download
from station_api.records.order_lists import orders_in
from station_api.records.orders import OrderState
from station_api.station import open_station
from station_api.trace.queries import Queries
from station_api.trace.requests import Requests
from tests.conftest import command, wait_until
from tests.faults.layer import Call, laid_under, read_trace
from tests.station_api.records.houses import mark

MANY = """
import json, sys
from station_api.cli import shell
from station_api.cli.app import make_app
for words in json.loads(sys.argv[1]):
    print("\\n#", *words, flush=True)
    print("\\n=", shell.run(make_app(words), words), flush=True)
"""
"""Runs commands one after the other in one process: to start one takes a second."""

CHANGES = frozenset("CWTGRU")
"""What the layer calls making, writing, cutting, growing, renaming and removing a file."""


def run_all(batch: list[list[str]], environment: dict[str, str]) -> dict[str, str]:
    """Run commands; each has to end with 0 or 1 (nothing found), the question refused with 2."""
    words = [sys.executable, "-c", MANY, json.dumps(batch)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    parts = re.findall(r"^# (.*?)$(.*?)^= (\d+)$", done.stdout, re.M | re.S)
    assert len(parts) == len(batch), done.stdout + done.stderr
    for name, _, code in parts:
        assert code in ("2" if name == "trace --serial ?" else "01"), done.stdout + done.stderr
    return {name: said for name, said, _ in parts}


def changed(calls: list[Call], home: Path) -> int:
    """Count the changes of the database and its WAL; its shared memory is no record."""
    paths = {str(home / "station.db"), str(home / "station.db-wal")}
    inodes = {call.inode for call in calls if call.path in paths}  # of a name that was opened
    inodes |= {Path(path).stat().st_ino for path in paths if Path(path).exists()}
    changes = [call for call in calls if call.op in CHANGES]
    return sum(call.path in paths or call.inode in inodes for call in changes)


@contextmanager
def serving(log: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run `pinmark serve` on a free port until the block ends."""
    with log.open("wb") as said:
        service = subprocess.Popen(
            command("serve", "--port", "0"), stdout=said, stderr=said, env=environment
        )
    try:
        wait_until(lambda: b"pages on" in log.read_bytes() or service.poll() is not None, 60)
        assert service.poll() is None, log.read_text()
        yield service
    finally:
        service.send_signal(signal.SIGTERM)
        assert service.wait(60) == 0, log.read_text()


@pytest.fixture
def marked(home: Path) -> Path:
    """A station with one verified mark."""
    home.mkdir()
    with open_station(to_mark=True) as station:
        mark(station.records, 1)
    return home


def commands_that_record(folder: Path, order: Path) -> list[list[str]]:
    agency = ["--agency", "ATF", "--person", "P", "--contact", "1", "--authority", "923(g)(7)"]
    return [
        ["log", "checkpoint"],
        ["trace", "WT3?[A4]HG?P1??"],
        ["trace", "--serial", "?"],
        ["requests", "add", *agency],
        ["order", "add", str(order)],
        ["papers", "book", "--csv", str(folder / "book.csv")],
        ["papers", "audit", "--month", "2026-11"],
        ["papers", "hand-over", str(folder / "hand-over")],
        ["export", str(folder / "export")],
        ["backup", str(folder / "backups")],
        ["doctor"],
        ["log", "prove", "M000001", "--out", str(folder / "m.proof")],
        ["log", "fsck"],
    ]


def test_beside_a_service_only_the_service_writes(marked: Path, tmp_path: Path) -> None:
    """Every command that records leaves its record, and changes no byte of the database itself.

    The file layer of tests/faults stands under both processes. The same commands without a service
    do write: the layer would have seen it.
    """
    order = tmp_path / "order.toml"
    order.write_text(
        'order = "WO-9"\nmake = "Example Arms"\nmodel = "Model 1"\nserial = "ZQ0999"\n'
    )
    batch = commands_that_record(tmp_path / "out", order)
    (tmp_path / "out").mkdir()
    beside = laid_under(marked, tmp_path / "service"), laid_under(marked, tmp_path / "commands")
    with (
        beside[0] as under_service,
        beside[1] as under_commands,
        serving(tmp_path / "serve.log", under_service.environment),
    ):
        said = run_all(batch, under_commands.environment)
        assert "sound" in said["log fsck"], said["log fsck"]
        assert changed(read_trace(under_commands.trace), marked) == 0
        assert changed(read_trace(under_service.trace), marked) > 50
    with laid_under(marked, tmp_path / "alone") as alone:
        run_all([["log", "checkpoint"], ["trace", "WT3?[A4]HG?P1??"]], alone.environment)
        assert changed(read_trace(alone.trace), marked) > 10

    with open_station() as station:
        assert station.alone
        records = station.records
        told = [one["outcome"] for one in Queries(records).all()]
        assert told == ["answered", "refused", "answered"]
        assert [one.agency for one in Requests(records).all()] == ["ATF"]
        assert kept.fsck(records).sound
        assert [one.order_id for one in orders_in(records, (OrderState.OPEN,))] == ["WO-9"]
        downloaded = last_download(records)
        assert downloaded is not None and downloaded.by == "console"
    assert len([*(tmp_path / "out" / "backups").glob("*.db")]) == 1
