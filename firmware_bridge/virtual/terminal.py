"""The virtual engraver on a pseudo-terminal: real bytes in and out, real time or none.

In: a `Firmware` and a path. Out: the path is a link to a terminal that pyserial opens like a
serial port, served by one thread until told to stop. With ``speed`` the controller's clock
follows the wall clock times ``speed``; without, it is the discrete clock of `Firmware` and
moves on by itself once nothing has arrived for `QUIET_S`.
"""

from __future__ import annotations

import os
import pty
import select
import threading
import time
import tty
from pathlib import Path

from engraver.errors import PortError
from firmware_bridge.virtual.firmware import Firmware

QUIET_S = 0.05
TICK_S = 0.002
CHUNK_BYTES = 4096
UNREAD_LIMIT_BYTES = 1 << 16
"""What nobody reads is lost beyond this, as on a wire with no listener."""


class Terminal:
    """One firmware behind one pseudo-terminal.

    Parameters
    ----------
    firmware
        Served by this terminal's thread alone once `start` was called.
    path
        Becomes a symbolic link to the terminal's device; removed by `stop`.
    speed
        Controller seconds a wall second, or None for the discrete clock.
    """

    def __init__(self, firmware: Firmware, path: Path, speed: float | None = 1.0) -> None:
        self.firmware, self.path, self.speed = firmware, path, speed
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._wake_read, self._wake_write = os.pipe()
        self._stopping = threading.Event()
        self._unsent = bytearray()
        self._last_line_s = 0.0
        self.failure: Exception | None = None
        self._link()
        self._thread = threading.Thread(target=self._run, name="engraver", daemon=True)

    def _link(self) -> None:
        device = os.ttyname(self._slave)
        if self.path.exists() and not self.path.is_symlink():
            raise PortError(f"{self.path} exists and is no link; choose another --pty path")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        draft.symlink_to(device)
        draft.replace(self.path)

    def start(self) -> Terminal:
        """Serve in a thread of its own."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving, remove the link, hang up."""
        self._stopping.set()
        os.write(self._wake_write, b"x")
        self._thread.join()
        if self.path.is_symlink() and str(self.path.readlink()) == os.ttyname(self._slave):
            self.path.unlink()
        for descriptor in (self._slave, self._master, self._wake_read, self._wake_write):
            os.close(descriptor)

    def __enter__(self) -> Terminal:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            self._serve()
        except Exception as error:  # kept for the owner: a thread has nobody to raise to
            self.failure = error

    def _serve(self) -> None:
        begin_s = self._last_line_s = time.monotonic()
        while not self._stopping.is_set():
            self._flush()
            readable = self._wait()
            if self.speed is not None:
                self.firmware.advance((time.monotonic() - begin_s) * self.speed)
            data = self._read() if readable else b""
            if data:
                self.firmware.receive(data)
            if self.speed is None:
                self._let_rest(data)

    def _wait(self) -> bool:
        writers = [self._master] if self._unsent else []
        patience = TICK_S if self.speed is not None else QUIET_S
        readable, _, _ = select.select([self._master, self._wake_read], writers, [], patience)
        return self._master in readable

    def _let_rest(self, data: bytes) -> None:
        """Let the discrete clock run to the end of motion once no line has come for a while."""
        if data.strip(b"?"):
            self._last_line_s = time.monotonic()
        elif time.monotonic() - self._last_line_s > QUIET_S:
            self.firmware.settle()

    def _read(self) -> bytes:
        try:
            return os.read(self._master, CHUNK_BYTES)
        except BlockingIOError:
            return b""

    def _flush(self) -> None:
        self._unsent += self.firmware.transmit()
        if len(self._unsent) > UNREAD_LIMIT_BYTES:
            del self._unsent[:-UNREAD_LIMIT_BYTES]
        if not self._unsent:
            return
        try:
            del self._unsent[: os.write(self._master, self._unsent)]
        except BlockingIOError:
            return
