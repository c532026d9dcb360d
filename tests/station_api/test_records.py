"""Promises of the records: durable, once only, and honest about doubt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from engraver.errors import AlreadyMarkedError, InputError, UnknownStateError
from engraver.record import MarkIntent, MarkState, Outcome, RunReceipt
from station_api.records import TRANSITIONS, Records

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
ROUTE = {
    MarkState.INTENDED: [],
    MarkState.MARKING: [MarkState.MARKING],
    MarkState.MARKED: [MarkState.MARKING, MarkState.MARKED],
    MarkState.UNKNOWN: [MarkState.MARKING, MarkState.UNKNOWN],
    MarkState.VERIFIED: [MarkState.MARKING, MarkState.MARKED, MarkState.VERIFIED],
    MarkState.REJECTED: [MarkState.MARKING, MarkState.MARKED, MarkState.REJECTED],
    MarkState.CANCELLED: [MarkState.CANCELLED],
    MarkState.SCRAPPED: [MarkState.MARKING, MarkState.UNKNOWN, MarkState.SCRAPPED],
}


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    opened = Records(tmp_path / "station.db")
    yield opened
    opened.close()


def bring_to(records: Records, state: MarkState) -> str:
    mark_id = records.intend(INTENT).mark_id
    for step in ROUTE[state]:
        records.decide(mark_id, step, "A. Smith", "test")
    return mark_id


def test_a_mark_walks_from_intent_to_verified(records: Records) -> None:
    """Each transition is kept, in order, with who made it."""
    mark_id = records.intend(INTENT).mark_id
    records.begin(mark_id)
    assert records.conclude_run(mark_id, COMPLETE) is MarkState.MARKED
    assert records.conclude_inspection(mark_id, True, {"grade": "A"}) is MarkState.VERIFIED
    states = [step["to_state"] for step in records.history(mark_id)]
    assert states == ["intended", "marking", "marked", "verified"]
    assert records.history(mark_id)[-1]["detail"] == {"grade": "A"}


@pytest.mark.parametrize("state", list(MarkState))
def test_no_second_mark_on_a_serial_whatever_its_state(records: Records, state: MarkState) -> None:
    """A held serial is refused with the first mark's time and state; only `cancelled` frees it."""
    bring_to(records, state)
    if state is MarkState.CANCELLED:
        assert records.intend(INTENT).mark_id == "M000002"
        return
    with pytest.raises(
        (AlreadyMarkedError, UnknownStateError), match=rf"2\d\d\d-.*M000001.*{state}"
    ):
        records.intend(INTENT)
    assert len(records.all_marks()) == 1


def test_no_second_mark_with_a_code_of_another_serial(records: Records) -> None:
    """The code alone is enough to refuse, whoever claims it."""
    bring_to(records, MarkState.VERIFIED)
    with pytest.raises(AlreadyMarkedError, match="R8RPE1GVR8L1"):
        records.intend(replace(INTENT, serial="ZQ0043"))


@pytest.mark.parametrize(("before", "after"), list(product(MarkState, MarkState)))
def test_only_the_transitions_of_the_table_exist(
    records: Records, before: MarkState, after: MarkState
) -> None:
    """Every pair of states: allowed by the table, or refused and nothing changed."""
    mark_id = bring_to(records, before)
    if after in TRANSITIONS[before]:
        assert records.decide(mark_id, after, "A. Smith", "seen").state is after
        return
    steps = len(records.history(mark_id))
    with pytest.raises(InputError, match=f"is {before}"):
        records.decide(mark_id, after, "A. Smith", "seen")
    assert records.get(mark_id).state is before
    assert len(records.history(mark_id)) == steps


def test_what_a_crash_left_marking_becomes_unknown(records: Records) -> None:
    """Recovery turns `marking` into `unknown` once and touches nothing else."""
    mark_id = bring_to(records, MarkState.MARKING)
    other = records.intend(replace(INTENT, serial="ZQ0043", code="AXRK2V1762AX")).mark_id
    assert [row.mark_id for row in records.recover()] == [mark_id]
    assert records.recover() == []
    assert records.get(mark_id).state is MarkState.UNKNOWN
    assert records.get(other).state is MarkState.INTENDED


def test_a_receipt_in_doubt_is_recorded_as_unknown(records: Records) -> None:
    """The bounds of the doubt are kept in the history."""
    mark_id = bring_to(records, MarkState.MARKING)
    doubt = replace(
        COMPLETE, outcome=Outcome.UNKNOWN, last_surely_done_stroke=2, detail="link lost"
    )
    assert records.conclude_run(mark_id, doubt) is MarkState.UNKNOWN
    assert records.history(mark_id)[-1]["detail"]["last_surely_done_stroke"] == 2


def test_a_run_that_never_fired_gives_the_serial_back(records: Records) -> None:
    """Refused before the first laser-on line: cancelled, and the order may start again."""
    mark_id = bring_to(records, MarkState.MARKING)
    assert records.conclude_run(mark_id, replace(COMPLETE, outcome=Outcome.REFUSED)) == "cancelled"
    assert records.intend(INTENT).mark_id == "M000002"


def test_a_decision_needs_a_person_and_a_reason(records: Records) -> None:
    """Nobody scraps a pin anonymously."""
    mark_id = bring_to(records, MarkState.UNKNOWN)
    for person, reason in (("", "seen"), ("A. Smith", "  ")):
        with pytest.raises(InputError, match="--by and --reason"):
            records.decide(mark_id, MarkState.SCRAPPED, person, reason)


def test_records_survive_closing_and_a_foreign_file_is_refused(tmp_path: Path) -> None:
    """What was written is there after reopening; a file that is no database says so."""
    path = tmp_path / "station.db"
    first = Records(path)
    first.intend(INTENT)
    first.close()
    again = Records(path)
    assert [row.serial for row in again.all_marks()] == ["ZQ0042"]
    again.close()
    (tmp_path / "not.db").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(InputError, match="restore it from a backup"):
        Records(tmp_path / "not.db")


def test_every_commit_is_synchronous_full(records: Records) -> None:
    """WAL with synchronous FULL: a power cut keeps every acknowledged transition."""
    with records._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
