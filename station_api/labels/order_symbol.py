"""The symbol of a work order, on the paper that goes with the part: text with version and check.

In: number and serial of an order. Out: ``PINMARK1/WO-2027-0001/ZQ0042/F5C71002``, and back.
Authority: docs/formats/order-symbol.md. The check is CRC-32 (ISO-HDLC, as in zip): what the bar
code's own error correction lets through is mostly the scanner's keyboard layout.
"""

from __future__ import annotations

import re
import zlib
from urllib.parse import quote, unquote

from engraver.errors import InputError

VERSION = 1
_HEAD = re.compile(r"PINMARK(\d{1,3})(?![0-9A-Z])", re.IGNORECASE)
_PART = re.compile(r"(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+")


def write_symbol(order_id: str, serial: str) -> str:
    """Return the text of an order's symbol.

    Examples
    --------
    >>> write_symbol("WO-2027-0001", "ZQ0042")
    'PINMARK1/WO-2027-0001/ZQ0042/F5C71002'
    """
    body = f"PINMARK{VERSION}/{quote(order_id, safe='')}/{quote(serial, safe='')}/"
    return body + _check(body)


def is_symbol(text: str) -> bool:
    """Return whether a text means to be the symbol of a work order, of any version, sound or not.

    Examples
    --------
    >>> is_symbol("pinmark1-WO"), is_symbol("PINMARKER"), is_symbol("ZQ0042")
    (True, False, False)
    """
    return _HEAD.match(text) is not None


def read_symbol(text: str) -> tuple[str, str]:
    """Return number and serial of the order that a symbol names.

    Raises
    ------
    InputError
        If it is of another version, cut short, or its check does not fit.

    Examples
    --------
    >>> read_symbol("PINMARK1/WO-2027-0001/ZQ0042/F5C71002")
    ('WO-2027-0001', 'ZQ0042')
    """
    head = _HEAD.match(text)
    if head is not None and int(head[1]) != VERSION:
        raise InputError(
            f"the work order's symbol is of version {head[1]}, this pinmark reads version "
            f"{VERSION}; print the order again here, or type its number"
        )
    parts = text.split("/")
    if len(parts) != 4 or not all(_PART.fullmatch(part) for part in parts):
        raise InputError(
            f"the work order's symbol reads {text[:80]!r}: cut short, or typed by a scanner with "
            "another keyboard layout; scan it again, or set the scanner to the layout in use"
        )
    wanted = _check(text[: text.rindex("/") + 1])
    if parts[3] != wanted:
        raise InputError(
            f"the work order's symbol has the check {parts[3]}, {wanted} was expected; scan it "
            "again, and if it stays so set the scanner to the keyboard layout in use"
        )
    return unquote(parts[1]), unquote(parts[2])


def _check(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08X}"
