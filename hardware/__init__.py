"""What a station is made of: TOML profiles, every figure with its source."""

from hardware.load import (
    KINDS,
    SHELF,
    Figure,
    Shelf,
    figures,
    load,
    load_fixture,
    load_setup,
    names,
    text,
)

__all__ = [
    "KINDS",
    "SHELF",
    "Figure",
    "Shelf",
    "figures",
    "load",
    "load_fixture",
    "load_setup",
    "names",
    "text",
]
