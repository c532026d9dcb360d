"""What the trace desk answers, as JSON fields, and the sentence that says what was searched.

In: what a search found, the marks behind it, how far the logs were read. Out: one object with
stable names (docs/json.md), from which the sheet is set and which an auditor runs again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from engraver.codes import Decoded, decode_reading, encode_index
from engraver.errors import RegistryError
from engraver.evidence import (
    CALL_POSTERIOR,
    CHANCE_LIMIT,
    LEAD_POSTERIOR,
    Call,
    SourceTest,
)
from engraver.registry import Registry
from station_api.trace.arranging import Arrangement
from station_api.trace.marks import TracedMark
from station_api.trace.matching import Found, Match

Fields = dict[str, Any]


def set_digest(items: Iterable[str]) -> str:
    """Return the SHA-256 of a set of codes or mark ids: sorted, one a line."""
    return hashlib.sha256("\n".join(sorted(set(items))).encode()).hexdigest()


def pattern_fields(
    found: Found, marks: Sequence[TracedMark], arrangements: Sequence[Arrangement], prior: float
) -> Fields:
    """Return the answer to a pattern."""
    verdict, reasons = _verdict(found)
    return {
        "verdict": verdict,
        "reasons": reasons,
        "candidates": [_candidate(one, marks) for one in found.best],
        "found": len(found.codes),
        "set_sha256": set_digest(found.codes),
        "not_issued": round(found.not_issued, 9),
        "others": round(found.others, 9),
        "others_weighed": "one by one" if found.weighed else "as codes of random symbols",
        "prior_not_issued": prior,
        "chance_matches": found.chance,
        "searched": found.searched,
        "arrangements": [
            {"assumption": one.label, "format": one.format.name, "misread": one.misread}
            for one in arrangements
        ],
    }


def _candidate(match: Match, marks: Sequence[TracedMark]) -> Fields:
    fields = {
        "code": match.code,
        "format": match.format_name,
        "posterior": round(match.posterior, 9),
        "assumption": match.assumption,
        "misread": match.misread,
        "corrections": [asdict(one) for one in match.corrections],
    }
    return fields | _carriers([mark for mark in marks if mark.code == match.code])


def _carriers(marks: Sequence[TracedMark]) -> Fields:
    """Return the marks of one code, and the firearm and the registry integer they agree on."""
    firearms = {(mark.make, mark.model, mark.serial) for mark in marks}
    names = ("make", "model", "serial")
    return {
        "index": marks[0].code_index if marks else None,
        "firearm": dict(zip(names, firearms.pop(), strict=True)) if len(firearms) == 1 else None,
        "marks": [asdict(mark) for mark in marks],
    }


def _verdict(found: Found) -> tuple[str, list[str]]:
    """Call it by the limits of `engraver.evidence`."""
    best = found.best[0].posterior if found.best else 0.0
    reasons = []
    if not found.best:
        reasons.append("no code on record fits")
    elif best < CALL_POSTERIOR:
        reasons.append(f"best posterior {best:.3g} is below {CALL_POSTERIOR}")
    if found.chance > CHANCE_LIMIT:
        reasons.append(f"{found.chance:.3g} codes would fit by chance, limit {CHANCE_LIMIT}")
    if not reasons:
        return "identified", []
    if found.not_issued >= CALL_POSTERIOR and found.searched:
        return "not issued", reasons
    return ("lead" if best >= LEAD_POSTERIOR else "no call"), reasons


def case_fields(
    call: Call, names: Sequence[str], format_name: str, marks: Sequence[TracedMark]
) -> Fields:
    """Return the answer to reads of cases."""
    listed = [(encode_index(one.index, format_name).text, one) for one in call.candidates]
    return {
        "verdict": call.verdict,
        "reasons": list(call.reasons),
        "candidates": [
            {
                "code": code,
                "format": format_name,
                "posterior": round(one.posterior, 9),
                "assumption": "all cases from one firearm",
                "misread": 0,
                "corrections": [],
            }
            | _carriers([mark for mark in marks if mark.code == code])
            for code, one in listed
        ],
        "found": len(listed),
        "set_sha256": set_digest(code for code, _ in listed),
        "not_issued": round(call.not_issued, 9),
        "others": round(max(0.0, 1 - call.not_issued - sum(c.posterior for _, c in listed)), 9),
        "others_weighed": "one by one",
        "prior_not_issued": call.prior_not_issued,
        "chance_matches": call.chance_matches,
        "searched": call.issued_count,
        "legible": call.legible,
        "casings": list(names),
        "sources": _sources(call.sources),
        "left_out": [names[at] for at in call.left_out],
    }


def _sources(test: SourceTest | None) -> Fields | None:
    if test is None:
        return None
    return {
        "log10_bayes_factor": round(test.log10_bayes_factor, 6),
        "probability_mixed": round(test.probability_mixed, 9),
        "split": list(test.split),
    }


def serial_fields(marks: Sequence[TracedMark], ids: Sequence[str]) -> Fields:
    """Return the answer to a serial: marks, in order of serial."""
    return {
        "verdict": "found" if ids else "nothing found",
        "reasons": [],
        "candidates": [
            {"code": mark.code, "posterior": None, "corrections": []} | _carriers([mark])
            for mark in marks
        ],
        "found": len(ids),
        "set_sha256": set_digest(ids),
    }


def decoded_fields(arrangement: Arrangement, registry: Registry) -> Fields | None:
    """Return what the check symbols alone prove of the reading as it was written."""
    decoded = decode_reading(arrangement.reading, arrangement.format)
    if decoded.code is None:
        return None
    return {
        "code": decoded.code.text,
        "index": decoded.code.index,
        "corrections": [asdict(one) for one in decoded.corrections],
        "errors": decoded.errors,
        "erasures": decoded.erasures,
        "spare": decoded.spare,
        "chance": decoded.chance,
        "firearm": _firearm(decoded, registry),
    }


def _firearm(decoded: Decoded, registry: Registry) -> dict[str, str] | None:
    try:
        firearm = registry.identify(decoded.index)
    except RegistryError:
        return None
    return {"make": firearm.make, "model": firearm.model, "serial": firearm.serial}


def statement(answer: Fields) -> str:
    """Say in one paragraph what was searched and how to check it."""
    logs = "; ".join(
        f"log {one['station']}, {one['size']} entries, root {one['root']}" for one in answer["log"]
    )
    serial = answer["question"]["kind"] == "serial"
    what = "the serials" if serial else f"all {answer['searched']} distinct codes"
    left_out = (
        f" {answer['odd']} marks carry no Pin32 code and were searched by serial only."
        if answer["odd"] and not serial
        else ""
    )
    shown = len(answer["candidates"])
    fit = f"{answer['found']} fit, {shown} are"
    if answer["question"]["kind"] == "cases":
        fit = f"All were weighed, the likeliest {shown} are"
    return (
        f"Searched: {what} of every mark, in whatever state, that the following "
        f"logs held: {logs}. {fit} "
        f"shown; the SHA-256 of the whole set is {answer['set_sha256']}.{left_out} Anybody with "
        "the log's entries can repeat the search: pinmark trace --rerun."
    )
