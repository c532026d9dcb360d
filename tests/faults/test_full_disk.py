"""A disk that is full, or read-only, at every single write of every kind of job."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.faults.layer import laid_under

BURNED = {"marked", "unknown"}


def attempts(folder: Path, monkeypatch: pytest.MonkeyPatch, error: int) -> list[dict[str, Any]]:
    """Let a clerk try everything on a disk that refuses with ``error``; return what he tells."""
    home = folder / "home"
    monkeypatch.setenv("PINMARK_HOME", str(home))
    monkeypatch.setenv("PINMARK_CONFIG", "")
    with laid_under(home, folder / "layer", traced=False) as layer:
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.clerk", str(error)],
            cwd=REPOSITORY,
            env=layer.environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-1000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("error", "words"),
    [(errno.ENOSPC, ("disk is full", "make room")), (errno.EROFS, ("read-only",))],
    ids=["full", "read-only"],
)
def test_at_every_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int, words: tuple[str, ...]
) -> None:
    """One clear error that says what to do, nothing half done, and work goes on afterwards."""
    told = attempts(tmp_path, monkeypatch, error)
    jobs = [one for one in told if "failure" in one]
    failed = [one for one in jobs if one["failure"]]
    kinds = Counter(one["job"] for one in failed)
    assert len(kinds) >= 13 and len(failed) > 100, kinds
    for one in failed:
        said = one["answer"]
        assert "traceback" not in one["failure"] and "no end" not in one["failure"], one
        assert all(word in said for word in words) or "`df -h`, `dmesg`" in said, one
        assert one["unchanged"], one
        assert one["done"], one  # the same job, once the disk takes it
        if one["job"].startswith("POST"):
            assert said.startswith(("507 application/problem", "503 application/problem")), one
    assert any("507" in one["answer"] for one in failed) == (error == errno.ENOSPC)
    pins = [one for one in told if one["job"] == "pin"]
    check_pins(pins)
    assert told[-1] == {"job": "fsck", "findings": []}


def check_pins(pins: list[dict[str, Any]]) -> None:
    """The laser is off, what burned is in doubt or marked, what is blank is neither."""
    assert len(pins) > 5
    for one in pins:
        assert one["dark"], one
        assert "traceback" not in one["answer"], one
        if one["burned"]:
            assert one["state"] in BURNED, one
        else:
            assert one["state"] in ("none", "intended", "cancelled", "unknown"), one
        if one["state"] == "marked":
            assert not one["answer"], one
    assert any(one["burned"] and one["state"] == "unknown" for one in pins)
    assert pins[-1]["state"] == "marked" and not pins[-1]["refused"]
