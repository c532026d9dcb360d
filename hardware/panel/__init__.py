"""A station's contacts and lamps: profiles, panels behind one protocol, the chain, the tower.

In: a machine's profile names a panel. Out: `open_panel`, a `Panel` of whichever kind is wired.
"""

from pathlib import Path

from hardware.panel.chain import LIVE, Chain, ChainState, Change
from hardware.panel.gpio import GpioPanel
from hardware.panel.levels import CHAIN, WORDS, Input, Levels, Output, Panel
from hardware.panel.pins import PinsPanel
from hardware.panel.profile import PanelProfile
from hardware.panel.tower import TOWER, Lamp, lit, situation
from hardware.panel.virtual import VirtualPanel, lamps, press

__all__ = [
    "CHAIN",
    "LIVE",
    "TOWER",
    "WORDS",
    "Chain",
    "ChainState",
    "Change",
    "GpioPanel",
    "Input",
    "Lamp",
    "Levels",
    "Output",
    "Panel",
    "PanelProfile",
    "PinsPanel",
    "VirtualPanel",
    "lamps",
    "lit",
    "open_panel",
    "press",
    "situation",
]


def open_panel(profile: PanelProfile, folder: Path) -> Panel | None:
    """Open the panel of a profile; ``folder`` is where a virtual one has its files.

    None where the profile is wired to nothing: then hardware alone guards the laser.

    Raises
    ------
    ProfileError
        If the wiring lacks what SAFETY.md wants seen.
    PortError
        If its lines cannot be had.
    """
    profile.check()
    if profile.wiring == "none":
        return None
    if profile.wiring == "virtual":
        return VirtualPanel(folder, profile.name)
    if profile.wiring == "controller":
        return PinsPanel(profile)
    return GpioPanel(profile)
