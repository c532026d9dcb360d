"""What a scanner read, as a value: content of a Code 128, Data Matrix or QR Code -> `Label`.

In: text as a keyboard wedge, a serial line or a HID scanner sends it, with or without a symbology
identifier (ISO/IEC 15424). Out: a work order's symbol, a GS1 message with its serial (AI 21), or
plain text, which is a serial or an order's number: the records know which. Authority: GS1 General
Specifications, sections 5.1 and 7.8, and GS1 Digital Link, as the library biip reads them.

A GS1 message is taken for one only if it says so: by its identifier, by FNC1, by brackets, as a web
address, or by a GTIN whose check digit fits in front. A plain serial ``2112345`` stays whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from engraver.errors import InputError, OrderError
from engraver.orders import normalise_serial
from station_api.labels.order_symbol import is_symbol, read_symbol

LONGEST = 1024
"""Characters; the longest symbol of a work order has 975."""

GS = "\x1d"
SERIAL_AI = "21"
_IDENTIFIER = re.compile(r"\]([A-Za-z])([0-9A-Za-z])")
_SYMBOLOGIES = {"C": "Code 128", "d": "Data Matrix", "Q": "QR Code"}
_IS_GS1 = frozenset({"C1", "d2", "d5", "Q3", "Q4"})
_HAS_ECI = frozenset({"d4", "d5", "d6", "Q2", "Q4", "Q6"})
_SHOWN_GS = re.compile("␝|<GS>|{GS}")  # how scanners without a control key spell it
_FULL_WIDTH = {0xFF01 + step: 0x21 + step for step in range(94)}  # what an input method types
_BRACKETED = re.compile(r"\s*\((\d{2,4})\)\s*")
_LONG_SERIAL = re.compile(r"(?:01\d{14})?21[!-z]{21,}")
_GTIN_FIRST = re.compile(r"01(\d{14})\S+")
_ECI = re.compile(r"\\(\\|\d{6})")


class Kind(StrEnum):
    """What a label is."""

    ORDER = "order"
    GS1 = "gs1"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Label:
    """What was read.

    ``serial`` is normalised; of a plain label it is ``None`` if its text can be no serial.
    ``order_id`` is known of an order's symbol. ``symbology`` is empty if the scanner did not say.
    """

    kind: Kind
    text: str
    symbology: str = ""
    order_id: str | None = None
    serial: str | None = None


def read_label(content: str) -> Label:
    r"""Return what a scanned content names.

    Raises
    ------
    InputError
        If it is empty, too long, no text, a broken symbol, or a GS1 message without a serial.

    Examples
    --------
    >>> read_label("]C1010614141123456221ZQ0042").serial
    'ZQ0042'
    >>> read_label("(01)06141411234562(21)zq-7").serial
    'ZQ-7'
    >>> read_label("2112345").serial
    '2112345'
    """
    if len(content) > LONGEST:
        raise InputError(
            f"{len(content)} characters were scanned, at most {LONGEST} are read; scan the work "
            "order or the part's serial"
        )
    text = _SHOWN_GS.sub(GS, content.strip(" \t\r\n")).translate(_FULL_WIDTH)
    symbology, modifier, text = _take_identifier(text)
    if not text.strip():
        raise InputError("nothing was scanned; scan the work order or the part's serial")
    if "\r" in text or "\n" in text:
        raise InputError(
            "two bar codes were scanned at once, with the end of a line between them; scan one"
        )
    odd = next((letter for letter in text if letter != GS and not letter.isprintable()), None)
    if odd is not None:
        raise InputError(
            f"what was scanned has the character U+{ord(odd):04X}, which no order or serial has; "
            "scan the work order or the part's serial"
        )
    if is_symbol(text):
        order_id, serial = read_symbol(text)
        return Label(Kind.ORDER, text, symbology, order_id, _serial(serial))
    found = _gs1_serial(text, modifier)
    if found is not None:
        return Label(Kind.GS1, text, symbology, None, found)
    return Label(Kind.PLAIN, text, symbology, None, _serial_or_none(text))


def _take_identifier(text: str) -> tuple[str, str, str]:
    """Split off the symbology identifier: its name, its letters, the rest."""
    found = _IDENTIFIER.match(text)
    if found is None:
        return "", "", text
    if found[1] not in _SYMBOLOGIES:
        raise InputError(
            f"a bar code of the kind {found[0]} was scanned; Code 128, Data Matrix and QR Code are "
            "read: scan the work order or the part's serial"
        )
    modifier, rest = found[1] + found[2], text[3:]
    if modifier in _HAS_ECI:
        rest = _ECI.sub(lambda escaped: "\\" if escaped[1] == "\\" else "", rest)
    return _SYMBOLOGIES[found[1]], modifier, rest


def _gs1_serial(text: str, modifier: str) -> str | None:
    """Return the serial of a GS1 message, ``None`` if the text is none."""
    bracketed = text.startswith("(") and _BRACKETED.match(text) is not None
    linked = re.match(r"https?://", text, re.IGNORECASE) is not None
    said = modifier in _IS_GS1 or GS in text or bracketed or linked
    if not said and not _begins_with_gtin(text):
        return None
    from biip import ParseError  # a tenth of a second, for those alone who scan such labels
    from biip.gs1_digital_link_uris import GS1DigitalLinkURI
    from biip.gs1_messages import GS1Message

    message = GS + _BRACKETED.sub(lambda found: GS + found[1], text) if bracketed else text
    try:
        if linked:
            elements = list(GS1DigitalLinkURI.parse(text).element_strings)
        else:
            elements = list(GS1Message.parse(message.strip(GS)).element_strings)
    except (ParseError, ValueError) as error:
        if _LONG_SERIAL.fullmatch(message.strip(GS).split(GS)[0]):
            raise InputError(
                "the GS1 label's serial number (AI 21) has more than 20 characters, or the "
                "separator after it (FNC1) was lost; set the scanner to send FNC1 as GS, or type "
                "the serial"
            ) from None
        what = "web address that is no GS1 Digital Link" if linked else "GS1 label that breaks off"
        raise InputError(
            f"this is a {what} ({_shown(str(error))}); scan the work order or the part's serial"
        ) from None
    wrong = next((one.gtin_error for one in elements if one.gtin_error), None)
    if wrong is not None:
        raise InputError(f"the GS1 label was misread: {_shown(wrong)} Scan it again")
    serials = {_serial(one.value) for one in elements if one.ai.ai == SERIAL_AI}
    if len(serials) != 1:
        has = ", ".join(dict.fromkeys(one.ai.ai for one in elements))
        found = "no serial number (AI 21)" if not serials else "more than one serial number (AI 21)"
        raise InputError(
            f"the GS1 label has {found}, only {has}; scan the label with the firearm's serial"
        )
    return serials.pop()


def _begins_with_gtin(text: str) -> bool:
    found = _GTIN_FIRST.fullmatch(text)
    if found is None:
        return False
    digits = [int(digit) for digit in found[1]]
    return (3 * sum(digits[0::2]) + sum(digits[1::2])) % 10 == 0


def _serial(text: str) -> str:
    try:
        return normalise_serial(text)
    except OrderError as error:
        raise InputError(f"the label's {error}") from None


def _serial_or_none(text: str) -> str | None:
    try:
        return normalise_serial(text)
    except OrderError:
        return None


def _shown(text: str) -> str:
    return " ".join(text.replace(GS, "<GS>").split())[:160]
