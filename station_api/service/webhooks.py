"""Webhooks: every transition sent to who wants it, in order, until it was taken.

In: rows of `hooks`, transitions. Out: POST requests signed after Standard Webhooks 1.0
(webhook-id, webhook-timestamp, webhook-signature: HMAC-SHA-256). A hook has the position of the
log up to which it was delivered, so that a service that was down goes on where it stopped. What
fails is tried again after 1 s, 2 s, 4 s ... up to an hour; a receiver may see an event twice and
tells so by its id.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import logging
import secrets
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from engraver.errors import InputError, MissingError, PinmarkError
from station_api.kept import keep_row, read_row
from station_api.people import Caller
from station_api.records import Records
from station_api.records.transition import Pen
from station_api.service.live import transitions_after
from station_api.tables import hooks

LOG = logging.getLogger("pinmark.webhooks")
TIMEOUT_S = 10.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 3600.0
LOOK_S = 1.0
LOOPBACK = ("127.0.0.1", "::1", "localhost")
MOST_HOOKS = 16


@dataclass(frozen=True, slots=True)
class Hook:
    """One receiver; ``delivered`` is the last position it took."""

    hook_id: str
    url: str
    state: str
    added_by: str
    delivered: int
    failures: int
    said: str


@dataclass(slots=True)
class Webhooks:
    """The thread that delivers."""

    records: Records
    first_pause_s: float = FIRST_PAUSE_S
    _due_s: dict[str, float] = field(default_factory=dict)
    _wake: threading.Event = field(default_factory=threading.Event)
    _stopping: bool = False
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to deliver."""
        self._thread = threading.Thread(target=self._deliver_all, name="pinmark-webhooks")
        self._thread.start()

    def stop(self) -> None:
        """End; what was not delivered is delivered after the next start."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def add(self, url: str, by: Caller) -> tuple[Hook, str]:
        """Add a receiver; it gets every transition from now on. Return it with its secret.

        Raises
        ------
        InputError
            If the URL is not https, or http to this machine.
        """
        check_url(url)
        secret = secrets.token_hex(24)
        row = {
            "hook_id": f"H{secrets.token_hex(8)}",
            "url": url,
            "secret": secret,
            "state": "active",
            "added_by": by.name,
            "failures": 0,
            "said": "",
        }

        def work(connection: sa.Connection, pen: Pen) -> Hook:
            count = connection.execute(
                sa.select(sa.func.count()).select_from(_active().subquery())
            ).scalar()
            if (count or 0) >= MOST_HOOKS:
                raise InputError(f"there are {MOST_HOOKS} webhooks already; remove one first")
            whole = {**row, "delivered": pen.ledger.next_position(connection)}
            return to_hook(keep_row(connection, pen, hooks, whole, "webhook added", by.name))

        return self.records.transact(work), "whsec_" + _b64(bytes.fromhex(secret))

    def remove(self, hook_id: str, by: Caller) -> Hook:
        """Stop sending to a receiver.

        Raises
        ------
        MissingError
            If there is none with this id.
        """

        def work(connection: sa.Connection, pen: Pen) -> Hook:
            row = read_row(connection, hooks, hook_id=hook_id)
            if row is None:
                raise MissingError(f"webhook {hook_id!r} is not known")
            row["state"] = "removed"
            return to_hook(keep_row(connection, pen, hooks, row, "webhook removed", by.name))

        return self.records.transact(work)

    def all(self) -> list[Hook]:
        """Return every receiver that is active."""
        with self.records.database.reading.connect() as connection:
            return [to_hook(row._mapping) for row in connection.execute(_active())]

    def _deliver_all(self) -> None:
        while not self._stopping:
            try:
                self._deliver_due()
            except (PinmarkError, sa.exc.DBAPIError):
                LOG.exception("webhooks wait: the records cannot be read or written")
            self._wake.wait(LOOK_S)

    def _deliver_due(self) -> None:
        with self.records.database.reading.connect() as connection:
            rows = [dict(row._mapping) for row in connection.execute(_active())]
        for row in rows:
            if self._due_s.get(row["hook_id"], 0.0) <= time.monotonic():
                self._deliver(row)

    def _deliver(self, row: Mapping[str, Any]) -> None:
        for event in transitions_after(self.records, row["delivered"]):
            if self._stopping:
                return
            said = post(row["url"], row["secret"], self.records.station, event)
            failures = 0 if said == "" else row["failures"] + 1
            done = {"delivered": event["position"]} if said == "" else {}
            values = {**done, "failures": failures, "said": said[:256]}
            where = hooks.c.hook_id == row["hook_id"]
            update = sa.update(hooks).where(where).values(**values)
            self.records.writer.run(lambda c, update=update: c.execute(update))  # type: ignore[misc]
            row = {**row, **values}
            if said:
                pause_s = min(LONGEST_PAUSE_S, self.first_pause_s * 2 ** min(failures - 1, 20))
                self._due_s[row["hook_id"]] = time.monotonic() + pause_s
                return


def post(url: str, secret: str, station: str, event: Mapping[str, Any]) -> str:
    """Send one event; return an empty text if it was taken, else why not."""
    body = json.dumps({"type": "mark.transition", "station": station, "data": event}).encode()
    number = f"{station}-{event['position']}"
    headers = sign(bytes.fromhex(secret), number, int(time.time()), body)
    parts = urlsplit(url)
    context = ssl.create_default_context() if parts.scheme == "https" else None
    host = parts.hostname or ""
    connection = (
        http.client.HTTPSConnection(host, parts.port, timeout=TIMEOUT_S, context=context)
        if context
        else http.client.HTTPConnection(host, parts.port, timeout=TIMEOUT_S)
    )
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connection.close()
    return "" if 200 <= status < 300 else f"answered {status}"


def sign(secret: bytes, number: str, at_s: int, body: bytes) -> dict[str, str]:
    """Return the headers of Standard Webhooks 1.0.

    Examples
    --------
    >>> sign(b"k" * 24, "S1-7", 1_800_000_000, b"{}")["webhook-signature"]
    'v1,DZ0PjAxwt7sfVXYmYhLfWnEWlHtlu9w3Yw/30tYj9Sg='
    """
    signed = f"{number}.{at_s}.".encode() + body
    return {
        "Content-Type": "application/json",
        "webhook-id": number,
        "webhook-timestamp": str(at_s),
        "webhook-signature": "v1," + _b64(hmac.digest(secret, signed, hashlib.sha256)),
    }


def check_url(url: str) -> None:
    """Refuse a URL that would send records in the clear, or carries a password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        if host is not None:
            host.encode("idna")
    except (ValueError, UnicodeError):
        raise InputError(f"{url[:80]!r} is no URL") from None
    plain = parts.scheme == "http" and host in LOOPBACK
    if not host or not (parts.scheme == "https" or plain) or parts.username or port == 0:
        raise InputError(f"{url[:80]!r} will not do; give https://host/path without a password")
    if not url.isascii() or any(c.isspace() or not c.isprintable() for c in url):
        raise InputError(f"{url[:80]!r} has a character that no URL has")


def to_hook(row: Any) -> Hook:
    """Turn a row of `hooks` into a value."""
    return Hook(**{name: row[name] for name in Hook.__dataclass_fields__})


def _active() -> sa.Select[Any]:
    return sa.select(hooks).where(hooks.c.state == "active").order_by(hooks.c.hook_id)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
