"""What lies about after a crash, and recorded scans whose file is gone.

In: the station's folder, open records, the configuration. Out: one check.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from station_api.configuration import Settings
from station_api.doctor.check import Check, ok, warning
from station_api.records import Records
from station_api.tidying import find, set_aside, without_file

NAME = "leftovers"


def leftovers(home: Path, records: Records, keys: Settings) -> Iterator[Check]:
    """Say what `pinmark tidy` would do, what it did before, and which scans are missing."""
    found = Counter(one.what.value for one in find(home, records, keys))
    aside = set_aside(home)
    said = [f"{number} times {what}" for what, number in sorted(found.items())]
    if aside:
        said.append(f"{aside} scans that no record names lie in {home / 'scans' / 'kept'}")
    gone = without_file(home, records)
    if gone:
        said.append(f"{gone} recorded scans have no file in {home / 'scans'}")
        remedy = "copy them back from where scans were moved or copied to; backups hold none"
        yield warning(NAME, "; ".join(said), remedy)
    elif found:
        remedy = "run `pinmark tidy`: half files are removed, scans are set aside and none deleted"
        yield warning(NAME, "; ".join(said), remedy)
    else:
        yield ok(NAME, "; ".join(said) or "nothing lies about")
