"""Shared by all tests: a station of one's own, the command line, a virtual engraver process."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from station_api.cli import shell
from station_api.cli.app import make_app

# `make test` gives the same verdict on the same code; `make soak` looks for new cases.
# No example has a deadline: a busy machine is not a fault of the code.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("PINMARK_HYPOTHESIS", "repeatable"))

REPOSITORY = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 60.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--port DEV``: the controller that tests marked ``hardware`` talk to."""
    parser.addoption("--port", default=None, help="device of a real controller, laser disarmed")


@pytest.fixture(autouse=True)
def logging_of_its_own() -> Iterator[None]:
    """Take away what a command of this test logs to: its standard error is closed afterwards."""
    for handler in list(logging.root.handlers):
        if getattr(getattr(handler, "stream", None), "closed", False):
            logging.root.removeHandler(handler)
    before = list(logging.root.handlers)
    yield
    for handler in [one for one in logging.root.handlers if one not in before]:
        if type(handler).__module__.startswith("logging"):
            logging.root.removeHandler(handler)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a fresh PINMARK_HOME."""
    folder = tmp_path / "station"
    monkeypatch.setenv("PINMARK_HOME", str(folder))
    monkeypatch.setenv("PINMARK_CONFIG", "")
    return folder


@pytest.fixture
def pinmark(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs `pinmark` in this process and returns what it printed."""

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        capsys.readouterr()
        code = shell.run(make_app([str(word) for word in words]), [str(word) for word in words])
        printed = capsys.readouterr()
        return subprocess.CompletedProcess(words, code, printed.out, printed.err)

    return run


def command(*words: str | Path) -> list[str]:
    """Return the command line of `pinmark` with ``words``."""
    return [sys.executable, "-m", "station_api", *map(str, words)]


@contextmanager
def engraver_process(folder: Path, *options: str) -> Iterator[Path]:
    """Run `pinmark engraver` in ``folder``; yield its port; end it with the block."""
    folder.mkdir(parents=True, exist_ok=True)
    port = folder / "controller"
    words = ["engraver", "--pty", str(port), "--recipe", "default", "--out", str(folder)]
    with (folder / "engraver.log").open("w") as log:
        process = subprocess.Popen(
            command(*words, *options), stdout=log, stderr=log, env=os.environ | {"COLUMNS": "200"}
        )
        wait_until(lambda: port.exists() or process.poll() is not None, START_TIMEOUT_S)
        assert process.poll() is None, (folder / "engraver.log").read_text()
        try:
            yield port
        finally:
            process.terminate()
            process.wait()


def wait_until(condition: Callable[[], bool], timeout_s: float) -> None:
    """Return once ``condition`` holds; fail the test if it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)
