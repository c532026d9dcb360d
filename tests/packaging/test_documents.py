"""What documents name exists: tests, pages, benchmarks."""

from __future__ import annotations

import re

import pytest

from tests.conftest import REPOSITORY

DOCS = ("threat-model.md", "bring-up.md", "board.md", "cost.md", "operations.md", "runbook.md")
TESTS = {path.name for path in (REPOSITORY / "tests").rglob("test_*.py")}


@pytest.mark.parametrize("name", DOCS)
def test_what_a_document_names_is_there(name: str) -> None:
    """A claim whose test was renamed is found the same day."""
    text = (REPOSITORY / "docs" / name).read_text()
    paths = set(re.findall(r"`((?:tests|benchmarks|docs|packaging|hardware)/[\w./-]+)`", text))
    assert {path for path in paths if not (REPOSITORY / path).exists()} == set()
    assert set(re.findall(r"`(test_\w+\.py)`", text)) <= TESTS
    links = set(re.findall(r"\]\(((?:\.\./)?[\w./-]+)\)", text))
    assert {link for link in links if not (REPOSITORY / "docs" / link).exists()} == set()


def test_every_attack_that_is_met_names_its_proof() -> None:
    """Each row of the table that holds ends with what would fail without it."""
    text = (REPOSITORY / "docs" / "threat-model.md").read_text()
    table = text.split("## What they may try")[1].split("## What does not hold")[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 20
    assert [row[1] for row in rows if "`" not in row[-1]] == []
