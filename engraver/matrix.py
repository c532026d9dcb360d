"""A Data Matrix below the characters, for faces large enough to carry it.

In: a `MarkCode` and a module size (um). Out: the standing modules, mirrored like the
characters. Authority: ISO/IEC 16022, ECC 200, as written by zxing-cpp; the rectangular symbol of
8 x 32 modules is as wide as four columns of cells. zxing-cpp is an extra: ``pinmark[matrix]``.
"""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry import Polygon, box

from engraver.codes import MarkCode
from engraver.errors import DesignError


def modules(code: MarkCode) -> np.ndarray:
    """Return the symbol of a code, ``(rows, columns)`` bool, True where dark, top row first.

    Raises
    ------
    DesignError
        If zxing-cpp is not installed.
    """
    try:
        import zxingcpp
    except ImportError:
        raise DesignError(
            "a recipe with data_matrix needs zxing-cpp, which is not installed; install "
            "pinmark[matrix], or set data_matrix = 'none'"
        ) from None
    symbol = zxingcpp.create_barcode(code.text, zxingcpp.BarcodeFormat.DataMatrix)
    image = np.array(symbol.to_image(scale=1, add_quiet_zones=False))
    return image < 128


def standing(code: MarkCode, module_um: float, top_um: float) -> tuple[Polygon, ...]:
    """Draw the dark modules below ``top_um``, centred on x = 0, as they stand on the pin.

    Examples
    --------
    >>> from engraver.codes import encode_index
    >>> parts = standing(encode_index(0), 17.0, -245.0)
    >>> [round(v) for v in shapely.total_bounds(parts).tolist()]
    [-272, -381, 272, -245]
    """
    dark = modules(code)
    columns = dark.shape[1]
    squares = []
    for row, column in np.argwhere(dark).tolist():
        right = (columns / 2 - column) * module_um  # mirrored: the first column stands rightmost
        top = top_um - row * module_um
        squares.append(box(right - module_um, top - module_um, right, top))
    merged = shapely.union_all(squares)
    return tuple(shapely.get_parts(merged))
