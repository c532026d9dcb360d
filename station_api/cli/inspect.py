"""`pinmark inspect`: does the scan of a pin carry the mark that was ordered?"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer

import hardware
from engraver import layout, relief
from engraver.errors import ScanError
from engraver.heightmap import Scan
from engraver.inspection import Inspection, RingReport, Verdict, form_of, inspect
from station_api.cli import shell
from station_api.cli.scan import FileArgument, PitchOption, StepOption, UnitOption, save
from station_api.codes_typed import mark_code
from station_api.profiles import load_setup, shelves
from station_api.quality.fields import inspection_fields
from station_api.scan_files import open_scan, read_bytes

PictureOption = Annotated[Path | None, typer.Option("--png", help="Read-back picture to draw.")]


def register(app: typer.Typer) -> None:
    """Add `pinmark inspect`."""
    app.command("inspect")(inspect_pin)


def inspect_pin(
    file: FileArgument,
    code: Annotated[str, typer.Option("--code", help="The symbols that were ordered.")],
    recipe: Annotated[str, typer.Option("--recipe", help="A recipe's name.")] = "default",
    acceptance: Annotated[str, typer.Option(help="An acceptance profile's name.")] = "default",
    unit: UnitOption = None,
    pitch_um: PitchOption = 0.0,
    step_um: StepOption = 0.0,
    png: PictureOption = None,
    deviation: Annotated[Path | None, typer.Option(help="Deviation map to draw.")] = None,
    pdf: Annotated[Path | None, typer.Option("--report", help="Two-page PDF to write.")] = None,
    as_json: shell.JsonOption = False,
) -> int:
    """Read a scan back and judge it: exit 0 a good mark, 1 a bad one, 2 no scan to judge.

    Example: pinmark inspect pin.x3p --code WT37AHG3P1Y5 --report report.pdf
    """
    setup = load_setup(recipe)
    design = relief.design(layout.arrange(mark_code(code), setup), setup)
    limits = hardware.load("acceptance", acceptance, shelves())
    scan = open_scan(file, unit=unit, pitch_um=pitch_um, step_um=step_um)
    refuse_wrong_unit(file, scan)
    found = inspect(design, scan.height_map, limits, form_kind=form_of(setup.part))
    if png is not None or deviation is not None:
        from station_api.pictures import surface  # half a second, for those alone who draw

        if png is not None:
            surface.draw_read_back(scan.height_map, found, png)
        if deviation is not None:
            surface.draw_deviation(scan.height_map, design, found, deviation)
    if pdf is not None:
        from station_api.reports.inspection import inspection_report

        data = inspection_report(
            found,
            inspection_fields(found),
            design,
            scan,
            limits,
            name=file.name,
            scan_sha256=hashlib.sha256(read_bytes(file)).hexdigest(),
            recipe=recipe,
        )
        save(pdf, data)
    report(found, scan, as_json)
    return shell.DONE if found.verdict is Verdict.GOOD else shell.BAD_MARK


def refuse_wrong_unit(file: Path, scan: Scan) -> None:
    """Refuse a scan whose lengths cannot be in the unit it claims; offer the likely one."""
    if scan.suggested_unit:
        pitch_m = scan.height_map.pitch_xy_um[0] * 1e-6
        width = pitch_m * scan.height_map.z_um.shape[1]
        unit = scan.suggested_unit
        raise ScanError(
            f"{file.name}: increments of {pitch_m:g} m, {width:g} m in all, are no microscope's; "
            f"{width:g} {unit} are likely: add --unit {unit}, or mend the file with "
            f"`pinmark scan convert {file.name} mended.x3p --unit {unit}`"
        )


def ring_line(ring: RingReport) -> str:
    """Return the gear ring in one line."""
    right = sum(a == b for a, b in zip(ring.wanted, ring.read, strict=True))
    standing = [tooth for tooth in ring.teeth if tooth.stands]
    start = "start mark reads" if ring.fiducial else "start mark does not read"
    if not standing:
        return f"ring       no tooth stands, {start}"
    height = sum(tooth.height_um.value for tooth in standing) / len(standing)
    shift = max(abs(tooth.shift_um.value) for tooth in standing)
    return (
        f"ring       {right} of {len(ring.wanted)} slots as designed, {start}, teeth "
        f"{height:.2f} um high, at most {shift:.2f} um from their places"
    )


def report(found: Inspection, scan: Scan, as_json: bool) -> None:
    """Print an inspection for a script or for a person."""
    if as_json:
        shell.emit(inspection_fields(found) | {"oddities": list(scan.oddities)})
        return
    print_line = shell.console.print
    print_line(f"read back  {found.read_back}")
    print_line(f"ordered    {found.designed}")
    print_line(f"verdict    {found.verdict.value}, grade {found.grade}")
    print_line(f"relief     {found.relief_um:.2f} um, {found.relief_slope_um:.2f} over the mark")
    if found.ring is not None:
        print_line(ring_line(found.ring))
    for finding in found.findings:
        print_line(f"{finding.code:>16}  {finding.text}")
    for line in scan.oddities:
        print_line(f"{'odd':>16}  {line}")
