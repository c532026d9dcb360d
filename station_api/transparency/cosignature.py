"""Witnessing: one station watches that another's log only ever grows.

In: an add-checkpoint request and what this witness saw last. Out: a cosignature and the new
state, or the status that C2SP tlog-witness prescribes. Authority: C2SP tlog-cosignature and
tlog-witness. Whoever calls `witness` stores the new state, in one transaction with the check,
before the cosignature leaves the house.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engraver.errors import NoteError, ProofError
from station_api.transparency.checkpoint import (
    Checkpoint,
    open_checkpoint,
    parse_checkpoint,
    parse_decimal,
    parse_hash,
)
from station_api.transparency.merkle import verify_consistency
from station_api.transparency.note import (
    Algorithm,
    Note,
    Signature,
    SignerKey,
    VerifierKey,
    open_note,
    parse_signature_line,
    split_note,
)

MOST_PROOF_LINES = 63


@dataclass(frozen=True, slots=True)
class Seen:
    """The latest checkpoint a witness cosigned for one log."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A log's request for a cosignature."""

    old_size: int
    proof: tuple[bytes, ...]
    checkpoint: str

    def text(self) -> str:
        """Return the request body."""
        lines = [f"old {self.old_size}", *(base64.b64encode(h).decode() for h in self.proof), ""]
        return "\n".join(lines) + "\n" + self.checkpoint


@dataclass(frozen=True, slots=True)
class WitnessReply:
    """An HTTP status, the body to send, and, with 200, what the witness has now seen."""

    status: int
    body: str
    seen: Checkpoint | None = None


def parse_add_checkpoint(body: str) -> AddCheckpoint:
    """Read a request body.

    Raises
    ------
    NoteError
        If it is malformed.
    """
    head, cut, checkpoint = body.partition("\n\n")
    first, *proof = head.split("\n")
    if not cut or not first.startswith("old "):
        raise NoteError("a witness request begins with `old SIZE` and has a checkpoint at its end")
    if len(proof) > MOST_PROOF_LINES:
        raise NoteError(f"{len(proof)} proof lines, at most {MOST_PROOF_LINES} are possible")
    old = parse_decimal(first.removeprefix("old "), "old size")
    return AddCheckpoint(old, tuple(parse_hash(one, "proof line") for one in proof), checkpoint)


def witness(
    body: str,
    trusted: Mapping[str, Sequence[VerifierKey]],
    seen: Mapping[str, Seen],
    signer: SignerKey,
    at_s: int,
) -> WitnessReply:
    """Answer a request for a cosignature.

    Parameters
    ----------
    trusted
        Public keys of the logs this witness watches, by origin.
    seen
        The latest checkpoint cosigned, by origin.
    signer
        This witness's cosigning key (`Algorithm.COSIGNATURE`).
    at_s
        The time, s since 1970.
    """
    if signer.algorithm is not Algorithm.COSIGNATURE:
        raise NoteError("a witness signs with a cosigning key; make one with kind cosignature")
    try:
        request = parse_add_checkpoint(body)
        claimed = parse_checkpoint(split_note(request.checkpoint)[0])
    except NoteError as error:
        return WitnessReply(400, f"{error}\n")
    if claimed.origin not in trusted:
        return WitnessReply(404, f"unknown log {claimed.origin}\n")
    try:
        checkpoint, note = open_checkpoint(request.checkpoint, trusted[claimed.origin])
    except (ProofError, NoteError) as error:
        return WitnessReply(403, f"{error}\n")
    last = seen.get(checkpoint.origin, Seen(0, b""))
    if request.old_size > checkpoint.size:
        return WitnessReply(400, "the old size is larger than the checkpoint's\n")
    if request.old_size != last.size:
        return WitnessReply(409, f"{last.size}\n")
    refusal = _refuse_fork(request, checkpoint, last)
    if refusal:
        return refusal
    made = Signature(signer.name, signer.verifier().key_id, signer.sign(note.text, at_s))
    return WitnessReply(200, made.line(), checkpoint)


def _refuse_fork(request: AddCheckpoint, new: Checkpoint, last: Seen) -> WitnessReply | None:
    if last.size == 0:
        return WitnessReply(422, "a first checkpoint needs no proof\n") if request.proof else None
    if new.size == last.size:
        return WitnessReply(409, f"{last.size}\n") if new.root != last.root else None
    try:
        verify_consistency(last.size, new.size, request.proof, last.root, new.root)
    except ProofError as error:
        return WitnessReply(422, f"{error}\n")
    return None


def attach(message: str, reply: str, keys: Sequence[VerifierKey]) -> tuple[str, Note]:
    """Put a witness's signature lines under a checkpoint; lines of unknown keys are dropped.

    Raises
    ------
    ProofError
        If no line is a valid cosignature of one of ``keys``.
    """
    text, own = split_note(message)
    lines = [parse_signature_line(line) for line in reply.split("\n")[:-1]]
    known = {(key.name, key.key_id) for key in keys}
    kept = [one for one in lines if (one.name, one.key_id) in known]
    note = open_note(text + "\n" + "".join(one.line() for one in [*own, *kept]), keys)
    fresh = [one for one in note.verified if one not in own]
    return message + "".join(one.line() for one in fresh), note


def cosigned_at_s(signature: Signature) -> int:
    """Return the time of a cosignature, s since 1970.

    Raises
    ------
    NoteError
        If the signature carries no time.
    """
    if len(signature.signature) != 72:
        raise NoteError(f"the signature of {signature.name!r} is no cosignature: it has no time")
    return int.from_bytes(signature.signature[:8], "big")
