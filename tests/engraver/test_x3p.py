"""X3P: what instruments write is read, what was damaged is refused, in one clear line."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engraver.errors import ScanError
from engraver.heightmap import HeightMap, open_x3p, read_x3p, write_x3p

WILD = Path(__file__).parents[3] / "shared" / "x3p"
Z = np.array([[0.0, 1.0, 2.0], [3.0, np.nan, 5.0]])
"""Heights in um of the small map the hand-made files hold."""


def xml(axes: str = "", size: str = "", link: str = "", root: str = "ISO5436_2") -> bytes:
    """Return a main.xml with some parts replaced."""
    axes = axes or axis("X", "I", "D", "1e-6") + axis("Y", "I", "D", "2e-6") + axis("Z", "A", "D")
    size = size or "<SizeX>3</SizeX><SizeY>2</SizeY><SizeZ>1</SizeZ>"
    return (
        f"<{root}><Record1><Revision>ISO5436 - 2000</Revision><FeatureType>SUR</FeatureType>"
        f"<Axes>{axes}</Axes></Record1><Record3><MatrixDimension>{size}</MatrixDimension>{link}"
        f"</Record3><Record4><ChecksumFile>md5checksum.hex</ChecksumFile></Record4></{root}>"
    ).encode()


def axis(name: str, kind: str, data: str, increment: str = "1", offset: str = "0") -> str:
    return (
        f"<C{name}><AxisType>{kind}</AxisType><DataType>{data}</DataType>"
        f"<Increment>{increment}</Increment><Offset>{offset}</Offset></C{name}>"
    )


def link(data: bytes, mask: bytes | None = None) -> str:
    valid = ""
    if mask is not None:
        digest = hashlib.md5(mask).hexdigest()
        valid = (
            "<ValidPointsLink>bindata/valid.bin</ValidPointsLink>"
            f"<MD5ChecksumValidPoints>{digest}</MD5ChecksumValidPoints>"
        )
    return (
        "<DataLink><PointDataLink>bindata/data.bin</PointDataLink><MD5ChecksumPointData>"
        f"{hashlib.md5(data).hexdigest()}</MD5ChecksumPointData>{valid}</DataLink>"
    )


def packed(main: bytes, data: bytes | None = None, prefix: str = "", **more: bytes) -> bytes:
    """Return a zip with a right checksum of main.xml unless ``more`` replaces it."""
    entries = {"main.xml": main, "md5checksum.hex": hashlib.md5(main).hexdigest().encode()}
    if data is not None:
        entries["bindata/data.bin"] = data
    entries |= {name.replace("__", "/").replace("_bin", ".bin"): c for name, c in more.items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(prefix + name, content)
    return buffer.getvalue()


METRES = (Z * 1e-6).astype("<f8").tobytes()
PLAIN = packed(xml(link=link(METRES)), METRES)


def assert_is_z(height_map: HeightMap) -> None:
    np.testing.assert_allclose(height_map.z_um, Z, atol=1e-9)
    assert height_map.pitch_xy_um == pytest.approx((1.0, 2.0))


@settings(max_examples=25, deadline=None)
@given(
    z=arrays(
        np.float64,
        st.tuples(st.integers(1, 9), st.integers(2, 9)),
        elements=st.one_of(st.floats(-1e4, 1e4), st.just(np.nan)),
    ),
    pitch=st.tuples(st.floats(0.05, 50), st.floats(0.05, 50)),
)
def test_what_is_written_is_read_back(z: np.ndarray, pitch: tuple[float, float]) -> None:
    """Heights to 1e-9 um, non-measured points, pitch and origin survive; no oddity remains."""
    z = z.copy()
    z[0, 0] = 1.0
    scan = open_x3p(write_x3p(HeightMap(z, pitch, (-3.0, 7.5))))
    np.testing.assert_allclose(scan.height_map.z_um, z, rtol=1e-12, atol=1e-9)
    assert scan.height_map.pitch_xy_um == pytest.approx(pitch, rel=1e-12)
    assert scan.height_map.origin_xy_um == pytest.approx((-3.0, 7.5), rel=1e-12)
    assert (scan.data_checksum, scan.header_checksum) == ("ok", "ok")
    assert [o for o in scan.oddities if "profile" not in o] == []


def test_equal_maps_give_equal_files() -> None:
    """The writer has no clock: two files of one map are the same bytes."""
    assert write_x3p(HeightMap(Z, (1, 2), (0, 0))) == write_x3p(HeightMap(Z, (1, 2), (0, 0)))


def test_an_independent_reader_reads_what_we_write(tmp_path: Path) -> None:
    """x3pio, another implementation of the format, finds the same heights in metres."""
    x3pio = pytest.importorskip("x3pio", reason="x3pio is not installed")
    path = tmp_path / "map.x3p"
    path.write_bytes(write_x3p(HeightMap(Z, (1.0, 2.0), (0.0, 0.0))))
    other = x3pio.read(path)
    heights = np.asarray(other.raw_data(), float)
    np.testing.assert_allclose(heights.reshape(Z.shape), Z * 1e-6, atol=1e-15)


@pytest.mark.parametrize(
    ("data_type", "increment", "code"), [("I", "1e-9", "<i2"), ("L", "1e-10", "<i4")]
)
def test_integers_are_scaled_and_masked(data_type: str, increment: str, code: str) -> None:
    """I and L values are multiplied by the increment, shifted, and masked bit by bit."""
    steps = np.nan_to_num((Z * 1e-6 - 1e-6) / float(increment)).round().astype(code).tobytes()
    mask = bytes([0b101111])
    axes = axis("X", "I", "D", "1e-6") + axis("Y", "I", "D", "2e-6")
    axes += axis("Z", "A", data_type, increment, "1e-6")
    main = xml(axes, link=link(steps, mask))
    assert_is_z(read_x3p(packed(main, steps, bindata__valid_bin=mask)))


def test_single_precision_is_read() -> None:
    """F values of z."""
    data = (Z * 1e-6).astype("<f4").tobytes()
    axes = axis("X", "I", "D", "1e-6") + axis("Y", "I", "D", "2e-6") + axis("Z", "A", "F")
    np.testing.assert_allclose(
        read_x3p(packed(xml(axes, link=link(data)), data)).z_um, Z, atol=1e-6
    )


def test_absolute_axes_on_a_grid_are_read() -> None:
    """X and Y written point by point before each z."""
    y, x = np.meshgrid([10e-6, 12e-6], [5e-6, 6e-6, 7e-6], indexing="ij")
    data = np.stack([x, y, Z * 1e-6], axis=-1).astype("<f8").tobytes()
    axes = axis("X", "A", "D") + axis("Y", "A", "D") + axis("Z", "A", "D")
    scan = open_x3p(packed(xml(axes, link=link(data)), data))
    assert_is_z(scan.height_map)
    assert scan.height_map.origin_xy_um == pytest.approx((5.0, 10.0))
    x[0, 1] += 0.4e-6
    data = np.stack([x, y, Z * 1e-6], axis=-1).astype("<f8").tobytes()
    with pytest.raises(ScanError, match="no regular grid"):
        open_x3p(packed(xml(axes, link=link(data)), data))


def test_data_inside_main_xml_are_read() -> None:
    """A DataList; an empty Datum is a non-measured point."""
    datums = "".join(f"<Datum>{'' if np.isnan(v) else v * 1e-6}</Datum>" for v in Z.ravel())
    scan = open_x3p(packed(xml(link=f"<DataList>{datums}</DataList>")))
    assert_is_z(scan.height_map)
    assert scan.data_checksum == "missing"


def test_folders_junk_backslashes_and_namespaces_do_not_hide_the_scan() -> None:
    """What file managers and other writers leave is named, and the heights are the same."""
    main = xml(link=link(METRES)).replace(b"<ISO5436_2>", b'<ISO5436_2 xmlns="urn:other">')
    scan = open_x3p(packed(main, METRES, prefix="My Scan/", __MACOSX=b"x", _DS=b"y"))
    assert_is_z(scan.height_map)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("__MACOSX/._main.xml", b"\0")
        archive.writestr("main.xml", main)
        archive.writestr("bindata\\data.bin", METRES)
    scan = open_x3p(buffer.getvalue())
    assert_is_z(scan.height_map)
    assert scan.header_checksum == "missing"
    assert any("backslash" in o for o in scan.oddities)
    assert any("leavings" in o for o in scan.oddities)


def test_an_edited_header_is_told_and_an_edited_surface_is_refused() -> None:
    """A wrong checksum of main.xml is an oddity; of the heights, an error."""
    main = xml(link=link(METRES))
    edited = packed(main, METRES, **{"md5checksum.hex": b"0" * 32})
    assert open_x3p(edited).header_checksum == "wrong"
    other = (np.nan_to_num(Z) * 1e-6).astype("<f8").tobytes()
    with pytest.raises(ScanError, match=r"checksum of bindata/data.bin"):
        read_x3p(packed(main, other))


def test_units_that_cannot_be_metres_are_told_and_can_be_given() -> None:
    """Increments in um where metres are meant: warned, offered, and read when told."""
    axes = axis("X", "I", "D", "1") + axis("Y", "I", "D", "2") + axis("Z", "A", "D")
    data = Z.astype("<f8").tobytes()
    blob = packed(xml(axes, link=link(data)), data)
    scan = open_x3p(blob)
    assert scan.suggested_unit == "um"
    assert any("--unit um" in o for o in scan.oddities)
    assert_is_z(open_x3p(blob, unit="um").height_map)
    with pytest.raises(ScanError, match="unit 'inch'"):
        open_x3p(blob, unit="inch")


def bomb() -> bytes:
    """A data.bin of 1 GB packed into 1 MB, under a header that promises six points."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    blob = packed(xml(link=link(METRES)), METRES)
    main = xml(link=link(METRES))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("main.xml", main)
        archive.writestr("bindata/data.bin", bytes(64 << 20))
    assert len(body) < len(blob) * 1000
    return buffer.getvalue()


def lying_bomb() -> bytes:
    """The same, with a directory that claims data.bin has the 48 bytes it should."""
    blob = bytearray(bomb())
    size = struct.pack("<I", 64 << 20)
    at = 0
    while (at := blob.find(size, at)) >= 0:
        blob[at : at + 4] = struct.pack("<I", 48)
        at += 4
    return bytes(blob)


ENTITY = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
NAN = np.full((2, 3), np.nan).tobytes()
HUGE = "<SizeX>4000000000</SizeX><SizeY>4000000000</SizeY><SizeZ>1</SizeZ>"

BAD = {
    "nothing": (b"", "empty"),
    "no zip": (b"solid pin\n" * 50, "no complete zip"),
    "half a zip": (PLAIN[: len(PLAIN) // 2], "no complete zip"),
    "a zip of something else": (
        packed(b"", METRES).replace(b"main.xml", b"mail.xml"),
        "no main.xml",
    ),
    "a zip bomb": (bomb(), "67108864 bytes"),
    "a lying zip bomb": (lying_bomb(), "cannot be unpacked|unpacks to more"),
    "entities": (packed(ENTITY + xml(link=link(METRES)), METRES), "document type"),
    "no xml": (packed(b"\x00\xff<Record1>", METRES), "no readable XML"),
    "too short": (packed(xml(link=link(METRES[:-8])), METRES[:-8]), "40 bytes where 3 x 2"),
    "too long": (packed(xml(link=link(METRES * 2)), METRES * 2), "at most 48 are expected"),
    "all non-measured": (packed(xml(link=link(NAN)), NAN), "all 6 points are non-measured"),
    "a promise of petabytes": (
        packed(xml(size=HUGE, link=link(METRES)), METRES),
        "at most 50000000",
    ),
    "no size": (packed(xml(size=" ", link=link(METRES)), METRES), "SizeX is ''"),
    "a negative size": (packed(xml(size="<SizeX>-3</SizeX>", link=link(METRES)), METRES), "SizeX"),
    "no data": (packed(xml(link=link(METRES))), "does not hold"),
    "no link": (packed(xml()), "neither a DataLink nor a DataList"),
    "a strange type": (packed(xml(axis("X", "I", "Q"), link=link(METRES)), METRES), "I/Q"),
    "no axes": (packed(xml("<none/>", link=link(METRES)), METRES), "no axis CX"),
    "increment 0": (packed(xml(axis("X", "I", "D", "0"), link=link(METRES)), METRES), "above 0"),
    "increment nan": (packed(xml(axis("X", "I", "D", "nan"), link=link(METRES)), METRES), "finite"),
    "words for numbers": (
        packed(xml(axis("X", "I", "D", "one"), link=link(METRES)), METRES),
        "one",
    ),
    "wrong datums": (packed(xml(link="<DataList><Datum>1</Datum></DataList>")), "1 datums"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_refused_in_one_line(case: str) -> None:
    """Each bad file gives one clear line and never another exception."""
    data, message = BAD[case]
    with pytest.raises(ScanError, match=message) as caught:
        open_x3p(data)
    assert "\n" not in str(caught.value)


def test_an_entry_without_a_name_is_no_traceback() -> None:
    """A directory whose file name has length 0, as one damaged byte can leave it."""
    directory = PLAIN.index(b"PK\x01\x02")
    blob = bytearray(PLAIN)
    blob[directory + 28 : directory + 30] = b"\0\0"
    with pytest.raises(ScanError):
        read_x3p(bytes(blob))


@settings(max_examples=500, deadline=None)
@given(at=st.integers(0, len(PLAIN) - 1), byte=st.integers(0, 255), cut=st.booleans())
def test_no_damaged_byte_brings_a_traceback(at: int, byte: int, cut: bool) -> None:
    """Any byte changed, or the rest cut off: heights as before, or a ScanError."""
    blob = PLAIN[:at] if cut else PLAIN[:at] + bytes([byte]) + PLAIN[at + 1 :]
    try:
        height_map = read_x3p(blob)
    except ScanError:
        return
    np.testing.assert_allclose(height_map.z_um, Z, atol=1e-9)


@pytest.mark.skipif(not WILD.exists(), reason="the scans of ../shared/x3p are not here")
@pytest.mark.parametrize(
    ("name", "shape", "pitch_um", "oddity"),
    [
        ("sample-land.x3p", (256, 918), 2.58, "leavings"),
        ("csafe-logo.x3p", (419, 741), 0.645, "checksum of main.xml does not match"),
        ("pyramid.x3p", (5, 5), 1e6, "--unit um"),
        ("testing.x3p", (20, 30), 0.0275e6, "--unit mm"),
    ],
)
def test_scans_from_the_wild(
    name: str, shape: tuple[int, int], pitch_um: float, oddity: str
) -> None:
    """Real files: size, pitch, a good data checksum, and what is odd about each."""
    scan = open_x3p((WILD / name).read_bytes())
    assert scan.height_map.z_um.shape == shape
    assert scan.height_map.pitch_xy_um[0] == pytest.approx(pitch_um, rel=1e-3)
    assert scan.data_checksum == "ok"
    assert any(oddity in line for line in scan.oddities)
