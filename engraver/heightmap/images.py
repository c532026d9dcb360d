"""CSV grids and 16-bit pictures -> `Scan`: heights from instruments that know no X3P.

In: bytes, and the scale that these formats do not carry (um). Out: heights in um. Authority:
none; in a CSV an empty field, ``nan`` and ``-`` are non-measured, in a picture the value 0 is.
The first line of a CSV and the first row of a picture are the top of the scan: y runs upwards.
"""

from __future__ import annotations

import io
import warnings
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from engraver.errors import ScanError
from engraver.heightmap.grid import HeightMap
from engraver.heightmap.x3p_read import LARGEST_POINTS, UNITS_M, Scan

LARGEST_CSV = 1 << 30
_MISSING = {"", "-", "nan", "na", "n/a", "none", "null", "***", "bad"}


def read_csv(data: bytes, pitch_um: float, unit: str = "um") -> Scan:
    """Read a grid of heights separated by commas, semicolons, tabs or spaces.

    Parameters
    ----------
    pitch_um
        Distance of two columns and of two rows.
    unit
        What the heights are in: ``m``, ``mm``, ``um`` or ``nm``.

    Raises
    ------
    ScanError
        If the text is no grid of numbers.
    """
    _check_scale(pitch_um, "--pitch-um")
    if unit not in UNITS_M:
        raise ScanError(f"unit {unit!r} is unknown; use one of {', '.join(UNITS_M)}")
    if len(data) > LARGEST_CSV:
        raise ScanError(f"the CSV has {len(data)} bytes, at most {LARGEST_CSV} are read")
    lines = [line for line in data.decode("utf-8-sig", "replace").splitlines() if line.strip()]
    lines = [line for line in lines if not line.lstrip().startswith("#")]
    if not lines:
        raise ScanError("the CSV holds no numbers; export the scan as a grid of heights")
    separator = next((c for c in (";", "\t", ",") if c in lines[0]), None)
    rows = [_numbers(line, separator, n) for n, line in enumerate(lines, start=1)]
    width = len(rows[0])
    for n, row in enumerate(rows, start=1):
        if len(row) != width:
            raise ScanError(f"row {n} of the CSV has {len(row)} fields, row 1 has {width}")
    z = np.array(rows, np.float64) * UNITS_M[unit] * 1e6
    return _scan(z, pitch_um, "CSV grid", ("a CSV carries no scale and no checksum",))


def _numbers(line: str, separator: str | None, n: int) -> list[float]:
    fields = [field.strip() for field in line.split(separator)]
    if fields and not fields[-1] and separator:
        fields.pop()
    decimal_comma = separator in (";", "\t")
    found = []
    for field in fields:
        text = field.replace(",", ".") if decimal_comma else field
        try:
            found.append(float("nan") if text.lower() in _MISSING else float(text))
        except ValueError:
            raise ScanError(
                f"row {n} of the CSV holds {field[:30]!r}, which is no number"
            ) from None
    return found


def read_picture(data: bytes, pitch_um: float, step_um: float) -> Scan:
    """Read a greyscale PNG or TIFF of 8, 16 or 32 bits as heights.

    Parameters
    ----------
    pitch_um
        Size of a pixel.
    step_um
        Height of one grey level; for a picture of floating point, the height of 1.

    Raises
    ------
    ScanError
        If it is no greyscale picture, or too large.
    """
    _check_scale(pitch_um, "--pitch-um")
    _check_scale(step_um, "--step-um")
    levels = _grey_levels(data)
    z = levels.astype(np.float64) * step_um
    if levels.dtype.kind in "ui":
        z[levels == 0] = np.nan
    oddities = ["a picture carries no scale; the value 0 is taken as non-measured"]
    if levels.dtype.itemsize == 1:
        oddities.append("8 bits are 256 heights: steps of the scale show in every figure")
    return _scan(z, pitch_um, f"picture of {8 * levels.dtype.itemsize} bits", tuple(oddities))


def _grey_levels(data: bytes) -> NDArray[np.generic]:
    from PIL import Image, UnidentifiedImageError  # for those who bring pictures

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(data), formats=("PNG", "TIFF"))
            size = picture.size
            if size[0] * size[1] > LARGEST_POINTS:
                raise ScanError(f"the picture has {size[0]} x {size[1]} pixels; crop it")
            if picture.mode not in ("L", "I", "F", "I;16", "I;16L", "I;16B"):
                raise ScanError(f"the picture is of mode {picture.mode}, heights need greyscale")
            return np.asarray(picture)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Warning) as error:
        raise ScanError(f"the picture cannot be read: {error}") from None
    except Image.DecompressionBombError as error:
        raise ScanError(f"the picture unpacks to too much: {error}") from None


def _check_scale(value: float, option: str) -> None:
    if not (isfinite(value) and value > 0):
        raise ScanError(f"{option} {value:g} um must be above 0; this format carries no scale")


def _scan(z: NDArray[np.float64], pitch_um: float, what: str, oddities: tuple[str, ...]) -> Scan:
    z[~np.isfinite(z)] = np.nan
    if not np.isfinite(z).any():
        raise ScanError(f"all {z.size} points are non-measured; measure the pin again")
    upright = np.ascontiguousarray(z[::-1])
    height_map = HeightMap(upright, (pitch_um, pitch_um), (0.0, 0.0))
    return Scan(height_map, what, "", "missing", "missing", oddities, "", {})


def write_csv(height_map: HeightMap) -> bytes:
    """Return heights in um as a CSV, top row first, non-measured points empty."""
    lines = []
    for row in height_map.z_um[::-1]:
        lines.append(",".join("" if np.isnan(v) else f"{v:.6g}" for v in row.tolist()))
    return ("\n".join(lines) + "\n").encode()


def write_picture(height_map: HeightMap, step_um: float) -> tuple[bytes, float]:
    """Return a 16-bit PNG, and the height in um of its level 1; level 0 is non-measured."""
    _check_scale(step_um, "--step-um")
    z = height_map.z_um[::-1]
    lowest = float(np.nanmin(z))
    levels = np.rint((z - lowest) / step_um) + 1
    if np.nanmax(levels) > 65535:
        least = float(np.nanmax(z) - lowest) / 65534
        raise ScanError(f"steps of {step_um:g} um do not reach over the map; use {least:.2g} um")
    from PIL import Image

    grey = np.where(np.isfinite(levels), levels, 0).astype(np.uint16)
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "PNG")
    return buffer.getvalue(), lowest
