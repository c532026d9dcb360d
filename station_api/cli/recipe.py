"""`pinmark recipe`: may a recipe be used on firearms? Release it on evidence, or take it back."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

import hardware
from engraver import gcode
from engraver.acceptance import Acceptance
from engraver.profiles import Setup
from engraver.release import Release, judge
from station_api.cli import shell
from station_api.profiles import load_setup, shelves
from station_api.quality import evidence
from station_api.quality.charts import marks_of
from station_api.quality.evidence import Kept, keep_evidence
from station_api.quality.prediction import Asked
from station_api.quality.releases import ReleaseRow, Releases
from station_api.records import Records, utc_text
from station_api.station import open_station

recipe_app = typer.Typer(help="Recipes and their releases for firearms.", no_args_is_help=True)

FROM_RECORDS = "records"
NameArgument = Annotated[str, typer.Argument(help="A recipe's name.")]
ByOption = Annotated[str, typer.Option("--by", help="Who answers for it.")]


def register(app: typer.Typer) -> None:
    """Add `pinmark recipe`."""
    app.add_typer(recipe_app, name="recipe")


@recipe_app.command("list")
def list_releases(as_json: shell.JsonOption = False) -> None:
    """List releases, the newest first. Example: pinmark recipe list."""
    with open_station() as station:
        rows = Releases(station.records).all()
    if as_json:
        shell.emit({"releases": [release_fields(row) for row in rows]})
        return
    table = Table("recipe", "setup", "state", "by", "at", "entry")
    for row in rows:
        at = utc_text(row.changed_at_us)
        place = str(row.position)
        table.add_row(row.recipe, row.setup_sha256[:12], row.state, row.released_by, at, place)
    shell.console.print(table)


@recipe_app.command()
def release(
    name: NameArgument,
    by: ByOption,
    gauge: Annotated[
        Path | None, typer.Option(help="Gauge study of the relief: CSV, or folder of scans.")
    ] = None,
    capability: Annotated[
        str, typer.Option(help="'records' for this station's trial marks, or a CSV of relief_um.")
    ] = "",
    coupon: Annotated[
        Path | None, typer.Option(help="Scan of the power coupon burned with the recipe.")
    ] = None,
    coupon_recipe: Annotated[
        str, typer.Option(help="Recipe the coupon was burned with, if another one.")
    ] = "",
    prediction: Annotated[
        str, typer.Option(help="Conditions to predict legibility for: good or poor.")
    ] = "",
    acceptance: Annotated[str, typer.Option(help="Acceptance profile with the limits.")] = (
        "default"
    ),
    check: Annotated[bool, typer.Option("--check", help="Judge only, write nothing.")] = False,
    as_json: shell.JsonOption = False,
) -> int:
    """Release a recipe for firearms on evidence; exit 1 with every reason if it is refused.

    Example: pinmark recipe release default --by "E. Ng" --gauge study.csv --capability records
    --coupon coupon.x3p --prediction good
    """
    setup = load_setup(name)
    limits = hardware.load("acceptance", acceptance, shelves())
    with open_station(to_mark=not check) as station:
        burned_with = load_setup(coupon_recipe or name)
        given = Given(gauge, capability, coupon, burned_with, prediction)
        kept = gather(station.records, setup, limits, given)
        judged = judge(name, gcode.setup_sha256(setup), [exhibit for exhibit, _ in kept])
        row = None
        if judged.released and not check:
            keep_evidence(station.home, kept)
            row = Releases(station.records).release(judged, by)
    tell(judged, row, as_json)
    return shell.DONE if judged.released else shell.BAD_MARK


@recipe_app.command()
def withdraw(
    name: NameArgument,
    by: ByOption,
    reason: Annotated[str, typer.Option(help="What was found.")],
    as_json: shell.JsonOption = False,
) -> None:
    """Take a release back. Example: pinmark recipe withdraw default --by "E. Ng" --reason drift."""
    digest = gcode.setup_sha256(load_setup(name))
    with open_station(to_mark=True) as station:
        row = Releases(station.records).withdraw(name, digest, by, reason)
    if as_json:
        shell.emit({"release": release_fields(row)})
    else:
        shell.console.print(f"the release of {name} is withdrawn, entry {row.position}")


@dataclass(frozen=True, slots=True)
class Given:
    """The evidence that was named on the command line."""

    gauge: Path | None
    capability: str
    coupon: Path | None
    coupon_setup: Setup
    prediction: str


def gather(records: Records, setup: Setup, limits: Acceptance, given: Given) -> list[Kept]:
    """Make an exhibit of each kind of evidence that was named."""
    kept: list[Kept] = []
    if given.gauge is not None:
        kept.append(evidence.gauge_evidence(given.gauge, setup, limits))
    if given.capability == FROM_RECORDS:
        kept.append(evidence.marks_evidence(marks_of(records, setup), setup, limits))
    elif given.capability:
        kept.append(evidence.table_evidence(Path(given.capability), setup, limits))
    if given.coupon is not None:
        kept.append(evidence.patches_evidence(given.coupon, setup, given.coupon_setup, limits))
    if given.prediction:
        kept.append(evidence.prediction_evidence(setup, Asked(given.prediction, (0,))))
    return kept


def release_fields(row: ReleaseRow) -> dict[str, Any]:
    """Return a release as JSON fields, its evidence opened."""
    return asdict(row) | {"evidence": json.loads(row.evidence)}


def tell(judged: Release, row: ReleaseRow | None, as_json: bool) -> None:
    """Print a judgement for a script or for a person."""
    fields: dict[str, Any] = {
        "recipe": judged.recipe,
        "setup_sha256": judged.setup_sha256,
        "released": judged.released,
        "reasons": list(judged.reasons),
        "evidence_sha256": judged.evidence_sha256,
        "exhibits": json.loads(judged.evidence)["exhibits"],
        "position": None if row is None else row.position,
    }
    if as_json:
        shell.emit(fields)
        return
    for one in fields["exhibits"]:
        figures = ", ".join(f"{key} {value}" for key, value in one["figures"].items())
        shell.console.print(f"{one['kind']:>11}  {figures}", markup=False)
    for reason in judged.reasons:
        shell.console.print(f"{'refused':>11}  {reason}", markup=False)
    if row is not None:
        shell.console.print(
            f"{'released':>11}  entry {row.position} of the log, by {row.released_by}"
        )
