"""The station's own scanners at work: each read by a thread, what it reads taken to the floor.

In: the scanners of the configuration. Out: orders in hand and parts confirmed, under the scanner's
own name; what came of each scan to the pages as an event ``scanned``; how each scanner stands. One
that is unplugged is said once and opened again when it is back. No scan goes further than the part.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from engraver.errors import InputError, PinmarkError, PortError
from hardware.scanner import HidScanner, Scanner, SerialScanner
from station_api.configuration.model import ScannerKeys
from station_api.logs import fields
from station_api.people import Caller, Role
from station_api.records import now_us
from station_api.service.live import Live
from station_api.service.problems import StaleError, kind_of
from station_api.service.scanned import LabelTaker

LOG = logging.getLogger("pinmark.scanners")
LOOK_S = 0.5
AGAIN_S = 1.0
"""How often a scanner that is not there is looked for."""

Open = Callable[[], Scanner]


@dataclass(frozen=True, slots=True)
class ScannerState:
    """How a scanner stands: ``reading``, ``away``; ``said`` is why it is away."""

    name: str
    device: str
    state: str = "away"
    said: str = "not opened yet"
    scans: int = 0
    last_at_us: int | None = None


@dataclass(slots=True, eq=False)
class _Held:
    """One scanner's thread and what is known of it."""

    open_it: Open
    now: ScannerState
    thread: threading.Thread | None = field(default=None)


class Scanners:
    """All scanners of a station; `open` begins to read, `close` ends it."""

    def __init__(self, labels: LabelTaker, live: Live) -> None:
        self._labels, self._live = labels, live
        self._held: list[_Held] = []
        self._guard = threading.Lock()
        self._closing = threading.Event()

    def add(self, name: str, device: str, open_it: Open) -> None:
        """Add a scanner before `open`."""
        self._held.append(_Held(open_it, ScannerState(name, device)))

    def open(self) -> None:
        """Begin to read."""
        for held in self._held:
            held.thread = threading.Thread(
                target=self._run, args=(held,), name=f"pinmark-scanner-{held.now.name}"
            )
            held.thread.start()

    def close(self) -> None:
        """Stop reading; a scan at work is finished."""
        self._closing.set()
        for held in self._held:
            if held.thread is not None:
                held.thread.join()

    def states(self) -> list[dict[str, Any]]:
        """Return how each scanner stands."""
        with self._guard:
            return [asdict(held.now) for held in self._held]

    def _run(self, held: _Held) -> None:
        while not self._closing.is_set():
            try:
                scanner = held.open_it()
            except PortError as error:
                self._change(held, state="away", said=_line(error))
                self._closing.wait(AGAIN_S)
                continue
            self._change(held, state="reading", said="")
            try:
                self._read(held, scanner)
            except PortError as error:
                self._change(held, state="away", said=_line(error))
                self._closing.wait(AGAIN_S)
            except Exception:
                LOG.exception("a scanner ended with a fault", extra=fields(scanner=held.now.name))
                self._change(held, state="away", said="a fault; the service's log has the details")
                self._closing.wait(AGAIN_S)
            finally:
                scanner.close()

    def _read(self, held: _Held, scanner: Scanner) -> None:
        while not self._closing.is_set():
            try:
                content = scanner.read(LOOK_S)
            except PortError:
                raise
            except InputError as error:
                self._tell(held, problem=_line(error), kind="bad-input")
                continue
            if content is not None:
                self._take(held, content)

    def _take(self, held: _Held, content: str) -> None:
        by = Caller(f"scanner {held.now.name}", Role.STATION, is_machine=True)
        try:
            try:
                taken = self._labels.take(content, by, None)
            except StaleError:  # somebody pressed in this moment: look again, once
                taken = self._labels.take(content, by, None)
        except PinmarkError as error:
            self._tell(held, problem=_line(error), kind=kind_of(error))
        else:
            self._tell(held, did=str(taken.did), order_id=taken.order_id)

    def _tell(self, held: _Held, **came: str) -> None:
        with self._guard:
            held.now = replace(held.now, scans=held.now.scans + 1, last_at_us=now_us())
        self._live.tell("scanned", scanner=held.now.name, **came)

    def _change(self, held: _Held, state: str, said: str) -> None:
        before = held.now
        with self._guard:
            held.now = replace(held.now, state=state, said=said)
        if (before.state, before.said) == (state, said):
            return
        if state == "away":
            LOG.warning("a scanner is away", extra=fields(scanner=held.now.name))
        else:
            LOG.info("a scanner is read", extra=fields(scanner=held.now.name))
        self._live.tell("scanner", **asdict(held.now))


def open_scanners(keys: ScannerKeys, labels: LabelTaker, live: Live) -> Scanners:
    """Read the scanners that the configuration names, perhaps none."""
    made = Scanners(labels, live)
    if keys.serial is not None:
        device = str(keys.serial)
        made.add("serial", device, lambda: SerialScanner(device, keys.baud))
    if keys.hid is not None:
        event_device = str(keys.hid)
        made.add("HID", event_device, lambda: HidScanner(event_device))
    made.open()
    return made


def _line(error: PinmarkError) -> str:
    return " ".join(str(error).split())
