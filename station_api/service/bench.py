"""A bench: one process beside the service, for whatever takes long.

In: the name of a job of a module (`station_api.quality.work`, the engineer's) and its arguments.
Out: bytes, the job's reply.
The service's own process serves requests and writes records and must do nothing else; the bench is
spawned when it is first needed, is niced, has bounds of memory and time, and is killed where it
keeps neither; it ends by itself when nobody has asked for a while. Jobs wait in a short queue; a
longer one is refused, not hoarded.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import pickle
import resource
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from engraver import errors
from engraver.errors import InputError, PinmarkError, StorageError
from station_api.service.memory import give_back_what_is_freed

JOBS = "station_api.quality.work"
MOST_WAITING = 4
LONGEST_S = 120.0
MOST_MEMORY_BYTES = 4 << 30
REMEMBERED = 16
"""Replies that are kept: a page that is opened again asks the same."""

NICENESS = 15
DYING_S = 5.0
"""So long a process that has closed its pipe may take to end."""
IDLE_S = 120.0
"""So long a worker waits for the next job before it gives its memory back."""


class BenchBusyError(StorageError):
    """The bench has as many jobs waiting as it takes."""


class Bench:
    """One worker process, one job at a time."""

    def __init__(
        self,
        jobs: str = JOBS,
        *,
        waiting: int = MOST_WAITING,
        longest_s: float = LONGEST_S,
        memory_bytes: int = MOST_MEMORY_BYTES,
        niceness: int = NICENESS,
        idle_s: float = IDLE_S,
        remembered: int = REMEMBERED,
        name: str = "pinmark-bench",
    ) -> None:
        self._jobs, self._name = jobs, name
        self._niceness, self._idle_s, self._most_remembered = niceness, idle_s, remembered
        self._longest_s = longest_s
        self._memory_bytes = memory_bytes
        self._places = threading.BoundedSemaphore(1 + waiting)
        self._turn = threading.Lock()
        self._guard = threading.Lock()
        self._process: Any = None
        self._pipe: Connection | None = None
        self._replies: OrderedDict[str, bytes] = OrderedDict()
        self._closed = False

    def run(self, job: str, *arguments: Any) -> bytes:
        """Do a job and return its reply; the caller's thread waits.

        Raises
        ------
        BenchBusyError
            If too many wait.
        InputError
            If it took longer, or more memory, than there is.
        PinmarkError
            What the job raised.
        """
        asked = pickle.dumps((job, arguments))
        key = hashlib.sha256(asked).hexdigest()
        if (known := self._remembered(key)) is not None:
            return known
        if not self._places.acquire(blocking=False):
            raise BenchBusyError(
                "the bench has jobs waiting already; ask again when one of them is done"
            )
        try:
            with self._turn:
                reply = self._remembered(key) or self._done(job, asked)
        finally:
            self._places.release()
        with self._guard:
            self._replies[key] = reply
            while len(self._replies) > self._most_remembered:
                self._replies.popitem(last=False)
        return reply

    @property
    def pid(self) -> int | None:
        """The worker's process id, if there is one."""
        alive = self._process is not None and self._process.is_alive()
        return self._process.pid if alive else None

    def close(self) -> None:
        """End the worker; a job at work is given up."""
        self._closed = True
        self._end()

    def _remembered(self, key: str) -> bytes | None:
        with self._guard:
            if key in self._replies:
                self._replies.move_to_end(key)
            return self._replies.get(key)

    def _done(self, job: str, asked: bytes) -> bytes:
        try:
            kind, value = self._asked(job, asked)
        except (EOFError, OSError):
            self._end()
            said = "the service is stopping" if self._closed else "ask for less"
            raise InputError(f"{job} was given up: its process ended; {said}") from None
        if kind == "reply":
            reply: bytes = value
            return reply
        raise _error(*value)

    def _asked(self, job: str, asked: bytes) -> Any:
        """Send a job and wait for its answer; a worker that had just gone idle is replaced once."""
        for again in (False, True):
            pipe = self._worker()
            try:
                pipe.send_bytes(asked)
                if not pipe.poll(self._longest_s):
                    self._end()
                    raise InputError(
                        f"{job} took longer than {self._longest_s:g} s and was given up; "
                        "ask for less"
                    )
                return pickle.loads(pipe.recv_bytes())  # from our own child process
            except (EOFError, OSError):
                if again or self._closed or not self._went_idle():
                    raise
        raise AssertionError("the second time returns or raises")

    def _went_idle(self) -> bool:
        """Tell whether the worker ended as it does when nobody asked: the job was never begun."""
        if self._process is None:
            return False
        self._process.join(DYING_S)
        return bool(self._process.exitcode == 0)

    def _worker(self) -> Connection:
        if self._process is not None and self._process.is_alive() and self._pipe is not None:
            return self._pipe
        self._end()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=work, daemon=True, name=self._name,
            args=(theirs, self._jobs, self._memory_bytes, self._niceness, self._idle_s),
        )  # fmt: skip
        self._process.start()
        theirs.close()
        return self._pipe

    def _end(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._pipe = self._process = None


def work(pipe: Connection, jobs: str, memory_bytes: int, niceness: int, idle_s: float) -> None:
    """Do jobs until the pipe ends or nobody asks: the whole life of the worker."""
    for name in ("OMP", "OPENBLAS", "MKL"):  # before numpy is loaded, in this process alone
        os.environ[f"{name}_NUM_THREADS"] = "1"
    give_back_what_is_freed()
    os.nice(niceness)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    with suppress(OSError):  # a machine out of memory ends this process, not the one that marks
        Path("/proc/self/oom_score_adj").write_text("500", "ascii")
    while True:
        try:
            if not pipe.poll(idle_s):
                return
            job, arguments = pickle.loads(pipe.recv_bytes())  # from the service that spawned us
        except (EOFError, OSError):
            return
        pipe.send_bytes(pickle.dumps(_tried(getattr(import_module(jobs), job), arguments)))


def _tried(job: Callable[..., bytes], arguments: tuple[Any, ...]) -> tuple[str, Any]:
    try:
        return "reply", job(*arguments)
    except PinmarkError as error:
        return "error", (type(error).__name__, str(error))
    except MemoryError:
        return "error", ("InputError", "this takes more memory than the bench has; ask for less")


def _error(name: str, said: str) -> PinmarkError:
    kind = getattr(errors, name, InputError)
    made: PinmarkError = kind(said)
    return made
