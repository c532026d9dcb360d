"""Work orders on paper, two to a page, each with its symbol as a QR Code.

In: orders as they were entered, what they come to. Out: PDF bytes, the same from the same facts.
Authority: ISO/IEC 18004 for the symbol, drawn by segno; docs/formats/order-symbol.md for its text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import segno

from engraver.errors import InputError, PinmarkError
from engraver.orders import WorkOrder
from engraver.registry import Registry
from station_api.labels import write_symbol
from station_api.papers.licensee import Licensee
from station_api.reports.typesetting import set_report
from station_api.walk import encode_order

TEMPLATE = "order.typ"
MOST = 500
"""Orders in one PDF: more than a shift marks."""

QUIET_MODULES = 4
"""White round a QR Code, ISO/IEC 18004."""


def order_papers(
    wanted: Iterable[WorkOrder], registry: Registry, shelf: Path | None, station: str, by: Licensee
) -> bytes:
    """Set the papers of orders; an order that cannot be marked as it stands says why.

    Raises
    ------
    InputError
        If there is none, or more than 500.
    """
    batch = list(wanted)
    if not 0 < len(batch) <= MOST:
        raise InputError(f"{len(batch)} orders to print, 1 to {MOST} go into one file; name fewer")
    cards = [_card(order, at, registry, shelf) for at, order in enumerate(batch)]

    def draw(folder: Path) -> None:
        for card in cards:
            # M corrects 15 % of the modules; paper in a workshop gets dirty
            code = segno.make(card["symbol"], error="m", micro=False)
            code.save(str(folder / card["picture"]), border=QUIET_MODULES)

    return set_report(TEMPLATE, {"orders": cards, "station": station, "licensee": asdict(by)}, draw)


def _card(order: WorkOrder, at: int, registry: Registry, shelf: Path | None) -> dict[str, Any]:
    fields = asdict(order) | {
        "symbol": write_symbol(order.order_id, order.serial),
        "picture": f"symbol{at}.svg",
        "problem": None,
    }
    try:
        code, setup = encode_order(order, registry, shelf)
    except PinmarkError as error:
        return fields | {"code": None, "part": None, "problem": " ".join(str(error).split())}
    return fields | {"code": code.text, "part": setup.part.name}
