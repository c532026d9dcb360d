"""The watched folder at work: scans come, are matched, inspected and put away, without anybody.

In: a folder that a profilometer writes into. Out: verdicts of marks that waited for a scan,
receipts, and how the folder stands. Its own thread looks at the files; surfaces are read by the
line's worker, so that neither pages nor stream wait. One service a folder: a file lock says so.
"""

from __future__ import annotations

import fcntl
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from engraver.errors import ConflictError, InputError, PinmarkError, StorageError
from engraver.record import MarkState
from station_api.logs import fields
from station_api.marking import made_with
from station_api.people import Caller, Role
from station_api.quality.figures import INSPECTED
from station_api.records import MarkRow, Records, now_us
from station_api.scan_folder import (
    Arrivals,
    Candidate,
    Match,
    Outcome,
    Receipt,
    Shelves,
    by_reading,
    match,
    shown_name,
)
from station_api.service.kept_scans import DISCARDED, GIVEN, KEPT, KeptScan, KeptScans
from station_api.service.line import Line
from station_api.service.live import Live
from station_api.service.scan_store import ScanStore, sha256_of
from station_api.service.transitions import Asked, change, earlier

LOG = logging.getLogger("pinmark.scan-folder")
LOOK_S = 1.0
SHOWN_KEPT = 5
LOCK = ".pinmark-folder.lock"
MOST_SETUPS = 3
"""Designs that a nameless scan is held against; each takes a second or two of the line's worker."""

SLACK_US = 2_000_000
"""FAT keeps times to two seconds."""

BY = Caller("scan folder", Role.STATION, is_machine=True)
INSIDE = ("comment", "serial", "model")
"""Texts of an X3P header in which instruments put what was scanned before a measurement."""


class NotOursError(InputError):
    """A scan that is kept for a person to look at."""


class ScanWatcher:
    """One station's watched folder, perhaps none."""

    def __init__(
        self,
        folder: Path | None,
        largest_bytes: int,
        records: Records,
        store: ScanStore,
        line: Line,
        shelf: Path,
        live: Live,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._records, self._store, self._line = records, store, line
        self._shelf, self._live, self._largest_bytes = shelf, live, largest_bytes
        self.folder = folder
        self._arrivals = Arrivals(folder, now_s) if folder is not None else None
        self.shelves = Shelves(folder) if folder is not None else None
        self._rows = KeptScans(records)
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock: IO[str] | None = None
        self.said = ""
        self._moving, self._settled = threading.Lock(), False

    def open(self) -> None:
        """Begin to watch."""
        if self.folder is not None:
            self._thread = threading.Thread(target=self._run, name="pinmark-scan-folder")
            self._thread.start()

    def close(self) -> None:
        """Stop watching; a scan at work is finished."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
        if self._lock is not None:
            self._lock.close()

    def state(self) -> dict[str, Any]:
        """Return how the folder stands: what waits, what is kept, what was inspected."""
        if self._arrivals is None or self.shelves is None:
            return {"folder": None, "said": "", "waiting": [], "left_alone": [], "kept": [],
                    "inspected": []}  # fmt: skip
        return {
            "folder": str(self.folder),
            "said": self.said,
            "waiting": [asdict(one) for one in self._arrivals.waiting],
            "left_alone": list(self._arrivals.left_alone[:50]),
            "kept": self.shelves.of(Outcome.KEPT),
            "inspected": self.shelves.of(Outcome.INSPECTED),
        }

    def kept(self) -> list[dict[str, Any]]:
        """Return the newest scans that nobody could be found for."""
        return [] if self.shelves is None else self.shelves.of(Outcome.KEPT)[:SHOWN_KEPT]

    def require_held(self) -> None:
        """Refuse what only the service that watches the folder may do.

        Raises
        ------
        ConflictError
            If another one watches it, or it cannot be reached.
        """
        if self._lock is None:
            why = self.said or "it was not looked at yet"
            raise ConflictError(f"the scan folder is not this service's now: {why}; ask again")

    def require_readable(self, size_bytes: int) -> None:
        """Refuse a file that is larger than what is read.

        Raises
        ------
        NotOursError
            If it is.
        """
        if size_bytes > self._largest_bytes:
            raise NotOursError(
                f"has {size_bytes // 1_000_000} MB, at most {self._largest_bytes // 1_000_000} "
                "are read; export fewer points, or raise [scans] largest_mb"
            )

    # ---- watching

    def _run(self) -> None:
        while not self._closing.wait(LOOK_S):
            self.look()

    def look(self) -> int:
        """Look once, and deal with every file that is finished; return how many were put away."""
        assert self._arrivals is not None and self.shelves is not None
        done, said = 0, ""
        try:
            self._hold()
            self.shelves.make()
            said = self.move_on()
            for path in self._arrivals.look():
                if self._closing.is_set():
                    break
                try:
                    done += self._deal_with(path)
                except OSError as error:  # of this file: the others do not wait for it
                    said = f"{path.name} cannot be put away ({error.strerror}); it stays and waits"
        except (PinmarkError, OSError) as error:
            said = _line(error)
        except Exception:
            LOG.exception("the scan folder could not be looked at")
            said = "a fault; the service's log has the details"
        self._say(said)
        return done

    def move_on(self, again: bool = False) -> str:
        """Move every kept file that a person decided on, receipt and all; return what is wrong.

        Done after a decision (``again``) and until it has worked: a decision stands whatever
        becomes of the file (a full disk, a crash).
        """
        assert self.shelves is not None
        if self._settled and not again:
            return ""
        said = ""
        with self._moving:
            self._settled = False
            for path, receipt in self.shelves.held():
                known = self._rows.find(receipt.sha256 or "")
                if known is None or known.state == KEPT:
                    continue
                try:
                    self.shelves.move_on(path, self._moved(receipt, known))
                except OSError as error:
                    said = f"{receipt.file} cannot be moved on ({error.strerror})"
                else:
                    self._live.tell("folder", outcome=known.state, mark_id=known.mark_id)
            self._settled = not said
        return said

    def _moved(self, receipt: Receipt, known: KeptScan) -> Receipt:
        """Return the receipt of a scan that was given to its mark, or discarded."""
        given = known.state == GIVEN
        steps = self._records.history(known.mark_id) if known.mark_id else []
        verdict = next((one for one in steps if one["position"] == known.inspected_at), None)
        at = datetime.fromtimestamp(known.changed_at_us / 1e6, UTC).isoformat(timespec="seconds")
        return replace(
            receipt,
            outcome=Outcome.GIVEN if given else Outcome.DISCARDED,
            at=at,
            mark_id=known.mark_id,
            matched_by="person" if given else None,
            verdict=verdict["to_state"] if verdict else None,
            grade=verdict["detail"]["grade"] if verdict else None,
            read_back=known.read_back,
            position=known.inspected_at,
            why=known.reason or "",
            by=known.decided_by,
            kept_for=known.why,
        )

    def _hold(self) -> None:
        """Hold the folder against every other service.

        Raises
        ------
        InputError
            If another has it.
        """
        if self._lock is not None:
            return
        assert self.folder is not None
        lock = (self.folder / LOCK).open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise InputError(
                f"{self.folder} is watched by another service; give each station its own folder"
            ) from None
        self._lock = lock

    def _say(self, said: str) -> None:
        if said != self.said:
            self.said = said
            if said:
                LOG.warning("the scan folder waits for somebody")  # names of files hold serials
            self._live.tell("folder", said=said)

    # ---- one file

    def _deal_with(self, path: Path) -> bool:
        assert self.shelves is not None
        size, digest = path.stat().st_size, sha256_of(path)
        try:
            self.require_readable(size)
            receipt = self._receipt(path, size, digest)
        except StorageError:
            raise  # nothing is wrong with the scan: a full disk, a busy worker
        except InputError as error:
            receipt = self._note(path, size, digest, Outcome.KEPT, why=_line(error))
            self._rows.enter(receipt, now_us(), BY.name)
        self.shelves.put(path, receipt)
        LOG.info("a scan was put away", extra=fields(outcome=receipt.outcome, mark=receipt.mark_id))
        self._live.tell("folder", outcome=receipt.outcome, mark_id=receipt.mark_id)
        return True

    def _receipt(self, path: Path, size: int, digest: str) -> Receipt:
        known = earlier(self._records, BY, digest)
        if known is not None:
            return self._note(
                path, size, digest, Outcome.SEEN, mark_id=known["mark_id"],
                verdict=known["to_state"], position=known["position"],
                why="this very scan was inspected before",
            )  # fmt: skip
        decided = self._rows.find(digest)
        if decided is not None and decided.state == GIVEN:
            return self._note(
                path, size, digest, Outcome.SEEN, mark_id=decided.mark_id,
                position=decided.inspected_at, by=decided.decided_by,
                why="this very scan was given to its mark before",
            )  # fmt: skip
        if decided is not None and decided.state == DISCARDED:
            raise NotOursError(f"{decided.said()}: {decided.reason}; give it to its mark")
        kept = self._store.take(path, digest, self._line.facts, BY)
        row, found_by, judged = self._whose(path, kept)
        state = MarkState.VERIFIED if judged["good"] else MarkState.REJECTED
        detail = {**judged["detail"], "scan_sha256": digest}
        change(self._records, Asked(row.mark_id, state, BY, INSPECTED, None, digest, detail=detail))
        verdict = earlier(self._records, BY, digest)
        return self._note(
            path, size, digest, Outcome.INSPECTED, mark_id=row.mark_id, matched_by=found_by,
            verdict=str(state), grade=judged["detail"]["grade"],
            read_back=judged["detail"]["read_back"],
            position=verdict["position"] if verdict else None,
        )  # fmt: skip

    def _note(self, path: Path, size: int, digest: str, outcome: Outcome, **more: Any) -> Receipt:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        name, station = shown_name(path.name), self._records.station
        return Receipt(name, outcome, at, station, size, digest, **more)

    # ---- whose it is

    def _whose(self, path: Path, kept: Path) -> tuple[MarkRow, str, dict[str, Any]]:
        """Return the mark that a scan shows, by what it was found, and the judgement of its pin."""
        rows = {row.mark_id: row for row in self._records.in_states({MarkState.MARKED})}
        if not rows:
            raise NotOursError("no mark waits for a scan: it came too early, or once too often")
        pins = [Candidate(r.mark_id, r.serial, r.order_id, r.code) for r in rows.values()]
        facts = self._line.facts(kept, kept.stem)["facts"]
        found = match(path.stem, [facts[name] for name in INSIDE if name in facts], pins)
        if found.mark_id is None and found.why.startswith("neither"):
            found = self._by_surface(kept, list(rows.values()), pins, found)
        if found.mark_id is None:
            raise NotOursError(f"{found.why}; look at it, and give it to its mark")
        row = rows[found.mark_id]
        self._refuse_older(path, row)
        judged = self._judged(kept, row)
        read = by_reading(judged["detail"]["read_back"], pins)
        if not judged["good"] and read.mark_id not in (None, row.mark_id):
            raise NotOursError(
                f"its {found.by} says {row.mark_id}, its surface reads the code of {read.mark_id}; "
                "look which pin it shows, and give it to that mark"
            )
        return row, found.by, judged

    def _by_surface(
        self, kept: Path, rows: list[MarkRow], pins: list[Candidate], before: Match
    ) -> Match:
        """Hold a scan without a name against the designs of the pins that wait."""
        tried: set[str] = set()
        found = before
        for row in reversed(rows):
            if row.setup_sha256 in tried or len(tried) == MOST_SETUPS:
                continue
            tried.add(row.setup_sha256)
            found = by_reading(self._judged(kept, row)["detail"]["read_back"], pins)
            if found.mark_id is not None:
                return found
        return Match(None, why=f"{before.why}, and {found.why}")

    def _judged(self, kept: Path, row: MarkRow) -> dict[str, Any]:
        return self._line.judge(kept, *made_with(row, self._shelf))

    def _refuse_older(self, path: Path, row: MarkRow) -> None:
        begun = [
            step["at_us"]
            for step in self._records.history(row.mark_id)
            if step["to_state"] == MarkState.MARKING
        ]
        written_us = path.stat().st_mtime_ns // 1000
        if begun and written_us + SLACK_US < begun[-1]:
            raise NotOursError(
                f"is named for {row.mark_id} and older than the mark: it shows the blank, or the "
                "instrument's clock is behind; set that clock, and give it to its mark"
            )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:400]
