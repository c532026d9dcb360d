"""Checkpoints: the size and the root hash of a log, signed.

In: origin, size, root. Out: a signed note, or a verified `Checkpoint`. Authority: C2SP
tlog-checkpoint. The text has the origin, the size in decimal, the root in base64, each on its
line, and may go on with extension lines, which pinmark keeps and never writes.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engraver.errors import NoteError, ProofError
from station_api.transparency.merkle import HASH_BYTES, LARGEST_TREE
from station_api.transparency.note import Note, SignerKey, VerifierKey, open_note, sign_note

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log stood at: ``size`` entries under ``root``."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the text that is signed."""
        root = base64.b64encode(self.root).decode()
        return "".join(f"{line}\n" for line in (self.origin, self.size, root, *self.extensions))


def parse_checkpoint(text: str) -> Checkpoint:
    r"""Read a checkpoint's text.

    Raises
    ------
    NoteError
        If a line is missing, the size is no plain decimal, or the root is no SHA-256.

    Examples
    --------
    >>> parse_checkpoint("log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n").size
    0
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise NoteError("a checkpoint has origin, size and root on a line each, and no empty line")
    origin, size, root, *extensions = lines[:-1]
    number = parse_decimal(size, "checkpoint size")
    return Checkpoint(origin, number, parse_hash(root, "root hash"), tuple(extensions))


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[SignerKey]) -> str:
    """Sign a checkpoint by one key, or by the old and the new one of a rotation."""
    return sign_note(checkpoint.text(), signers)


def open_checkpoint(
    message: str | bytes, keys: Iterable[VerifierKey], origin: str | None = None
) -> tuple[Checkpoint, Note]:
    """Verify a signed checkpoint; with ``origin`` also that it is of that log.

    Raises
    ------
    NoteError
        If it is malformed.
    ProofError
        If no given key signed it, a signature does not hold, or it is another log's.
    """
    note = open_note(message, keys)
    found = parse_checkpoint(note.text)
    if origin is not None and found.origin != origin:
        raise ProofError(f"the checkpoint is of log {found.origin!r}, not of {origin!r}")
    return found, note


def parse_decimal(text: str, what: str) -> int:
    """Read a decimal without sign, space or leading zero, below 2^63."""
    if not _DECIMAL.fullmatch(text) or int(text) > LARGEST_TREE:
        raise NoteError(f"{what} {text[:30]!r} is not a decimal from 0 to {LARGEST_TREE}")
    return int(text)


def parse_hash(text: str, what: str) -> bytes:
    """Read one SHA-256 in base64."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError(f"{what}: not base64 encoded: {text[:60]!r}") from None
    if len(raw) != HASH_BYTES:
        raise NoteError(f"{what}: hash length is {len(raw)} bytes, SHA-256 has {HASH_BYTES}")
    return raw
