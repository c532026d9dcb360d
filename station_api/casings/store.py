"""The casings a station keeps: entered, withdrawn, never changed otherwise.

In: observations in a tracer's name. Out: rows of `casings`, whose content stands in the log as its
SHA-256. The records of manufacture know nothing of them, and they nothing of those records: what
links the two is weighed anew whenever it is asked for.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from engraver.errors import ConflictError, InputError, MissingError
from station_api.casings.observation import KEPT, WITHDRAWN, Observation, clean, seal, unseal
from station_api.kept import append, keep_row, read_row
from station_api.records import Records
from station_api.records.rows import clean_line
from station_api.records.transition import DEFAULT_STATION, Pen
from station_api.tables import casings

NONCE_BYTES = 32
MOST_CASINGS = 5_000
"""Casings that are linked at a time: 12.5 million pairs."""


class Casings:
    """The casings of one station."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def add(self, given: Mapping[str, Any], by: str) -> Observation:
        """Keep a casing.

        Raises
        ------
        InputError
            If scene, time, place or reads are missing or impossible.
        """

        def work(connection: sa.Connection, pen: Pen) -> Observation:
            fields = clean(given, pen.now.wall_us)
            fields |= {"entered_by": clean_line(by, "person", 64), "withdrawn": ""}
            last = sa.select(sa.func.max(casings.c.number)).where(casings.c.station == pen.station)
            number = int(connection.execute(last).scalar() or 0) + 1
            prefix = "" if pen.station == DEFAULT_STATION else f"{pen.station}-"
            row = {
                "casing_id": f"{prefix}E{number:06d}",
                "number": number,
                "state": KEPT,
                "sealed": seal(fields, secrets.token_bytes(NONCE_BYTES)),
            }
            return unseal(keep_row(connection, pen, casings, row, "observed", by))

        return self._records.transact(work)

    def withdraw(self, casing_id: str, reason: str, by: str) -> Observation:
        """Withdraw a casing that was entered by mistake: it stays, and links nothing any more.

        Raises
        ------
        MissingError
            If there is none with this id.
        ConflictError
            If it was withdrawn before.
        """
        why = clean_line(reason, "reason", 512)
        if not why:
            raise InputError("to withdraw a casing takes a reason; say what was wrong")

        def work(connection: sa.Connection, pen: Pen) -> Observation:
            row = _require(connection, casing_id)
            if row["state"] == WITHDRAWN:
                raise ConflictError(f"casing {casing_id} is withdrawn already")
            fields = json.loads(row["sealed"]) | {"withdrawn": why}
            nonce = bytes.fromhex(fields.pop("nonce"))
            row |= {"state": WITHDRAWN, "sealed": seal(fields, nonce)}
            return unseal(keep_row(connection, pen, casings, row, "withdrawn", by))

        return self._records.transact(work)

    def get(self, casing_id: str) -> Observation:
        """Return one casing.

        Raises
        ------
        MissingError
            If there is none with this id.
        """
        with self._records.database.reading.connect() as connection:
            return unseal(_require(connection, casing_id))

    def all(self, *, with_withdrawn: bool = False, scene: str = "") -> list[Observation]:
        """Return the casings, oldest first.

        Raises
        ------
        InputError
            If they are more than `MOST_CASINGS`.
        """
        query = sa.select(casings).where(casings.c.station == self._records.station)
        if not with_withdrawn:
            query = query.where(casings.c.state == KEPT)
        with self._records.database.reading.connect() as connection:
            rows = connection.execute(
                query.order_by(casings.c.number).limit(MOST_CASINGS + 1)
            ).mappings()
            found = [unseal(dict(row)) for row in rows]
        if len(found) > MOST_CASINGS:
            raise InputError(f"there are more than {MOST_CASINGS} casings; ask for one scene")
        return [one for one in found if scene in ("", one.scene)]

    def exported(self, what: str, by: str) -> None:
        """Write into the log that somebody took the casework away, and in which form."""
        event = {"did": "exported", "what": what, "by": by}
        self._records.transact(lambda c, pen: append(c, pen, "casing", event))

    def entries(self) -> list[dict[str, Any]]:
        """Return that casings were entered, by id, place in the log and time: no content."""
        columns = [casings.c[name] for name in ("casing_id", "state", "position", "changed_at_us")]
        query = sa.select(*columns).where(casings.c.station == self._records.station)
        with self._records.database.reading.connect() as connection:
            rows = connection.execute(query.order_by(casings.c.number).limit(MOST_CASINGS))
            return [dict(row._mapping) for row in rows]


def _require(connection: sa.Connection, casing_id: str) -> dict[str, Any]:
    row = read_row(connection, casings, casing_id=casing_id)
    if row is None:
        raise MissingError(f"casing {casing_id!r} is not kept here; see `pinmark casings list`")
    return row
