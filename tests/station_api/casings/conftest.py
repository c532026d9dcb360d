"""Casings of three scenes: two share an issued pin, two a pin that no registry knows."""

from __future__ import annotations

from typing import Any

import pytest

from engraver import codes
from engraver.registry import Registry
from station_api.registry_file import sample_registry
from tests.station_api.papers.conftest import (  # noqa: F401
    new_database,
    postgres_server,
    postgres_template,
    records,
    sqlite_template,
)

CODE = codes.encode_index(32810, "pin32-12").text
FOREIGN = "ZZZT0PQ12345"


def casing(scene: str, text: str, **more: Any) -> dict[str, Any]:
    """Fields of a casing of a scene, read as a text."""
    return {
        "scene": scene,
        "place": "5th and Main",
        "found_at": "2027-01-13T23:10:00Z",
        "reads": [{"text": text}],
    } | more


CASEWORK = [
    casing("27-0113", CODE[:9] + "???"),
    casing("27-0113", "?" * 3 + FOREIGN[3:]),
    casing("27-0201", "??" + CODE[2:]),
    casing("27-0305", FOREIGN[:11] + "?"),
    casing("27-0305", CODE[:2] + "?" * 10),
]


@pytest.fixture
def registry() -> Registry:
    return sample_registry()
