"""The side of a command: has a deed done by whoever writes, or writes under the station's lock.

In: a deed and its fields. Out: what it returned, once it is on disk; or one line that says what
came of it and what to do.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engraver import errors
from engraver.errors import PinmarkError, PortError, UnknownStateError
from station_api.home import PATIENCE_S, PAUSE_S, holder, station_lock
from station_api.one_writer import wire
from station_api.records import Records

ANSWER_S = 60.0
"""How long to wait for the commit: on a slow disk behind a group of others, seconds."""


class _NobodyThere(Exception):
    """Nobody answers at the socket; what was asked was not heard."""


def put(records: Records, home: Path, deed: str, fields: Mapping[str, Any]) -> Any:
    """Have a deed done by the one process that writes, which is this one if no other stays.

    Raises
    ------
    PortError
        If another process has the station and does not answer; nothing was recorded.
    UnknownStateError
        If it was asked and ended or fell silent before it answered.
    PinmarkError
        What the deed refuses; nothing was recorded.
    """
    from station_api.one_writer.deeds import do

    if records.database.may_write:
        return do(records, home, deed, None, fields)
    key, until, was_asked = secrets.token_hex(16), time.monotonic() + PATIENCE_S, False
    while True:
        with station_lock(home) as held:
            if held:
                records.begin_writing()
                try:
                    return do(records, home, deed, key if was_asked else None, fields)
                finally:
                    records.database.end_writing()
        try:
            return _ask(home, deed, key, fields)
        except _NobodyThere:
            pass
        except ConnectionError:
            was_asked = True  # it ended; the same key finds out whether it wrote
        if time.monotonic() > until:
            raise _given_up(home, was_asked)
        time.sleep(PAUSE_S)


def _ask(home: Path, deed: str, key: str, fields: Mapping[str, Any]) -> Any:
    """Ask at the socket once.

    Raises
    ------
    _NobodyThere
        If nobody answers.
    ConnectionError
        If who was asked ended without an answer.
    """
    asked = {"version": wire.VERSION, "deed": deed, "key": key, "fields": dict(fields)}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(PATIENCE_S)
        try:
            with wire.address(home) as where:
                peer.connect(where)
        except PermissionError:
            raise PortError(
                f"{home / wire.NAME} is not yours ({_owner(home)}); run the command as its user"
            ) from None
        except OSError:
            raise _NobodyThere from None
        try:
            wire.send(peer, asked)
            answer = wire.receive(peer, ANSWER_S)
        except TimeoutError:
            raise UnknownStateError(
                f"{_who(home)} was asked to record this and has not answered for {ANSWER_S:.0f} s; "
                "whether it did is not known: see that it works, then do it again"
            ) from None
    if answer is None:
        raise ConnectionResetError
    if "done" in answer:
        return answer["done"]
    raise _refusal(answer)


def _refusal(answer: Mapping[str, Any]) -> PinmarkError:
    """Return what the other process raised, as it would have been raised here."""
    kind = getattr(errors, str(answer.get("kind")), None)
    said = str(answer.get("refused"))
    if isinstance(kind, type) and issubclass(kind, PinmarkError):
        return kind(said)
    return PortError(said)


def _given_up(home: Path, was_asked: bool) -> PinmarkError:
    if was_asked:
        return UnknownStateError(
            f"{_who(home)} ended while it was asked to record this; whether it did is not known: "
            "do it again"
        )
    return PortError(
        f"nothing was recorded: {_who(home)} has the station {home} and does not answer at "
        f"{wire.NAME}; wait until it has ended, or start it again with this pinmark"
    )


def _who(home: Path) -> str:
    return holder(home) or "another process"


def _owner(home: Path) -> str:
    try:
        return f"user {(home / wire.NAME).stat().st_uid}'s, you are {os.geteuid()}"
    except OSError:
        return f"you are user {os.geteuid()}"
