"""The gear ring: a code once more, as teeth round the characters, and which way is up.

In: a `MarkCode` and radii (um). Out: teeth, mirrored like the characters. The format is
docs/formats/gear-ring.md; no public encoding of gear codes exists.

Seen on the primer, clockwise from twelve o'clock, on 5 n + 4 equal places::

    place 0     the fiducial: a tooth of double length, the only one
    places 1-3  empty
    then        5 places a symbol, its value most significant bit first; a tooth is a 1
"""

from __future__ import annotations

import numpy as np
from shapely.geometry import Polygon

from engraver.codes import ALPHABET, MarkCode
from engraver.errors import DesignError

START_PLACES = 4
BITS = 5
_ARC_STEPS = 4


def bits(code: MarkCode) -> tuple[int, ...]:
    """Return the places of the ring, 1 where a tooth stands.

    Examples
    --------
    >>> from engraver.codes import encode_index
    >>> ring = bits(encode_index(0, "pin32-8"))
    >>> len(ring), ring[:9]
    (44, (1, 0, 0, 0, 1, 0, 0, 1, 0))
    """
    data = [
        ALPHABET.index(symbol) >> bit & 1 for symbol in code.text for bit in range(BITS - 1, -1, -1)
    ]
    return (1, *(0,) * (START_PLACES - 1), *data)


def read(places: tuple[int, ...]) -> str:
    """Return the symbols of a ring whose places are known from the fiducial on."""
    data = places[START_PLACES:]
    words = [data[i : i + BITS] for i in range(0, len(data), BITS)]
    return "".join(ALPHABET[int("".join(map(str, word)), 2)] for word in words)


def teeth(
    code: MarkCode, inner_radius_um: float, tooth_um: float, beam_radius_um: float
) -> tuple[Polygon, ...]:
    """Draw the teeth, mirrored: clockwise on the primer is counter-clockwise on the pin.

    Raises
    ------
    DesignError
        If the beam cannot clear the gap between two teeth.
    """
    places = bits(code)
    pitch_rad = 2 * np.pi / len(places)
    gap_um = inner_radius_um * pitch_rad / 2
    if gap_um < 2 * beam_radius_um:
        least = 2 * beam_radius_um * 2 / pitch_rad
        raise DesignError(
            f"gear ring of {len(places)} places at a radius of {inner_radius_um:.0f} um leaves "
            f"gaps of {gap_um:.1f} um, the beam is {2 * beam_radius_um:g} um wide; "
            f"a radius of {least:.0f} um fits"
        )
    return tuple(
        _tooth(place * pitch_rad, pitch_rad / 2, inner_radius_um, tooth_um * (2 - (place > 0)))
        for place, bit in enumerate(places)
        if bit
    )


def _tooth(angle_rad: float, width_rad: float, inner_um: float, length_um: float) -> Polygon:
    """Return one tooth, centred at ``angle_rad`` counter-clockwise from twelve o'clock."""
    sweep = angle_rad + np.linspace(-width_rad / 2, width_rad / 2, _ARC_STEPS + 1)
    inner = np.column_stack((-np.sin(sweep), np.cos(sweep))) * inner_um
    outer = inner[::-1] * (inner_um + length_um) / inner_um
    return Polygon(np.concatenate((inner, outer)))
