"""A station's records with some life in them, made once and copied by the tests that break it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from engraver.orders import WorkOrder
from engraver.record import MarkIntent, MarkState, Outcome, RunReceipt
from station_api import log
from station_api.records import Records
from station_api.records.orders import Orders
from station_api.transparency.checkpoint import Checkpoint, sign_checkpoint
from station_api.transparency.cosignature import AddCheckpoint
from station_api.transparency.note import Algorithm, SignerKey, generate_key
from station_api.witnessing import cosign

INTENT = MarkIntent(
    mark_id="",
    order_id="WO-1",
    make="EXAMPLE ARMS",
    model="MODEL 1",
    serial="ZQ0042",
    code="R8RPE1GVR8L1",
    code_index=32768,
    recipe="default",
    program_sha256="a" * 64,
    setup_sha256="b" * 64,
    intended_at_us=1_800_000_000_000_000,
)
COMPLETE = RunReceipt(Outcome.COMPLETE, "a" * 64, 10, 10, 4, 5, 1_000_000, "end of motion")
KEY = generate_key("log.example/S1", lambda n: bytes(range(n)))
NEIGHBOUR = generate_key("log.example/S2", lambda n: bytes(range(1, n + 1)))
WITNESS = generate_key("log.example/S1/witness", lambda n: bytes(n), Algorithm.COSIGNATURE)


def intent(n: int) -> MarkIntent:
    """The intent of firearm number ``n``."""
    return replace(INTENT, serial=f"ZQ{n:04d}", code=f"C{n:07d}", code_index=n, order_id=f"WO-{n}")


def order(n: int) -> WorkOrder:
    """The work order of firearm number ``n``."""
    return WorkOrder(f"WO-{n}", INTENT.make, INTENT.model, f"ZQ{n:04d}", INTENT.recipe)


def mark(records: Records, n: int, *, good: bool = True, key: str | None = None) -> str:
    """Bring firearm ``n`` through the whole walk."""
    mark_id = records.intend(intent(n), key=key).mark_id
    records.begin(mark_id)
    records.conclude_run(mark_id, COMPLETE)
    records.conclude_inspection(mark_id, good, {"grade": "A", "depth_um": 20.25})
    return mark_id


def live_a_little(records: Records, home: Path, signer: SignerKey = KEY) -> None:
    """Good marks, a bad one re-marked by two people, one in doubt, one open, checkpoints."""
    mark(records, 1, key="order 1")
    log.issue_checkpoint(records, [signer], home)
    bad = mark(records, 2, good=False)
    records.authorise_remark(bad, "A. Smith", "B. Jones", "burr on the second symbol")
    again = records.intend(intent(2)).mark_id
    records.begin(again)
    records.give_up(again, "link lost")
    records.decide(again, MarkState.SCRAPPED, "A. Smith", "half cut")
    records.intend(intent(3))
    records.append_event("auth", {"event": "login", "person": "A. Smith", "good": True})
    log.issue_checkpoint(records, [signer], home)
    mark(records, 4)
    orders = Orders(records)
    for n in (20, 21, 22):
        orders.offer(order(n))
    orders.keep(orders.claim(records.station, 2))
    body = AddCheckpoint(
        0, (), sign_checkpoint(Checkpoint(NEIGHBOUR.name, 7, bytes(32)), [NEIGHBOUR])
    )
    cosign(records, body.text(), {NEIGHBOUR.name: [NEIGHBOUR.verifier()]}, WITNESS, 1_800_000_000)
