"""What no pin may be marked with: a clock that cannot be true.

In: open records. Out: nothing, or an error before anything is recorded. A record dated 1970 or
before its predecessor would be doubted for ever.
"""

from __future__ import annotations

from engraver.errors import InputError
from station_api.doctor.check import State
from station_api.doctor.kept import newest_record_us
from station_api.doctor.machine import clock
from station_api.records import Records


def refuse_wrong_clock(records: Records) -> None:
    """Refuse to begin a mark while the clock was never set, or stands before the newest record.

    Raises
    ------
    InputError
        Says what the clock shows and how to set it; the laser stays off.
    """
    found = clock(newest_record_us(records), must_be_synchronised=False)
    if found.state is State.FAULT:
        raise InputError(f"the clock {found.found}; nothing is marked: {found.remedy}")
