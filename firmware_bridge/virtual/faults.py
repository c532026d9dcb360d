"""Faults on demand: what wires, controllers and people do to a job.

In: texts such as ``ack-lost@500``: the kind, and the job line (counted from 1, check mode not
counted) at which it strikes. Out: `Faults`, which the firmware and its transport ask at the
places where each kind bites. A fault strikes once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engraver.errors import InputError

KINDS = {
    "error": "the line is refused with error:20 and not executed",
    "alarm": "a limit switch: ALARM:1, motion stops dead, the controller is locked",
    "reset": "a soft reset out of the blue: banner in the middle of the job",
    "power-cycle": "the controller restarts: banner, position zero where it stands",
    "ack-lost": "the line's ok never arrives",
    "ack-doubled": "the line's ok arrives twice",
    "ack-garbled": "the line's ok arrives as rubbish",
    "ack-newline-lost": "the line's ok fuses with what the controller says next",
    "newline-lost": "the line's LF is lost: it fuses with the next one",
    "line-lost": "the whole line is lost on its way",
    "door": "the safety door opens",
    "hold": "somebody presses feed hold",
    "unplug": "the cable is pulled; the controller runs on",
    "silent": "the controller says nothing any more; it runs on",
    "wrong-settings": "from the start: $30, $32 and $100 differ from the profile",
    "wrong-firmware": "from the start: the banner and $I are of an unknown firmware",
}
AT_START = ("wrong-settings", "wrong-firmware")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: its kind and the job line at which it strikes."""

    kind: str
    line: int = 0


def parse_fault(text: str) -> Fault:
    """Read ``KIND@LINE`` (or ``KIND`` where it is there from the start).

    Raises
    ------
    InputError
        Naming the known kinds.

    Examples
    --------
    >>> parse_fault("ack-lost@500")
    Fault(kind='ack-lost', line=500)
    """
    kind, _, line = text.partition("@")
    if kind not in KINDS:
        raise InputError(f"fault {kind!r} is unknown; known: {', '.join(KINDS)}")
    if kind in AT_START and not line:
        return Fault(kind)
    if not line.isdecimal() or not int(line):
        raise InputError(f"fault {text!r} needs the line it strikes at, such as {kind}@500")
    return Fault(kind, int(line))


class Faults:
    """The faults still to come, and the lasting effects of those that struck."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._coming = set(faults)
        self.struck: list[Fault] = []
        self.unplugged = False
        self.silent = False

    def __bool__(self) -> bool:
        return bool(self._coming)

    def strike(self, line: int, *kinds: str) -> str | None:
        """Return which of ``kinds`` strikes at job line ``line``, and spend it."""
        if not self._coming:
            return None
        for kind in kinds:
            fault = Fault(kind, line)
            if fault in self._coming:
                self._coming.discard(fault)
                self.struck.append(fault)
                return kind
        return None

    def from_start(self, kind: str) -> bool:
        """Whether a fault of the start-up kind is wanted."""
        return any(fault.kind == kind for fault in self._coming)
