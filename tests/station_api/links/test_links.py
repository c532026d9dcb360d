"""Promises of the links: a real broker and a real OPC UA client see what the records say."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engraver.errors import InputError
from station_api.cli.link import _looking
from station_api.home import station_lock
from station_api.records import Records
from tests.conftest import wait_until
from tests.station_api.records.houses import COMPLETE, intent

aiomqtt = pytest.importorskip("aiomqtt", reason="the extra pinmark[mqtt] is not installed")
asyncua = pytest.importorskip("asyncua", reason="the extra pinmark[opcua] is not installed")

from station_api.links import mqtt, opcua  # noqa: E402

WAIT_S = 60.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture(scope="module")
def mosquitto() -> str:
    """Return the broker's program: on the path, or from Debian's package where that is allowed."""
    found = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        settings = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update", "-qq"], ["install", "-y", "-qq", "mosquitto"]):
            subprocess.run(["apt-get", *words], env=settings, capture_output=True, check=False)
        found = shutil.which("mosquitto", path="/usr/sbin:/usr/bin")
    if found is None:
        pytest.skip("no Mosquitto here, and no right to install Debian's package")
    return found


@contextmanager
def broker(program: str, port: int) -> Iterator[None]:
    """Run a Mosquitto on a port of this machine."""
    process = subprocess.Popen(
        [program, "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: answers(port) or process.poll() is not None, WAIT_S)
        assert process.poll() is None, "mosquitto did not start"
        yield
    finally:
        process.terminate()
        process.wait()


def answers(port: int) -> bool:
    with socket.socket() as link:
        return link.connect_ex(("127.0.0.1", port)) == 0


def mark(records: Records, n: int) -> str:
    mark_id = records.intend(intent(n)).mark_id
    records.begin(mark_id)
    records.conclude_run(mark_id, replace(COMPLETE))
    return mark_id


async def receive(port: int, count: int) -> list[dict[str, object]]:
    """Take the next ``count`` messages about marks from the broker."""
    found: list[dict[str, object]] = []
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("pinmark/S1/marks/#", qos=1)
        async for message in client.messages:
            if not message.retain:
                found.append(json.loads(message.payload))
            if len(found) == count:
                return found
    return found


def test_a_broker_gets_every_transition_once_and_resumes(mosquitto: str, tmp_path: Path) -> None:
    """In order; what happened while the broker was away comes when it is back."""
    records = Records(tmp_path / "station.db")
    port = free_port()
    where = mqtt.parse_broker(f"mqtt://127.0.0.1:{port}")

    async def session(first: int, count: int) -> list[dict[str, object]]:
        stop = asyncio.Event()
        taken = asyncio.create_task(receive(port, count))
        await asyncio.sleep(0)
        async with aiomqtt.Client("127.0.0.1", port) as probe:
            # the subscriber is in place once a retained probe would reach it
            await probe.publish("pinmark/probe", "x", qos=1)
        link = asyncio.create_task(mqtt.publish(records, where, tmp_path, stop))
        await asyncio.to_thread(mark, records, first)
        found = await asyncio.wait_for(taken, WAIT_S)
        stop.set()
        await link
        return found

    with broker(mosquitto, port):
        first = asyncio.run(session(1, 3))
    assert [one["to_state"] for one in first] == ["intended", "marking", "marked"]
    mark(records, 2)
    with broker(mosquitto, port):
        second = asyncio.run(session(3, 6))
    assert [one["mark_id"] for one in second] == ["M000002"] * 3 + ["M000003"] * 3
    positions = [int(str(one["position"])) for one in first + second]
    assert positions == sorted(set(positions))
    assert mqtt.read_position(tmp_path) == positions[-1]
    records.close()


def test_a_broker_that_is_away_is_told_once(tmp_path: Path) -> None:
    """A person who mistyped the port sees why nothing arrives."""
    records = Records(tmp_path / "station.db")
    where = mqtt.parse_broker(f"mqtt://127.0.0.1:{free_port()}")
    told: list[str] = []

    async def session() -> None:
        stop = asyncio.Event()
        link = asyncio.create_task(mqtt.publish(records, where, tmp_path, stop, told.append))
        async with asyncio.timeout(WAIT_S):
            while not told:
                await asyncio.sleep(0.02)
        stop.set()
        await link

    asyncio.run(session())
    records.close()
    assert len(told) == 1 and f":{where.port} does not take messages" in told[0]


def test_a_link_leaves_the_lock_to_who_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinmark: Callable[..., Any]
) -> None:
    """Started before the service it neither keeps it from starting nor calls a mark unknown."""
    monkeypatch.setenv("PINMARK_HOME", str(tmp_path / "home"))
    empty = pinmark("link", "opcua")
    assert empty.returncode == 2 and "no records yet" in empty.stderr
    Records(tmp_path / "home" / "station.db").close()
    with _looking(), station_lock(tmp_path / "home") as held:
        assert held


def test_a_password_is_not_taken_from_the_address_nor_shown() -> None:
    """It would stand in the list of processes, and in the message that refuses it."""
    with pytest.raises(InputError, match="password_file") as refused:
        mqtt.parse_broker("mqtts://mes:hunter22@plant")
    assert "hunter22" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://x", "mqtt://", "mqtt://a b", "mqtt://h:99999999", ""])
def test_what_is_no_broker_is_refused(url: str) -> None:
    """One line that says what a broker's URL looks like."""
    with pytest.raises(InputError, match="mqtt://host"):
        mqtt.parse_broker(url)


def test_a_password_goes_over_tls_only() -> None:
    """Except to this machine."""
    with pytest.raises(InputError, match="TLS"):
        mqtt.parse_broker("mqtt://mes@plant", "secret")
    assert mqtt.parse_broker("mqtts://mes@plant", "secret").port == 8883


def test_an_opc_ua_client_reads_the_figures_and_can_write_none(tmp_path: Path) -> None:
    """Counts, the last mark and the log's length follow the records."""
    records = Records(tmp_path / "station.db")
    mark(records, 1)
    endpoint = f"opc.tcp://127.0.0.1:{free_port()}"

    async def session() -> None:
        stop, ready = asyncio.Event(), asyncio.Event()
        server = asyncio.create_task(opcua.serve(records, endpoint, stop, ready))
        await asyncio.wait_for(ready.wait(), WAIT_S)
        async with asyncua.Client(endpoint) as client:
            index = await client.get_namespace_index(opcua.NAMESPACE)
            root = await client.nodes.objects.get_child([f"{index}:pinmark"])

            async def read(*path: str) -> object:
                node = await root.get_child([f"{index}:{name}" for name in path])
                return await node.read_value()

            assert await read("Station") == "S1"
            assert await read("LastMark", "Serial") == "ZQ0001"
            assert await read("Counts", "marked") == 1
            mark(records, 2)
            async with asyncio.timeout(WAIT_S):
                while await read("Counts", "marked") != 2:
                    await asyncio.sleep(0.05)
            assert await read("LogEntries") == records.size()
            node = await root.get_child([f"{index}:InDoubt"])
            with pytest.raises(asyncua.ua.UaStatusCodeError):
                await node.write_value(7, asyncua.ua.VariantType.Int64)
        stop.set()
        await server

    asyncio.run(session())
    records.close()


def test_an_open_endpoint_on_a_network_is_refused() -> None:
    """Reading serials takes a certificate as soon as another machine can connect."""
    with pytest.raises(InputError, match="certificate"):
        opcua.check_endpoint("opc.tcp://0.0.0.0:4840", known=False)
    with pytest.raises(InputError, match="no endpoint"):
        opcua.check_endpoint("http://x", known=True)
    with pytest.raises(InputError, match="no endpoint"):
        opcua.check_endpoint("opc.tcp://127.0.0.1:99999", known=True)
