"""One entry of the firearms book: what 27 CFR 478.123 wants written, and what is refused.

In: fields as a person or a plant's system gives them. Out: clean fields of one row of `book`.
Authority: 27 CFR 478.123(a), (b) as amended by 88 FR 5481 (manufacturer, importer, type, model,
caliber or gauge, serial, date; of whom acquired; to whom and when disposed), in the consolidated
line that ATF Ruling 2016-3 allows a manufacturer to keep.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engraver.errors import InputError
from engraver.orders import normalise_name, normalise_serial
from station_api.records.rows import clean_line

ACQUISITION, DISPOSITION = "acquisition", "disposition"
MANUFACTURED, ACQUIRED, VOID = "manufactured", "acquired", "void"
DISPOSED = ("sold", "transferred", "exported", "returned", "destroyed", "stolen or lost")
"""How a firearm leaves the book. Only `destroyed` and `stolen or lost` need no receiver."""

NO_RECEIVER = frozenset({"destroyed", "stolen or lost"})

TYPES = (
    "pistol",
    "revolver",
    "derringer",
    "rifle",
    "shotgun",
    "combination gun",
    "frame",
    "receiver",
    "machinegun",
    "silencer",
    "short-barreled rifle",
    "short-barreled shotgun",
    "destructive device",
    "any other weapon",
)
"""Types of firearms as ATF forms name them."""

DESCRIPTION = ("manufacturer", "importer", "type", "model", "caliber", "serial")
PARTY = ("party_name", "party_licence", "party_address")
BY_TWO = frozenset({"manufacturer", "importer", "type", "model", "caliber", "serial", "how"})
"""Fields that say which firearm it is, or strike an entry: a correction takes a second person."""

DAYS_TO_ENTER = 7
"""An entry is due by the seventh day after the date it speaks of, 27 CFR 478.123(a), (b)."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_LICENCE = re.compile(r"[0-9A-Z]+(-[0-9A-Z]+)*", re.ASCII)
_LENGTHS = {"caliber": 32, "party_name": 128, "party_address": 256}


@dataclass(frozen=True, slots=True)
class BookEntry:
    """One entry, never changed once written; ``version`` 1 is the original, later ones correct it.

    ``changed_at_us`` is when it was written, in us since 1970-01-01 UTC.
    """

    entry_id: str
    station: str
    position: int
    line: str
    number: int
    part: str
    version: int
    how: str
    manufacturer: str
    importer: str
    type: str
    model: str
    caliber: str
    serial: str
    on_date: str
    party_name: str
    party_licence: str
    party_address: str
    mark_id: str | None
    reason: str
    written_by: str
    approved_by: str | None
    changed_at_us: int

    @property
    def days_late(self) -> int:
        """Days after the seventh on which it was written; 0 in time. Corrections are not late."""
        if self.version > 1 or self.how == VOID:
            return 0
        written = datetime.fromtimestamp(self.changed_at_us / 1e6, UTC).date()
        return max(0, (written - date.fromisoformat(self.on_date)).days - DAYS_TO_ENTER)


def to_entry(row: Mapping[str, Any] | sa.RowMapping) -> BookEntry:
    """Turn a row of `book` into a value."""
    return BookEntry(**{name: row[name] for name in BookEntry.__dataclass_fields__})


def clean_acquisition(given: Mapping[str, Any], today: date) -> dict[str, Any]:
    """Return the fields of an acquisition as they are written.

    Raises
    ------
    InputError
        If one that the rule wants is missing, or holds what it cannot.
    """
    how = str(given.get("how") or MANUFACTURED)
    if how not in (MANUFACTURED, ACQUIRED):
        raise InputError(f"how {how!r} is none of {MANUFACTURED}, {ACQUIRED}")
    fields = _description(given) | _party(given) | {"how": how}
    fields["on_date"] = clean_date(given.get("on_date"), today)
    if how == MANUFACTURED and any(fields[name] for name in PARTY):
        raise InputError("what was manufactured here was acquired of nobody; leave the party out")
    if how == ACQUIRED:
        _require_party(fields, "of whom it was acquired")
    return fields


def clean_disposition(given: Mapping[str, Any], today: date) -> dict[str, Any]:
    """Return the fields of a disposition as they are written; the firearm is its line's.

    Raises
    ------
    InputError
        If one that the rule wants is missing, or holds what it cannot.
    """
    how = str(given.get("how") or "sold")
    if how not in DISPOSED:
        raise InputError(f"how {how!r} is none of {', '.join(DISPOSED)}")
    fields = _party(given) | {"how": how, "on_date": clean_date(given.get("on_date"), today)}
    if how not in NO_RECEIVER:
        _require_party(fields, "to whom it went")
    return fields


def clean_date(value: Any, today: date) -> str:
    """Return a day as YYYY-MM-DD.

    Raises
    ------
    InputError
        If it is none, lies before 1900, or has not come yet anywhere on earth.
    """
    try:
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            raise ValueError
        found = date.fromisoformat(value)
    except ValueError:
        raise InputError(f"date {str(value)[:40]!r} is no day; write YYYY-MM-DD") from None
    if found > today + timedelta(days=1):
        raise InputError(f"date {found} has not come yet (today is {today}, UTC); correct the date")
    if found.year < 1900:
        raise InputError(f"date {found} lies before 1900; correct the date")
    return value


def _description(given: Mapping[str, Any]) -> dict[str, Any]:
    kind = clean_line(str(given.get("type") or ""), "type", 32).lower()
    if kind not in TYPES:
        raise InputError(f"type {kind!r} is none of {', '.join(TYPES)}")
    caliber = clean_line(str(given.get("caliber") or ""), "caliber", _LENGTHS["caliber"])
    if not caliber:
        raise InputError("caliber or gauge is missing; write it as it is marked on the barrel")
    importer = str(given.get("importer") or "").strip()
    return {
        "manufacturer": normalise_name(str(given.get("manufacturer") or ""), "manufacturer"),
        "importer": normalise_name(importer, "importer") if importer else "",
        "type": kind,
        "model": normalise_name(str(given.get("model") or ""), "model"),
        "caliber": caliber,
        "serial": normalise_serial(str(given.get("serial") or "")),
    }


def _party(given: Mapping[str, Any]) -> dict[str, Any]:
    licence = clean_line(str(given.get("party_licence") or ""), "licence number", 32).upper()
    if licence and not (_LICENCE.fullmatch(licence) and len(licence) >= 5):
        raise InputError(
            f"licence number {licence!r} is none; write it as on the licence, "
            "for instance 1-54-000-07-8A-12345"
        )
    return {
        "party_name": clean_line(str(given.get("party_name") or ""), "name", 128),
        "party_licence": licence,
        "party_address": clean_line(str(given.get("party_address") or ""), "address", 256),
    }


def _require_party(fields: Mapping[str, Any], what: str) -> None:
    if not fields["party_name"] or not (fields["party_licence"] or fields["party_address"]):
        raise InputError(
            f"the rule wants {what}: name, and licence number or address (27 CFR 478.123)"
        )
