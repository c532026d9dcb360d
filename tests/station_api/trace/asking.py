"""Who asks, and what is read of an answer."""

from __future__ import annotations

import json
from typing import Any

from station_api.people import Role
from station_api.records import Records
from station_api.registry_file import sample_registry
from station_api.trace.desk import Desk
from station_api.trace.queries import Asker
from station_api.trace.rerun import entries_of, rerun
from tests.station_api.records.houses import KEY

TRACER = Asker("T. Racer", Role.TRACER)
AUDITOR = Asker("A. Uditor", Role.AUDITOR)


def agrees(desk: Desk, records: Records, answer: dict[str, Any]) -> list[str]:
    read = entries_of(records.database.reading)
    written = json.loads(json.dumps(answer))
    return rerun(written, read, [KEY.verifier()], sample_registry()).findings


def shown(answer: dict[str, Any]) -> list[str]:
    return [one["code"] for one in answer["candidates"]]


def holes(text: str, *places: int) -> str:
    return "".join("?" if at in places else symbol for at, symbol in enumerate(text))
