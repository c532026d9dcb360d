"""What a command may have recorded by the process that writes: a closed list, by name.

In: open records, the station's folder, fields as JSON carries them. Out: what JSON carries back.
Each is the very function that would have written it in the command's own process. Nothing else can
be asked for: no SQL, no change of a mark, of people or of keys crosses the socket.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engraver.errors import InputError
from engraver.orders import WorkOrder
from station_api.kept import append
from station_api.log import issue_checkpoint
from station_api.log_key import log_origin, log_signer
from station_api.records import Records, now_us
from station_api.records.orders import Orders
from station_api.records.transition import Pen
from station_api.tables import replies
from station_api.trace.queries import write_query
from station_api.trace.requests import Requests

CALLER = "console"
PAPERS = {
    "downloaded": {"view", "form", "sha256", "by"},
    "certification pack": {"make", "model", "verdict", "sha256", "by"},
}
"""Events of kind ``paper`` that a command writes, with the fields of each."""


def do(records: Records, home: Path, deed: str, key: str | None, fields: Mapping[str, Any]) -> Any:
    """Do a deed; with a key that was done before, return what it returned then.

    Raises
    ------
    InputError
        If there is no such deed.
    TypeError, KeyError
        If its fields are not its own.
    PinmarkError
        What the deed refuses; nothing was changed then.
    """
    if deed not in DEEDS:
        raise InputError(f"{deed[:40]!r} is nothing that a command can have recorded")
    work = DEEDS[deed]
    if key is None or deed in UNKEYED:
        return work(records, home, **fields)
    return _once(records, key, (deed, fields), lambda: work(records, home, **fields))


def _once(records: Records, key: str, asked: Any, work: Callable[[], Any]) -> Any:
    """Do ``work`` and keep what it returned, in one transaction; a second time return that."""
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    known = sa.select(replies).where(replies.c.caller == CALLER, replies.c.idempotency_key == key)

    def whole(connection: sa.Connection) -> Any:
        row = connection.execute(known).first()
        if row is not None:
            if row.request_sha256 != digest:
                raise InputError("this key was used to ask for something else")
            return json.loads(row.body)
        made = work()  # joins this transaction: see `records.writer`
        asker = {"caller": CALLER, "idempotency_key": key, "request_sha256": digest}
        values = {**asker, "status": 200, "body": json.dumps(made), "at_us": now_us()}
        connection.execute(sa.insert(replies), values)
        return made

    return records.writer.run(whole)


def _checkpoint(records: Records, home: Path) -> str:
    """Sign where the log stands."""
    return issue_checkpoint(records, [log_signer(home, log_origin(records.station))], home)


def _paper(records: Records, home: Path, event: Mapping[str, str]) -> None:
    """Write that a book or a pack left the station."""
    if PAPERS[event["did"]] != set(event) - {"did"}:
        raise InputError(f"a paper is written with did, {', '.join(sorted(PAPERS[event['did']]))}")
    if not all(isinstance(value, str) and len(value) <= 512 for value in event.values()):
        raise InputError("a paper is written with texts of at most 512 characters")

    def work(connection: sa.Connection, pen: Pen) -> None:
        append(connection, pen, "paper", event)

    records.transact(work)


def _query(records: Records, home: Path, row: Mapping[str, Any]) -> str:
    """Write that the trace desk was asked."""
    return write_query(records, row)


def _request(records: Records, home: Path, did: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Write that a trace request came, was answered or was withdrawn."""
    requests = Requests(records)
    works: dict[str, Callable[..., Any]] = {
        "record": requests.record,
        "answer": requests.answer,
        "withdraw": requests.withdraw,
    }
    return asdict(works[did](**given))


def _orders(records: Records, home: Path, batch: list[Mapping[str, str]]) -> None:
    """Enter work orders, all or none."""
    Orders(records).offer_all([WorkOrder(**order) for order in batch])


def _pragmas(records: Records, home: Path) -> list[Any]:
    """Say how the one connection that writes is set."""
    return list(records.writer.run(_read_pragmas))


def _read_pragmas(connection: sa.Connection) -> tuple[str, int]:
    mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    return str(mode), int(connection.exec_driver_sql("PRAGMA synchronous").scalar() or 0)


DEEDS: dict[str, Callable[..., Any]] = {
    "checkpoint": _checkpoint,
    "paper": _paper,
    "query": _query,
    "request": _request,
    "orders": _orders,
    "pragmas": _pragmas,
}

UNKEYED = frozenset({"checkpoint", "pragmas"})
"""Deeds that may be done twice: nothing is signed twice, and a look changes nothing."""
