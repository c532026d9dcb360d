"""The use case: one work order from start to verdict.

In: a work order, a port, somewhere a scan will appear. Out: `MarkReport`. The order of the
steps is the safety argument: refuse a second mark, plan, vet the program in the controller's
check mode, write the intent, write ``marking``, and only then let a byte out that could fire
the laser. Whatever happens after that is recorded before anybody is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from engraver import codes, gcode, inspection, layout, relief
from engraver.codes import MarkCode
from engraver.errors import ConflictError, InputError, PortError, StorageError, UnknownStateError
from engraver.heightmap import HeightMap
from engraver.inspection import Inspection
from engraver.orders import WorkOrder
from engraver.profiles import Setup
from engraver.record import MarkIntent, MarkState, Outcome, RunReceipt, StopCause
from engraver.registry import Registry
from firmware_bridge.control import Control
from firmware_bridge.stream import LocalStream, OpenStream, Stream
from firmware_bridge.streamer import Progress
from station_api.doctor.gate import refuse_lost_records, refuse_wrong_clock
from station_api.interlocks import Arming
from station_api.profiles import load_setup
from station_api.quality.fields import inspection_detail, is_good
from station_api.quality.releases import refuse_unreleased
from station_api.records import MarkRow, Records, now_us
from station_api.station import journal_path
from station_api.walk import PlannedMark, Planner, Watcher, encode_order, plan_code, timed

TakeScan = Callable[[], HeightMap]
Refused = Callable[[StorageError], None]
"""Told that the records refuse what became of a pin: returns to try again, raises to give in."""


def give_in(error: StorageError) -> None:
    """Do not try again."""
    raise error


@dataclass(frozen=True, slots=True, eq=False)
class MarkReport:
    """What became of one order; without a scan there is no inspection yet."""

    mark_id: str
    planned: PlannedMark
    receipt: RunReceipt
    state: MarkState
    scan: HeightMap | None
    inspection: Inspection | None


def mark_order(
    order: WorkOrder,
    registry: Registry,
    records: Records,
    port_url: str,
    take_scan: TakeScan | None,
    watcher: Watcher,
    *,
    home: Path | None = None,
    fence: int = 0,
    shelf: Path | None = None,
    open_stream: OpenStream = LocalStream,
    control: Control | None = None,
    arming: Arming | None = None,
    on_refused: Refused = give_in,
    plan: Planner = plan_code,
) -> MarkReport:
    """Mark one order; return what became of it.

    Parameters
    ----------
    home
        The station's folder: while the run lasts, the bounds of what the laser has done are
        kept there, for whoever has to look at the pin after a crash.
    fence
        Fencing token of the claim, if the order was claimed.
    shelf
        Profiles to mark with; the station's own and the shipped ones if left out.
    open_stream
        Who owns the port: this thread, or (`firmware_bridge.apart.ApartStream`) a process.
    control
        How others may hold, resume and abort the run; without one a hold ends it.
    arming
        The interlocks of this station: they are asked for the start button once the program is
        vetted, and abort the run when anything opens. Without them hardware alone guards it.
    on_refused
        Decides whether to go on trying when a full disk or an absent database refuses what
        became of a pin.
    plan
        Who walks from the code to the program: this thread, or (`service.line`) a process.

    Raises
    ------
    InputError
        Before anything was recorded: the order, the plan, the port or the program is bad,
        or the serial was marked before.
    UnknownStateError
        If an earlier attempt, or this one, is in doubt.
    """
    planned = _plan(order, registry, records, watcher, home, shelf, plan)
    machine = planned.setup.machine
    with open_stream(port_url, machine.baud) as stream:
        with timed("preflight", watcher) as said:
            stream.check(planned.program, machine, watcher.progressed)
            said.append(f"{len(planned.program.lines)} lines accepted in check mode")
        control = Control(pauses=False) if control is None else control
        _await_start(order, stream, control, arming, watcher)
        with timed("intent", watcher) as said:
            intent = records.intend(_intent(order, planned), fence=fence)
            said.append(f"{intent.mark_id} on disk")
            watcher.intended(intent.mark_id)
        journal = journal_path(home, intent.mark_id) if home else None
        run = _Run(stream, intent, records, watcher, journal, control, arming, on_refused)
        receipt = run.go()
    if take_scan is None:
        return MarkReport(intent.mark_id, planned, receipt, MarkState.MARKED, None, None)
    scan, found, state = _look(planned, intent.mark_id, records, take_scan, watcher)
    return MarkReport(intent.mark_id, planned, receipt, state, scan, found)


def _plan(
    order: WorkOrder,
    registry: Registry,
    records: Records,
    watcher: Watcher,
    home: Path | None,
    shelf: Path | None,
    plan: Planner,
) -> PlannedMark:
    """Refuse what may not be marked; return the plan of what may."""
    with timed("code", watcher) as said:
        code, setup = encode_order(order, registry, shelf)
        said.append(f"{code.text} ({code.format.name}, index {code.index})")
    refuse_unreleased(records, registry, code, setup)
    records.refuse_second_mark(order.make, order.model, order.serial, code.text)
    refuse_wrong_clock(records)
    if home is not None:
        refuse_lost_records(records, home)
    planned = plan(code, setup, watcher)
    watcher.planned(planned)
    return planned


def _await_start(
    order: WorkOrder, stream: Stream, control: Control, arming: Arming | None, watcher: Watcher
) -> None:
    """Return when a person at the station has pressed start, if it has interlocks."""
    if arming is not None:
        with timed("start", watcher) as said:
            arming.await_start(stream, control)
            said.append("interlocks closed, start pressed")
    if control.stop_asked:
        raise PortError(f"order {order.order_id}: stopped on request; nothing was recorded")


def _look(
    planned: PlannedMark,
    mark_id: str,
    records: Records,
    take_scan: TakeScan,
    watcher: Watcher,
) -> tuple[HeightMap, Inspection, MarkState]:
    """Scan the pin, inspect it and write the verdict."""
    with timed("scan", watcher) as said:
        scan = take_scan()
        said.append(f"{scan.z_um.shape[1]} x {scan.z_um.shape[0]} points")
    with timed("inspection", watcher) as said:
        form = inspection.form_of(planned.setup.part)
        found = inspection.inspect(planned.design, scan, form_kind=form)
        said.append(f"reads {found.read_back}, {found.verdict}")
    with timed("record", watcher) as said:
        state = conclude(records, mark_id, found)
        said.append(f"{mark_id} {state}")
    return scan, found, state


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of a vetted program, from the state ``marking`` to its receipt in the records."""

    stream: Stream
    intent: MarkIntent
    records: Records
    watcher: Watcher
    journal: Path | None
    control: Control
    arming: Arming | None
    on_refused: Refused

    def go(self) -> RunReceipt:
        """Let the laser work; return a complete receipt, or raise what became of the pin."""
        with timed("marking", self.watcher) as said:
            self.records.begin(self.intent.mark_id)
            try:
                receipt = self._stream()
            except BaseException as error:
                # the record must not wait for the next start to say that this mark is in doubt
                said_why = "the run ended with an exception"
                self._keep(error, lambda: self.records.give_up(self.intent.mark_id, said_why))
                raise
            self._keep(
                receipt.detail,
                lambda: self.records.conclude_run(
                    self.intent.mark_id, receipt, key=f"run {self.intent.mark_id}"
                ),
            )
            said.append(f"{receipt.lines_acknowledged} lines, {receipt.outcome}")
        _require_complete(self.intent.mark_id, receipt)
        return receipt

    def _keep(self, became: object, write: Callable[[], object]) -> None:
        """Record what became of the pin, as long as it takes a disk or a database to return."""
        while True:
            try:
                write()
                return
            except StorageError as error:
                try:
                    self.on_refused(error)
                except StorageError:
                    raise UnknownStateError(
                        f"{self.intent.mark_id}: {became}; and it could not be recorded: {error}; "
                        "the next start makes it `unknown`: look at the pin"
                    ) from error

    def _stream(self) -> RunReceipt:
        if self.arming is None:
            return self.stream.run(
                self.intent,
                on_progress=self.watcher.streamed,
                control=self.control,
                journal=self.journal,
            )
        with self.arming.guard(self.control, self.intent.mark_id) as guarded:
            receipt = self.stream.run(
                self.intent,
                on_progress=self._seen,
                control=self.control,
                journal=self.journal,
                door_ends=True,
            )
        if not guarded.broken or receipt.outcome is Outcome.COMPLETE:
            return receipt
        opened = f"interlocks: {guarded.broken}; {receipt.detail}"
        return replace(receipt, cause=StopCause.INTERLOCK, detail=opened)

    def _seen(self, now: Progress) -> None:
        assert self.arming is not None
        self.arming.seen(now)
        self.watcher.streamed(now)


def _require_complete(mark_id: str, receipt: RunReceipt) -> None:
    """Raise what a person has to know of a run that did not come to its end."""
    if receipt.outcome is Outcome.REFUSED:
        raise PortError(
            f"{mark_id} was cancelled before the laser was on: {receipt.detail}; "
            "the pin is blank and the order may be started again"
        )
    if receipt.outcome is Outcome.UNKNOWN:
        raise UnknownStateError(
            f"{mark_id}: {receipt.detail}; done for sure up to stroke "
            f"{receipt.last_surely_done_stroke}, not begun from stroke "
            f"{receipt.first_surely_not_begun_stroke}: look at the pin, "
            "then `pinmark records decide`"
        )


def _intent(order: WorkOrder, planned: PlannedMark) -> MarkIntent:
    return MarkIntent(
        mark_id="",  # the records give it
        order_id=order.order_id,
        make=order.make,
        model=order.model,
        serial=order.serial,
        code=planned.code.text,
        code_index=planned.code.index,
        recipe=planned.setup.recipe.name,
        program_sha256=planned.program.sha256,
        setup_sha256=gcode.setup_sha256(planned.setup),
        intended_at_us=now_us(),
    )


def inspect_later(records: Records, mark_id: str, scan: HeightMap) -> Inspection:
    """Inspect the pin of a mark that was made without a scan, and conclude its record."""
    found = examine(records, mark_id, scan)
    conclude(records, mark_id, found)
    return found


def made_with(row: MarkRow, shelf: Path | None = None) -> tuple[Setup, MarkCode]:
    """Return what a pin that is to be inspected was made with, and the code ordered for it.

    Raises
    ------
    ConflictError
        If the mark is not ``marked``.
    InputError
        If its recipe has changed since: the design the pin was made from cannot be told.
    """
    if row.state is not MarkState.MARKED:
        raise ConflictError(
            f"mark {row.mark_id} is {row.state}; only a mark that is marked is inspected"
        )
    setup = load_setup(row.recipe, shelf)
    if gcode.setup_sha256(setup) != row.setup_sha256:
        raise InputError(
            f"mark {row.mark_id} was made with other figures of recipe {row.recipe} than today's "
            f"(setup {row.setup_sha256[:12]}); restore them to inspect this pin"
        )
    return setup, codes.encode_index(row.code_index, setup.recipe.code_format)


def examine(
    records: Records, mark_id: str, scan: HeightMap, shelf: Path | None = None
) -> Inspection:
    """Inspect the pin of a mark that was made without a scan; nothing is recorded.

    Raises
    ------
    InputError
        If there is no such mark, or what `made_with` raises.
    """
    setup, code = made_with(records.get(mark_id), shelf)
    return inspection.inspect(
        relief.design(layout.arrange(code, setup), setup),
        scan,
        form_kind=inspection.form_of(setup.part),
    )


def conclude(records: Records, mark_id: str, found: Inspection) -> MarkState:
    """Write the verdict: verified only if the code read is the code ordered."""
    return records.conclude_inspection(mark_id, is_good(found), inspection_detail(found))
