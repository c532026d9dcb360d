"""Over HTTP: no transition is answered before its fdatasync, and neighbours share one."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from station_api.people import Role
from station_api.records import Records
from station_api.service.server import listen, make_server
from tests.station_api.records.houses import intent

REPOSITORY = Path(__file__).resolve().parents[3]
MODULE = "tests.station_api.service.test_durable"
CALLS = "trace=fdatasync,fsync,recvfrom,sendto"


def serve(home: Path, count: int) -> None:
    """Serve a station with marks in doubt; say port and token, and end when told."""
    from station_api.app import make_app
    from station_api.service.service import make_service

    records = Records(home / "station.db")
    for n in range(count):
        mark_id = records.intend(intent(n)).mark_id
        records.begin(mark_id)
        records.give_up(mark_id, "test")
    service = make_service(home, records)
    boss = service.people.add("A. Smith", Role.SUPERVISOR, "correct horse battery", "test")
    listener = listen("127.0.0.1", 0, tls=False, plain=False)
    said = {"port": listener.getsockname()[1], "token": service.sessions.open(boss.caller())}
    print(json.dumps(said), flush=True)
    server = make_server(make_app(service))
    threading.Thread(target=end_when_told, args=[server], daemon=True).start()
    server.run(sockets=[listener])
    records.close()


def end_when_told(server: Any) -> None:
    """Stop when the test closes the pipe, or is gone."""
    sys.stdin.read()
    server.should_exit = True


def scrap(port: int, token: str, ids: list[str]) -> None:
    """Decide about marks, one after the other, on one connection."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    for mark_id in ids:
        headers = {"Authorization": f"Bearer {token}", "If-Match": "*"}
        headers |= {"Idempotency-Key": f"k-{mark_id}", "Content-Type": "application/json"}
        body = json.dumps({"state": "scrapped", "reason": "half of it is missing"})
        link.request("POST", f"/v1/marks/{mark_id}/conclude", body, headers)
        answer = link.getresponse()
        assert (answer.status, json.loads(answer.read())["mark"]["mark_id"]) == (200, mark_id)
    link.close()


def events(trace: Path) -> list[tuple[str, str]]:
    """What the kernel saw, in order: ``asked`` and ``told`` with a mark, ``sync`` as it ended."""
    found: list[tuple[str, str]] = []
    begun: dict[str, str] = {}
    for line in trace.read_text("utf-8", "replace").splitlines():
        thread = line.split(maxsplit=1)[0]
        if "<unfinished" in line:
            begun[thread] = line
            continue
        whole = begun.pop(thread, "") + line if "resumed>" in line else line
        if "sync(" in whole and "station.db-wal" in whole:
            found.append(("sync", ""))
        elif "recvfrom(" in whole and (asked := re.search(r"/v1/marks/(\w+)/conclude", whole)):
            found.append(("asked", asked[1]))
        elif "sendto(" in whole and (told := re.search(r'mark_id\\":\\"(\w+)\\"', whole)):
            found.append(("told", told[1]))
    return found


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_no_transition_is_answered_before_its_fdatasync(tmp_path: Path) -> None:
    """Each request, its sync, its reply, as strace sees them; alone one each, eight share."""
    home, trace, faults = tmp_path / "home", tmp_path / "calls", tmp_path / "faults"
    home.mkdir()
    ids = [f"M{n:06d}" for n in range(1, 101)]
    tracer = ["strace", "-f", "-y", "-s", "4000", "-o", str(trace), "-e", CALLS]
    words = [*tracer, sys.executable, "-m", MODULE, str(home), str(len(ids))]
    with (
        faults.open("w") as told_us,
        subprocess.Popen(
            words,
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=told_us,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        first = process.stdout.readline()
        if "ptrace" in faults.read_text() and not first:
            pytest.skip("this machine does not let a process be traced")
        assert first, faults.read_text()
        said = json.loads(first)
        scrap(said["port"], said["token"], ids[:20])
        with ThreadPoolExecutor(8) as clients:
            shares = [ids[20 + n :: 8] for n in range(8)]
            list(clients.map(lambda mine: scrap(said["port"], said["token"], mine), shares))
        process.communicate(timeout=120)
    story = events(trace)
    asked = {mark: place for place, (what, mark) in enumerate(story) if what == "asked"}
    told = {mark: place for place, (what, mark) in enumerate(story) if what == "told"}
    assert sorted(told) == ids
    for mark_id, place in told.items():
        assert ("sync", "") in story[asked[mark_id] : place], mark_id
    begun, shared = asked[ids[0]], max(told[one] for one in ids[:20])
    alone = [what for what, _ in story[begun:shared]].count("sync")
    together = [what for what, _ in story[shared : max(told.values())]].count("sync")
    assert alone == 20
    assert together < 0.5 * 80, together


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
