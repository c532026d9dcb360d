"""One casing that was found: when, where, at which scene, and what was read on it.

In: fields as a laboratory gives them. Out: `Observation`, and its one sealed spelling. A seal holds
32 random bytes, so that the SHA-256 of it, which is all that the log and an auditor see, gives
nothing away to who guesses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from engraver.casefile import parse_case
from engraver.errors import CodeError, InputError
from engraver.likelihood import ReadModel, Table
from station_api.records import canonical
from station_api.records.rows import clean_line

KEPT, WITHDRAWN = "kept", "withdrawn"
DEFAULT_FORMAT = "pin32-12"
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_FURTHEST = {"latitude_udeg": 90_000_000, "longitude_udeg": 180_000_000}


@dataclass(frozen=True, slots=True)
class Observation:
    """A casing as it was entered; a position is in millionths of a degree (WGS 84), or ``None``.

    ``reads`` is what one casing holds in a file for `pinmark evidence`, numbers in millionths.
    """

    casing_id: str
    state: str
    scene: str
    name: str
    found_at: str
    place: str
    latitude_udeg: int | None
    longitude_udeg: int | None
    format: str
    reads: tuple[Mapping[str, Any], ...]
    scan_sha256: str | None
    entered_by: str
    withdrawn: str
    changed_at_us: int

    def table(self) -> Table:
        """Return the log-likelihoods that the reads amount to, ``(n, 32)``."""
        return _table(self.format, [_whole(read) for read in self.reads])


def clean(given: Mapping[str, Any], now_us: int) -> dict[str, Any]:
    """Return the fields of an observation as they are sealed.

    Raises
    ------
    InputError
        If scene, time or place is missing or impossible.
    CodeError
        If the reads are none.
    """
    scene = clean_line(str(given.get("scene") or ""), "scene", 64)
    place = clean_line(str(given.get("place") or ""), "place", 128)
    if not scene or not place:
        raise InputError("a casing needs its scene (a case number) and the place it was found")
    reads = given.get("reads")
    if not isinstance(reads, list) or not reads:
        raise CodeError('a casing needs "reads", a list of texts, likelihood tables or gear rings')
    fmt = str(given.get("format") or DEFAULT_FORMAT)
    if not np.ptp(_table(fmt, reads), axis=1).any():
        raise CodeError(
            "no symbol of the casing is legible; a read that says nothing links nothing"
        )
    digest = given.get("scan_sha256")
    if digest is not None and not _DIGEST.fullmatch(str(digest)):
        raise InputError(f"scan_sha256 {str(digest)[:70]!r} is no SHA-256 in hexadecimal")
    return {
        "scene": scene,
        "place": place,
        "name": clean_line(str(given.get("name") or ""), "name", 64),
        "found_at": _clean_time(given.get("found_at"), now_us),
        **{key: _clean_degrees(given.get(key), key, most) for key, most in _FURTHEST.items()},
        "format": fmt,
        "reads": [_millionths(read) for read in reads],
        "scan_sha256": digest,
    }


def seal(fields: Mapping[str, Any], nonce: bytes) -> str:
    """Write an observation in its one spelling, closed by 32 random bytes."""
    return canonical.canonical({**fields, "nonce": nonce.hex()}).decode()


def unseal(row: Mapping[str, Any]) -> Observation:
    """Read an observation from its row."""
    fields = json.loads(row["sealed"])
    fields.pop("nonce")
    kept = {name: row[name] for name in ("casing_id", "state", "changed_at_us")}
    return Observation(**kept, **{**fields, "reads": tuple(fields["reads"])})


def _table(fmt: str, reads: list[Any]) -> Table:
    case = parse_case(json.dumps({"format": fmt, "casings": [{"name": "casing", "reads": reads}]}))
    return case.casings[0]


def model() -> ReadModel:
    """Return what is assumed about readers and pins: the default of `pinmark evidence`."""
    return ReadModel()


def _millionths(read: Any) -> Any:
    """Write a read with integers only: likelihoods below a millionth become one."""
    if not isinstance(read, dict) or "likelihoods" not in read:
        return read
    return {**read, "likelihoods": [_scaled(row, 1e6) for row in read["likelihoods"]]}


def _whole(read: Mapping[str, Any]) -> Mapping[str, Any]:
    if "likelihoods" not in read:
        return read
    return {**read, "likelihoods": [_scaled(row, None) for row in read["likelihoods"]]}


def _scaled(row: Any, scale: float | None) -> Any:
    if isinstance(row, dict):
        names, values = list(row), list(row.values())
        return dict(zip(names, _scaled(values, scale), strict=True))
    if scale is None:
        return [value / 1e6 for value in row]
    largest = max(row, default=0.0) or 1.0
    return [max(1, round(value / largest * scale)) for value in row]


def _clean_time(value: Any, now_us: int) -> str:
    try:
        found = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        raise InputError(
            f"found_at {str(value)[:40]!r} is no time; write 2027-01-14T21:30:00Z"
        ) from None
    if found.tzinfo is None:
        raise InputError(f"found_at {value!r} does not say in which zone; end it with Z or +02:00")
    try:
        utc = found.astimezone(UTC)
    except OverflowError:
        raise InputError(f"found_at {value!r} is no time of this age") from None
    if utc.year < 1900 or utc.timestamp() * 1e6 > now_us + 60_000_000:
        raise InputError(f"found_at {value!r} lies before 1900 or in the future; correct the time")
    return utc.strftime("%Y-%m-%dT%H:%M:%SZ")


def _clean_degrees(value: Any, name: str, most: int) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not -most <= value <= most:
        raise InputError(
            f"{name} {str(value)[:40]!r} is no whole number from {-most} to {most} (millionths of "
            "a degree)"
        )
    return value
