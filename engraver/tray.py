"""Many pieces in one program: toolpaths of single pieces -> one over a tray.

In: one `Toolpath` a piece, in the frame of its tip, and a `Fixture`. Out: one `Toolpath` in the
frame of the fixture (um from its first fiducial) and the strokes of each piece. The fixture as
it really lies on the table is found from two of its fiducials (`align`).
"""

from __future__ import annotations

from dataclasses import replace
from math import atan2, cos, degrees, hypot, radians, sin

import numpy as np

from engraver.errors import DesignError
from engraver.profiles import Fixture
from engraver.strokes import MoveKind
from engraver.toolpath import GRID_UM, Toolpath

Place = tuple[float, float]


def arrange(pieces: list[Toolpath], fixture: Fixture) -> tuple[Toolpath, list[range]]:
    """Put one toolpath into each pocket, in order; return them as one, and each one's strokes.

    Raises
    ------
    DesignError
        If there are no pieces, or more than pockets.
    """
    pockets = len(fixture.pocket_xy_mm)
    if not 0 < len(pieces) <= pockets:
        raise DesignError(
            f"fixture {fixture.name} has {pockets} pockets, {len(pieces)} pieces were given; "
            f"give 1 to {pockets}"
        )
    points, strokes, first = [np.zeros((1, 3))], [], 0
    numbers = []
    for piece, pocket in zip(pieces, fixture.pocket_xy_mm, strict=False):
        points.append(_placed(piece.xyz_um[1:], pocket, fixture))
        numbers.append(np.where(piece.stroke >= 0, piece.stroke + first, -1).astype(np.int32))
        strokes.append(range(first, first + piece.stroke_count))
        first += piece.stroke_count
    kinds = [piece.kind.copy() for piece in pieces]
    for kind in kinds:
        kind[0] = MoveKind.JUMP  # from the piece before, whatever it was from the tip's centre
    whole = Toolpath(
        xyz_um=np.concatenate(points),
        kind=np.concatenate(kinds),
        speed_mm_s=np.concatenate([piece.speed_mm_s for piece in pieces]),
        power=np.concatenate([piece.power for piece in pieces]),
        stroke=np.concatenate(numbers),
        pass_index=np.concatenate([piece.pass_index for piece in pieces]),
    )
    return whole, strokes


def align(fixture: Fixture, seen_first_mm: Place, seen_second_mm: Place) -> Fixture:
    """Return the fixture as it lies, from where its first two fiducials were really seen.

    Places stay relative to the machine's work origin, so that what was seen is what is marked.

    Raises
    ------
    DesignError
        If the two are further apart or closer than drawn by more than the tolerance allows.

    Examples
    --------
    >>> tray = Fixture("t", "p", ((10.0, 0.0),), ((0.0, 0.0), (20.0, 0.0)), 0.0, 0.0, 10.0)
    >>> align(tray, (1.0, 2.0), (1.0, 22.0)).pocket_xy_mm
    ((1.0, 12.0),)
    """
    (x0, y0), (x1, y1) = fixture.fiducial_xy_mm[:2]
    drawn = (x1 - x0, y1 - y0)
    seen = (seen_second_mm[0] - seen_first_mm[0], seen_second_mm[1] - seen_first_mm[1])
    error_um = (hypot(*seen) - hypot(*drawn)) * 1e3
    allowed_um = 2 * fixture.position_tolerance_um
    if abs(error_um) > allowed_um:
        raise DesignError(
            f"fixture {fixture.name}: fiducials are {error_um:+.1f} um off their drawn distance, "
            f"{allowed_um:g} um is allowed; clean them, or check the steps per mm"
        )
    turn_deg = degrees(atan2(seen[1], seen[0]) - atan2(drawn[1], drawn[0]))

    def moved(places: tuple[Place, ...]) -> tuple[Place, ...]:
        return tuple(_turned((x - x0, y - y0), turn_deg, seen_first_mm) for x, y in places)

    return replace(
        fixture,
        pocket_xy_mm=moved(fixture.pocket_xy_mm),
        fiducial_xy_mm=moved(fixture.fiducial_xy_mm),
        pocket_turn_deg=fixture.pocket_turn_deg + turn_deg,
    )


def _turned(place: Place, turn_deg: float, origin: Place) -> Place:
    angle = radians(turn_deg)
    x = place[0] * cos(angle) - place[1] * sin(angle) + origin[0]
    y = place[0] * sin(angle) + place[1] * cos(angle) + origin[1]
    return round(x, 9), round(y, 9)


def _placed(xyz_um: np.ndarray, pocket_mm: Place, fixture: Fixture) -> np.ndarray:
    angle = radians(fixture.pocket_turn_deg)
    turn = np.array([[cos(angle), sin(angle), 0], [-sin(angle), cos(angle), 0], [0, 0, 1]])
    shift = np.array([*pocket_mm, fixture.pocket_z_mm]) * 1e3
    return np.asarray(np.round((xyz_um @ turn + shift) / GRID_UM) * GRID_UM)
