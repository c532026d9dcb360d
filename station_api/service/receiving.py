"""Files on their way in: a place of their own while they come, gone at the end unless taken over.

In: a folder, a request's body. Out: the path of a whole file, for the length of a block. A name
that ends in `RECEIVED` tells nobody anything, and is not shown.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from firmware_bridge.durable import refusal
from station_api.scan_files import RECEIVED

SCAN_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""What OpenAPI says of a route that takes a scan as its body."""


@contextmanager
def place(folder: Path) -> Iterator[Path]:
    """Give an empty file of its own in a folder; whoever takes it over moves it away."""
    descriptor, name = tempfile.mkstemp(suffix=RECEIVED, dir=folder)
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        with suppress(OSError):
            Path(name).unlink(missing_ok=True)


@asynccontextmanager
async def upload(request: Request, folder: Path) -> AsyncIterator[Path]:
    """Receive a request's body into a file of its own.

    Raises
    ------
    StorageError
        If the disk is full, read-only or failing, here or while the block takes it over.
    """
    try:
        with place(folder) as received:
            with received.open("wb") as file:
                async for piece in request.stream():
                    await run_in_threadpool(file.write, piece)
            yield received
    except OSError as error:
        raise refusal("the scan", error) from error
