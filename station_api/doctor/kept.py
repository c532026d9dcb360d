"""What is kept: the database, the log's consistency, keys, backups, marks in doubt.

In: open records and the station's folder. Out: checks. The log is looked at quickly: the newest
checkpoint's signature and root, the copy outside the database, the leaves of the newest entries;
`pinmark log fsck` recomputes everything.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from engraver.errors import NoteError, PinmarkError, ProofError
from engraver.record import MarkState
from station_api.configuration.model import BackupKeys
from station_api.doctor.check import Check, fault, ok, warning
from station_api.key_backup import noted_backup
from station_api.log import announced_keys, checkpoint_path
from station_api.log_key import key_path, log_origin
from station_api.one_writer import put
from station_api.people.keys import has_pepper, load_pepper
from station_api.records import Records
from station_api.records.clock import now_us
from station_api.records.database import WAL_RESET_FIXED_IN
from station_api.records.fsck_schema import schema_findings
from station_api.records.head import lost_end
from station_api.records.ledger import Entry, log_size, read_frontier, read_nodes
from station_api.records.tables import checkpoints, entries, metadata, transitions
from station_api.registry_file import load_registry, registry_path
from station_api.tables import service_metadata
from station_api.transparency import merkle
from station_api.transparency.checkpoint import Checkpoint, open_checkpoint
from station_api.transparency.note import SignerKey, parse_signer_key, parse_verifier_key

NEWEST = 1_000
"""Entries whose leaves are hashed again; some 10 ms."""

WHOLE_CHECK_MB = 256
"""Databases up to this size are read whole (SQLite's quick_check, about 1 s for 256 MB)."""


def newest_record_us(records: Records) -> int | None:
    """Return when the newest transition was written, us since 1970."""
    query = sa.select(sa.func.max(transitions.c.at_us)).where(
        transitions.c.station == records.station
    )
    with records.database.reading.connect() as connection:
        found = connection.execute(query).scalar()
    return None if found is None else int(found)


def database(records: Records, home: Path) -> Iterator[Check]:
    """Say which engine, whether its known fault can occur, and whether the file is whole."""
    version = records.database.version()
    if not records.database.is_sqlite:
        yield ok("database", version)
        return
    mode, synchronous = put(records, home, "pragmas", {})  # another would answer for itself
    if mode != "wal" or synchronous != 2:
        found = f"{version}; journal {mode}, synchronous {synchronous}"
        yield fault("database", found, "marks could be lost in a power cut; install pinmark again")
        return
    size_mb = records.database.path.stat().st_size // 1_000_000
    said = "not read whole, too large"
    if size_mb <= WHOLE_CHECK_MB:
        with records.database.reading.connect() as connection:
            said = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
        if said != "ok":
            yield fault(
                "database", f"{version}; damaged: {said}", "stop; restore the newest backup"
            )
            return
    with records.database.reading.connect() as connection:
        differs = schema_findings(connection, (metadata, service_metadata))
    if differs:
        told = "; ".join(one.line() for one in differs[:3])
        remedy = "mark nothing; run `pinmark log fsck`, keep its output, tell the auditor"
        yield fault("database", f"{version}; {told}", remedy)
        return
    yield ok("database", f"{version}; {size_mb} MB, {said}; WAL, synchronous FULL")


def machine_keys(home: Path) -> Iterator[Check]:
    """Say whether the secret by which machine keys are looked up can be used; none is made."""
    if not has_pepper(home):
        yield ok("machine keys", "no secret yet; the service makes one")
        return
    try:
        load_pepper(home)
    except PinmarkError as error:
        remedy = "restore it from where it is kept, or every machine needs a new key"
        yield fault("machine keys", f"none works: {error}", remedy)
    else:
        yield ok("machine keys", "their secret can be used")


def registry() -> Check:
    """Say whether the registry of makes and models can be read."""
    try:
        found = load_registry()
    except PinmarkError as error:
        remedy = "restore registry.json from the last export; nothing is encoded till then"
        return fault("registry", str(error), remedy)
    own = "the station's own" if registry_path().exists() else "the sample, no makes of your own"
    return ok("registry", f"{own}; {len(found.rows)} blocks")


def sqlite_fault() -> Check:
    """Say whether this SQLite has the WAL-reset fault of versions 3.7.0 to 3.51.2."""
    if sqlite3.sqlite_version_info >= WAL_RESET_FIXED_IN:
        return ok("sqlite", f"SQLite {sqlite3.sqlite_version}, without the WAL-reset fault")
    return ok(
        "sqlite",
        f"SQLite {sqlite3.sqlite_version} has the WAL-reset fault (3.7.0 to 3.51.2), which needs "
        "two connections that write at once: the holder of the station's lock has the only one, "
        "and commands beside it have it write",
    )


def log(records: Records, home: Path) -> Iterator[Check]:
    """Say whether the log agrees with what was signed, quickly."""
    with records.database.reading.connect() as connection:
        size = log_size(connection, records.station)
        query = sa.select(sa.func.count()).where(entries.c.station == records.station)
        count = int(connection.execute(query).scalar() or 0)
        note = connection.execute(
            sa.select(checkpoints.c.note)
            .where(checkpoints.c.station == records.station)
            .order_by(checkpoints.c.number.desc())
        ).scalar()
        wrong = [] if count == size else [f"{size - count} of {size} entries are missing"]
        if size:
            wrong += _newest_leaves(connection, records.station, size)
        if note:
            wrong += _signed(connection, records, note, size)
    wrong += [one for one in beside(records, home) if one not in wrong]
    if wrong:
        remedy = "mark nothing; run `pinmark log fsck`, keep its output, tell the auditor"
        yield fault("log", "; ".join(wrong), remedy)
    elif note is None:
        remedy = "run `pinmark log checkpoint`; a backup does it too"
        yield warning("log", f"{size} entries, none signed yet", remedy)
    else:
        yield ok("log", f"{size} entries; newest {min(size, NEWEST)} and the checkpoints agree")


def beside(records: Records, home: Path) -> list[str]:
    """Say where the log is not what the head and the checkpoint beside the database say."""
    lost = lost_end(records.database, records.station)
    return _beside_signed(records, home) + ([lost] if lost else [])


def _beside_signed(records: Records, home: Path) -> list[str]:
    copy = checkpoint_path(home)
    if not copy.exists():
        return []
    with records.database.reading.connect() as connection:
        size = log_size(connection, records.station)
        return _signed(connection, records, copy.read_text("utf-8"), size)


def _newest_leaves(connection: sa.Connection, station: str, size: int) -> list[str]:
    first = max(0, size - NEWEST)
    query = sa.select(entries).where(entries.c.station == station, entries.c.position >= first)
    rows = connection.execute(query.order_by(entries.c.position)).all()
    hashes = read_nodes(connection, station, [(0, row.position) for row in rows])
    return [
        f"entry {row.position} is not what was recorded"
        for row, kept in zip(rows, hashes, strict=True)
        if merkle.leaf_hash(
            Entry(station, row.position, row.kind, bytes(row.salt), bytes(row.record)).leaf()
        )
        != kept
    ]


def _signed(connection: sa.Connection, records: Records, note: str, size: int) -> list[str]:
    keys = [parse_verifier_key(text) for text in announced_keys(records)]
    try:
        found: Checkpoint = open_checkpoint(note, keys, log_origin(records.station))[0]
    except (NoteError, ProofError) as error:
        return [f"a checkpoint does not hold ({error})"]
    if found.size > size:
        return [f"{found.size} entries were signed and {size} are here: the records were set back"]
    if read_frontier(connection, records.station, found.size).root() != found.root:
        return [f"the checkpoint of {found.size} entries was signed over another history"]
    return []


def keys(home: Path, signer: SignerKey | None) -> Iterator[Check]:
    """Say whether the log's key is there and a backup of it was noted."""
    if signer is None:
        path = key_path(home)
        if not path.exists():
            remedy = "it is made on first use; if the log has entries, restore the key's backup"
            yield warning("log key", f"{path} does not exist", remedy)
            return
        try:
            signer = parse_signer_key(path.read_text("utf-8"))
        except (OSError, PinmarkError) as error:
            remedy = "restore the key's backup; without it the log goes on under a new key only"
            yield fault("log key", f"{path} cannot be used ({error})", remedy)
            return
    print_ = signer.verifier().key_id.hex()
    noted = noted_backup(home)
    if noted is None or noted.fingerprint != print_:
        yield warning(
            "log key",
            f"key {print_} is here; no backup of it was noted",
            "copy the key file to a place of its own, and run `pinmark log key --backed-up WHERE "
            "--fingerprint HEX` with the eight hex digits between the plus signs of that copy",
        )
    else:
        yield ok("log key", f"key {print_}, backup noted {_shown(noted.at_us)}")


def backups(records: Records, keys: BackupKeys, at_us: int | None = None) -> Iterator[Check]:
    """Say how old the newest backup is, and whether it lies on another disk."""
    if keys.folder is None:
        yield warning(
            "backup",
            "no folder for backups is configured",
            "set [backup] folder to a folder on another disk and enable pinmark-backup.timer",
        )
        return
    made = newest_backup_us(keys.folder, records.station)
    if made is None:
        yield fault("backup", f"none in {keys.folder}", "run `pinmark backup`; enable the timer")
        return
    age_h = ((now_us() if at_us is None else at_us) - made) / 3.6e9
    found = f"the newest is {age_h:.1f} h old, in {keys.folder}"
    if age_h > keys.oldest_h:
        remedy = "run `pinmark backup`; look at `systemctl status pinmark-backup.timer`"
        yield fault("backup", f"{found}; at most {keys.oldest_h} h are allowed", remedy)
    elif records.database.is_sqlite and _same_disk(records.database.path, keys.folder):
        remedy = "keep backups on another disk: one failure would take records and backups"
        yield warning("backup", f"{found}, on the disk of the records", remedy)
    else:
        yield ok("backup", found)


def newest_backup_us(folder: Path, station: str) -> int | None:
    """Return when the newest backup in a folder was taken, by its name; us since 1970."""
    times = [backup_time_us(path) for path in folder.glob(f"pinmark-{station}-*.db")]
    return max((time for time in times if time is not None), default=None)


def backup_time_us(path: Path) -> int | None:
    """Return when a backup was taken, by its name, us since 1970; ``None`` if it is none."""
    try:
        moment = datetime.strptime(path.stem.rsplit("-", 1)[1], "%Y%m%dT%H%M%SZ")
    except ValueError:
        return None
    return int(moment.replace(tzinfo=UTC).timestamp()) * 1_000_000


def doubts(records: Records) -> Iterator[Check]:
    """Say how many marks wait for a person."""
    unknown = len(records.in_states({MarkState.UNKNOWN}))
    if unknown:
        remedy = "look at each pin under the microscope, then decide it: `pinmark records`"
        yield warning("marks in doubt", f"{unknown} marks are unknown", remedy)
    else:
        yield ok("marks in doubt", "none")


def _same_disk(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev


def _shown(at_us: int) -> str:
    return f"{datetime.fromtimestamp(at_us / 1e6, UTC):%Y-%m-%d}"
