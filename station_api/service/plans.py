"""Plans of orders as bytes for a page, and where in its plan a run stands.

In: work orders, planned marks. Out: `pack`, one block of little-endian arrays behind a JSON head,
and `Place`, which turns a line of the program into strokes and seconds. A plan takes seconds to
make and is the same every time, so the last few are kept.
"""

from __future__ import annotations

import json
import struct
import threading
from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engraver import gcode, motion
from engraver.orders import WorkOrder
from engraver.registry import Registry
from engraver.toolpath import GRID_UM
from firmware_bridge.streamer import Progress
from station_api.service.line import Line
from station_api.service.shelf import Shelf
from station_api.walk import Nobody, PlannedMark, encode_order

KEPT = 4
MAGIC = b"PMP1"


class Plans:
    """The plans that were asked for lately."""

    def __init__(self, registry: Registry, shelf: Shelf, line: Line) -> None:
        self._registry, self._shelf, self._line = registry, shelf, line
        self._guard = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def of(self, order: WorkOrder) -> bytes:
        """Return an order's plan, packed.

        Raises
        ------
        InputError, DesignError
            If the order cannot be planned.
        """
        code, setup = encode_order(order, self._registry, self._shelf.folder)
        key = (code.text, gcode.setup_sha256(setup))
        with self._guard:  # one at a time: the next that asks wants the same one
            if key not in self._kept:
                self._kept[key] = pack(self._line.plan(code, setup, Nobody()))
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return self._kept[key]


def pack(planned: PlannedMark) -> bytes:
    """Write a plan: magic, length of the head, head (JSON), then the arrays it names.

    Vertices ``xy`` are int32 of 0.1 um, the grid of the program, so nothing is lost; ``kind`` is
    uint8 of `MoveKind`, ``stroke`` int32, ``pass`` uint8 (the 256th and later say 255). Each array
    begins at a multiple of four bytes.
    """
    path = planned.toolpath
    arrays = {
        "xy": np.round(path.xyz_um[:, :2] / GRID_UM).astype("<i4"),
        "stroke": path.stroke.astype("<i4"),
        "kind": path.kind.astype("u1"),
        "pass": np.minimum(path.pass_index, 255).astype("u1"),
    }
    head: dict[str, Any] = {
        "code": planned.code.text,
        "unit_um": GRID_UM,
        "moves": len(path.kind),
        "strokes": path.stroke_count,
        "passes": int(path.pass_index.max(initial=0)) + 1,
        "lines": len(planned.program.lines),
        "program_sha256": planned.program.sha256,
        "estimated_time_s": round(planned.program.estimated_time_s, 3),
        "bottleneck": planned.program.bottleneck,
        "outlines_um": _outlines(planned),
        "arrays": [],
    }
    blocks: list[bytes] = []
    at = 0
    for name, array in arrays.items():
        data = array.tobytes()
        data += bytes(-len(data) % 4)
        head["arrays"].append(
            {"name": name, "type": array.dtype.str.lstrip("<|"), "at": at, "size": array.size}
        )
        blocks.append(data)
        at += len(data)
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    return MAGIC + struct.pack("<I", len(text)) + text + b"".join(blocks)


def _outlines(planned: PlannedMark) -> list[list[float]]:
    rings = [
        ring for one in planned.design.characters.geoms for ring in (one.exterior, *one.interiors)
    ]
    return [[round(float(v), 2) for v in np.asarray(ring.coords)[:, :2].ravel()] for ring in rings]


class Place:
    """Where in its plan a run stands: strokes acknowledged and done, seconds left."""

    def __init__(self, planned: PlannedMark) -> None:
        strokes = planned.program.line_stroke
        self._newest: NDArray[np.int32] = np.maximum.accumulate(strokes)
        self.strokes = planned.toolpath.stroke_count
        self._end_s = _stroke_ends_s(planned)
        self._whole_s = planned.program.estimated_time_s
        self._ran_s, self._seen_s = 0.0, 0.0

    def of(self, now: Progress) -> dict[str, Any]:
        """Return what a page shows of a progress; ``left_s`` by the pace so far."""
        if now.state == "Run":
            self._ran_s += max(now.elapsed_s - self._seen_s, 0.0)
        self._seen_s = now.elapsed_s
        lines = min(now.lines_acknowledged, len(self._newest))
        done = now.last_surely_done_stroke
        done_s = float(self._end_s[done]) if done >= 0 else 0.0
        pace = self._ran_s / done_s if done_s > 1.0 and self._ran_s > 0.0 else 1.0
        return {
            "stroke_acknowledged": int(self._newest[lines - 1]) if lines else -1,
            "stroke_done": done,
            "strokes": self.strokes,
            "controller": now.state,
            "pins": now.pins,
            "left_s": round(max(self._whole_s - done_s, 0.0) * pace, 1),
        }


def _stroke_ends_s(planned: PlannedMark) -> NDArray[np.float64]:
    """Return the modelled second at which each stroke ends."""
    path = planned.toolpath
    at_s = np.cumsum(motion.profile(path, planned.setup.machine).time_s)
    ends = np.zeros(path.stroke_count)
    burns = path.stroke >= 0
    ends[path.stroke[burns]] = at_s[burns]  # the last move of a stroke is the one that stays
    return ends * (planned.program.estimated_time_s / max(float(at_s[-1]), 1e-9))
