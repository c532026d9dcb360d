"""The log at work: sign where it stands, prove an entry, verify a proof far from the database.

In: open records and the log's key. Out: checkpoints and `.tlog-proof` files; `verify_file` needs
neither records nor network, only the public key. A checkpoint is stored in the database, and its
newest copy lies in the station's folder as ``log/checkpoint``, so that a database that was rolled
back is found out.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engraver.errors import InputError, NoteError, ProofError
from station_api.log_key import key_path, save_key, write_durably
from station_api.records import Records, canonical
from station_api.records.ledger import log_size, read_frontier, read_nodes
from station_api.records.tables import checkpoints, entries
from station_api.transparency import merkle
from station_api.transparency.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from station_api.transparency.note import (
    Note,
    SignerKey,
    VerifierKey,
    generate_key,
    parse_signer_key,
    split_note,
)
from station_api.transparency.proof import TlogProof, parse_proof, verify_proof

_OUTSIDE = threading.Lock()


@dataclass(frozen=True, slots=True)
class VerifiedEntry:
    """What a proof shows: this entry stands in the log that signed this checkpoint.

    ``record`` is ``None`` for a proof that opens nothing but the place.
    """

    kind: str
    position: int
    record: Any
    checkpoint: Checkpoint
    note: Note


def checkpoint_path(home: Path) -> Path:
    """Return where the newest signed checkpoint lies outside the database."""
    return home / "log" / "checkpoint"


def announce_key(records: Records, signer: SignerKey) -> None:
    """Write into the log which key signs it, once for each key."""
    vkey = signer.verifier().text()
    if vkey not in announced_keys(records):
        records.append_event("key", {"vkey": vkey})


def _announce_keys(records: Records, signers: Sequence[SignerKey]) -> None:
    """Announce keys that the newest checkpoint is not signed by; who signed one was announced.

    Looking for an announcement reads the log, which grows; the newest checkpoint is one row.
    """
    with records.database.reading.connect() as connection:
        newest = _newest(connection, records.station)
    if newest is None or not _signed_by(newest.note, signers):
        for signer in signers:
            announce_key(records, signer)


def announced_keys(records: Records) -> list[str]:
    """Return the public keys that the log says it was signed with, oldest first."""
    query = sa.select(entries.c.record).where(
        entries.c.station == records.station, entries.c.kind == "key"
    )
    with records.database.reading.connect() as connection:
        rows = connection.execute(query.order_by(entries.c.position)).all()
    return [str(canonical.decode(bytes(row[0]))["event"]["vkey"]) for row in rows]


def issue_checkpoint(records: Records, signers: Sequence[SignerKey], home: Path) -> str:
    """Sign where the log stands now, and keep the checkpoint in and outside the database.

    Nothing is signed twice: if nothing was appended since, the newest checkpoint is returned.
    """
    _announce_keys(records, signers)
    origin = signers[0].name

    def work(connection: sa.Connection) -> str:
        size = log_size(connection, records.station)
        newest = _newest(connection, records.station)
        if newest is not None and newest.size == size and _signed_by(newest.note, signers):
            return str(newest.note)
        root = read_frontier(connection, records.station, size).root()
        note = sign_checkpoint(Checkpoint(origin, size, root), signers)
        number = 1 if newest is None else newest.number + 1
        values = {"station": records.station, "number": number, "size": size, "note": note}
        connection.execute(sa.insert(checkpoints), values)
        return note

    note = records.writer.run(work)
    _keep_outside(records, home, note)
    return note


def _keep_outside(records: Records, home: Path, note: str) -> None:
    """Put a checkpoint in the place of the copy outside the database, if it continues that copy.

    A copy that signs more than the log has, or another history, is what shows that the records
    were set back; it stays until a person moves it away.
    """
    path, fresh = checkpoint_path(home), parse_checkpoint(split_note(note)[0])
    with _OUTSIDE:  # who signs less at the same moment must not come last
        if not (path.exists() and _is_beyond(records, path, fresh)):
            write_durably(path, note)


def _is_beyond(records: Records, path: Path, fresh: Checkpoint) -> bool:
    """Tell whether a kept checkpoint of this log is not part of what ``fresh`` signs."""
    try:
        kept = parse_checkpoint(split_note(path.read_text("utf-8"))[0])
    except (NoteError, OSError, UnicodeDecodeError):
        return False
    if kept.origin != fresh.origin or kept.size > fresh.size:
        return kept.origin == fresh.origin
    with records.database.reading.connect() as connection:
        return read_frontier(connection, records.station, kept.size).root() != kept.root


def rotate_key(records: Records, home: Path, signer: SignerKey, random_bytes: Any) -> SignerKey:
    """Replace the signing key: announce the new one, sign one checkpoint by both, retire the old.

    Who trusts the old key learns the new one from that checkpoint. A rotation that was cut
    short is finished by the next one.
    """
    path = key_path(home)
    if not path.exists():
        raise InputError("the signing key is not in a file; replace it where it is kept")
    following = path.with_name(path.name + ".next")
    if following.exists():
        fresh = parse_signer_key(following.read_text("utf-8"))
    else:
        fresh = save_key(following, generate_key(signer.name, random_bytes))
    issue_checkpoint(records, [signer, fresh], home)
    following.replace(path)
    write_durably(path.with_suffix(".pub"), fresh.verifier().text() + "\n")
    return fresh


def prove(records: Records, position: int, note: str, *, public: bool = False) -> TlogProof:
    """Prove an entry against a signed checkpoint.

    Parameters
    ----------
    public
        Leave the record and its salt out: the proof then shows a commitment and no serial.
    """
    checkpoint = parse_checkpoint(split_note(note)[0])
    entry = records.entry(position)
    with records.database.reading.connect() as connection:
        hashes = merkle.inclusion_proof(
            position,
            checkpoint.size,
            lambda wanted: read_nodes(connection, records.station, wanted),
        )
    opening: dict[str, Any] = {"kind": entry.kind, "v": canonical.VERSION}
    if public:
        opening["commitment"] = canonical.commitment(entry.salt, entry.record)
    else:
        opening |= {"record": canonical.decode(entry.record), "salt": entry.salt.hex()}
    return TlogProof(position, tuple(hashes), note, canonical.canonical(opening))


def verify_file(text: str, keys: Sequence[VerifierKey], origin: str | None = None) -> VerifiedEntry:
    """Verify a proof file with public keys alone.

    1. The extra data are read: the record and its salt, or a bare commitment.
    2. The commitment is computed from them, and from it the leaf.
    3. The checkpoint's signature, its log, and the leaf's place are verified (`verify_proof`).

    Raises
    ------
    NoteError
        If the file is no proof of a pinmark log.
    ProofError
        If anything does not hold.
    """
    proof = parse_proof(text)
    opening = _opening(proof)  # step 1
    if "record" in opening:
        record = canonical.canonical(opening["record"])
        committed = canonical.commitment(bytes.fromhex(opening["salt"]), record)
    else:
        committed = opening["commitment"]
    leaf = canonical.leaf_data(opening["kind"], proof.index, committed)  # step 2
    checkpoint, note = verify_proof(proof, merkle.leaf_hash(leaf), keys, origin)  # step 3
    return VerifiedEntry(opening["kind"], proof.index, opening.get("record"), checkpoint, note)


def _opening(proof: TlogProof) -> dict[str, Any]:
    try:
        opening = canonical.decode(proof.extra or b"")
        given = {name: opening[name] for name in ("kind", "v")}
        named = ("record", "salt") if "record" in opening else ("commitment",)
        given |= {name: opening[name] for name in named}
        if "salt" in given:
            bytes.fromhex(given["salt"])
    except (InputError, KeyError, TypeError, ValueError):
        raise NoteError("the proof file's extra data are not of a pinmark log") from None
    if given["v"] != canonical.VERSION:
        raise ProofError(f"the proof is of version {given['v']}, this pinmark knows 1")
    return given


def _newest(connection: sa.Connection, station: str) -> sa.Row[Any] | None:
    query = sa.select(checkpoints).where(checkpoints.c.station == station)
    return connection.execute(query.order_by(checkpoints.c.number.desc()).limit(1)).first()


def _signed_by(note: str, signers: Sequence[SignerKey]) -> bool:
    found = {(one.name, one.key_id) for one in split_note(note)[1]}
    return {(s.name, s.verifier().key_id) for s in signers} <= found
