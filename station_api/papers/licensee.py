"""Who keeps the book: name, licence and address of the licensee, as they head every paper.

In: ``licensee.toml`` in the station's folder, or ``PINMARK_LICENSEE_FILE``. Out: `Licensee`; empty
without a file, and the checklist says so.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from engraver.errors import OrderError
from station_api.records.rows import clean_line

FILE_VARIABLE = "PINMARK_LICENSEE_FILE"
_LENGTHS = {"name": 128, "licence": 32, "address": 256, "gs1_prefix": 12}


@dataclass(frozen=True, slots=True)
class Licensee:
    """Name, licence number and business address; ``gs1_prefix`` for EPCIS, if there is one."""

    name: str = ""
    licence: str = ""
    address: str = ""
    gs1_prefix: str = ""


def load_licensee(home: Path) -> Licensee:
    """Read who keeps the book.

    Raises
    ------
    OrderError
        If the file cannot be read, or has a key or a value that it cannot have.
    """
    path = Path(os.environ.get(FILE_VARIABLE) or home / "licensee.toml")
    if not path.exists():
        return Licensee()
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OrderError(f"{path} cannot be read: {error}") from error
    if unknown := sorted(given.keys() - _LENGTHS.keys()):
        known = ", ".join(_LENGTHS)
        raise OrderError(f"{path}: key {unknown[0]!r} is unknown; known: {known}")
    fields = {name: clean_line(str(given[name]), name, _LENGTHS[name]) for name in given}
    prefix = fields.get("gs1_prefix", "")
    if prefix and not (prefix.isascii() and prefix.isdecimal() and 6 <= len(prefix) <= 12):
        raise OrderError(f"{path}: gs1_prefix {prefix!r} is not 6 to 12 digits")
    return Licensee(**fields)
