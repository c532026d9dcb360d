"""The machine under the station: versions, clock, disk, permissions.

In: the station's folder and configuration. Out: checks. The clock is compared with the newest
record, because a small board without a battery wakes up in 1970.
"""

from __future__ import annotations

import os
import platform
import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from station_api.configuration.load import Reading
from station_api.configuration.secret_files import secret_faults
from station_api.doctor.check import Check, fault, ok, skipped, warning
from station_api.records.clock import now_us, wall_source

OLDEST_US = 1_735_689_600_000_000
"""2025-01-01: no pinmark is older, so a clock before it was never set."""

SLACK_US = 2_000_000
"""How far a clock may be set back by its own steering; NTP steps below this are daily life."""

INODES_FREE = 1_000
OTHERS = stat.S_IRWXG | stat.S_IRWXO
LIBRARIES = (
    "fastapi",
    "numpy",
    "pydantic",
    "pyserial",
    "scipy",
    "shapely",
    "sqlalchemy",
    "uvicorn",
)


def versions() -> Iterator[Check]:
    """Say what runs here."""
    found = [f"pinmark {metadata.version('pinmark')}", f"Python {platform.python_version()}"]
    missing = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    found.append(f"{platform.system()} {platform.release()} {platform.machine()}")
    if missing:
        yield fault("versions", f"missing: {', '.join(missing)}", "install pinmark again")
    else:
        yield ok("versions", ", ".join(found))


def configuration(reading: Reading) -> Iterator[Check]:
    """Say which file is in force and whether it has faults."""
    where = str(reading.path) if reading.path else "no file, all defaults"
    faults = [*reading.faults, *secret_faults(reading.settings)]
    if faults:
        found = f"{len(faults)} faults; {faults[0].line()}"
        yield fault("configuration", found, "run `pinmark config check` and mend each line")
    else:
        yield ok("configuration", where)


def clock(newest_us: int | None, must_be_synchronised: bool, wall_us: int | None = None) -> Check:
    """Say whether the clock can be believed.

    Parameters
    ----------
    newest_us
        Time of the newest record, us since 1970, or ``None`` without records.
    wall_us
        The time now; the machine's, if it is not given.
    """
    now = now_us() if wall_us is None else wall_us
    shown = f"{datetime.fromtimestamp(now / 1e6, UTC):%Y-%m-%d %H:%M:%S} UTC"
    if now < OLDEST_US:
        return fault(
            "clock",
            f"stands at {shown}: it was never set since the machine started",
            "set it (timedatectl set-time, or connect a time server); fit a clock battery",
        )
    if newest_us is not None and now + SLACK_US < newest_us:
        behind_s = (newest_us - now) // 1_000_000
        return fault(
            "clock",
            f"stands at {shown}, {behind_s} s before the newest record",
            "set it to the true time; if the record is the wrong one, tell the auditor",
        )
    source = wall_source()
    if source == "system/synchronised":
        return ok("clock", f"{shown}, synchronised")
    if source == "system/unknown":
        return skipped(
            "clock", f"{shown}; the kernel does not say", "compare it with a time server"
        )
    if not must_be_synchronised:
        return ok("clock", f"{shown}, not synchronised, as configured")
    return warning(
        "clock",
        f"{shown}, not synchronised with a time server",
        "start systemd-timesyncd or chrony; on a station without a network set [doctor] "
        "clock_synchronised = false and compare it by hand every week",
    )


def disk(home: Path, backups: Path | None, least_mb: int) -> Iterator[Check]:
    """Say how much room is left where records and backups are."""
    for name, folder in (("disk", home), ("backup disk", backups)):
        if folder is None or not folder.exists():
            continue
        free_mb = shutil.disk_usage(folder).free // 1_000_000
        system = os.statvfs(folder)
        inodes = system.f_favail if system.f_files else INODES_FREE
        found = f"{free_mb} MB free of {shutil.disk_usage(folder).total // 1_000_000} at {folder}"
        if free_mb < least_mb or inodes < INODES_FREE:
            few = "" if inodes >= INODES_FREE else f", {inodes} files left"
            yield fault(
                name,
                f"{found}{few}; at least {least_mb} MB are asked for",
                "make room: move old backups and scans to another disk; records are never deleted",
            )
        else:
            yield ok(name, found)


def permissions(home: Path) -> Iterator[Check]:
    """Say whether the folder and what is in it belong to the station alone."""
    wrong, remedies = [], []
    user = home.owner()
    if not os.access(home, os.W_OK | os.X_OK):
        wrong.append(f"{home} is not writable for this user")
        remedies.append(f"run this as {user}, or chmod u+rwx {home}")
    if home.stat().st_mode & stat.S_IWOTH:
        wrong.append(f"anybody can write {home}")
        remedies.append(f"chmod o-rwx {home}")
    for name in ("log.key", "witness.key", "keys.pepper"):
        file = home / name
        if file.exists() and file.stat().st_mode & OTHERS:
            wrong.append(f"others can read {name} (mode {stat.S_IMODE(file.stat().st_mode):o})")
            remedies.append(f"chmod 600 {file}")
    owners = {path.stat().st_uid for path in home.iterdir() if path.is_file()}
    if len(owners | {home.stat().st_uid}) > 1:
        wrong.append(f"files in {home} have different owners")
        remedies.append(f"chown -R {user}: {home}")
    if wrong:
        yield fault("permissions", "; ".join(wrong), "; ".join(remedies))
    elif home.stat().st_mode & (stat.S_IROTH | stat.S_IXOTH):
        found = f"anybody on this machine can read the records in {home}, which name serials"
        yield warning("permissions", found, f"chmod o-rwx {home}")
    else:
        yield ok("permissions", f"{home} and its secrets belong to the station alone")
