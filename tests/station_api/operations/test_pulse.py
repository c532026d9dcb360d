"""The service's signs of life: fed to systemd's watchdog only while the stream's owner listens."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from station_api.records import Records
from station_api.service.notify import notify
from station_api.service.pulse import Pulse
from station_api.service.runner import SILENCE_S
from station_api.service.service import Service
from tests.station_api.service.conftest import service

__all__ = ["service"]


def test_a_hung_engraver_starves_the_watchdog(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No WATCHDOG=1 while the owner of a stream does not listen; again once it does."""
    home.mkdir()
    hung = [True]

    async def beat(records: Records, systemd: socket.socket) -> list[str]:
        pulse, loop = Pulse(records, lambda: hung[0]), asyncio.get_running_loop()
        told: list[str] = []
        pulse.start()
        while told.count("STATUS=the engraver's thread hangs") < 3:
            told += (await loop.sock_recv(systemd, 4096)).decode().splitlines()
        assert "WATCHDOG=1" not in told
        hung[0] = False
        while "WATCHDOG=1" not in told:
            told += (await loop.sock_recv(systemd, 4096)).decode().splitlines()
        await pulse.stop()
        return told

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "400000")
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        records = Records(home / "station.db")
        with ThreadPoolExecutor(1) as apart:  # whatever loop this thread has, this one is its own
            told = apart.submit(asyncio.run, beat(records, systemd)).result()
        records.close()
    assert told[:2] == ["READY=1", "STATUS=serving"]


def test_nobody_waits_for_a_socket_that_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that does not read costs the service nothing but its signs of life."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        heard = 0
        while notify("WATCHDOG=1"):
            heard += 1
            assert heard < 100_000, "the socket never fills"
        assert heard > 0
        assert systemd.recv(64) == b"WATCHDOG=1"
        assert notify("WATCHDOG=1")


def test_a_runner_that_hears_nothing_is_hung(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silence counts from the last word of a stream, and only while a pin is on the laser."""
    runner, now_s = service.runner, [100.0]
    monkeypatch.setattr("station_api.service.runner.time.monotonic", lambda: now_s[0])
    assert not runner.hung()
    runner.heard_s = now_s[0]
    now_s[0] += SILENCE_S - 1
    assert not runner.hung()
    now_s[0] += 2
    assert runner.hung()
    runner.heard_s = None
    assert not runner.hung()
