"""The legal human-readable mark on a frame or receiver: fields -> grooves to cut.

In: make, model, calibre, city, state, serial and a rule. Out: the region of the grooves (um,
centred on the plate, read as it stands: no mirror). Characters are cut in, not left standing.
Authority:
27 CFR 478.92 (serial at least 0.003 in deep and 1/16 in high, measured between the latitudinal
ends of the character bases); Directive (EU) 2019/68 with 2024/325 (1.6 mm, 0.0762 mm).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from math import ceil

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import LineString, MultiLineString, MultiPolygon, Polygon

from engraver import crater, glyphs, refusals, surface
from engraver.errors import DesignError
from engraver.profiles import Setup
from engraver.relief import as_multipolygon

MORE_PATHS = {
    "B": "0,30 26,30r15 26,60r15 0,60 z; 0,0 28,0r15 28,30r15 0,30 z",
    "I": "20,0 20,60; 8,60 32,60; 8,0 32,0",
    "O": "0,0r20 40,0r20 40,60r20 0,60r20 z",
    "S": "40,46 40,60r17 0,60r15 0,30r15 40,30r15 40,0r15 0,0r17 0,14",
    "-": "8,30 32,30",
    ".": "18,0 22,0",
    "/": "0,0 40,60",
    "&": "40,0 6,46 6,60r8 26,60r8 26,44 0,22 0,0r12 24,0r12 40,22",
    ",": "22,4 16,-8",
    "'": "20,60 20,48",
}
"""Skeletons of what a legal text needs beyond the micro-font, on its grid of 40 x 60."""

_ADVANCE, _LINE = 60.0, 90.0  # grid units from one character, and one line, to the next


@dataclass(frozen=True, slots=True)
class Rule:
    """What a law asks of a mark: least height and depth of its characters."""

    name: str
    least_height_um: float
    least_depth_um: float


RULES = {
    "us": Rule("27 CFR 478.92", 1587.5, 76.2),
    "eu": Rule("Directive (EU) 2019/68", 1600.0, 76.2),
}


@dataclass(frozen=True, slots=True)
class PlateText:
    """The fields of a legal mark, each one line of text."""

    make: str
    model: str
    calibre: str
    city: str
    state: str
    serial: str

    @property
    def lines(self) -> tuple[str, ...]:
        """The four lines of the plate."""
        return (self.make, f"{self.model} {self.calibre}", f"{self.city} {self.state}", self.serial)


def region(text: PlateText, rule_name: str, setup: Setup) -> MultiPolygon:
    """Return where the beam's axis may be: grooves, less their kerf.

    Raises
    ------
    DesignError
        If a field is empty, a character unknown, height or depth below the rule, or the text
        does not fit the plate.
    """
    rule = _rule(rule_name)
    _refuse_shallow(rule, setup)
    refusals.refuse_impossible_process(setup)
    for field in fields(text):
        if not getattr(text, field.name).strip():
            raise DesignError(f"plate text has no {field.name}; {rule.name} asks for it")
    tracks = _centred(text.lines, setup)
    kerf = crater.kerf_um(setup)
    half_um = setup.recipe.stroke_um / 2 - kerf
    if half_um <= 0:
        raise DesignError(
            f"recipe {setup.recipe.name}: stroke_um {setup.recipe.stroke_um:g} um is narrower than "
            f"the track of one pulse, {2 * kerf:.1f} um; use a wider stroke"
        )
    _refuse_large(tracks, setup)
    return as_multipolygon(shapely.union_all([track.buffer(half_um) for track in tracks]))


def skeleton(symbol: str) -> tuple[np.ndarray, ...]:
    """Return the strokes of a character on the grid of 40 x 60."""
    if symbol == " ":
        return ()
    path = MORE_PATHS.get(symbol) or glyphs.PATHS.get(symbol)
    if path is None:
        raise DesignError(
            f"character {symbol!r} is not in the plate's font; use A-Z, 0-9, space and "
            f"{' '.join(s for s in MORE_PATHS if not s.isalnum())}"
        )
    return glyphs.trace(path)


def _centred(lines: tuple[str, ...], setup: Setup) -> list[MultiLineString]:
    """Set the lines of text, centred on the plate; one shape a character."""
    scale = setup.recipe.cell_height_um / glyphs.GRID_HEIGHT
    placed = []
    for row, line in enumerate(lines):
        words = re.sub(r"\s+", " ", line.strip().upper())
        left = -(len(words) * _ADVANCE - (_ADVANCE - glyphs.GRID_WIDTH)) / 2
        base = ((len(lines) - 1) / 2 - row) * _LINE - glyphs.GRID_HEIGHT / 2
        for column, symbol in enumerate(words):
            strokes = skeleton(symbol)
            if strokes:
                shape = MultiLineString([LineString(stroke) for stroke in strokes])
                moved = affinity.translate(shape, left + column * _ADVANCE, base)
                placed.append(affinity.scale(moved, scale, scale, origin=(0, 0)))
    return placed


def _rule(name: str) -> Rule:
    if name not in RULES:
        raise DesignError(f"rule {name!r} is unknown; known rules: {', '.join(RULES)}")
    return RULES[name]


def _refuse_shallow(rule: Rule, setup: Setup) -> None:
    """Heights are those of the groove's base, between the centres of its end strokes."""
    recipe = setup.recipe
    for key, value, least in (
        ("cell_height_um", recipe.cell_height_um, rule.least_height_um),
        ("relief_um", recipe.relief_um, rule.least_depth_um),
    ):
        if value < least:
            raise DesignError(
                f"recipe {recipe.name}: {key} {value:g} um is below the {least:g} um of "
                f"{rule.name}; use at least {least:g} um"
            )
    expected = crater.depth_um(setup)
    if expected < rule.least_depth_um:
        more = ceil(recipe.passes * rule.least_depth_um / expected) if expected else 0
        raise DesignError(
            f"recipe {recipe.name}: {recipe.passes} passes dig {expected:.1f} um, {rule.name} asks "
            f"for {rule.least_depth_um:g} um; use at least {more} passes"
        )


def _refuse_large(tracks: list[MultiLineString], setup: Setup) -> None:
    drawn: Polygon = shapely.box(*shapely.union_all(tracks).bounds)
    usable = surface.usable(setup.part)
    needed = drawn.buffer(setup.recipe.stroke_um / 2, join_style="mitre")
    if not usable.contains(needed):
        x0, y0, x1, y1 = needed.bounds
        u0, v0, u1, v1 = usable.bounds
        raise DesignError(
            f"the text is {(x1 - x0) / 1e3:.1f} x {(y1 - y0) / 1e3:.1f} mm, part {setup.part.name} "
            f"has {(u1 - u0) / 1e3:.1f} x {(v1 - v0) / 1e3:.1f} mm free; use a larger plate or "
            f"shorter names"
        )
