"""`pinmark encode` and `pinmark decode`: firearm or index to code, reading to firearm.

With ``--batch FILE`` (``-`` for standard input) one JSON object a line comes in and one goes
out, in order; a line that cannot be done gives an ``error`` object and the rest goes on.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from engraver import codes
from engraver.codes import FORMATS, JOINT, SECOND_PLACE, Decoded, MarkCode
from engraver.errors import CodeError, PinmarkError, RegistryError
from engraver.gear import encode_ring
from engraver.hypotheses import Hypothesis, suggest
from engraver.orders import WorkOrder, normalise_name, normalise_serial
from engraver.reading import parse
from engraver.registry import BLOCK_SIZE, Registry
from station_api.cli.shell import BAD_INPUT, BAD_MARK, DONE, JsonOption, console, emit
from station_api.registry_file import load_registry

FORMAT_HELP = f"One of {', '.join(FORMATS)}."
DEFAULT_FORMAT = "pin32-12"
Fields = dict[str, Any]

BatchOption = Annotated[
    str | None, typer.Option(help="JSON lines instead: one object a line in, one out.")
]
FormatOption = Annotated[str | None, typer.Option("--format", help=FORMAT_HELP)]


def register(app: typer.Typer) -> None:
    """Add the two commands to ``app``."""
    app.command("encode")(encode)
    app.command("decode")(decode)


def encode(
    make: Annotated[str | None, typer.Option(help="Maker as registered.")] = None,
    model: Annotated[str | None, typer.Option(help="Model as registered.")] = None,
    serial: Annotated[str | None, typer.Option(help="Serial on the frame.")] = None,
    index: Annotated[int | None, typer.Option(help="A registry integer P instead.")] = None,
    format_name: FormatOption = None,
    batch: BatchOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a firearm, or a registry integer, as a code.

    Example: pinmark encode --make "Example Arms" --model "Model 1" --serial ZQ0042
    """
    registry = load_registry()
    given = {"make": make, "model": model, "serial": serial, "index": index, "format": format_name}
    request = {key: value for key, value in given.items() if value is not None}
    if batch is not None:
        refuse_beside_batch(request)
        raise typer.Exit(
            run_batch(batch, lambda line: encode_fields(given_or(line, format_name), registry))
        )
    fields = encode_fields(request, registry)
    if as_json:
        emit(fields)
        return
    console.print(fields["code"])


def encode_fields(request: Fields, registry: Registry) -> Fields:
    """Encode one request of make, model and serial, or of an index; ``format`` is optional."""
    check_keys(request, {"make", "model", "serial", "index", "format"})
    format_name = request.get("format", DEFAULT_FORMAT)
    if "index" in request:
        if len(request.keys() & {"make", "model", "serial"}):
            raise CodeError("give either an index or make, model and serial, not both")
        return code_fields(codes.encode_index(request["index"], format_name), registry)
    for key in ("make", "model", "serial"):
        if key not in request:
            raise CodeError(f"{key} is missing; give make, model and serial, or an index")
    order = WorkOrder(
        order_id="",
        make=normalise_name(request["make"], "make"),
        model=normalise_name(request["model"], "model"),
        serial=normalise_serial(request["serial"]),
        recipe="",
    )
    return code_fields(codes.encode(order, registry, format_name), registry)


def code_fields(code: MarkCode, registry: Registry) -> Fields:
    """Return a code's JSON fields; ``firearm`` is null where its index is not allotted.

    ``second_place`` and ``ring`` are what the breech face and the gear ring carry.
    """
    pin = code.format.name in FORMATS
    return {
        "code": code.text,
        "format": code.format.name,
        "index": code.index,
        "firearm": firearm_fields(code.index, registry),
        "second_place": codes.encode_index(code.index, SECOND_PLACE.name).text if pin else None,
        "ring": "".join(map(str, encode_ring(code))) if pin else None,
    }


def firearm_fields(index: int, registry: Registry) -> dict[str, str] | None:
    """Return make, model and serial of an index, or None if it is not allotted."""
    try:
        firearm = registry.identify(index)
    except RegistryError:
        return None
    return {"make": firearm.make, "model": firearm.model, "serial": firearm.serial}


def decode(
    code: Annotated[
        str | None, typer.Argument(help="A reading: symbols, ? for none, [0D] for a choice.")
    ] = None,
    format_name: FormatOption = None,
    second_place: Annotated[
        str | None, typer.Option(help="What was read on the second place (breech face).")
    ] = None,
    batch: BatchOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read a code back to its firearm, listing every correction made.

    Example: pinmark decode "WT3?AHG[38]P1Y5"
    """
    registry = load_registry()
    given = {"code": code, "second_place": second_place, "format": format_name}
    request = {key: value for key, value in given.items() if value is not None}
    if batch is not None:
        refuse_beside_batch(request)
        raise typer.Exit(
            run_batch(batch, lambda line: decode_fields(given_or(line, format_name), registry))
        )
    fields = decode_fields(request, registry)
    if as_json:
        emit(fields)
    else:
        print_decoded(fields)
    raise typer.Exit(BAD_MARK if fields["code"] is None else DONE)


def decode_fields(request: Fields, registry: Registry) -> Fields:
    """Decode one request of a ``code``; ``format`` and ``second_place`` are optional."""
    check_keys(request, {"code", "format", "second_place"})
    if "code" not in request:
        raise CodeError("code is missing; give what was read, ? for each illegible symbol")
    reading = parse(request["code"])
    name = request.get("format") or codes.format_for(len(reading)).name
    fmt = codes.format_named(name)
    if "second_place" in request:
        if name not in JOINT or len(reading) != fmt.n:
            raise CodeError(f"a second place goes with {', '.join(JOINT)} of its full length")
        fmt = JOINT[name]
        reading += parse(request["second_place"])
    decoded = codes.decode_reading(reading, fmt)
    below = registry.next_block * BLOCK_SIZE
    leads = suggest(reading, fmt, below)
    return decoded_fields(decoded, registry) | {
        "hypotheses": [hypothesis_fields(lead, registry) for lead in leads]
    }


def decoded_fields(decoded: Decoded, registry: Registry) -> Fields:
    """Return the JSON fields of a decoded reading; positions count from 0."""
    code = decoded.code
    return {
        "read": decoded.reading.text,
        "format": decoded.format.name,
        "code": code.text if code else None,
        "index": code.index if code else None,
        "firearm": firearm_fields(code.index, registry) if code else None,
        "errors": decoded.errors,
        "erasures": decoded.erasures,
        "spare": decoded.spare if code else None,
        "chance": decoded.chance if code else None,
        "corrections": [
            {"position": c.position, "written": c.written, "symbol": c.symbol, "kind": c.kind}
            for c in decoded.corrections
        ],
    }


def hypothesis_fields(lead: Hypothesis, registry: Registry) -> Fields:
    """Return the JSON fields of a labelled lead."""
    fields = decoded_fields(lead.decoded, registry)
    return {"assumption": lead.assumption} | fields | {"chance": lead.chance}


def print_decoded(fields: Fields) -> None:
    """Print a decoded reading for people: the code, its corrections, then leads."""
    lines = []
    if fields["code"] is None:
        lines.append(f"{fields['read']}: no {fields['format']} code within the radius")
    else:
        lines.append(f"{fields['code']}  index {fields['index']}  {_owner(fields)}")
    lines += [
        f"  position {c['position']}: {c['written']} -> {c['symbol']} ({c['kind']})"
        for c in fields["corrections"]
    ]
    if fields["spare"] == 0:
        lines.append("  no redundancy is left: a further error would not show, treat as a lead")
    lines += [
        f"  lead, if {lead['assumption']}: {lead['code']}  index {lead['index']}  "
        f"{_owner(lead)}  (by chance {lead['chance']:.2g})"
        for lead in fields["hypotheses"]
    ]
    for line in lines:
        console.print(line, markup=False)


def _owner(fields: Fields) -> str:
    firearm = fields["firearm"]
    return " ".join(firearm.values()) if firearm else "not allotted to any firearm"


def check_keys(request: Fields, known: set[str]) -> None:
    """Refuse keys nobody reads."""
    if unknown := sorted(request.keys() - known):
        raise CodeError(f"key {unknown[0]!r} is unknown; known keys: {', '.join(sorted(known))}")


def given_or(line: Fields, format_name: str | None) -> Fields:
    """Return a batch line with the command's format where it names none."""
    return ({"format": format_name} if format_name else {}) | line


def refuse_beside_batch(request: Fields) -> None:
    """Refuse options that belong to a single request."""
    if extra := sorted(request.keys() - {"format"}):
        raise CodeError(f"--batch reads {extra[0]} from its lines; leave {extra[0]} out")


def run_batch(source: str, work: Callable[[Fields], Fields]) -> int:
    """Do every line of ``source`` in order and print one object each; return the exit code.

    2 if some line was bad input, else 1 if some mark was bad, else 0.
    """
    worst = DONE
    for line in _lines(source):
        try:
            answer = work(_object(line))
        except PinmarkError as error:
            message = " ".join(str(error).split())
            answer = {"error": {"message": message, "exit_code": error.exit_code}}
        emit(answer)
        bad_mark = BAD_MARK if answer.get("code", "") is None else DONE
        worst = max(worst, BAD_INPUT if "error" in answer else bad_mark)
    return worst


def _lines(source: str) -> Iterator[str]:
    if source == "-":
        yield from sys.stdin
        return
    try:
        with Path(source).open(encoding="utf-8") as file:
            yield from file
    except (OSError, UnicodeDecodeError) as error:
        raise CodeError(f"{source} cannot be read: {error}") from error


def _object(line: str) -> Fields:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CodeError(f"line {line.strip()[:40]!r} is no JSON object: {error}") from error
    if not isinstance(fields, dict):
        raise CodeError(f"line {line.strip()[:40]!r} is no JSON object")
    return {key: value for key, value in fields.items() if value is not None}
