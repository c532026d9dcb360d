"""Records with real codes in them, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from engraver import codes
from engraver.record import MarkIntent
from station_api.log import issue_checkpoint
from station_api.records import Records
from station_api.registry_file import sample_registry
from station_api.trace.desk import Desk
from tests.station_api.records.conftest import (  # noqa: F401
    new_database,
    postgres_server,
    postgres_template,
    records,
    sqlite_template,
)
from tests.station_api.records.houses import COMPLETE, INTENT, KEY

FORMATS = ("pin32-8", "pin32-10", "pin32-12")


def intent_of(index: int, format_name: str = "pin32-12") -> MarkIntent:
    """The intent of the firearm with this registry integer."""
    code = codes.encode_index(index, format_name).text
    serial = f"{format_name.removeprefix('pin32-')}-{index:07d}"
    return replace(INTENT, serial=serial, code=code, code_index=index, order_id=f"WO-{serial}")


def intend_all(into: Records, indices: Iterable[int], format_name: str = "pin32-12") -> list[str]:
    """Begin a mark for each registry integer; return their ids."""
    return [into.intend(intent_of(index, format_name)).mark_id for index in indices]


def mark_one(into: Records, index: int, format_name: str = "pin32-12", *, good: bool = True) -> str:
    """Bring one firearm through the whole walk."""
    (mark_id,) = intend_all(into, [index], format_name)
    into.begin(mark_id)
    into.conclude_run(mark_id, COMPLETE)
    into.conclude_inspection(mark_id, good, {"grade": "A"})
    return mark_id


@pytest.fixture
def three_formats(records: Records) -> Records:  # noqa: F811
    """Records in which codes of 8, 10 and 12 symbols live together."""
    for at, name in enumerate(FORMATS):
        intend_all(records, range(32768 + 40 * at, 32768 + 40 * at + 30), name)
    return records


@pytest.fixture
def open_desk(records: Records, home: Path) -> Callable[[], Desk]:  # noqa: F811
    home.mkdir()
    sign = lambda: issue_checkpoint(records, [KEY], home)  # noqa: E731
    return lambda: Desk(records, home, sample_registry(), sign)


@pytest.fixture
def desk(open_desk: Callable[[], Desk], three_formats: Records) -> Desk:
    return open_desk()
