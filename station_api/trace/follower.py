"""Keeps the trace index up with the log while the service runs.

In: a desk. Out: an index that has every new code within a second, so that a search finds little
left to read. A search does not rely on it: it catches up by itself.
"""

from __future__ import annotations

import threading

from station_api.trace.desk import Desk

LOOK_S = 1.0


class Follower:
    """A thread that catches up whenever the log has grown."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="pinmark-trace", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """End, once what is being read is read."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _follow(self) -> None:
        while not self._stop.is_set():
            self._desk.keep_up_quietly()
            self._stop.wait(LOOK_S)
