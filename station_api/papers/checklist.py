"""Which rule wants what, what meets it here, and what stays with the licensee.

In: the records and the configuration. Out: `Condition` with what was found just now; a table for
docs/compliance.md. Authority: the rules as named in each line, in our own words: read the rule
itself before relying on a line, and ask counsel. The text of ATF Ruling 2016-1 was not at hand word
for word; the list follows published accounts of it, and numbers only what those number alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from station_api.configuration import settings
from station_api.papers.downloads import last_download
from station_api.papers.entries import to_entry
from station_api.papers.licensee import configured_licensee
from station_api.papers.unentered import unentered
from station_api.records import Records, now_us, utc_text
from station_api.tables import book

SOFTWARE, LICENSEE, BOTH = "pinmark", "the licensee", "both"
MET, OPEN, PROVIDED, DUTY = "met", "open", "provided", "licensee's duty"
"""`met`: by pinmark alone, or looked at just now. `provided`: pinmark's part is there, and the rest
is the licensee's. `open`: looked at, and lacking."""

HALF_A_YEAR_DAYS = 182
DAY_US = 86_400 * 1_000_000


@dataclass(frozen=True, slots=True)
class Wants:
    """One thing a rule wants: who meets it, and by what."""

    name: str
    rule: str
    wants: str
    by: str
    how: str


@dataclass(frozen=True, slots=True)
class Condition:
    """One line of the checklist, with what was found when it was asked for."""

    name: str
    rule: str
    wants: str
    by: str
    how: str
    state: str
    found: str


RULING, RULE = "ATF Ruling 2016-1", "27 CFR 478"
WANTS = (
    Wants(
        "fields",
        f"{RULE}.123(a), (b); {RULING} (1)",
        "manufacturer, importer, type, model, caliber or gauge, serial, dates, other party",
        BOTH,
        "`pinmark papers enter`, `dispose`: an entry that lacks one is refused",
    ),
    Wants(
        "in time",
        f"{RULE}.123(a), (b)",
        "entries by the seventh day",
        BOTH,
        "`papers enter-marked`, /v1/papers/unentered; a late entry says by how many days",
    ),
    Wants(
        "corrections",
        f"{RULING} (2a)",
        "a correction is a new entry; views of original, corrected, both",
        SOFTWARE,
        "`papers correct`, `records correct`; `--view original`, `corrected`, `both`",
    ),
    Wants(
        "self-contained",
        f"{RULING} (3)",
        "no paper or other system is needed for a required field",
        SOFTWARE,
        "every field stands in the entry itself",
    ),
    Wants(
        "queries",
        f"{RULING} (4)",
        "by serial, date of acquisition, maker or importer, receiver and their address",
        SOFTWARE,
        "`papers book --serial --acquired-from --make --importer --party --address`",
    ),
    Wants(
        "downloads",
        RULING,
        "all records printed or downloaded every six months, on an officer's request, and before "
        "the system is changed; in order of acquisition",
        BOTH,
        "`papers book --pdf`, `--csv`, `--ascii`; each is an entry of the log",
    ),
    Wants(
        "backup",
        RULING,
        "a backup every day",
        BOTH,
        "`pinmark backup FOLDER`, run by the timer in packaging/systemd; checked before it counts",
    ),
    Wants(
        "premises",
        RULING,
        "readable at the licensed premises in business hours; a host has premises in the United "
        "States and answers to its courts",
        LICENSEE,
        "run the station on the premises, or choose such a host",
    ),
    Wants(
        "one book a licence",
        RULING,
        "records of each licensed premises kept apart",
        BOTH,
        "a station is of one licence: `[licence]` in the configuration heads every print",
    ),
    Wants(
        "out of business",
        f"{RULE}.127; {RULING}",
        "all records, with a description of the files, to the successor or ATF within 30 days",
        BOTH,
        "`papers hand-over FOLDER` writes and signs them; sending them is the licensee's",
    ),
    Wants(
        "retention",
        f"{RULE}.129",
        "records kept until business is discontinued",
        SOFTWARE,
        "nothing deletes an entry; `pinmark log fsck` names one that is gone",
    ),
    Wants(
        "traces",
        f"{RULE}.25a",
        "a trace request is answered at once, never later than 24 hours",
        BOTH,
        "`pinmark trace` and the clock of the trace desk; no link to eTrace is claimed",
    ),
    Wants(
        "marking",
        f"{RULE}.92",
        "serial 1/16 in high and 0.003 in deep on the frame",
        BOTH,
        "`engraver.plate` refuses less; a microstamp does not replace the serial on the frame",
    ),
    Wants(
        "theft or loss",
        f"{RULE}.39a",
        "reported within 48 hours",
        LICENSEE,
        "`papers dispose --how 'stolen or lost'` records it; the report is the licensee's",
    ),
    Wants(
        "yearly report",
        "27 CFR 478, ATF Form 5300.11",
        "firearms manufactured and exported in the year",
        LICENSEE,
        "`papers book --acquired-from --acquired-to --csv` gives what to count",
    ),
    Wants(
        "representative sample",
        "Cal. Penal Code 27532(b)",
        "a representative sample stamps legibly and reliably, also after repeated firing",
        BOTH,
        "`papers sample-plan` draws it, `papers certify` reads the cases and makes the signed "
        "pack; firing, scanning and what is stated are the licensee's",
    ),
)


def checklist(records: Records) -> list[Condition]:
    """Go through all conditions; where something can be looked at, look."""
    found = []
    for one in WANTS:
        state, said = {SOFTWARE: MET, BOTH: PROVIDED, LICENSEE: DUTY}[one.by], ""
        if look := _LOOKS.get(one.name):
            problem = look(records)
            state, said = (OPEN if problem[0] else MET), problem[1]
        fields = (one.name, one.rule, one.wants, one.by, one.how)
        found.append(Condition(*fields, state=state, found=said))
    return found


def table_text() -> str:
    """Return the conditions as the table of docs/compliance.md."""
    rows = ["| rule | wants | met by | how |", "|---|---|---|---|"]
    rows += [f"| {one.rule} | {one.wants} | {one.by} | {one.how} |" for one in WANTS]
    return "\n".join(rows) + "\n"


Look = Callable[[Records], tuple[bool, str]]


def _in_time(records: Records) -> tuple[bool, str]:
    today = datetime.fromtimestamp(now_us() / 1e6, UTC).date().isoformat()
    overdue = [one for one in unentered(records) if one.due_on < today]
    query = sa.select(book).where(book.c.station == records.station, book.c.version == 1)
    with records.database.reading.connect() as connection:
        late = sum(1 for row in connection.execute(query) if to_entry(row._mapping).days_late)
    said = f"{len(overdue)} verified marks overdue, {late} entries written late"
    return bool(overdue), said


def _downloads(records: Records) -> tuple[bool, str]:
    newest = last_download(records)
    if newest is None:
        return True, "the whole book was never printed or downloaded"
    days = (now_us() - newest.at_us) // DAY_US
    said = f"last {newest.form} of the {newest.view} view {utc_text(newest.at_us)}, {days} days ago"
    return days > HALF_A_YEAR_DAYS, said


def _backup(records: Records) -> tuple[bool, str]:
    keys = settings().backup
    if keys.folder is None:
        return True, "no backup folder is configured ([backup] folder)"
    found = sorted(Path(keys.folder).glob(f"pinmark-{records.station}-*.db"))
    if not found:
        return True, f"no backup of {records.station} in {keys.folder}"
    newest = max(path.stat().st_mtime for path in found)
    hours = (now_us() / 1e6 - newest) / 3600
    return hours > keys.oldest_h, f"newest backup {hours:.0f} hours old, {keys.oldest_h} allowed"


def _licence(_records: Records) -> tuple[bool, str]:
    named = configured_licensee()
    lacking = [name for name in ("name", "licence", "address") if not getattr(named, name)]
    return bool(lacking), f"[licence] lacks {', '.join(lacking)}" if lacking else named.licence


_LOOKS: dict[str, Look] = {
    "in time": _in_time,
    "downloads": _downloads,
    "backup": _backup,
    "one book a licence": _licence,
}
