"""Some life of a station, to be cut off: run as a process of its own on the file layer.

In: a home folder, the trace, how many firearms, a seed, the pragma ``synchronous``. Out: marks
in all states, events, checkpoints and journals in the folder, and in the trace, after each call
that returned, what it said: from there on no power cut may take it back.
"""

from __future__ import annotations

import random
import sys
import threading
from pathlib import Path

import numpy as np

from engraver.heightmap import HeightMap, write_x3p
from engraver.record import MarkState
from firmware_bridge.journal import Entry, Journal
from station_api import log
from station_api.home import station_home
from station_api.people import Caller, Role
from station_api.people.keys import load_pepper
from station_api.records import Records
from station_api.service.scan_store import ScanStore
from station_api.station import journal_path
from station_api.trace.case_scans import CaseScans
from tests.faults.layer import say
from tests.station_api.records.houses import COMPLETE, KEY, intent

CHECKPOINT_PAGES = 60
"""SQLite copies its log back ten times in a short life, so that cuts hit that too."""

THREADS = 3
OPERATOR = Caller("operator one", Role.OPERATOR)


def entry(mark_id: str, lines: int) -> Entry:
    """What a journal says after ``lines`` lines."""
    return Entry(mark_id, "a" * 64, lines, lines + 20, lines - 1, lines + 20, "running")


def live(records: Records, home: Path, trace: str, numbers: list[int], dice: random.Random) -> None:
    """Bring each firearm through a life of its own, and tell every step."""
    for n in numbers:
        mark_id = records.intend(intent(n)).mark_id
        say(trace, f"mark {mark_id} {n} intended")
        records.begin(mark_id)
        say(trace, f"mark {mark_id} {n} marking")
        journal = Journal(journal_path(home, mark_id))
        for lines in (10, 20, 30):
            journal.write(entry(mark_id, lines))
            say(trace, f"journal {mark_id} {lines}")
        _end(records, trace, mark_id, n, dice)
        if dice.random() < 0.3:
            position = records.append_event("auth", {"event": "login", "n": n}).position
            say(trace, f"event {position} {n}")
        if dice.random() < 0.4:
            _keep_files(records, home, trace, n)
        if dice.random() < 0.2:
            log.issue_checkpoint(records, [KEY], home)
            say(trace, f"checkpoint {records.size()}")


def small_scan(n: int) -> bytes:
    """A scan that no other is like."""
    return write_x3p(HeightMap(np.full((4, 5), float(n)), (1.0, 1.0), (0.0, 0.0)))


def _keep_files(records: Records, home: Path, trace: str, n: int) -> None:
    """Upload the scan of a pin and the scan of a case, as the service takes them."""
    scans, cases = ScanStore(records, home), CaseScans(home / "trace" / "scans")
    received = home / f"received-{n}"
    received.write_bytes(small_scan(n))
    say(trace, f"case {cases.keep(received)}")
    say(trace, f"scan {scans.keep(received, OPERATOR).scan_id}")


def _end(records: Records, trace: str, mark_id: str, n: int, dice: random.Random) -> None:
    fate = dice.choice(["good", "bad", "lost", "left"])
    if fate == "left":
        return
    if fate == "lost":
        records.give_up(mark_id, "link lost")
        say(trace, f"mark {mark_id} {n} unknown")
        records.decide(mark_id, MarkState.SCRAPPED, "A. Smith", "half cut")
        say(trace, f"mark {mark_id} {n} scrapped")
        return
    records.conclude_run(mark_id, COMPLETE)
    say(trace, f"mark {mark_id} {n} marked")
    records.conclude_inspection(mark_id, fate == "good", {"grade": "A"})
    say(trace, f"mark {mark_id} {n} {'verified' if fate == 'good' else 'rejected'}")
    if fate == "bad":
        records.authorise_remark(mark_id, "A. Smith", "B. Jones", "burr")
        say(trace, f"mark {mark_id} {n} re-mark")
        again = records.intend(intent(n)).mark_id
        say(trace, f"mark {again} {n} intended")


def main(home: Path, trace: str, count: int, seed: int, synchronous: str) -> None:
    """Live, in threads that share the records, so that several wait for one commit."""
    records = Records(home / "station.db")
    connection = records.database.writing.raw_connection()
    connection.cursor().execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    connection.cursor().execute(f"PRAGMA synchronous={synchronous}")
    connection.close()
    say(trace, "open")
    say(trace, f"pepper {load_pepper(home).hex()}")
    threads = [
        threading.Thread(
            target=live,
            args=(records, home, trace, list(range(count))[t::THREADS], random.Random(seed + t)),
        )
        for t in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    say(trace, "end")
    records.close()


if __name__ == "__main__":
    main(station_home(), sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
