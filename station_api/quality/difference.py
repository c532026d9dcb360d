"""Two texts of a profile side by side: which figures differ, each with its source.

In: TOML texts. Out: rows by key, those that are alike left out unless asked for.
"""

from __future__ import annotations

import tomllib
from typing import Any

from engraver.errors import ProfileError


def difference(old: str, new: str) -> list[dict[str, Any]]:
    """Return every key that is not alike in both, in the order of the texts.

    Raises
    ------
    ProfileError
        If one of them is no TOML.

    Examples
    --------
    >>> difference('passes = 10', 'passes = { value = 12, source = "coupon" }')
    [{'key': 'passes', 'old': 10, 'old_source': '', 'new': 12, 'new_source': 'coupon'}]
    """
    before, after = _entries(old), _entries(new)
    rows = []
    for key in dict.fromkeys([*before, *after]):
        (was, was_source), (now, now_source) = before.get(key, _NONE), after.get(key, _NONE)
        if (was, was_source) != (now, now_source):
            rows.append(
                {
                    "key": key,
                    "old": was,
                    "old_source": was_source,
                    "new": now,
                    "new_source": now_source,
                }
            )
    return rows


_NONE: tuple[Any, str] = (None, "")


def _entries(text: str) -> dict[str, tuple[Any, str]]:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"this is no TOML: {error}") from None
    return {
        key: (entry.get("value"), str(entry.get("source", "")))
        if isinstance(entry, dict)
        else (entry, "")
        for key, entry in found.items()
    }
