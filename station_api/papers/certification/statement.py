"""The statement: a named person's words over the findings, signed as a C2SP signed note.

In: who states, the verdict, the digests of what is stated over. Out: the note's text; and the check
that a statement in a folder is of the files that lie beside it. The key is the station's own, or
one of the licensee's (`pinmark papers key`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from engraver.errors import InputError, NoteError, ProofError
from station_api.records.rows import clean_line
from station_api.transparency.note import SignerKey, VerifierKey, open_note, sign_note

FIRST_LINE = "pinmark statement v1"
STATEMENT = "statement.note"
OVER = ("certification.json", "cases.csv", "sample-plan.json")
"""Files of a pack that its statement is made over."""

WORDS = (
    "I state that the firearms named here were fired, and that the cases and pins named here were "
    "collected and measured, as the table of cases says; and that no case was left out."
)


@dataclass(frozen=True, slots=True)
class Stated:
    """Who states, as what, on which day."""

    name: str
    title: str
    on_date: str

    def checked(self) -> Stated:
        """Return it in one-line texts.

        Raises
        ------
        InputError
            If a name or a title is missing, or the day is none.
        """
        name, title = (clean_line(text, "name or title", 128) for text in (self.name, self.title))
        if not name or not title:
            raise InputError("a statement without a name and a title is nobody's; give both")
        try:
            day = date.fromisoformat(self.on_date)
        except ValueError:
            raise InputError(f"date {self.on_date!r} is no day; write YYYY-MM-DD") from None
        return Stated(name, title, day.isoformat())


def statement(
    stated: Stated, what: str, verdict: str, files: Mapping[str, bytes], signer: SignerKey
) -> str:
    """Return the signed statement over some files of a pack."""
    lines = [FIRST_LINE, f"{stated.name}, {stated.title}, {stated.on_date}", what, WORDS, verdict]
    lines += [f"{hashlib.sha256(data).hexdigest()} {name}" for name, data in sorted(files.items())]
    return sign_note("\n".join(lines) + "\n", [signer])


def verify_statement(folder: Path, keys: Sequence[VerifierKey]) -> str:
    """Verify the statement in a folder; return who stated it.

    1. It is signed by one of the keys.
    2. Every file it is made over is there, and is the one that it names.

    Raises
    ------
    NoteError
        If it is not signed by a key, or is no statement.
    ProofError
        If a file is another one.
    """
    path = folder / STATEMENT
    try:
        note = open_note(path.read_text("utf-8"), keys)  # step 1
    except ProofError as error:
        raise ProofError(
            f"{path.name}: {error}; give the key of who signed the statement"
        ) from None
    lines = note.text.splitlines()
    if lines[0] != FIRST_LINE or len(lines) != 5 + len(OVER):
        raise NoteError(f"{path} is signed, and is no statement")
    for line in lines[5:]:  # step 2
        digest, _, name = line.partition(" ")
        if name not in OVER or hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            raise ProofError(f"{name} is not the file that the statement was made over")
    return lines[1]
