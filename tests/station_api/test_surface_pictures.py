"""Pictures of a pin are drawn, in colour, the same bytes on every run."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import hardware
from engraver import codes, layout, relief
from engraver.heightmap import HeightMap
from engraver.inspection import expected, inspect
from station_api.pictures import surface

SETUP = hardware.load_setup("default")
DESIGN = relief.design(layout.arrange(codes.encode_index(5), SETUP), SETUP)


def ideal() -> HeightMap:
    seen = expected.surface(DESIGN, pitch_um=2.0)
    z = -DESIGN.relief_um * seen.removed
    z[:3, :3] = np.nan
    return HeightMap(z, (2.0, 2.0), (seen.grid.x0_um, seen.grid.y0_um))


def test_the_three_pictures_are_png_and_repeat(tmp_path: Path) -> None:
    """Height map, read-back and deviation: PNG files, byte for byte the same twice."""
    pin, found = ideal(), inspect(DESIGN, ideal())
    for n in ("a", "b"):
        surface.draw_pin(pin, tmp_path / f"pin-{n}.png", "a pin")
        surface.draw_read_back(pin, found, tmp_path / f"read-{n}.png")
        surface.draw_deviation(pin, DESIGN, found, tmp_path / f"deviation-{n}.png")
    for name in ("pin", "read", "deviation"):
        first = (tmp_path / f"{name}-a.png").read_bytes()
        assert first.startswith(b"\x89PNG")
        assert len(first) > 10_000
        assert first == (tmp_path / f"{name}-b.png").read_bytes()
