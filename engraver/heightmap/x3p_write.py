"""`HeightMap` -> X3P bytes that every reader knows, the same bytes on every run.

In: heights in um. Out: a zip of main.xml, bindata/data.bin and md5checksum.hex, lengths in
metres as the format demands. Authority: ISO 25178-72:2017, schema ISO5436_2 of openGPS.

The revision is the oldest one, "ISO5436 - 2000", because older readers accept no other.
Heights are doubles and a non-measured point is NaN: no validity mask that a reader might
forget. A zip entry carries the fixed date of 1980, so that equal maps give equal files.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from xml.sax.saxutils import escape

from engraver.heightmap.grid import HeightMap

_EPOCH = (1980, 1, 1, 0, 0, 0)

_MAIN = """<?xml version="1.0" encoding="UTF-8"?>
<p:ISO5436_2 xmlns:p="http://www.opengps.eu/2008/ISO5436_2" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:schemaLocation="http://www.opengps.eu/2008/ISO5436_2 \
http://www.opengps.eu/2008/ISO5436_2/ISO5436_2.xsd">
  <Record1>
    <Revision>ISO5436 - 2000</Revision>
    <FeatureType>SUR</FeatureType>
    <Axes>
      <CX><AxisType>I</AxisType><DataType>D</DataType>\
<Increment>{dx!r}</Increment><Offset>{x0!r}</Offset></CX>
      <CY><AxisType>I</AxisType><DataType>D</DataType>\
<Increment>{dy!r}</Increment><Offset>{y0!r}</Offset></CY>
      <CZ><AxisType>A</AxisType><DataType>D</DataType>\
<Increment>1</Increment><Offset>0</Offset></CZ>
    </Axes>
  </Record1>
  <Record2>
    <Date>{date}</Date>
    <Creator>{creator}</Creator>
    <Instrument>
      <Manufacturer>pinmark</Manufacturer>
      <Model>{instrument}</Model>
      <Serial>none</Serial>
      <Version>1</Version>
    </Instrument>
    <CalibrationDate>{date}</CalibrationDate>
    <ProbingSystem>
      <Type>Software</Type>
      <Identification>{instrument}</Identification>
    </ProbingSystem>
    <Comment>{comment}</Comment>
  </Record2>
  <Record3>
    <MatrixDimension>
      <SizeX>{columns}</SizeX>
      <SizeY>{rows}</SizeY>
      <SizeZ>1</SizeZ>
    </MatrixDimension>
    <DataLink>
      <PointDataLink>bindata/data.bin</PointDataLink>
      <MD5ChecksumPointData>{md5}</MD5ChecksumPointData>
    </DataLink>
  </Record3>
  <Record4>
    <ChecksumFile>md5checksum.hex</ChecksumFile>
  </Record4>
</p:ISO5436_2>
"""


def write_x3p(
    height_map: HeightMap,
    *,
    creator: str = "pinmark",
    instrument: str = "virtual",
    comment: str = "",
    date: str = "2000-01-01T00:00:00Z",
) -> bytes:
    """Return ``height_map`` as the bytes of an X3P file.

    Parameters
    ----------
    creator, instrument, comment
        Free text of Record 2.
    date
        ISO 8601 moment of the measurement; the core has no clock of its own.
    """
    data = (height_map.z_um * 1e-6).astype("<f8").tobytes()
    rows, columns = height_map.z_um.shape
    (dx, dy), (x0, y0) = height_map.pitch_xy_um, height_map.origin_xy_um
    main = _MAIN.format(
        dx=float(dx) * 1e-6,
        dy=float(dy) * 1e-6,
        x0=float(x0) * 1e-6,
        y0=float(y0) * 1e-6,
        date=escape(date),
        creator=escape(creator),
        instrument=escape(instrument),
        comment=escape(comment),
        columns=columns,
        rows=rows,
        md5=_md5(data),
    ).encode()
    return _zip(
        {
            "main.xml": main,
            "bindata/data.bin": data,
            "md5checksum.hex": f"{_md5(main)} *main.xml\n".encode(),
        }
    )


def _md5(data: bytes) -> str:
    """Return the checksum the format prescribes; it guards against damage, not against intent."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _zip(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, content in entries.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return buffer.getvalue()
