"""The virtual engraver behind a TCP socket, raw or as RFC 2217 (serial port over Telnet).

In: a port number (0 takes a free one). Out: channels for `firmware_bridge.virtual.serving`.
One client at a time; the next one takes over. The Telnet side answers what pyserial's client
asks (baud rate, data bits, parity, stop bits, control lines, purge) and nothing more.
Authority: RFC 854, RFC 2217; pyserial 3.5 rfc2217.PortManager for the server's side.
"""

from __future__ import annotations

import socket
from typing import Any

import serial
from serial.rfc2217 import PortManager

from firmware_bridge.virtual.serving import CHUNK_BYTES


class SocketChannel:
    """A listening socket and at most one client: raw bytes."""

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self._listener = socket.create_server((host, port))
        self._listener.setblocking(False)
        self._client: socket.socket | None = None
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        """What `open_port` takes."""
        return f"socket://127.0.0.1:{self.port}"

    def descriptors(self) -> list[int]:
        """Return listener and client."""
        found = [self._listener.fileno()]
        return found if self._client is None else [*found, self._client.fileno()]

    def read(self) -> bytes:
        """Accept who knocks; return what the client has sent."""
        self._accept()
        if self._client is None:
            return b""
        try:
            data = self._client.recv(CHUNK_BYTES)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self.hang_up()
        return self._inwards(data)

    def write(self, data: bytes) -> int:
        """Hand over ``data``; without a client it is lost."""
        if self._client is None:
            return len(data)
        try:
            wrapped = self._outwards(data)
            self._client.settimeout(1.0)
            self._client.sendall(wrapped)
            self._client.setblocking(False)
        except OSError:
            self.hang_up()
        return len(data)

    def hang_up(self) -> None:
        """Close the client's connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def close(self) -> None:
        """Close both."""
        self.hang_up()
        self._listener.close()

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except BlockingIOError:
            return
        self.hang_up()
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client = client
        self._greet()

    def _greet(self) -> None:
        """Begin a conversation; a raw one needs nothing."""

    def _inwards(self, data: bytes) -> bytes:
        return data

    def _outwards(self, data: bytes) -> bytes:
        return data


class Rfc2217Channel(SocketChannel):
    """The same behind Telnet with the COM port option."""

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        super().__init__(port, host)
        lines: Any = serial.serial_for_url("loop://")
        self._lines = lines  # remembers what the client sets
        self._manager: PortManager | None = None

    @property
    def url(self) -> str:
        """What `open_port` takes."""
        return f"rfc2217://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Close everything."""
        super().close()
        self._lines.close()

    def _greet(self) -> None:
        if self._client is not None:
            connection: Any = _ManagerConnection(self._client)
            self._manager = PortManager(self._lines, connection)

    def _inwards(self, data: bytes) -> bytes:
        return b"".join(self._manager.filter(data)) if self._manager else data

    def _outwards(self, data: bytes) -> bytes:
        return b"".join(self._manager.escape(data)) if self._manager else data


class _ManagerConnection:
    """What pyserial's PortManager writes its own answers to."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client

    def write(self, data: bytes) -> None:
        """Send an answer of the Telnet layer."""
        self._client.settimeout(1.0)
        self._client.sendall(data)
        self._client.setblocking(False)
