"""Codes as people type them: text -> `MarkCode`, nothing decoded, nothing looked up.

In: symbols. Out: a code without an index (-1), for trials, plans and inspections.
"""

from __future__ import annotations

from engraver.codes import FORMATS, MarkCode
from engraver.errors import CodeError


def mark_code(text: str) -> MarkCode:
    """Take symbols as they are typed; nothing is decoded, so a trial text may be engraved.

    Raises
    ------
    CodeError
        If no format has that many symbols.
    """
    symbols = text.strip().upper()
    for fmt in FORMATS.values():
        if fmt.n == len(symbols):
            return MarkCode(symbols, fmt, -1)
    lengths = ", ".join(str(fmt.n) for fmt in FORMATS.values())
    raise CodeError(f"code {text[:40]!r} has {len(symbols)} symbols; a code has {lengths}")
