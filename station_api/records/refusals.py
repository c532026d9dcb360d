"""What to tell a person when a database refuses: the cause, and what to do about it.

In: what an engine said. Out: a `StorageError` of one line, a `FullDiskError` where it is sure that
the disk is full.
"""

from __future__ import annotations

import sqlalchemy as sa

from engraver.errors import FullDiskError, StorageError

FULL = ("disk is full", "No space left")
FAILING = ("disk I/O error", "unable to open database", "readonly")
"""What SQLite says of a disk that is read-only or failing, or full where it did not expect it."""


def refusal_by(said: str, cause: str, otherwise: str = "") -> StorageError:
    """Return the error that says ``said`` and the remedy for ``cause``, if that is the disk."""
    if any(words in cause for words in FULL):
        return FullDiskError(f"{said}; make room on the disk (`df -h`) and do it again")
    if any(words in cause for words in FAILING):
        return StorageError(
            f"{said}; is the disk full, read-only or failing (`df -h`, `dmesg`)? See to it and "
            f"do it again{otherwise and ', or ' + otherwise}"
        )
    return StorageError(f"{said}{otherwise and '; ' + otherwise}")


def refused_by(error: sa.exc.DBAPIError, done: str) -> StorageError:
    """Return what to say of records that cannot be ``read`` or ``written``."""
    cause = " ".join(str(error.orig).split())
    return refusal_by(f"the records cannot be {done} ({cause}); nothing was changed", cause)
