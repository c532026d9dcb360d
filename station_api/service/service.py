"""All that a running service is made of, put together once.

In: an open station whose lock this process holds. Out: `Service`, which every route reaches as
``request.app.state.service``. It is the only writer of the records while it runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from engraver.registry import Registry
from station_api.casings.store import Casings
from station_api.configuration.model import ScannerKeys, ScansKeys, WitnessesKeys
from station_api.cosignatures import newest_cosigned, with_cosignatures
from station_api.interlocks import Interlocks, open_interlocks
from station_api.log import issue_checkpoint
from station_api.log_key import log_origin, log_signer
from station_api.papers.book import Book
from station_api.papers.mark_corrections import MarkCorrections
from station_api.people import Keys, People, Sessions
from station_api.people.approvals import Approvals
from station_api.people.keys import load_pepper
from station_api.people.secrets import Hasher
from station_api.quality.releases import Releases
from station_api.records import Records
from station_api.registry_file import load_registry
from station_api.service.bench import Bench
from station_api.service.circulation import Circulation
from station_api.service.floor import Floor
from station_api.service.gathering import Gathering
from station_api.service.giving import Giving
from station_api.service.idempotency import Replies
from station_api.service.instrument import Instrument
from station_api.service.kept_scans import KeptScans
from station_api.service.line import Line
from station_api.service.live import Live
from station_api.service.metrics import Metrics
from station_api.service.plans import Plans
from station_api.service.plant_link import PlantLink
from station_api.service.pulse import Pulse
from station_api.service.runner import Runner
from station_api.service.scan_store import ScanStore
from station_api.service.scan_watcher import ScanWatcher
from station_api.service.scanned import LabelTaker
from station_api.service.scanners import Scanners, open_scanners
from station_api.service.shelf import Shelf
from station_api.service.upkeep import Upkeep
from station_api.service.webhooks import Webhooks
from station_api.trace.desk import Desk
from station_api.trace.follower import Follower
from station_api.transparency.note import SignerKey


@dataclass(slots=True, eq=False)
class Service:
    """One station's service."""

    home: Path
    records: Records
    registry: Registry
    people: People
    keys: Keys
    sessions: Sessions
    live: Live
    shelf: Shelf
    scans: ScanStore
    runner: Runner
    interlocks: Interlocks | None
    floor: Floor
    labels: LabelTaker
    scanners: Scanners
    watcher: ScanWatcher
    giving: Giving
    plans: Plans
    instrument: Instrument
    circulation: Circulation
    metrics: Metrics
    signer: SignerKey
    bench: Bench
    line: Line
    upkeep: Upkeep
    pulse: Pulse
    desk: Desk
    follower: Follower
    plant: PlantLink | None = None
    approvals: Approvals = field(init=False)
    book: Book = field(init=False)
    mark_corrections: MarkCorrections = field(init=False)
    casings: Casings = field(init=False)
    gathering: Gathering = field(init=False)
    replies: Replies = field(init=False)
    webhooks: Webhooks = field(init=False)
    releases: Releases = field(init=False)

    def __post_init__(self) -> None:
        """Make what rests on the records alone."""
        self.approvals = Approvals(self.records)
        self.book = Book(self.records)
        self.mark_corrections = MarkCorrections(self.records)
        self.casings = Casings(self.records)
        self.gathering = Gathering(self.records)
        self.replies = Replies(self.records)
        self.webhooks = Webhooks(self.records)
        self.releases = Releases(self.records)

    def checkpoint(self) -> str:
        """Sign where the log stands now; with the cosignatures that this checkpoint has."""
        note = issue_checkpoint(self.records, [self.signer], self.home)
        return with_cosignatures(self.records, note)

    def checkpoint_over(self, position: int) -> str:
        """Return a checkpoint to prove an entry by: cosigned if one is, else as it stands now."""
        return newest_cosigned(self.records, position) or self.checkpoint()

    def close(self) -> None:
        """Stop threads and streams; a pin that is being marked is finished first."""
        self.scanners.close()
        self.watcher.close()
        self.live.close()
        self.follower.stop()
        self.circulation.stop()
        if self.plant is not None:
            self.plant.stop()
        self.webhooks.stop()
        self.runner.finish()
        self.gathering.close()
        self.bench.close()
        self.line.close()
        if self.interlocks is not None:
            self.interlocks.close()


def _open_watcher(
    keys: ScansKeys, records: Records, scans: ScanStore, line: Line, shelf: Shelf, live: Live
) -> ScanWatcher:
    """Begin to watch the folder of the profilometer, if there is one."""
    largest_bytes = keys.largest_mb * 1_000_000
    watcher = ScanWatcher(keys.folder, largest_bytes, records, scans, line, shelf.folder, live)
    watcher.open()
    return watcher


def _around(
    interlocks: Interlocks | None, readers: Scanners, circulation: Circulation
) -> dict[str, Any]:
    """Return how the running service sees what is around it, for the doctor."""
    shown = None if interlocks is None else interlocks.snapshot()
    seen = circulation.states()
    return {"panel": shown, "scanners": readers.states(), "witnesses": seen}


def make_service(
    home: Path,
    records: Records,
    engraver: str | None = None,
    hasher: Hasher | None = None,
    panel: str = "none",
    instrument: Path | None = None,
    scanners: ScannerKeys | None = None,
    folder: ScansKeys | None = None,
    witnesses: WitnessesKeys | None = None,
) -> Service:
    """Put a service together from a station's folder and its records.

    ``engraver`` is the controller's port, ``instrument`` the folder its scans come to.
    """
    live = Live(records)
    registry = load_registry()
    shelf = Shelf(records, home)
    keys = Keys(records, load_pepper(home))
    sessions = Sessions()
    signer = log_signer(home, log_origin(records.station))
    sign = partial(issue_checkpoint, records, [signer], home)
    desk = Desk(records, home, registry, sign)
    circulation = Circulation(records, witnesses or WitnessesKeys(), sign)
    interlocks = open_interlocks(home, records, panel, live)
    line = Line()
    runner = Runner(
        records, registry, home, shelf.folder, live, engraver,
        interlocks=interlocks, plan=line.plan,
    )  # fmt: skip
    scans = ScanStore(records, home, line.shape)
    floor = Floor(records, registry, shelf, runner)
    labels = LabelTaker(records, floor)
    watcher = _open_watcher(folder or ScansKeys(), records, scans, line, shelf, live)
    readers = open_scanners(scanners or ScannerKeys(), labels, live)

    return Service(
        home=home,
        records=records,
        registry=registry,
        people=People(records, hasher),
        keys=keys,
        sessions=sessions,
        live=live,
        shelf=shelf,
        scans=scans,
        runner=runner,
        interlocks=interlocks,
        floor=floor,
        labels=labels,
        watcher=watcher,
        giving=Giving(records, KeptScans(records), watcher, scans, line, shelf.folder, live),
        scanners=readers,
        plans=Plans(registry, shelf, line),
        instrument=Instrument(instrument, scans),
        circulation=circulation,
        metrics=Metrics(records, sessions, live, runner, home, circulation),
        signer=signer,
        upkeep=Upkeep(
            home, records, runner, signer, partial(_around, interlocks, readers, circulation)
        ),
        pulse=Pulse(records, runner.hung),
        bench=Bench(),
        line=line,
        desk=desk,
        follower=Follower(desk),
    )
