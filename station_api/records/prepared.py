"""Statements prepared once and run on the bare driver: the hot path of every transition.

In: SQLAlchemy statements with named parameters. Out: rows as plain tuples. SQLAlchemy writes the
SQL for each engine, once; running it through the driver's own cursor costs 3 us where a Core
execution costs 60, and a transition has six statements. Errors are SQLAlchemy's all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

_Compiled = tuple[str, Callable[[Mapping[str, Any]], Any]]
"""SQL, and what turns named values into the parameters that the driver wants."""


class Prepared:
    """One statement for any engine; safe to share between threads.

    Examples
    --------
    >>> one = Prepared(sa.select(sa.bindparam("n", type_=sa.Integer) + 1))
    >>> with sa.create_engine("sqlite://").connect() as connection:
    ...     one.first(connection, n=41)
    (42,)
    """

    def __init__(self, statement: sa.Executable) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def first(self, connection: sa.Connection, **values: Any) -> tuple[Any, ...] | None:
        """Run it and return its first row, if there is one."""
        cursor = self._run(connection, values)
        found: tuple[Any, ...] | None = cursor.fetchone()
        cursor.close()
        return found

    def all(self, connection: sa.Connection, **values: Any) -> list[tuple[Any, ...]]:
        """Run it and return all rows."""
        cursor = self._run(connection, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        cursor.close()
        return found

    def write(self, connection: sa.Connection, values: Mapping[str, Any]) -> int:
        """Run it and return how many rows it touched."""
        cursor = self._run(connection, values)
        count: int = cursor.rowcount
        cursor.close()
        return count

    def write_many(self, connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it once for each row."""
        sql, given = self._for(connection.dialect)
        cursor = _driver(connection).cursor()
        try:
            cursor.executemany(sql, list(map(given, rows)))
        except Exception as error:
            raise _translated(connection, sql, error) from error
        cursor.close()

    def _run(self, connection: sa.Connection, values: Mapping[str, Any]) -> Any:
        sql, given = self._compiled.get(connection.dialect.name) or self._for(connection.dialect)
        cursor = _driver(connection).cursor()
        try:
            cursor.execute(sql, given(values))
        except Exception as error:
            raise _translated(connection, sql, error) from error
        return cursor

    def _for(self, dialect: sa.Dialect) -> _Compiled:
        found = self._compiled.get(dialect.name)
        if found is None:
            compiled: Any = self._statement.compile(  # type: ignore[attr-defined]
                dialect=dialect, compile_kwargs={"render_postcompile": True}
            )
            order = tuple(compiled.positiontup) if compiled.positional else None
            fixed = {name: one for name, one in compiled.params.items() if one is not None}
            found = self._compiled[dialect.name] = (str(compiled), _giving(order, fixed))
        return found


def _translated(connection: sa.Connection, sql: str, error: Exception) -> BaseException:
    """Turn a driver's error into SQLAlchemy's, as SQLAlchemy would."""
    dbapi: Any = connection.dialect.loaded_dbapi
    if not isinstance(error, dbapi.Error):
        return error
    said: BaseException = sa.exc.DBAPIError.instance(sql, None, error, dbapi.Error)
    return said


def run_plain(connection: sa.Connection, sql: str) -> None:
    """Run SQL without parameters or rows, such as SAVEPOINT, in a transaction."""
    _driver(connection)
    run_in_driver(connection, sql)


def run_in_driver(connection: sa.Connection, sql: str) -> None:
    """Run SQL without parameters or rows on the driver, whether or not a transaction is open."""
    driver: Any = connection.connection.dbapi_connection
    cursor = driver.cursor()
    try:
        cursor.execute(sql)
    except Exception as error:
        raise _translated(connection, sql, error) from error
    cursor.close()


def _driver(connection: sa.Connection) -> Any:
    if not connection.in_transaction():
        connection.begin()  # the driver's cursor would not begin one by itself
    return connection.connection.dbapi_connection


def _giving(
    order: tuple[str, ...] | None, fixed: Mapping[str, Any]
) -> Callable[[Mapping[str, Any]], Any]:
    """Return what makes a driver's parameters: named (``order`` is ``None``), or in order."""
    if fixed:
        bare = _giving(order, {})
        return lambda values: bare({**fixed, **values})
    if order is None:
        return lambda values: values
    if len(order) > 1:
        return itemgetter(*order)
    return lambda values: tuple(values[name] for name in order)
