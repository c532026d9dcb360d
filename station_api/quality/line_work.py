"""Jobs of the line: a pin planned, a scan read, a pin judged, in a process of its own -> bytes.

In: values the service has read already (setups, codes, paths), never a name to look up. Out: JSON,
or the pickle of a plan for the service alone. Imports neither database nor drawing: a worker that
does only this stays small (docs/board.md).
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

from engraver import layout, relief
from engraver.codes import MarkCode
from engraver.errors import ScanError
from engraver.heightmap import open_x3p
from engraver.inspection import form_of, inspect
from engraver.profiles import Setup
from station_api.quality.fields import inspection_detail, is_good
from station_api.scan_files import read_bytes
from station_api.scans import read_scan
from station_api.walk import Nobody, plan_code


def plan_mark(code: MarkCode, setup: Setup) -> bytes:
    """Walk from a code to a program; return the pickle of the `PlannedMark`."""
    return pickle.dumps(plan_code(code, setup, Nobody()))


def scan_shape(path: Path) -> bytes:
    """Return the shape of a scan of any known format."""
    rows, columns = read_scan(path).z_um.shape
    return _json({"columns": columns, "rows": rows})


def scan_facts(path: Path, digest: str) -> bytes:
    """Return the shape of a scan and what its header says; ``digest`` tells two files apart."""
    scan = open_x3p(read_bytes(path))
    if scan.suggested_unit:
        raise ScanError(
            f"it is probably in {scan.suggested_unit} where metres are meant; convert it with "
            f"`pinmark scan convert --unit {scan.suggested_unit}`"
        )
    rows, columns = scan.height_map.z_um.shape
    return _json({"columns": columns, "rows": rows, "facts": scan.facts})


def judge(path: Path, setup: Setup, code: MarkCode) -> bytes:
    """Inspect a pin as a transition of its mark wants it: good or not, and the figures."""
    design = relief.design(layout.arrange(code, setup), setup)
    found = inspect(design, read_scan(path), form_kind=form_of(setup.part))
    return _json({"good": is_good(found), "detail": inspection_detail(found)})


def _json(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode()
