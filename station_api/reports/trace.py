"""An answer of the trace desk on two pages at most, by the fields of ATF Form 3312.1.

In: a query that was answered, its request, the firearms book, scans of cases. Out: PDF bytes, the
same from the same facts. Authority: the field numbers are those of ATF F 3312.1 (February 2018),
National Tracing Center Trace Request; the sheet is not that form and goes to nobody by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engraver.errors import MissingError
from station_api.papers.licensee import configured_licensee
from station_api.papers.views import Line, Wanted, page
from station_api.records import Records, utc_text
from station_api.reports.typesetting import set_report
from station_api.trace.desk import Desk
from station_api.trace.queries import ANSWERED
from station_api.trace.requests import TraceRequest
from station_api.transparency.checkpoint import parse_checkpoint
from station_api.transparency.note import split_note

MOST_CANDIDATES = 6
MOST_PICTURES = 4
TEMPLATE = "trace.typ"


def trace_sheet(desk: Desk, records: Records, query_id: str) -> bytes:
    """Set the answer to a query.

    Raises
    ------
    MissingError
        If there is no such query, or it was refused and has no answer.
    """
    query = desk.queries.get(query_id)
    if query["outcome"] != ANSWERED:
        raise MissingError(f"query {query_id} was refused and has no answer: {query['reason']}")
    answer = query["answer"]
    named = query["request_id"]
    request = desk.requests.get(named) if named else None
    pictures = [
        case for case in answer.get("cases", []) if desk.scans.path(case["scan_sha256"]).exists()
    ][:MOST_PICTURES]
    facts = {
        "query_id": query_id,
        "asked_at": utc_text(query["changed_at_us"]),
        "answer": {**answer, "candidates": answer["candidates"][:MOST_CANDIDATES]},
        "left_out": max(0, answer["found"] - MOST_CANDIDATES),
        "question": _question(answer["question"]),
        "request": None if request is None else _request(request),
        "form": _form(records, answer),
        "licensee": asdict(configured_licensee()),
        "station": records.station,
        "pictures": [case | {"picture": f"case{at}.png"} for at, case in enumerate(pictures)],
        "cases": len(answer.get("cases", [])),
        "checkpoint": _checkpoint(answer, records.station),
    }

    def draw(folder: Path) -> None:
        from station_api.pictures.case import draw_case  # matplotlib: 40 MB, for those who print

        for at, case in enumerate(pictures):
            draw_case(
                desk.scans.read(case["scan_sha256"]),
                case["cells_um"],
                case["text"],
                case["likeliest"],
                folder / f"case{at}.png",
                f"{case['file']}: {case['text']}",
            )

    return set_report(TEMPLATE, facts, draw)


def _request(request: TraceRequest) -> dict[str, Any]:
    end = request.answered_at_us if request.answered_at_us is not None else request.received_at_us
    return asdict(request) | {"clock": request.clock(end)}


def _question(question: Mapping[str, Any]) -> str:
    """Say what was asked in one line."""
    kind = question["kind"]
    said = [str(question[kind]) if kind != "cases" else "reads of cases"]
    if question.get("format_name"):
        said.append(f"format {question['format_name']}")
    for name, words in (("fragment", "place not known"), ("any_order", "any order of rows")):
        if question.get(name):
            said.append(words)
    if "misread" in question:
        said.append(f"{question['misread']} symbols may be wrong")
    return "; ".join(said)


def _form(records: Records, answer: Mapping[str, Any]) -> list[list[str]]:
    """Return Part V of the form for the likeliest candidate, as far as the records know it."""
    first = answer["candidates"][0] if answer["candidates"] else None
    mark = next((m for m in reversed(first["marks"]) if m["burned"]), None) if first else None
    if first is None or mark is None:
        return []
    # the firearm is the one that the record was corrected to, if it was
    mark = mark | (mark["corrected"][-1] if mark.get("corrected") else {})
    line = _book_line(records, mark["serial"], mark["model"])
    had = asdict(line.acquisitions[-1]) if line else {}
    left = asdict(line.dispositions[-1]) if line and line.dispositions else {}
    code = f"microstamp {first['code']}" + (f" ({first['format']})" if "format" in first else "")
    gone = ", ".join(
        str(left[name])
        for name in ("how", "on_date", "party_name", "party_licence", "party_address")
        if left.get(name)
    )
    return [
        ["5a", "Serial number", mark["serial"]],
        ["5b", "Obliterated", "not known here: this answer rests on the microstamp"],
        ["5c", "Manufacturer", mark["make"]],
        ["5d", "Type", str(had.get("type") or "not in the firearms book")],
        ["5e", "Caliber", str(had.get("caliber") or "not in the firearms book")],
        ["5f", "Model", mark["model"]],
        ["5h", "Importer", str(had.get("importer") or "none on record")],
        ["5i", "Additional markings", code],
        ["", "Disposition (27 CFR 478.123)", gone or "none in the firearms book"],
    ]


def _book_line(records: Records, serial: str, model: str) -> Line | None:
    lines, _ = page(records, Wanted(serial=serial))
    fitting = [line for line in lines if line.acquisitions[-1].model == model]
    return fitting[-1] if fitting else None


def _checkpoint(answer: Mapping[str, Any], station: str) -> dict[str, Any]:
    note = next(log["checkpoint"] for log in answer["log"] if log["station"] == station)
    found = parse_checkpoint(split_note(note)[0])
    return {"origin": found.origin, "size": found.size, "root": found.root.hex(), "note": note}
