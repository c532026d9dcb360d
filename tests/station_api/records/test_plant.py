"""A plant: orders claimed by lease, stations that lose touch, logs copied and witnessed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from engraver.errors import AlreadyMarkedError, InputError, LeaseError, StorageError
from station_api import log
from station_api.records import Records
from station_api.records.clock import Reading
from station_api.records.fsck import fsck
from station_api.records.orders import MARGIN_US, Orders, OrderState
from station_api.records.sync import BATCH, push
from station_api.transparency.cosignature import WitnessReply
from station_api.transparency.note import Algorithm, SignerKey, generate_key
from station_api.witnessing import cosign, request_cosignature
from tests.station_api.records.conftest import NewDatabase
from tests.station_api.records.houses import COMPLETE, KEY, intent, mark, order

HOUR_US = 3600 * 1_000_000


class SteadyClock:
    """A clock that goes on only when told."""

    def __init__(self) -> None:
        self.steady_us = 1_000_000
        self.boot_id = "first boot"

    def read(self) -> Reading:
        return Reading(1_800_000_000_000_000, self.steady_us, self.boot_id, "test", 0)


@pytest.fixture
def plant(new_database: NewDatabase) -> Iterator[Records]:
    opened = Records(new_database(), "plant")
    yield opened
    opened.close()


@pytest.fixture
def stations(tmp_path: Path) -> Iterator[list[Records]]:
    """Two stations, each with its own embedded database."""
    opened = [Records(tmp_path / f"{name}.db", name) for name in ("S1", "S2")]
    yield opened
    for records in opened:
        records.close()


def whole(records: Records, *keys: SignerKey) -> None:
    report = fsck(records.database, [k.verifier() for k in keys], own=records.station)
    assert [one.line() for one in report.findings] == []


def test_a_claim_is_one_stations_and_its_token_grows(plant: Records) -> None:
    """Two stations get different orders; what one holds the other cannot have."""
    orders = Orders(plant)
    for n in range(3):
        orders.offer(order(n))
        orders.offer(order(n))  # the same again changes nothing
    first, second = orders.claim("S1", 2), orders.claim("S2", 2)
    assert [c.order.serial for c in first] == ["ZQ0000", "ZQ0001"]
    assert [c.order.serial for c in second] == ["ZQ0002"]
    assert orders.claim("S2") == []
    orders.revoke("WO-0", "A. Smith", "B. Jones", "station S1 burned down, pin found blank")
    [again] = orders.claim("S2")
    assert (again.order.serial, again.fence) == ("ZQ0000", first[0].fence + 1)
    whole(plant)


def test_orders_are_refused_for_what_they_are(plant: Records) -> None:
    """A taken serial, a reused number, one person alone, a held order: each is named."""
    orders = Orders(plant)
    orders.offer(order(1))
    with pytest.raises(AlreadyMarkedError, match="WO-1"):
        orders.offer(replace(order(1), order_id="WO-2"))
    with pytest.raises(InputError, match="another firearm"):
        orders.offer(replace(order(2), order_id="WO-1"))
    mark(plant, 5)
    with pytest.raises(AlreadyMarkedError, match="M000001"):
        orders.offer(order(5))
    orders.claim("S1")
    with pytest.raises(LeaseError, match="is claimed"):
        orders.cancel("WO-1")
    with pytest.raises(InputError, match="two people"):
        orders.revoke("WO-1", "A", "A", "x")
    with pytest.raises(InputError, match="not known"):
        orders.get("WO-9")
    orders.offer(order(3))
    orders.cancel("WO-3")
    orders.offer(replace(order(3), order_id="WO-4"))  # cancelled: the serial is free
    assert orders.get("WO-3")["state"] == OrderState.CANCELLED
    whole(plant)


def test_stations_racing_for_orders_share_them(plant: Records, new_database: NewDatabase) -> None:
    """Claims from many threads at once: every order goes to exactly one."""
    orders = Orders(plant)
    for n in range(24):
        orders.offer(order(n))
    start = threading.Barrier(4)

    def work(who: int) -> list[str]:
        start.wait()
        got: list[str] = []
        while claims := orders.claim(f"S{who}", 2):
            got += [c.order.serial for c in claims]
        return got

    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(work, range(4)))
    assert sorted(one for share in shares for one in share) == [f"ZQ{n:04d}" for n in range(24)]
    whole(plant)


def test_a_station_marks_on_while_the_plant_is_away(
    plant: Records, stations: list[Records]
) -> None:
    """Claimed orders are marked without the plant; later everything is there, once."""
    station = stations[0]
    orders, own = Orders(plant), Orders(station)
    for n in range(3):
        orders.offer(order(n))
    own.keep(orders.claim("S1", 3))
    for n in range(2):  # the plant is out of reach here: only `station` is touched
        fence = own.require(order(n))
        named = station.intend(replace(intent(n), order_id=f"WO-{n}"), fence=fence)
        station.begin(named.mark_id)
        station.conclude_run(named.mark_id, COMPLETE)
        if n == 0:
            station.conclude_inspection(named.mark_id, True, {})
    log.issue_checkpoint(station, [KEY], station.database.path.parent)
    sent = push(station, plant)
    assert sent == station.size()
    assert push(station, plant) == 0
    assert {n: orders.get(f"WO-{n}")["state"] for n in range(3)} == {
        0: "done",
        1: "begun",
        2: "claimed",
    }
    assert [row.serial for row in plant.all_marks()] == ["ZQ0000", "ZQ0001"]
    whole(plant, KEY)
    whole(station, KEY)


def test_a_lease_that_ran_out_is_given_back_only_by_its_holder(
    plant: Records, stations: list[Records]
) -> None:
    """Nobody gets an expired order until its holder was heard; the holder begins it no more."""
    clock = SteadyClock()
    orders, own = Orders(plant, clock), Orders(stations[0], clock)
    orders.offer(order(1))
    orders.offer(order(2))
    own.keep(orders.claim("S1", 2, lease_us=-HOUR_US))  # ran out an hour ago
    with pytest.raises(LeaseError, match="run out"):
        own.require(order(1))
    assert orders.claim("S2") == []
    stations[0].intend(replace(intent(1), order_id="WO-1"), fence=1)
    stations[0].begin("M000001")
    push(stations[0], plant)
    [given] = orders.claim("S2", 5)
    assert (given.order.order_id, given.fence) == ("WO-2", 2)
    assert orders.get("WO-1")["state"] == OrderState.BEGUN
    whole(plant)


def test_a_claim_ends_by_the_steady_clock_and_by_a_reboot(stations: list[Records]) -> None:
    """Setting the wall clock back extends nothing; after a restart the plant is asked again."""
    clock = SteadyClock()
    own = Orders(stations[0], clock)
    own.offer(order(1))
    own.claim("S1", lease_us=HOUR_US)
    assert own.require(order(1)) == 1
    with pytest.raises(LeaseError, match="another firearm"):
        own.require(replace(order(2), order_id="WO-1"))
    clock.boot_id = "second boot"
    with pytest.raises(LeaseError, match="restarted"):
        own.require(order(1))
    clock.boot_id = "first boot"
    clock.steady_us += HOUR_US - MARGIN_US
    with pytest.raises(LeaseError, match="run out"):
        own.require(order(1))
    with pytest.raises(LeaseError, match="not claimed by"):
        own.require(order(7))


def test_a_mark_under_an_old_token_is_kept_and_reported(
    plant: Records, stations: list[Records]
) -> None:
    """A station that marked after its order was taken away loses no record and counts nothing."""
    orders = Orders(plant)
    orders.offer(order(1))
    [claim] = orders.claim("S1")
    orders.revoke("WO-1", "A. Smith", "B. Jones", "lost touch")
    orders.claim("S2")
    stations[0].intend(replace(intent(1), order_id="WO-1"), fence=claim.fence)
    push(stations[0], plant)
    assert (orders.get("WO-1")["state"], orders.get("WO-1")["holder"]) == ("claimed", "S2")
    assert len(plant.all_marks()) == 1
    whole(plant)


def test_a_doubled_serial_stops_the_copy_and_drops_nothing(
    plant: Records, stations: list[Records]
) -> None:
    """Two unmanaged stations with one serial: the second copy is refused until people decide."""
    for station in stations:
        mark(station, 1)
    push(stations[0], plant)
    with pytest.raises(AlreadyMarkedError, match="same serial or code"):
        push(stations[1], plant)
    assert [row.station for row in plant.all_marks()] == ["S1"]
    doubled = stations[1].all_marks()[0].mark_id
    stations[1].authorise_remark(doubled, "A. Smith", "B. Jones", "serial was given twice")
    push(stations[1], plant)
    assert {row.station: row.state.value for row in plant.all_marks()} == {
        "S1": "verified",
        "S2": "re-mark",
    }
    whole(plant)


def test_a_long_backlog_goes_in_batches(plant: Records, stations: list[Records]) -> None:
    """More entries than a batch: the plant is whole after each one."""
    station = stations[1]
    for n in range(BATCH + 10):
        station.append_event("auth", {"n": n})
    mark(station, 1)
    assert push(station, plant) == BATCH + 14
    whole(plant)


def test_a_station_rolled_back_is_noticed_by_the_plant(
    plant: Records, stations: list[Records], tmp_path: Path
) -> None:
    """The plant refuses a log that got shorter, or that is another one under the same name."""
    mark(stations[0], 1)
    push(stations[0], plant)
    impostor = Records(tmp_path / "impostor.db", "S1")
    impostor.append_event("auth", {"n": 1})
    with pytest.raises(StorageError, match="rolled back"):
        push(impostor, plant)
    mark(impostor, 2)
    with pytest.raises(StorageError, match="another history"):
        push(impostor, plant)
    impostor.close()


def test_stations_witness_one_another(stations: list[Records], tmp_path: Path) -> None:
    """A neighbour cosigns growth, remembers it in its own log, and refuses a fork."""
    one, two = stations
    signer = generate_key("log.example/S2/witness", lambda n: bytes(n), Algorithm.COSIGNATURE)
    trusted = {KEY.name: [KEY.verifier()]}

    def ask(old: int) -> WitnessReply:
        note = log.issue_checkpoint(one, [KEY], tmp_path)
        body = request_cosignature(one, note, old).text()
        return cosign(two, body, trusted, signer, 1_800_000_000)

    mark(one, 1)
    first = ask(0)
    assert first.status == 200 and first.seen is not None
    mark(one, 2)
    assert ask(0).status == 409
    later = ask(first.seen.size)
    assert later.status == 200
    assert two.size() == 2
    whole(two)
    forked = Records(tmp_path / "fork.db", "S1")
    mark(forked, 3)
    mark(forked, 4)
    mark(forked, 5)
    note = log.issue_checkpoint(forked, [KEY], tmp_path)
    assert later.seen is not None
    body = request_cosignature(forked, note, later.seen.size).text()
    assert cosign(two, body, trusted, signer, 1).status == 422
    forked.close()
