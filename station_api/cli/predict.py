"""`pinmark predict`: what the primer will show of a code, before the laser is on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from engraver.errors import InputError
from engraver.impressions.conditions import CONDITIONS
from station_api.cli import shell
from station_api.codes_typed import mark_code
from station_api.pictures import legibility as picture
from station_api.profiles import load_setup
from station_api.quality.prediction import Asked, predict_cases


def register(app: typer.Typer) -> None:
    """Add `pinmark predict`."""
    app.command("predict")(predict)


def predict(
    code: Annotated[str, typer.Option("--code", help="The symbols to engrave.")],
    recipe: Annotated[str, typer.Option("--recipe", help="A recipe's name.")] = "default",
    conditions: Annotated[str, typer.Option(help=f"One of {', '.join(CONDITIONS)}.")] = "poor",
    rounds: Annotated[str, typer.Option(help="Rounds fired before, comma separated.")] = (
        "0,1500,5000"
    ),
    firearms: Annotated[int, typer.Option(min=1, max=10_000, help="Firearms to simulate.")] = 40,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulation.")] = 1,
    png: Annotated[Path | None, typer.Option(help="Legibility curve to draw.")] = None,
    as_json: shell.JsonOption = False,
) -> int:
    """Predict the pin and the legibility of its impressions by symbol, against rounds.

    The pin is predicted from the planned toolpath and read back first: a mark that would be
    illegible on the pin leaves with exit code 1.

    Example: pinmark predict --code WT37AHG3P1Y5 --png legibility.png
    """
    asked = Asked(conditions, tuple(parse_rounds(rounds)), firearms, seed)
    fields, found = predict_cases(mark_code(code), load_setup(recipe), asked)
    if png is not None:
        picture.draw_legibility(found, fields["code"], png, f"{conditions} conditions")
    _report(fields, as_json)
    return shell.DONE if fields["pin_read_back"] == fields["code"] else shell.BAD_MARK


def parse_rounds(text: str) -> list[int]:
    """Return rounds as written: whole numbers from 0, comma separated."""
    fired = []
    for word in text.split(","):
        if not word.strip().isascii() or not word.strip().isdigit() or int(word) > 10**6:
            raise InputError(f"rounds {word.strip()!r} is no whole number from 0 to 1000000")
        fired.append(int(word))
    return fired


def _report(fields: dict[str, Any], as_json: bool) -> None:
    if as_json:
        shell.emit(fields)
        return
    print_line = shell.console.print
    print_line(f"code        {fields['code']}, recipe {fields['recipe']}")
    print_line(
        f"pin         reads {fields['pin_read_back']}, relief {fields['pin_relief_um']:.1f} um"
    )
    print_line(f"conditions  {fields['conditions']}, {fields['firearms']} firearms, one case each")
    print_line("rounds      whole code   by position")
    for fired, whole, row in zip(
        fields["rounds"], fields["whole_code"], fields["by_position"], strict=True
    ):
        print_line(f"{fired:>6}      {whole:>6.0%}       " + " ".join(f"{v:>4.0%}" for v in row))
    print_line(fields["stated_as"])
