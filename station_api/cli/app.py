"""The command tree of `pinmark`."""

from __future__ import annotations

import sys

import typer

from station_api.cli import codes, demo, engraver, mark, plan, records, serve, shell

app = typer.Typer(
    name="pinmark",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def pinmark() -> None:
    """Mark firing pins, read them back, keep records that can be proved."""


for group in (demo, codes, plan, engraver, mark, records, serve):
    group.register(app)


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(shell.run(app))
