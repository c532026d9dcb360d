"""A book on each database, and a firearm to write into it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from station_api.papers.book import Book
from station_api.records import Records
from station_api.records.clock import Reading
from tests.station_api.records.conftest import (  # noqa: F401
    NewDatabase,
    new_database,
    postgres_server,
    postgres_template,
    sqlite_template,
)

NOON = 1_800_014_400_000_000
"""2027-01-15, 12:00 UTC, in us: the day on which these books are written."""


def firearm(n: int, **more: Any) -> dict[str, Any]:
    """Fields of an entry: pistol number ``n``, manufactured the day before."""
    return {
        "how": "manufactured",
        "manufacturer": "Example Arms",
        "type": "pistol",
        "model": "Model 1",
        "caliber": "9 mm Luger",
        "serial": f"ZQ{n:04d}",
        "on_date": "2027-01-14",
    } | more


DEALER = {
    "how": "sold",
    "on_date": "2027-01-15",
    "party_name": "Dealer & Sons",
    "party_licence": "1-54-000-01-8A-12345",
}


class Stopped:
    """A clock that stands at noon."""

    def read(self) -> Reading:
        return Reading(NOON, NOON, "boot", "test", 0)


@pytest.fixture
def records(new_database: NewDatabase) -> Iterator[Records]:  # noqa: F811
    opened = Records(new_database(), clock=Stopped())
    yield opened
    opened.close()


@pytest.fixture
def the_book(records: Records) -> Book:
    return Book(records)
