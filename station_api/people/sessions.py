"""Sessions: who signed in, for how long, and whether the screen is locked.

In: a person who was checked. Out: a token of 256 random bits, of which only the SHA-256 is kept.
Sessions live in this process: ending it signs everybody out. After ten idle minutes a session
is locked and takes the secret again; after twelve hours it ends. Time is the steady clock's.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from station_api.people.callers import Caller, SignInError

PREFIX = "pms_"
IDLE_S = 600.0
LIFETIME_S = 12 * 3600.0
MOST_EACH = 8
"""Sessions of one person at a time; the oldest ends when a ninth begins."""


class LockedError(SignInError):
    """The session is idle too long: the secret unlocks it."""


@dataclass(slots=True)
class Session:
    """One signed-in person."""

    caller: Caller
    begun_s: float
    seen_s: float
    locked: bool = False


class Sessions:
    """Everybody who is signed in; safe to call from any thread."""

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._open: dict[str, Session] = {}
        self._guard = threading.Lock()

    def open(self, caller: Caller) -> str:
        """Begin a session; return its token."""
        token = PREFIX + secrets.token_urlsafe(32)
        now = self._steady()
        with self._guard:
            self._forget_old(now)
            mine = [t for t, s in self._open.items() if s.caller.name == caller.name]
            for oldest in mine[: max(0, len(mine) - MOST_EACH + 1)]:
                del self._open[oldest]
            self._open[_digest(token)] = Session(caller, now, now)
        return token

    def find(self, token: str) -> Caller:
        """Return who this session is and count it as not idle.

        Raises
        ------
        LockedError
            If it was idle too long, or was locked.
        SignInError
            If there is no such session, or it has ended.
        """
        now = self._steady()
        with self._guard:
            session = self._require(token, now)
            if session.locked or now - session.seen_s > IDLE_S:
                session.locked = True
                raise LockedError("the session is locked; unlock it at POST /v1/session/unlock")
            session.seen_s = now
            return session.caller

    def owner(self, token: str) -> Caller:
        """Return who a session belongs to, locked or not."""
        with self._guard:
            return self._require(token, self._steady()).caller

    def is_open(self, token: str) -> bool:
        """Return whether a session is there and not locked; asking is no sign of life."""
        with self._guard:
            try:
                return not self._require(token, self._steady()).locked
            except SignInError:
                return False

    def lock(self, token: str) -> None:
        """Lock a session at once."""
        with self._guard:
            self._require(token, self._steady()).locked = True

    def unlock(self, token: str) -> None:
        """Unlock a session whose owner gave the secret again."""
        now = self._steady()
        with self._guard:
            session = self._require(token, now)
            session.locked, session.seen_s = False, now

    def close(self, token: str) -> None:
        """End a session; one that is gone is no error."""
        with self._guard:
            self._open.pop(_digest(token), None)

    def close_all(self, name: str) -> None:
        """End every session of a person."""
        with self._guard:
            self._open = {t: s for t, s in self._open.items() if s.caller.name != name}

    def count(self) -> int:
        """Return how many sessions there are."""
        with self._guard:
            self._forget_old(self._steady())
            return len(self._open)

    def _require(self, token: str, now: float) -> Session:
        found = self._open.get(_digest(token))
        if found is None or now - found.begun_s > LIFETIME_S:
            self._open.pop(_digest(token), None)
            raise SignInError("there is no such session, or it has ended; sign in")
        return found

    def _forget_old(self, now: float) -> None:
        self._open = {t: s for t, s in self._open.items() if now - s.begun_s <= LIFETIME_S}


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
