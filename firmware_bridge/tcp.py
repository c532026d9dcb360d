"""A raw TCP port (``socket://host:port``): a controller behind a network, FluidNC for instance.

In: a URL. Out: a `firmware_bridge.port.Port` that wakes as soon as bytes arrive. pyserial's own
socket handler tells only whether there is a byte, not how many, and cannot be woken.
"""

from __future__ import annotations

import os
import select
import socket
import time
from types import TracebackType
from urllib.parse import urlsplit

from engraver.errors import PortError, PortLostError

CONNECT_PATIENCE_S = 5.0
CHUNK_BYTES = 4096


class TcpPort:
    """One TCP connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.hostname is None or parts.port is None:
            raise PortError(f"{url} names no host and port; write socket://host:port")
        self.name = url
        try:
            address = (parts.hostname, parts.port)
            self._socket = socket.create_connection(address, CONNECT_PATIENCE_S)
        except OSError as error:
            raise PortError(f"port {url} cannot be opened: {error}; is it on?") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._wake_read, self._wake_write = os.pipe()

    def read(self, timeout_s: float) -> bytes:
        """Return what has arrived; PortLostError where the peer has hung up."""
        watched = [self._socket.fileno(), self._wake_read]
        ready, _, _ = select.select(watched, [], [], timeout_s)
        if self._wake_read in ready:
            os.read(self._wake_read, CHUNK_BYTES)
        if self._socket.fileno() not in ready:
            return b""
        try:
            data = self._socket.recv(CHUNK_BYTES)
        except OSError as error:
            raise PortLostError(f"{self.name} is gone while reading: {error}") from error
        if not data:
            raise PortLostError(f"{self.name} was closed by its other end")
        return data

    def write(self, data: bytes) -> None:
        """Send all of ``data``."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise PortLostError(f"{self.name} is gone while writing: {error}") from error

    def now_s(self) -> float:
        """Return the monotonic clock."""
        return time.monotonic()

    def wake(self) -> None:
        """End a waiting `read`."""
        os.write(self._wake_write, b"x")

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
        for descriptor in (self._wake_read, self._wake_write):
            os.close(descriptor)

    def __enter__(self) -> TcpPort:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
