"""The table of cases: which scan is of which round of which firearm, as a person wrote it down.

In: a CSV file and the folder its scans lie in. Out: `Shown` rows, each with the SHA-256 of its
scan. Columns: serial, round, scan; fired_on, fired_by, ammunition, simulated may follow. Round 0
is the pin itself, before it was fired. Nothing is judged here: what is no table is refused.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engraver.errors import InputError, ScanError
from engraver.heightmap import open_x3p
from engraver.orders import normalise_serial
from station_api.records.rows import clean_line
from station_api.scan_files import read_bytes

WANTED = ("serial", "round", "scan")
OPTIONAL = ("fired_on", "fired_by", "ammunition", "simulated")
MOST_ROWS = 20_000
MOST_ROUNDS = 1_000_000
PIN = 0
"""The round that stands for the pin before the first one."""

YES, NO = {"yes", "true", "1", "simulated"}, {"", "no", "false", "0"}
VIRTUAL = "virtual"
"""What a scan of pinmark's own simulation says of its instrument."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One scan of the table: a case of a round, or the pin."""

    row: int
    serial: str
    round: int
    file: Path
    sha256: str
    fired_on: str
    fired_by: str
    ammunition: str
    simulated: bool

    @property
    def what(self) -> str:
        """How a person would name it."""
        return f"{self.serial}, " + ("the pin" if self.round == PIN else f"round {self.round}")


def read_table(path: Path) -> list[Shown]:
    """Read the table; scans are looked for beside it.

    Raises
    ------
    InputError
        If it is no such table: a column or a scan is missing, a value is none, a scan is given
        twice. The line is named.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        cause = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise InputError(f"{path} cannot be read: {cause}") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    names = [name.strip().lower() for name in reader.fieldnames or []]
    if lacking := [name for name in WANTED if name not in names]:
        raise InputError(
            f"{path.name} has no column {', '.join(lacking)}; the first line names the columns: "
            f"{', '.join(WANTED)}, and as you like {', '.join(OPTIONAL)}"
        )
    if strange := [name for name in names if name not in (*WANTED, *OPTIONAL)]:
        raise InputError(f"{path.name} has a column {strange[0]!r}, which means nothing here")
    reader.fieldnames = names
    shown = list(_rows(reader, path))
    if not shown:
        raise InputError(f"{path.name} names no case")
    _refuse_twice(shown)
    return shown


def _rows(reader: csv.DictReader[str], path: Path) -> Iterator[Shown]:
    for fields in reader:
        at = reader.line_num
        if at > MOST_ROWS:
            raise InputError(f"{path.name} has more than {MOST_ROWS} lines; make several packs")
        try:
            yield _row({name: (value or "").strip() for name, value in fields.items()}, at, path)
        except (InputError, ScanError, AttributeError) as error:
            raise InputError(f"{path.name} line {at}: {error}") from None


def _row(fields: Mapping[str, str], at: int, path: Path) -> Shown:
    fired = fields["round"]
    if not fired.isdecimal() or int(fired) > MOST_ROUNDS:
        raise InputError(f"round {fired!r} is no number from 0 (the pin) to {MOST_ROUNDS}")
    said = fields.get("simulated", "").lower()
    if said not in YES | NO:
        raise InputError(f"simulated {said!r} is neither yes nor no")
    file = path.parent / fields["scan"]
    data = read_bytes(file)
    told = {name: clean_line(fields.get(name, "") or "-", name, 128) for name in OPTIONAL[:3]}
    return Shown(
        row=at,
        serial=normalise_serial(fields["serial"]),
        round=int(fired),
        file=file,
        sha256=hashlib.sha256(data).hexdigest(),
        fired_on=told["fired_on"].strip("-"),
        fired_by=told["fired_by"].strip("-"),
        ammunition=told["ammunition"].strip("-"),
        simulated=said in YES or says_simulated(data),
    )


def says_simulated(data: bytes) -> bool:
    """Return whether a scan itself says that no instrument measured it."""
    if data[:2] != b"PK":
        return False
    return open_x3p(data).facts.get("model", "").lower() == VIRTUAL


def _refuse_twice(shown: list[Shown]) -> None:
    places: dict[tuple[str, int], Shown] = {}
    scans: dict[str, Shown] = {}
    for one in shown:
        if (earlier := places.setdefault((one.serial, one.round), one)) is not one:
            raise InputError(f"lines {earlier.row} and {one.row} are both of {one.what}")
        if (earlier := scans.setdefault(one.sha256, one)) is not one:
            raise InputError(
                f"lines {earlier.row} and {one.row} are the same scan, as {earlier.what} and as "
                f"{one.what}: one case cannot stand for two"
            )
