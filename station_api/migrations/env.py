"""Alembic's entry: run the migrations on the connection that `migrate.upgrade` opened.

In: the connection in the configuration's attributes. Out: its schema at the asked revision.
"""

from __future__ import annotations

from alembic import context

from station_api.records.tables import metadata


def run() -> None:
    """Run the missing migrations in the transaction that is open."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        transactional_ddl=True,
    )
    context.run_migrations()


if __name__ == "env_py":  # the name under which Alembic, and nobody else, loads this file
    run()
