"""A work order: who asked for which mark on what.

In: texts as people and scanners write them. Out: `WorkOrder`, normalised, so that one
firearm has one identity however it was typed. Authority: the serial is the one of
27 CFR 478.92 on the frame; a microstamp repeats it, never replaces it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from engraver.errors import OrderError

LONGEST_TEXT = 64
_SERIAL = re.compile(r"[0-9A-Z](?:[0-9A-Z ./_-]*[0-9A-Z])?")
_NAME = re.compile(r"[0-9A-Z](?:[0-9A-Z &'().,/_+-]*[0-9A-Z).+])?")


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """One firearm to mark.

    Parameters
    ----------
    order_id
        The plant's own number of this order; free text, one line.
    make, model, serial
        Normalised identity: upper case, single spaces, ASCII (see `normalise_name`,
        `normalise_serial`).
    recipe
        Name of the recipe in hardware/recipes that says how to mark it.
    """

    order_id: str
    make: str
    model: str
    serial: str
    recipe: str


def normalise_serial(text: str) -> str:
    """Fold a serial to its one identity: NFKC, trimmed, upper case.

    Raises
    ------
    OrderError
        If anything but letters, digits, and inner ``space . / _ -`` remains.

    Examples
    --------
    >>> normalise_serial(" zq1-００42 ")
    'ZQ1-0042'
    """
    return _normalise(text, "serial", _SERIAL, "A-Z, 0-9 and inner space . / _ -")


def normalise_name(text: str, what: str) -> str:
    """Fold a make or a model to its one spelling: NFKC, single spaces, upper case.

    Examples
    --------
    >>> normalise_name("Example  Arms", "make")
    'EXAMPLE ARMS'
    """
    return _normalise(text, what, _NAME, "A-Z, 0-9 and inner space & ' ( ) . , / _ + -")


def _normalise(text: str, what: str, allowed: re.Pattern[str], alphabet: str) -> str:
    if not isinstance(text, str):
        raise OrderError(f"{what} {text!r} is not a text; write it in quotes")
    folded = " ".join(unicodedata.normalize("NFKC", text).upper().split())
    if not folded:
        raise OrderError(f"{what} is empty; give the {what} as the registry spells it")
    if len(folded) > LONGEST_TEXT:
        raise OrderError(f"{what} has {len(folded)} characters, at most {LONGEST_TEXT} are allowed")
    if not allowed.fullmatch(folded):
        raise OrderError(f"{what} {text!r} has a character outside {alphabet}; correct the {what}")
    return folded
