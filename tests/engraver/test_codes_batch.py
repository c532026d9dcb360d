"""Promises of engraver.batch: the same answers as one at a time, in order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engraver import batch, codes
from engraver.codes import ALPHABET, FORMATS
from engraver.errors import CodeError, InputError
from engraver.registry import Registry, Row

ROW = Row(1, 4, "M", "N", template="ZQ[AC]9999", start=7)
ODD = Row(1, 1, "M", "N", template="9\\A9")


@pytest.mark.parametrize("name", FORMATS)
def test_encoding_many_equals_encoding_one(name: str) -> None:
    """Texts and packed symbols equal encode_index at the ends, and at random between them."""
    limit = FORMATS[name].index_limit
    indices = np.concatenate(
        [[0, 1, 31, 1023, 1024, limit - 1], np.random.default_rng(0).integers(0, limit, 500)]
    )
    texts = batch.encode_indices(indices, name)
    expected = [codes.encode_index(int(p), name).text for p in indices]
    assert [t.decode() for t in texts.tolist()] == expected
    symbols = batch.symbols_of(batch.pack_indices(indices, name), FORMATS[name].n)
    assert ["".join(ALPHABET[v] for v in row) for row in symbols] == expected


@pytest.mark.parametrize("row", [ROW, ODD])
def test_serials_of_a_row_equal_the_registry(row: Row) -> None:
    """Plain, lower-case and full-width serials get the index that the registry gives."""
    registry = Registry((row,))
    serials = [row.serial_at(i) for i in range(0, row.count, 7)]
    serials[1], serials[2] = serials[1].lower(), f" {serials[2]} "
    expected = [registry.index_of("M", "N", serial) for serial in serials]
    assert batch.index_serials(serials, row).tolist() == expected
    assert batch.index_serials([], row).tolist() == []


@pytest.mark.parametrize("bad", ["ZQB0000", "ZQA0006", "ZQA000\n", "ZQA00075", ""])
def test_a_stranger_among_many_is_refused(bad: str) -> None:
    """One serial that is not the row's stops the call with a line about it."""
    with pytest.raises(InputError, match="serial") as caught:
        batch.index_serials(["ZQA0007", bad, "ZQA0009"], ROW)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("template", ["X" * 10, "X" * 16, "9" * 16, "A" * 63 + "9"])
def test_refused_characters_never_add_up_to_a_serial(template: str) -> None:
    """However many characters are wrong, a stranger stays one; long templates work too."""
    row = Row(1, 1, "M", "N", template=template)
    registry = Registry((row,))
    serials = [row.serial_at(at) for at in (0, 1, 32767)]
    expected = [registry.index_of("M", "N", serial) for serial in serials]
    assert batch.index_serials(serials, row).tolist() == expected
    with pytest.raises(InputError, match="serial"):
        batch.index_serials([serials[0], "-" * len(serials[0])], row)
    with pytest.raises(InputError, match="serial"):
        batch.index_serials([serials[0], "A" + "-" * (len(serials[0]) - 2) + "A"], row)


def test_line_ends_inside_texts_never_shift_one_into_another() -> None:
    """Texts whose lengths cancel out, or that hold a line end, are looked at one by one."""
    assert batch.check_texts(["R8RPE1GV\n", "KT9NH5V"], "pin32-8").tolist() == [False, False]
    assert batch.check_texts(["R8RPE1G\n", "R8RPE1GV"], "pin32-8").tolist() == [False, True]


@settings(max_examples=100, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(FORMATS)))
def test_checking_many_equals_decoding_without_correction(data: st.DataObject, name: str) -> None:
    """A text is sound exactly if it is the code of the index it decodes to."""
    fmt = FORMATS[name]
    text = codes.encode_index(data.draw(st.integers(0, fmt.index_limit - 1)), name).text
    at = data.draw(st.integers(0, fmt.n - 1))
    other = data.draw(st.sampled_from(ALPHABET + "b?Bé"))
    changed = text[:at] + other + text[at + 1 :]
    assert batch.check_texts([text, changed], name).tolist() == [True, changed == text]
    as_bytes = np.array([text.encode(), text.encode()])
    assert batch.check_texts(as_bytes, name).tolist() == [True, True]


def test_two_characters_outside_the_alphabet_do_not_cancel() -> None:
    """Marks of refusal belong to their pair of positions."""
    assert not batch.check_texts(["bTbNH5VR1H6A"], "pin32-12")[0]
    assert not batch.check_texts(["bbbbbbbbbbbb"], "pin32-12")[0]


def test_indices_outside_the_format_are_refused() -> None:
    """The first index that does not fit is named."""
    with pytest.raises(CodeError, match="index 1073741824 is outside pin32-8"):
        batch.encode_indices(np.array([1, 1 << 30, 1 << 31]), "pin32-8")
    with pytest.raises(CodeError, match="not whole numbers"):
        batch.encode_indices(np.array([1.5]), "pin32-8")  # type: ignore[arg-type]
