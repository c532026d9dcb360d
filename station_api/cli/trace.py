"""`pinmark trace --cases`: scans of cases from one scene -> the firearm, or no call."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from engraver import codes, evidence, layout, relief
from engraver.errors import CodeError
from engraver.evidence import PRIOR_NOT_ISSUED, Call
from engraver.impressions import CaseReading, read_case
from engraver.issued import IssuedCodes, allotted_indices, issue
from engraver.likelihood import ReadModel
from engraver.registry import Registry
from station_api.cli import shell
from station_api.cli.codes import firearm_fields
from station_api.profiles import load_setup
from station_api.registry_file import load_registry
from station_api.scans import read_scan

MOST_ALLOTTED = 20_000_000
"""Codes that are scored at once; 40 bytes each."""


def register(app: typer.Typer) -> None:
    """Add `pinmark trace`."""
    app.command("trace")(trace)


def trace(
    scans: Annotated[list[Path], typer.Argument(help="Scans of cases of one firearm.")],
    cases: Annotated[
        bool, typer.Option("--cases", help="The files are scans of cases (the only kind so far).")
    ] = True,
    recipe: Annotated[str, typer.Option(help="The recipe the mark was made by.")] = "default",
    prior_not_issued: Annotated[
        float, typer.Option(help="Chance, before looking, that the mark is none of ours.")
    ] = PRIOR_NOT_ISSUED,
    as_json: shell.JsonOption = False,
) -> int:
    """Read the cases and call the firearm: exit 0 identified, 1 anything less.

    Example: pinmark trace --cases case1.x3p case2.x3p
    """
    del cases
    setup = load_setup(recipe)
    fmt = codes.FORMATS[setup.recipe.code_format]
    # any code of the format has the same layout; its symbols are not looked at
    design = relief.design(layout.arrange(codes.encode_index(0, fmt.name), setup), setup)
    registry = load_registry()
    issued = issued_codes(registry, fmt.name)
    readings = [read_case(read_scan(path), design) for path in scans]
    found = evidence.call([r.table for r in readings], issued, ReadModel(), prior_not_issued)
    report(found, scans, readings, registry, fmt.name, as_json)
    return shell.DONE if found.verdict == "identified" else shell.BAD_MARK


def issued_codes(registry: Registry, format_name: str) -> IssuedCodes:
    """Return every code that the registry's blocks can hold.

    Raises
    ------
    CodeError
        If there are none, or more than fit in memory.
    """
    fmt = codes.FORMATS[format_name]
    indices = allotted_indices(registry, fmt)
    if not 0 < len(indices) <= MOST_ALLOTTED:
        raise CodeError(
            f"the registry allots {len(indices)} codes of {fmt.name}, 1 to {MOST_ALLOTTED} can be "
            "scored at once; name a registry with the blocks in question"
        )
    return issue(np.unique(indices), fmt)


def report(
    found: Call,
    scans: list[Path],
    readings: list[CaseReading],
    registry: Registry,
    format_name: str,
    as_json: bool,
) -> None:
    """Print a call with all that it rests on."""
    fields: dict[str, Any] = {
        "verdict": found.verdict,
        "reasons": list(found.reasons),
        "cases": [
            {
                "file": path.name,
                "text": r.text,
                "likeliest": r.symbols,
                "quality": round(r.quality, 4),
            }
            for path, r in zip(scans, readings, strict=True)
        ],
        "candidates": [
            candidate_fields(c.index, c.posterior, registry, format_name) for c in found.candidates
        ],
        "not_issued": round(found.not_issued, 6),
        "prior_not_issued": found.prior_not_issued,
        "issued_count": found.issued_count,
        "legible": found.legible,
        "chance_matches": found.chance_matches,
    }
    if as_json:
        shell.emit(fields)
        return
    for case in fields["cases"]:
        shell.console.print(f"{case['file']:>24}  {case['text']}  quality {case['quality']:.2f}")
    shell.console.print(f"{'verdict':>24}  {found.verdict}")
    for reason in found.reasons:
        shell.console.print(f"{'because':>24}  {reason}")
    for candidate in fields["candidates"][:2]:
        shell.console.print(
            f"{candidate['code']:>24}  posterior {candidate['posterior']:.6f}  "
            f"{candidate['firearm'] or 'no serial of the registry'}"
        )
    shell.console.print(
        f"{'rests on':>24}  {found.issued_count} codes, prior {found.prior_not_issued:g} that it "
        f"is none of them, {found.legible} legible symbols, {found.chance_matches:.2g} matches by "
        f"chance; not issued {found.not_issued:.6f}"
    )


def candidate_fields(
    index: int, posterior: float, registry: Registry, format_name: str
) -> dict[str, Any]:
    """Return one candidate as JSON fields."""
    return {
        "code": codes.encode_index(index, format_name).text,
        "index": index,
        "posterior": round(posterior, 9),
        "firearm": firearm_fields(index, registry),
    }
