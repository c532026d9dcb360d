"""The port: a byte stream to one controller, owned by one thread of one process.

In: a device name or URL (``/dev/ttyUSB0``, ``socket://host:port``, ``rfc2217://host:port``).
Out: `Port`. A device is opened exclusively, with DTR low so that a board is not reset where
the driver allows it. Authority: pyserial 3.5; grbl's wiring resets an Arduino on DTR.
"""

from __future__ import annotations

import os
import select
import termios
import time
from types import TracebackType
from typing import Protocol

import serial

from engraver.errors import PortError, PortLostError
from firmware_bridge.tcp import TcpPort

WRITE_PATIENCE_S = 5.0
TURN_S = 0.002


class Port(Protocol):
    """What the bridge asks of a port; every method is called by the owning thread alone."""

    name: str

    def read(self, timeout_s: float) -> bytes:
        """Return bytes as soon as there are any, ``b""`` after ``timeout_s`` without."""

    def write(self, data: bytes) -> None:
        """Hand ``data`` to the wire, all of it."""

    def now_s(self) -> float:
        """Return the clock by which this port's conversations are timed."""

    def wake(self) -> None:
        """End a `read` that waits in another thread (the one method others may call)."""

    def close(self) -> None:
        """Release the port."""

    def __enter__(self) -> Port:
        """Return itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release the port."""


class SerialPort:
    """A `Port` on pyserial.

    A local device is waited for with `select`: setting pyserial's timeout reconfigures the
    port each time. An RFC 2217 client has a thread and a queue of its own and is asked in
    short turns.
    """

    def __init__(self, device: serial.Serial, name: str) -> None:
        self.name = name
        self._device = device
        self._local = "://" not in name
        self._wake_read, self._wake_write = os.pipe()

    def read(self, timeout_s: float) -> bytes:
        """Return what has arrived; PortLostError where the device is gone."""
        try:
            if not self._wait(timeout_s):
                return b""
            return bytes(self._device.read(self._device.in_waiting or 1))
        except (OSError, TypeError, termios.error) as error:
            raise PortLostError(f"{self.name} is gone while reading: {error}") from error

    def _wait(self, timeout_s: float) -> bool:
        """Wait until there is something to read, at most ``timeout_s``."""
        if not self._local:
            return self._wait_in_turns(timeout_s)
        ready, _, _ = select.select([self._device.fileno(), self._wake_read], [], [], timeout_s)
        if self._wake_read in ready:
            os.read(self._wake_read, 4096)
        return self._device.fileno() in ready

    def _wait_in_turns(self, timeout_s: float) -> bool:
        until_s = self.now_s() + timeout_s
        while not self._device.in_waiting:
            left_s = until_s - self.now_s()
            if left_s <= 0:
                return False
            ready, _, _ = select.select([self._wake_read], [], [], min(left_s, TURN_S))
            if ready:
                os.read(self._wake_read, 4096)
                return False
        return True

    def write(self, data: bytes) -> None:
        """Write all of ``data``; PortLostError where the device is gone or stuck."""
        try:
            self._device.write(data)
        except (OSError, TypeError, termios.error) as error:
            raise PortLostError(f"{self.name} is gone while writing: {error}") from error

    def now_s(self) -> float:
        """Return the monotonic clock."""
        return time.monotonic()

    def wake(self) -> None:
        """End a waiting `read`."""
        os.write(self._wake_write, b"x")

    def close(self) -> None:
        """Release the port."""
        self._device.close()
        for descriptor in (self._wake_read, self._wake_write):
            os.close(descriptor)

    def __enter__(self) -> SerialPort:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_port(url: str, baud: int = 115200) -> Port:
    """Open ``url`` at ``baud`` for this process alone.

    Raises
    ------
    PortError
        If there is no such port, or another process has it.
    """
    if url.startswith("socket://"):
        return TcpPort(url)
    try:
        device = serial.serial_for_url(url, do_not_open=True, baudrate=baud)
        if "://" not in url:
            device.timeout = 0
            device.write_timeout = WRITE_PATIENCE_S
            device.exclusive = True
            device.dtr = False
        device.open()
    except (OSError, ValueError) as error:
        raise PortError(_explain(url, error)) from error
    return SerialPort(device, url)


def _explain(url: str, error: Exception) -> str:
    if "://" not in url and not os.path.lexists(url):
        return f"port {url} does not exist; plug the controller in or name another --port"
    text = str(error)
    if "lock" in text or "busy" in text.lower() or "temporarily unavailable" in text:
        return f"port {url} is busy: another program has it open; close that program first"
    return f"port {url} cannot be opened ({text}); name the serial device of a controller"
