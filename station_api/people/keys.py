"""Keys of machines: 256 random bits, looked up by HMAC-SHA-256.

In: ``pmk_...`` texts. Out: `Caller`. The database holds HMAC(pepper, key): who reads it cannot
make a key, and who can write to it but not read the pepper cannot either. A lookup costs a
hash and a dictionary; what it found is believed for five seconds, so that a key revoked at
another station of the plant ends here too.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engraver.errors import InputError, MissingError, OrderError
from firmware_bridge.durable import sync_folder
from station_api.configuration import settings
from station_api.kept import append, keep_row, read_row
from station_api.people.callers import Caller, SignInError
from station_api.people.roles import MACHINE_ROLES, Role
from station_api.records import Records, now_us
from station_api.records.rows import clean_line
from station_api.records.transition import Pen
from station_api.tables import machine_keys

PREFIX = "pmk_"
PEPPER_VARIABLE = "PINMARK_KEY_PEPPER"
BELIEVED_S = 5.0
MOST_REMEMBERED = 1024
LONGEST_DAYS = 3650


@dataclass(frozen=True, slots=True)
class MachineKey:
    """A machine's key without the key."""

    key_id: str
    name: str
    role: Role
    state: str
    expires_at_us: int
    changed_at_us: int


class Keys:
    """Every machine key of one station or plant."""

    def __init__(
        self, records: Records, pepper: bytes, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._records = records
        self._pepper = pepper
        self._steady = steady
        self._believed: dict[str, tuple[float, Caller, int]] = {}
        self._seen: set[str] = set()

    def make(self, name: str, role: Role, by: str, days: int = 365) -> tuple[MachineKey, str]:
        """Make a key; its text is returned once and kept nowhere.

        Raises
        ------
        InputError
            If machines cannot have this role, or the days are out of range.
        """
        if role not in MACHINE_ROLES:
            allowed = ", ".join(sorted(MACHINE_ROLES))
            raise InputError(f"a machine cannot be {role}; its key is one of: {allowed}")
        if not 1 <= days <= LONGEST_DAYS:
            raise InputError(f"a key is good for 1 to {LONGEST_DAYS} days, not {days}")
        clean = clean_line(name, "name", 64).casefold()
        if not clean:
            raise InputError("a key needs the name of its machine")
        text = PREFIX + secrets.token_urlsafe(32)
        row = {
            "key_id": secrets.token_hex(6),
            "name": clean,
            "role": role.value,
            "digest": self._digest(text),
            "state": "active",
            "expires_at_us": now_us() + days * 86_400 * 1_000_000,
        }
        kept = self._records.transact(
            lambda c, pen: keep_row(c, pen, machine_keys, row, "key made", by)
        )
        return to_key(kept), text

    def revoke(self, key_id: str, by: str) -> MachineKey:
        """End a key at once.

        Raises
        ------
        MissingError
            If there is none with this id.
        """

        def work(connection: sa.Connection, pen: Pen) -> MachineKey:
            row = read_row(connection, machine_keys, key_id=key_id)
            if row is None:
                raise MissingError(f"key {key_id!r} is not known; see `pinmark keys list`")
            row["state"] = "revoked"
            return to_key(keep_row(connection, pen, machine_keys, row, "key revoked", by))

        found = self._records.transact(work)
        self._believed.clear()
        return found

    def all(self) -> list[MachineKey]:
        """Return every key, oldest first."""
        query = sa.select(machine_keys).order_by(machine_keys.c.position)
        with self._records.database.reading.connect() as connection:
            return [to_key(row._mapping) for row in connection.execute(query)]

    def remembered(self, text: str) -> Caller | None:
        """Return whose key this is if it was looked up a moment ago; touches no database."""
        known = self._believed.get(self._digest(text))
        if known is None or self._steady() > known[0] or now_us() >= known[2]:
            return None
        return known[1]

    def find(self, text: str) -> Caller:
        """Return whose key this is; first use since the start, and a refusal, are in the log.

        Raises
        ------
        SignInError
            If it is nobody's, revoked, or has run out.
        """
        digest = self._digest(text)
        query = sa.select(machine_keys).where(machine_keys.c.digest == digest)
        with self._records.database.reading.connect() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise SignInError("this key is nobody's")
        if row.state != "active" or now_us() >= row.expires_at_us:
            self._note("key refused", row.key_id)
            raise SignInError(f"key {row.key_id} was revoked or has run out; ask for a new one")
        self._note("key used", row.key_id)
        caller = Caller(row.name, Role(row.role), is_machine=True)
        if len(self._believed) >= MOST_REMEMBERED:
            self._believed.clear()
        self._believed[digest] = (self._steady() + BELIEVED_S, caller, row.expires_at_us)
        return caller

    def _note(self, did: str, key_id: str) -> None:
        # once for each key since the start: a machine calls many times a second
        if (mark := f"{did} {key_id}") not in self._seen:
            self._seen.add(mark)
            event = {"did": did, "key_id": key_id}
            self._records.transact(lambda c, pen: append(c, pen, "auth", event))

    def _digest(self, text: str) -> str:
        data = text.encode("utf-8", "surrogatepass")
        return hmac.digest(self._pepper, data, hashlib.sha256).hex()


def to_key(row: Any) -> MachineKey:
    """Turn a row of `machine_keys` into a value."""
    fields = {name: row[name] for name in MachineKey.__dataclass_fields__}
    return MachineKey(**{**fields, "role": Role(row["role"])})


def has_pepper(home: Path) -> bool:
    """Return whether the secret by which keys are looked up was made, sound or not."""
    return PEPPER_VARIABLE in os.environ or _pepper_path(home).exists()


def _pepper_path(home: Path) -> Path:
    return settings().keys.pepper_file or home / "keys.pepper"


def load_pepper(home: Path) -> bytes:
    """Return the secret by which keys are looked up, made on first use.

    ``PINMARK_KEY_PEPPER`` holds it as 64 hex digits, else it is the file ``[keys] pepper_file``
    or ``keys.pepper`` in the station's folder, readable by its owner alone.

    Raises
    ------
    OrderError
        If it cannot be read or made.
    """
    path = _pepper_path(home)
    text = os.environ.get(PEPPER_VARIABLE)
    try:
        if text is None and not path.exists():
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_hex(32) + "\n")
                file.flush()
                os.fsync(file.fileno())
            sync_folder(path.parent)
        pepper = bytes.fromhex((text or path.read_text("utf-8")).strip())
    except (OSError, ValueError) as error:
        raise OrderError(f"{path} cannot be used ({error}); restore it from a backup") from error
    if len(pepper) < 32:
        raise OrderError(f"the pepper has {len(pepper)} bytes, it takes 32; restore {path}")
    return pepper
