"""Going out of business: everything in one folder that can be read without pinmark.

In: records. Out: the book in three views as PDF, CSV and ASCII, every table, the log with its
checkpoint, EPCIS events, a description of each file, a signed manifest. Authority: 27 CFR 478.127
(records are delivered within 30 days of discontinuance), ATF Ruling 2016-1 (electronic files as
ASCII text with a file description, or prints).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engraver.errors import StorageError
from station_api.papers import epcis, prints
from station_api.papers.licensee import Licensee
from station_api.papers.manifest import close_folder, new_folder
from station_api.papers.views import COLUMNS, VIEWS, Wanted
from station_api.records import Records
from station_api.records.export import export
from station_api.transparency.note import SignerKey

README = """Records of a firearms manufacturer, handed over.

Licensee: {name}, licence {licence}, {address}
Station: {station}. Log: {origin}, {size} entries.

book/book-VIEW.pdf     the firearms book (27 CFR 478.123) in print, in order of acquisition
book/book-VIEW.csv     the same, UTF-8, comma separated, first line the column names
book/book-VIEW.txt     the same, plain ASCII, columns parted by tabs, first line the column names;
                       a character outside ASCII is written \\uXXXX
book/book.jsonl        every entry with every field, one line of the book a JSON object
VIEW is original (entries as first written), corrected (as they stand) or both (every entry).
records/               every table of the station in CSV and JSON lines, and the transparency log
epcis.json             the same life as GS1 EPCIS 2.0 events
log.pub                the public key that the log and this folder are signed with
manifest.json          every file with its length and SHA-256; manifest.note: its signature

Columns of the book: {columns}

To check this folder: pinmark papers verify FOLDER --key log.pub. By hand: the third line of
manifest.note is the SHA-256 of manifest.json, signed as a C2SP signed note (Ed25519).

Where this goes is the licensee's duty: to the successor, or within 30 days to the ATF
Out-of-Business Records Center (27 CFR 478.127).
"""


def hand_over(
    records: Records, folder: Path, licensee: Licensee, signer: SignerKey, note: str
) -> dict[str, Any]:
    """Write everything into a new folder; return its manifest.

    Raises
    ------
    InputError
        If the folder holds something.
    StorageError
        If the disk refuses.
    """
    new_folder(folder)
    try:
        return _write_all(records, folder, licensee, signer, note)
    except OSError as error:
        raise StorageError(f"{folder} cannot be written: {error.strerror}") from error


def _write_all(
    records: Records, folder: Path, licensee: Licensee, signer: SignerKey, note: str
) -> dict[str, Any]:
    (folder / "book").mkdir()
    for view in VIEWS:
        _write_book(records, folder / "book", Wanted(view=view), licensee, note)
    _write_lines(folder / "book" / "book.jsonl", prints.json_lines(records, Wanted(view="both")))
    rows = export(records, folder / "records", note)
    events = epcis.document(records, licensee, signer.name)
    (folder / "epcis.json").write_text(json.dumps(events, indent=1, ensure_ascii=False), "utf-8")
    (folder / "log.pub").write_text(signer.verifier().text() + "\n", "utf-8")
    told = prints.checkpoint_fields(note)
    named = {name: value or "(not configured)" for name, value in asdict(licensee).items()}
    text = README.format(
        **named,
        station=records.station,
        origin=told["origin"],
        size=told["size"],
        columns=", ".join(COLUMNS),
    )
    (folder / "README.txt").write_text(text, "utf-8")
    facts = {"licensee": asdict(licensee), "station": records.station, "rows": rows}
    return close_folder(folder, "hand-over of all records", facts, signer, note)


def _write_book(
    records: Records, folder: Path, wanted: Wanted, licensee: Licensee, note: str
) -> None:
    for number, made in enumerate(prints.prints(records, wanted, licensee, note), 1):
        name = f"book-{wanted.view}.pdf" if number == 1 else f"book-{wanted.view}-{number}.pdf"
        (folder / name).write_bytes(made)
    _write_lines(folder / f"book-{wanted.view}.csv", prints.csv_lines(records, wanted))
    _write_lines(folder / f"book-{wanted.view}.txt", prints.ascii_lines(records, wanted))


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(lines)
