"""Where tests of faults put the many disks they make."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def quick() -> Iterator[Path]:
    """A folder in memory where there is one: hundreds of disks are opened and synced there."""
    memory = Path("/dev/shm")
    place = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="pinmark-disks-", dir=place))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
