"""The half of `prove_deb.py` that runs inside the clean Debian, as root, without a network.

In: ``old.deb`` and ``new.deb`` beside this file, systemd as process 1. Out: the file ``proved``, or
an exception that says what was not as it should be. Python's standard library alone.
"""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
HOME = Path("/var/lib/pinmark")
CONFIG = Path("/etc/pinmark/pinmark.toml")
BACKUPS = Path("/var/backups/pinmark")
PROGRAM = "/usr/lib/pinmark/venv/bin/pinmark"
PORT = "/run/engraver/controller"
BASE = "http://127.0.0.1:8080/v1"
OWN_LINE = "# a change of my own\n"
WAIT_S = 180.0
PERSON, SECRET = "E. Engineer", "correct horse battery"
ORDER = {"make": "EXAMPLE ARMS", "model": "MODEL 1", "recipe": "default"}


def main() -> None:
    """Prove it, step by step."""
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

    step("upgrade with data in place")
    install("new.deb")
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
    backup()
    take_away()
    (HERE / "proved").touch()
    step("PROVED: install, start, mark, upgrade, crash, watchdog, backup, remove, purge")


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


def backup() -> None:
    """The unit of the timer makes a backup that is checked."""
    step("the daily backup's unit")
    run("systemctl", "start", "pinmark-backup.service")
    assert list(BACKUPS.glob("*.db")), "no backup"


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


def install(name: str) -> None:
    """Install a package as dpkg does without a person."""
    run("dpkg", "--force-confdef", "--force-confold", "--install", str(HERE / name))


def make_callers() -> str:
    """Make a machine's key and an engineer; return the key."""
    run("systemctl", "stop", "pinmark.service")
    key: str = json.loads(pinmark("keys", "make", "proof", "--json"))["text"]
    secret = Path("/tmp/secret")
    secret.write_text(SECRET)
    pinmark("people", "add", PERSON, "--role", "engineer", "--secret-file", str(secret))
    start()
    return key


def start() -> None:
    """Start the service anew; systemctl comes back when it says READY=1."""
    run("systemctl", "restart", "pinmark.service")


def engraver(speed: str) -> None:
    """Put a virtual engraver at the port, as the station's user."""
    subprocess.run(["systemctl", "stop", "engraver.service"], capture_output=True)
    words = ["systemd-run", "--quiet", "--unit=engraver", "--collect", "--uid=pinmark"]
    words += ["--property=RuntimeDirectory=engraver", PROGRAM, "engraver", "--pty", PORT]
    run(*words, "--out", "/run/engraver", "--speed", speed)
    wait_until(lambda: Path(PORT).exists(), "the virtual engraver does not start")


def mark(key: str, serial: str) -> str:
    """Mark one pin; return its state, or what refused it."""
    job = begin(key, serial)
    if not job.startswith("J"):
        return job
    wait_until(lambda: job_now(key, job)["state"] != "running", f"{serial} does not end")
    ended = job_now(key, job)
    return marks()[serial] if ended["problem"] is None else str(ended["problem"])


def begin(key: str, serial: str) -> str:
    """Start a job; return its id, or what refused it."""
    order = {"order": f"WO-{serial}", "serial": serial, **ORDER}
    status, body = ask("POST", "/marks", key, {"order": order})
    return body["job_id"] if status == 202 else body["detail"]


def job_now(key: str, job: str) -> dict[str, Any]:
    """Return how a job stands."""
    found: dict[str, Any] = ask("GET", f"/jobs/{job}", key)[1]
    return found


def marks() -> dict[str, str]:
    """Return the state of every serial, from the records."""
    found = json.loads(pinmark("records", "--json"))["marks"]
    return {one["serial"]: one["state"] for one in found}


def ask(method: str, path: str, token: str | None, body: object = None) -> tuple[int, Any]:
    """Ask the service; return the status and the JSON of the answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(BASE + path, data, method=method)
    request.add_header("Content-Type", "application/json")
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.loads(refusal.read())


def pinmark(*words: str, allow: tuple[int, ...] = (0,)) -> str:
    """Run a command as root would: the wrapper becomes the station's user."""
    return run("/usr/bin/pinmark", *words, allow=allow)


def run(*words: str, allow: tuple[int, ...] = (0,)) -> str:
    """Run a command and return what it prints; anything but success is an exception."""
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode not in allow:
        raise AssertionError(f"{' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def active(unit: str) -> bool:
    """Tell whether a unit runs."""
    return subprocess.run(["systemctl", "is-active", "--quiet", unit]).returncode == 0


def shown(name: str) -> str:
    """Return one property of the service's unit."""
    return run("systemctl", "show", "--value", f"--property={name}", "pinmark.service").strip()


def wait_until(true: Callable[[], bool], otherwise: str) -> None:
    """Wait for a condition, with patience for a loaded machine."""
    give_up = time.monotonic() + WAIT_S
    while not true():
        if time.monotonic() > give_up:
            journal = run("journalctl", "--no-pager", "--lines=30", "--unit=pinmark.service")
            raise AssertionError(f"{otherwise}\n{journal}")
        time.sleep(0.2)


def step(said: str) -> None:
    """Say what comes now."""
    print(f"-- {said}")


def say(found: str) -> None:
    """Say what was found."""
    print("   " + found.strip().replace("\n", "\n   "))


if __name__ == "__main__":
    try:
        main()
    except Exception:
        print(run("journalctl", "--no-pager", "--lines=60", "--unit=pinmark.service"))
        raise
