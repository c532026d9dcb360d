"""The half of `prove_deb.py` that runs inside the clean Debian, as root, without a network.

In: ``old.deb`` and ``new.deb`` beside this file, systemd as process 1. Out: the file ``proved``, or
an exception that says what was not as it should be. Python's standard library alone.
"""

from __future__ import annotations

import json
import os
import pwd
import signal
import urllib.error
import urllib.request
from pathlib import Path

from prove_keeping import marking_on, named_backup, roll_back, timer, without_room
from prove_station import (
    BACKUPS,
    CONFIG,
    HERE,
    HOME,
    ORDER,
    PERSON,
    PORT,
    SECRET,
    active,
    ask,
    begin,
    engraver,
    install,
    job_now,
    make_callers,
    mark,
    marks,
    pinmark,
    run,
    say,
    shown,
    start,
    step,
    wait_until,
)

OWN_LINE = "# a change of my own\n"


def main() -> None:
    """Prove it, step by step."""
    # the notes say `apt install`; here nobody answers its questions
    Path("/etc/apt/apt.conf.d/99proof").write_text(
        'APT::Get::Assume-Yes "true";\nDpkg::Options {"--force-confdef"; "--force-confold";}\n'
    )
    step("install the older version")
    install("old.deb")
    assert pwd.getpwnam("pinmark").pw_shell.endswith("nologin"), "the user can log in"
    assert (HOME.stat().st_mode & 0o777, HOME.owner()) == (0o750, "pinmark"), "folder of records"
    wait_until(lambda: active("pinmark.service"), "the service does not start by itself")
    assert active("pinmark-backup.timer"), "no backup is planned"
    with CONFIG.open("a") as file:
        file.write(
            f'\n[engraver]\nport = "{PORT}"\n[doctor]\nclock_synchronised = false\n{OWN_LINE}'
        )
    key = make_callers()
    step("mark a pin with it, through the service")
    engraver("max")
    start()
    assert mark(key, "ZQ0042") == "marked", "the first pin"
    before = marks()
    log_key = (HOME / "log.key").read_bytes()

    step("upgrade with data in place: a backup first, or nothing is replaced")
    without_room()
    told = install("new.deb")
    before_upgrade = named_backup(told)
    say(f"the older program's backup: {before_upgrade}")
    wait_until(lambda: active("pinmark.service"), "the service does not start after the upgrade")
    assert CONFIG.read_text().endswith(OWN_LINE), "the configuration was overwritten"
    say(pinmark("config", "check"))
    assert marks() == before, (before, marks())
    assert (HOME / "log.key").read_bytes() == log_key, "the log key changed"
    say(pinmark("log", "fsck"))
    refused = mark(key, "ZQ0042")
    assert "a serial is never marked twice" in refused, f"ZQ0042 was not refused: {refused}"
    by_hand("ZQ0042")
    engraver("max")
    assert mark(key, "ZQ0043") == "marked", "a pin after the upgrade"

    under_the_unit()
    crash(key)
    watchdog()
    timer()
    marking_on(key)
    roll_back(key, before_upgrade, before)
    take_away()
    (HERE / "proved").touch()
    step("PROVED: install, mark, upgrade, crash, watchdog, timer, restore, roll back, purge")


def by_hand(serial: str) -> None:
    """The command line refuses a second mark as well: exit code 2, and says why."""
    run("systemctl", "stop", "pinmark.service")
    order = Path("/tmp/order.toml")
    order.write_text("\n".join(f'{k} = "{v}"' for k, v in
                               {"order": "WO-9", "serial": serial, **ORDER}.items()))  # fmt: skip
    said = pinmark("mark", str(order), "--port", PORT, "--json", allow=(2,))
    assert "a serial is never marked twice" in said, said
    start()


def under_the_unit() -> None:
    """What the hardening must let through, and how much it keeps out."""
    step("the hardened unit lets the bench, the doctor and the page through")
    status, body = ask("POST", "/session", None, {"name": PERSON, "secret": SECRET})
    assert status == 201, body
    engineer = body["token"]
    plan = ask("POST", "/plans", engineer, {"recipe": "default", "code": "WT37AHG3P1Y5"})
    assert plan[0] == 200, f"the bench under the unit: {plan}"
    with urllib.request.urlopen("http://127.0.0.1:8080/") as page:
        assert page.status == 200
    found = json.loads(pinmark("doctor", "--json", allow=(0, 1, 2, 3)))
    faults = [f"{c['name']}: {c['found']}" for c in found["checks"] if c["state"] == "fault"]
    say(f"doctor: {found['state']}; {'; '.join(faults)}")
    say(
        run("systemd-analyze", "security", "pinmark.service", "--no-pager").splitlines()[-1].strip()
    )
    took_us = int(shown("ActiveEnterTimestampMonotonic")) - int(
        shown("ExecMainStartTimestampMonotonic")
    )
    say(f"start of the program to READY=1: {took_us / 1e6:.1f} s")
    strangers = [str(p) for p in HOME.rglob("*") if p.owner() != "pinmark"]
    assert not strangers, f"files of another user: {strangers}"


def crash(key: str) -> None:
    """SIGKILL in the middle of a pin: restarted, in doubt, nothing fires."""
    step("kill -9 in the middle of a pin: restarted, the pin is unknown, nothing is armed")
    engraver("4")
    job = begin(key, "ZQ0044")
    wait_until(lambda: burning(key, job), "the pin is not being marked")
    restarts = int(shown("NRestarts"))
    run("systemctl", "kill", "--kill-who=main", "--signal=KILL", "pinmark.service")
    wait_until(
        lambda: int(shown("NRestarts")) > restarts and active("pinmark.service"), "no restart"
    )
    assert marks()["ZQ0044"] == "unknown", marks()
    # systemd must not kill the port's process: it has a laser to switch off, and ends by itself
    wait_until(lambda: not port_processes(), "the process that owned the port is still there")
    journal = run("journalctl", "--unit=pinmark.service", "--no-pager")
    assert "Killing process" not in journal, "systemd killed the process that owned the port"
    state, body = ask("GET", "/jobs", key)
    assert (state, body["jobs"] if isinstance(body, dict) else body) == (200, []), body
    refused = mark(key, "ZQ0044")
    assert "look at the pin" in refused, f"ZQ0044 was not refused: {refused}"


def burning(key: str, job: str) -> bool:
    """Tell whether the laser is at work on a job."""
    now = job_now(key, job)
    return bool(now["step"] == "marking" and now["done"] > 300)


def port_processes() -> list[str]:
    """Return the processes that own a port."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [path.parent.name] if b"firmware_bridge.child" in path.read_bytes() else []
        except OSError:
            continue
    return found


def watchdog() -> None:
    """A service that hangs is ended and started again."""
    step("a service that hangs is ended by the watchdog and started again")
    drop_in = Path("/etc/systemd/system/pinmark.service.d/quick.conf")
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nWatchdogSec=6\nTimeoutAbortSec=5\n")
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "pinmark.service")
    restarts = int(shown("NRestarts"))
    os.kill(int(shown("MainPID")), signal.SIGSTOP)
    wait_until(
        lambda: int(shown("NRestarts")) > restarts and active("pinmark.service"), "no restart"
    )
    assert "watchdog" in run("journalctl", "--unit=pinmark.service", "--no-pager").lower()
    drop_in.unlink()
    drop_in.parent.rmdir()
    run("systemctl", "daemon-reload")


def take_away() -> None:
    """Remove, install again, purge, purge with the records."""
    step("remove: data stay")
    kept = marks()
    say(" ".join(f"{serial}={state}" for serial, state in sorted(kept.items())))
    run("systemctl", "stop", "engraver.service")
    run("dpkg", "--remove", "pinmark")
    assert (HOME / "station.db").exists() and CONFIG.exists(), "data went with the package"
    left = list(Path("/usr/lib/pinmark").rglob("*"))[:5]
    assert not Path("/usr/lib/pinmark").exists(), f"left behind: {left}"
    step("install again: the marks are there")
    install("new.deb")
    wait_until(lambda: active("pinmark.service"), "the service does not start")
    assert marks() == kept, (kept, marks())
    step("purge: the configuration goes, records and backups stay")
    say(run("dpkg", "--purge", "pinmark"))
    assert (HOME / "station.db").exists() and list(BACKUPS.glob("*.db")), "records went"
    assert not CONFIG.exists() and not Path("/etc/default/pinmark").exists(), "left behind"
    assert HOME.owner() == "pinmark", "the records' owner is gone"
    step("purge that says so: records go, backups stay")
    install("new.deb")
    os.environ["PINMARK_PURGE"] = "records"
    run("dpkg", "--purge", "pinmark")
    assert not HOME.exists() and list(BACKUPS.glob("*.db")), "records stay or backups went"


if __name__ == "__main__":
    try:
        main()
    except Exception:
        print(run("journalctl", "--no-pager", "--lines=60", "--unit=pinmark.service"))
        raise
