"""Serves a virtual controller to the outside: one thread, any byte channel, real time or none.

In: a `Firmware` and a `Channel` (pseudo-terminal, TCP socket). Out: bytes both ways until told
to stop. With ``speed`` the controller's clock follows the wall clock times ``speed``; without,
it is the discrete clock of `Firmware` and moves on by itself once nothing has arrived for
`QUIET_S`. With ``baud`` bytes are paced as on a wire: ten bits each.
"""

from __future__ import annotations

import os
import select
import threading
import time
from typing import Protocol

from firmware_bridge.virtual.firmware import Firmware
from firmware_bridge.virtual.receiving import BITS_A_BYTE

QUIET_S = 0.05
TICK_S = 0.002
CHUNK_BYTES = 4096
UNREAD_LIMIT_BYTES = 1 << 16
"""What nobody reads is lost beyond this, as on a wire with no listener."""


class Channel(Protocol):
    """Where a controller's bytes come from and go to."""

    def descriptors(self) -> list[int]:
        """Return what to wait for with `select`."""

    def read(self) -> bytes:
        """Return what has arrived, ``b""`` if nothing."""

    def write(self, data: bytes) -> int:
        """Take what fits of ``data``; return how much."""

    def hang_up(self) -> None:
        """Cut the connection as a pulled cable does."""

    def close(self) -> None:
        """Give everything back."""


class Server:
    """One firmware behind one channel.

    Parameters
    ----------
    firmware
        Served by this server's thread alone once `start` was called.
    channel
        Closed by `stop`.
    speed
        Controller seconds a wall second, or None for the discrete clock.
    baud
        Pace of the wire (wall clock), None for none.
    """

    def __init__(
        self,
        firmware: Firmware,
        channel: Channel,
        speed: float | None = 1.0,
        baud: int | None = None,
    ) -> None:
        self.firmware, self.channel, self.speed = firmware, channel, speed
        self._byte_s = BITS_A_BYTE / baud if baud else 0.0
        self._wake_read, self._wake_write = os.pipe()
        self._stopping = threading.Event()
        self._unsent, self._arriving = bytearray(), bytearray()
        self._last_line_s = self._paced_s = 0.0
        self._hung_up = False
        self.failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="engraver", daemon=True)

    def start(self) -> Server:
        """Serve in a thread of its own."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and close the channel."""
        self._stopping.set()
        os.write(self._wake_write, b"x")
        self._thread.join()
        self.channel.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            self._serve()
        except Exception as error:  # kept for the owner: a thread has nobody to raise to
            self.failure = error

    def _serve(self) -> None:
        begin_s = self._last_line_s = self._paced_s = time.monotonic()
        while not self._stopping.is_set():
            self._flush()
            self._arriving += self.channel.read() if self._wait() else b""
            if self.speed is not None:
                self.firmware.advance((time.monotonic() - begin_s) * self.speed)
            data = self._due()
            if data:
                self.firmware.receive(data)
            if self.speed is None:
                self._let_rest(data)
            if self.firmware.faults.unplugged and not self._hung_up:
                self._hung_up = True
                self.channel.hang_up()

    def _wait(self) -> bool:
        patience = TICK_S if self.speed is not None or self._arriving else QUIET_S
        patience = TICK_S if self._unsent else patience
        waited = [*self.channel.descriptors(), self._wake_read]
        readable, _, _ = select.select(waited, [], [], patience)
        return any(descriptor != self._wake_read for descriptor in readable)

    def _due(self) -> bytes:
        """Return the bytes that the wire's pace has let through by now."""
        now_s = time.monotonic()
        if not self._byte_s:
            data = bytes(self._arriving)
            self._arriving.clear()
            return data
        if not self._arriving:
            self._paced_s = now_s
            return b""
        count = min(int((now_s - self._paced_s) / self._byte_s), len(self._arriving))
        self._paced_s += count * self._byte_s
        data = bytes(self._arriving[:count])
        del self._arriving[:count]
        return data

    def _let_rest(self, data: bytes) -> None:
        """Let the discrete clock run to the end of motion once no line has come for a while."""
        if data.strip(b"?"):
            self._last_line_s = time.monotonic()
        elif time.monotonic() - self._last_line_s > QUIET_S:
            self.firmware.settle()

    def _flush(self) -> None:
        self._unsent += self.firmware.transmit()
        if len(self._unsent) > UNREAD_LIMIT_BYTES:
            del self._unsent[:-UNREAD_LIMIT_BYTES]
        if self._unsent:
            del self._unsent[: self.channel.write(bytes(self._unsent))]
