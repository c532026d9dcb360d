"""The same request twice, done once.

In: an Idempotency-Key, who sent it, what was asked. Out: the first reply again, or 422 if the key
was used for something else. Transitions of marks do not come here: their keys are columns of the
records and their replies are read from the log, in the transaction that writes them.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable

import sqlalchemy as sa
from fastapi import Response

from engraver.errors import InputError
from station_api.people import Caller
from station_api.records import Records, now_us
from station_api.tables import replies

KEPT_US = 7 * 86_400 * 1_000_000


class Replies:
    """Replies that were given, by caller and key."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._guard = threading.Lock()
        self._turns: dict[tuple[str, str], threading.Lock] = {}

    def once(
        self, caller: Caller, key: str | None, request: bytes, work: Callable[[], Response]
    ) -> Response:
        """Do ``work`` unless this key was answered before.

        A crash between the work and its reply leaves no reply: the work is then done again, so
        it has to be something that may be (an order offered twice is one order).

        Raises
        ------
        InputError
            If the key was used for another request.
        """
        if key is None:
            return work()
        digest = hashlib.sha256(request).hexdigest()
        who = ("machine:" if caller.is_machine else "person:") + caller.name
        with self._guard:
            turn = self._turns.setdefault((who, key), threading.Lock())
        with turn:
            reply = self._find(who, key, digest) or self._keep(who, key, digest, work())
        with self._guard:
            self._turns.pop((who, key), None)
        return reply

    def forget_old(self) -> None:
        """Drop replies older than a week; they are no records."""
        old = sa.delete(replies).where(replies.c.at_us < now_us() - KEPT_US)
        self._records.writer.run(lambda connection: connection.execute(old))

    def _find(self, who: str, key: str, digest: str) -> Response | None:
        query = sa.select(replies).where(replies.c.caller == who, replies.c.idempotency_key == key)
        with self._records.database.reading.connect() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        if row.request_sha256 != digest:
            raise InputError(
                f"Idempotency-Key {key!r} was used for another request; take a new one"
            )
        return Response(row.body, row.status, {"Idempotent-Replayed": "true"}, "application/json")

    def _keep(self, who: str, key: str, digest: str, reply: Response) -> Response:
        row = {
            "caller": who,
            "idempotency_key": key,
            "request_sha256": digest,
            "status": reply.status_code,
            "body": bytes(reply.body).decode(),
            "at_us": now_us(),
        }
        self._records.writer.run(lambda connection: connection.execute(sa.insert(replies), row))
        return reply
