"""Signed notes: a text and the signatures under it.

In: text, keys. Out: the bytes of a signed note, or a `Note` whose signatures were verified.
Authority: C2SP signed-note; Ed25519 (algorithm 0x01) and timestamped cosignatures (0x04,
tlog-cosignature) by the `cryptography` package. A note::

    example.com/log                      <- text, any lines, ends in a newline
    42
    <root hash, base64>
                                         <- one empty line
    \N{EM DASH} example.com/log <base64: key id (4 bytes) + signature>
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from engraver.errors import NoteError, ProofError

MOST_SIGNATURES = 100
"""More than this is refused before any is looked at (golang.org/x/mod/sumdb/note)."""

LARGEST_NOTE_BYTES = 1_000_000
_DASH = "\N{EM DASH} "


class Algorithm(IntEnum):
    """First byte of a key: what its signatures cover."""

    ED25519 = 1  # the text
    COSIGNATURE = 4  # the time and the text


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with the name it signs under; its text form is the "vkey"."""

    name: str
    algorithm: Algorithm
    public_bytes: bytes

    def __post_init__(self) -> None:
        """Refuse names and keys that no note could carry."""
        if not is_name(self.name):
            raise NoteError(f"key name {self.name!r} is empty or has a space or a plus sign in it")
        if len(self.public_bytes) != 32:
            raise NoteError(f"an Ed25519 key has 32 bytes, this one {len(self.public_bytes)}")

    @property
    def key_id(self) -> bytes:
        """The four bytes that name this key in a signature line."""
        hashed = self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public_bytes
        return hashlib.sha256(hashed).digest()[:4]

    def text(self) -> str:
        """Return the key as text: ``name+id+base64``."""
        encoded = _to_base64(bytes([self.algorithm]) + self.public_bytes)
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    def covers(self, text: str, signature: bytes) -> bool:
        """Return whether ``signature`` (without its key id) holds for ``text``."""
        if self.algorithm is Algorithm.COSIGNATURE:
            if len(signature) != 72:
                return False
            message = cosigned_message(text, struct.unpack(">Q", signature[:8])[0])
            signature = signature[8:]
        else:
            message = text.encode()
        try:
            Ed25519PublicKey.from_public_bytes(self.public_bytes).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class SignerKey:
    """A private key with its name; its text form begins ``PRIVATE+KEY+`` and is a secret."""

    name: str
    algorithm: Algorithm
    seed: bytes

    def __repr__(self) -> str:
        """Show the name and never the seed."""
        return f"SignerKey({self.name!r}, {self.algorithm.name}, <secret>)"

    def verifier(self) -> VerifierKey:
        """Return the public half."""
        public = self._private().public_key().public_bytes_raw()
        return VerifierKey(self.name, self.algorithm, public)

    def text(self) -> str:
        """Return the key as text, to be kept like a password."""
        encoded = _to_base64(bytes([self.algorithm]) + self.seed)
        return f"PRIVATE+KEY+{self.name}+{self.verifier().key_id.hex()}+{encoded}"

    def sign(self, text: str, at_s: int = 0) -> bytes:
        """Sign a note's text; a cosigning key also signs the time ``at_s`` (s since 1970)."""
        if self.algorithm is Algorithm.COSIGNATURE:
            stamp = struct.pack(">Q", at_s)
            return stamp + self._private().sign(cosigned_message(text, at_s))
        return self._private().sign(text.encode())

    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: the key's name, its id, and the signature bytes after the id."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        """Return the line as it stands in a note."""
        return f"{_DASH}{self.name} {_to_base64(self.key_id + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A note and what its signatures are worth: ``verified`` by known keys, or not."""

    text: str
    verified: tuple[Signature, ...] = ()
    unverified: tuple[Signature, ...] = ()

    def signed_by(self, key: VerifierKey) -> bool:
        """Return whether a verified signature is of this key."""
        return any((s.name, s.key_id) == (key.name, key.key_id) for s in self.verified)


def cosigned_message(text: str, at_s: int) -> bytes:
    """Return what a cosignature signs (tlog-cosignature, Ed25519)."""
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


def is_name(name: str) -> bool:
    """Return whether a key may have this name: no space, no plus, not empty, valid UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return bool(name) and "+" not in name and not any(c.isspace() for c in name)


def generate_key(
    name: str,
    random_bytes: Callable[[int], bytes],
    algorithm: Algorithm = Algorithm.ED25519,
) -> SignerKey:
    """Make a key from 32 random bytes."""
    key = SignerKey(name, algorithm, random_bytes(32))
    key.verifier()  # refuses a bad name here rather than at the first signature
    return key


def parse_verifier_key(text: str) -> VerifierKey:
    """Read a public key.

    Raises
    ------
    NoteError
        If the text is not ``name+id+base64`` or the id is not the key's.

    Examples
    --------
    >>> parse_verifier_key(
    ...     "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    ... ).name
    'PeterNeumann'
    """
    parts = text.strip().split("+", 2)
    if len(parts) != 3:
        raise NoteError(f"public key {text[:60]!r} is not of the form name+id+base64")
    name, claimed, encoded = parts
    algorithm, public = _algorithm_and_key(_from_base64(encoded, "the public key"))
    key = VerifierKey(name, algorithm, public)
    _check_id(key, claimed)
    return key


def parse_signer_key(text: str) -> SignerKey:
    """Read a private key; the text never appears in an error.

    Raises
    ------
    NoteError
        If it is no private key, or its id is not the key's.
    """
    parts = text.strip().split("+", 4)
    if len(parts) != 5 or parts[:2] != ["PRIVATE", "KEY"]:
        raise NoteError("a signing key has the form PRIVATE+KEY+name+id+base64; this one has not")
    _, _, name, claimed, encoded = parts
    algorithm, seed = _algorithm_and_key(_from_base64(encoded, "the signing key"))
    if not is_name(name) or len(seed) != 32:
        raise NoteError("the signing key has a bad name or is not 32 bytes long")
    key = SignerKey(name, algorithm, seed)
    _check_id(key.verifier(), claimed)
    return key


def sign_note(
    text: str, signers: Sequence[SignerKey], existing: Iterable[Signature] = (), at_s: int = 0
) -> str:
    """Sign a text; a signer's earlier signature is replaced, others are kept.

    Raises
    ------
    NoteError
        If the text cannot be a note's, or a kept signature is malformed.
    """
    _check_text(text)
    made = [
        Signature(s.name, s.verifier().key_id, s.sign(text, at_s if s.algorithm == 4 else 0))
        for s in signers
    ]
    replaced = {(one.name, one.key_id) for one in made}
    kept = [one for one in existing if (one.name, one.key_id) not in replaced]
    for one in kept:
        if not is_name(one.name) or len(one.key_id) != 4 or not one.signature:
            raise NoteError(f"the signature of {one.name!r} cannot stand in a note")
    return text + "\n" + "".join(one.line() for one in [*kept, *made])


def split_note(message: str) -> tuple[str, list[Signature]]:
    """Take a note apart without verifying anything.

    Raises
    ------
    NoteError
        If it is malformed.
    """
    if len(message) > LARGEST_NOTE_BYTES:
        raise NoteError(f"a note has at most {LARGEST_NOTE_BYTES} bytes, this {len(message)}")
    cut = message.rfind("\n\n")
    if cut < 0 or not message.endswith("\n"):
        raise NoteError("malformed note: no empty line between text and signatures, or cut short")
    text, lines = message[: cut + 1], message[cut + 2 :].split("\n")[:-1]
    _check_text(text)
    if not lines or len(lines) > MOST_SIGNATURES:
        raise NoteError(f"malformed note: {len(lines)} signatures, 1 to {MOST_SIGNATURES} allowed")
    return text, [parse_signature_line(line) for line in lines]


def parse_signature_line(line: str) -> Signature:
    """Read one signature line, without its newline."""
    if not line.startswith(_DASH):
        raise NoteError(f"malformed note: {line[:40]!r} is not a signature line")
    name, _, encoded = line[len(_DASH) :].partition(" ")
    raw = _from_base64(encoded, "malformed note: the signature")
    if not is_name(name) or len(raw) < 5:
        raise NoteError(f"malformed note: the signature line of {name!r} is damaged")
    return Signature(name, raw[:4], raw[4:])


def open_note(message: str | bytes, keys: Iterable[VerifierKey]) -> Note:
    """Open a note: at least one signature must be of a known key and hold.

    Signatures of unknown keys are kept as ``unverified``; repeated ones are dropped.

    Raises
    ------
    NoteError
        If the note is malformed or two of the known keys share name and id.
    ProofError
        If a known key's signature does not hold, or no known key signed.
    """
    text, signatures = split_note(_decode(message))
    known = list(keys)
    verified: list[Signature] = []
    unverified: list[Signature] = []
    for one in signatures:
        key = _find(known, one)
        if key is None:
            if one not in unverified:
                unverified.append(one)
        elif not any((v.name, v.key_id) == (one.name, one.key_id) for v in verified):
            if not key.covers(text, one.signature):
                raise ProofError(f"invalid signature for key {one.name}+{one.key_id.hex()}")
            verified.append(one)
    if not verified:
        names = ", ".join(sorted({one.name for one in signatures}))
        raise ProofError(f"the note is signed by {names}, and by none of the keys given")
    return Note(text, tuple(verified), tuple(unverified))


def _find(keys: Sequence[VerifierKey], one: Signature) -> VerifierKey | None:
    found = [key for key in keys if (key.name, key.key_id) == (one.name, one.key_id)]
    if len(found) > 1:
        raise NoteError(f"ambiguous key {one.name}+{one.key_id.hex()}: it was given twice")
    return found[0] if found else None


def _decode(message: str | bytes) -> str:
    if isinstance(message, str):
        return message
    try:
        return message.decode("utf-8")
    except UnicodeDecodeError:
        raise NoteError("malformed note: not UTF-8") from None


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise NoteError("malformed note: the text has to end in a newline")
    if any((c < " " and c != "\n") or "\ud800" <= c <= "\udfff" for c in text):
        raise NoteError("malformed note: a control character or a lone surrogate in the text")


def _algorithm_and_key(raw: bytes) -> tuple[Algorithm, bytes]:
    if not raw or raw[0] not in {a.value for a in Algorithm}:
        raise NoteError("the key is of an unknown algorithm; use Ed25519 (1) or cosignature (4)")
    return Algorithm(raw[0]), raw[1:]


def _check_id(key: VerifierKey, claimed: str) -> None:
    if claimed != key.key_id.hex():
        raise NoteError(f"key {key.name}: its id is {key.key_id.hex()}, the text says {claimed!r}")


def _to_base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _from_base64(text: str, what: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError(f"{what} is not base64") from None
    if _to_base64(raw) != text:  # b64decode forgives stray bits in the last character
        raise NoteError(f"{what} is not canonical base64")
    return raw


def public_pem(key: VerifierKey) -> str:
    """Return the public key as PEM (SubjectPublicKeyInfo), for tools that know no notes."""
    return (
        Ed25519PublicKey.from_public_bytes(key.public_bytes)
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
