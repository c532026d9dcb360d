"""The side that writes: answers at the station's socket for as long as it holds the lock.

In: open records, and connections of commands run by the same user. Out: one answer each, once what
was asked is on disk. Threads of its own: a command that sends nothing keeps nobody from marking.
"""

from __future__ import annotations

import logging
import os
import socket
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from engraver.errors import InputError, PinmarkError
from station_api.one_writer import wire
from station_api.records import Records

MOST_AT_ONCE = 4
BACKLOG = 64
PATIENCE_S = 10.0
"""How long a command may take to say what it wants, and to take its answer."""

LONGEST_KEY = 128
"""What the column of the keys holds."""

_PEER = struct.Struct("3i")
"""pid, uid, gid of a peer: struct ucred of unix(7)."""

_said = logging.getLogger(__name__)


@contextmanager
def taking_deeds(records: Records, home: Path) -> Iterator[None]:
    """Answer commands until the block ends; the caller holds the station's lock.

    Where no socket can be made, a station goes on without: commands beside it then refuse.
    """
    with wire.address(home) as where:
        try:
            listener = _listen(where)
        except OSError as error:
            said = (
                f"{home / wire.NAME} cannot be made ({error.strerror}): commands beside this one "
            )
            _said.warning("%swill refuse what they would have to record", said)
            yield
            return
        clerk = _Clerk(listener, records, home)
        thread = threading.Thread(target=clerk.take_all, name="one writer", daemon=True)
        thread.start()
        try:
            yield
        finally:
            with suppress(OSError):
                Path(where).unlink()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes `accept`, which closing does not
            thread.join()
            listener.close()


def _listen(where: str) -> socket.socket:
    with suppress(FileNotFoundError):
        Path(
            where
        ).unlink()  # of a process that was killed: the lock is ours, so nobody answers there
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(where)
        Path(where).chmod(0o600)  # before anybody can connect: nobody listens yet
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


class _Clerk:
    """Takes deeds, does them, answers."""

    def __init__(self, listener: socket.socket, records: Records, home: Path) -> None:
        self._listener = listener
        self._records = records
        self._home = home

    def take_all(self) -> None:
        """Answer whoever connects, until the listener is shut down; end what was begun."""
        with ThreadPoolExecutor(MOST_AT_ONCE, "one writer") as threads:
            while True:
                try:
                    peer, _ = self._listener.accept()
                except ConnectionAbortedError:
                    continue
                except OSError:
                    return
                threads.submit(self._serve, peer)

    def _serve(self, peer: socket.socket) -> None:
        with peer, suppress(OSError):  # it hung up; what it asked for is done or not begun
            try:
                if (asked := self._heard(peer)) is None:
                    return
                answer = {"done": self._do(asked)}
            except TimeoutError:
                return
            except PinmarkError as error:
                answer = {"refused": str(error), "kind": type(error).__name__}
            except Exception as error:  # nothing of it was recorded: its transaction is gone
                _said.exception("a command asked for what cannot be recorded")
                said = f"it cannot be recorded ({type(error).__name__}: {error})"
                answer = {"refused": said, "kind": InputError.__name__}
            peer.settimeout(PATIENCE_S)
            wire.send(peer, answer)

    def _heard(self, peer: socket.socket) -> dict[str, Any] | None:
        given = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        uid = _PEER.unpack(given)[1]
        if uid not in (0, os.geteuid()):
            raise InputError(
                f"this station is user {os.geteuid()}'s, you are {uid}; run the command as its user"
            )
        return wire.receive(peer, PATIENCE_S)

    def _do(self, asked: dict[str, Any]) -> Any:
        # imported by who is asked: every command holds the lock, few are ever asked
        from station_api.one_writer.deeds import do

        named = [asked.get(name) for name in ("deed", "key")]
        fields = asked.get("fields")
        if asked.get("version") != wire.VERSION:
            raise InputError(
                f"this process is pinmark {version('pinmark')} and does not know the question; "
                "end it and start it again with the pinmark that asks"
            )
        if not all(isinstance(one, str) for one in named) or not isinstance(fields, dict):
            raise InputError("a question names its deed, its key and its fields")
        if len(str(named[1])) > LONGEST_KEY:
            raise InputError(f"a key has at most {LONGEST_KEY} characters")
        return do(self._records, self._home, str(named[0]), str(named[1]), fields)
