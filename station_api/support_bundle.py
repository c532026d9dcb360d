"""A zip for whoever helps: how the station stands, without secrets, serials, codes or names.

In: a `Place` and its checks. Out: the bytes of a zip of small texts. Each is made of what may be
shown, and goes through `Discretion` before it is packed; the licence is left out. A person can read
all of it before sending it.
"""

from __future__ import annotations

import io
import json
import platform
import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engraver.errors import PinmarkError
from station_api.configuration.model import Settings
from station_api.discretion import Discretion, discretion_of, make_discretion
from station_api.doctor import Check, Place, worst
from station_api.records import Records
from station_api.records.database import schema_of
from station_api.records.tables import marks
from station_api.records.tables import metadata as tables

BUNDLE_NAME = "pinmark-support.zip"
JOURNAL_LINES = 5_000
LOG_BYTES = 2_000_000
OF_THE_MACHINE = ("/etc/os-release", "/proc/meminfo", "/proc/loadavg", "/proc/uptime")
EPOCH = (1980, 1, 1, 0, 0, 0)

README = """\
A support bundle of pinmark. It was made without secrets, serial numbers, codes, order ids, names
and licence data; words of the records that stood in a log were masked. Read it before you send it.
  doctor.json          what `pinmark doctor` found
  configuration.json   what is in force; secrets are paths of files
  versions.txt         every Python distribution
  counts.json          rows by table, marks by state, size of the log
  profiles.txt         names and SHA-256 of the station's own profiles
  machine/             operating system, memory, load
  log.txt              the last lines of the service's log
"""


def make_bundle(place: Place, checks: Sequence[Check]) -> bytes:
    """Return the bundle's bytes."""
    veil, counted = _of_records(place.records)
    files = {
        "README.txt": README,
        "doctor.json": _json({"state": worst(checks), "checks": [asdict(one) for one in checks]}),
        "configuration.json": _json(_shown(place.reading.settings)),
        "versions.txt": "\n".join(
            sorted(f"{d.name} {d.version}" for d in metadata.distributions())
        ),
        "counts.json": _json(counted),
        "profiles.txt": _profiles(place.home / "profiles"),
        "machine/uname.txt": " ".join((platform.system(), platform.release(), platform.machine())),
        "log.txt": log_tail(place.reading.settings),
    }
    for name in OF_THE_MACHINE:
        files[f"machine/{Path(name).name}.txt"] = _text(Path(name))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, text in files.items():
            bundle.writestr(zipfile.ZipInfo(name, EPOCH), veil.mask(text))
    return packed.getvalue()


def log_tail(found: Settings) -> str:
    """Return the last lines of the service's log: its file, else the journal of its unit."""
    if found.logging.file is not None and found.logging.file.exists():
        with found.logging.file.open("rb") as file:
            file.seek(max(0, file.seek(0, io.SEEK_END) - LOG_BYTES))
            return file.read().decode("utf-8", "replace")
    if shutil.which("journalctl") is None:
        return "no log file is configured and there is no journal here\n"
    words = [
        "journalctl",
        "-u",
        "pinmark",
        "-n",
        str(JOURNAL_LINES),
        "--no-pager",
        "-o",
        "short-iso",
    ]
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=30)
    return done.stdout or done.stderr


def _of_records(records: Records | None) -> tuple[Discretion, dict[str, Any]]:
    if records is None:
        return make_discretion([]), {"records": "they could not be opened"}
    try:
        return discretion_of(records), _counts(records)
    except (PinmarkError, sa.exc.SQLAlchemyError) as error:
        # what cannot be read cannot be masked, but it did not get into a log either
        return make_discretion([]), {"records": f"they could not be read: {type(error).__name__}"}


def _counts(records: Records) -> dict[str, Any]:
    with records.database.reading.connect() as connection:
        rows = {
            name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar()
            for name, table in sorted(tables.tables.items())
        }
        by_state = sa.select(marks.c.state, sa.func.count()).group_by(marks.c.state)
        states = {str(state): count for state, count in connection.execute(by_state)}
    engine, schema = records.database.version(), schema_of(records.database)
    return {"engine": engine, "schema": schema, "rows": rows, "marks_by_state": states}


def _shown(found: Settings) -> dict[str, Any]:
    values = found.model_dump(mode="json")
    return {**values, "licence": "left out"}


def _versions() -> str:
    found = {f"{one.name} {one.version}" for one in metadata.distributions()}
    return "\n".join(sorted(found, key=str.casefold))


def _profiles(folder: Path) -> str:
    lines = [
        f"{sha256(path.read_bytes()).hexdigest()[:16]} {path.relative_to(folder)}"
        for path in sorted(folder.rglob("*.toml"))
    ]
    return "\n".join(lines) or "none of its own"


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)
