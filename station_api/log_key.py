"""The signing key of a station's log: where it comes from, where it is kept.

In: the configuration and the station's folder. Out: `SignerKey`. ``PINMARK_LOG_KEY`` holds the key
itself, ``[log] key_file`` names its file; else it is ``log.key`` in the station's folder,
made on first use, readable by its owner alone. The public half stands beside it in ``log.pub``.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from engraver.errors import NoteError, OrderError
from firmware_bridge.durable import make_folder, refusal, replace_durably
from station_api.configuration import settings
from station_api.transparency.note import (
    Algorithm,
    SignerKey,
    VerifierKey,
    generate_key,
    parse_signer_key,
    parse_verifier_key,
)

KEY_VARIABLE = "PINMARK_LOG_KEY"


def log_origin(station: str) -> str:
    """Return the name of a station's log, unique in the world if the configuration makes it so."""
    return settings().log.origin or f"pinmark.local/{station}"


def key_path(home: Path) -> Path:
    """Return the file that holds the signing key."""
    return settings().log.key_file or home / "log.key"


def log_signer(home: Path, origin: str) -> SignerKey:
    """Return the log's signing key, made on first use.

    Raises
    ------
    NoteError
        If the key cannot be parsed, or belongs to a log of another name.
    OrderError
        If its file cannot be read or written.
    """
    return _signer(key_path(home), origin, Algorithm.ED25519, os.environ.get(KEY_VARIABLE))


def witness_signer(home: Path, station: str) -> SignerKey:
    """Return the key by which this station witnesses other logs, made on first use."""
    return _signer(home / "witness.key", f"{log_origin(station)}/witness", Algorithm.COSIGNATURE)


def _signer(path: Path, name: str, kind: Algorithm, given: str | None = None) -> SignerKey:
    if given is None:
        given = _read(path) if path.exists() else None
    if given is None:
        return save_key(path, generate_key(name, secrets.token_bytes, kind))
    key = parse_signer_key(given)
    if key.name != name or key.algorithm is not kind:
        raise NoteError(
            f"the signing key is {key.name}'s ({key.algorithm.name}), this log is {name}; "
            "set [log] origin (PINMARK_LOG_ORIGIN) or [log] key_file (PINMARK_LOG_KEY_FILE)"
        )
    return key


def save_key(path: Path, key: SignerKey) -> SignerKey:
    """Write a key to a new file, readable by its owner alone, and its public half beside it."""
    try:
        make_folder(path.parent)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(key.text() + "\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        return parse_signer_key(_read(path))  # another process made it first
    except OSError as error:
        raise refusal(f"the signing key {path}", error) from error
    write_durably(path.with_suffix(".pub"), key.verifier().text() + "\n")
    return key


def read_note(path: Path) -> str:
    """Return the text of a checkpoint or proof file.

    Raises
    ------
    OrderError
        If it cannot be read or is no text.
    """
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        cause = getattr(error, "strerror", None) or "not a text"
        raise OrderError(f"{path} cannot be read: {cause}") from error


def read_public_keys(named: Iterable[str]) -> list[VerifierKey]:
    """Read public keys given as text or as files with one key a line.

    Raises
    ------
    NoteError
        If one is no key.
    """
    found = []
    for one in named:
        text = one if "+" in one and not Path(one).exists() else _read(Path(one))
        lines = (line.strip() for line in text.splitlines())
        found += [parse_verifier_key(line) for line in lines if line and not line.startswith("#")]
    return list(dict.fromkeys(found))


def write_durably(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace a file so that a power cut leaves the old or the new one, whole.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    try:
        make_folder(path.parent)
        replace_durably(path, text, mode)
    except OSError as error:
        raise refusal(path, error) from error


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        cause = getattr(error, "strerror", None) or "not a text"
        raise OrderError(f"key file {path} cannot be read: {cause}") from error
