"""X3P bytes -> `Scan`: a `HeightMap`, and all that is odd about the file.

In: bytes from any instrument. Out: heights in um and a list of oddities, one line each.
Authority: ISO 25178-72:2017 with AMD 1:2020, schema ISO5436_2 of openGPS.

Theory of operation
-------------------
The file is a zip. Whatever lies round the three files that matter (a root folder, resource
forks, thumbnails, masks as pictures) is passed over. main.xml is parsed with documents types
refused, so that no entity can grow or reach out. Its header says how many points there are
and of which type; only then is memory taken, never more than the header promises and never
more than `LARGEST_POINTS`. Values become metres as the schema says:

    integer z:  z = value * Increment + Offset        float z:  z = value + Offset

and a point is non-measured where it is NaN, infinite, absent from the validity mask (one bit
a point, least significant first) or an empty Datum. A data checksum that does not match is
refused; a main.xml checksum that does not match is an oddity, because half the files in the
wild have been edited since.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from engraver.errors import ScanError
from engraver.heightmap.grid import HeightMap
from engraver.heightmap.x3p_header import Header, read_header

LARGEST_POINTS = 50_000_000
LARGEST_XML = 64 << 20
USUAL_PITCH_M = 1.5e-6  # between pin inspection (<= 1 um) and public topography (about 3 um)
UNITS_M = {"m": 1.0, "mm": 1e-3, "um": 1e-6, "nm": 1e-9}
_TYPES = {"I": "<i2", "L": "<i4", "F": "<f4", "D": "<f8"}
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,
    NotImplementedError,
    OSError,
    ValueError,
    LookupError,
    OverflowError,
    struct.error,
)
"""What zipfile raises over damaged directories and extra fields, beyond its own error."""


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """A height map and where it came from.

    Parameters
    ----------
    oddities
        One line for each thing that is not as the standard wants it.
    data_checksum, header_checksum
        ``"ok"``, ``"missing"`` or (header only) ``"wrong"``.
    suggested_unit
        The unit the file was probably written in where metres cannot be; else ``""``.
    facts
        Record 2: creator, instrument, date, comment, as written.
    """

    height_map: HeightMap
    format: str
    data_type: str
    data_checksum: str
    header_checksum: str
    oddities: tuple[str, ...]
    suggested_unit: str
    facts: dict[str, str]


def read_x3p(data: bytes) -> HeightMap:
    """Return the height map of an X3P file; see `open_x3p` for what is odd about it."""
    return open_x3p(data).height_map


def open_x3p(data: bytes, *, unit: str = "m", largest_points: int = LARGEST_POINTS) -> Scan:
    """Read an X3P file.

    Parameters
    ----------
    unit
        What lengths of the file are in: ``m`` (the standard), ``mm``, ``um`` or ``nm``.
    largest_points
        Refuse files that promise more points.

    Raises
    ------
    ScanError
        If the bytes are no X3P file, are damaged, or promise too much.
    """
    if unit not in UNITS_M:
        raise ScanError(f"unit {unit!r} is unknown; use one of {', '.join(UNITS_M)}")
    oddities: list[str] = []
    with _opened(data) as archive:
        names = _payload(archive, oddities)
        root, main = _main(archive, names)
        header = read_header(main, oddities, largest_points)
        header_checksum = _header_checksum(archive, names, root, header, main, oddities)
        values, valid, data_checksum = _values(archive, names, root, header, oddities)
    height_map = _height_map(header, values, valid, UNITS_M[unit] * 1e6, oddities)
    suggested = _suggested_unit(header, oddities) if unit == "m" else ""
    return Scan(
        height_map,
        f"X3P, {header.revision}",
        header.z.data_type,
        data_checksum,
        header_checksum,
        tuple(oddities),
        suggested,
        header.facts,
    )


def _opened(data: bytes) -> zipfile.ZipFile:
    if not data:
        raise ScanError("the file is empty; export the scan again")
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except _BROKEN as error:
        raise ScanError(
            f"the {len(data)} bytes are no complete zip, so no X3P file ({error}); "
            "copy the file again or export it as X3P"
        ) from None


def _payload(archive: zipfile.ZipFile, oddities: list[str]) -> dict[str, zipfile.ZipInfo]:
    """Return the entries by their path in lower case with forward slashes, junk left out."""
    entries: dict[str, zipfile.ZipInfo] = {}
    junk = 0
    for info in archive.infolist():
        name = info.filename.replace("\\", "/")
        folder = name.endswith("/") or not name  # a damaged directory may name nothing
        if "__MACOSX/" in name or name.rsplit("/", 1)[-1].startswith("."):
            junk += 1
        elif name.lower() in entries and not folder:
            oddities.append(f"the zip holds {name} twice; the last one is read")
            entries[name.lower()] = info
        elif not folder:
            entries[name.lower()] = info
        if "\\" in info.filename:
            oddities.append(f"the zip writes {info.filename!r} with backslashes")
    if junk:
        oddities.append(f"{junk} entries of the zip are a file manager's leavings; ignored")
    return entries


def _main(archive: zipfile.ZipFile, names: dict[str, zipfile.ZipInfo]) -> tuple[str, bytes]:
    found = sorted((n for n in names if n.rsplit("/", 1)[-1] == "main.xml"), key=lambda n: len(n))
    if not found:
        raise ScanError("the zip holds no main.xml, so it is no X3P file; export the scan as X3P")
    return found[0][: -len("main.xml")], _read(archive, names[found[0]], LARGEST_XML)


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    """Return an entry of at most ``limit`` bytes, however small it claims to be."""
    if info.file_size > limit:
        raise ScanError(
            f"{info.filename} unpacks to {info.file_size} bytes, at most {limit} are expected "
            "from the header; the file is damaged or hostile"
        )
    try:
        with archive.open(info) as stream:
            content = stream.read(limit + 1)
    except _BROKEN as error:
        raise ScanError(
            f"{info.filename} cannot be unpacked: {error}; copy the file again"
        ) from None
    if len(content) > limit:
        raise ScanError(f"{info.filename} unpacks to more than {limit} bytes; refused")
    return content


def _find(names: dict[str, zipfile.ZipInfo], root: str, link: str) -> zipfile.ZipInfo | None:
    path = link.strip().replace("\\", "/").lstrip("./").lower()
    return names.get(root + path) or names.get(path)


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _header_checksum(
    archive: zipfile.ZipFile,
    names: dict[str, zipfile.ZipInfo],
    root: str,
    header: Header,
    main: bytes,
    oddities: list[str],
) -> str:
    info = _find(names, root, header.checksum_file or "md5checksum.hex")
    if info is None:
        oddities.append("the checksum file of main.xml is missing")
        return "missing"
    written = _read(archive, info, 1 << 16).decode("latin-1").split()
    if not written or written[0].lower().lstrip("*") != _md5(main):
        oddities.append("the checksum of main.xml does not match: the header was edited")
        return "wrong"
    return "ok"


_Read = tuple[NDArray[np.float64], NDArray[np.bool_] | None, str]


def _values(
    archive: zipfile.ZipFile,
    names: dict[str, zipfile.ZipInfo],
    root: str,
    header: Header,
    oddities: list[str],
) -> _Read:
    """Return ``(points, stored axes)`` values, the validity mask, and the checksum's state."""
    if header.data_link is None:
        if header.datums is None:
            raise ScanError("main.xml has neither a DataLink nor a DataList: there are no heights")
        oddities.append("heights are written inside main.xml, without a checksum of their own")
        return header.datums, None, "missing"
    info = _find(names, root, header.data_link)
    if info is None:
        raise ScanError(f"main.xml names {header.data_link}, which the zip does not hold")
    layout = np.dtype([(a.name, _TYPES[a.data_type]) for a in header.stored_axes])
    expected = header.points * layout.itemsize
    raw = _read(archive, info, expected)
    if len(raw) != expected:
        raise ScanError(
            f"{info.filename} has {len(raw)} bytes where {header.size_text} points of "
            f"{layout.itemsize} bytes need {expected}; the file is damaged"
        )
    state = _data_checksum(raw, header.data_md5, info.filename, oddities)
    table = np.frombuffer(raw, layout)
    columns = [table[name].astype(np.float64) for name in layout.names or ()]
    values = np.stack(columns, axis=1) if len(columns) > 1 else columns[0][:, None]
    return values, _validity(archive, names, root, header, oddities), state


def _data_checksum(raw: bytes, written: str, name: str, oddities: list[str]) -> str:
    if not written:
        oddities.append(f"{name} has no checksum")
        return "missing"
    if written.lower() != _md5(raw):
        raise ScanError(
            f"the checksum of {name} is {_md5(raw)}, main.xml says {written}: the heights are not "
            "those that were measured; export the scan again"
        )
    return "ok"


def _validity(
    archive: zipfile.ZipFile,
    names: dict[str, zipfile.ZipInfo],
    root: str,
    header: Header,
    oddities: list[str],
) -> NDArray[np.bool_] | None:
    if not header.valid_link:
        return None
    info = _find(names, root, header.valid_link)
    if info is None:
        raise ScanError(f"main.xml names the mask {header.valid_link}, which the zip does not hold")
    expected = (header.points + 7) // 8
    raw = _read(archive, info, expected + 8)
    if len(raw) < expected:
        raise ScanError(
            f"{info.filename} has {len(raw)} bytes, {header.points} bits need {expected}"
        )
    _data_checksum(raw, header.valid_md5, info.filename, oddities)
    bits = np.unpackbits(np.frombuffer(raw, np.uint8), count=header.points, bitorder="little")
    return bits.astype(bool)


def _height_map(
    header: Header,
    values: NDArray[np.float64],
    valid: NDArray[np.bool_] | None,
    um_per_unit: float,
    oddities: list[str],
) -> HeightMap:
    z = header.z.metres(values[:, -1], oddities) * um_per_unit
    z[np.isinf(z)] = np.nan
    if valid is not None:
        z[~valid] = np.nan
    if not np.isfinite(z).any():
        raise ScanError(f"all {z.size} points are non-measured; measure the pin again")
    rows, columns = header.rows, header.columns
    pitch, origin = [], []
    for axis in (header.x, header.y):
        step, start = axis.spacing(values, header.stored_axes, (rows, columns), oddities)
        pitch.append(step * um_per_unit)
        origin.append(start * um_per_unit)
    return HeightMap(z.reshape(rows, columns), (pitch[0], pitch[1]), (origin[0], origin[1]))


def _suggested_unit(header: Header, oddities: list[str]) -> str:
    """Return the unit that would make the pitch that of an instrument, "" where metres do."""
    pitch = abs(header.x.increment)
    if header.x.axis_type == "A" or pitch == 0 or 1e-9 <= pitch <= 1e-4:
        return ""
    suggested = min(UNITS_M, key=lambda u: abs(log(pitch * UNITS_M[u] / USUAL_PITCH_M)))
    oddities.append(
        f"the increment of {pitch:g} m is no microscope's; probably {suggested} is meant: "
        f"read it with --unit {suggested}"
    )
    return suggested
