"""Promises of whatever is received: it leaves nothing behind, no file and no open descriptor."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from engraver.errors import MissingError, ScanError
from station_api.people import Role
from station_api.service.instrument import Instrument
from station_api.service.service import Service
from tests.station_api.service.conftest import ENGINEER, bearer

TIMES = 40
DESCRIPTORS = Path("/proc/self/fd")
FEW = 12
"""Descriptors that the pools of this process may open meanwhile; fewer than `TIMES`."""

pytestmark = pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="counts descriptors by /proc")


def opened() -> int:
    """Return how many descriptors this process holds."""
    return sum(1 for _ in DESCRIPTORS.iterdir())


@pytest.mark.parametrize(
    ("path", "role"), [("/v1/scans", Role.STATION), ("/v1/trace/scans", Role.TRACER)]
)
def test_uploads_leave_no_descriptor_open(
    path: str, role: Role, client: TestClient, tokens: dict[Role, str]
) -> None:
    """A service that takes a thousand scans a day may not run out of descriptors."""
    mine = bearer(tokens[role])
    assert client.post(path, content=b"no scan", headers=mine).status_code == 422
    before = opened()
    for _ in range(TIMES):
        assert client.post(path, content=b"no scan", headers=mine).status_code == 422
    assert opened() - before < FEW


def test_scans_of_the_instrument_leave_none_either(service: Service, tmp_path: Path) -> None:
    """Every pin of a shift is collected from its folder."""
    instrument = Instrument(tmp_path, service.scans)
    with pytest.raises(MissingError):
        instrument.collect(0, ENGINEER)
    (tmp_path / "pin.x3p").write_bytes(b"no scan")
    before = opened()
    for _ in range(TIMES):
        with pytest.raises(ScanError):
            instrument.collect(0, ENGINEER)
    assert opened() - before < FEW
    assert list(service.scans.folder.iterdir()) == []
