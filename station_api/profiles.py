"""The profiles of a station: its own folder, then those that ship with pinmark.

In: PINMARK_HOME/profiles/{recipes,parts,...}/NAME.toml. Out: `engraver.profiles` values. A
station's profile never hides a shipped one: the same name twice is refused.
"""

from __future__ import annotations

from pathlib import Path

import hardware
from engraver.profiles import Setup
from hardware.panel import PanelProfile
from station_api.home import station_home


def shelves() -> tuple[Path, Path]:
    """Return the folders that profiles are read from."""
    return (station_home() / "profiles", hardware.SHELF)


def load_panel(name: str) -> PanelProfile:
    """Read the wiring of a panel.

    Raises
    ------
    ProfileError
        If there is none of this name, or it is bad.
    """
    found: PanelProfile = hardware.load("panels", name, shelves())
    return found


def load_setup(recipe: str, shelf: hardware.Shelf | None = None) -> Setup:
    """Read a recipe of this station, or of ``shelf``, and every profile it names.

    Raises
    ------
    ProfileError
        If the recipe or a profile it names is missing or bad; names file and key.
    """
    return hardware.load_setup(recipe, shelf or shelves())
