"""The settings of the virtual controller: what `$$` prints and `$x=` writes.

In: a machine profile (mm/s, mm/s2, mm). Out: grbl's numbered settings in grbl's own units
(mm/min, mm/s2, steps/mm). Authority: the grbl 1.1 settings document, its ``$`` numbers and
its print formats (three decimals for floats, none for integers).
"""

from __future__ import annotations

from engraver.profiles import Machine

INTEGER_SETTINGS = frozenset({0, 1, 2, 3, 4, 5, 6, 10, 13, 20, 21, 22, 23, 26, 32})
REPORT_MPOS_AND_BUFFERS = 3
"""$10: bit 0 reports MPos, bit 1 the free planner blocks and RX bytes (Bf)."""


def settings_for(machine: Machine) -> dict[int, float]:
    """Return the settings of a controller rightly configured for ``machine``."""
    settings: dict[int, float] = {
        0: 10,
        1: 255,
        2: 0,
        3: 0,
        4: 0,
        5: 0,
        6: 0,
        10: REPORT_MPOS_AND_BUFFERS,
        11: machine.junction_deviation_mm,
        12: 0.002,
        13: 0,
        20: 0,
        21: 0,
        22: 0,
        23: 0,
        24: 25.0,
        25: 500.0,
        26: 250,
        27: 1.0,
        30: float(machine.s_max),
        31: 0.0,
        32: 1,
    }
    for axis in range(3):
        settings[100 + axis] = machine.steps_per_mm
        settings[110 + axis] = machine.axis_speeds_mm_s[axis] * 60.0
        settings[120 + axis] = machine.axis_accelerations_mm_s2[axis]
        settings[130 + axis] = machine.travel_mm[axis]
    return settings


def format_setting(number: int, value: float) -> str:
    """Print one setting as grbl does, ``$30=1000`` for integers, ``$11=0.010`` for floats."""
    text = f"{int(value)}" if number in INTEGER_SETTINGS else f"{value:.3f}"
    return f"${number}={text}"
