"""What no pin may be marked with: a clock that cannot be true, records that lost their newest.

In: open records. Out: nothing, or an error before anything is recorded. A record dated 1970 or
before its predecessor would be doubted for ever.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from engraver.errors import InputError
from station_api.doctor.check import State
from station_api.doctor.kept import beside, newest_record_us
from station_api.doctor.machine import clock
from station_api.records import Records


def refuse_lost_records(records: Records, home: Path) -> None:
    """Refuse to begin a mark on records that are less than what was signed of them.

    A database that lost its newest entries (a garbled write-ahead log, an old copy put back)
    would let a serial be marked that was marked before.

    Raises
    ------
    InputError
        Says what is missing; the laser stays off.
    """
    if wrong := beside(records, home):
        raise InputError(
            f"records are missing: {wrong[0]}; nothing is marked: run `pinmark log fsck`, keep "
            "its output, restore the newest backup or the plant's copy, tell the auditor"
        )


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


def troubles(records: Records, home: Path) -> list[str]:
    """Return a line for each reason why this station would refuse to mark a pin now."""
    found = []
    for refuse in (refuse_wrong_clock, partial(refuse_lost_records, home=home)):
        try:
            refuse(records)
        except InputError as error:
            found.append(str(error))
    return found
