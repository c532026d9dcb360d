"""The representative sample: how many verified marks of a model, which ones, and who drew them.

In: the records, what is to be shown. Out: `SamplePlan`, whose draw follows from the root of a log
that was signed before anything was fired, so that nobody chose; and the check that a plan which
comes back with its cases is the one that this log gives. Authority: `engraver.sampling`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from engraver import sampling
from engraver.errors import InputError, PinmarkError
from engraver.record import MarkState
from station_api.records import Records
from station_api.records.ledger import read_frontier
from station_api.records.tables import marks, transitions
from station_api.transparency.checkpoint import Checkpoint, parse_checkpoint
from station_api.transparency.note import VerifierKey, open_note, split_note

VERSION = 1


@dataclass(frozen=True, slots=True)
class Piece:
    """One mark of the lot, as it stood when the sample was drawn."""

    mark_id: str
    serial: str
    code: str
    recipe: str
    verified_entry: int


@dataclass(frozen=True, slots=True)
class SamplePlan:
    """What to fire: the statistics, the serials drawn, and the checkpoint that drew them."""

    make: str
    model: str
    statistics: sampling.Plan
    drawn: tuple[str, ...]
    checkpoint: str

    @property
    def stands(self) -> Checkpoint:
        """The tree that drew the sample."""
        return parse_checkpoint(split_note(self.checkpoint)[0])

    def fields(self) -> dict[str, Any]:
        """Return the plan as JSON fields."""
        stands = {"origin": self.stands.origin, "size": self.stands.size}
        return {
            **asdict(self.statistics),
            "make": self.make,
            "model": self.model,
            "drawn": list(self.drawn),
            "checkpoint": {**stands, "root": self.stands.root.hex()},
            "note": self.checkpoint,
            "v": VERSION,
        }


def lot_at(records: Records, make: str, model: str, size: int) -> dict[str, Piece]:
    """Return by serial the marks of a model that were verified when the log had ``size`` entries.

    Raises
    ------
    InputError
        If there were none.
    """
    query = (
        sa.select(marks, transitions.c.to_state, transitions.c.position.label("entry"))
        .join(transitions, transitions.c.mark_id == marks.c.mark_id)
        .where(marks.c.station == records.station, transitions.c.station == records.station)
        .where(marks.c.make == make, marks.c.model == model, transitions.c.position < size)
        .order_by(transitions.c.position)
    )
    newest: dict[str, Piece | None] = {}
    with records.database.reading.connect() as connection:
        for row in connection.execute(query):
            good = row.to_state == MarkState.VERIFIED.value
            piece = Piece(row.mark_id, row.serial, row.code, row.recipe, row.entry)
            newest[row.mark_id] = piece if good else None
    found = {piece.serial: piece for piece in newest.values() if piece is not None}
    if not found:
        raise InputError(f"no verified mark of {make} {model}; see `pinmark records`")
    return found


def draw_sample(
    records: Records,
    make: str,
    model: str,
    checkpoint: str,
    reliability: float,
    confidence: float,
    failures: int,
) -> SamplePlan:
    """Plan a sample of the lot as it stood at a signed checkpoint, and draw it by its root."""
    stands = parse_checkpoint(split_note(checkpoint)[0])
    lot = lot_at(records, make, model, stands.size)
    statistics = sampling.plan(reliability, confidence, failures, len(lot))
    drawn = sampling.draw(list(lot), statistics.sample, stands.root)
    return SamplePlan(make, model, statistics, tuple(drawn), checkpoint)


def plan_from(text: str, records: Records, keys: Sequence[VerifierKey]) -> SamplePlan:
    """Read a plan that was saved, and draw its sample again.

    1. Its checkpoint is signed by one of the keys.
    2. This log, at that size, has that root.
    3. Lot, statistics and draw are those that this checkpoint gives.

    Raises
    ------
    InputError
        If it is no plan, or anything of it is not what the log says.
    """
    try:
        said: Mapping[str, Any] = json.loads(text)
        named = (str(said["make"]), str(said["model"]), str(said["note"]))
        wanted = (float(said["reliability"]), float(said["confidence"]), int(said["failures"]))
        open_note(named[2], keys)  # step 1
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"this is no sample plan ({error!r}); `pinmark papers sample-plan --save` writes one"
        ) from None
    except PinmarkError as error:
        raise InputError(f"the plan's checkpoint is not signed by this log: {error}") from None
    stands = parse_checkpoint(split_note(named[2])[0])
    if stands.size > records.size():
        raise InputError(
            f"the plan was drawn at {stands.size} entries, this log has {records.size()}: the "
            "records were rolled back, or it is another station's plan"
        )
    with records.database.reading.connect() as connection:
        root = read_frontier(connection, records.station, stands.size).root()
    if root != stands.root:  # step 2
        raise InputError(f"the plan's root at {stands.size} entries is not this log's")
    again = draw_sample(records, *named, *wanted)
    written = {key: said.get(key) for key in again.fields()}
    if json.loads(json.dumps(again.fields())) != written:  # step 3
        changed = sorted(
            k for k, v in written.items() if v != json.loads(json.dumps(again.fields()))[k]
        )
        raise InputError(
            f"the plan was changed since it was drawn ({', '.join(changed)}): the log gives "
            f"{len(again.drawn)} serials, draw it again"
        )
    return again
