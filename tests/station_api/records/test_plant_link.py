"""The link of a station to its plant, over a real server and a cable that is pulled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from engraver.errors import InputError
from station_api.configuration.model import PlantKeys, Settings
from station_api.records import Records
from station_api.records.fsck import fsck
from station_api.records.orders import Orders
from station_api.service.plant_link import PlantLink, link_to_plant
from tests.conftest import wait_until
from tests.station_api.records.conftest import administer
from tests.station_api.records.houses import COMPLETE, intent, order
from tests.station_api.records.test_database_away import Cable, _numbers

WAIT_S = 60.0


@pytest.fixture
def plant_name(postgres_template: str) -> str:
    name = f"linked{next(_numbers)}"
    administer(postgres_template, f"CREATE DATABASE {name} TEMPLATE pinmark_template")
    return name


@pytest.fixture
def plant(postgres_template: str, plant_name: str) -> Iterator[Records]:
    url = sa.make_url(postgres_template).set(database=plant_name)
    opened = Records(url.render_as_string(False), "plant")
    yield opened
    opened.close()


@pytest.fixture
def cable(postgres_template: str) -> Iterator[Cable]:
    made = Cable(int(sa.make_url(postgres_template).port or 0))
    yield made
    made.close()


def begin(station: Records, n: int) -> str:
    """Mark firearm ``n`` under the station's own claim."""
    fence = Orders(station).require(order(n))
    mark_id = station.intend(replace(intent(n), order_id=f"WO-{n}"), fence=fence).mark_id
    station.begin(mark_id)
    station.conclude_run(mark_id, COMPLETE)
    return mark_id


def held(records: Records) -> list[int]:
    return [n for n in range(9) if f"WO-{n}" in Orders(records).without_mark(_kept(records))]


def _kept(records: Records) -> list[str]:
    return Orders(records).held_by(records.station)


def test_two_stations_go_on_without_the_plant_and_catch_up(
    tmp_path: Path, plant: Records, plant_name: str, cable: Cable
) -> None:
    """Each claims its own; the cable is pulled; both mark; nothing is lost or twice."""
    for n in range(8):
        Orders(plant).offer(order(n))
    keys = PlantKeys(
        database_url=f"postgresql://pinmark@127.0.0.1:{cable.port}/{plant_name}",
        orders_ahead=3,
        every_s=1,
    )
    stations = [Records(tmp_path / f"{name}.db", name) for name in ("S1", "S2")]
    links = [PlantLink(one, keys, pause_s=0.05) for one in stations]
    for link in links:
        link.start()
    wait_until(lambda: all(one.state()["state"] == "in step" for one in links), WAIT_S)
    shares = [held(one) for one in stations]
    assert [len(one) for one in shares] == [3, 3] and not set(shares[0]) & set(shares[1])
    cable.pull()
    for station, share in zip(stations, shares, strict=True):
        for n in share[:2]:
            begin(station, n)
    wait_until(lambda: all(one.state()["state"] == "away" for one in links), WAIT_S)
    assert plant.all_marks() == []
    cable.plug()
    wait_until(lambda: all(one.state()["state"] == "in step" for one in links), WAIT_S)
    wait_until(lambda: len(plant.all_marks()) == 4, WAIT_S)
    wait_until(lambda: sum(len(held(one)) for one in stations) == 4, WAIT_S)
    for link in links:
        link.stop()
    serials = [row.serial for row in plant.all_marks()]
    assert len(set(serials)) == 4
    for records in (*stations, plant):
        report = fsck(records.database, own=records.station)
        assert [one.line() for one in report.findings] == []
    for station in stations:
        station.close()


def test_a_restarted_machine_holds_its_orders_again(tmp_path: Path, plant: Records) -> None:
    """Claims end with the boot; what was never begun is held under a new token, the rest is not."""
    for n in range(4):
        Orders(plant).offer(order(n))
    keys = PlantKeys(database_url=plant.database.url.render_as_string(False), orders_ahead=2)
    path = tmp_path / "S1.db"
    station = Records(path, "S1")
    PlantLink(station, keys).go_round()
    begin(station, 0)
    with station.database.writing.begin() as connection:  # as another boot left them
        connection.execute(sa.text("UPDATE orders SET boot_id = 'before'"))
    assert Orders(station).count_held() == 0
    link = PlantLink(station, keys)
    link.go_round()
    assert link.state() | {"in_step_at_us": 0} == {
        "state": "in step", "said": "", "held": 2, "in_step_at_us": 0,
    }  # fmt: skip
    assert Orders(station).require(order(1)) == 2
    assert Orders(plant).get("WO-0")["state"] != "open"
    assert Orders(plant).get("WO-3")["state"] == "open"
    link.stop()
    station.close()


def test_what_is_no_link_is_said(tmp_path: Path, plant: Records) -> None:
    """None without a plant; a station whose records are at a server, or with the plant's name."""
    named, own = Records(tmp_path / "S1.db", "plant"), Records(tmp_path / "S2.db", "S2")
    with closing(named), closing(own):
        assert link_to_plant(own, Settings()) is None
        url = plant.database.url.render_as_string(False)
        wanted = Settings(plant=PlantKeys(database_url=url))
        with pytest.raises(InputError, match="has one of its own"):
            link_to_plant(named, wanted)
        with pytest.raises(InputError, match="leave one of them out"):
            link_to_plant(plant, wanted)
