"""Profiles and recipes: versions, a release by an engineer, the folder that marks are made from.

In: TOML texts. Out: rows of `profiles` and a folder with the profiles that ship with pinmark and
the station's own, each replaced by its newest released version. A version is never changed:
another text is another version. The text is read by `hardware.load` before it is kept, so that
what cannot be released is refused when it is drafted.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

import hardware
from engraver.errors import ConflictError, MissingError, ProfileError, StorageError
from station_api.kept import keep_row, read_row
from station_api.people import Caller
from station_api.records import Records
from station_api.records.transition import Pen
from station_api.tables import profiles

LONGEST_TEXT = 64 * 1024
DRAFT, RELEASED, WITHDRAWN = "draft", "released", "withdrawn"


@dataclass(frozen=True, slots=True)
class ProfileVersion:
    """One version of one profile; version 0 is the one that ships with pinmark."""

    kind: str
    name: str
    version: int
    text: str
    sha256: str
    state: str
    author: str
    released_by: str | None
    changed_at_us: int


class Shelf:
    """The profiles of one station."""

    def __init__(self, records: Records, home: Path) -> None:
        self._records = records
        self._home = home
        self.folder = home / "released"
        self._lay_out()

    def all(self) -> list[ProfileVersion]:
        """Return every version of every profile, the shipped ones first."""
        shipped = [
            self._shipped(kind, name) for kind in hardware.KINDS for name in hardware.names(kind)
        ]
        order = (profiles.c.kind, profiles.c.name, profiles.c.version)
        with self._records.database.reading.connect() as connection:
            rows = connection.execute(sa.select(profiles).order_by(*order)).all()
        return shipped + [to_version(row._mapping) for row in rows]

    def get(self, kind: str, name: str, version: int) -> ProfileVersion:
        """Return one version.

        Raises
        ------
        MissingError
            If there is none.
        """
        if version == 0 and kind in hardware.KINDS and name in hardware.names(kind):
            return self._shipped(kind, name)
        with self._records.database.reading.connect() as connection:
            return to_version(_require(connection, kind, name, version))

    def draft(self, kind: str, name: str, text: str, by: Caller) -> ProfileVersion:
        """Keep a text as the next version of a profile; nothing is marked with it yet.

        Raises
        ------
        ProfileError
            If it is no profile of this kind, or does not fit what it names.
        """
        if kind not in hardware.KINDS:
            raise ProfileError(
                f"profile kind {kind!r} is unknown; known: {', '.join(hardware.KINDS)}"
            )
        self._try(kind, name, text)
        row: dict[str, Any] = {
            "kind": kind,
            "name": name,
            "text": text,
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "state": DRAFT,
            "author": by.name,
            "released_by": None,
        }

        def work(connection: sa.Connection, pen: Pen) -> ProfileVersion:
            last = sa.select(sa.func.max(profiles.c.version)).where(
                profiles.c.kind == kind, profiles.c.name == name
            )
            number = (connection.execute(last).scalar() or 0) + 1
            kept = keep_row(connection, pen, profiles, {**row, "version": number}, DRAFT, by.name)
            return to_version(kept)

        return self._records.transact(work)

    def release(self, kind: str, name: str, version: int, by: Caller) -> ProfileVersion:
        """Release a version: from now on marks are made with it.

        Raises
        ------
        ConflictError
            If it is not a draft, or a newer one is released.
        """
        self._try(kind, name, self.get(kind, name, version).text)

        def work(connection: sa.Connection, pen: Pen) -> ProfileVersion:
            row = _require(connection, kind, name, version)
            if row["state"] != DRAFT:
                raise ConflictError(f"{kind}/{name} version {version} is {row['state']}")
            newest = _newest(connection, kind, name)
            if newest is not None and newest > version:
                raise ConflictError(f"{kind}/{name} version {newest} is released and newer")
            row |= {"state": RELEASED, "released_by": by.name}
            return to_version(keep_row(connection, pen, profiles, row, RELEASED, by.name))

        released = self._records.transact(work)
        self._lay_out()
        return released

    def withdraw(self, kind: str, name: str, version: int, by: Caller) -> ProfileVersion:
        """Withdraw a version; the newest one released before it takes its place."""

        def work(connection: sa.Connection, pen: Pen) -> ProfileVersion:
            row = _require(connection, kind, name, version)
            if row["state"] == WITHDRAWN:
                raise ConflictError(f"{kind}/{name} version {version} is withdrawn already")
            row["state"] = WITHDRAWN
            return to_version(keep_row(connection, pen, profiles, row, WITHDRAWN, by.name))

        withdrawn = self._records.transact(work)
        self._lay_out()
        return withdrawn

    def _try(self, kind: str, name: str, text: str) -> None:
        with tempfile.TemporaryDirectory(dir=self._home) as folder:
            shelf = Path(folder)
            self._fill(shelf)
            (shelf / kind / f"{name}.toml").write_text(text, "utf-8")
            hardware.load(kind, name, shelf)
            if kind == "recipes":
                hardware.load_setup(name, shelf)

    def _lay_out(self) -> None:
        """Make the folder afresh; a mark that is being planned keeps the files it has read."""
        try:
            fresh = Path(tempfile.mkdtemp(prefix="released-", dir=self._home))
            self._fill(fresh)
            old = self._home / f"{fresh.name}.old"
            if self.folder.exists():
                self.folder.rename(old)
            fresh.rename(self.folder)
            shutil.rmtree(old, ignore_errors=True)
        except OSError as error:
            raise StorageError(f"{self.folder} cannot be written ({error.strerror})") from error

    def _fill(self, shelf: Path) -> None:
        for kind in hardware.KINDS:
            (shelf / kind).mkdir()
            for name in hardware.names(kind):
                shutil.copy(hardware.SHELF / kind / f"{name}.toml", shelf / kind)
            for own in sorted((self._home / "profiles" / kind).glob("*.toml")):
                shutil.copy(own, shelf / kind)  # the station's own, see station_api.profiles
        newest = [v for v in self.all() if v.version and v.state == RELEASED]
        for version in sorted(newest, key=lambda one: one.version):
            path = shelf / version.kind / f"{version.name}.toml"
            path.write_text(version.text, "utf-8")

    def _shipped(self, kind: str, name: str) -> ProfileVersion:
        text = (hardware.SHELF / kind / f"{name}.toml").read_text("utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        return ProfileVersion(kind, name, 0, text, digest, RELEASED, "pinmark", "pinmark", 0)


def to_version(row: Any) -> ProfileVersion:
    """Turn a row of `profiles` into a value."""
    return ProfileVersion(**{name: row[name] for name in ProfileVersion.__dataclass_fields__})


def _require(connection: sa.Connection, kind: str, name: str, version: int) -> dict[str, Any]:
    row = read_row(connection, profiles, kind=kind, name=name, version=version)
    if row is None:
        raise MissingError(f"{kind}/{name} has no version {version}")
    return row


def _newest(connection: sa.Connection, kind: str, name: str) -> int | None:
    query = sa.select(sa.func.max(profiles.c.version)).where(
        profiles.c.kind == kind, profiles.c.name == name, profiles.c.state == RELEASED
    )
    found = connection.execute(query).scalar()
    return None if found is None else int(found)
