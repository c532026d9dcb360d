"""Examples in the description: what requests and replies of each operation look like, recorded.

In: the OpenAPI description as FastAPI makes it. Out: the same with examples of JSON bodies. They
stand in ``examples.json``, one line an operation, as the service gave them to the tests
(tests/station_api/service/recording.py records them anew).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

JSON = "application/json"
TEXT, BYTES, STREAM = "text/plain", "application/octet-stream", "text/event-stream"
OTHER_KINDS = {
    "/v1/metrics": TEXT,
    "/v1/log/checkpoint": TEXT,
    "/v1/log/key": TEXT,
    "/v1/log/proofs/{position}": TEXT,
    "/v1/log/records/{position}": TEXT,
    "/v1/log/tile/{path}": BYTES,
    "/v1/scans/{scan_id}/file": BYTES,
}
"""What is no JSON, where FastAPI says that it is."""


@cache
def recorded() -> Mapping[str, Mapping[str, Any]]:
    """Return what was recorded, by ``METHOD /v1/path``: ``status``, ``reply`` and ``request``."""
    text = files("station_api.service").joinpath("examples.json").read_text("utf-8")
    found: Mapping[str, Mapping[str, Any]] = json.loads(text)
    return found


def name_other_kinds(schema: dict[str, Any]) -> None:
    """Say of replies that are no JSON what they are."""
    for path, methods in schema["paths"].items():
        if "get" not in methods:
            continue
        content = methods["get"]["responses"].get("200", {}).get("content", {})
        if STREAM in content:
            content.pop(JSON, None)
        elif path in OTHER_KINDS:
            content.pop(JSON, None)
            content[OTHER_KINDS[path]] = {"schema": {"type": "string"}}


def add_examples(schema: dict[str, Any]) -> None:
    """Put the recorded examples into a description, where it has none of its own."""
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            example = recorded().get(f"{method.upper()} {path}")
            if example is None:
                continue
            replies = operation["responses"].get(str(example["status"]), {}).get("content", {})
            if JSON in replies and "reply" in example:
                replies[JSON].setdefault("example", example["reply"])
            bodies = operation.get("requestBody", {}).get("content", {})
            if JSON in bodies and "request" in example and not _has_own(schema, bodies[JSON]):
                bodies[JSON].setdefault("example", example["request"])


def _has_own(schema: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    wanted = body.get("schema", {})
    if "$ref" in wanted:
        wanted = schema["components"]["schemas"][wanted["$ref"].rpartition("/")[2]]
    return "examples" in wanted or "example" in body or "examples" in body
