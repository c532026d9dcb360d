"""Every query of the trace desk, answered or refused, as a row that testifies.

In: who asked what, and what came of it. Out: rows of `trace_queries`; the log's entries hold the
SHA-256 of question and answer, so that neither can be changed unseen and neither leaks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from engraver.errors import InputError, MissingError
from station_api.kept import keep_row, read_row
from station_api.people import Role
from station_api.records import Records
from station_api.records.transition import Pen
from station_api.tables import trace_queries
from station_api.trace.requests import next_id

ANSWERED, REFUSED = "answered", "refused"
LONGEST_QUESTION = 100_000

_COLUMNS = {
    **dict.fromkeys(("outcome", "reason", "answer", "asked_by", "role", "question"), str),
    **dict.fromkeys(("tree_size", "found", "shown"), int),
    "request_id": str,
}
"""What a query's row is made of, but for its id and its place in the log."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, as what, and for which request."""

    name: str
    role: Role
    request_id: str | None = None


class Queries:
    """The queries of one station.

    Parameters
    ----------
    write
        Writes a row and returns its id; by default `write_query`, in this process.
    """

    def __init__(
        self, records: Records, write: Callable[[Mapping[str, Any]], str] | None = None
    ) -> None:
        self._records = records
        self._keep = write or partial(write_query, records)

    def keep(self, asker: Asker, question: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
        """Write down a query and its answer; return its id."""
        log = {one["station"]: one for one in answer["log"]}
        row = {
            "outcome": ANSWERED,
            "reason": "",
            "tree_size": log[self._records.station]["size"],
            "found": answer["found"],
            "shown": len(answer["candidates"]),
            "answer": json.dumps(answer, ensure_ascii=False),
        }
        return self._write(asker, question, row)

    def refuse(self, asker: Asker, question: Mapping[str, Any], reason: str) -> str:
        """Write down a query that was refused; return its id."""
        row = {"outcome": REFUSED, "reason": " ".join(reason.split())[:512], "tree_size": 0}
        return self._write(asker, question, {**row, "found": 0, "shown": 0, "answer": "{}"})

    def get(self, query_id: str) -> dict[str, Any]:
        """Return one query with its answer.

        Raises
        ------
        MissingError
            If there is none with this id.
        """
        with self._records.database.reading.connect() as connection:
            row = read_row(connection, trace_queries, query_id=query_id)
        if row is None:
            raise MissingError(f"query {query_id!r} is not here")
        return _fields(row)

    def all(
        self, request_id: str | None = None, before: int = 2**62, limit: int = 100
    ) -> list[dict[str, Any]]:
        """Return queries without their answers, newest first."""
        columns = [column for column in trace_queries.c if column.name != "answer"]
        query = sa.select(*columns).where(
            trace_queries.c.station == self._records.station, trace_queries.c.position < before
        )
        if request_id is not None:
            query = query.where(trace_queries.c.request_id == request_id)
        query = query.order_by(trace_queries.c.position.desc()).limit(limit)
        with self._records.database.reading.connect() as connection:
            return [_fields(row) for row in connection.execute(query).mappings()]

    def _write(self, asker: Asker, question: Mapping[str, Any], row: Mapping[str, Any]) -> str:
        asked = json.dumps(question, ensure_ascii=False)[:LONGEST_QUESTION]
        return self._keep(
            {
                **row,
                "request_id": asker.request_id,
                "asked_by": asker.name,
                "role": asker.role.value,
                "question": asked,
            }
        )


def write_query(records: Records, row: Mapping[str, Any]) -> str:
    """Write a query's row and its entry; return its id.

    Raises
    ------
    InputError
        If the row lacks a column, has one too many, or a value of another type.
    """
    if set(row) != set(_COLUMNS):
        raise InputError(f"a query has the columns {', '.join(_COLUMNS)}")
    for name, kind in _COLUMNS.items():
        if type(row[name]) is not kind and not (name == "request_id" and row[name] is None):
            raise InputError(
                f"{name} of a query is {row[name]!r:.40}; it has to be {kind.__name__}"
            )

    def work(connection: sa.Connection, pen: Pen) -> str:
        named = {**row, "query_id": next_id("Q", connection, pen)}
        did = f"trace query {row['outcome']}"
        keep_row(connection, pen, trace_queries, named, did, row["asked_by"])
        return str(named["query_id"])

    return records.transact(work)


def _fields(row: Mapping[str, Any] | sa.RowMapping) -> dict[str, Any]:
    names = ("query_id", "request_id", "asked_by", "role", "outcome", "reason", "tree_size")
    fields = {name: row[name] for name in (*names, "found", "shown", "position", "changed_at_us")}
    fields["question"] = _loaded(row["question"])
    if "answer" in row:
        fields["answer"] = json.loads(row["answer"])
    return fields


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text  # a refused question that was too long to be kept whole
