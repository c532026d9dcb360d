"""The port: a byte stream to one controller, owned by one thread of one process.

In: a device name or URL (``/dev/ttyUSB0``, ``socket://host:port``, ``rfc2217://host:port``).
Out: `Port`. A device is opened exclusively, with DTR low so that a board is not reset where
the driver allows it. Authority: pyserial 3.5; grbl's wiring resets an Arduino on DTR.
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import Protocol

import serial

from engraver.errors import PortError, PortLostError

WRITE_PATIENCE_S = 5.0


class Port(Protocol):
    """What the bridge asks of a port; every method is called by the owning thread alone."""

    name: str

    def read(self, timeout_s: float) -> bytes:
        """Return bytes as soon as there are any, ``b""`` after ``timeout_s`` without."""

    def write(self, data: bytes) -> None:
        """Hand ``data`` to the wire, all of it."""

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
    """A `Port` on pyserial."""

    def __init__(self, device: serial.Serial, name: str) -> None:
        self.name = name
        self._device = device

    def read(self, timeout_s: float) -> bytes:
        """Return what has arrived; PortLostError where the device is gone."""
        try:
            self._device.timeout = timeout_s
            first = self._device.read(1)
            waiting = self._device.in_waiting if first else 0
            return bytes(first + self._device.read(waiting)) if waiting else bytes(first)
        except (OSError, TypeError) as error:
            raise PortLostError(f"{self.name} is gone while reading: {error}") from error

    def write(self, data: bytes) -> None:
        """Write all of ``data``; PortLostError where the device is gone or stuck."""
        try:
            self._device.write(data)
        except (OSError, TypeError) as error:
            raise PortLostError(f"{self.name} is gone while writing: {error}") from error

    def wake(self) -> None:
        """End a waiting `read`, where the driver can."""
        cancel = getattr(self._device, "cancel_read", None)
        if cancel is not None:
            cancel()

    def close(self) -> None:
        """Release the port."""
        self._device.close()

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
    try:
        device = serial.serial_for_url(url, do_not_open=True, baudrate=baud)
        device.write_timeout = WRITE_PATIENCE_S
        if "://" not in url:
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
    return f"port {url} cannot be opened: {text}"
