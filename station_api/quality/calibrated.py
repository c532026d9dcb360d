"""A scanned coupon -> a new material profile and a recipe that reaches its relief on it.

In: a scan, the setup the coupon was burned with, for craters their table. Out: `Fitted`, TOML
texts, files in the station's profiles. Authority: engraver.patches and engraver.coupon.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import hardware
from engraver import coupon as craters
from engraver import coupons, patches
from engraver.coupon import Calibration
from engraver.errors import InputError
from engraver.heightmap import HeightMap
from engraver.profiles import Setup
from firmware_bridge.durable import make_folder, replace_durably

COLUMNS = ("x_um", "y_um", "energy_uj", "pulses")
"""Columns of a table of craters."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a coupon says: the metal, and passes and repetition rate for the recipe's relief."""

    calibration: Calibration
    passes: int
    repetition_rate_khz: float
    kind: str


def fit_patches(scan: HeightMap, setup: Setup) -> Fitted:
    """Fit the power coupon of ``setup``: `pinmark plan --coupon power` burned it."""
    made = coupons.power_patches(setup)
    depths = patches.depths(scan, made, patches.find_shift(scan, made))
    return _fitted(patches.calibrate(made, depths, setup), setup, "patches")


def fit_craters(
    scan: HeightMap, table: list[tuple[float, ...]], room_um: float, setup: Setup
) -> Fitted:
    """Fit craters of single spots; ``table`` has x_um, y_um, energy_uj, pulses of each.

    Raises
    ------
    InputError
        If an energy, a number of pulses or the room is not above 0.
    """
    made_by = np.array(table, np.float64)
    if not (made_by[:, 2:] > 0).all() or not room_um > 0:
        raise InputError("energies, pulses and --room-um must be above 0; correct the table")
    made = craters.Coupon(made_by[:, :2], made_by[:, 2], made_by[:, 3], room_um)
    squares, depths = craters.craters(scan, made)
    return _fitted(
        craters.calibrate(made.energy_uj, made.pulses, squares, depths), setup, "craters"
    )


def _fitted(known: Calibration, setup: Setup, kind: str) -> Fitted:
    return Fitted(known, *patches.proposed_rate_khz(known, setup), kind)


def fitted_fields(fitted: Fitted, setup: Setup, scan: str) -> dict[str, Any]:
    """Return a fit as JSON fields, the material profile's text among them."""
    return asdict(fitted.calibration) | {
        "kind": fitted.kind,
        "proposed_passes": fitted.passes,
        "proposed_repetition_rate_khz": round(fitted.repetition_rate_khz, 4),
        "profile": material_text(fitted, f"{setup.material.name}-calibrated", scan),
    }


def material_text(fitted: Fitted, name: str, scan: str) -> str:
    """Return the calibrated material as a profile, each figure with the coupon as its source."""
    known = fitted.calibration
    lines = [f'name = "{name}"']
    for key in ("ablation_threshold_j_cm2", "incubation_coefficient", "penetration_depth_nm"):
        e = getattr(known, key)
        value = min(e.value, 1.0) if key == "incubation_coefficient" else e.value
        source = f"coupon {scan}, {known.used} {fitted.kind}, 95 % {e.low:.4g} to {e.high:.4g}"
        lines.append(f'{key} = {{ value = {value:.4g}, source = "{source}" }}')
    return "\n".join(lines) + "\n"


def recipe_text(base: str, name: str, fitted: Fitted) -> str:
    """Return a recipe's text with the calibrated material of the same name and its passes."""
    proposed = 'source = "coupon: passes and rate that dig the relief on this metal"'
    lines = {
        "name": f'name = "{name}"',
        "material": f'material = "{name}"',
        "passes": f"passes = {{ value = {fitted.passes}, {proposed} }}",
        "repetition_rate_khz": "repetition_rate_khz = "
        f"{{ value = {fitted.repetition_rate_khz:.4g}, {proposed} }}",
    }
    for key, line in lines.items():
        base = re.sub(rf"(?m)^{key} *=.*$", line, base, count=1)
    return base


def save(
    folder: Path, name: str, fitted: Fitted, scan: str, base: str, shelf: hardware.Shelf
) -> list[Path]:
    """Write material and recipe ``name`` to a station's profiles; both are read back first.

    Raises
    ------
    InputError
        If the name is taken or is no name of a profile, or the folder cannot be written.
    """
    if not re.fullmatch(r"[0-9a-z][0-9a-z.-]{0,63}", name):
        raise InputError(f"{name!r} is no name of a profile; use a-z, 0-9, point and hyphen")
    texts = {
        "materials": material_text(fitted, name, scan),
        "recipes": recipe_text(base, name, fitted),
    }
    taken = [kind for kind in texts if name in hardware.names(kind, shelf)]
    if taken:
        raise InputError(f"{taken[0]} has a {name!r} already; profiles are not overwritten")
    written: list[Path] = []
    try:
        for kind, text in texts.items():
            make_folder(folder / kind)
            written.append(folder / kind / f"{name}.toml")
            replace_durably(written[-1], text)
        hardware.load_setup(name, shelf)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}") from None
    except InputError:
        for path in written:  # a recipe that cannot be loaded would block every other command
            path.unlink()
        raise
    return written
