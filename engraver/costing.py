"""What one good pin costs at the laser: a planned program and assumptions -> seconds and USD.

In: `GcodeProgram` (its modelled seconds), `Machine` (its USD an hour, its baud), `Assumptions`.
Out: `PinCost`. The program passes the wire once in the controller's check mode before the laser is
on: bytes times ten bits at the baud. Everything that is no planner's figure is an assumption here,
named, and meant to be replaced by a station's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from engraver.errors import InputError
from engraver.profiles import Machine
from engraver.program import GcodeProgram

PROMISED_USD = (0.50, 1.00)
"""What microstamping was said to cost a firearm: a promise, not a figure measured here."""

BITS_A_BYTE = 10
"""Start bit, eight data bits, stop bit: 8N1."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What no plan knows. All are assumptions until a station has counted its own.

    Parameters
    ----------
    handling_s
        Seconds to unload, load, close the door and press start.
    scan_s
        Seconds of the surface scan of one pin, on an instrument beside the station.
    scan_usd_per_hour
        What that instrument and its share of a person cost.
    reject_share
        Share of pins that are marked and rejected: their pin and their time are lost. [0, 0.5]
    blank_usd
        What a lost pin cost before it was marked.
    """

    handling_s: float = 20.0
    scan_s: float = 30.0
    scan_usd_per_hour: float = 25.0
    reject_share: float = 0.01
    blank_usd: float = 3.0

    def __post_init__(self) -> None:
        for name in ("handling_s", "scan_s", "scan_usd_per_hour", "blank_usd"):
            value = getattr(self, name)
            if not (isfinite(value) and 0 <= value <= 1e5):
                raise InputError(f"{name} {value:g} must be from 0 to 100000")
        if not 0 <= self.reject_share <= 0.5:
            raise InputError(f"reject_share {self.reject_share:g} must be from 0 to 0.5")


@dataclass(frozen=True, slots=True)
class PinCost:
    """One good pin: seconds of the station, and USD."""

    machine_s: float
    check_s: float
    station_s: float
    marking_usd: float
    scan_usd: float
    rejects_usd: float

    @property
    def total_usd(self) -> float:
        """All of it."""
        return self.marking_usd + self.scan_usd + self.rejects_usd

    @property
    def promise(self) -> str:
        """Where the total stands to `PROMISED_USD`: below, within or above."""
        low, high = PROMISED_USD
        if self.total_usd < low:
            return "below"
        return "within" if self.total_usd <= high else "above"


def cost(program: GcodeProgram, machine: Machine, assumed: Assumptions) -> PinCost:
    """Return what one good pin costs.

    Each good pin carries ``reject_share / (1 - reject_share)`` rejected ones: their station, their
    scan and their blank.
    """
    check_s = len(program.data) * BITS_A_BYTE / machine.baud
    station_s = program.estimated_time_s + check_s + assumed.handling_s
    marking = station_s / 3600 * machine.cost_usd_per_hour
    scan = assumed.scan_s / 3600 * assumed.scan_usd_per_hour
    lost = assumed.reject_share / (1 - assumed.reject_share)
    return PinCost(
        machine_s=program.estimated_time_s,
        check_s=check_s,
        station_s=station_s,
        marking_usd=marking,
        scan_usd=scan,
        rejects_usd=lost * (marking + scan + assumed.blank_usd),
    )
