"""`pinmark tidy`: set aside or remove what a crash left lying about.

In: the station's folder, the configuration. Out: a line a file, or JSON with ``files``: ``what
file bytes age_s place`` (null where the file was removed). The service does the same as it starts.
"""

from __future__ import annotations

from typing import Annotated

import typer

from station_api.cli import shell
from station_api.configuration import settings
from station_api.station import open_station
from station_api.tidying import What, find
from station_api.tidying import tidy as tidy_away


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command()(tidy)


def tidy(
    look: Annotated[
        bool, typer.Option("--look", help="say what lies about, touch nothing")
    ] = False,
    as_json: shell.JsonOption = False,
) -> None:
    """Remove half backups of a crash, and set scans aside that no record names.

    Nothing that may be evidence is deleted: such a scan is moved into the folder kept of the
    station's scans. Example: pinmark tidy --look
    """
    with open_station() as station:
        found = find(station.home, station.records, settings())
        places = dict.fromkeys((one.path for one in found), None) if look else {}
        if not look:
            places = {one.path: place for one, place in tidy_away(found)}
    if as_json:
        rows = [
            {
                "what": one.what.value,
                "file": str(one.path),
                "bytes": one.size_bytes,
                "age_s": round(one.age_s),
                "place": None if places[one.path] is None else str(places[one.path]),
            }
            for one in found
        ]
        shell.emit({"files": rows})
        return
    for one in found:
        did = "removed" if one.what is not What.SCAN else f"moved to {places[one.path]}"
        told = f"{one.age_s / 3600:.0f} h old, {one.size_bytes} bytes"
        shell.console.print(
            f"{one.path}: {one.what.value}, {told}; {'left' if look else did}",
            markup=False,
            soft_wrap=True,
        )
    if not found:
        shell.console.print("nothing lies about")
