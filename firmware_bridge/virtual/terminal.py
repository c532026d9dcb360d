"""The virtual engraver on a pseudo-terminal, which pyserial opens like a serial port.

In: a `Firmware` and a path. Out: the path is a link to the terminal's device, served by one
thread (`firmware_bridge.virtual.serving`) until told to stop. A pulled cable is played by
closing the device; after `BACK_S` the path leads to a new one, as when a cable is put back.
"""

from __future__ import annotations

import os
import pty
import time
import tty
from pathlib import Path

from engraver.errors import PortError
from firmware_bridge.virtual.firmware import Firmware
from firmware_bridge.virtual.serving import CHUNK_BYTES, Server

BACK_S = 1.0


class PtyChannel:
    """A pseudo-terminal under a chosen name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._away_since_s: float | None = None
        self._open()

    def _open(self) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._device = os.ttyname(self._slave)
        if self.path.exists() and not self.path.is_symlink():
            raise PortError(f"{self.path} exists and is no link; choose another --pty path")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        draft.symlink_to(self._device)
        draft.replace(self.path)

    def descriptors(self) -> list[int]:
        """Return the terminal's own end; none while the cable is out."""
        if self._away_since_s is not None:
            if time.monotonic() - self._away_since_s < BACK_S:
                return []
            self._away_since_s = None
            self._open()
        return [self._master]

    def read(self) -> bytes:
        """Return what a host has written."""
        try:
            return os.read(self._master, CHUNK_BYTES)
        except BlockingIOError:
            return b""

    def write(self, data: bytes) -> int:
        """Hand over what fits; without a cable everything is lost."""
        if self._away_since_s is not None:
            return len(data)
        try:
            return os.write(self._master, data)
        except BlockingIOError:
            return 0

    def hang_up(self) -> None:
        """Pull the cable: hosts get an error, the path is gone, for `BACK_S`."""
        self.close()
        self._away_since_s = time.monotonic()

    def close(self) -> None:
        """Remove the link and the terminal."""
        if self._away_since_s is not None:
            return
        if self.path.is_symlink() and str(self.path.readlink()) == self._device:
            self.path.unlink()
        os.close(self._slave)
        os.close(self._master)


class Terminal(Server):
    """One firmware behind one pseudo-terminal named ``path``."""

    def __init__(
        self,
        firmware: Firmware,
        path: Path,
        speed: float | None = 1.0,
        baud: int | None = None,
    ) -> None:
        self.path = path
        super().__init__(firmware, PtyChannel(path), speed, baud)

    def __enter__(self) -> Terminal:
        self.start()
        return self
