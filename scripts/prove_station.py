"""What the proof of the package does to a station: commands, requests, waits.

In: names and serials. Out: what came of it; an exception says what was not as it should be.
"""

from __future__ import annotations

import json
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
WAIT_S = 180.0
PERSON, SECRET = "E. Engineer", "correct horse battery"
ORDER = {"make": "EXAMPLE ARMS", "model": "MODEL 1", "recipe": "default"}


def install(name: str) -> str:
    """Install a package as dpkg does without a person; return what it said."""
    return run("dpkg", "--force-confdef", "--force-confold", "--install", str(HERE / name))


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


def state_of(unit: str, name: str) -> str:
    """Return one property of a unit."""
    return run("systemctl", "show", "--value", f"--property={name}", unit).strip()


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
