"""`pinmark evidence`: the reads of a case -> ranked candidates, or a refusal to call."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from engraver.casefile import Case, issued_indices, parse_case
from engraver.codes import decode_reading
from engraver.errors import CodeError
from engraver.evidence import Call, call
from engraver.hypotheses import suggest
from engraver.issued import issue
from engraver.likelihood import consensus, join
from engraver.registry import BLOCK_SIZE, Registry
from station_api.cli.codes import decoded_fields, firearm_fields, hypothesis_fields
from station_api.cli.shell import BAD_MARK, DONE, JsonOption, console, emit
from station_api.registry_file import load_registry


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("evidence")(evidence)


def evidence(
    reads: Annotated[Path, typer.Argument(help="JSON: the casings and what was read on each.")],
    as_json: JsonOption = False,
) -> None:
    """Weigh the reads of one or more casings against all issued codes.

    Example: pinmark evidence reads.json --json
    """
    try:
        case = parse_case(reads.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CodeError(f"{reads} cannot be read: {error}") from error
    except CodeError as error:
        raise CodeError(f"{reads}: {error}") from error
    registry = load_registry()
    issued = issue(issued_indices(case, registry), case.format)
    answer = call(case.casings, issued, case.model, case.prior_not_issued)
    fields = answer_fields(answer, case, registry) | hard_fields(case, registry)
    if as_json:
        emit(fields)
    else:
        _print(fields)
    raise typer.Exit(DONE if answer.verdict in ("identified", "not issued") else BAD_MARK)


def hard_fields(case: Case, registry: Registry) -> dict[str, Any]:
    """Return what all casings prove by decoding alone, and the leads at the issued rate."""
    reading = consensus(join(case.casings, case.model))
    hard = decoded_fields(decode_reading(reading, case.format), registry)
    leads = suggest(reading, case.format, registry.next_block * BLOCK_SIZE)
    return {"hard": hard, "leads": [hypothesis_fields(lead, registry) for lead in leads]}


def answer_fields(answer: Call, case: Case, registry: Registry) -> dict[str, Any]:
    """Return the JSON fields of an answer with all it rests on."""
    sources = answer.sources
    return {
        "verdict": answer.verdict,
        "reasons": list(answer.reasons),
        "format": case.format.name,
        "casings": list(case.names),
        "candidates": [
            {
                "index": candidate.index,
                "posterior": candidate.posterior,
                "log_likelihood": candidate.log_likelihood,
                "firearm": firearm_fields(candidate.index, registry),
            }
            for candidate in answer.candidates
        ],
        "not_issued": answer.not_issued,
        "prior_not_issued": answer.prior_not_issued,
        "issued": answer.issued_count,
        "legible": answer.legible,
        "chance_matches": answer.chance_matches,
        "sources": sources
        and {
            "log10_bayes_factor": sources.log10_bayes_factor,
            "probability_mixed": sources.probability_mixed,
            "split": [case.names[at] for at in sources.split],
        },
        "left_out": [case.names[at] for at in answer.left_out],
        "confusion": [[round(float(x), 6) for x in row] for row in case.model.confusion],
        "slot_error": case.model.slot_error,
        "fault_rate": case.model.fault_rate,
    }


def _print(fields: dict[str, Any]) -> None:
    lines = [fields["verdict"], *(f"  because {reason}" for reason in fields["reasons"])]
    for candidate in fields["candidates"]:
        firearm = candidate["firearm"]
        owner = " ".join(firearm.values()) if firearm else "not allotted"
        lines.append(f"  {candidate['posterior']:.6f}  index {candidate['index']}  {owner}")
    lines.append(f"  {fields['not_issued']:.6f}  none of the issued codes")
    lines.append(
        f"prior of not issued {fields['prior_not_issued']}, {fields['issued']} issued codes, "
        f"{fields['legible']} legible places, {fields['chance_matches']:.3g} matches by chance"
    )
    hard = fields["hard"]
    lines.append(f"decoded hard: {hard['read']} -> {hard['code'] or 'no code within the radius'}")
    lines += [f"  lead, if {lead['assumption']}: {lead['code']}" for lead in fields["leads"]]
    if sources := fields["sources"]:
        lines.append(
            f"one source against two: 10^{sources['log10_bayes_factor']:.1f}; the best split "
            f"sets apart {', '.join(sources['split'])}"
        )
    if fields["left_out"]:
        lines.append(f"left out, too little to tell whose: {', '.join(fields['left_out'])}")
    for line in lines:
        console.print(line, markup=False)
