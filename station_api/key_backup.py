"""The note that the log's key was copied to another place, and when.

In: the station's folder. Out: `KeyBackup`, in ``log.key.backup.json``. The key itself is never
in it, only its fingerprint, which whoever holds the copy can read off it and say.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from engraver.errors import InputError
from station_api.log_key import write_durably
from station_api.records.clock import now_us
from station_api.records.rows import clean_line
from station_api.transparency.note import SignerKey

FILE_NAME = "log.key.backup.json"


@dataclass(frozen=True, slots=True)
class KeyBackup:
    """A copy of the signing key, noted by a person."""

    fingerprint: str
    where: str
    at_us: int


def fingerprint(signer: SignerKey) -> str:
    """Return the eight hex digits that stand for a key: the key id of its public half."""
    return signer.verifier().key_id.hex()


def note_backup(home: Path, signer: SignerKey, where: str, typed: str | None = None) -> KeyBackup:
    """Note that the key was copied; ``typed`` is the fingerprint as read off the copy.

    Raises
    ------
    InputError
        If the fingerprint is another, or no place was named.
    """
    ours = fingerprint(signer)
    if typed is not None and not hmac.compare_digest(typed.strip().lower().encode(), ours.encode()):
        raise InputError(
            f"fingerprint {typed.strip()[:16]!r} is not this key's; read it off the copy again"
        )
    place = clean_line(where, "place of the key's backup", 200)
    if not place:
        raise InputError("say where the copy is kept, for example: safe in the office")
    noted = KeyBackup(ours, place, now_us())
    write_durably(home / FILE_NAME, json.dumps(asdict(noted)) + "\n")
    return noted


def noted_backup(home: Path) -> KeyBackup | None:
    """Return what was noted last; ``None`` if nothing was, or it cannot be read."""
    try:
        return KeyBackup(**json.loads((home / FILE_NAME).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
