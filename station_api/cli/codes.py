"""`pinmark encode` and `pinmark decode`: firearm or index to code, reading to firearm."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from engraver import codes
from engraver.codes import Decoded, MarkCode
from engraver.errors import CodeError, RegistryError
from engraver.orders import WorkOrder, normalise_name, normalise_serial
from engraver.registry import Registry
from station_api.cli.shell import BAD_MARK, DONE, JsonOption, console, emit
from station_api.registry_file import load_registry

FORMAT_HELP = f"One of {', '.join(codes.FORMATS)}."


def register(app: typer.Typer) -> None:
    """Add the two commands to ``app``."""
    app.command("encode")(encode)
    app.command("decode")(decode)


def encode(
    make: Annotated[str | None, typer.Option(help="Maker as registered.")] = None,
    model: Annotated[str | None, typer.Option(help="Model as registered.")] = None,
    serial: Annotated[str | None, typer.Option(help="Serial on the frame.")] = None,
    index: Annotated[int | None, typer.Option(help="A registry integer P instead.")] = None,
    format_name: Annotated[str, typer.Option("--format", help=FORMAT_HELP)] = "pin32-12",
    as_json: JsonOption = False,
) -> None:
    """Write a firearm, or a registry integer, as a code."""
    registry = load_registry()
    fields = encode_fields(
        {"make": make, "model": model, "serial": serial, "index": index}, registry, format_name
    )
    if as_json:
        emit(fields)
        return
    console.print(fields["code"])


def encode_fields(request: dict[str, Any], registry: Registry, format_name: str) -> dict[str, Any]:
    """Encode one request of make, model and serial, or of an index."""
    names = [request.get(key) for key in ("make", "model", "serial")]
    if request.get("index") is not None:
        if any(name is not None for name in names):
            raise CodeError("give either an index or make, model and serial, not both")
        code = codes.encode_index(request["index"], format_name)
        return code_fields(code, registry)
    for key, name in zip(("make", "model", "serial"), names, strict=True):
        if name is None:
            raise CodeError(f"{key} is missing; give make, model and serial, or an index")
    make, model, serial = map(str, names)
    order = WorkOrder(
        order_id="",
        make=normalise_name(make, "make"),
        model=normalise_name(model, "model"),
        serial=normalise_serial(serial),
        recipe="",
    )
    return code_fields(codes.encode(order, registry, format_name), registry)


def code_fields(code: MarkCode, registry: Registry) -> dict[str, Any]:
    """Return a code's JSON fields; ``firearm`` is null where its index is not allotted."""
    return {
        "code": code.text,
        "format": code.format.name,
        "index": code.index,
        "firearm": firearm_fields(code.index, registry),
    }


def firearm_fields(index: int, registry: Registry) -> dict[str, str] | None:
    """Return make, model and serial of an index, or None if it is not allotted."""
    try:
        firearm = registry.identify(index)
    except RegistryError:
        return None
    return {"make": firearm.make, "model": firearm.model, "serial": firearm.serial}


def decode(
    code: Annotated[str, typer.Argument(help="A reading: symbols, ? for none, [0D] for a choice.")],
    format_name: Annotated[str | None, typer.Option("--format", help=FORMAT_HELP)] = None,
    as_json: JsonOption = False,
) -> None:
    """Read a code back to its firearm, listing every correction made."""
    registry = load_registry()
    decoded = codes.decode(code, format_name)
    fields = decoded_fields(decoded, registry)
    if as_json:
        emit(fields)
    else:
        _print(fields)
    raise typer.Exit(BAD_MARK if decoded.code is None else DONE)


def decoded_fields(decoded: Decoded, registry: Registry) -> dict[str, Any]:
    """Return the JSON fields of a decoded reading."""
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


def _print(fields: dict[str, Any]) -> None:
    if fields["code"] is None:
        console.print(
            f"{fields['read']}: no {fields['format']} code within the radius", style="red"
        )
        return
    firearm = fields["firearm"]
    owner = " ".join(firearm.values()) if firearm else "not allotted"
    console.print(f"{fields['code']}  index {fields['index']}  {owner}", markup=False)
    for c in fields["corrections"]:
        console.print(
            f"  position {c['position']}: {c['written']} -> {c['symbol']} ({c['kind']})",
            markup=False,
        )
    if fields["spare"] == 0:
        console.print(
            "  no redundancy is left: nothing would have shown a further error", markup=False
        )
