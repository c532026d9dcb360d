"""The promises of the read simulation behind benchmarks/font.py."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def rooms(monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, ModuleType]:
    """Return the modules `reading.faces` and `reading.simulation`."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    faces = importlib.import_module("reading.faces")
    return faces, importlib.import_module("reading.simulation")


def test_clean_impressions_are_read_rightly(rooms: tuple[ModuleType, ModuleType]) -> None:
    """Without cover and with little noise every symbol is read, at any shift and turn."""
    faces, simulation = rooms
    window = simulation.Window(120.0, 85.0)
    ranges = simulation.Ranges(
        sigma_um=(8.0, 12.0), half_plane_chance=0.0, blob_chance=0.0, noise=(0.02, 0.05)
    )
    conditions = simulation.draw_conditions(12, 5, window, ranges)
    reads = simulation.read_all(faces.micro_font(faces.CellBox()), conditions, window)
    assert (reads == np.arange(32)[:, None]).all()
    assert (conditions.covered == 0).all()


def test_one_seed_gives_one_set_of_reads(rooms: tuple[ModuleType, ModuleType]) -> None:
    """The same seed repeats every read; another seed draws other conditions."""
    faces, simulation = rooms
    window, outlines = simulation.Window(120.0, 85.0), faces.micro_font(faces.CellBox())
    drawn = [simulation.draw_conditions(4, seed, window, simulation.Ranges()) for seed in (1, 1, 2)]
    first, again, _ = (simulation.read_all(outlines, c, window) for c in drawn)
    assert (first == again).all()
    assert not np.array_equal(drawn[0].noise, drawn[2].noise)


def test_a_half_plane_covers_the_share_drawn(rooms: tuple[ModuleType, ModuleType]) -> None:
    """A half-plane drawn to cover a quarter of the cell covers a quarter, to 3 %."""
    _, simulation = rooms
    window = simulation.Window(120.0, 85.0)
    ranges = simulation.Ranges(half_plane_chance=1.0, half_plane_share=(0.25, 0.25))
    conditions = simulation.draw_conditions(20, 3, window, ranges)
    assert conditions.covered == pytest.approx(np.full(20, 0.25), abs=0.03)
