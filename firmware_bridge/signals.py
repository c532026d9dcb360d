"""Turns SIGTERM, SIGHUP and Ctrl-C into an orderly abort while a run lasts.

In: a `Control`. Out: the signals' former handlers, given back at the end. Only the main thread
can take signals; elsewhere this does nothing and the caller keeps that duty.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from firmware_bridge.control import Control

STOPPING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


@contextmanager
def signals_abort(control: Control) -> Iterator[None]:
    """Let the stopping signals abort the run of ``control``."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in STOPPING}
    for number in STOPPING:
        signal.signal(number, lambda *_: control.abort())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
