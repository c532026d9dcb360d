"""Two people for what one must not do alone: one asks, another agrees.

In: an action, its subject, a reason, two names. Out: `Approval`. A request that nobody answered
in eight hours is void. Who asked cannot agree.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engraver.errors import ConflictError, InputError, MissingError
from station_api.kept import keep_row, read_row
from station_api.people.callers import Caller, NotAllowedError
from station_api.records import Records, now_us
from station_api.records.rows import clean_line
from station_api.records.transition import Pen
from station_api.tables import approvals

LIFETIME_US = 8 * 3600 * 1_000_000
OPEN, APPROVED, REFUSED, VOID = "open", "approved", "refused", "void"


@dataclass(frozen=True, slots=True)
class Approval:
    """A request that takes a second person."""

    approval_id: str
    action: str
    subject: str
    reason: str
    asked_by: str
    asked_at_us: int
    state: str
    decided_by: str | None


class Approvals:
    """What waits for a second person, and what was decided."""

    def __init__(self, records: Records, now: Callable[[], int] = now_us) -> None:
        self._records = records
        self._now = now

    def ask(self, action: str, subject: str, reason: str, by: Caller) -> Approval:
        """Ask; the same request again returns the one that is open.

        Raises
        ------
        InputError
            If there is no reason.
        """
        why = clean_line(reason, "reason", 512)
        if not why:
            raise InputError("a request for two people needs a reason; say what was wrong")
        row = {
            "approval_id": f"A{secrets.token_hex(8)}",
            "action": action,
            "subject": subject,
            "reason": why,
            "asked_by": by.name,
            "asked_at_us": self._now(),
            "state": OPEN,
            "decided_by": None,
        }

        def work(connection: sa.Connection, pen: Pen) -> Approval:
            query = sa.select(approvals).where(
                approvals.c.action == action,
                approvals.c.subject == subject,
                approvals.c.asked_by == by.name,
                approvals.c.state == OPEN,
                approvals.c.asked_at_us > self._now() - LIFETIME_US,
            )
            if found := connection.execute(query).first():
                return self._to_approval(found._mapping)
            return self._to_approval(keep_row(connection, pen, approvals, row, "asked", by.name))

        return self._records.transact(work)

    def check(self, approval_id: str, by: Caller) -> Approval:
        """Return an open request that this caller may decide.

        Raises
        ------
        NotAllowedError
            If they asked for it themselves, or are a machine.
        ConflictError
            If it was decided, or is void.
        """
        found = self.get(approval_id)
        if by.is_machine or found.asked_by == by.name:
            raise NotAllowedError(f"{found.asked_by} asked for this; another person has to agree")
        if found.state != OPEN:
            raise ConflictError(f"request {approval_id} is {found.state}; ask again")
        return found

    def decide(self, approval_id: str, by: Caller, state: str) -> Approval:
        """Write the second person's answer."""

        def work(connection: sa.Connection, pen: Pen) -> Approval:
            row = _require(connection, approval_id)
            if row["state"] != OPEN:
                raise ConflictError(f"request {approval_id} is {row['state']}; ask again")
            row |= {"state": state, "decided_by": by.name}
            return self._to_approval(keep_row(connection, pen, approvals, row, state, by.name))

        return self._records.transact(work)

    def get(self, approval_id: str) -> Approval:
        """Return one request.

        Raises
        ------
        MissingError
            If there is none with this id.
        """
        with self._records.database.reading.connect() as connection:
            return self._to_approval(_require(connection, approval_id))

    def waiting(self) -> list[Approval]:
        """Return the open requests, oldest first."""
        query = sa.select(approvals).where(approvals.c.state == OPEN)
        with self._records.database.reading.connect() as connection:
            rows = connection.execute(query.order_by(approvals.c.asked_at_us)).all()
        found = [self._to_approval(row._mapping) for row in rows]
        return [one for one in found if one.state == OPEN]

    def _to_approval(self, row: Any) -> Approval:
        fields = {name: row[name] for name in Approval.__dataclass_fields__}
        if row["state"] == OPEN and self._now() - row["asked_at_us"] > LIFETIME_US:
            fields["state"] = VOID
        return Approval(**fields)


def _require(connection: sa.Connection, approval_id: str) -> dict[str, Any]:
    row = read_row(connection, approvals, approval_id=approval_id)
    if row is None:
        raise MissingError(f"request {approval_id!r} is not known")
    return row
