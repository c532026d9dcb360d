"""`pinmark registry`: list, show, add, import, export and check allotments."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from engraver import registry
from engraver.allotment import BLOCK_SIZE, Row, row_fields
from engraver.errors import RegistryError
from engraver.orders import normalise_serial
from engraver.templates import parse_template
from station_api.cli.shell import JsonOption, console, emit
from station_api.registry_file import allot, grow, load_registry, registry_path

commands = typer.Typer(no_args_is_help=True, help="Makes, models and their blocks of codes.")


def register(app: typer.Typer) -> None:
    """Add the group to ``app``."""
    app.add_typer(commands, name="registry")


@commands.command("list")
def list_rows(as_json: JsonOption = False) -> None:
    """List all allotments."""
    ours = load_registry()
    if as_json:
        emit({"digest": ours.digest, "rows": [_fields(row) for row in ours.rows]})
        return
    for row in ours.rows:
        last = row.first_block + row.blocks - 1
        line = f"{row.first_block}-{last}  {row.make}  {row.model}  {row.range_text}"
        console.print(f"{line}  {row.dated}".rstrip(), markup=False)
    source = registry_path() if registry_path().exists() else "the sample"
    console.print(f"digest {ours.digest}  ({source})", markup=False)


@commands.command("show")
def show(
    block: Annotated[int, typer.Argument(help="A block number.")], as_json: JsonOption = False
) -> None:
    """Show the allotment that owns a block."""
    row = load_registry().row_of(block * BLOCK_SIZE)
    if row is None:
        raise RegistryError(f"block {block} is not allotted; see pinmark registry list")
    if as_json:
        emit(_fields(row))
        return
    for key, value in _fields(row).items():
        shown = value if not isinstance(value, list) else f"{len(value)} serials"
        console.print(f"{key:12} {shown}", markup=False)


def _fields(row: Row) -> dict[str, Any]:
    ends = {"first_serial": row.serial_at(0), "last_serial": row.serial_at(row.count - 1)}
    return row_fields(row) | ends | {"count": row.count, "first_index": row.first_index}


@commands.command("add")
def add(
    make: Annotated[str, typer.Option(help="Maker, as on the firearm.")],
    model: Annotated[str, typer.Option(help="Model, as on the firearm.")],
    template: Annotated[str, typer.Option(help="Serial template, such as ZQ9999.")] = "",
    first_serial: Annotated[str, typer.Option(help="Serial at offset 0 of the template.")] = "",
    serials: Annotated[
        Path | None, typer.Option(help="Instead: a file, one serial a line.")
    ] = None,
    blocks: Annotated[
        int | None, typer.Option(help="Blocks of 32,768; default: as needed.")
    ] = None,
    dated: Annotated[str, typer.Option(help="ISO date of the allotment; default: today.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Allot the next free blocks to a make and model."""
    start = _start_index(template, first_serial) if template else 0
    listed = _read_serials(serials) if serials else ()
    row = allot(
        make, model, template=template, start=start, serials=listed, blocks=blocks, dated=dated
    )
    if as_json:
        emit(_fields(row))
        return
    last = row.first_block + row.blocks - 1
    console.print(
        f"blocks {row.first_block} to {last}: {row.make} {row.model}, {row.range_text}",
        markup=False,
    )


def _start_index(template: str, first_serial: str) -> int:
    if not first_serial:
        return 0
    index = parse_template(template).index_of(normalise_serial(first_serial))
    if index is None:
        raise RegistryError(f"first serial {first_serial!r} does not fit template {template!r}")
    return index


def _read_serials(path: Path) -> tuple[str, ...]:
    lines = [line.strip() for line in _read(path).splitlines()]
    serials = tuple(line for line in lines if line)
    if not serials:
        raise RegistryError(f"{path} holds no serials; write one a line")
    return serials


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RegistryError(f"{path} cannot be read: {error}") from error


@commands.command("export")
def export(
    path: Annotated[Path | None, typer.Argument(help="A .json or .csv file; none: print.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV instead of JSON.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the registry with a dated digest."""
    ours = load_registry()
    write = registry.to_csv if as_csv or (path and path.suffix == ".csv") else registry.to_json
    text = write(ours, datetime.now(UTC).date().isoformat())
    if path is None:
        print(text, end="")
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RegistryError(f"{path} cannot be written: {error}") from error
    _report({"path": str(path), "rows": len(ours.rows), "digest": ours.digest}, as_json)


@commands.command("import")
def import_file(path: Path, as_json: JsonOption = False) -> None:
    """Take over a registry that continues the station's own; refuse one that disagrees."""
    theirs = load_registry(path)
    grown = grow(lambda _: theirs, datetime.now(UTC).date().isoformat())
    _report({"path": str(path), "rows": len(grown.rows), "digest": grown.digest}, as_json)


@commands.command("check")
def check(
    path: Annotated[Path | None, typer.Argument(help="Another registry to compare with.")] = None,
    continues: Annotated[str, typer.Option(help="A digest noted earlier.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Check the registry: itself, against a digest noted earlier, against another registry."""
    ours = load_registry()
    fields: dict[str, Any] = {"rows": len(ours.rows), "digest": ours.digest}
    if continues and continues not in registry.chain(ours.rows):
        raise RegistryError(
            f"the registry does not continue digest {continues}: rows were changed or removed"
        )
    if path is not None:
        comparison = registry.compare(ours, load_registry(path))
        if comparison.relation == "disagrees":
            raise RegistryError(f"{path}: {comparison.detail}; find out which one is right")
        fields |= {"relation": comparison.relation, "detail": comparison.detail}
    fields["ambiguities"] = list(ours.ambiguities())
    _report(fields, as_json)


def _report(fields: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit(fields)
        return
    for key, value in fields.items():
        lines = value if isinstance(value, list) else [value]
        for line in lines or ["none"]:
            console.print(f"{key:12} {line}", markup=False)
