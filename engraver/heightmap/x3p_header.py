"""main.xml of an X3P file -> `Header`: what the zip promises, checked before it is believed.

In: XML bytes. Out: axes, sizes, links and checksums; lengths in the file's unit (metres by
the standard). Authority: ISO 25178-72:2017 with AMD 1:2020, schema ISO5436_2 of openGPS.
Names are compared without their namespace, since files in the wild have three spellings.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from engraver.errors import ScanError

Floats = NDArray[np.float64]
UNEVEN = 0.1  # an absolute axis may leave its regular grid by this share of a step


@dataclass(frozen=True, slots=True)
class Axis:
    """One coordinate: ``I`` counts steps of ``increment``, ``A`` is written point by point."""

    name: str
    axis_type: str
    data_type: str
    increment: float
    offset: float

    def metres(self, stored: Floats, oddities: list[str]) -> Floats:
        """Return stored values as lengths in the file's unit."""
        if self.data_type in "IL":
            return stored * self.increment + self.offset
        if self.increment not in (0.0, 1.0):
            # by the schema an increment multiplies integers only
            oddities.append(
                f"C{self.name} is floating point, its increment of {self.increment:g} is ignored"
            )
        return stored + self.offset if self.offset else stored

    def spacing(
        self,
        values: Floats,
        stored: tuple[Axis, ...],
        shape: tuple[int, int],
        oddities: list[str],
    ) -> tuple[float, float]:
        """Return step and start of this lateral axis, positive step, from header or values."""
        if self.axis_type == "I":
            return abs(self.increment), self.offset
        column = [axis.name for axis in stored].index(self.name)
        along = 1 if self.name == "X" else 0
        table = self.metres(values[:, column], oddities).reshape(shape)
        line = np.nanmean(table, axis=1 - along)
        step = (line[-1] - line[0]) / max(1, len(line) - 1)
        grid = line[0] + step * np.arange(len(line))
        spread = np.nanmax(np.abs(table - (grid if along else grid[:, None])), initial=0.0)
        if not step > 0 or spread > UNEVEN * step:
            raise ScanError(
                f"C{self.name} is absolute and its points lie on no regular grid "
                f"(step {step:g}, off by up to {spread:g}); resample the scan on a grid"
            )
        oddities.append(
            f"C{self.name} is absolute; its points lie within {spread / step:.1%} of a regular grid"
        )
        return float(step), float(line[0])


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """What main.xml says; ``datums`` holds ``(points, 3)`` values written inside it."""

    revision: str
    feature: str
    x: Axis
    y: Axis
    z: Axis
    columns: int
    rows: int
    data_link: str | None
    data_md5: str
    valid_link: str
    valid_md5: str
    checksum_file: str
    facts: dict[str, str]
    datums: Floats | None

    @property
    def points(self) -> int:
        """How many points are promised."""
        return self.columns * self.rows

    @property
    def size_text(self) -> str:
        """The size as people write it."""
        return f"{self.columns} x {self.rows}"

    @property
    def stored_axes(self) -> tuple[Axis, ...]:
        """The axes whose values stand in the data, in their order there."""
        return (*(a for a in (self.x, self.y) if a.axis_type == "A"), self.z)


class _Plain(ElementTree.TreeBuilder):
    """A tree builder that refuses document types, and with them all entities."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """Refuse."""
        raise ScanError("main.xml declares a document type or entities; X3P has none: refused")


def read_header(main: bytes, oddities: list[str], largest_points: int) -> Header:
    """Parse and check main.xml.

    Raises
    ------
    ScanError
        If it is no XML, has entities, lacks a size, or promises more than ``largest_points``.
    """
    root = _parse(main)
    _look_round(root, oddities)
    columns, rows = _size(root, oddities, largest_points)
    x, y, z = (_axis(root, name) for name in "XYZ")
    if z.axis_type == "I":
        raise ScanError("CZ is incremental: the file holds positions but no heights")
    link = _text(root, "PointDataLink")
    stored = sum(axis.axis_type == "A" for axis in (x, y, z))
    return Header(
        revision=_text(root, "Revision") or "no revision",
        feature=_text(root, "FeatureType") or "SUR",
        x=x,
        y=y,
        z=z,
        columns=columns,
        rows=rows,
        data_link=link or None,
        data_md5=_text(root, "MD5ChecksumPointData"),
        valid_link=_text(root, "ValidPointsLink"),
        valid_md5=_text(root, "MD5ChecksumValidPoints"),
        checksum_file=_text(root, "ChecksumFile"),
        facts=_facts(root),
        datums=None if link else _datums(root, columns * rows, stored),
    )


def _parse(main: bytes) -> ElementTree.Element:
    try:
        root = ElementTree.fromstring(main, ElementTree.XMLParser(target=_Plain()))
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise ScanError(f"main.xml is no readable XML ({error}); export the scan again") from None
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rsplit("}", 1)[-1]
    return root


def _text(root: ElementTree.Element, name: str) -> str:
    found = next(root.iter(name), None)
    return (found.text or "").strip() if found is not None else ""


def _look_round(root: ElementTree.Element, oddities: list[str]) -> None:
    """Note what the standard does not know."""
    if root.tag != "ISO5436_2":
        oddities.append(f"the root element is {root.tag}, the standard wants ISO5436_2")
    origin = _text(root, "Origin")
    if origin:
        oddities.append(f"Origin {origin} is not in the standard; rows are taken to run upwards")
    if next(root.iter("Rotation"), None) is not None:
        oddities.append("a Rotation is given; heights are taken along z as stored")
    feature = _text(root, "FeatureType")
    if feature not in ("SUR", ""):
        oddities.append(f"the feature type is {feature}, a surface is SUR")


def _size(root: ElementTree.Element, oddities: list[str], largest: int) -> tuple[int, int]:
    if next(root.iter("ListDimension"), None) is not None and not _text(root, "SizeX"):
        raise ScanError("the file is a list of points without a grid; export the scan as a matrix")
    sizes = []
    for name in ("SizeX", "SizeY", "SizeZ"):
        text = _text(root, name) or ("1" if name == "SizeZ" else "")
        if not text.isascii() or not text.isdigit() or int(text[:19]) < 1:
            raise ScanError(f"{name} is {text[:40]!r}; a whole number of points from 1 is needed")
        sizes.append(int(text[:19]))
    columns, rows, layers = sizes
    if layers != 1:
        raise ScanError(f"the file has {layers} layers (SizeZ); a height map has 1")
    if columns * rows > largest:
        raise ScanError(
            f"the file promises {columns} x {rows} points, at most {largest} are read; "
            "crop the scan"
        )
    if rows == 1 or columns == 1:
        oddities.append(f"{columns} x {rows} points are a profile, not a surface")
    return columns, rows


def _axis(root: ElementTree.Element, name: str) -> Axis:
    element = next(root.iter(f"C{name}"), None)
    if element is None:
        raise ScanError(f"main.xml has no axis C{name}; export the scan again")
    axis_type = (_text(element, "AxisType") or ("A" if name == "Z" else "I")).upper()
    data_type = (_text(element, "DataType") or "D").upper()
    if axis_type not in ("I", "A") or data_type not in ("I", "L", "F", "D"):
        raise ScanError(
            f"C{name} is of type {axis_type[:9]}/{data_type[:9]}; I or A, and I, L, F or D exist"
        )
    increment = _number(_text(element, "Increment") or "1", f"C{name} Increment")
    if axis_type == "I" and not increment > 0:
        raise ScanError(f"the increment of C{name} is {increment:g}; it must be above 0")
    offset = _number(_text(element, "Offset") or "0", f"C{name} Offset")
    return Axis(name, axis_type, data_type, increment, offset)


def _number(text: str, what: str) -> float:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        raise ScanError(f"{what} is {text[:40]!r}, not a number") from None
    if not isfinite(value):
        raise ScanError(f"{what} is {value}, a finite number is needed")
    return value


def _facts(root: ElementTree.Element) -> dict[str, str]:
    names = ("Creator", "Manufacturer", "Model", "Serial", "Date", "CalibrationDate", "Comment")
    found = {name.lower(): _text(root, name) for name in names}
    return {name: text for name, text in found.items() if text and text != "N/A"}


def _datums(root: ElementTree.Element, points: int, stored: int) -> Floats | None:
    """Return heights written inside main.xml; an empty Datum is a non-measured point."""
    if next(root.iter("DataList"), None) is None:
        return None
    texts = [(element.text or "").strip() for element in root.iter("Datum")]
    if len(texts) != points:
        raise ScanError(f"main.xml holds {len(texts)} datums, its size promises {points}")
    rows = [text.replace(";", " ").split() for text in texts]
    missing = ["nan"] * stored  # positions of incremental axes may stand there too: pass over
    try:
        return np.array([row[-stored:] if row else missing for row in rows], dtype=np.float64)
    except ValueError as error:
        raise ScanError(f"a datum of main.xml is not {stored} numbers: {error}") from None
