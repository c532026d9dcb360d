"""What a scanner of the station is: contents read one after the other, and how it is lost.

In: bytes or keys of a device. Out: one text a scan. A content is whole or not at all: what was
not ended by the scanner's own suffix (CR, LF or Enter) names nothing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

LONGEST = 1024
"""Characters of a content; what is longer is dropped and said."""

UNFINISHED_S = 2.0
"""A content is dropped if nothing came for this long and it was not ended: within a content a
scanner stands still for no more than its interval, 1 to 10 ms, though a long one takes seconds."""


class Scanner(Protocol):
    """A scanner of the station; one thread calls it, `close` last."""

    name: str
    device: str

    def read(self, timeout_s: float) -> str | None:
        """Return the next content, ``None`` if none came in time.

        Raises
        ------
        PortLostError
            If the scanner is gone; open it again.
        InputError
            If something came that was no whole content; the next one is read as ever.
        """

    def close(self) -> None:
        """Let go of the device."""


class Lines:
    """Characters as they come -> whole contents; what is too long or never ended is dropped."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._begun: list[str] = []
        self._newest_s = 0.0
        self._spoilt = False
        self._whole: deque[str] = deque()
        self._wrong: deque[str] = deque()

    def add(self, character: str) -> None:
        """Take one character; CR and LF end a content."""
        if character in "\r\n":
            self._end()
        elif self._spoilt:
            return
        elif len(self._begun) == LONGEST:
            self.spoil(f"a scan of more than {LONGEST} characters was dropped; scan again")
        else:
            self._newest_s = self._now_s()
            self._begun.append(character)

    def spoil(self, why: str) -> None:
        """Drop what was begun, and its rest up to its end: part of it was lost."""
        self._begun, self._spoilt = [], True
        self._wrong.append(why)

    def next(self) -> str | None:
        """Return the next whole content; raise ValueError for one that was dropped."""
        if self._begun and self._now_s() - self._newest_s > UNFINISHED_S:
            self.spoil(
                "a scan was not ended by Enter and was dropped; set the scanner's suffix to CR"
            )
        if self._wrong:
            raise ValueError(self._wrong.popleft())
        return self._whole.popleft() if self._whole else None

    def _end(self) -> None:
        if self._begun:
            self._whole.append("".join(self._begun))
        self._begun, self._spoilt = [], False
