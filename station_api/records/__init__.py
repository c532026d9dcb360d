"""What was marked: a durable state machine under a transparency log.

In: intents, receipts, inspections, decisions. Out: rows that a crash cannot lose, entries that
nobody can alter unseen. `Records` is the door; `fsck` proves the house; `orders` and `sync` join
stations to a plant; `backup` and `export` keep it.
"""

from station_api.records.clock import now_us
from station_api.records.rows import MarkRow, utc_text
from station_api.records.states import STARTED, STATE_AFTER, TRANSITIONS
from station_api.records.store import Records
from station_api.records.transition import DEFAULT_STATION

__all__ = [
    "DEFAULT_STATION",
    "STARTED",
    "STATE_AFTER",
    "TRANSITIONS",
    "MarkRow",
    "Records",
    "now_us",
    "utc_text",
]
