"""Is everything in order? Each thing a station rests on, looked at, with what to do about it.

In: a station's folder, its configuration, its records if they can be opened. Out: `Check` values;
nothing is changed, and no serial, code or name is in any of them.
"""

from station_api.doctor.check import Check, State, worst
from station_api.doctor.examine import Place, examine

__all__ = ["Check", "Place", "State", "examine", "worst"]
