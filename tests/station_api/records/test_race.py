"""Two stations racing for the same serials, killed at random: no double, none lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from engraver.record import MarkState
from station_api.records import Records
from station_api.records.fsck import fsck
from tests.station_api.records.conftest import NewDatabase
from tests.station_api.records.houses import intent

REPOSITORY = Path(__file__).resolve().parents[3]
SERIALS = int(os.environ.get("PINMARK_SOAK_SERIALS", "40"))
"""`make soak` sets a thousand."""

KILLS = max(4, SERIALS // 50)

STATION = """
import sys
from engraver.errors import AlreadyMarkedError, UnknownStateError
from station_api.records import Records
from tests.station_api.records.houses import COMPLETE, intent
where, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
records = Records(where, name)
records.recover()
for n in range(count):
    try:
        mark_id = records.intend(intent(n)).mark_id
        print("intended", n, flush=True)
        sys.stdin.readline()
        records.begin(mark_id)
        print("burning", n, flush=True)
        records.conclude_run(mark_id, COMPLETE)
        print("marked", n, flush=True)
    except (AlreadyMarkedError, UnknownStateError):
        continue
print("end", flush=True)
"""


def start(where: Path | str, name: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", STATION, str(where), name, str(SERIALS)]
    pipe = subprocess.PIPE
    return subprocess.Popen(words, cwd=REPOSITORY, stdin=pipe, stdout=pipe, text=True)


def hear(said: Counter[tuple[str, str]], line: str) -> None:
    """Count what a station said of a serial before it died."""
    match line.split():
        case [what, number]:
            said[what, number] += 1


def test_two_stations_race_and_are_killed(new_database: NewDatabase) -> None:
    """Every serial is burned at most once, everything that was said is on record, and sound."""
    where, dice = new_database(), random.Random(7)
    said: Counter[tuple[str, str]] = Counter()
    kills = 0
    running = {name: start(where, name) for name in ("S1", "S2")}
    while running:
        for name, process in list(running.items()):
            assert process.stdin is not None and process.stdout is not None
            for _ in range(dice.randrange(1, 6) if kills < KILLS else 10**6):
                line = process.stdout.readline()
                hear(said, line)
                if line.startswith("intended"):
                    process.stdin.write("go\n")  # the kill may come in any step after this
                    process.stdin.flush()
                if line in ("", "end\n"):
                    break
            if line == "end\n":
                process.communicate()
                del running[name]
            else:
                process.send_signal(signal.SIGKILL)
                rest, _ = process.communicate()
                for one in rest.splitlines():
                    hear(said, one)
                kills += 1
                running[name] = start(where, name)
    records = Records(where, "auditor")
    rows = records.all_marks()
    serials = Counter(row.serial for row in rows)
    assert set(serials.values()) == {1}
    assert set(serials) == {f"ZQ{n:04d}" for n in range(SERIALS)}
    burned = [what for what, count in said.items() if what[0] == "burning" and count > 1]
    assert burned == []
    states = {row.serial: row.state for row in rows}
    for what, n in said:
        if what == "marked":
            assert states[f"ZQ{int(n):04d}"] is MarkState.MARKED
        elif what == "burning":
            assert states[f"ZQ{int(n):04d}"] in (MarkState.MARKED, MarkState.UNKNOWN)
    left = set(states.values()) - {MarkState.MARKED, MarkState.UNKNOWN}
    assert left <= {MarkState.INTENDED}
    report = fsck(records.database)
    assert [one.line() for one in report.findings] == []
    assert kills >= KILLS
    records.close()


def test_mark_ids_of_two_stations_never_meet(new_database: NewDatabase) -> None:
    """The first station's ids have no prefix, every other's have its name."""
    where = new_database()
    pair = [Records(where), Records(where, "S2")]
    named = [records.intend(intent(n)).mark_id for n, records in enumerate(pair)]
    assert named == ["M000001", "S2-M000001"]
    for records in pair:
        records.close()
