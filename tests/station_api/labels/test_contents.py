"""Promises of labels: what scanners send is read for what it is, or refused with one clear line."""

from __future__ import annotations

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from engraver.errors import InputError
from station_api.labels import Kind, Label, read_label, write_symbol

GS = "\x1d"
GTIN = "06141411234562"
IDENTIFIER = {"Code 128": "]C", "Data Matrix": "]d", "QR Code": "]Q"}


def test_a_plain_serial_stays_what_it_is() -> None:
    """Nothing is taken off a serial because it happens to begin like a GS1 label."""
    for text in ("ZQ0042", "2112345", "21", "0112345", "01" + GTIN[:-1] + "3" + "21ZQ", "10AB21CD"):
        assert read_label(text) == Label(Kind.PLAIN, text, "", None, text)
    assert read_label(" zq-7 \r\n").serial == "ZQ-7"
    assert read_label("]C0ZQ0042") == Label(Kind.PLAIN, "ZQ0042", "Code 128", None, "ZQ0042")


@pytest.mark.parametrize(
    "content",
    [
        f"01{GTIN}21ZQ0042",
        f"]C101{GTIN}21ZQ0042",
        f"]d201{GTIN}10LOT-7{GS}21ZQ0042",
        f"]Q321zq0042{GS}01{GTIN}",
        f"{GS}01{GTIN}21ZQ0042{GS}17301231",
        f"01{GTIN}21ZQ0042<GS>17301231",
        f"(01){GTIN}(21)ZQ0042",
        f"(01) {GTIN} (21) ZQ0042",
        f"(01){GTIN}(21)ＺＱ００４２",
        "(21)ZQ0042(10)LOT(7)",
        f"https://example.com/firearms/01/{GTIN}/21/ZQ0042?17=301231",
        f"HTTPS://id.gs1.org/01/{GTIN}/21/ZQ0042",
        f"]Q4\\00002601{GTIN}21ZQ0042",
    ],
)
def test_the_serial_of_a_gs1_label_is_ai_21(content: str) -> None:
    """Element strings with FNC1 as GS or spelled out, identifiers, brackets, Digital Link."""
    label = read_label(content)
    assert (label.kind, label.serial) == (Kind.GS1, "ZQ0042")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "nothing was scanned"),
        ("]C1", "nothing was scanned"),
        (f"]C101{GTIN}10LOT", "no serial number (AI 21)"),
        (f"]d221ZQ1{GS}21ZQ2", "more than one serial number"),
        (f"]C101{GTIN[:-1]}321ZQ0042", "misread"),
        ("]C1ZQ0042", "breaks off"),
        ("]C10106141411", "breaks off"),
        (f"]d221{GS}01{GTIN}", "breaks off"),
        (f"]d201{GTIN}21ABCDEFGHIJ12345678901", "more than 20 characters"),
        ("ZQ0042\r\nZQ0043", "two bar codes"),
        ("]d221ZQ1\r]d221ZQ2", "two bar codes"),
        ("https://example.com/parts/7", "no GS1 Digital Link"),
        ("]E04006381333931", "kind ]E0"),
        ("ZQ\x0042", "U+0000"),
        ("ZQ\u202e42", "U+202E"),
        ("A" * 1025, "1025 characters"),
        ("]C121ZQ*42", "serial"),
        ("PINMARK2/WO-1/ZQ0042/00000000", "version 2"),
        ("PINMARK1/WO-1/ZQ0042/00000000", "check 00000000"),
        ("PINMARK1/WO-1/ZQ", "cut short"),
        ("PINMARK1-WO'1-YQ0042-F5C71002", "keyboard layout"),
    ],
)
def test_bad_content_is_one_clear_line(content: str, said: str) -> None:
    """No traceback, no guess: what was read, and what to scan or set."""
    with pytest.raises(InputError) as refused:
        read_label(content)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value) and GS not in str(refused.value)


ORDER_NUMBER = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=64)
SERIAL = st.from_regex(r"[0-9A-Z]([0-9A-Z./_-]{0,30}[0-9A-Z])?", fullmatch=True)


@given(ORDER_NUMBER, SERIAL)
def test_a_symbol_gives_back_its_order(order_id: str, serial: str) -> None:
    """Whatever a plant calls its orders, slashes, blanks and letters of every script included."""
    label = read_label(write_symbol(order_id, serial))
    assert (label.kind, label.order_id, label.serial) == (Kind.ORDER, order_id, serial)


@given(ORDER_NUMBER, SERIAL, st.data())
def test_no_single_slip_in_a_symbol_goes_unseen(
    order_id: str, serial: str, data: st.DataObject
) -> None:
    """One character typed as another, or two swapped, never names another order."""
    symbol = write_symbol(order_id, serial)
    at = data.draw(st.integers(0, len(symbol) - 2))
    other = data.draw(st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-./%"))
    slips = [symbol[:at] + other + symbol[at + 1 :]]
    slips.append(symbol[:at] + symbol[at + 1] + symbol[at] + symbol[at + 2 :])
    for slip in slips:
        if slip != symbol:
            try:
                label = read_label(slip)
            except InputError:
                continue
            assert label.kind is not Kind.ORDER


@given(st.text(max_size=80))
def test_whatever_comes_is_read_or_refused(content: str) -> None:
    """No content of a bar code makes the reader fall over."""
    try:
        label = read_label(content)
    except InputError as refused:
        assert "\n" not in str(refused)
    else:
        assert label.text


@pytest.mark.parametrize("symbology", ["Code 128", "Data Matrix", "QR Code"])
def test_what_an_independent_reader_sends_is_understood(symbology: str) -> None:
    """Drawn and read by zxing-cpp, with the identifier it gives, as scanners put it in front."""
    formats = {
        "Code 128": zxingcpp.BarcodeFormat.Code128,
        "Data Matrix": zxingcpp.BarcodeFormat.DataMatrix,
        "QR Code": zxingcpp.BarcodeFormat.QRCode,
    }
    contents = {
        "ZQ0042": (Kind.PLAIN, "ZQ0042"),
        write_symbol("WO/1 b", "ZQ0042"): (Kind.ORDER, "ZQ0042"),
    }
    for content, (kind, serial) in contents.items():
        drawn = zxingcpp.create_barcode(content, formats[symbology]).to_image(scale=4)
        read = zxingcpp.read_barcodes(drawn)[0]
        label = read_label(read.symbology_identifier + read.text)
        assert (label.kind, label.serial, label.symbology) == (kind, serial, symbology)
