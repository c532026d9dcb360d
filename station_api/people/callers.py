"""The one who calls, and how a call is turned away.

In: a session or a key that was found good. Out: `Caller`; errors that the service answers with
401, 403 and 429.
"""

from __future__ import annotations

from dataclasses import dataclass

from engraver.errors import PinmarkError
from station_api.people.roles import RIGHTS, Right, Role


class SignInError(PinmarkError):
    """Nobody: no session, a wrong secret, an expired or forged token."""


class NotAllowedError(PinmarkError):
    """Somebody, who may not do this."""


class TooManyError(PinmarkError):
    """Too many attempts; ``retry_after_s`` says when to come again."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request: ``name`` is what the records will say."""

    name: str
    role: Role
    is_machine: bool = False
    must_change: bool = False

    def require(self, right: Right) -> None:
        """Refuse unless this caller has a right.

        Raises
        ------
        NotAllowedError
            If not; names who may.
        """
        if self.must_change:
            raise NotAllowedError(
                "the first password is for changing it and nothing else; PUT /v1/session/secret"
            )
        if self.role not in RIGHTS[right]:
            who = ", ".join(sorted(RIGHTS[right]))
            raise NotAllowedError(f"{self.name} is {self.role}; to {right} takes one of: {who}")
