"""What the routes of the book and of casings take: bodies with examples.

In: JSON. Out: fields for `papers` and `casings`, bounded here and judged there.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, JsonValue

from station_api.service.bodies import Body, Reason

Short = Annotated[str, Field(max_length=64)]
Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", examples=["2027-01-14"])]
FIREARM: dict[str, JsonValue] = {
    "how": "manufactured",
    "manufacturer": "EXAMPLE ARMS",
    "type": "pistol",
    "model": "MODEL 1",
    "caliber": "9 mm Luger",
    "serial": "ZQ0042",
    "on_date": "2027-01-14",
}


class NewEntry(Body):
    """A firearm manufactured here, or acquired of somebody: 27 CFR 478.123(a)."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [FIREARM]})
    how: Short = "manufactured"
    manufacturer: Short
    importer: Short = ""
    type: Short
    model: Short
    caliber: Short
    serial: Short
    on_date: Day
    party_name: str = Field(default="", max_length=128)
    party_licence: Short = ""
    party_address: str = Field(default="", max_length=256)
    mark_id: str | None = Field(default=None, max_length=48)


class NewDisposition(Body):
    """How a firearm left: 27 CFR 478.123(b)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "how": "sold",
                    "on_date": "2027-01-15",
                    "party_name": "Dealer & Sons",
                    "party_licence": "1-54-000-01-8A-12345",
                }
            ]
        },
    )
    how: Short = "sold"
    on_date: Day
    party_name: str = Field(default="", max_length=128)
    party_licence: Short = ""
    party_address: str = Field(default="", max_length=256)


class NewCorrection(Body):
    """What of an entry was wrong: each field with its right value."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "entry_id": "B000001.A1",
                    "changes": {"on_date": "2027-01-13"},
                    "reason": "assembled the day before",
                }
            ]
        },
    )
    entry_id: str = Field(min_length=1, max_length=48)
    changes: dict[Short, Annotated[str, Field(max_length=256)] | None] = Field(
        min_length=1, max_length=16
    )
    reason: Reason

    def fields(self) -> dict[str, Any]:
        """Return the changes as plain values."""
        return dict(self.changes)


class CorrectMark(Body):
    """What of a mark's record was wrong: order_id, make, model or serial, with its right value."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "changes": {"serial": "ZQ0043"},
                    "reason": "the pin was fitted to the next pistol of the tray",
                }
            ]
        },
    )
    changes: dict[Short, Annotated[str, Field(max_length=64)]] = Field(min_length=1, max_length=4)
    reason: Reason


CASING: dict[str, JsonValue] = {
    "scene": "27-0113",
    "place": "5th and Main",
    "found_at": "2026-01-13T23:10:00Z",
    "name": "exhibit 4",
    "reads": [{"text": "WT37?HG3??Y5"}],
}


class NewCasing(Body):
    """A casing that was found, and what was read on it, as in a file for `pinmark evidence`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [CASING]})
    scene: Short
    place: str = Field(max_length=128)
    found_at: str = Field(max_length=40)
    name: Short = ""
    format: Short = "pin32-12"
    reads: list[dict[str, Any]] = Field(min_length=1, max_length=16)
    scan_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    latitude_udeg: int | None = Field(default=None, ge=-90_000_000, le=90_000_000)
    longitude_udeg: int | None = Field(default=None, ge=-180_000_000, le=180_000_000)
