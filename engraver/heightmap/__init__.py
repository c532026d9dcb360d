"""Surfaces as measured or predicted, and the files they come in.

In: X3P, CSV, PNG or TIFF bytes. Out: `HeightMap` in um, NaN where nothing was measured, and
what was odd about the file. Authority: ISO 25178-72:2017 with AMD 1:2020 (X3P, from
ISO 5436-2) for the format, the ISO 25178 family for the words.
"""

from engraver.heightmap.grid import HeightMap
from engraver.heightmap.images import read_csv, read_picture, write_csv, write_picture
from engraver.heightmap.x3p_read import Scan, open_x3p, read_x3p
from engraver.heightmap.x3p_write import write_x3p

__all__ = [
    "HeightMap",
    "Scan",
    "open_x3p",
    "read_csv",
    "read_picture",
    "read_x3p",
    "write_csv",
    "write_picture",
    "write_x3p",
]
