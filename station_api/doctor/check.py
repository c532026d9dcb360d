"""One thing looked at: its state, what was found, what to do.

In: nothing. Out: `Check`, and the decorator-free way to make them: `ok`, `warning`, `fault`,
`skipped`. What is found is said in one line without serials, codes, names or secrets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a thing stands. ``skipped``: it could not be looked at now, and why."""

    OK = "ok"
    SKIPPED = "skipped"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. ``remedy`` is empty only where nothing has to be done."""

    name: str
    state: State
    found: str
    remedy: str = ""


def ok(name: str, found: str) -> Check:
    """Return a thing in order."""
    return Check(name, State.OK, found)


def skipped(name: str, found: str, remedy: str) -> Check:
    """Return a thing that was not looked at."""
    return Check(name, State.SKIPPED, found, remedy)


def warning(name: str, found: str, remedy: str) -> Check:
    """Return a thing that will become a fault."""
    return Check(name, State.WARNING, found, remedy)


def fault(name: str, found: str, remedy: str) -> Check:
    """Return a thing that is out of order."""
    return Check(name, State.FAULT, found, remedy)


def worst(checks: Iterable[Check]) -> State:
    """Return the gravest state among checks.

    >>> worst([ok("disk", "90 GB free"), warning("backup", "30 h old", "make one")]).value
    'warning'
    """
    order = list(State)
    return max((check.state for check in checks), key=order.index, default=State.OK)
