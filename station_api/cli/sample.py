"""A sample station for `pinmark serve --sample`: an engraver, people of each role, orders.

In: a folder. Out: a virtual engraver in a process of its own, records with somebody to sign in as
and something to mark. For trying things out: the secrets are printed, and everybody knows them.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from engraver.errors import InputError
from station_api import samples
from station_api.people import People, Role
from station_api.records import Records
from station_api.records.orders import Orders, OrderState
from station_api.records.tables import orders
from station_api.schemas import order_from

PEOPLE = {
    "olivia": (Role.OPERATOR, "493817"),
    "oscar": (Role.OPERATOR, "615204"),
    "sam": (Role.SUPERVISOR, "sample supervisor"),
    "erin": (Role.ENGINEER, "sample engineer"),
    "avery": (Role.AUDITOR, "sample auditor"),
    "tess": (Role.TRACER, "sample tracer"),
    "adam": (Role.ADMINISTRATOR, "sample administrator"),
}
"""Who can sign in at a sample station, and by what."""

OPEN_ORDERS = 12
FIRST_SERIAL = 100
SPEED = "4"
"""The virtual machine runs at four times its speed: a pin takes 15 s, and can be watched."""


def refuse_strangers(host: str) -> None:
    """Refuse to show known secrets to a network.

    Raises
    ------
    InputError
        If others could reach the sample station.
    """
    if host not in ("127.0.0.1", "::1", "localhost"):
        raise InputError(
            f"--sample has secrets that everybody knows; --host {host} would let others in: "
            "leave --host out, or set up a station of your own"
        )


@contextmanager
def sample_engraver(folder: Path) -> Iterator[str]:
    """Run a virtual engraver that takes a blank pin for each program; yield its port.

    It is not waited for: it takes a second to start, and nobody marks in the first one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = folder / "controller"
    words = ["engraver", "--pty", str(port), "--out", str(folder), "--fresh-pins"]
    command = [sys.executable, "-m", "station_api", *words, "--speed", SPEED]
    with (folder / "engraver.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        yield str(port)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def furnishing(records: Records, people: People) -> Iterator[None]:
    """Furnish a station while it begins to serve: seven secrets take seconds to hash."""
    at_work = threading.Thread(target=furnish, args=(records, people))
    at_work.start()
    try:
        yield
    finally:
        at_work.join()


def furnish(records: Records, people: People) -> None:
    """Add the sample people, and orders until a shift has something to do."""
    entered, left = _counted(records)
    for number in range(entered, entered + max(OPEN_ORDERS - left, 0)):
        fields = samples.order_fields() | {
            "order": f"WO-{2001 + number}",
            "serial": f"ZQ{FIRST_SERIAL + number:04d}",
        }
        Orders(records).offer(order_from(fields, "of the sample"))
    known = {person.name for person in people.all()}
    for name, (role, secret) in PEOPLE.items():
        if name not in known:
            people.add(name, role, secret, "sample")


def _counted(records: Records) -> tuple[int, int]:
    """Return how many sample orders were entered, and how many of them are open."""
    query = sa.select(sa.func.count()).select_from(orders).where(orders.c.order_id.like("WO-2%"))
    with records.database.reading.connect() as connection:
        entered = connection.execute(query).scalar_one()
        left = connection.execute(query.where(orders.c.state == OrderState.OPEN.value))
        return int(entered), int(left.scalar_one())


def ways_in() -> str:
    """Say who can sign in, and by what."""
    lines = [f"  {name:<8} {role:<14} {secret}" for name, (role, secret) in PEOPLE.items()]
    return "sign in as one of these (a sample: everybody knows them)\n" + "\n".join(lines)
