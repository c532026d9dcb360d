"""The station as an OPC UA server: what is marked, how many, what waits for a person. Read-only.

In: the records. Out: an address space under ``Objects/pinmark``: Station, LogEntries, InDoubt,
LastMark (MarkId, Serial, Code, State, ChangedAt) and Counts by state. Needs the extra
`pinmark[opcua]`. See docs/opcua.md.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from asyncua import ua
from asyncua.server.server import Server

from engraver.errors import InputError, PortError
from engraver.record import MarkState
from station_api.links.opcua_security import Pair, only
from station_api.records import Records
from station_api.records.tables import marks

NAMESPACE = "urn:pinmark:station"
LOOK_S = 0.5
LAST = ("MarkId", "Serial", "Code", "State")


@dataclass(slots=True)
class Figures:
    """What the address space shows at one moment."""

    entries: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=lambda: dict.fromkeys(LAST, ""))
    changed_at_us: int = 0


def read_figures(records: Records) -> Figures:
    """Read the figures of a station from its records."""
    counted = (
        sa.select(marks.c.state, sa.func.count())
        .where(marks.c.station == records.station)
        .group_by(marks.c.state)
    )
    newest = sa.select(marks).where(marks.c.station == records.station)
    with records.database.reading.connect() as connection:
        counts = {str(state): int(count) for state, count in connection.execute(counted)}
        row = connection.execute(newest.order_by(marks.c.position.desc()).limit(1)).first()
    figures = Figures(records.size(), counts)
    if row is not None:
        figures.last = dict(zip(LAST, (row.mark_id, row.serial, row.code, row.state), strict=True))
        figures.changed_at_us = row.changed_at_us
    return figures


async def serve(
    records: Records,
    endpoint: str,
    stop: asyncio.Event,
    ready: asyncio.Event,
    pair: Pair | None = None,
    clients: frozenset[bytes] | None = None,
) -> None:
    """Serve until ``stop``; ``ready`` is set once clients can connect.

    Without a pair anybody who reaches the endpoint can read: bind it to the machine. With one, only
    signed and encrypted connections are taken, of the clients whose certificates are given.

    Raises
    ------
    PortError
        If the endpoint cannot be listened at.
    """
    server = Server()
    await server.init()
    server.set_endpoint(endpoint)
    server.set_server_name(f"pinmark {records.station}")
    policies = [ua.SecurityPolicyType.NoSecurity]
    if pair is not None:
        await server.load_certificate(pair.certificate, "der")
        await server.load_private_key(pair.key, format="pem")
        if clients is not None:
            server.set_certificate_validator(only(clients))
        policies = [ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]
    server.set_security_policy(policies)
    nodes = await _make_nodes(server, records)
    try:
        await server.start()
    except OSError as error:
        raise PortError(
            f"{endpoint} cannot be listened at ({error.strerror}); name another --endpoint, or end "
            "the program that has it"
        ) from error
    try:
        await _write(nodes, await asyncio.to_thread(read_figures, records))
        ready.set()
        while not stop.is_set():
            await _pause(stop)
            await _write(nodes, await asyncio.to_thread(read_figures, records))
    finally:
        await server.stop()


def check_endpoint(endpoint: str, *, known: bool) -> str:
    """Return the endpoint if it may be served.

    Raises
    ------
    InputError
        If it is no OPC UA URL, or would be open to a network where clients are not ``known``.

    Examples
    --------
    >>> check_endpoint("opc.tcp://127.0.0.1:4840", known=False)
    'opc.tcp://127.0.0.1:4840'
    """
    host, _, port = endpoint.removeprefix("opc.tcp://").rstrip("/").rpartition(":")
    right = port.isascii() and port.isdigit() and 0 < int(port) < 65536
    if not endpoint.startswith("opc.tcp://") or not host or not right:
        raise InputError(f"{endpoint[:80]!r} is no endpoint; write opc.tcp://127.0.0.1:4840")
    if not known and host not in ("127.0.0.1", "localhost", "[::1]"):
        raise InputError(
            f"{endpoint} is open to a network; give --certificate, --key, and with --clients the "
            "folder of the certificates that may read"
        )
    return endpoint


async def _make_nodes(server: Server, records: Records) -> dict[str, Any]:
    index = await server.register_namespace(NAMESPACE)
    root = await server.nodes.objects.add_object(index, "pinmark")
    await root.add_variable(index, "Station", records.station)
    nodes: dict[str, Any] = {}
    for name in ("LogEntries", "InDoubt"):
        nodes[name] = await root.add_variable(index, name, 0, ua.VariantType.Int64)
    counts = await root.add_object(index, "Counts")
    for state in MarkState:
        nodes[state.value] = await counts.add_variable(index, state.value, 0, ua.VariantType.Int64)
    last = await root.add_object(index, "LastMark")
    for name in LAST:
        nodes[name] = await last.add_variable(index, name, "")
    nodes["ChangedAt"] = await last.add_variable(index, "ChangedAt", datetime(1970, 1, 1))
    return nodes


async def _write(nodes: dict[str, Any], figures: Figures) -> None:
    numbers = {state.value: figures.counts.get(state.value, 0) for state in MarkState}
    numbers |= {"LogEntries": figures.entries, "InDoubt": numbers[MarkState.UNKNOWN]}
    for name, number in numbers.items():
        await nodes[name].write_value(number, ua.VariantType.Int64)
    for name, text in figures.last.items():
        await nodes[name].write_value(text)
    changed = datetime.fromtimestamp(figures.changed_at_us / 1e6, UTC).replace(tzinfo=None)
    await nodes["ChangedAt"].write_value(changed)


async def _pause(stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stop.wait(), LOOK_S)
    except TimeoutError:
        return
