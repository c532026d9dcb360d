"""Transitions to an MQTT broker: ``pinmark/<station>/marks/<mark_id>``, QoS 1, retained.

In: the records, a broker's address. Out: one message for each transition, in order, from where the
last run stopped: the position is kept in ``mqtt.position`` once the broker has acknowledged. A
message may come twice after a lost link; its position says so. Needs the extra `pinmark[mqtt]`.
See docs/mqtt.md.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt

from engraver.errors import InputError, PortError
from station_api.log_key import write_durably
from station_api.records import Records
from station_api.service.live import transitions_after

LOOK_S = 0.5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 60.0


@dataclass(frozen=True, slots=True)
class Broker:
    """Where to, and as whom. ``ca`` is the file of the authority that signed its certificate."""

    host: str
    port: int = 1883
    user: str | None = None
    password: str | None = None
    ca: Path | None = None


async def publish(
    records: Records,
    broker: Broker,
    home: Path,
    stop: asyncio.Event,
    tell: Callable[[str], object] = lambda said: None,
) -> None:
    """Publish transitions until ``stop``; a broker that is away is waited for, and told once."""
    pause_s, told = FIRST_PAUSE_S, ""
    while not stop.is_set():
        try:
            async with _client(records, broker) as client:
                if told:
                    tell(f"{broker.host}:{broker.port} is back")
                pause_s, told = FIRST_PAUSE_S, ""
                await _publish_from(client, records, home, stop)
                await client.publish(_status(records), "offline", qos=1, retain=True)
        except aiomqtt.MqttError as error:
            if told != (told := f"{broker.host}:{broker.port} does not take messages: {error}"):
                tell(f"{told}; tried again until it does, nothing is lost meanwhile")
            await _pause(stop, pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


async def _publish_from(
    client: aiomqtt.Client, records: Records, home: Path, stop: asyncio.Event
) -> None:
    await client.publish(_status(records), "online", qos=1, retain=True)
    last = read_position(home)
    while not stop.is_set():
        found = await asyncio.to_thread(transitions_after, records, last)
        for row in found:
            topic = f"{_prefix(records)}/marks/{row['mark_id']}"
            # returns once the broker has acknowledged (QoS 1)
            await client.publish(topic, json.dumps(row), qos=1, retain=True)
            last = row["position"]
        if found:
            await asyncio.to_thread(write_durably, _position_file(home), f"{last}\n")
        else:
            await _pause(stop, LOOK_S)


def read_position(home: Path) -> int:
    """Return the last position that the broker acknowledged, -1 for none.

    Raises
    ------
    InputError
        If the file was damaged.
    """
    path = _position_file(home)
    if not path.exists():
        return -1
    text = path.read_text("utf-8").strip()
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise InputError(f"{path} holds {text[:40]!r}, no position; remove it to send all again")
    return int(text)


def parse_broker(url: str, password: str | None = None, ca: Path | None = None) -> Broker:
    """Read ``mqtt://user@host:1883``, or ``mqtts://`` for TLS.

    Raises
    ------
    InputError
        If it is no such URL, or sends a password in the clear to another machine.

    Examples
    --------
    >>> parse_broker("mqtt://plant").port
    1883
    """
    shape = r"(mqtts?)://(?:([\w.-]+)@)?([\w.-]+)(?::([0-9]{1,5}))?/?"
    if re.match(r"mqtts?://[^/@]*:[^/@]*@", url):
        raise InputError(
            "a password does not stand in the broker's address; write it into a file, mode 600, "
            "and name it [mqtt] password_file"
        )
    if not (found := re.fullmatch(shape, url, re.ASCII)):
        raise InputError(f"{url[:80]!r} is no broker; write mqtt://host:1883 or mqtts://host:8883")
    secure = found[1] == "mqtts"
    if password and not secure and found[3] not in ("localhost", "127.0.0.1"):
        raise InputError("a password goes over TLS only; write mqtts://")
    if secure and ca is None:
        ca = Path(ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt")
    port = int(found[4] or (8883 if secure else 1883))
    return Broker(found[3], port, found[2], password, ca if secure else None)


def run(records: Records, broker: Broker, home: Path, tell: Callable[[str], object]) -> None:
    """Publish until interrupted; what a person should know of the broker is told.

    Raises
    ------
    PortError
        If the authority's file cannot be read.
    """
    if broker.ca is not None and not broker.ca.exists():
        raise PortError(f"{broker.ca} cannot be read; name the authority's file with --ca")
    asyncio.run(publish(records, broker, home, asyncio.Event(), tell))


def _client(records: Records, broker: Broker) -> aiomqtt.Client:
    context = ssl.create_default_context(cafile=str(broker.ca)) if broker.ca else None
    will: Any = aiomqtt.Will(_status(records), "offline", qos=1, retain=True)
    return aiomqtt.Client(
        broker.host,
        broker.port,
        username=broker.user,
        password=broker.password,
        tls_context=context,
        will=will,
        identifier=f"pinmark-{records.station}",
    )


def _prefix(records: Records) -> str:
    return "pinmark/" + re.sub(r"[+#/\s]", "-", records.station)


def _status(records: Records) -> str:
    return f"{_prefix(records)}/status"


def _position_file(home: Path) -> Path:
    return home / "mqtt.position"


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
