"""Proof files: one entry's place in a log, verifiable without the log.

In: index, inclusion proof, signed checkpoint. Out: the text of a ``.tlog-proof`` file, and
back. Authority: C2SP tlog-proof. The extra data carry what a holder needs to rebuild the leaf;
they are not authenticated by the file, only by the leaf hash they lead to.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass

from engraver.errors import NoteError
from station_api.transparency.checkpoint import (
    Checkpoint,
    open_checkpoint,
    parse_decimal,
    parse_hash,
)
from station_api.transparency.merkle import verify_inclusion
from station_api.transparency.note import Note, VerifierKey

HEADER = "c2sp.org/tlog-proof@v1"
MOST_HASHES = 63
"""A tree below 2^63 leaves is at most 63 levels high."""

LARGEST_PROOF_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A proof that an entry stands at ``index`` of the log that signed ``checkpoint``."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    def text(self) -> str:
        """Return the text of the proof file."""
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {base64.b64encode(self.extra).decode()}")
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(one).decode() for one in self.hashes]
        return "\n".join(lines) + "\n\n" + self.checkpoint


def parse_proof(text: str) -> TlogProof:
    """Read a proof file; nothing is verified yet.

    Raises
    ------
    NoteError
        If the file is not of the format.
    """
    if len(text) > LARGEST_PROOF_BYTES:
        raise NoteError(f"a proof file has at most {LARGEST_PROOF_BYTES} bytes, this {len(text)}")
    head, cut, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != HEADER:
        raise NoteError(f"missing expected header {HEADER!r}; is this a .tlog-proof file?")
    if not cut or not checkpoint:
        raise NoteError("the proof file has no checkpoint after an empty line; it was cut short")
    rest = lines[1:]
    extra = _parse_extra(rest.pop(0)) if rest and rest[0].startswith("extra ") else None
    if not rest or not rest[0].startswith("index "):
        raise NoteError("missing required index line in the proof file")
    index = parse_decimal(rest.pop(0).removeprefix("index "), "index")
    if len(rest) > MOST_HASHES:
        raise NoteError(f"the proof has {len(rest)} hashes, at most {MOST_HASHES} are possible")
    return TlogProof(index, tuple(parse_hash(one, "proof hash") for one in rest), checkpoint, extra)


def verify_proof(
    proof: TlogProof, leaf: bytes, keys: Iterable[VerifierKey], origin: str | None = None
) -> tuple[Checkpoint, Note]:
    """Verify a proof against trusted keys, in three steps.

    1. The checkpoint carries a signature of a trusted key.
    2. It is of the expected log, if one is named.
    3. The inclusion proof leads from the leaf hash to the checkpoint's root.

    Raises
    ------
    NoteError
        If the checkpoint is malformed.
    ProofError
        If a step fails; the message says which.
    """
    checkpoint, note = open_checkpoint(proof.checkpoint, keys, origin)  # steps 1 and 2
    verify_inclusion(proof.index, checkpoint.size, leaf, proof.hashes, checkpoint.root)  # step 3
    return checkpoint, note


def _parse_extra(line: str) -> bytes:
    try:
        return base64.b64decode(line.removeprefix("extra "), validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("the proof's extra data is not base64 encoded") from None
