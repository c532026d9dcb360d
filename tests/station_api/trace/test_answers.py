"""Answers that were given: what is kept of them, and that an audit without the desk agrees."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engraver.batch import pack_indices
from engraver.errors import InputError
from station_api import kept
from station_api.records import Records
from station_api.records.export import export
from station_api.registry_file import sample_registry
from station_api.trace.desk import Desk
from station_api.trace.question import Question
from station_api.trace.rerun import entries_in, rerun
from tests.station_api.records.houses import KEY
from tests.station_api.trace.asking import TRACER, agrees, shown
from tests.station_api.trace.conftest import intend_all, intent_of


def test_no_serial_and_no_pattern_leak_into_the_public_log(desk: Desk, records: Records) -> None:
    """The tiles hold commitments; the entry's own record holds digests of question and answer."""
    wanted = intent_of(32850)
    answer = desk.ask(Question(pattern=wanted.code), TRACER)
    position = desk.queries.get(answer["query_id"])["position"]
    entry = records.entry(position)
    for told in (wanted.code, wanted.serial, "T. Racer"):
        assert told.encode() not in entry.leaf()
    for told in (wanted.code, wanted.serial):
        assert told.encode() not in entry.record


def test_an_answer_ends_at_its_checkpoint(desk: Desk, records: Records) -> None:
    """The tree that was searched is the one that was signed, whatever is marked meanwhile."""
    desk.index.catch_up()
    sign = desk._sign

    def sign_and_mark() -> str:
        note = sign()
        intend_all(records, [len(records.all_marks()) + 700])
        return note

    desk._sign = sign_and_mark
    before = len(records.all_marks())
    answer = desk.ask(Question(pattern=f"{intent_of(32850).code[:3]}?????????"), TRACER)
    (log,) = answer["log"]
    assert log["checkpoint"].splitlines()[1] == str(log["size"])
    assert answer["searched"] == before - 60
    assert agrees(desk, records, answer) == []


def test_the_audit_needs_no_database(desk: Desk, records: Records, tmp_path: Path) -> None:
    """An export and the answer are enough."""
    answer = desk.ask(Question(pattern=intent_of(32850).code), TRACER)
    folder = tmp_path / "export"
    export(records, folder, answer["log"][0]["checkpoint"])
    done = rerun(answer, entries_in(folder), [KEY.verifier()], sample_registry())
    assert (done.same, done.found, done.marks) == (True, 1, 90)


def test_an_index_without_one_posting_is_found_out(
    desk: Desk, records: Records, open_desk: Callable[[], Desk]
) -> None:
    """A code taken out of the index is missing from the answer; the log does not forget."""
    code = intent_of(32850).code
    question = Question(pattern=f"{code[:4]}????????")
    assert code in shown(desk.ask(question, TRACER))
    desk.index.merge_if_due(now=True)
    name = f"pin32-12.{desk.index.state.generation}.block"
    path = desk.index.folder / name
    block = desk.index.state.blocks["pin32-12"]
    place = int(np.searchsorted(block.codes, pack_indices(np.array([32850]))[0]))
    data = bytearray(path.read_bytes())
    start = 4096 + 16 * len(block)
    postings = np.frombuffer(data, dtype="<u4", offset=start, count=30 * len(block)).copy()
    postings[postings == place] = (place + 1) % len(block)
    data[start : start + postings.nbytes] = postings.tobytes()
    path.write_bytes(data)
    robbed = open_desk()
    answer = robbed.ask(question, TRACER)
    assert code not in shown(answer)
    assert any("the set is another one" in said for said in agrees(robbed, records, answer))
    assert any("miss a code" in said for said in robbed.index.check())


@pytest.mark.parametrize("lie", ["size", "root", "note", "state", "fewer", "stranger"])
def test_an_answer_that_was_changed_is_found_out(desk: Desk, records: Records, lie: str) -> None:
    """Each thing an answer claims is compared with the log."""
    code = intent_of(32850).code
    answer = json.loads(json.dumps(desk.ask(Question(pattern=f"{code[:3]}?????????"), TRACER)))
    assert agrees(desk, records, answer) == []
    log, mark = answer["log"][0], answer["candidates"][0]["marks"][0]
    if lie == "size":
        log["size"] -= 1
    elif lie == "root":
        log["root"] = "00" * 32
    elif lie == "note":
        log["checkpoint"] = log["checkpoint"][:-9] + "AAAAAAA=\n"
    elif lie == "state":
        mark["state"] = "verified"
    elif lie == "fewer":
        answer["found"] -= 1
    else:
        mark["mark_id"] = "M999999"
    assert agrees(desk, records, answer) != []


def test_requests_have_a_clock(records: Records, open_desk: Callable[[], Desk]) -> None:
    """24 hours from receipt: time left, then late; what was disclosed is kept and testifies."""
    desk = open_desk()
    whole = {
        "agency": "ATF NTC",
        "person": "P. Erson",
        "contact": "1-800",
        "authority": "923(g)(7)",
    }
    now = desk.requests.now()
    hour_us = 3_600_000_000
    early = desk.requests.record("T. Racer", **whole, received_at_us=now - 23 * hour_us)
    late = desk.requests.record("T. Racer", **whole, received_at_us=now - 25 * hour_us)
    assert not early.clock(now)["late"] and 3590 <= early.clock(now)["left_s"] <= 3600
    assert late.clock(now)["late"]
    assert [r.request_id for r in desk.requests.all(open_only=True)] == [
        late.request_id, early.request_id,
    ]  # fmt: skip
    done = desk.requests.answer(early.request_id, "Q000001", ["M000001"], "T. Racer")
    assert (done.state, done.disclosed) == ("answered", ("M000001",))
    assert not done.clock(now + 100 * hour_us)["late"]
    with pytest.raises(InputError, match="is answered since"):
        desk.requests.answer(early.request_id, "Q000001", ["M000002"], "T. Racer")
    assert kept.check(records) == []
    for name in whole:
        with pytest.raises(InputError, match=f"without {name}"):
            desk.requests.record("T. Racer", **{**whole, name: "  "})
    with pytest.raises(InputError, match="future"):
        desk.requests.record("T. Racer", **whole, received_at_us=now + hour_us)
