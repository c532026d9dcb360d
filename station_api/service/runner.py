"""The engraver's own thread: one pin at a time, whoever asks.

In: work orders, and what is asked of the one at work. Out: `Job`, and the records, which stay the
only truth: a job is how a client follows a mark, and is forgotten when the service ends. The port
is owned by a process of its own (`firmware_bridge.apart`), which pages and inspections cannot
starve; the thread here writes the records. What was being done when the service died is found in
the records at the next start.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from engraver.errors import (
    ConflictError,
    InputError,
    LeaseError,
    MissingError,
    PinmarkError,
    PortError,
    StorageError,
)
from engraver.orders import WorkOrder
from engraver.record import MarkState
from engraver.registry import Registry
from firmware_bridge.apart import ApartStream
from firmware_bridge.control import Control, Wish
from firmware_bridge.messages import HEART_S
from firmware_bridge.stream import Glance, OpenStream
from firmware_bridge.streamer import Progress
from station_api.interlocks import Interlocks, require_panel
from station_api.logs import fields
from station_api.marking import mark_order
from station_api.people import Caller
from station_api.quality.releases import refuse_unreleased
from station_api.records import Records
from station_api.records.orders import Orders, OrderState, find_order
from station_api.records.tables import marks
from station_api.service.live import Live
from station_api.service.plans import Place
from station_api.service.problems import BusyError
from station_api.walk import PlannedMark, Planner, Step, encode_order, plan_code

LOG = logging.getLogger("pinmark.runner")
T = TypeVar("T")
MOST_JOBS = 500
TELL_EVERY = 50
"""Progress is told every so many lines: a program has tens of thousands."""
SILENCE_S = 2 * HEART_S
"""A stream that is silent this long has an owner that hangs; its own process is given `HEART_S`."""

AGAIN_S = 1.0
"""Pause before what became of a pin is written once more to a disk that was full."""


@dataclass(frozen=True, slots=True)
class Job:
    """One pin on its way. ``state`` is running, done or failed; ``step`` is where it is."""

    job_id: str
    order_id: str
    serial: str
    asked_by: str
    state: str
    step: str = ""
    done: int = 0
    total: int = 0
    mark_id: str | None = None
    mark_state: str | None = None
    problem: str | None = None
    stroke_acknowledged: int = -1
    stroke_done: int = -1
    strokes: int = 0
    controller: str = ""
    pins: str = ""
    left_s: float | None = None


class Runner:
    """The only one at this station that turns on the laser."""

    def __init__(
        self,
        records: Records,
        registry: Registry,
        home: Path,
        shelf: Path,
        live: Live,
        port: str | None,
        open_stream: OpenStream = ApartStream,
        interlocks: Interlocks | None = None,
        plan: Planner = plan_code,
    ) -> None:
        self._records = records
        self._home = home
        self._orders = Orders(records)
        self._registry = registry
        self._shelf = shelf
        self._live = live
        self.port = port
        self._open_stream = open_stream
        self._interlocks = interlocks
        self._plan = plan
        self._control = Control()
        self._guard = threading.Lock()
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._thread: threading.Thread | None = None
        self._at_work = False
        self._port_guard = threading.Lock()
        self.heard_s: float | None = None
        self._leaving = threading.Event()

    def start(self, order: WorkOrder, caller: Caller) -> Job:
        """Begin to mark one order; return at once.

        Raises
        ------
        BusyError
            If a pin is being marked.
        PortError
            If the service was started without an engraver.
        InputError
            If order, recipe or serial will not do; nothing was recorded.
        """
        if self.port is None:
            raise PortError("no engraver is connected; start with `pinmark serve --engraver PORT`")
        fence = self._fence(order)
        code, setup = encode_order(order, self._registry, self._shelf)
        refuse_unreleased(self._records, self._registry, code, setup)
        require_panel(setup.machine.panel, self._interlocks)
        self._records.refuse_second_mark(order.make, order.model, order.serial, code.text)
        job = Job(f"J{secrets.token_hex(8)}", order.order_id, order.serial, caller.name, "running")
        with self._guard:
            if self._at_work:
                raise BusyError("the engraver is marking; one pin at a time, ask again later")
            self._control = Control()
            self._thread = threading.Thread(
                target=self._run, args=(job, order, fence), name="pinmark-engraver"
            )
            self._remember(job)
            self._thread.start()
            self._at_work = True
        return job

    def get(self, job_id: str) -> Job:
        """Return how a job stands.

        Raises
        ------
        MissingError
            If there is none, or it ended long ago: then the records have its mark.
        """
        with self._guard:
            if job_id not in self._jobs:
                raise MissingError(f"job {job_id!r} is not known; its mark is in /v1/marks")
            return self._jobs[job_id]

    def jobs(self) -> list[Job]:
        """Return the jobs of this service, newest first."""
        with self._guard:
            return list(reversed(self._jobs.values()))

    def ask(self, job_id: str, wish: Wish | bytes) -> Job:
        """Hold, resume or abort the pin at work, or send an override; return at once.

        An abort is heard in every step; before the intent nothing is recorded. What came of
        it is told by the job's events and, at its end, by the mark's state.

        Raises
        ------
        MissingError
            If the job is not known.
        ConflictError
            If it has ended, or the laser is not at work on it yet and the wish is not to abort.
        """
        job = self.get(job_id)
        if job.state != "running":
            raise ConflictError(f"job {job_id} has ended ({job.state}); there is nothing to stop")
        if wish is not Wish.ABORT and job.step != "marking":
            raise ConflictError(
                f"job {job_id} is at {job.step or 'its beginning'}; only a mark on the laser "
                "can be held, resumed or overridden: abort it instead"
            )
        self._control.ask(wish)
        return job

    def glance(self, baud: int) -> Glance:
        """Ask the resting controller how it is; while a pin is marked, say what it said last.

        Raises
        ------
        PortError
            If there is no controller, or it does not answer.
        """
        if self.port is None:
            raise PortError("no engraver is connected; start with `pinmark serve --engraver PORT`")
        for job in self.jobs():
            if job.state == "running":
                return Glance(job.controller, job.pins)
        with self._port_guard, self._open_stream(self.port, baud) as stream:
            return stream.glance()

    def busy(self) -> bool:
        """Return whether a pin is being marked; not any more once it is told how it ended."""
        return self._at_work

    def hung(self) -> bool:
        """Tell whether a pin is on the laser and its stream has said nothing for `SILENCE_S`.

        The stream tells how it stands several times a second, held or not, and ends by itself
        if its process falls silent: whoever owns it here no longer listens.
        """
        heard_s = self.heard_s
        return heard_s is not None and time.monotonic() - heard_s > SILENCE_S

    def while_idle(self, work: Callable[[], T]) -> T:
        """Do ``work`` while no pin is marked, and let none be begun meanwhile.

        Raises
        ------
        BusyError
            If a pin is being marked.
        """
        with self._guard:
            if self.busy():
                raise BusyError("the engraver is marking; ask again later")
            return work()

    def finish(self) -> None:
        """Let a pin on the laser come to its end; take back one that only waits for it."""
        with self._guard:
            running = [job for job in self._jobs.values() if job.state == "running"]
        if any(job.step != "marking" for job in running):
            self._control.abort()
        self._leaving.set()
        self.wait()

    def wait(self) -> None:
        """Wait until no pin is being marked."""
        if self._thread is not None:
            self._thread.join()

    def _fence(self, order: WorkOrder) -> int:
        """An order of the plant is marked under its claim; one that is nobody's, without."""
        with self._records.database.reading.connect() as connection:
            row = find_order(connection, order.order_id)
        if row is None:
            return 0
        if row["state"] in (OrderState.OPEN, OrderState.CANCELLED, OrderState.DONE):
            raise LeaseError(f"order {order.order_id} is {row['state']}; claim it at /v1/claims")
        return self._orders.require(order)

    def _run(self, job: Job, order: WorkOrder, fence: int) -> None:
        watcher = _Watcher(self, job.job_id)
        records = self._records.on_behalf_of(job.asked_by)
        try:
            assert self.port is not None
            with self._port_guard:  # a glance at the controller takes less than a second
                report = mark_order(
                    order, self._registry, records, self.port, None, watcher,
                    home=self._home, fence=fence, shelf=self._shelf,
                    open_stream=self._open_stream, control=self._control, arming=self._interlocks,
                    on_refused=lambda error: self._try_again(job.job_id, error),
                    plan=self._plan,
                )  # fmt: skip
            ended: dict[str, object] = {
                "state": "done",
                "mark_id": report.mark_id,
                "mark_state": str(report.state),
                "problem": None,
            }
        except PinmarkError as error:
            ended = {"state": "failed", "problem": " ".join(str(error).split())}
        except Exception:
            LOG.exception("a job ended with a fault", extra=fields(job=job.job_id))
            ended = {"state": "failed", "problem": "a fault; the service's log has the details"}
        self.heard_s = None
        if fence:
            self._settle(order)
        with self._guard:  # whoever is told that it has ended may ask for the next pin
            self._at_work = False
            self._jobs[job.job_id] = told = replace(self._jobs[job.job_id], **ended)  # type: ignore[arg-type]
        self._live.tell("job", **asdict(told))

    def _try_again(self, job_id: str, error: StorageError) -> None:
        """Say that what became of a pin cannot be written yet; no other pin is begun meanwhile."""
        LOG.error("what became of a pin cannot be recorded yet", extra=fields(job=job_id))
        said = f"the run has ended, the laser is off, and it is recorded once possible: {error}"
        self.change(job_id, "step", step="recording", problem=said)
        self.heard_s = time.monotonic()  # it waits, it does not hang
        if self._leaving.wait(AGAIN_S):
            raise error

    def _settle(self, order: WorkOrder) -> None:
        """Let the order follow its mark."""

        def work(connection: sa.Connection) -> None:
            mine = (marks.c.serial == order.serial) & (marks.c.order_id == order.order_id)
            newest = sa.select(marks.c.state).where(mine).order_by(marks.c.number.desc()).limit(1)
            state = connection.execute(newest).scalar()
            row = find_order(connection, order.order_id)
            if state in (None, MarkState.CANCELLED.value) or row is None:
                return
            if row["state"] == OrderState.CLAIMED:
                self._orders.settle(connection, row, OrderState.BEGUN)

        try:
            self._records.writer.run(work)
        except PinmarkError:
            LOG.exception("an order could not follow its mark")

    def change(self, job_id: str, event: str, **changed: object) -> None:
        """Write how a job stands and tell who listens."""
        with self._guard:
            job = replace(self._jobs[job_id], **changed)  # type: ignore[arg-type]
            self._jobs[job_id] = job
        self._live.tell(event, **asdict(job))

    def _remember(self, job: Job) -> None:
        self._jobs[job.job_id] = job
        while len(self._jobs) > MOST_JOBS:
            self._jobs.popitem(last=False)


class _Watcher:
    """Tells a job's listeners how the walk goes."""

    def __init__(self, runner: Runner, job_id: str) -> None:
        self._runner = runner
        self._job_id = job_id
        self._place: Place | None = None

    def planned(self, planned: PlannedMark) -> None:
        self._place = Place(planned)

    def intended(self, mark_id: str) -> None:
        self._runner.change(self._job_id, "step", mark_id=mark_id)

    def begun(self, name: str) -> None:
        self._runner.change(self._job_id, "step", step=name, done=0, total=0)

    def progressed(self, done: int, total: int) -> None:
        if done % TELL_EVERY == 0 or done == total:
            self._runner.change(self._job_id, "progress", done=done, total=total)

    def streamed(self, now: Progress) -> None:
        self._runner.heard_s = time.monotonic()
        place = self._place.of(now) if self._place else {}
        self._runner.change(
            self._job_id, "progress", done=now.lines_executed, total=now.lines_total, **place
        )

    def ended(self, step: Step) -> None:
        self._runner.heard_s = None
        self._runner.change(self._job_id, "step", step=f"{step.name}: {step.result}")


def order_of(records: Records, order_id: str) -> WorkOrder:
    """Return a work order that was entered.

    Raises
    ------
    MissingError
        If there is none with this number.
    """
    try:
        row = Orders(records).get(order_id)
    except InputError as error:
        raise MissingError(str(error)) from error
    return WorkOrder(*(row[name] for name in ("order_id", "make", "model", "serial", "recipe")))
