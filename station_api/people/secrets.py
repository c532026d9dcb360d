"""PINs and passwords: what is accepted, how it is kept.

In: texts as people type them. Out: argon2id hashes in PHC form. Authority: RFC 9106 section 4
(second recommended option: t=3, 64 MiB, p=4), NIST SP 800-63B (length counts, composition does
not; NFKC before hashing). Machine keys never come here: argon2 costs a tenth of a second or more.
"""

from __future__ import annotations

import secrets
import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from engraver.errors import InputError
from station_api.people.callers import TooManyError
from station_api.people.roles import PIN_ROLES, Role

SHORTEST_PIN, SHORTEST_PASSWORD, LONGEST_SECRET = 6, 12, 128
AT_ONCE = 2
"""Hashes computed at the same time: each takes 64 MiB, and a station has few cores."""

WAIT_S = 10.0


def normalise_secret(text: str) -> str:
    """Fold a typed secret to one spelling.

    Raises
    ------
    InputError
        If it is longer than 128 characters, or holds a control character or lone surrogate.
    """
    folded = unicodedata.normalize("NFKC", text)
    if len(folded) > LONGEST_SECRET or any(unicodedata.category(c) in ("Cc", "Cs") for c in folded):
        raise InputError(
            f"a password has at most {LONGEST_SECRET} characters and no control characters"
        )
    return folded


def check_strength(text: str, role: Role, name: str) -> str:
    """Return the normalised secret if it may guard this role.

    Raises
    ------
    InputError
        If it is too short or too easy.
    """
    secret = normalise_secret(text)
    if role in PIN_ROLES and secret.isascii() and secret.isdigit():
        if len(secret) < SHORTEST_PIN or len(set(secret)) < 3 or secret in "01234567890123456789":
            raise InputError(
                f"a PIN has at least {SHORTEST_PIN} digits, three of them different, "
                "and does not count up"
            )
        return secret
    if len(secret) < SHORTEST_PASSWORD or len(set(secret)) < 5:
        or_pin = f", or a PIN of {SHORTEST_PIN} digits" if role in PIN_ROLES else ""
        raise InputError(
            f"{role} takes a password of at least {SHORTEST_PASSWORD} characters, five of them "
            f"different{or_pin}"
        )
    if secret.casefold() == name.casefold():
        raise InputError("a password is not one's own name")
    return secret


class Hasher:
    """Argon2id, a few at a time."""

    def __init__(self, argon2: PasswordHasher | None = None) -> None:
        self._argon2 = argon2 or PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)
        self._room = threading.BoundedSemaphore(AT_ONCE)
        self._nobody = self._argon2.hash(secrets.token_hex(16))

    def hash(self, secret: str) -> str:
        """Return the PHC text of a secret's hash, with a salt of its own."""
        return str(self._argon2.hash(secret))

    def verify(self, stored: str | None, secret: str) -> bool:
        """Return whether a secret is the stored one; takes as long for nobody as for somebody.

        Raises
        ------
        TooManyError
            If too many wait already.
        """
        if not self._room.acquire(timeout=WAIT_S):
            raise TooManyError("too many sign in at this moment; try again", 5)
        try:
            self._argon2.verify(self._nobody if stored is None else stored, secret)
        except (VerificationError, InvalidHashError):
            return False
        finally:
            self._room.release()
        return stored is not None


def make_password() -> str:
    """Return a first password of 99 random bits, in groups that can be typed.

    Examples
    --------
    >>> len(make_password())
    24
    """
    alphabet = "23456789abcdefghjkmnpqrstuvwxyz"
    letters = [secrets.choice(alphabet) for _ in range(20)]
    return "-".join("".join(letters[at : at + 4]) for at in range(0, 20, 4))
