"""Draw docs/formats/gear.svg: the ring of the worked example, as seen on the primer.

In: nothing. Out: the drawing, written in place. Teeth are dark; the start mark is red; thin
lines part the words; the symbol of each word stands outside it.
"""

from __future__ import annotations

from math import cos, radians, sin
from pathlib import Path

from engraver.codes import MarkCode, encode_index
from engraver.gear import START, WORD_LENGTH, encode_ring

EXAMPLE = encode_index(32768 + 42, "pin32-8")
INNER, OUTER, LABELS = 70.0, 84.0, 96.0
TARGET = Path(__file__).parents[1] / "docs" / "formats" / "gear.svg"


def point(radius: float, degrees: float) -> str:
    """Return an SVG point, clockwise from 12 o'clock."""
    return f"{radius * sin(radians(degrees)):.2f},{-radius * cos(radians(degrees)):.2f}"


def tooth(start: float, end: float, colour: str) -> str:
    """Return one slot that stands."""
    outer = f"M{point(OUTER, start)} A{OUTER},{OUTER} 0 0 1 {point(OUTER, end)}"
    inner = f"L{point(INNER, end)} A{INNER},{INNER} 0 0 0 {point(INNER, start)} Z"
    return f'<path d="{outer} {inner}" fill="{colour}"/>'


def text(words: str, radius: float, degrees: float) -> str:
    """Return a label."""
    x, y = point(radius, degrees).split(",")
    return f'<text x="{x}" y="{y}" dy="0.35em">{words}</text>'


def draw(code: MarkCode) -> str:
    """Return the whole drawing."""
    ring = encode_ring(code)
    step = 360 / len(ring)
    parts = [
        tooth(slot * step, (slot + 1) * step, "#b00020" if slot < len(START) else "#222")
        for slot, stands in enumerate(ring)
        if stands
    ]
    parts.append(text("start", LABELS + 4, len(START) / 2 * step))
    for i, symbol in enumerate(code.text):
        begin = (len(START) + WORD_LENGTH * i) * step
        ends = (point(radius, begin).split(",") for radius in (INNER - 6, OUTER + 4))
        (x1, y1), (x2, y2) = ends
        parts.append(f'<path d="M{x1},{y1} L{x2},{y2}" stroke="#888" stroke-width="0.5"/>')
        parts.append(text(symbol, LABELS, begin + WORD_LENGTH / 2 * step))
        row, column = divmod(i, code.format.columns)
        parts.append(
            f'<text x="{24 * column - 36}" y="{34 * row - 17}" dy="0.35em" '
            f'font-size="24">{symbol}</text>'
        )
    box = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-112 -112 224 224" width="448"'
    style = 'font-family="monospace" font-size="9" text-anchor="middle">'
    return "\n".join([f"{box} {style}", *parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    TARGET.write_text(draw(EXAMPLE), encoding="utf-8")
