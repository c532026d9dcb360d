"""`pinmark scan`: what a scan file holds, in another format, as a picture."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from engraver.errors import ScanError
from engraver.heightmap import HeightMap, Scan, write_csv, write_picture, write_x3p
from station_api.cli import shell
from station_api.configuration import settings
from station_api.scan_files import open_scan
from station_api.scan_folder import Arrivals, Outcome, Shelves

FileArgument = Annotated[Path, typer.Argument(help="X3P, CSV grid, or 16-bit PNG or TIFF.")]
UnitOption = Annotated[
    str | None, typer.Option("--unit", help="Unit of the file where it lies: m, mm, um or nm.")
]
PitchOption = Annotated[
    float, typer.Option("--pitch-um", help="Pixel size, for formats without a scale.")
]
StepOption = Annotated[float, typer.Option("--step-um", help="Height of one grey level.")]


def register(app: typer.Typer) -> None:
    """Add `pinmark scan` with its three commands."""
    group = typer.Typer(help="Scans of pins and cases: look into them, convert them.")
    group.command("info")(info)
    group.command("convert")(convert)
    group.command("show")(show)
    group.command("folder")(folder)
    app.add_typer(group, name="scan")


def info(
    file: FileArgument,
    unit: UnitOption = None,
    pitch_um: PitchOption = 0.0,
    step_um: StepOption = 0.0,
    as_json: shell.JsonOption = False,
) -> None:
    """Tell shape, increments, units, checksums and everything odd about a file."""
    scan = open_scan(file, unit=unit, pitch_um=pitch_um, step_um=step_um)
    fields = scan_fields(file, scan)
    if as_json:
        shell.emit(fields)
        return
    for key, value in fields.items():
        if key != "oddities":
            shell.console.print(f"{key:>18}  {value}")
    for line in scan.oddities:
        shell.console.print(f"{'odd':>18}  {line}")


def folder(
    path: Annotated[Path | None, typer.Argument(help="it; else \\[scans] folder")] = None,
    as_json: shell.JsonOption = False,
) -> None:
    """List what lies in the watched folder: kept with its reason, inspected with its verdict.

    Example: pinmark scan folder
    """
    where = path or settings().scans.folder
    if where is None or not where.is_dir():
        raise ScanError(f"{where or '[scans] folder'} is no folder here; name the watched folder")
    shelves, arrivals = Shelves(where), Arrivals(where, time.monotonic)
    arrivals.look()
    kept, inspected = shelves.of(Outcome.KEPT), shelves.of(Outcome.INSPECTED)
    waiting = [asdict(one) for one in arrivals.waiting]
    if as_json:
        found = {"waiting": waiting, "kept": kept, "inspected": inspected}
        shell.emit({"folder": str(where), **found})
        return
    for one in kept:
        shell.console.print(f"kept       {one['file']}: {one['why']}", markup=False)
    for one in waiting:
        shell.console.print(f"lies there {one['file']}", markup=False)
    for one in inspected:
        said = f"{one['mark_id']} {one['verdict']} by {one['matched_by'] or 'its digest'}"
        shell.console.print(f"inspected  {one['file']}: {said}", markup=False)


def scan_fields(file: Path, scan: Scan) -> dict[str, Any]:
    """Return what a person or a script wants to know about a scan."""
    z = scan.height_map.z_um
    measured = np.isfinite(z)
    rows, columns = z.shape
    (dx, dy), (x0, y0) = scan.height_map.pitch_xy_um, scan.height_map.origin_xy_um
    return {
        "file": file.name,
        "format": scan.format,
        "columns": columns,
        "rows": rows,
        "increment_x_um": dx,
        "increment_y_um": dy,
        "origin_x_um": x0,
        "origin_y_um": y0,
        "width_um": dx * columns,
        "height_um": dy * rows,
        "non_measured": round(1 - float(measured.mean()), 6),
        "z_min_um": float(np.nanmin(z)),
        "z_max_um": float(np.nanmax(z)),
        "data_type": scan.data_type,
        "data_checksum": scan.data_checksum,
        "header_checksum": scan.header_checksum,
        "suggested_unit": scan.suggested_unit,
        "facts": scan.facts,
        "oddities": list(scan.oddities),
    }


def convert(
    file: FileArgument,
    output: Annotated[Path, typer.Argument(help="Where to: .x3p, .csv or .png (16 bit).")],
    unit: UnitOption = None,
    pitch_um: PitchOption = 0.0,
    step_um: StepOption = 0.0,
    as_json: shell.JsonOption = False,
) -> None:
    """Write a scan in another format; to X3P, lengths become metres as the standard wants."""
    scan = open_scan(file, unit=unit, pitch_um=pitch_um, step_um=step_um)
    fields: dict[str, Any] = {"file": str(output)} | _written(scan.height_map, output, step_um)
    if as_json:
        shell.emit(fields)
        return
    shell.console.print(", ".join(f"{k} {v}" for k, v in fields.items()))


def _written(height_map: HeightMap, output: Path, step_um: float) -> dict[str, Any]:
    suffix = output.suffix.lower()
    fields: dict[str, Any] = {"pitch_um": height_map.pitch_xy_um[0]}
    if suffix == ".x3p":
        data = write_x3p(height_map, comment="converted by pinmark")
    elif suffix == ".csv":
        data = write_csv(height_map)
    elif suffix == ".png":
        step = step_um or max(float(np.ptp(height_map.z_um[np.isfinite(height_map.z_um)])), 1e-6)
        step = step_um or step / 60_000
        data, lowest = write_picture(height_map, step)
        fields |= {"step_um": step, "lowest_um": lowest}
    else:
        raise ScanError(f"{output.name}: known endings are .x3p, .csv and .png")
    save(output, data)
    return fields | {"bytes": len(data)}


def save(path: Path, data: bytes) -> None:
    """Write a file, with one clear line where that fails."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise ScanError(f"{path} cannot be written: {error.strerror}; choose another") from None


def show(
    file: FileArgument,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="PNG to draw.")] = None,
    unit: UnitOption = None,
    pitch_um: PitchOption = 0.0,
    step_um: StepOption = 0.0,
    as_json: shell.JsonOption = False,
) -> None:
    """Draw a scan as a height map with scale bar and colour bar."""
    from station_api.pictures import surface  # half a second, for those alone who draw

    scan = open_scan(file, unit=unit, pitch_um=pitch_um, step_um=step_um)
    target = output or file.with_suffix(".height.png")
    try:
        surface.draw_pin(scan.height_map, target, file.name)
    except OSError as error:
        raise ScanError(f"{target} cannot be written: {error.strerror}; use -o") from None
    if as_json:
        shell.emit({"picture": str(target)})
        return
    shell.console.print(str(target))
