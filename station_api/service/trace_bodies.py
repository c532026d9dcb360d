"""What the trace desk takes over HTTP, with examples.

In: request bodies. Out: values for `station_api.trace`. How little may be known and how much may
be shown is not decided here, so that what is refused is written down.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from station_api.service.bodies import Body
from station_api.trace.question import DEFAULT_ROWS, Question
from station_api.trace.scans import MOST_CASES

Line = Annotated[str, Field(min_length=1, max_length=512)]


class NewTraceRequest(Body):
    """Who asks, on what authority; the 24 hours run from ``received_at_us``, or from now."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "agency": "ATF National Tracing Center",
                    "person": "J. Doe",
                    "contact": "+1 800 555 0100",
                    "authority": "18 U.S.C. 923(g)(7), 27 CFR 478.25a",
                    "reference": "T20270001234",
                }
            ]
        },
    )
    agency: str = Field(default="", max_length=128)
    person: str = Field(default="", max_length=128)
    contact: str = Field(default="", max_length=128)
    authority: str = Field(default="", max_length=256)
    reference: str = Field(default="", max_length=64)
    note: str = Field(default="", max_length=512)
    received_at_us: int | None = Field(default=None, ge=0, le=2**53)


class CaseScan(Body):
    """A scan that was uploaded, and what the case is called."""

    scan_id: str = Field(pattern=r"^[0-9a-f]{64}$")
    name: str = Field(min_length=1, max_length=64)


class NewSearch(Body):
    """One of a pattern, a serial, reads or scans; a tracer names the request it is for."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"pattern": "WT3?[A4]HG?P1??", "request_id": "R000012", "rows": 5}]
        },
    )
    pattern: str = Field(default="", max_length=1000)
    serial: str = Field(default="", max_length=128)
    reads: dict[str, Any] | None = None
    scans: list[CaseScan] = Field(default_factory=list, max_length=MOST_CASES)
    recipe: str = Field(default="default", pattern=r"^[0-9a-z][0-9a-z.-]{0,63}$")
    request_id: str | None = Field(default=None, pattern=r"^[0-9A-Za-z._-]{1,48}$")
    format_name: str = Field(default="", max_length=16)
    fragment: bool = False
    any_order: bool = False
    misread: int | None = Field(default=None, ge=-(2**31), le=2**31)
    prior_not_issued: float | None = Field(default=None, allow_inf_nan=False)
    rows: int = Field(default=DEFAULT_ROWS, ge=-(2**31), le=2**31)

    def question(self, reads: str) -> Question:
        """Return the question, with reads that were given or made from scans."""
        return Question(
            pattern=self.pattern,
            serial=self.serial,
            reads=reads,
            format_name=self.format_name,
            fragment=self.fragment,
            any_order=self.any_order,
            misread=self.misread,
            prior_not_issued=self.prior_not_issued,
            rows=self.rows,
        )


class NewAnswer(Body):
    """Which query's answer was given to the agency, and what it was told, a line each."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"query_id": "Q000013", "disclosed": ["EXAMPLE ARMS MODEL 1 ZQ0042"]}]
        },
    )
    query_id: str = Field(pattern=r"^[0-9A-Za-z._-]{1,48}$")
    disclosed: list[Line] = Field(min_length=1, max_length=50)
