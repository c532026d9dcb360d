"""Memory of a small board: what is freed goes back to the machine, what stands is left alone.

In: nothing. Out: nothing; glibc's malloc is told once, at the start of the service and of its
workers. By itself it keeps one heap a thread, up to eight a core, and raises the size from which a
block is mapped on its own with every large array that is freed: the figures of a plan, tens of
megabytes, then stay. Authority: mallopt(3). Elsewhere (musl) nothing happens.
"""

from __future__ import annotations

import ctypes
import gc

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""Parameters of mallopt(3), from malloc.h."""
ARENAS, LARGE_BYTES = 2, 256 * 1024


def give_back_what_is_freed() -> bool:
    """Tell malloc to keep few heaps and no large blocks; return whether it listened."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    told = {M_ARENA_MAX: ARENAS, M_MMAP_THRESHOLD: LARGE_BYTES, M_TRIM_THRESHOLD: LARGE_BYTES}
    heard = [mallopt(name, value) == 1 for name, value in told.items()]
    return all(heard)


def look_for_no_garbage_in_what_stands() -> None:
    """Take all objects there are out of every later search for garbage.

    Some 160,000 stand when the service is ready (modules, routes, models), and the interpreter
    looks through all of them now and then: 93 ms on the machine of the benchmarks, in which the
    event loop answers nobody.
    """
    gc.freeze()
