"""Promises of the door for work orders: one identity, one clear line for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engraver.errors import OrderError
from station_api.schemas import order_from, read_order

GOOD = {"make": "Example Arms", "model": "Model 1", "serial": "ZQ0042"}


@pytest.mark.parametrize("serial", ["ZQ0042", "zq0042", " ZQ0042 ", "ＺＱ００４２", "ZQ0042\n"])
def test_one_firearm_has_one_identity_however_typed(serial: str) -> None:
    """Lower case, full width and padding fold to the same serial."""
    assert order_from({**GOOD, "serial": serial}, "x").serial == "ZQ0042"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"serial": ""}, "serial is empty"),
        ({"serial": "ZQ\u0000"}, "outside"),
        ({"serial": "ZQ\ud800"}, "outside"),
        ({"serial": "Z\u0430"}, "outside"),  # Cyrillic a
        ({"serial": "Z" * 65}, "at most 64"),
        ({"serial": 42}, "key serial"),
        ({"make": None}, "key make"),
        ({"colour": "red"}, "key colour"),
    ],
)
def test_an_impossible_order_is_refused_in_one_line(change: dict[str, object], said: str) -> None:
    """The line names the source and the key or the value."""
    with pytest.raises(OrderError, match=said) as caught:
        order_from({**GOOD, **change}, "of the test")
    assert "of the test" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    """Both formats read to the same order, byte order mark or not."""
    (tmp_path / "o.json").write_text(json.dumps(GOOD), encoding="utf-8-sig")
    (tmp_path / "o.toml").write_text("\n".join(f'{key} = "{text}"' for key, text in GOOD.items()))
    assert read_order(tmp_path / "o.json") == read_order(tmp_path / "o.toml")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"make = Example", "neither TOML nor JSON"),
        (b'{"make": ', "neither TOML nor JSON"),
        (b"[" * 60_000, "neither TOML nor JSON"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"#" * 70_000, "70000 bytes"),
        (b"", "key make"),
        (b'["a"]', "the order"),
    ],
)
def test_a_file_that_is_no_order_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    """Whatever the bytes, one clear line."""
    path = tmp_path / "order"
    path.write_bytes(content)
    with pytest.raises(OrderError, match=said):
        read_order(path)
    with pytest.raises(OrderError, match="No such file"):
        read_order(tmp_path / "absent")
