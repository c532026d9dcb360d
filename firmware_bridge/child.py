"""The process that owns the port: vets a program, streams it, and stops when it is left alone.

In: the number of an inherited socket (`python -m firmware_bridge.child FD URL BAUD`) and the
messages of `firmware_bridge.messages`. Out: messages. The main thread reads them; another owns
the port. If the parent dies, however it dies, the socket ends: a run is aborted the one way
there is (hold, standstill, reset: laser off) and this process ends. It writes no record: those
are the parent's, and are durable before it says ``run``. It imports no more than it needs,
for it lives beside every mark on a small board.
"""

from __future__ import annotations

import queue
import signal
import sys
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from select import select

from engraver.errors import PortError
from engraver.program import GcodeProgram
from engraver.record import MarkIntent
from firmware_bridge.control import Control
from firmware_bridge.messages import (
    HEART_S,
    Message,
    decode,
    encode,
    read_machine,
    read_program_from,
    read_value,
    read_wish,
    write_error,
    write_value,
)
from firmware_bridge.stream import LocalStream
from firmware_bridge.streamer import Progress

CHECKED_EVERY_S = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One thing the parent wants done, with what goes with it."""

    message: Message
    program: GcodeProgram | None = None
    control: Control | None = None


class Child:
    """Two threads: `listen` reads the parent, `work` owns the port."""

    def __init__(self, parent: Connection, url: str, baud: int) -> None:
        self._parent, self._url, self._baud = parent, url, baud
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._control = Control()
        self._told_s = 0.0
        self.alone = threading.Event()

    def listen(self) -> None:
        """Read the parent's messages until there is no parent."""
        try:
            while True:
                self._hear(decode(self._parent.recv_bytes()))
        except (EOFError, OSError):
            pass
        finally:  # a message that cannot be read ends this process too: nobody would hear the next
            self.leave()

    def leave(self) -> None:
        """Stop whatever is being done, laser off, and end."""
        self.alone.set()
        self._control.abort()
        self._tasks.put(None)

    def _hear(self, message: Message) -> None:
        if message["is"] == "wish":
            self._control.ask(read_wish(message))
        elif message["is"] == "beat":
            self._control.beat()
        elif message["is"] == "check":
            data, strokes = self._parent.recv_bytes(), self._parent.recv_bytes()
            self._tasks.put(Task(message, read_program_from(message["program"], data, strokes)))
        elif message["is"] == "run":
            # made here, so that a wish that follows at once finds it
            control = Control(HEART_S, pauses=message["pauses"])
            for wish in message["wishes"]:  # came before the run: heard before the laser is on
                control.ask(read_wish(wish))
            self._control = control
            self._tasks.put(Task(message, control=self._control))
        else:
            self._tasks.put(Task(message))

    def work(self) -> None:
        """Open the port, then do what is asked until there is nobody to ask."""
        try:
            with LocalStream(self._url, self._baud) as stream:
                self._say({"is": "opened"})
                while (task := self._tasks.get()) is not None and not self.alone.is_set():
                    try:
                        self._say(self._do(stream, task))
                    except Exception as error:
                        self._say(write_error(error))
        except PortError as error:
            self._say(write_error(error))

    def _do(self, stream: LocalStream, task: Task) -> Message:
        message = task.message
        if task.program is not None:
            stream.check(task.program, read_machine(message["machine"]), self._checking)
            return {"is": "checked"}
        if task.control is not None:
            receipt = stream.run(
                read_value(MarkIntent, message["intent"]),
                on_progress=self._progress,
                control=task.control,
                journal=Path(message["journal"]) if message["journal"] else None,
                door_ends=message["door_ends"],
            )
            return write_value("receipt", receipt)
        return write_value("glance", stream.glance())

    def _checking(self, done: int, total: int) -> None:
        if self.alone.is_set():
            raise PortError("whoever wanted this program is gone")
        now_s = time.monotonic()
        if done == total or now_s - self._told_s >= CHECKED_EVERY_S:
            self._told_s = now_s
            self._say({"is": "checking", "done": done, "total": total}, may_be_lost=True)

    def _progress(self, now: Progress) -> None:
        self._say(write_value("progress", now), may_be_lost=True)

    def _say(self, message: Message, may_be_lost: bool = False) -> None:
        """Tell the parent; news that a full socket would delay is left out, never waited for."""
        try:
            if may_be_lost and not select([], [self._parent], [], 0)[1]:
                return
            self._parent.send_bytes(encode(message))
        except OSError:
            self.leave()


def main() -> None:
    """Serve one parent, then end."""
    descriptor, url, baud = sys.argv[1:]
    child = Child(Connection(int(descriptor)), url, int(baud))
    # Ctrl-C reaches the whole group of a terminal: what becomes of the pin is the parent's word.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: child.leave())
    listener = threading.Thread(target=child.listen, daemon=True, name="listener")
    listener.start()
    worker = threading.Thread(target=child.work, name="port")
    worker.start()
    while worker.is_alive():  # a join without end would keep a signal waiting
        worker.join(1.0)


if __name__ == "__main__":
    main()
