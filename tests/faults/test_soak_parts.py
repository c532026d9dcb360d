"""`make soak`: its parts are there, and each setting is one that its tests read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.soak_parts import PARTS, Part, run
from tests.conftest import REPOSITORY


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_every_part_is_there(part: Part) -> None:
    """A renamed test or setting would make a soak of nothing."""
    [where] = [REPOSITORY / word for word in part.words if "/" in word]
    assert where.exists()
    read = [where, REPOSITORY / "tests" / "conftest.py", *Path(__file__).parent.glob("*.py")]
    for name in part.settings:
        assert any(path.is_file() and name in path.read_text() for path in read), name


def test_a_part_that_fails_is_told() -> None:
    """Its exit code is believed, and a name that is none is refused."""
    assert run(Part("good", "", ("-c", "pass")))[0]
    assert not run(Part("bad", "", ("-c", "raise SystemExit(1)")))[0]
    words = [sys.executable, "scripts/soak_parts.py", "wek"]
    asked = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert asked.returncode == 2 and "no part is called 'wek'; there are stream" in asked.stderr
