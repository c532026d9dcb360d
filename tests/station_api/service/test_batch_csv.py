"""Promises of a batch of orders as CSV: what spreadsheets write is read, what is wrong is named."""

from __future__ import annotations

import pytest

from engraver.errors import OrderError
from station_api.routes.orders import MOST_LINES, read_batch

HEAD = "order,make,model,serial,recipe\n"
ONE = "WO-1,Example Arms,Model 1,ZQ0001,default\n"
TWO = "WO-2,Example Arms,Model 1,ZQ0002,default\n"


@pytest.mark.parametrize(
    "data",
    [
        (HEAD + ONE + TWO).encode(),
        ("\ufeff" + HEAD + ONE + TWO).encode(),
        (HEAD + ONE + TWO).replace("\n", "\r\n").encode(),
        (HEAD + ONE + TWO).replace(",", ";").encode(),
        (HEAD + ONE + TWO).replace(",", "\t").encode(),
        (HEAD + "\n" + ONE + TWO + "\n;;;;\n".replace(";", ",")).encode(),
        (HEAD.strip() + ",,\n" + ONE.strip() + ",,\n" + TWO.strip() + ",,\n").encode(),
        (HEAD.upper() + ONE + '"WO-2","Example Arms","Model 1","ZQ0002",""\n').encode(),
        (HEAD + ONE + TWO).strip().encode(),
    ],
)
def test_what_spreadsheets_write_is_read(data: bytes) -> None:
    """A mark of byte order, line ends, separators, quotes, and empty cells at the edges."""
    found = read_batch(data)
    assert [(one.order_id, one.serial, one.recipe) for one in found] == [
        ("WO-1", "ZQ0001", "default"), ("WO-2", "ZQ0002", "default"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + ONE + "WO-2,Example Arms,Model 1,??,default\n" + TWO, "in line 3: serial '?"),
        (HEAD + ONE.strip() + ",x\n", "line 2 has 6 fields, the first line names 5"),
        (HEAD + "WO-1,Example Arms\n", "in line 2, key model"),
        (HEAD + ONE.replace("WO-1", ""), "line 2 has no order number"),
        (HEAD.replace("recipe", "colour") + ONE, "not 'colour'"),
        ("order,make,model\nWO-1,A,B\n", "it lacks serial"),
        (ONE, "names the columns order, make, model, serial, recipe; not 'wo-1'"),
        (HEAD, "no orders"),
        ("", "it lacks order, make, model, serial"),
        (HEAD + '"WO-1,Example Arms,Model 1,ZQ0001,default\n', "no CSV"),
        (HEAD + ONE * (MOST_LINES + 1), f"at most {MOST_LINES} orders"),
        (HEAD + "WO-1,Example Arms,Model 1,ZQ0001,../default\n", "'../default' is no name"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str) -> None:
    """The line, what it has, and what it should have; all or none are entered."""
    with pytest.raises(OrderError) as refused:
        read_batch(text.encode())
    assert said in str(refused.value) and len(str(refused.value)) < 300


def test_other_encodings_are_said() -> None:
    """UTF-16 and Latin-1, as spreadsheets save them when not told otherwise."""
    for data in (
        (HEAD + ONE).encode("utf-16"),
        (HEAD + ONE.replace("Ex", "\xe9")).encode("cp1252"),
    ):
        with pytest.raises(OrderError, match="save it as CSV UTF-8"):
            read_batch(data)
