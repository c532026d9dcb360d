"""The light tower: a table from where the station stands to what is lit.

In: the chain's state, and whether a pin is held or a mark is in doubt. Out: a `Lamp` for each
output. The colours are those of IEC 60073 for the state of a process: red danger, yellow
abnormal, green normal, blue a person has to act. The tower informs; the emission indicator that
IEC 60825-1 asks of a laser product is the laser's own.
"""

from __future__ import annotations

from enum import StrEnum

from hardware.panel.chain import ChainState
from hardware.panel.levels import Output


class Lamp(StrEnum):
    """How a lamp is lit."""

    OFF = "off"
    ON = "on"
    FLASH = "flash"


R, Y, G, B, Z = Output.RED, Output.YELLOW, Output.GREEN, Output.BLUE, Output.BUZZER
FLASH_PERIOD_S = 1.6
"""0.6 Hz, slow flashing: 0.4 to 0.8 Hz in IEC 60073."""

TOWER: dict[str, dict[Output, Lamp]] = {
    "fault": {R: Lamp.FLASH, Z: Lamp.FLASH},
    "doubt": {R: Lamp.ON, B: Lamp.FLASH},
    "open": {Y: Lamp.ON},
    "closed": {G: Lamp.ON},
    "waiting for start": {G: Lamp.ON, B: Lamp.FLASH},
    "armed": {G: Lamp.FLASH},
    "firing": {G: Lamp.FLASH},
    "held": {Y: Lamp.FLASH},
}
"""What is lit by situation; an output that is not named is off."""


def situation(state: ChainState, *, held: bool = False, doubt: bool = False) -> str:
    """Return the row of `TOWER` that applies; a fault outweighs a doubt, a doubt the rest."""
    if state is ChainState.FAULT:
        return "fault"
    if doubt and state not in (ChainState.ARMED, ChainState.FIRING):
        return "doubt"
    if held and state is ChainState.FIRING:
        return "held"
    return str(state)


def lit(row: str, now_s: float) -> dict[Output, bool]:
    """Return which outputs carry current at a moment of the steady clock."""
    on_half = now_s % FLASH_PERIOD_S < FLASH_PERIOD_S / 2
    lamps = TOWER[row]
    return {
        one: lamps.get(one) is Lamp.ON or (lamps.get(one) is Lamp.FLASH and on_half)
        for one in Output
    }
