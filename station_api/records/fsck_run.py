"""What the parts of a check share: the run itself, and how differences are said.

In: a connection, trusted keys. Out: findings in a `Report`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from station_api.records.findings import Report
from station_api.transparency.note import VerifierKey


@dataclass(slots=True)
class Check:
    """One run over one database."""

    connection: sa.Connection
    keys: list[VerifierKey]
    elsewhere: Sequence[str]
    own: str | None
    follow: Callable[[int, Any], None] | None = None
    report: Report = field(default_factory=Report)
    heard: set[int] = field(default_factory=set)
    """Places in ``elsewhere`` of checkpoints that some log here is compared with."""

    def changed(self, table: str, row: object, column: str, written: object, found: object) -> None:
        """Note a value that is not the recorded one."""
        said = f"is {_short(found)}, was recorded as {_short(written)}"
        self.report.add(table, row, column, said)

    def inserted(self, table: str, row: object) -> None:
        """Note a row that no entry speaks of."""
        self.report.add(table, row, "", "no entry speaks of it: it was inserted or moved")


def at(station: str, position: int) -> str:
    """Return how a row of a station's log is named."""
    return f"({station}, {position})"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
