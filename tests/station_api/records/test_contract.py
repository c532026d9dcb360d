"""What the records promise, on every database alike."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
import sqlalchemy as sa

from engraver.errors import (
    AlreadyMarkedError,
    InputError,
    MissingError,
    PinmarkError,
    UnknownStateError,
)
from engraver.record import MarkState, Outcome
from station_api.records import TRANSITIONS, Records, canonical
from station_api.records.clock import Reading
from station_api.records.fsck import fsck
from station_api.records.states import BY_TWO, RELEASED
from station_api.records.tables import transitions
from tests.station_api.records.conftest import NewDatabase
from tests.station_api.records.houses import COMPLETE, INTENT, KEY, intent, live_a_little, mark

ROUTE = {
    MarkState.INTENDED: [],
    MarkState.MARKING: [MarkState.MARKING],
    MarkState.MARKED: [MarkState.MARKING, MarkState.MARKED],
    MarkState.UNKNOWN: [MarkState.MARKING, MarkState.UNKNOWN],
    MarkState.VERIFIED: [MarkState.MARKING, MarkState.MARKED, MarkState.VERIFIED],
    MarkState.REJECTED: [MarkState.MARKING, MarkState.MARKED, MarkState.REJECTED],
    MarkState.CANCELLED: [MarkState.CANCELLED],
    MarkState.SCRAPPED: [MarkState.MARKING, MarkState.UNKNOWN, MarkState.SCRAPPED],
    MarkState.RE_MARK: [
        MarkState.MARKING,
        MarkState.MARKED,
        MarkState.REJECTED,
        MarkState.RE_MARK,
    ],
}


def step(records: Records, mark_id: str, state: MarkState) -> None:
    if state in BY_TWO:
        records.authorise_remark(mark_id, "A. Smith", "B. Jones", "seen")
    else:
        records.decide(mark_id, state, "A. Smith", "seen")


def bring_to(records: Records, state: MarkState, n: int = 0) -> str:
    mark_id = records.intend(intent(n)).mark_id
    for one in ROUTE[state]:
        step(records, mark_id, one)
    return mark_id


def sound(records: Records) -> bool:
    report = fsck(records.database, [KEY.verifier()])
    assert [one.line() for one in report.findings] == []
    return report.sound


def test_a_mark_walks_from_intent_to_verified(records: Records) -> None:
    """Each transition is kept in order, with who made it, as integers, and is in the log."""
    mark_id = mark(records, 1)
    history = records.history(mark_id)
    assert [one["to_state"] for one in history] == ["intended", "marking", "marked", "verified"]
    assert [one["position"] for one in history] == [0, 1, 2, 3]
    assert history[-1]["detail"] == {"depth_nm": 20250, "grade": "A"}
    entry = records.entry(3)
    said = canonical.decode(entry.record)
    assert said["transition"]["actor"] == "inspection"
    assert said["mark"]["serial"] == "ZQ0001"
    assert b"ZQ0001" not in entry.leaf()
    assert sound(records)


def test_every_pair_of_states(records: Records) -> None:
    """Allowed by the table, or refused and nothing changed: all 81 pairs."""
    for n, (before, after) in enumerate(product(MarkState, MarkState)):
        mark_id = bring_to(records, before, n)
        size = records.size()
        if after in TRANSITIONS[before]:
            step(records, mark_id, after)
            assert records.get(mark_id).state is after
            continue
        with pytest.raises(InputError):
            step(records, mark_id, after)
        assert records.get(mark_id).state is before
        assert records.size() == size
    assert sound(records)


@pytest.mark.parametrize("state", list(MarkState))
def test_no_second_mark_on_a_serial(records: Records, state: MarkState) -> None:
    """A held serial is refused with the first mark's time and state."""
    first = bring_to(records, state)
    if state in RELEASED:
        assert records.intend(intent(0)).mark_id == "M000002"
        return
    with pytest.raises((AlreadyMarkedError, UnknownStateError), match=rf"2\d\d\d-.*{first}"):
        records.intend(intent(0))
    with pytest.raises((AlreadyMarkedError, UnknownStateError), match="C0000000"):
        records.intend(replace(intent(1), code="C0000000"))
    assert len(records.all_marks()) == 1


@pytest.mark.parametrize("typed", [" zq0000 ", "ＺＱ００００", "zq\u20040000", "ZQ0000\u00a0"])
def test_one_firearm_has_one_identity_however_typed(records: Records, typed: str) -> None:
    """Padded, lower-case and full-width serials meet the mark that is there."""
    bring_to(records, MarkState.VERIFIED)
    if "\u2004" in typed:  # a space inside is another serial, and a legal one
        assert records.intend(replace(intent(9), serial=typed)).serial == "ZQ 0000"
        return
    with pytest.raises(AlreadyMarkedError):
        records.intend(replace(intent(9), serial=typed))


@pytest.mark.parametrize("bad", ["A\u0000B", "\ud800", "Z" * 65, "", "ZQ\u202e1"])
def test_what_no_serial_holds_is_refused_at_the_door(records: Records, bad: str) -> None:
    """NUL, lone surrogates, control characters and endless texts never reach the database."""
    with pytest.raises(InputError):
        records.intend(replace(INTENT, serial=bad))
    with pytest.raises(InputError):
        records.find(INTENT.make, INTENT.model, bad, INTENT.code)
    if bad.strip() and len(bad) < 65:
        mark_id = records.intend(INTENT).mark_id
        refused = "\u202e" not in bad
        if refused:
            with pytest.raises(InputError):
                records.decide(mark_id, MarkState.CANCELLED, bad, "seen")
            with pytest.raises(InputError):
                records.decide(mark_id, MarkState.CANCELLED, "A. Smith", bad)
    assert sound(records)


def test_the_same_key_gives_the_same_answer_and_writes_nothing(records: Records) -> None:
    """A repeated request is answered as the first time; a key reused for another is refused."""
    first = records.intend(INTENT, key="k1")
    assert records.intend(INTENT, key="k1") == first
    records.begin(first.mark_id, key="k2")
    records.begin(first.mark_id, key="k2")
    assert records.conclude_run(first.mark_id, COMPLETE, key="k3") is MarkState.MARKED
    assert records.conclude_run(first.mark_id, COMPLETE, key="k3") is MarkState.MARKED
    assert records.size() == 3
    with pytest.raises(InputError, match="key of its own"):
        records.intend(intent(7), key="k1")
    with pytest.raises(InputError, match="key of its own"):
        records.begin(first.mark_id, key="k3")
    with pytest.raises(InputError, match="key of its own"):
        records.begin("M000099", key="k3")  # though there is no such mark
    with pytest.raises(MissingError, match="M000099"):
        records.begin("M000099", key="k4")
    with pytest.raises(InputError, match="idempotency key"):
        records.begin(first.mark_id, key="k" * 129)
    assert records.size() == 3


def test_a_re_mark_takes_two_people_and_keeps_lineage(records: Records) -> None:
    """The bad mark stays, its successor names it, a replacement of that one names that one."""
    bad = bring_to(records, MarkState.REJECTED)
    for one, two, why in (("A", "", "x"), ("A", " a ", "x"), ("A", "B", " ")):
        with pytest.raises(InputError, match=r"two different people|reason"):
            records.authorise_remark(bad, one, two, why)
    with pytest.raises(InputError, match="two people"):
        records.decide(bad, MarkState.RE_MARK, "A", "alone")
    records.authorise_remark(bad, "A. Smith", "B. Jones", "burr")
    with pytest.raises(InputError, match="repeats the code"):
        records.intend(replace(intent(0), code="ANOTHER1"))
    second = mark(records, 0)
    records.authorise_remark(second, "A. Smith", "B. Jones", "pin broke in proof firing")
    third = mark(records, 0)
    told = [(m.mark_id, m.lineage, m.replaces, m.state.value) for m in records.lineage(third)]
    assert told == [
        (bad, "first", None, "re-mark"),
        (second, "re-mark", bad, "re-mark"),
        (third, "replacement", second, "verified"),
    ]
    assert records.history(bad)[-1]["approver"] == "B. Jones"
    assert sound(records)


def test_what_a_crash_left_marking_becomes_unknown(records: Records) -> None:
    """Recovery turns `marking` into `unknown` once and touches nothing else."""
    left = bring_to(records, MarkState.MARKING)
    other = bring_to(records, MarkState.INTENDED, 1)
    assert [row.mark_id for row in records.recover()] == [left]
    assert records.recover() == []
    assert records.get(left).state is MarkState.UNKNOWN
    assert records.get(other).state is MarkState.INTENDED


def test_a_run_that_never_fired_gives_the_serial_back(records: Records) -> None:
    """Refused before the first laser-on line: cancelled, and the order may start again."""
    left = bring_to(records, MarkState.MARKING)
    assert records.conclude_run(left, replace(COMPLETE, outcome=Outcome.REFUSED)) == "cancelled"
    assert records.intend(intent(0)).mark_id == "M000002"


class SteppedClock:
    """A wall clock that somebody sets while the machine runs on."""

    def __init__(self) -> None:
        self.wall_us = 1_800_000_000_000_000
        self.steady_us = 5_000_000
        self.last = (self.wall_us, self.steady_us)

    def read(self) -> Reading:
        self.wall_us += 1_000
        self.steady_us += 1_000
        drift = (self.wall_us - self.last[0]) - (self.steady_us - self.last[1])
        self.last = (self.wall_us, self.steady_us)
        return Reading(self.wall_us, self.steady_us, "boot", "test", drift)


def test_a_clock_set_back_an_hour_reorders_nothing(new_database: NewDatabase) -> None:
    """Positions go on, the step is recorded, the history reads in the order it happened."""
    clock = SteppedClock()
    records = Records(new_database(), clock=clock)
    mark_id = records.intend(INTENT).mark_id
    records.begin(mark_id)
    clock.wall_us -= 3_600_000_000
    records.conclude_run(mark_id, COMPLETE)
    history = records.history(mark_id)
    assert [one["to_state"] for one in history] == ["intended", "marking", "marked"]
    assert history[2]["at_us"] < history[1]["at_us"]
    assert history[2]["drift_us"] == -3_600_000_000
    assert history[2]["monotonic_us"] > history[1]["monotonic_us"]
    assert sound(records)
    records.close()


def test_eight_writers_share_commits_and_lose_nothing(records: Records) -> None:
    """Eight threads at once: every mark once, positions without a gap, fewer commits than marks."""
    start = threading.Barrier(8)

    def work(who: int) -> None:
        start.wait()
        for n in range(10):
            mark(records, 100 + who * 10 + n)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert [row.state for row in records.all_marks()] == [MarkState.VERIFIED] * 80
    assert records.size() == 320
    assert records.writer.commits < 320
    assert sound(records)


def test_a_check_of_a_working_station_finds_nothing(records: Records) -> None:
    """Fsck sees one moment: marks made meanwhile are no finding."""
    stop = threading.Event()

    def work() -> None:
        n = 0
        while not stop.is_set():
            mark(records, n)
            n += 1

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for _ in range(5):
            assert sound(records)
    finally:
        stop.set()
        worker.join()
    assert sound(records)


def test_a_refused_piece_of_work_harms_no_other(records: Records) -> None:
    """In one commit for many, a refusal is one caller's own; everybody else's work stands."""
    bring_to(records, MarkState.VERIFIED)
    start = threading.Barrier(8)

    def work(n: int) -> str:
        start.wait()
        try:
            return records.intend(intent(n % 4)).mark_id
        except PinmarkError as error:
            return type(error).__name__

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(work, range(8)))
    assert sum(one.startswith("M") for one in answers) == 3  # 1, 2 and 3; 0 was taken
    assert len(records.all_marks()) == 4
    assert sound(records)


def test_two_processes_on_one_database_never_share_a_serial(new_database: NewDatabase) -> None:
    """Two writers of one station's log on one database: every serial once, the log one line."""
    where = new_database()
    pair = [Records(where), Records(where)]
    start = threading.Barrier(2)

    def work(records: Records) -> int:
        start.wait()
        made = 0
        for n in range(30):
            try:
                records.intend(intent(n))
                made += 1
            except UnknownStateError:
                continue
        return made

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(work, pair)) == 30
    assert {row.serial for row in pair[0].all_marks()} == {f"ZQ{n:04d}" for n in range(30)}
    assert pair[1].size() == 30
    assert sound(pair[0])
    for records in pair:
        records.close()


def test_calls_handed_over_together_commit_once(records: Records) -> None:
    """A service hands over what waits: one commit, each answer its own, later calls see earlier."""
    records.intend(intent(0))
    commits = records.writer.commits

    def whole_life() -> MarkState:
        return records.get(mark(records, 1)).state

    answers = records.writer.run_all(
        [whole_life, lambda: records.intend(intent(0)), lambda: records.intend(intent(2)).mark_id]
    )
    assert answers[0] is MarkState.VERIFIED
    assert isinstance(answers[1], UnknownStateError)
    assert answers[2] == "M000003"
    assert records.writer.commits == commits + 1
    assert records.intend(intent(3)).mark_id == "M000004"
    assert sound(records)


def test_pages_do_not_shift(records: Records) -> None:
    """Keyset pages give each mark once although marks are added between pages."""
    for n in range(5):
        records.intend(intent(n))
    first = records.page(None, limit=3)
    records.intend(intent(9))
    rest = records.page((first[-1].station, 3), limit=10)
    assert [row.serial for row in first + rest] == [f"ZQ{n:04d}" for n in (0, 1, 2, 3, 4, 9)]


def test_readers_cannot_write(records: Records) -> None:
    """The reading connections refuse every write, whatever a bug may try."""
    records.intend(INTENT)
    with records.database.reading.connect() as connection, pytest.raises(sa.exc.DBAPIError):
        connection.execute(sa.update(transitions).values(actor="nobody"))


def test_events_join_the_log_and_their_kinds_are_few(records: Records) -> None:
    """Other rooms append events; floats and unknown kinds are refused."""
    entry = records.append_event("auth", {"person": "A. Smith", "good": False})
    assert canonical.decode(records.entry(entry.position).record)["event"]["good"] is False
    with pytest.raises(InputError, match="kind of event"):
        records.append_event("transition", {})
    with pytest.raises(InputError, match="float"):
        records.append_event("auth", {"seconds": 1.5})
    with pytest.raises(InputError, match="no entry 99"):
        records.entry(99)


def test_a_whole_life_is_sound_and_survives_reopening(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    """Everything written is there after closing, and every hash still holds."""
    where = new_database()
    records = Records(where)
    live_a_little(records, tmp_path)
    before = records.all_marks()
    records.close()
    again = Records(where)
    assert again.all_marks() == before
    assert sound(again)
    assert again.database.version().startswith(("SQLite 3", "PostgreSQL "))
    again.close()
