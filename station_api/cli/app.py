"""The command tree of `pinmark`; a command's libraries are imported when it is asked for.

In: the words of the command line. Out: a typer app with the groups that these words need.
"""

from __future__ import annotations

import sys
from importlib import import_module

import typer

from station_api.cli import shell

GROUPS = {
    "demo": "demo",
    "encode": "codes",
    "decode": "codes",
    "registry": "registry",
    "evidence": "evidence",
    "plan": "plan",
    "cost": "cost",
    "predict": "predict",
    "profiles": "profiles",
    "engraver": "engraver",
    "controller": "controller",
    "stream": "stream",
    "monitor": "stream",
    "mark": "mark",
    "order": "order",
    "panel": "panel",
    "scan": "scan",
    "inspect": "inspect",
    "quality": "quality",
    "recipe": "recipe",
    "trace": "trace",
    "requests": "requests",
    "records": "records",
    "log": "log",
    "backup": "keep",
    "restore": "keep",
    "export": "keep",
    "papers": "papers",
    "casings": "casings",
    "people": "people",
    "keys": "people",
    "config": "config",
    "doctor": "doctor",
    "support-bundle": "doctor",
    "tidy": "tidy",
    "setup": "setup",
    "serve": "serve",
    "openapi": "serve",
    "link": "link",
}
"""The module of station_api.cli that registers each command."""


def make_app(words: list[str]) -> typer.Typer:
    """Return the command tree for ``words``: one group if they begin with its command, else all."""
    app = typer.Typer(
        name="pinmark",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def pinmark() -> None:
        """Mark firing pins, read them back, keep records that can be proved."""

    asked = GROUPS.get(words[0]) if words else None
    for module in dict.fromkeys([asked] if asked else GROUPS.values()):
        import_module(f"station_api.cli.{module}").register(app)
    return app


def main() -> None:
    """Run the command line and leave with its exit code."""
    words = sys.argv[1:]
    sys.exit(shell.run(make_app(words), words))
