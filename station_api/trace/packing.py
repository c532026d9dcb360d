"""Code texts <-> whole numbers of 5 bits a symbol, position 0 in the lowest bits.

In: code texts as the records hold them. Out: arrays of uint64, as `engraver.batch.pack_indices`
packs registry integers. Only what stands on one pin is packed (8, 10 or 12 symbols, 60 bits).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engraver.codes import FORMATS
from engraver.reading import ALPHABET

Packed = NDArray[np.uint64]
Indices = NDArray[np.int64]
BITS = 5
FORMAT_OF = {fmt.n: fmt.name for fmt in FORMATS.values()}
"""Name of the format by the number of symbols on the pin."""

_NONE = 255
_VALUES = np.full(256, _NONE, dtype=np.uint8)
_VALUES[np.frombuffer(ALPHABET.encode(), dtype=np.uint8)] = np.arange(32, dtype=np.uint8)
_LETTERS = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)


def pack_texts(texts: Sequence[str], length: int) -> tuple[Packed, NDArray[np.bool_]]:
    """Pack code texts of one length.

    Returns
    -------
    packed
        ``(count,)`` uint64; 0 where the text is no code.
    sound
        ``(count,)`` whether a text has this length and no character outside the alphabet.

    Examples
    --------
    >>> packed, sound = pack_texts(["RETGM6QF", "not one!"], 8)
    >>> unpack_texts(packed[sound], 8), sound.tolist()
    (['RETGM6QF'], [True, False])
    """
    plain = [text if len(text) == length and text.isascii() else "!" * length for text in texts]
    letters = np.frombuffer("".join(plain).encode("ascii"), dtype=np.uint8).reshape(-1, length)
    values = _VALUES[letters]
    sound = (values != _NONE).all(axis=1)
    packed = np.zeros(len(plain), dtype=np.uint64)
    for at in range(length):
        packed |= values[:, at].astype(np.uint64) << np.uint64(BITS * at)
    packed[~sound] = 0
    return packed, sound


def unpack_texts(packed: Packed, length: int) -> list[str]:
    """Write packed codes as texts."""
    shifts = np.arange(length, dtype=np.uint64) * np.uint64(BITS)
    values = (packed[:, None] >> shifts) & np.uint64(31)
    letters = np.ascontiguousarray(_LETTERS[values.astype(np.intp)])
    return [row.tobytes().decode("ascii") for row in letters]
