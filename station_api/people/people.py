"""The people of a station: added, disabled, signed in, locked out.

In: names and typed secrets. Out: `Person`. Every change and every attempt to sign in is an entry
of the log in the same transaction as the row. After five wrong secrets a person is locked out
for a quarter of an hour, and attempts in that time are neither checked nor recorded, so that
nobody can fill the log.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa

from engraver.errors import InputError, MissingError
from station_api.kept import append, keep_row, read_row
from station_api.people.callers import Caller, SignInError, TooManyError
from station_api.people.roles import Role
from station_api.people.secrets import Hasher, check_strength, make_password, normalise_secret
from station_api.records import Records, now_us
from station_api.records.rows import clean_line
from station_api.records.transition import Pen
from station_api.tables import people

T = TypeVar("T")
MOST_FAILURES = 5
LOCK_OUT_US = 15 * 60 * 1_000_000
FIRST_ADMINISTRATOR = "administrator"
ACTIVE, DISABLED = "active", "disabled"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can sign in, without what proves it."""

    name: str
    role: Role
    state: str
    must_change: bool
    changed_at_us: int
    locked_until_us: int

    def caller(self) -> Caller:
        """Return this person as the one who makes a request."""
        return Caller(self.name, self.role, must_change=self.must_change)


class People:
    """Everybody who can sign in at one station."""

    def __init__(
        self, records: Records, hasher: Hasher | None = None, now: Callable[[], int] = now_us
    ) -> None:
        self._records = records
        self._hasher = hasher or Hasher()
        self._now = now
        self._noted_lock_outs: dict[str, int] = {}

    # ---- reading

    def all(self) -> list[Person]:
        """Return everybody, by name."""
        with self._records.database.reading.connect() as connection:
            rows = connection.execute(sa.select(people).order_by(people.c.name)).all()
        return [to_person(row._mapping) for row in rows]

    def get(self, name: str) -> Person:
        """Return one person.

        Raises
        ------
        MissingError
            If there is none of this name.
        """
        with self._records.database.reading.connect() as connection:
            return to_person(_require(connection, name))

    # ---- changing

    def welcome(self) -> str | None:
        """Make the first administrator; return the first password, or ``None`` if not first.

        The password is good for one thing, to set another.
        """
        if self.all():
            return None
        password = make_password()
        stored = self._hasher.hash(password)
        row = _new(FIRST_ADMINISTRATOR, Role.ADMINISTRATOR, stored, must_change=1)

        def work(connection: sa.Connection, pen: Pen) -> bool:
            if connection.execute(sa.select(people.c.name)).first() is not None:
                return False
            keep_row(connection, pen, people, row, "made at first start", "station")
            return True

        return password if self._records.transact(work) else None

    def add(self, name: str, role: Role, secret: str, by: str) -> Person:
        """Add a person.

        Raises
        ------
        InputError
            If the name is taken, or name or secret will not do.
        """
        clean = normalise_person(name)
        stored = self._hasher.hash(check_strength(secret, role, clean))

        def work(connection: sa.Connection, pen: Pen) -> Person:
            if read_row(connection, people, name=clean) is not None:
                raise InputError(f"{clean} is known already; choose another name")
            row = _new(clean, role, stored, must_change=0)
            return to_person(keep_row(connection, pen, people, row, "added", by))

        return self._records.transact(work)

    def disable(self, name: str, by: str) -> Person:
        """Keep a person from signing in; the name stays taken for ever.

        Raises
        ------
        InputError
            If it is the last active administrator.
        """

        def work(connection: sa.Connection, pen: Pen) -> Person:
            row = _require(connection, name)
            if row["role"] == Role.ADMINISTRATOR and _administrators(connection) == [row["name"]]:
                raise InputError(f"{row['name']} is the last administrator; add another first")
            changed = {**row, "state": DISABLED}
            return to_person(keep_row(connection, pen, people, changed, "disabled", by))

        return self._records.transact(work)

    def enable(self, name: str, by: str) -> Person:
        """Let a person sign in again, and end a lock-out."""
        return self._write(
            name, "enabled", by, {"state": ACTIVE, "failures": 0, "locked_until_us": 0}
        )

    def set_secret(self, name: str, secret: str, by: str) -> Person:
        """Give a person another secret; one that somebody else chose is good for changing it."""
        person = self.get(name)
        stored = self._hasher.hash(check_strength(secret, person.role, person.name))
        must = int(by != person.name)
        changed = {"secret": stored, "must_change": must, "failures": 0, "locked_until_us": 0}
        return self._write(name, "secret set", by, changed)

    # ---- signing in

    def check(self, name: str, secret: str) -> Person:
        """Return the person whose secret this is; the attempt is in the log either way.

        Raises
        ------
        SignInError
            If name or secret is wrong, which one is not said.
        TooManyError
            While the person is locked out.
        """
        typed = normalise_secret(secret)
        clean = " ".join(clean_line(name, "name", 256).split())[:64].casefold()
        with self._records.database.reading.connect() as connection:
            row = read_row(connection, people, name=clean)
        if row is not None:
            self._refuse_locked(clean, row)
        stored = row["secret"] if row is not None and row["state"] == ACTIVE else None
        good = self._hasher.verify(stored, typed)
        person = self._records.transact(lambda c, pen: self._attempted(c, pen, clean, good))
        if person is None:
            raise SignInError("name or secret is wrong")
        return person

    def _refuse_locked(self, name: str, row: dict[str, Any]) -> None:
        left_us = row["locked_until_us"] - self._now()
        if left_us > 0:
            if self._noted_lock_outs.get(name) != row["locked_until_us"]:
                # once a lock-out: who goes on guessing cannot fill the log by it
                self._noted_lock_outs[name] = row["locked_until_us"]
                self.note("refused while locked out", name)
            raise TooManyError(
                f"locked out after {MOST_FAILURES} wrong secrets; wait, or ask an administrator",
                1 + min(left_us, LOCK_OUT_US) // 1_000_000,
            )

    def _attempted(
        self, connection: sa.Connection, pen: Pen, name: str, good: bool
    ) -> Person | None:
        row = read_row(connection, people, name=name)
        known = row is not None and row["state"] == ACTIVE
        if row is not None and row["locked_until_us"] > self._now():
            good = False  # others guessed meanwhile: this answer came too late to count
        did = "signed in" if good and known else "refused"
        append(connection, pen, "auth", {"did": did, "name": name, "known": known})
        if row is None or not known:
            return None
        failures = 0 if good else row["failures"] + 1
        until = self._now() + LOCK_OUT_US if failures >= MOST_FAILURES else 0
        if (failures, until) != (row["failures"], row["locked_until_us"]):
            counted = {"failures": failures % MOST_FAILURES, "locked_until_us": until}
            connection.execute(sa.update(people).where(people.c.name == name).values(**counted))
        return to_person(row) if good else None

    def note(self, did: str, name: str) -> None:
        """Write an authentication event that changes no row: signed out, locked."""
        self._records.transact(lambda c, pen: append(c, pen, "auth", {"did": did, "name": name}))

    def _write(self, name: str, did: str, by: str, changed: dict[str, Any]) -> Person:
        def work(connection: sa.Connection, pen: Pen) -> Person:
            row = {**_require(connection, name), **changed}
            return to_person(keep_row(connection, pen, people, row, did, by))

        return self._records.transact(work)


def normalise_person(name: str) -> str:
    """Fold a person's name to the one that the records say.

    Examples
    --------
    >>> normalise_person(" A.  Smith ")
    'a. smith'
    """
    clean = clean_line(name, "name", 64).casefold()
    if not clean or clean in ("station", "inspection"):
        raise InputError(f"{name!r} cannot be a person's name; give first and last name")
    return clean


def to_person(row: Any) -> Person:
    """Turn a row of `people` into a value."""
    return Person(
        row["name"],
        Role(row["role"]),
        row["state"],
        bool(row["must_change"]),
        row["changed_at_us"],
        row["locked_until_us"],
    )


def _new(name: str, role: Role, stored: str, must_change: int) -> dict[str, Any]:
    row = {"name": name, "role": role.value, "secret": stored, "state": ACTIVE}
    return {**row, "must_change": must_change, "failures": 0, "locked_until_us": 0}


def _require(connection: sa.Connection, name: str) -> dict[str, Any]:
    row = read_row(connection, people, name=clean_line(name, "name", 64).casefold())
    if row is None:
        raise MissingError(f"nobody is called {name!r} here; see `pinmark people list`")
    return row


def _administrators(connection: sa.Connection) -> list[str]:
    query = sa.select(people.c.name).where(
        people.c.role == Role.ADMINISTRATOR.value, people.c.state == ACTIVE
    )
    return [str(row[0]) for row in connection.execute(query)]
