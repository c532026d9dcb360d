"""How an answer of the trace desk is printed for a person.

In: an answer as JSON fields. Out: lines on the console: candidates best first, what they rest on,
and what was searched.
"""

from __future__ import annotations

from typing import Any

from station_api.cli import shell
from station_api.records import utc_text
from station_api.trace.rerun import Rerun


def show_answer(answer: dict[str, Any]) -> None:
    """Print an answer."""
    for case in answer.get("cases", []):
        _line(case["file"], f"{case['text']}  quality {case['quality']:.2f}")
    _line("verdict", answer["verdict"])
    for reason in answer["reasons"]:
        _line("because", reason)
    for candidate in answer["candidates"]:
        _show_candidate(candidate)
    if answer["found"] > len(answer["candidates"]):
        _line("", f"{answer['found']} fit; more with --rows")
    if answer.get("decoded") and not answer["candidates"]:
        _show_decoded(answer["decoded"])
    if "not_issued" in answer:
        _line(
            "rests on",
            f"{answer['searched']} codes, prior {answer['prior_not_issued']:g} that it is none of "
            f"them; {answer['chance_matches']:.2g} by chance; not issued "
            f"{answer['not_issued']:.4g}, another one of them {answer['others']:.4g}",
        )
    for log in answer["log"]:
        _line("searched", f"log {log['station']}, {log['size']} entries, root {log['root'][:16]}…")
    _line("query", answer["query_id"])


def show_rerun(done: Rerun, as_json: bool) -> None:
    """Print what the log says to an answer."""
    if as_json:
        shell.emit(
            {
                "same": done.same,
                "findings": done.findings,
                "entries": done.entries,
                "marks": done.marks,
                "found": done.found,
                "set_sha256": done.set_sha256,
            }
        )
        return
    for finding in done.findings:
        shell.console.print(f"[red]{finding}[/]")
    word = "[green]the log says the same[/]" if done.same else "[red]the answer does not hold[/]"
    shell.console.print(
        f"{word}: {done.entries} entries hashed, {done.marks} marks looked at, {done.found} fit"
    )


def _show_candidate(candidate: dict[str, Any]) -> None:
    sure = "" if candidate["posterior"] is None else f"  posterior {candidate['posterior']:.6f}"
    assumed = candidate.get("assumption", "as written")
    note = "" if assumed == "as written" else f"  if {assumed}"
    _line(candidate["code"], f"{sure.strip()}{note}")
    told = [
        f"{one['position']}: {one['written']} -> {one['symbol']} ({one['kind']})"
        for one in candidate["corrections"]
        if one["kind"] != "erasure"
    ]
    if told:
        _line("corrected", ", ".join(told))
    for mark in candidate["marks"]:
        follows = f", replaced by {mark['replaced_by']}" if mark["replaced_by"] else ""
        for one in mark["corrected"][-1:]:
            follows += f"; record corrected to {one['make']} {one['model']} {one['serial']}"
        before = f", {mark['lineage']} of {mark['replaces']}" if mark["replaces"] else ""
        _line(
            mark["mark_id"],
            f"{mark['make']} {mark['model']} {mark['serial']}: {mark['label']} "
            f"({utc_text(mark['changed_at_us'])}){before}{follows}",
        )


def _show_decoded(decoded: dict[str, Any]) -> None:
    firearm = decoded["firearm"]
    who = " ".join(firearm.values()) if firearm else "no serial of the registry"
    _line("decoded", f"{decoded['code']} is a sound code, {who}; no mark on record carries it")


def _line(label: str, text: str) -> None:
    shell.console.print(f"{label:>24}  {text}", markup=False)
