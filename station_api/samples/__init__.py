"""Sample data: one make and model, one order; `pinmark demo` and the tests use them."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any

SERIAL = "ZQ0042"


def order_fields() -> dict[str, Any]:
    """Return the keys of the sample work order, as a person would write them."""
    return tomllib.loads((resources.files(__name__) / "order.toml").read_text("utf-8"))
