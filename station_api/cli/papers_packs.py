"""`pinmark papers`: what is made of the book and the records: packs, events, audits, checklist."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the commands to the group."""
    del app
