"""Promises of `pinmark order print`: what is on the paper is the order, and any reader reads it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pypdfium2
import zxingcpp
from PIL import Image

from station_api.labels import read_label
from tests.conftest import REPOSITORY

Run = Callable[..., subprocess.CompletedProcess[str]]
ORDER = (REPOSITORY / "examples" / "order.toml").read_text()


def enter(pinmark: Run, folder: Path, *numbers: str) -> None:
    files = []
    for at, number in enumerate(numbers):
        text = "\n".join(
            f'order = "{number}"' if line.startswith("order") else
            f'serial = "ZQ{1000 + at}"' if line.startswith("serial") else line
            for line in ORDER.splitlines()
        )  # fmt: skip
        files.append(folder / f"{at}.toml")
        files[-1].write_text(text)
    assert pinmark("order", "add", *map(str, files)).returncode == 0


def pages(pdf: Path) -> list[Image.Image]:
    """Return the paper as a printer of 200 dots an inch would show it, in grey."""
    with pypdfium2.PdfDocument(pdf) as document:
        return [page.render(scale=200 / 72).to_pil().convert("L") for page in document]


def decoded(pdf: Path) -> list[tuple[str, str]]:
    """Return every symbol on the paper as an independent reader sees it."""
    found = [one for page in pages(pdf) for one in zxingcpp.read_barcodes(page)]
    return [(one.format.name, one.text) for one in found]


def test_the_printed_symbol_is_the_order(pinmark: Run, tmp_path: Path) -> None:
    """zxing-cpp reads each symbol off the rendered PDF, and it names the order beside it."""
    numbers = ["WO-1", "Werk/7 b", "WO-3"]
    enter(pinmark, tmp_path, *numbers)
    out = tmp_path / "orders.pdf"
    printed = pinmark("order", "print", *numbers, "--out", str(out), "--json")
    assert json.loads(printed.stdout)["orders"] == numbers
    found = decoded(out)
    assert {kind for kind, _ in found} == {"QRCode"}
    labels = [read_label(text) for _, text in found]
    assert {(one.order_id, one.serial) for one in labels} == {
        ("WO-1", "ZQ1000"), ("Werk/7 b", "ZQ1001"), ("WO-3", "ZQ1002"),
    }  # fmt: skip
    assert pages(out)[0].size == (1654, 2339)  # A4
    again = tmp_path / "again.pdf"
    pinmark("order", "print", *numbers, "--out", str(again))
    assert again.read_bytes() == out.read_bytes()


def test_the_symbol_survives_the_workshop(pinmark: Run, tmp_path: Path) -> None:
    """Skewed, grey and with a thumb on it: error correction M gives the order back."""
    enter(pinmark, tmp_path, "WO-1")
    out = tmp_path / "order.pdf"
    pinmark("order", "print", "WO-1", "--out", str(out))
    page = pages(out)[0].rotate(7, fillcolor=255).point(lambda grey: 60 + grey // 2)
    spot = zxingcpp.read_barcodes(page)[0].position
    x = (spot.top_left.x + spot.bottom_right.x) // 2
    y = (spot.top_left.y + spot.bottom_right.y) // 2
    page.paste(120, (x - 14, y - 14, x + 14, y + 14))
    assert read_label(zxingcpp.read_barcodes(page)[0].text).order_id == "WO-1"


def test_a_day_and_all_that_wait_are_printed_together(pinmark: Run, tmp_path: Path) -> None:
    """By the day they were entered, or everything not marked; two to a page."""
    enter(pinmark, tmp_path, "WO-1", "WO-2", "WO-3")
    today = datetime.now().strftime("%Y-%m-%d")
    for number, words in enumerate((["--entered", today], ["--waiting"])):
        out = tmp_path / f"batch{number}.pdf"
        printed = pinmark("order", "print", *words, "--out", str(out), "--json")
        assert json.loads(printed.stdout)["orders"] == ["WO-1", "WO-2", "WO-3"]
        assert (len(decoded(out)), len(pages(out))) == (3, 2)
    listed = json.loads(pinmark("order", "list", "--json").stdout)
    assert [one["order_id"] for one in listed["orders"]] == ["WO-1", "WO-2", "WO-3"]


def test_what_cannot_be_printed_says_why(pinmark: Run, tmp_path: Path) -> None:
    """One line each: nothing named, too much named, no such day, no such order, no such folder."""
    enter(pinmark, tmp_path, "WO-1")
    for words, said in (
        ([], "say which orders"),
        (["WO-1", "--waiting"], "say which orders"),
        (["--entered", "yesterday"], "2027-03-01"),
        (["--entered", "1999-01-01"], "no order was entered"),
        (["WO-9"], "'WO-9' is not known"),
        (["WO-1", "--out", str(tmp_path / "no" / "x.pdf")], "cannot be written"),
    ):
        refused = pinmark("order", "print", *words)
        assert (refused.returncode, said in refused.stderr) == (2, True), refused.stderr


def test_an_order_that_cannot_be_marked_says_so_on_paper(pinmark: Run, tmp_path: Path) -> None:
    """A serial that no registry row has is printed with the reason, in place of a code."""
    text = ORDER.replace("ZQ0042", "NOROW-1")
    (tmp_path / "odd.toml").write_text(text)
    pinmark("order", "add", str(tmp_path / "odd.toml"))
    out = tmp_path / "odd.pdf"
    assert pinmark("order", "print", "WO-1001", "--out", str(out)).returncode == 0
    with pypdfium2.PdfDocument(out) as document:
        words = document[0].get_textpage().get_text_range()
    assert "Cannot be marked" in words and "NOROW-1" in words
