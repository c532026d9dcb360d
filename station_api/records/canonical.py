"""Canonical bytes: one record, one spelling.

In: a record of integers, texts, booleans, nulls, lists and objects. Out: bytes that two readers
can never disagree about, and the leaf that stands in the public log for them. Authority: RFC
8785 (JCS) restricted to integers, whose keys here are ASCII and thus sorted alike by every rule.

A public leaf shows that something was recorded and never what: it holds only
SHA-256(salt, record) with a salt of 32 random bytes. Who is given record and salt can
check the leaf; who is not can guess serials for ever.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import orjson

from engraver.errors import InputError

VERSION = 1
SALT_BYTES = 32


def canonical(record: Any) -> bytes:
    """Write a record in its one spelling.

    Raises
    ------
    InputError
        If it holds a float, a lone surrogate, or an integer beyond 64 bits.

    Examples
    --------
    >>> canonical({"b": 1, "a": ["x", None]})
    b'{"a":["x",null],"b":1}'
    """
    _refuse_floats(record)
    return encode(record)


def encode(record: Any) -> bytes:
    """Write a record that is known to hold no float."""
    try:
        return orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONEncodeError, TypeError) as error:
        raise InputError(f"the record cannot be written canonically: {error}") from error


def decode(data: bytes) -> Any:
    """Read canonical bytes.

    Raises
    ------
    InputError
        If they are no JSON.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InputError(f"the record is not JSON: {error}") from error


def commitment(salt: bytes, record: bytes) -> str:
    """Return the hex commitment that stands for ``record`` in public.

    The salt comes first and is always as long, so that no other record opens it.
    """
    return hashlib.sha256(salt + record).hexdigest()


def leaf_data(kind: str, position: int, committed: str) -> bytes:
    """Return the public bytes of an entry.

    Examples
    --------
    >>> leaf_data("transition", 7, "abcd")
    b'{"commitment":"abcd","kind":"transition","position":7,"v":1}'
    """
    text = f'{{"commitment":"{committed}","kind":"{kind}","position":{position},"v":1}}'
    return text.encode()


def integral(value: Any, name: str = "") -> Any:
    """Turn figures into integers on their way into the records.

    A float under a name that ends in ``_um`` becomes an integer under ``_nm``; any other float
    becomes millionths under ``_millionths``; what is no number at all becomes null.

    Examples
    --------
    >>> integral({"depth_um": 20.25, "grade": "A", "score": 0.5})
    {'depth_nm': 20250, 'grade': 'A', 'score_millionths': 500000}
    """
    if isinstance(value, dict):
        return {_name(str(key), item): integral(item, str(key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        if any(isinstance(item, float) for item in value):
            return [_scaled(item, 1_000_000) for item in value]
        return [integral(item) for item in value]
    if isinstance(value, float):
        return _scaled(value, 1_000 if name.endswith("_um") else 1_000_000)
    return value


def _name(key: str, item: Any) -> str:
    holds_floats = isinstance(item, float) or (
        isinstance(item, (list, tuple)) and any(isinstance(one, float) for one in item)
    )
    if not holds_floats:
        return key
    if key.endswith("_um") and isinstance(item, float):
        return key.removesuffix("_um") + "_nm"
    return f"{key}_millionths"


def _scaled(value: Any, scale: int) -> int | None:
    return round(value * scale) if value is not None and math.isfinite(value) else None


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise InputError(f"{value!r} is a float; records hold integers (nm, us, millionths)")
    if isinstance(value, dict):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _refuse_floats(item)
