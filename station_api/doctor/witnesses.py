"""The witnesses of this station's log: whether each cosigns, and what those say that do not.

In: the configuration, open records, and how the running service sees them, if it runs. Out: checks.
A witness that is away is a warning and no fault: marking goes on, and the log is sent when it is
back. One that says the log was set back or rewritten is a fault.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from station_api.asking import GRAVE, Outcome
from station_api.configuration.model import WitnessesKeys
from station_api.cosignatures import has_news, standing
from station_api.doctor.check import Check, fault, ok, warning
from station_api.neighbours import Neighbour, read_neighbours
from station_api.records import Records

NAME = "witnesses"


def witnesses(
    records: Records, keys: WitnessesKeys, seen: Sequence[Mapping[str, Any]] | None
) -> Iterator[Check]:
    """Say how each configured witness stands to the log."""
    neighbours = read_neighbours(keys.neighbours)
    if not neighbours:
        yield ok(NAME, "none is configured: nobody outside holds this log's checkpoints")
    states = {str(one["witness"]): one for one in seen or ()}
    for one in neighbours:
        yield _witness(records, one, states.get(one.key.name))


def _witness(records: Records, one: Neighbour, state: Mapping[str, Any] | None) -> Check:
    now = standing(records, one)
    when = f"{datetime.fromtimestamp(now.at_s, UTC):%Y-%m-%d %H:%M} UTC"
    far = f"cosigned {now.size} entries on {when}" if now.size else "cosigned nothing yet"
    found = f"{one.key.name} {far}"
    outcome = Outcome.WAITING if state is None else Outcome(str(state["state"]))
    if state is not None and outcome not in (Outcome.WAITING, Outcome.COSIGNED):
        said, _, remedy = str(state["said"]).partition("; ")
        make = fault if outcome in GRAVE else warning
        return make(NAME, f"{found}; it {said}", remedy)
    if not has_news(records, now.size):
        return ok(NAME, f"{found}: all that was recorded")
    if state is None:
        remedy = "the service asks for it: start it, or run `pinmark log witness --ask`"
        return warning(NAME, f"{found}, and more was recorded since", remedy)
    return ok(NAME, f"{found}; what came since is sent in its turn")
