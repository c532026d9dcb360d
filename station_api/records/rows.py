"""What the records give back: rows as frozen values, times as text.

In: database rows. Out: `MarkRow`; times are us since 1970-01-01 UTC.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from engraver.errors import AlreadyMarkedError, InputError, UnknownStateError
from engraver.orders import normalise_name, normalise_serial
from engraver.record import MarkState
from station_api.records.states import STARTED

FIRST, RE_MARKED, REPLACEMENT = "first", "re-mark", "replacement"
"""How a mark came to carry its serial: as the first, after a bad one, on a replacement pin."""


@dataclass(frozen=True, slots=True)
class MarkRow:
    """One mark as the database holds it; times in us since 1970-01-01 UTC.

    ``replaces`` names the mark whose serial and code this one took over, ``lineage`` why.
    """

    mark_id: str
    order_id: str
    make: str
    model: str
    serial: str
    code: str
    code_index: int
    recipe: str
    program_sha256: str
    setup_sha256: str
    state: MarkState
    intended_at_us: int
    changed_at_us: int
    station: str
    lineage: str
    replaces: str | None
    fence: int


def utc_text(at_us: int) -> str:
    """Write a time in us since 1970 as ISO 8601 in UTC.

    Examples
    --------
    >>> utc_text(1_800_000_000_000_000)
    '2027-01-15T08:00:00Z'
    """
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_row(row: Mapping[str, Any] | sa.RowMapping) -> MarkRow:
    """Turn a row of `marks` into a value."""
    fields = {name: row[name] for name in MarkRow.__dataclass_fields__}
    return MarkRow(**{**fields, "state": MarkState(fields["state"])})


def identity(make: str, model: str, serial: str) -> str:
    """Return the text that is unique for one firearm, normalised at this door.

    Raises
    ------
    OrderError
        If a part holds what no make, model or serial has.

    Examples
    --------
    >>> identity("Example Arms", "Model 1", " zq1 ")
    '["EXAMPLE ARMS", "MODEL 1", "ZQ1"]'
    """
    parts = [normalise_name(make, "make"), normalise_name(model, "model"), normalise_serial(serial)]
    return json.dumps(parts, ensure_ascii=True)


def clean_line(text: str, what: str, longest: int) -> str:
    """Fold a free text to one line that every database and every JSON can hold.

    Raises
    ------
    InputError
        If it is too long, or holds a control character or a lone surrogate.

    Examples
    --------
    >>> clean_line("  half  cut ", "reason", 512)
    'half cut'
    """
    plain = text.isascii()  # nearly always so; NFC changes nothing of it
    folded = " ".join((text if plain else unicodedata.normalize("NFC", text)).split())
    if len(folded) > longest:
        raise InputError(f"{what} has {len(folded)} characters, at most {longest} are allowed")
    if plain and folded.isprintable():
        return folded
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in folded):
        raise InputError(f"{what} {folded[:40]!r} has a control character in it; type it again")
    return folded


def refusal(held: MarkRow) -> AlreadyMarkedError | UnknownStateError:
    """Return the error that refuses a second mark and names the first."""
    who = f"{held.make} {held.model} serial {held.serial} (code {held.code})"
    if held.state in STARTED:
        return UnknownStateError(
            f"{who} was begun at {utc_text(held.intended_at_us)} as {held.mark_id} and is "
            f"{held.state}: look at the pin, then decide with `pinmark records decide`"
        )
    return AlreadyMarkedError(
        f"{who} was marked at {utc_text(held.intended_at_us)} as {held.mark_id} and is "
        f"{held.state} since {utc_text(held.changed_at_us)}; a serial is never marked twice"
    )
