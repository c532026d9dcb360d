"""The socket by which a command asks the process that writes: where it is, what crosses it.

In: a station's folder. Out: sockets, and one JSON object each way, each ended by a line feed and
the end of what is sent. The socket is its owner's alone (0600), as the database is: who may connect
could have written the file. Authority: unix(7), sun_path holds 108 bytes with the zero.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

VERSION = 1
NAME = "station.sock"
LONGEST_PATH = 107
MOST_BYTES = 32 << 20
"""Most bytes of one deed: an answer with its thousand candidates has some two million."""

PIECE = 1 << 16


@contextmanager
def address(home: Path) -> Iterator[str]:
    """Give the socket's address; for a long path one through the folder's own descriptor."""
    path = str(home / NAME)
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield path
        return
    folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{NAME}"
    finally:
        os.close(folder)


def send(peer: socket.socket, message: dict[str, Any]) -> None:
    """Send one message, and say that nothing follows."""
    peer.sendall(json.dumps(message).encode() + b"\n")
    peer.shutdown(socket.SHUT_WR)


def receive(peer: socket.socket, patience_s: float) -> dict[str, Any] | None:
    """Read the one message of a peer; ``None`` if it ended before it was whole.

    Raises
    ------
    TimeoutError
        If it was not whole in time.
    ValueError
        If it is none, or longer than `MOST_BYTES`.
    """
    until, held = time.monotonic() + patience_s, bytearray()
    while True:
        peer.settimeout(max(until - time.monotonic(), 0.001))
        piece = peer.recv(PIECE)
        if not piece:
            break
        held += piece
        if len(held) > MOST_BYTES:
            raise ValueError(f"a message of more than {MOST_BYTES} bytes")
        if time.monotonic() > until:
            raise TimeoutError
    if not held.endswith(b"\n"):
        return None
    message = json.loads(held)
    if not isinstance(message, dict):
        raise ValueError("a message that is no object")
    return message
