"""The log under verifiers that share no line with pinmark: Go's sumdb, and aics-tlog."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from station_api.transparency import merkle, note
from station_api.transparency.checkpoint import Checkpoint, sign_checkpoint

HERE = Path(__file__).parent
GO_SOURCES = Path("/usr/share/gocode")
"""Where Debian's golang-golang-x-mod-dev puts golang.org/x/mod."""

Run = Callable[[dict[str, Any]], "subprocess.CompletedProcess[str]"]


def claims(index: int, early: int, late: int) -> dict[str, Any]:
    """What pinmark says of a log of its own making."""
    data = [b'{"n":%d}' % n for n in range(late)]
    nodes: dict[merkle.Coordinate, bytes] = {}
    frontier, roots = merkle.Frontier(), {}
    for entry in data:
        frontier, made = frontier.append(merkle.leaf_hash(entry))
        nodes |= {(n.level, n.index): n.hash for n in made}
        roots[frontier.size] = frontier.root()
    key = note.generate_key("log.example/station-1", lambda n: bytes(range(n)))

    def read(wanted: Any) -> list[bytes]:
        return [nodes[one] for one in wanted]

    def text(hashes: list[bytes]) -> list[str]:
        return [base64.b64encode(one).decode() for one in hashes]

    return {
        "Vkey": key.verifier().text(),
        "Early": sign_checkpoint(Checkpoint(key.name, early, roots[early]), [key]),
        "Late": sign_checkpoint(Checkpoint(key.name, late, roots[late]), [key]),
        "Index": index,
        "Leaf": base64.b64encode(data[index]).decode(),
        "Inclusion": text(merkle.inclusion_proof(index, late, read)),
        "Consistency": text(merkle.consistency_proof(early, late, read)),
    }


def ask(command: list[str]) -> Run:
    def run(said: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, input=json.dumps(said), capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture(scope="module")
def go_verifier(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Go's sumdb/note and sumdb/tlog, compiled once."""
    go = shutil.which("go")
    if go is None or not (GO_SOURCES / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        pytest.skip("no Go with golang.org/x/mod (Debian: golang-go golang-golang-x-mod-dev)")
    folder = tmp_path_factory.mktemp("go")
    shutil.copy(HERE / "independent_go.txt", folder / "main.go")
    settings = {"GOPATH": str(GO_SOURCES), "GO111MODULE": "off", "GOCACHE": str(folder / "cache")}
    built = subprocess.run(
        [go, "build", "-o", "verify", "main.go"],
        cwd=folder,
        env={**os.environ, **settings, "GOFLAGS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        pytest.skip(f"Go cannot build the verifier here: {built.stderr.splitlines()[-1:]}")
    return ask([str(folder / "verify")])


@pytest.fixture(scope="module")
def aics_verifier(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """aics-tlog, in an environment of its own with a Python that it accepts."""
    python = next(filter(None, map(usable_python, python_candidates())), None)
    if python is None:
        pytest.skip("aics-tlog needs Python 3.12 or newer; none was found")
    folder = tmp_path_factory.mktemp("aics")
    for command in (
        [python, "-m", "venv", str(folder)],
        [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "aics-tlog==0.2.1"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"aics-tlog cannot be installed here: {done.stderr.splitlines()[-1:]}")
    return ask([str(folder / "bin/python"), str(HERE / "independent_aics.txt")])


def python_candidates() -> list[str]:
    named = [sys.executable, *(shutil.which(f"python3.{n}") or "" for n in range(12, 16))]
    managed = sorted(map(str, Path.home().glob(".pyenv/versions/3.1[2-9]*/bin/python")))
    return [one for one in [*named, *managed] if one]


def usable_python(path: str) -> str | None:
    asked = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))"
    done = subprocess.run([path, "-c", asked], capture_output=True, check=False)
    return None if done.returncode else path


@pytest.mark.parametrize("which", ["go_verifier", "aics_verifier"])
def test_independent_verifier_agrees(which: str, request: pytest.FixtureRequest) -> None:
    """Checkpoints, inclusion and consistency hold for others, and their damage is seen."""
    verify: Run = request.getfixturevalue(which)
    for index, early, late in ((0, 1, 1), (5, 4, 11), (300, 257, 1000)):
        done = verify(claims(index, early, late))
        assert (done.returncode, done.stdout.strip()) == (0, "all holds"), done.stdout + done.stderr
    good = claims(300, 257, 1000)
    other = claims(301, 258, 999)
    for name in ("Leaf", "Inclusion", "Consistency", "Early"):
        assert verify({**good, name: other[name]}).returncode != 0, name
    for name in ("Early", "Late"):
        assert verify({**good, name: good[name].replace("\n1000\n", "\n1001\n")[:-9]}).returncode
