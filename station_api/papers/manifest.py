"""A folder of papers, closed: every file by its SHA-256, signed with the log's key.

In: a folder, what it is, a signer, the checkpoint it stands by. Out: ``manifest.json``, and
``manifest.note``, a C2SP signed note over its digest. `verify_folder` needs the public key alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engraver.errors import InputError, NoteError, OrderError, ProofError
from station_api.papers.prints import checkpoint_fields
from station_api.transparency.note import SignerKey, VerifierKey, open_note, sign_note

MANIFEST, NOTE = "manifest.json", "manifest.note"
FIRST_LINE = "pinmark manifest v1"


def new_folder(folder: Path) -> Path:
    """Make a folder, or take an empty one.

    Raises
    ------
    InputError
        If it holds something: nothing is overwritten.
    OrderError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InputError(f"{folder} is not empty; name a new folder")
    except OSError as error:
        raise OrderError(f"{folder} cannot be made: {error.strerror}") from error
    return folder


def close_folder(
    folder: Path, what: str, facts: dict[str, Any], signer: SignerKey, checkpoint: str
) -> dict[str, Any]:
    """List and sign everything in a folder; return the manifest."""
    manifest = {
        "what": what,
        "facts": facts,
        "checkpoint": checkpoint_fields(checkpoint),
        "files": [_file(folder, path) for path in _files(folder)],
        "v": 1,
    }
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    digest = hashlib.sha256(text.encode()).hexdigest()
    note = sign_note(f"{FIRST_LINE}\n{what}\n{digest}\n", [signer])
    (folder / MANIFEST).write_text(text, "utf-8")
    (folder / NOTE).write_text(note, "utf-8")
    return manifest


def verify_folder(folder: Path, keys: Sequence[VerifierKey]) -> dict[str, Any]:
    """Verify a folder that was handed over; return its manifest.

    1. The note is signed by one of the keys, and is of a manifest.
    2. The manifest is the one that was signed.
    3. Every file it lists is there and unchanged, and there is no other.

    Raises
    ------
    ProofError
        If anything does not hold; the file is named.
    NoteError
        If manifest or note are none.
    """
    try:
        note = open_note((folder / NOTE).read_text("utf-8"), keys)  # step 1
        text = (folder / MANIFEST).read_bytes()
    except (OSError, UnicodeDecodeError) as error:
        raise NoteError(f"{folder} has no readable {NOTE} and {MANIFEST}: {error}") from error
    lines = note.text.splitlines()
    if len(lines) != 3 or lines[0] != FIRST_LINE:
        raise NoteError(f"{folder / NOTE} is signed, and is no note of a manifest")
    if hashlib.sha256(text).hexdigest() != lines[2]:  # step 2
        raise ProofError(f"{folder / MANIFEST} is not the one that was signed")
    manifest: dict[str, Any] = json.loads(text)
    listed = {one["path"]: one for one in manifest["files"]}
    found = {str(path.relative_to(folder)): path for path in _files(folder)}
    for name in sorted(listed.keys() | found.keys()):  # step 3
        if name not in found:
            raise ProofError(f"{name} is missing from {folder}")
        if name not in listed:
            raise ProofError(f"{name} was added to {folder}; the manifest does not list it")
        if _file(folder, found[name]) != listed[name]:
            raise ProofError(f"{name} in {folder} is not the file that was signed for")
    return manifest


def _files(folder: Path) -> list[Path]:
    own = {folder / MANIFEST, folder / NOTE}
    return sorted(path for path in folder.rglob("*") if path.is_file() and path not in own)


def _file(folder: Path, path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    name = path.relative_to(folder).as_posix()
    return {"path": name, "bytes": path.stat().st_size, "sha256": digest}
