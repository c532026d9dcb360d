"""Blur, cover and disturb symbols, then read them with a reader that knows the font.

In: one outline a symbol (um) and a seed. Out: counts of (true symbol, read symbol).

Theory of operation
-------------------
A *condition* is one impression: a small shift, turn and change of size; parts that are
missing (a half-plane with no contact) or spoilt (blobs, at ground or at character level); a
Gaussian blur; a contrast ramp across the cell; noise. Conditions are drawn first, from the
seed alone, and every symbol of every face is read under the same ones, so that faces are
compared side by side. The reader holds one template a symbol, blurred by a middle amount, at
every whole-pixel shift of up to two pixels, and takes the largest normalised correlation.
It knows nothing of the condition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from shapely import get_parts
from shapely.geometry.base import BaseGeometry

Floats = NDArray[np.float32]

PIXEL_UM = 5.0
MARGIN_UM = 25.0
SHARP = 2  # source pixels to one read pixel
SEARCH_PIXELS = 2
TEMPLATE_SIGMA_UM = 15.0


@dataclass(frozen=True, slots=True)
class Ranges:
    """What conditions are drawn from; uniform between the two figures unless told."""

    sigma_um: tuple[float, float] = (6.0, 20.0)
    shift_um: float = 8.0
    turn_deg: float = 4.0
    size: float = 0.04
    half_plane_chance: float = 0.35
    half_plane_share: tuple[float, float] = (0.05, 0.3)
    blob_chance: float = 0.35
    blob_radius_um: tuple[float, float] = (8.0, 18.0)
    blobs: int = 2
    noise: tuple[float, float] = (0.02, 0.2)
    ramp: float = 0.4


@dataclass(frozen=True, slots=True, eq=False)
class Conditions:
    """``n`` impressions; arrays of ``(n, ...)`` over the read pixels ``rows * columns``."""

    index: NDArray[np.int32]  # (n, pixels, 4) source pixels of the bilinear sampling
    weight: Floats  # (n, pixels, 4)
    seen: Floats  # (n, pixels) 1 where the symbol shows, 0 where covered
    level: Floats  # (n, pixels) what shows where it is covered
    blur_y: Floats  # (n, rows, rows)
    blur_x: Floats  # (n, columns, columns)
    ramp: Floats  # (n, pixels)
    noise: Floats  # (n, pixels), in units of the contrast
    sigma_um: Floats  # (n,)
    covered: Floats  # (n,) share of the cell


@dataclass(frozen=True, slots=True)
class Window:
    """The picture of one cell: its pixels and where they stand."""

    height_um: float
    width_um: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the read picture."""
        rows = round((self.height_um + 2 * MARGIN_UM) / PIXEL_UM)
        columns = round((self.width_um + 2 * MARGIN_UM) / PIXEL_UM)
        return rows, columns

    def centres_um(self) -> tuple[Floats, Floats]:
        """Return x and y of the read pixels, each ``(rows, columns)``, y downwards."""
        rows, columns = self.shape
        y, x = np.mgrid[:rows, :columns].astype(np.float32)
        return (x - (columns - 1) / 2) * PIXEL_UM, (y - (rows - 1) / 2) * PIXEL_UM


def rasterise(shape: BaseGeometry, window: Window) -> Floats:
    """Return the coverage of the sharp picture, ``(SHARP * rows, SHARP * columns)``."""
    fine = 4
    rows, columns = (n * SHARP for n in window.shape)
    pixel = PIXEL_UM / SHARP / fine
    picture = Image.new("L", (columns * fine, rows * fine))
    pen = ImageDraw.Draw(picture)
    middle = np.array([columns * fine / 2, rows * fine / 2])
    for part in get_parts(shape):
        for ring, ink in [(part.exterior, 1), *((hole, 0) for hole in part.interiors)]:
            places = np.asarray(ring.coords)[:, :2] * (1, -1) / pixel + middle - 0.5
            pen.polygon([tuple(p) for p in places], fill=ink)
    dots = np.asarray(picture, dtype=np.float32)
    return np.asarray(dots.reshape(rows, fine, columns, fine).mean(axis=(1, 3)))


def blur_matrix(n: int, sigma_um: float) -> Floats:
    """Return the ``(n, n)`` matrix of a Gaussian blur; beyond the window lies ground."""
    away = (np.arange(n)[:, None] - np.arange(n)) * PIXEL_UM / sigma_um
    kernel = np.exp(-(away**2) / 2) * PIXEL_UM / (sigma_um * np.sqrt(2 * np.pi))
    return np.asarray(kernel, dtype=np.float32)


def draw_conditions(n: int, seed: int, window: Window, ranges: Ranges) -> Conditions:
    """Draw ``n`` impressions from ``seed``."""
    rng = np.random.default_rng(seed)
    rows, columns = window.shape
    x, y = window.centres_um()
    index, weight, seen, level, ramp = [], [], [], [], []
    sigmas = rng.uniform(*ranges.sigma_um, n)
    for _ in range(n):
        where, share = _sampling(rng, x, y, window, ranges)
        index.append(where)
        weight.append(share)
        shows, instead = _cover(rng, x, y, window, ranges)
        seen.append(shows.ravel())
        level.append(instead.ravel())
        angle = rng.uniform(0, 2 * np.pi)
        across = (x * np.cos(angle) + y * np.sin(angle)) / (window.height_um / 2)
        ramp.append((1 + rng.uniform(0, ranges.ramp) * across).ravel())
    noise = rng.standard_normal((n, rows * columns)) * rng.uniform(*ranges.noise, (n, 1))
    in_cell = (np.abs(x) <= window.width_um / 2) & (np.abs(y) <= window.height_um / 2)
    shown = np.array(seen, dtype=np.float32)
    return Conditions(
        np.array(index, dtype=np.int32),
        np.array(weight, dtype=np.float32),
        shown,
        np.array(level, dtype=np.float32),
        np.array([blur_matrix(rows, s) for s in sigmas]),
        np.array([blur_matrix(columns, s) for s in sigmas]),
        np.array(ramp, dtype=np.float32),
        noise.astype(np.float32),
        sigmas.astype(np.float32),
        1 - shown[:, in_cell.ravel()].mean(axis=1),
    )


def _sampling(
    rng: np.random.Generator, x: Floats, y: Floats, window: Window, ranges: Ranges
) -> tuple[NDArray[np.int32], Floats]:
    """Return the four source pixels and weights of each read pixel under a random motion."""
    turn = np.deg2rad(rng.uniform(-ranges.turn_deg, ranges.turn_deg))
    size = 1 + rng.uniform(-ranges.size, ranges.size)
    dx, dy = rng.uniform(-ranges.shift_um, ranges.shift_um, 2)
    rows, columns = (n * SHARP for n in window.shape)
    u = ((x - dx) * np.cos(turn) + (y - dy) * np.sin(turn)) / size
    v = ((y - dy) * np.cos(turn) - (x - dx) * np.sin(turn)) / size
    column = np.clip(u / PIXEL_UM * SHARP + (columns - 1) / 2, 0, columns - 1.001).ravel()
    row = np.clip(v / PIXEL_UM * SHARP + (rows - 1) / 2, 0, rows - 1.001).ravel()
    c, r = column.astype(np.int32), row.astype(np.int32)
    fc, fr = column - c, row - r
    first = r * columns + c
    where = np.stack([first, first + 1, first + columns, first + columns + 1], axis=1)
    share = np.stack([(1 - fc) * (1 - fr), fc * (1 - fr), (1 - fc) * fr, fc * fr], axis=1)
    return where, share.astype(np.float32)


def _cover(
    rng: np.random.Generator, x: Floats, y: Floats, window: Window, ranges: Ranges
) -> tuple[Floats, Floats]:
    """Return what shows (1 or 0) and the level that stands where nothing shows."""
    shows, instead = np.ones_like(x), np.zeros_like(x)
    kind = rng.random()
    angle = rng.uniform(0, 2 * np.pi)
    share = rng.uniform(*ranges.half_plane_share)
    places = rng.uniform(-0.5, 0.5, (ranges.blobs, 2)) * (window.width_um, window.height_um)
    radii = rng.uniform(*ranges.blob_radius_um, ranges.blobs)
    raised = rng.random(ranges.blobs) < 0.5
    count = rng.integers(1, ranges.blobs + 1)
    if kind < ranges.half_plane_chance:
        along = x / window.width_um * np.cos(angle) + y / window.height_um * np.sin(angle)
        in_cell = (np.abs(x) <= window.width_um / 2) & (np.abs(y) <= window.height_um / 2)
        shows[along < np.quantile(along[in_cell], share)] = 0
    elif kind < ranges.half_plane_chance + ranges.blob_chance:
        for (px, py), radius, high in list(zip(places, radii, raised, strict=True))[:count]:
            inside = (x - px) ** 2 + (y - py) ** 2 < radius**2
            shows[inside] = 0
            instead[inside] = high
    return shows, instead


def impress(sharp: Floats, conditions: Conditions, window: Window) -> Floats:
    """Return the pictures of one sharp symbol under all conditions, ``(n, pixels)``.

    Pictures have mean zero and length one, as a normalised correlation wants them.
    """
    rows, columns = window.shape
    n = len(conditions.sigma_um)
    moved = np.einsum("npk,npk->np", sharp.ravel()[conditions.index], conditions.weight)
    covered = moved * conditions.seen + conditions.level * (1 - conditions.seen)
    picture = conditions.blur_y @ covered.reshape(n, rows, columns) @ conditions.blur_x
    return normalised(picture.reshape(n, -1) * conditions.ramp + conditions.noise)


def normalised(pictures: Floats) -> Floats:
    """Return pictures less their mean, divided by their length."""
    level = pictures - pictures.mean(axis=-1, keepdims=True)
    return np.asarray(level / np.linalg.norm(level, axis=-1, keepdims=True))


def template(sharp: Floats, window: Window, sigma_um: float = TEMPLATE_SIGMA_UM) -> Floats:
    """Return the reader's pictures of one symbol at all shifts, ``(shifts, pixels)``."""
    rows, columns = window.shape
    mean = sharp.reshape(rows, SHARP, columns, SHARP).mean(axis=(1, 3))
    soft = blur_matrix(rows, sigma_um) @ mean @ blur_matrix(columns, sigma_um)
    reach = range(-SEARCH_PIXELS, SEARCH_PIXELS + 1)
    padded = np.pad(soft, SEARCH_PIXELS)
    moved = [
        padded[SEARCH_PIXELS + i :, SEARCH_PIXELS + j :][:rows, :columns].ravel()
        for i in reach
        for j in reach
    ]
    return normalised(np.array(moved))


def scores(pictures: Floats, templates: Floats) -> Floats:
    """Return the best correlation over the shifts, ``(n, symbols)``.

    ``templates`` is ``(symbols, shifts, pixels)``.
    """
    symbols, shifts, pixels = templates.shape
    found = pictures @ templates.reshape(-1, pixels).T
    return np.asarray(found.reshape(-1, symbols, shifts).max(axis=2))


def read_all(
    outlines: Mapping[str, BaseGeometry],
    conditions: Conditions,
    window: Window,
    template_sigma_um: float = TEMPLATE_SIGMA_UM,
) -> NDArray[np.int64]:
    """Read every symbol under every condition.

    Returns
    -------
    ``(symbols, n)``: the index of the symbol read, in the order of ``outlines``.
    """
    sharps = [rasterise(shape, window) for shape in outlines.values()]
    templates = np.array([template(sharp, window, template_sigma_um) for sharp in sharps])
    reads = [scores(impress(s, conditions, window), templates).argmax(axis=1) for s in sharps]
    return np.array(reads)
