"""Bring a database to this program's schema.

In: an engine that may write. Out: a database at `records.database.SCHEMA`. Two processes that
start together on an empty database take turns.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

HERE = Path(__file__).parent


def configuration(connection: sa.Connection | None = None) -> Config:
    """Return Alembic's configuration, which needs no ini file."""
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.attributes["connection"] = connection
    return config


def upgrade(engine: sa.Engine) -> None:
    """Run the missing migrations, all in one transaction."""
    with engine.begin() as connection:
        command.upgrade(configuration(connection), "head")
