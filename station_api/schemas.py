"""The door for work orders: text of a file -> `WorkOrder`.

In: TOML or JSON of an order file. Out: `engraver.orders.WorkOrder`, normalised. Everything a
person can get wrong ends in one line that names the file and the key.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engraver.errors import OrderError
from engraver.orders import WorkOrder, normalise_name, normalise_serial

LARGEST_ORDER_BYTES = 64 * 1024
RECIPE_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")


class WorkOrderIn(BaseModel):
    """A work order as it arrives; unknown keys are refused, not ignored."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _only_texts(cls, fields: Any) -> Any:
        return refuse_half_characters(fields)

    order: str = Field(default="", max_length=64)
    make: str
    model: str
    serial: str
    recipe: str = Field(default="default", max_length=64)

    def to_order(self) -> WorkOrder:
        """Normalise the identity and return the core's `WorkOrder`.

        Raises
        ------
        OrderError
            If a text has what no make, model or serial has, or the recipe's can be no name.
        """
        if RECIPE_NAME.fullmatch(self.recipe) is None:
            raise OrderError(
                f"recipe {self.recipe!r} is no name of a recipe; see `pinmark profiles list`"
            )
        return WorkOrder(
            order_id=" ".join(self.order.split()),
            make=normalise_name(self.make, "make"),
            model=normalise_name(self.model, "model"),
            serial=normalise_serial(self.serial),
            recipe=self.recipe,
        )


def refuse_half_characters(fields: Any) -> Any:
    """Pass on what came out of JSON, unless a text in it has half a character (a lone surrogate).

    Raises
    ------
    ValueError
        If one has: no database and no file could hold it.
    """
    if isinstance(fields, dict):
        for text in fields.values():
            if isinstance(text, str) and any("\ud800" <= c <= "\udfff" for c in text):
                raise ValueError(
                    "a text has a lone surrogate in it, half a character outside every text"
                )
    return fields


def read_order(path: Path) -> WorkOrder:
    """Read one work order from a TOML or JSON file.

    Raises
    ------
    OrderError
        If the file cannot be read, is neither TOML nor JSON, misses a key or has one too
        many, or names an impossible identity.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise OrderError(f"order file {path}: {error.strerror}; name a readable file") from error
    if len(data) > LARGEST_ORDER_BYTES:
        raise OrderError(
            f"order file {path} has {len(data)} bytes, an order has at most {LARGEST_ORDER_BYTES}"
        )
    return order_from(_parse(data, path), str(path))


def order_from(fields: Any, source: str) -> WorkOrder:
    """Check the fields of an order; ``source`` is named in the error."""
    try:
        return WorkOrderIn.model_validate(fields).to_order()
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the order"
        raise OrderError(
            f"order {source}, key {key}: {first['msg'].lower()}; an order has the texts "
            "make, model, serial, and may have order and recipe"
        ) from None
    except OrderError as error:
        raise OrderError(f"order {source}: {error}") from None


def _parse(data: bytes, path: Path) -> Any:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise OrderError(
            f"order file {path} is not UTF-8 text (byte {error.start}); save it as UTF-8"
        ) from None
    try:
        return json.loads(text) if text.lstrip()[:1] in ("{", "[") else tomllib.loads(text)
    except (json.JSONDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise OrderError(f"order file {path} is neither TOML nor JSON: {error}") from None
