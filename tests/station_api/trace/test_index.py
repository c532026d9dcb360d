"""The index: finds what a plain look at every code finds, and is never believed blindly."""

from __future__ import annotations

import fcntl
import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engraver.batch import pack_indices
from engraver.codes import FORMATS
from engraver.reading import ANY, VALUE
from station_api.records import Records
from station_api.trace.block import check_block, open_block, pairs_of, scan, write_block
from station_api.trace.index import TraceIndex
from station_api.trace.packing import pack_texts, unpack_texts
from tests.station_api.trace.conftest import intend_all, intent_of, mark_one


def every_code(records: Records) -> set[str]:
    return {mark.code for mark in records.all_marks()}


def held(index: TraceIndex) -> set[str]:
    state = index.catch_up()
    return {text for fmt in state.formats() for text in state.find_texts(fmt.name, [ANY] * fmt.n)}


@pytest.fixture(scope="module", params=["pin32-8", "pin32-10", "pin32-12"])
def block(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    fmt = FORMATS[request.param]
    indices = np.arange(32768, 32768 + 30_000)
    codes = pack_indices(indices, fmt.name).astype(np.uint64)
    order = np.argsort(codes)
    path = tmp_path_factory.mktemp("block") / "one.block"
    digest = write_block(path, fmt, codes[order], indices[order])
    return path, open_block(path, digest)


@given(data=st.data())
def test_a_block_finds_what_a_look_at_every_code_finds(block, data: st.DataObject) -> None:
    """Any pattern of symbols, sets and illegible places gives the set that string matching does."""
    _, opened = block
    texts = unpack_texts(opened.codes, opened.format.n)
    seed = texts[data.draw(st.integers(0, len(texts) - 1))]
    choices = []
    for symbol in seed:
        kind = data.draw(st.sampled_from(["known", "set", "any", "any"]))
        more = data.draw(st.frozensets(st.integers(0, 31), max_size=12)) if kind == "set" else set()
        choices.append(ANY if kind == "any" else frozenset({VALUE[symbol], *more}))
    expected = [
        at
        for at, text in enumerate(texts)
        if all(VALUE[s] in choice for s, choice in zip(text, choices, strict=True))
    ]
    assert opened.match(choices).tolist() == expected
    assert scan(opened.codes, choices).tolist() == expected


@pytest.mark.parametrize("name", FORMATS)
def test_of_three_known_symbols_two_always_have_postings(name: str) -> None:
    """Whichever three of the positions are known, a list narrows the search."""
    fmt = FORMATS[name]
    pairs = set(pairs_of(fmt))
    positions = range(fmt.n)
    assert all(
        {(a, b), (a, c), (b, c)} & pairs
        for a in positions
        for b in positions
        for c in positions
        if a < b < c
    )


def test_texts_are_packed_as_registry_integers_are() -> None:
    """Packing a code's text and packing its registry integer give the same number."""
    for name, fmt in FORMATS.items():
        texts = [intent_of(at, name).code for at in (0, 1, 32768, 163963)]
        packed, sound = pack_texts([*texts, "B" * fmt.n], fmt.n)
        assert packed[:4].tolist() == pack_indices(np.array([0, 1, 32768, 163963]), name).tolist()
        assert sound.tolist() == [True] * 4 + [False]


def test_a_changed_file_is_found_out(block) -> None:
    """The check of a block names a posting that was taken out, and a byte that was turned."""
    path, opened = block
    assert check_block(path, opened) == []
    data = bytearray(path.read_bytes())
    place = 4096 + 16 * len(opened) + 4 * 17
    data[place : place + 4] = data[place + 4 : place + 8]
    other = path.with_name("changed.block")
    other.write_bytes(data)
    found = check_block(other, open_block(other, opened.sha256))
    assert any("as it was written" in said for said in found)
    assert any("positions 0 and 1 miss a code" in said for said in found)


def test_the_index_holds_every_code(three_formats: Records, tmp_path: Path) -> None:
    """Codes of 8, 10 and 12 symbols, on either database, and none that is on no mark."""
    index = TraceIndex(tmp_path / "trace", three_formats.database)
    assert held(index) == every_code(three_formats)
    assert index.check() == []


def test_each_new_mark_is_found_without_writing_everything_anew(
    records: Records, tmp_path: Path
) -> None:
    """A mark is in the index at the next look, and the files of before stay as they are."""
    index = TraceIndex(tmp_path / "trace", records.database)
    intend_all(records, range(1, 40))
    index.catch_up()
    before = {p.name: p.read_bytes() for p in index.folder.glob("*.block")}
    for at in range(40, 60):
        intend_all(records, [at])
        assert intent_of(at).code in held(index)
    assert {p.name: p.read_bytes() for p in index.folder.glob("*.block")} == before
    assert held(TraceIndex(index.folder, records.database)) == every_code(records)


def test_however_it_came_to_be_the_index_is_the_same(records: Records, tmp_path: Path) -> None:
    """Grown mark by mark and merged, or made at once: byte for byte the same block."""
    grown = TraceIndex(tmp_path / "grown", records.database)
    for at in random.Random(1).sample(range(1, 2000), 60):
        intend_all(records, [at])
        grown.catch_up()
        if at % 7 == 0:
            grown.merge_if_due(now=True)
    grown.merge_if_due(now=True)
    made = TraceIndex(tmp_path / "made", records.database)
    made.catch_up()
    one = next(grown.folder.glob("*.block")).read_bytes()
    assert one == next(made.folder.glob("*.block")).read_bytes()


@pytest.mark.parametrize("cut", range(0, 160, 23))
def test_a_frame_cut_short_is_read_from_the_log_again(
    records: Records, tmp_path: Path, cut: int
) -> None:
    """A crash in the middle of a write costs nothing but the reading."""
    index = TraceIndex(tmp_path / "trace", records.database)
    intend_all(records, range(1, 4))
    index.catch_up()
    intend_all(records, range(4, 6))
    index.catch_up()
    (tail,) = index.folder.glob("*.tail")
    tail.write_bytes(tail.read_bytes()[:-1][:cut])
    again = TraceIndex(index.folder, records.database)
    assert held(again) == every_code(records)
    intend_all(records, [9])
    assert held(again) == every_code(records)
    assert held(TraceIndex(index.folder, records.database)) == every_code(records)


def test_a_file_cut_short_or_missing_is_made_anew(records: Records, tmp_path: Path) -> None:
    """Torn blocks and manifests are never believed."""
    index = TraceIndex(tmp_path / "trace", records.database)
    intend_all(records, range(1, 9))
    index.catch_up()
    for damage in ("cut", "gone", "manifest", "no manifest"):
        (path,) = index.folder.glob("*.block")
        manifest = index.folder / "manifest.json"
        if damage == "cut":
            path.write_bytes(path.read_bytes()[:-5])
        elif damage == "gone":
            path.unlink()
        elif damage == "manifest":
            said = json.loads(manifest.read_text())
            manifest.write_text(json.dumps(said | {"reach": {"S1": [3, "00"]}}))
        else:
            manifest.unlink()
        index = TraceIndex(index.folder, records.database)
        assert held(index) == every_code(records)
        assert index.rebuilt


def test_the_index_of_another_database_is_made_anew(new_database, tmp_path: Path) -> None:
    """A folder that was copied here, or a database that was rolled back, is found out by roots."""
    first, second = Records(new_database()), Records(new_database())
    intend_all(first, range(1, 9))
    intend_all(second, range(11, 19))
    TraceIndex(tmp_path / "trace", first.database).catch_up()
    index = TraceIndex(tmp_path / "trace", second.database)
    assert held(index) == every_code(second)
    assert "not the one that was read" in index.rebuilt
    first.close()
    second.close()


def test_two_processes_share_the_files(records: Records, tmp_path: Path) -> None:
    """Each finds everything, whoever wrote; one without the lock still answers, from memory."""
    one = TraceIndex(tmp_path / "trace", records.database)
    intend_all(records, range(1, 5))
    one.catch_up()
    two = TraceIndex(tmp_path / "trace", records.database)
    for at in range(5, 15):
        intend_all(records, [at])
        assert held([one, two][at % 2]) == every_code(records)
    one.merge_if_due(now=True)
    intend_all(records, [20])
    assert held(two) == every_code(records) == held(one)
    with (tmp_path / "trace" / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        intend_all(records, [21])
        assert held(two) == every_code(records)
        fcntl.flock(lock, fcntl.LOCK_UN)
    intend_all(records, [22])
    assert held(two) == held(TraceIndex(tmp_path / "trace", records.database))


def test_a_limit_is_kept(records: Records, tmp_path: Path) -> None:
    """The index can stop where a checkpoint was signed, and go on later."""
    intend_all(records, [1])
    index = TraceIndex(tmp_path / "trace", records.database)
    index.catch_up()
    size = records.size()
    intend_all(records, [2])
    state = index.catch_up({records.station: size})
    assert state.reach[records.station].size == size and state.count("pin32-12") == 1
    assert index.catch_up().count("pin32-12") == 2


def test_a_code_that_is_none_is_counted(records: Records, tmp_path: Path) -> None:
    """What cannot be indexed is not passed over in silence."""
    records.intend(replace(intent_of(5), code="NO CODE AT ALL"))
    intend_all(records, [6])
    index = TraceIndex(tmp_path / "trace", records.database)
    assert (index.catch_up().odd, index.state.count("pin32-12")) == (1, 1)
    records.intend(replace(intent_of(7), code="I" * 12))
    assert index.catch_up().odd == 2


def test_a_re_mark_repeats_a_code_once(records: Records, tmp_path: Path) -> None:
    """Two marks with one code are one code of the index, in one look or in two."""
    index = TraceIndex(tmp_path / "trace", records.database)
    first = mark_one(records, 77, good=False)
    index.catch_up()
    records.authorise_remark(first, "A. One", "B. Two", "half of it is missing")
    second = mark_one(records, 77)
    assert index.catch_up().count("pin32-12") == 1
    assert records.get(second).replaces == first
    assert index.check() == []
