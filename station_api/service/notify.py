"""Tell systemd how the service stands: sd_notify(3), written on its socket.

In: the variables that systemd sets. Out: datagrams such as ``READY=1``. Outside systemd nothing is
sent. Written here because it is one datagram, and the library for it needs a C compiler.
"""

from __future__ import annotations

import os
import socket


def notify(*lines: str) -> bool:
    """Send lines to systemd; return whether there was anybody to send them to."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker:
            speaker.setblocking(False)  # the event loop waits for nobody, not even for systemd
            speaker.sendto("\n".join(lines).encode(), address)
    except OSError:
        return False  # systemd sees silence as what it is
    return True


def watchdog_s() -> float | None:
    """Return how long systemd waits between two signs of life; ``None`` if it does not.

    >>> watchdog_s() is None
    True
    """
    usec, pid = os.environ.get("WATCHDOG_USEC"), os.environ.get("WATCHDOG_PID")
    if not usec or not usec.isdecimal() or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 1e6
