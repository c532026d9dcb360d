"""A station whose disk refuses every write in turn: run as a process of its own on the layer.

In: an error number. Out: one JSON line for each attempt: what was tried, how many writes were let
pass, what was answered, and whether anything changed. Each job is tried with the disk refusing from
its first write on, from its second, and so on until it needs no more than it is let have; after
each refusal the disk is healed and the job done again, which has to succeed.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from engraver.errors import PinmarkError
from engraver.record import MarkState
from firmware_bridge.journal import Journal
from hardware.load import load_setup
from station_api import log
from station_api.app import make_app
from station_api.backups import back_up
from station_api.home import station_home
from station_api.log import issue_checkpoint
from station_api.log_key import log_origin, log_signer
from station_api.people import Role
from station_api.people.secrets import Hasher
from station_api.records import Records
from station_api.records.fsck import fsck
from station_api.service.service import Service, make_service
from station_api.station import journal_path
from tests.faults.floor import Floor, mark_pin
from tests.faults.layer import Layer, own_layer
from tests.faults.life import entry, small_scan
from tests.station_api.records.houses import COMPLETE, intent
from tests.station_api.service.conftest import PASSWORD, QUICK, bearer

MOST_WRITES = 600
SILENT = frozenset({"backup", "open", "make"})
"""Jobs whose success is that they raise nothing."""

READ_ONLY = errno.EROFS
"""What was begun on a disk that turns read-only cannot be taken away from it either."""

EVERY = "PINMARK_SOAK_DISK" in os.environ
BACKUP_STEP, PIN_STEP, MAKE_STEP = (1, 1, 1) if EVERY else (41, 5, 41)
"""A backup takes some hundred writes, all alike, a pin a hundred: `make soak` refuses from each one
on, `make test` from one in so many."""


@dataclass(slots=True)
class Clerk:
    """Does jobs on a disk that refuses, and writes down what came of them."""

    layer: Layer
    records: Records
    home: Path
    error: int
    number: int = 100

    def next(self) -> int:
        """The number of a firearm that nobody knows yet."""
        self.number += 1
        return self.number

    def sweep(
        self,
        name: str,
        prepare: Callable[[], Any],
        do: Callable[[Any], Any],
        look: Callable[[Any], Any],
        every: int = 1,
    ) -> None:
        """Try one kind of job with the disk refusing from each of its writes on."""
        for passed in range(0, MOST_WRITES, every):
            thing = prepare()
            before = look(thing)
            self.layer.refuse(self.error, after=passed)
            failure, answer = "", ""
            try:
                do(thing)
            except PinmarkError as error:
                failure, answer = type(error).__name__, str(error)
            except Exception as error:
                failure, answer = f"traceback {type(error).__name__}", str(error)
            refused = self.layer.heal()
            after = look(thing)
            if failure:
                do(thing)  # there is room again
            self.tell(
                job=name, passed=passed, refused=refused, failure=failure, answer=answer,
                unchanged=before == after, done=name in SILENT or before != look(thing),
            )  # fmt: skip
            if not refused:
                return
        self.tell(job=name, failure="no end", answer="")

    def tell(self, **fields: Any) -> None:
        """Write one line."""
        print(json.dumps(fields), flush=True)


def mark_in(clerk: Clerk, *states: str) -> str:
    """Bring a new mark as far as its states say."""
    records = clerk.records
    mark_id = records.intend(intent(clerk.next())).mark_id
    for state in states:
        match state:
            case "marking":
                records.begin(mark_id)
            case "marked":
                records.conclude_run(mark_id, COMPLETE)
            case "rejected":
                records.conclude_inspection(mark_id, False, {"grade": "F"})
            case "unknown":
                records.give_up(mark_id, "link lost")
    return mark_id


def keep_records(clerk: Clerk) -> None:
    """Every transition of a mark, an event, a checkpoint, a journal, a backup."""
    records, home = clerk.records, clerk.home
    signer = log_signer(home, log_origin(records.station))

    def state(mark_id: str) -> tuple[str, int]:
        return str(records.get(mark_id).state), records.size()

    def size(_thing: object) -> int:
        return records.size()

    clerk.sweep("intend", clerk.next, lambda n: records.intend(intent(n)), size)
    jobs: dict[str, tuple[tuple[str, ...], Callable[[str], Any]]] = {
        "begin": ((), records.begin),
        "conclude run": (("marking",), lambda m: records.conclude_run(m, COMPLETE)),
        "give up": (("marking",), lambda m: records.give_up(m, "link lost")),
        "inspect": (
            ("marking", "marked"),
            lambda m: records.conclude_inspection(m, True, {"grade": "A"}),
        ),
        "scrap": (
            ("marking", "unknown"),
            lambda m: records.decide(m, MarkState.SCRAPPED, "A. Smith", "half cut"),
        ),
        "re-mark": (
            ("marking", "marked", "rejected"),
            lambda m: records.authorise_remark(m, "A. Smith", "B. Jones", "burr"),
        ),
    }
    for name, (states, do) in jobs.items():
        clerk.sweep(name, lambda s=states: mark_in(clerk, *s), do, state)
    clerk.sweep("event", clerk.next, lambda n: records.append_event("auth", {"n": n}), size)

    def note(_thing: object) -> bytes:
        path = log.checkpoint_path(home)
        return path.read_bytes() if path.exists() else b""

    clerk.sweep(
        "checkpoint",
        lambda: records.append_event("auth", {"n": clerk.next()}),
        lambda _: log.issue_checkpoint(records, [signer], home),
        note,
    )

    def journal(n: int) -> bytes:
        path = home / "journals" / f"M{n:06d}.json"
        return path.read_bytes() if path.exists() else b""

    clerk.sweep(
        "journal",
        clerk.next,
        lambda n: Journal(journal_path(home, f"M{n:06d}")).write(entry(f"M{n:06d}", n)),
        journal,
    )
    folder = home / "backups"
    clerk.sweep(
        "backup",
        lambda: records.append_event("auth", {"n": clerk.next()}),
        lambda _: back_up(
            records, home, issue_checkpoint(records, [signer], home), [signer.verifier()], folder
        ),
        lambda _: clerk.error == READ_ONLY or [*folder.glob("*.partial*")],
        BACKUP_STEP,
    )


def open_records(clerk: Clerk) -> None:
    """The start of a station: a new file with its tables, and one that is there."""

    def fresh() -> Path:
        return clerk.home / f"fresh-{clerk.next()}.db"

    def there() -> Path:
        path = fresh()
        Records(path).close()
        return path

    def start(path: Path) -> None:
        records = Records(path)
        records.recover()
        records.close()

    clerk.sweep("open", there, start, lambda _: None)
    clerk.sweep("make", fresh, start, lambda _: None, MAKE_STEP)


def serve(clerk: Clerk) -> None:
    """What a client is answered: problems, and nothing half done."""
    service = make_service(clerk.home, clerk.records, hasher=Hasher(QUICK))
    with ExitStack() as stack:
        stack.callback(service.close)
        client = stack.enter_context(TestClient(make_app(service), raise_server_exceptions=False))
        mes = bearer(service.keys.make("mes", Role.STATION, "test")[1])
        boss = service.people.add("supervisor one", Role.SUPERVISOR, PASSWORD, "test")
        chief = bearer(service.sessions.open(boss.caller()))
        client.get("/v1/orders", headers=mes)  # the key's first use is an entry
        _requests(clerk, service, client, mes, chief)


def _requests(
    clerk: Clerk, service: Service, client: TestClient, mes: dict[str, str], chief: dict[str, str]
) -> None:
    def ask(path: str, headers: dict[str, str], **words: Any) -> None:
        reply = client.post(path, headers=headers, **words)
        if reply.status_code >= 400:
            kind = reply.headers["content-type"]
            raise _Problem(f"{reply.status_code} {kind} {reply.json().get('detail')}")

    def size(_thing: object) -> int:
        return service.records.size()

    def order(n: int) -> dict[str, str]:
        return {"order": f"WO-{n}", "make": "EXAMPLE ARMS", "model": "MODEL 1",
                "serial": f"ZQ{n:04d}"}  # fmt: skip

    def enter(n: int) -> None:
        ask("/v1/orders", mes, json=order(n))

    clerk.sweep("POST /v1/orders", clerk.next, enter, size)

    def decide(mark_id: str) -> None:
        version = client.get(f"/v1/marks/{mark_id}", headers=mes).headers["etag"]
        body = {"state": "scrapped", "reason": "cut"}
        ask(f"/v1/marks/{mark_id}/conclude", {**chief, "If-Match": version}, json=body)

    clerk.sweep("POST conclude", lambda: mark_in(clerk, "marking", "unknown"), decide, size)
    clerk.sweep(
        "POST /v1/scans",
        lambda: small_scan(clerk.next()),
        lambda data: ask("/v1/scans", mes, content=data),
        size,
    )


class _Problem(PinmarkError):
    """What a request was answered."""


def mark_pins(clerk: Clerk) -> None:
    """The whole use case: whatever is refused, the laser is off and the record no lie."""
    floor = Floor(load_setup("default").machine)
    step = PIN_STEP if clerk.error != READ_ONLY or EVERY else 3 * PIN_STEP
    for passed in range(0, MOST_WRITES, step):
        n, before = clerk.next(), floor.burned_mm
        clerk.layer.refuse(clerk.error, after=passed)
        answer = ""
        try:
            mark_pin(floor, clerk.records, clerk.home, n)
        except PinmarkError as error:
            answer = f"{type(error).__name__}: {error}"
        except Exception as error:
            answer = f"traceback {type(error).__name__}: {error}"
        refused = clerk.layer.heal()
        dark = floor.stays_dark()
        clerk.records.recover()
        held = clerk.records.find("EXAMPLE ARMS", "MODEL 1", f"ZQ{n:04d}", "")
        clerk.tell(
            job="pin", passed=passed, refused=refused, answer=answer, dark=dark,
            burned=floor.burned_mm > before, state=str(held.state) if held else "none",
        )  # fmt: skip
        if not refused:
            break


def main(error: int) -> None:
    """Do it all on a disk that refuses with ``error``."""
    layer, home = own_layer(), station_home()
    records = Records(home / "station.db")
    records.append_event("auth", {"event": "the station opens"})
    clerk = Clerk(layer, records, home, error)
    open_records(clerk)
    keep_records(clerk)
    serve(clerk)
    mark_pins(clerk)
    shutil.rmtree(home / "backups", ignore_errors=True)
    clerk.tell(job="fsck", findings=[one.line() for one in fsck(records.database).findings])
    records.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
