"""A shift of pins whose power goes again and again: none twice, none lost, each doubt a doubt.

What "interrupted" means here is decided by what is true, not by what the station remembers: a pin
on which the laser was, and of which nobody was told that it is marked. Such a pin is `unknown`,
unless the controller's word that the program is complete was on disk already: then it is `marked`
with that receipt. A pin whose intent was on disk, and whose laser was never on, stays `intended`
(decision 4). Each of them waits for a person: the station refuses to go on with it.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engraver.record import MarkState, Outcome
from station_api.records import Records
from station_api.records.fsck import fsck
from station_api.records.rows import MarkRow
from tests.conftest import REPOSITORY, engraver_process
from tests.faults.disk import Disk
from tests.faults.layer import laid_under, read_trace
from tests.faults.test_power_cut import require_all

PINS = int(os.environ.get("PINMARK_SOAK_SHIFT", "40"))
"""`make soak` sets 400."""

PINS_A_CUT = 20 if PINS >= 400 else 10
ON_RECORD = {MarkState.VERIFIED, MarkState.MARKED, MarkState.UNKNOWN, MarkState.INTENDED}


@dataclass(slots=True)
class Shift:
    """What is true of a shift, whatever the station remembers of it."""

    home: Path
    beside: Path
    dice: random.Random
    port: str | None = None
    said: list[str] = field(default_factory=list)
    burned: Counter[int] = field(default_factory=Counter)
    refused: set[int] = field(default_factory=set)
    cuts: int = 0
    doubts: set[str] = field(default_factory=set)

    def work(self, first: int, fatal: int) -> None:
        """Let the station work until the power goes in pin ``fatal``, and take what is left."""
        with laid_under(self.home, self.beside) as layer:
            (self.beside / "trace").unlink(missing_ok=True)
            disk = Disk.of(layer.root)
            plan = [first, PINS, fatal, self.dice.randrange(10**6)]
            words = [sys.executable, "-m", "tests.faults.shift", *map(str, plan)]
            died = subprocess.run(
                [*words, self.port] if self.port else words,
                cwd=REPOSITORY,
                env=layer.environment,
                start_new_session=True,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
            assert died.returncode in (0, -signal.SIGKILL), died.stderr
            disk.apply(read_trace(layer.trace))
        self._hear(disk.said)
        if died.returncode == 0:
            return
        self.cuts += 1
        left = self.beside / "left"
        shutil.rmtree(left, ignore_errors=True)
        how = disk.cut(self.dice, left)
        shutil.rmtree(self.home)
        shutil.copytree(left, self.home)
        self._look(left, f"cut {self.cuts} in pin {fatal}, {how} of the unsynced kept")

    def _hear(self, lines: list[str]) -> None:
        now = Counter[int]()
        for line in lines:
            match line.split():
                case ["burn", n]:
                    now[int(n)] += 1
                case ["refused", n, _]:
                    self.refused.add(int(n))
                case ["mark", *_]:
                    self.said.append(line)
        self.burned += now

    def _look(self, left: Path, how: str) -> None:
        """Open a copy of what the cut left as the next start does; hold it against what is true."""
        if not (left / "station.db").exists():
            assert not self.said and not self.burned, how
            return
        records = Records(left / "station.db")
        self.doubts |= {one.mark_id for one in records.recover()}
        require_all(records, left, self.said, how)
        marks = {int(one.serial[2:]): one for one in records.all_marks()}
        assert set(self.burned) <= set(marks), how
        for n, one in marks.items():
            self._judge(records, n, one, how)
        assert [one.line() for one in fsck(records.database).findings] == [], how
        records.close()

    def _judge(self, records: Records, n: int, mark: MarkRow, how: str) -> None:
        """Hold the state of one pin against what was said and what the laser did."""
        if f"mark {mark.mark_id} {n} verified" in self.said:
            assert mark.state is MarkState.VERIFIED, how
        elif mark.state in (MarkState.MARKED, MarkState.VERIFIED):
            receipts = [one["detail"] for one in records.history(mark.mark_id)]
            assert any(one.get("outcome") == Outcome.COMPLETE for one in receipts), how
        elif mark.state is MarkState.INTENDED:
            assert n not in self.burned, how
        else:
            assert mark.state is MarkState.UNKNOWN, how


def check(shift: Shift) -> None:
    """At the end of the shift: every pin once at most, every pin on record, nothing in between."""
    assert max(shift.burned.values()) == 1, shift.burned.most_common(3)
    records = Records(shift.home / "station.db")
    marks = records.all_marks()
    assert Counter(one.serial for one in marks) == {f"ZQ{n:04d}": 1 for n in range(PINS)}
    states = Counter(one.state for one in marks)
    assert set(states) <= ON_RECORD
    assert sum(states.values()) - states[MarkState.VERIFIED] <= shift.cuts
    unknown = {one.mark_id for one in marks if one.state is MarkState.UNKNOWN}
    assert unknown <= shift.doubts
    require_all(records, shift.home, shift.said, "the end of the shift")
    waiting = {int(one.serial[2:]) for one in marks if one.state is not MarkState.VERIFIED}
    assert waiting <= shift.refused  # the station was asked for each again, and did not fire
    assert shift.cuts >= PINS // PINS_A_CUT - 1
    print(f"{PINS} pins, {shift.cuts} power cuts: {dict(states)}, {len(shift.said)} answers kept")
    records.close()


def run(shift: Shift) -> None:
    """Work through the shift, with the power gone about every so many pins."""
    first = 0
    for begin in range(0, PINS, PINS_A_CUT):
        fatal = begin + shift.dice.randrange(PINS_A_CUT)
        shift.work(first, fatal)
        first = fatal
        if begin % (2 * PINS_A_CUT):  # the power comes back, and goes again
            shift.work(first, -1)
    shift.work(first, PINS)
    check(shift)


def test_a_shift_with_power_cuts(
    tmp_path: Path, quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The group is killed within a pin, unsynced writes are lost; then the shift goes on."""
    monkeypatch.setenv("PINMARK_HOME", str(quick / "home"))
    monkeypatch.setenv("PINMARK_CONFIG", "")
    run(Shift(quick / "home", tmp_path / "layer", random.Random(11)))


@pytest.mark.skipif(PINS < 400, reason="`make soak` does it")
def test_a_shift_with_power_cuts_over_a_port(
    tmp_path: Path, quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same with a stream process that dies too, and a controller behind a terminal."""
    monkeypatch.setenv("PINMARK_HOME", str(quick / "home"))
    monkeypatch.setenv("PINMARK_CONFIG", "")
    with engraver_process(tmp_path / "engraver", "--speed", "max") as port:
        run(Shift(quick / "home", tmp_path / "layer", random.Random(12), str(port)))
