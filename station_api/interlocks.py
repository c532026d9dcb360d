"""The interlock chain of this station at work: watched, shown, recorded, asked before the laser.

In: a panel, what waits for the start button, a person's reset. Out: the chain's state for whoever
asks, each change to whoever records it, and an abort for the run at hand the moment anything
opens. Two threads: one looks at the contacts and does nothing that could wait; the other records.
Software only notices an opening: what removes the laser's enable signal is hardware (SAFETY.md).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from engraver.errors import ConflictError, PortError, StorageError
from firmware_bridge.control import Control
from firmware_bridge.stream import Stream
from firmware_bridge.streamer import Progress
from hardware.panel import (
    TOWER,
    Chain,
    ChainState,
    Change,
    Input,
    Output,
    Panel,
    PanelProfile,
    PinsPanel,
    lit,
    open_panel,
    situation,
)
from station_api.panel_recorder import Recorder
from station_api.profiles import load_panel, load_setup
from station_api.records import Records

if TYPE_CHECKING:  # the web framework costs the console a second of start-up
    from station_api.service.live import Live

LOG = logging.getLogger("pinmark.interlocks")
LOOK_S = 0.05
LEVEL_WORDS = {True: "closed", False: "open", None: "cannot be read"}


@dataclass(slots=True)
class Guarded:
    """A run under the chain's eye; ``broken`` says what opened, if anything did."""

    control: Control
    mark_id: str
    broken: str = ""


class Arming(Protocol):
    """What `station_api.marking` asks before and while the laser is on."""

    def await_start(self, stream: Stream, control: Control) -> None:
        """Return once a vetted program may begin; raise if it may not."""

    def guard(self, control: Control, mark_id: str) -> Any:
        """Return a context in which anything that opens aborts the run."""

    def seen(self, now: Progress) -> None:
        """Take what a status report says of the controller's pins."""


@dataclass(slots=True)
class Interlocks:
    """One station's chain; `open` starts its threads, `close` ends them."""

    panel: Panel
    profile: PanelProfile
    recorder: Recorder
    tell: Callable[[dict[str, Any]], None] = lambda shown: None
    _chain: Chain = field(init=False)
    _guard: threading.RLock = field(default_factory=threading.RLock)
    _moved: threading.Condition = field(init=False)
    _closing: threading.Event = field(default_factory=threading.Event)
    _watched: Guarded | None = None
    _held: bool = False
    _told: tuple[Any, ...] = ()
    _thread: threading.Thread | None = None

    def __post_init__(self) -> None:
        times = self.profile.debounce_ms / 1e3, self.profile.discrepancy_ms / 1e3
        self._chain = Chain(self.panel.wired, *times)
        self._moved = threading.Condition(self._guard)

    def open(self) -> Interlocks:
        """Begin to watch."""
        self.recorder.open()
        self._look()
        self._thread = threading.Thread(target=self._watch, name="pinmark-interlocks")
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop watching, lamps off, everything recorded."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
        self.panel.close()
        self.recorder.close()

    def __enter__(self) -> Interlocks:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- watching ---------------------------------------------------------------------------------

    def _watch(self) -> None:
        while not self._closing.is_set():
            try:
                self.panel.wait(LOOK_S)
                self._look()
            except Exception:
                # a fault of ours must not end the watch; what it could not read is open
                LOG.exception("the interlocks could not be looked at")
                self._take_blind()
                self._closing.wait(LOOK_S)

    def _look(self) -> None:
        levels, now_s = self.panel.read(), time.monotonic()
        with self._guard:
            self._react(self._chain.update(levels, now_s))
            row = self._row()
        self.panel.show(lit(row, now_s))
        self._tell_if_new(row)

    def _take_blind(self) -> None:
        with self._guard:
            blind = dict.fromkeys(self.panel.wired)
            self._react(self._chain.update(blind, time.monotonic()))

    def _react(self, changes: list[Change]) -> None:
        """Stop the run first, then wake who waits and hand on what is to be recorded."""
        watched = self._watched
        if watched is not None and self._chain.state is not ChainState.FIRING:
            if not watched.broken:
                watched.broken = self._chain.cause
            watched.control.abort()
            self._watched = None
        mark_id = watched.mark_id if watched is not None else None
        for change in changes:
            self.recorder.take(change, mark_id)
        if changes:
            self._moved.notify_all()

    def _row(self) -> str:
        return situation(self._chain.state, held=self._held, doubt=self.recorder.doubt)

    def _tell_if_new(self, row: str) -> None:
        with self._guard:
            now = (row, self._chain.cause, tuple(sorted(self._chain.levels.items())))
            if now == self._told:
                return
            self._told = now
            shown = self.snapshot()
        self.tell(shown)

    def snapshot(self) -> dict[str, Any]:
        """Return how the chain stands, for a person and for the pages."""
        with self._guard:
            row, chain = self._row(), self._chain
            return {
                "panel": self.panel.name,
                "wiring": self.profile.wiring,
                "state": str(chain.state),
                "cause": chain.cause,
                "situation": row,
                "inputs": {
                    one.value: LEVEL_WORDS[chain.levels.get(one)]
                    for one in Input
                    if one in self.panel.wired
                },
                "lamps": {one.value: str(TOWER[row].get(one, "off")) for one in Output},
                "unrecorded": self.recorder.waiting,
            }

    def reset(self, by: str) -> dict[str, Any]:
        """Let a person end a latched fault.

        Raises
        ------
        ConflictError
            If there is none, or its cause is still there.
        """
        with self._guard:
            self._react(self._chain.reset(time.monotonic(), by))
            return self.snapshot()

    # -- arming -----------------------------------------------------------------------------------

    def await_start(self, stream: Stream, control: Control) -> None:
        """Wait for the chain to close and for the start button.

        Raises
        ------
        PortError
            If somebody stopped it, nobody pressed in time, or the controller is not idle.
        StorageError
            If changes of the chain cannot be recorded.
        """
        until_s = time.monotonic() + self.profile.start_patience_s
        with self._guard:
            self._react(self._chain.want(time.monotonic()))
        try:
            while not self._may_begin(control, until_s):
                if isinstance(self.panel, PinsPanel):
                    glance = stream.glance()
                    if glance.state not in ("Idle", "Door"):
                        raise PortError(f"the controller is in {glance.state}, not Idle")
                    self.panel.feed(glance.pins)
                with self._moved:
                    if self._chain.state is not ChainState.ARMED:
                        self._moved.wait(2 * LOOK_S)
        except BaseException:
            self._withdraw()
            raise

    def _may_begin(self, control: Control, until_s: float) -> bool:
        if control.stop_asked:
            raise PortError("stopped on request before the start button; nothing was recorded")
        if self.recorder.failure:
            raise StorageError(
                f"changes of the interlocks cannot be recorded ({self.recorder.failure}); "
                "nothing is armed before they are: make room on the disk"
            )
        with self._guard:
            state, cause = self._chain.state, self._chain.cause
        if state is not ChainState.ARMED and time.monotonic() > until_s:
            raise PortError(
                f"nobody pressed start within {self.profile.start_patience_s:g} s (interlocks "
                f"{state}: {cause}); nothing was recorded"
            )
        return state is ChainState.ARMED

    @contextmanager
    def guard(self, control: Control, mark_id: str) -> Iterator[Guarded]:
        """Watch over a run: what opens aborts it, and a chain that is not armed never begins."""
        watched = Guarded(control, mark_id)
        with self._guard:
            self._watched = watched
            try:
                self._react(self._chain.fire(time.monotonic()))
            except ConflictError as error:
                watched.broken = str(error)
                control.abort()
                self._watched = None
        try:
            yield watched
        finally:
            self._withdraw()

    def _withdraw(self) -> None:
        with self._guard:
            self._watched, self._held = None, False
            self._react(self._chain.withdraw(time.monotonic()))

    def seen(self, now: Progress) -> None:
        """Take a status report: the controller's pins, and whether the pin at work is held."""
        if isinstance(self.panel, PinsPanel):
            self.panel.feed(now.pins)
        with self._guard:
            self._held = now.state == "Hold"


def open_interlocks(
    home: Path, records: Records, panel_name: str, live: Live | None = None
) -> Interlocks | None:
    """Open the panel of this name and watch over it; None where it is wired to nothing.

    Raises
    ------
    ProfileError
        If there is no such panel, or its wiring lacks what SAFETY.md wants seen.
    PortError
        If its lines cannot be had.
    """
    profile = load_panel(panel_name)
    panel = open_panel(profile, panel_folder(home))
    if panel is None:
        return None
    made = Interlocks(panel, profile, Recorder(records, panel_name, live))
    if live is not None:
        made.tell = lambda shown: live.tell("panel", **shown)
    return made.open()


@contextmanager
def watching(home: Path, records: Records, panel_name: str) -> Iterator[Interlocks | None]:
    """Watch over a panel for the length of a block."""
    made = open_interlocks(home, records, panel_name)
    try:
        yield made
    finally:
        if made is not None:
            made.close()


def panel_folder(home: Path) -> Path:
    """Return where a virtual panel of this station has its files."""
    return home / "panel"


def panel_of(recipe: str) -> str:
    """Return the panel that the machine of a recipe is wired to."""
    return load_setup(recipe).machine.panel


def require_panel(wanted: str, interlocks: Interlocks | None) -> None:
    """Refuse to mark on a machine whose panel is not the one that is watched.

    Raises
    ------
    PortError
        If the machine's profile names another panel.
    """
    watched = interlocks.panel.name if interlocks is not None else "none"
    if wanted not in ("none", watched):
        raise PortError(
            f"the machine is wired to panel {wanted}, this station watches {watched}; start it "
            f"with --panel {wanted}, or correct the machine's profile"
        )
