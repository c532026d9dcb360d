"""Releases of recipes: which figures may be burned on firearms, by whom, on what evidence.

In: `engraver.release.Release`. Out: rows of `recipe_releases`, each with an entry of the log that
holds the evidence whole. A release is of a setup: a recipe and every figure of the machine, laser,
material and part it names. Any of them changed is another setup, and has no release.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engraver import gcode
from engraver.allotment import BLOCK_SIZE
from engraver.codes import MarkCode
from engraver.errors import ConflictError, InputError, MissingError, NotReleasedError
from engraver.profiles import Setup
from engraver.registry import Registry
from engraver.release import Release
from station_api.kept import keep_row, read_row
from station_api.records import Records, utc_text
from station_api.records.rows import clean_line
from station_api.records.transition import Pen
from station_api.registry_file import sample_registry
from station_api.tables import recipe_releases

RELEASED, WITHDRAWN = "released", "withdrawn"


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """One release as the database holds it; ``position`` is its entry in the log."""

    recipe: str
    setup_sha256: str
    state: str
    evidence: str
    evidence_sha256: str
    released_by: str
    reason: str
    changed_at_us: int
    position: int


class Releases:
    """The releases of one station."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def all(self) -> list[ReleaseRow]:
        """Return every release, the newest first."""
        query = sa.select(recipe_releases).where(recipe_releases.c.station == self._records.station)
        with self._records.database.reading.connect() as connection:
            rows = connection.execute(query.order_by(recipe_releases.c.position.desc())).all()
        return [to_release(row._mapping) for row in rows]

    def find(self, recipe: str, setup_sha256: str) -> ReleaseRow | None:
        """Return the release of a recipe with these figures, withdrawn or not."""
        with self._records.database.reading.connect() as connection:
            row = read_row(connection, recipe_releases, recipe=recipe, setup_sha256=setup_sha256)
        return None if row is None else to_release(row)

    def release(self, judged: Release, by: str) -> ReleaseRow:
        """Write a release to the records and the log.

        Raises
        ------
        InputError
            If the judgement says no; the message has every reason.
        """
        if not judged.released:
            raise InputError(f"recipe {judged.recipe} is not released: {'; '.join(judged.reasons)}")
        row = {
            "recipe": judged.recipe,
            "setup_sha256": judged.setup_sha256,
            "state": RELEASED,
            "evidence": judged.evidence,
            "evidence_sha256": judged.evidence_sha256,
            "released_by": clean_line(by, "person", 64),
            "reason": "",
        }
        if not row["released_by"]:
            raise InputError("a release needs a person; give --by")
        return self._keep(row, RELEASED, by)

    def withdraw(self, recipe: str, setup_sha256: str, by: str, reason: str) -> ReleaseRow:
        """Take a release back: no firearm is marked with these figures from now on.

        Raises
        ------
        MissingError, ConflictError
            If there is none, or it is withdrawn already.
        """
        if not reason.strip():
            raise InputError("a withdrawal needs a reason; say what was found")
        found = self.find(recipe, setup_sha256)
        if found is None:
            raise MissingError(f"recipe {recipe} has no release of setup {setup_sha256[:12]}")
        if found.state == WITHDRAWN:
            raise ConflictError(f"the release of {recipe} is withdrawn already")
        row = {name: getattr(found, name) for name in ReleaseRow.__dataclass_fields__}
        row |= {"state": WITHDRAWN, "reason": clean_line(reason, "reason", 512)}
        return self._keep(row, WITHDRAWN, clean_line(by, "person", 64))

    def _keep(self, row: dict[str, Any], did: str, by: str) -> ReleaseRow:
        def work(connection: sa.Connection, pen: Pen) -> ReleaseRow:
            return to_release(keep_row(connection, pen, recipe_releases, row, did, by))

        return self._records.transact(work)


def refuse_unreleased(records: Records, registry: Registry, code: MarkCode, setup: Setup) -> None:
    """Raise unless this code may be burned with this setup.

    Trial marks, codes of block 0, and everything of the sample registry take any recipe: no
    firearm carries them. A code of the station's own registry takes a released one.

    Raises
    ------
    NotReleasedError
        If the recipe has no release, or was changed or withdrawn since; says which.
    """
    if code.index < BLOCK_SIZE or registry.digest == sample_registry().digest:
        return
    name = setup.recipe.name
    releases = Releases(records)
    found = releases.find(name, gcode.setup_sha256(setup))
    if found is not None and found.state == RELEASED:
        return
    remedy = f"see `pinmark recipe release {name} --help`; trial marks are orders of PINMARK TEST"
    if found is not None:
        raise NotReleasedError(
            f"the release of recipe {name} was withdrawn at {utc_text(found.changed_at_us)} "
            f"({found.reason}); {remedy}"
        )
    earlier = [one for one in releases.all() if one.recipe == name and one.state == RELEASED]
    if earlier:
        raise NotReleasedError(
            f"recipe {name}, or a profile it names, was changed since {earlier[0].released_by} "
            f"released it at {utc_text(earlier[0].changed_at_us)}; {remedy}"
        )
    raise NotReleasedError(f"recipe {name} is not released for firearms; {remedy}")


def to_release(row: Any) -> ReleaseRow:
    """Turn a row of `recipe_releases` into a value."""
    return ReleaseRow(**{name: row[name] for name in ReleaseRow.__dataclass_fields__})
