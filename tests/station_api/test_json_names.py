"""The promise of docs/json.md: every field a command prints is named there."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer

from tests.conftest import REPOSITORY

ORDER = str(REPOSITORY / "examples" / "order.toml")
NAMED = set(re.findall(r"`([\w.]+)`", (REPOSITORY / "docs" / "json.md").read_text("utf-8")))
COMMANDS = [
    "encode --index 7",
    "encode --make Example --model X --serial 1",
    "decode WT37AHG3P1Y6",
    f"plan --order {ORDER}",
    "cost default",
    "profiles list",
    "profiles show default",
    "registry list",
    "registry check",
    "records",
    "records show M000001",
    "log fsck",
    "papers book",
    "casings list",
    "papers checklist",
    "papers audit --month 2026-10",
    "casings graph",
]


@pytest.mark.parametrize("words", COMMANDS)
def test_every_field_is_documented(
    words: str, pinmark: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """One JSON object on standard output, errors included, with documented names."""
    printed = pinmark(*words.split(), "--json").stdout
    fields = json.loads(printed)
    names = {f"error.{key}" for key in fields["error"]} if "error" in fields else set(fields)
    assert names - NAMED == set()


def test_help_of_every_command_has_an_example(
    pinmark: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """A person who asks for help sees a command line to copy."""
    from station_api.cli.app import GROUPS

    lacking = [
        name
        for name in GROUPS
        if "commands" not in (said := pinmark(name, "--help").stdout.lower())
        and "example" not in said
    ]
    assert lacking == []


def test_help_loses_no_name_in_brackets() -> None:
    """``[section] key`` is shown as it is: rich takes a bracket that is not escaped for markup."""
    from station_api.cli.app import make_app

    def texts(command: Any) -> Iterator[str]:
        yield command.help or ""
        for parameter in command.params:
            yield getattr(parameter, "help", None) or ""
        for inner in getattr(command, "commands", {}).values():
            yield from texts(inner)

    told = list(texts(typer.main.get_command(make_app([]))))
    assert len(told) > 300
    assert [text for text in told if re.search(r"(?<!\\)\[/?[a-z]+\]", text)] == []
