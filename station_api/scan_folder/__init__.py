"""The folder that a profilometer drops its scans into: finished files, whose they are, receipts.

In: files of a folder. Out: which are whole, which mark each shows, where it was put and why.
Nothing here reads a surface or writes a record: the service does, with the bench's process.
"""

from station_api.scan_folder.arrivals import Arrivals, Waiting, shown_name
from station_api.scan_folder.matching import Candidate, Match, by_reading, match
from station_api.scan_folder.receipts import Outcome, Receipt, Shelves

__all__ = [
    "Arrivals",
    "Candidate",
    "Match",
    "Outcome",
    "Receipt",
    "Shelves",
    "Waiting",
    "by_reading",
    "match",
    "shown_name",
]
