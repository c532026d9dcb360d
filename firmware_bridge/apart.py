"""The parent's side of a stream in a process of its own: `Stream` over a socket to a child.

In: what a `firmware_bridge.stream.Stream` is asked. Out: the same answers, from a process that
shares neither interpreter nor lock with whatever else this one does: pages, PDF, inspections
cannot starve it. The child dies with this process, dark (`firmware_bridge.child`); if the child
dies first, this side stops the controller itself and returns the bounds of the journal.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType

from engraver.errors import PinmarkError, PortError, UnknownStateError
from engraver.profiles import Machine
from engraver.program import GcodeProgram
from engraver.record import MarkIntent, Outcome, RunReceipt, StopCause
from firmware_bridge.control import Control
from firmware_bridge.journal import read_journal
from firmware_bridge.link import Link
from firmware_bridge.messages import (
    BEAT_S,
    HEART_S,
    Message,
    decode,
    encode,
    program_head,
    read_error,
    read_receipt,
    read_value,
    write_wish,
)
from firmware_bridge.port import open_port
from firmware_bridge.stopping import make_safe
from firmware_bridge.stream import Counted, Glance, Told
from firmware_bridge.streamer import Progress

START_PATIENCE_S = 30.0
END_PATIENCE_S = 10.0
PORT_PATIENCE_S = 2.0
"""The kernel gives a dead process's port free at once; a USB driver may take longer."""


class ChildDiedError(PortError):
    """The stream process ended without having been asked to."""


class ApartStream:
    """A `Stream` whose port is owned by a child process."""

    def __init__(self, url: str, baud: int) -> None:
        self._url, self._baud = url, baud
        self._program: GcodeProgram | None = None

    @property
    def pid(self) -> int:
        """The process that owns the port."""
        return self._process.pid

    def __enter__(self) -> ApartStream:
        mine, childs = socket.socketpair()
        with childs:
            words = [str(childs.fileno()), self._url, str(self._baud)]
            self._process = subprocess.Popen(
                [sys.executable, "-m", "firmware_bridge.child", *words],
                pass_fds=[childs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self._child = Connection(mine.detach())
        try:
            self._await("opened", patience_s=START_PATIENCE_S)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        """Let the child stop what it does and end; it hears of it by the end of the socket."""
        self._child.close()
        try:
            self._process.wait(END_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def check(self, program: GcodeProgram, machine: Machine, on_progress: Counted) -> None:
        """Vet a program; see `firmware_bridge.stream.Stream`."""
        self._say({"is": "check", "program": program_head(program), "machine": asdict(machine)})
        self._send(program.data)
        self._send(program.line_stroke.astype("<i4").tobytes())
        self._program = program
        self._await("checked", lambda said: on_progress(said["done"], said["total"]))

    def glance(self) -> Glance:
        """Ask the resting controller; see `firmware_bridge.stream.Stream`."""
        self._say({"is": "glance"})
        return read_value(Glance, self._await("glance"))

    def run(
        self,
        intent: MarkIntent,
        *,
        on_progress: Told,
        control: Control | None = None,
        journal: Path | None = None,
        door_ends: bool = False,
    ) -> RunReceipt:
        """Stream what was checked; see `firmware_bridge.stream.Stream`.

        If the child dies, the controller is stopped from here and the receipt is ``unknown``
        with the bounds that the journal promises.
        """
        begun_s = time.monotonic()
        wishes = Control() if control is None else control
        self._say(
            {
                "is": "run",
                "intent": asdict(intent),
                "journal": str(journal) if journal else None,
                "door_ends": door_ends,
                "pauses": control is not None and control.pauses,
                "wishes": [write_wish(wish) for wish in wishes.pending()],
            }
        )
        try:
            return self._follow(wishes, on_progress)
        except ChildDiedError as died:
            elapsed_us = int((time.monotonic() - begun_s) * 1e6)
            return self._last_words(intent, journal, f"{died}; {self._make_dark()}", elapsed_us)

    # -- a run ----------------------------------------------------------------------------------

    def _follow(self, control: Control, on_progress: Told) -> RunReceipt:
        """Pass wishes on and news back until there is a receipt."""
        woken, wake = socket.socketpair()
        wake.setblocking(False)
        control.attach(lambda: _poke(wake))
        heard_s = time.monotonic()
        try:
            while True:
                ready = wait([self._child, woken], BEAT_S)
                if woken in ready:
                    woken.recv(4096)
                for wish in control.pending():
                    self._say(write_wish(wish))
                self._say({"is": "beat"})
                if self._child not in ready:
                    if time.monotonic() - heard_s > HEART_S:
                        raise self._hung()
                    continue
                said, heard_s = self._hear(), time.monotonic()
                if said["is"] == "receipt":
                    return read_receipt(said)
                on_progress(read_value(Progress, said))
        finally:
            control.attach(lambda: None)
            woken.close()
            wake.close()

    def _last_words(
        self, intent: MarkIntent, journal: Path | None, detail: str, elapsed_us: int
    ) -> RunReceipt:
        """Return what can be said of a run whose child died: the journal's bounds, or none."""
        program = self._program
        done, begun, executed, sent = -1, 0, 0, 0
        if program is not None:
            begun, sent = int(program.line_stroke.max(initial=-1)) + 1, len(program.lines)
        try:
            entry = read_journal(journal) if journal else None
        except UnknownStateError:
            entry = None
        if entry is not None and entry.mark_id == intent.mark_id:
            done, begun = entry.last_surely_done_stroke, entry.first_surely_not_begun_stroke
            executed, sent = entry.executed_lines, entry.may_send_lines
        return RunReceipt(
            outcome=Outcome.UNKNOWN,
            program_sha256=intent.program_sha256,
            lines_sent=sent,
            lines_acknowledged=executed,
            last_surely_done_stroke=done,
            first_surely_not_begun_stroke=begun,
            elapsed_us=elapsed_us,
            detail=detail,
            cause=StopCause.STREAM_DIED,
            first_unfinished_line=executed,
        )

    def _make_dark(self) -> str:
        """Stop the controller of a child that died: it would burn what it has buffered."""
        until_s = time.monotonic() + PORT_PATIENCE_S
        while True:
            try:
                with open_port(self._url, self._baud) as port:
                    return make_safe(Link(port)).detail
            except PinmarkError as error:
                if time.monotonic() > until_s:
                    return f"the controller could not be stopped from here ({error})"
                time.sleep(0.05)

    # -- the socket -----------------------------------------------------------------------------

    def _await(
        self,
        what: str,
        on_news: Callable[[Message], None] = lambda said: None,
        patience_s: float | None = None,
    ) -> Message:
        """Return the message ``what``; PortError if it does not come."""
        while True:
            if patience_s is not None and not self._child.poll(patience_s):
                raise PortError(f"{self._url}: the stream process did not start; see the log")
            said = self._hear()
            if said["is"] == what:
                return said
            on_news(said)

    def _hear(self) -> Message:
        try:
            said = decode(self._child.recv_bytes())
        except (EOFError, OSError) as error:
            raise self._died() from error
        if said["is"] == "error":
            raise read_error(said)
        return said

    def _say(self, message: Message) -> None:
        self._send(encode(message))

    def _send(self, data: bytes) -> None:
        try:
            self._child.send_bytes(data)
        except OSError:
            # what it said before it ended is still to be read, and says more
            if self._child.poll():
                return
            raise self._died() from None

    def _hung(self) -> ChildDiedError:
        """End a child that says nothing: it holds the port, and nobody knows what it does."""
        self._process.kill()
        self._process.wait()
        return ChildDiedError(
            f"{self._url}: the stream process said nothing for {HEART_S:g} s and was ended"
        )

    def _died(self) -> ChildDiedError:
        try:
            code = self._process.wait(END_PATIENCE_S)
            how = f"by signal {-code}" if code < 0 else f"with code {code}"
        except subprocess.TimeoutExpired:
            how = "in silence"
        return ChildDiedError(f"{self._url}: the stream process ended {how}")


def _poke(wake: socket.socket) -> None:
    """End the wait; a socket that is full or closed has nobody waiting."""
    with suppress(OSError):
        wake.send(b"x")
