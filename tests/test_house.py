"""Promises of the house itself: documents name what exists, and no path of one machine."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

PACKAGES = ("engraver", "hardware", "firmware_bridge", "station_api")
ARCHITECTURE = (REPOSITORY / "ARCHITECTURE.md").read_text("utf-8")
DOCUMENTS = [
    REPOSITORY / name
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SAFETY.md", "CHANGELOG.md")
] + sorted((REPOSITORY / "docs").rglob("*.md"))
SOURCES = sorted(path for name in PACKAGES for path in (REPOSITORY / name).rglob("*.py"))


def test_every_name_in_the_life_of_one_work_order_exists() -> None:
    """`engraver.codes.encode` in ARCHITECTURE.md can be imported under that name."""
    dotted = re.findall(rf"`((?:{'|'.join(PACKAGES)})(?:\.\w+)+)`", ARCHITECTURE)
    assert len(dotted) > 20
    missing = [name for name in dotted if not resolves(name)]
    assert missing == []


def resolves(dotted: str) -> bool:
    """Import the longest module prefix of ``dotted``, then follow its attributes."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for name in parts[cut:]:
            if not hasattr(thing, name):
                return False
            thing = getattr(thing, name)
        return True
    return False


def test_the_list_of_files_is_up_to_date() -> None:
    """A new file gets its line; `make files` writes it."""
    script = REPOSITORY / "scripts" / "list_files.py"
    assert subprocess.run([sys.executable, script, "--check"]).returncode == 0, "run `make files`"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_named_in_a_document_exists(document: Path) -> None:
    """Links and `path/file` in backticks lead somewhere."""
    text = document.read_text("utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert [link for link in links if not (document.parent / link).exists()] == []
    named = re.findall(r"`((?:[\w.-]+/)+[\w.-]+\.\w+)`", text)
    inside = [name for name in named if (REPOSITORY / name.split("/")[0]).exists()]
    assert [name for name in inside if not (REPOSITORY / name).exists()] == []


def test_every_file_says_which_room_it_is() -> None:
    """Every source file opens with a docstring."""
    assert [str(path) for path in SOURCES if not opens_with_docstring(path)] == []


def opens_with_docstring(path: Path) -> bool:
    """Tell whether a source file says what it is."""
    return bool(ast.get_docstring(ast.parse(path.read_text("utf-8"))))


@pytest.mark.parametrize("example", sorted((REPOSITORY / "examples").glob("*.py")), ids=str)
def test_every_example_runs(example: Path, tmp_path: Path) -> None:
    """Each program in examples/ runs as it stands and prints something."""
    done = subprocess.run(
        [sys.executable, str(example)], capture_output=True, text=True, cwd=tmp_path, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
