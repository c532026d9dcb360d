"""A command beside the process that writes, on either database."""

from __future__ import annotations

from pathlib import Path

import pytest

from station_api import kept
from station_api.records.order_lists import orders_in
from station_api.records.orders import OrderState
from station_api.station import open_station
from tests.station_api.records.conftest import NewDatabase


def test_on_either_database(
    home: Path, new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database server bears two that write; commands ask the service all the same."""
    where = str(new_database())
    if "://" in where:
        monkeypatch.setenv("PINMARK_DATABASE_URL", where)
    with open_station(to_mark=True) as opened, open_station() as second:
        order = {"order_id": "WO-1", "make": "A", "model": "B", "serial": "ZQ1", "recipe": "r"}
        second.record("orders", batch=[order])
        assert [one.order_id for one in orders_in(opened.records, (OrderState.OPEN,))] == ["WO-1"]
        assert not second.records.database.may_write
        opened.records.append_event("auth", {"did": "something to sign"})
        assert second.sign() == second.sign()
        assert kept.fsck(second.records).sound
