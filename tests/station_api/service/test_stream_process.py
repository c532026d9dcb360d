"""A pin marked by the service, whose port belongs to a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engraver.errors import ConflictError, MissingError
from engraver.orders import WorkOrder
from engraver.record import MarkState
from firmware_bridge.control import Wish
from station_api.people import Caller, Role
from station_api.records import Records
from station_api.service.runner import Job, Runner
from station_api.service.service import Service
from station_api.station import open_station
from tests.conftest import engraver_process, wait_until

OPERATOR = Caller("operator one", Role.OPERATOR)
ORDER = WorkOrder("WO-1", "EXAMPLE ARMS", "MODEL 1", "ZQ0042", "default")
WAIT_S = 120.0


def children(pid: int) -> list[int]:
    """Return the stream processes that a process has started."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for one in (task / "children").read_text().split():
            try:
                words = Path(f"/proc/{one}/cmdline").read_bytes()
            except OSError:
                continue
            if b"firmware_bridge.child" in words:
                found.append(int(one))
    return found


def wait_for_state(records: Records, state: MarkState) -> None:
    """Wait until the newest mark is in ``state``."""
    wait_until(lambda: [m.state for m in records.all_marks()[-1:]] == [state], WAIT_S)


def burning(runner: Runner, job: Job) -> bool:
    """Tell whether the laser is surely at work on a job."""
    now = runner.get(job.job_id)
    assert now.state == "running", now.problem
    return now.step == "marking" and now.done > 500


def test_its_death_is_an_unknown_and_the_service_lives(service: Service, tmp_path: Path) -> None:
    """SIGKILL of the process that owns the port: bounds in the record, no second shot."""
    with engraver_process(tmp_path / "engraver", "--speed", "4") as pty:
        service.runner.port = str(pty)
        job = service.runner.start(ORDER, OPERATOR)
        wait_until(lambda: burning(service.runner, job), WAIT_S)
        [child] = children(os.getpid())
        os.kill(child, signal.SIGKILL)
        service.runner.wait()
        ended = service.runner.get(job.job_id)
        assert ended.state == "failed"
        assert "by signal 9" in str(ended.problem) and "laser off" in str(ended.problem)
        [mark] = service.records.all_marks()
        assert mark.state is MarkState.UNKNOWN
        reason = service.records.history(mark.mark_id)[-1]["reason"]
        assert "stream process" in reason
        with pytest.raises(Exception, match="look at the pin"):
            service.runner.start(ORDER, OPERATOR)


def test_hold_resume_and_abort(service: Service, tmp_path: Path) -> None:
    """A held pin waits, goes on, and an abort ends it between two named strokes."""
    with engraver_process(tmp_path / "engraver", "--speed", "4") as pty:
        service.runner.port = str(pty)
        job = service.runner.start(ORDER, OPERATOR)
        with pytest.raises(ConflictError, match="abort it instead"):
            service.runner.ask(job.job_id, Wish.HOLD)
        wait_until(lambda: burning(service.runner, job), WAIT_S)
        service.runner.ask(job.job_id, Wish.HOLD)
        service.runner.ask(job.job_id, Wish.RESUME)
        service.runner.ask(job.job_id, Wish.ABORT)
        service.runner.wait()
        assert "aborted on request" in str(service.runner.get(job.job_id).problem)
        assert [m.state for m in service.records.all_marks()] == [MarkState.UNKNOWN]
        with pytest.raises(ConflictError, match="has ended"):
            service.runner.ask(job.job_id, Wish.ABORT)
        with pytest.raises(MissingError):
            service.runner.ask("J0", Wish.ABORT)


def test_an_abort_before_the_intent_records_nothing(service: Service, tmp_path: Path) -> None:
    """While the mark is planned the order can be taken back: the serial stays free."""
    with engraver_process(tmp_path / "engraver", "--speed", "max") as pty:
        service.runner.port = str(pty)
        job = service.runner.start(ORDER, OPERATOR)
        service.runner.ask(job.job_id, Wish.ABORT)
        service.runner.wait()
        assert "nothing was recorded" in str(service.runner.get(job.job_id).problem)
        assert service.records.all_marks() == []


SERVICE = """
import sys
from pathlib import Path
from station_api.service.service import make_service
from station_api.station import open_station
from tests.station_api.service.test_stream_process import OPERATOR, ORDER
with open_station(to_mark=True) as station:
    service = make_service(station.home, station.records, {port!r})
    service.runner.start(ORDER, OPERATOR)
    service.runner.wait()
"""


def test_a_killed_service_takes_its_stream_along(home: Path, tmp_path: Path) -> None:
    """SIGKILL of the service alone: the child stops the laser; the next start says unknown."""
    home.mkdir()
    with engraver_process(tmp_path / "engraver", "--speed", "4") as pty:
        killed = subprocess.Popen([sys.executable, "-c", SERVICE.format(port=str(pty))])
        wait_until(lambda: (home / "station.db").exists(), WAIT_S)
        records = Records(home / "station.db")
        wait_for_state(records, MarkState.MARKING)
        records.close()
        [child] = children(killed.pid)
        killed.kill()
        killed.wait()
        wait_until(lambda: not Path(f"/proc/{child}").exists(), WAIT_S)
        with open_station() as station:
            [mark] = station.in_doubt
            assert mark.state is MarkState.UNKNOWN
            reason = station.records.history(mark.mark_id)[-1]["reason"]
        assert "done for sure up to stroke" in reason
