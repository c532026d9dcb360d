"""Records the examples of the description from replies of the service to the tests' client.

In: replies. Out: ``station_api/service/examples.json``, of each operation the reply that shows most
and the request that it answers; tokens, folders and long lists are shortened. To write them anew
(requests that stand there without a reply were written by hand, and stay):

    RECORD_EXAMPLES=1 pytest tests/station_api/service tests/station_api/operations
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

from tests.conftest import REPOSITORY

FILE = REPOSITORY / "station_api" / "service" / "examples.json"
IS_ASKED = "RECORD_EXAMPLES" in os.environ
LONGEST_TEXT, LONGEST_LIST, LONGEST_EXAMPLE = 120, 2, 6000
_TOKENS = re.compile(r"\b(pm[ks]_)[A-Za-z0-9_-]{20,}|\b(whsec_)[A-Za-z0-9+/=]{20,}")
_FOLDER = re.compile(r"/(?:tmp|dev/shm|var/tmp)/[^\s\"]*/home")


class Examples:
    """The operations of one description, and what was recorded of them."""

    def __init__(self, described: dict[str, Any]) -> None:
        self._operations = [
            (method.upper(), re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path, operation)
            for path, methods in sorted(described["paths"].items(), key=_fewest_holes)
            for method, operation in methods.items()
        ]

    def look_at(self, response: Any) -> None:
        """Record a reply; a hook of the client's."""
        if not 200 <= response.status_code < 300:
            return
        found = self._operation(response.request.method, response.request.url.path)
        if found is None or not response.headers.get("content-type"):
            return
        key, operation = found
        kind = response.headers["content-type"].partition(";")[0]
        described = operation["responses"].get(str(response.status_code), {}).get("content", {})
        if kind in described and kind == "application/json":
            _record(key, response, json.loads(response.read()))

    def _operation(self, method: str, path: str) -> tuple[str, dict[str, Any]] | None:
        for known, shape, template, operation in self._operations:
            if known == method and shape.fullmatch(path):
                return f"{method} {template}", operation
        return None


def _fewest_holes(item: tuple[str, Any]) -> tuple[int, str]:
    return item[0].count("{"), item[0]


def _record(key: str, response: Any, reply: Any) -> None:
    held = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
    new: dict[str, Any] = {"status": response.status_code, "reply": _short(reply)}
    sent = response.request.content
    if response.request.headers.get("content-type", "").startswith("application/json") and sent:
        new["request"] = _short(json.loads(sent), whole=True)
    if len(json.dumps(new)) > LONGEST_EXAMPLE or _worth(new) <= _worth(held.get(key, {})):
        return
    held[key] = new
    lines = [
        f"{json.dumps(one)}: {json.dumps(held[one], ensure_ascii=False, sort_keys=True)}"
        for one in sorted(held)
    ]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


def _worth(example: dict[str, Any]) -> int:
    """Return how much an example shows: values that are there."""
    if not example:
        return -1
    return sum(1 for value in _leaves(example) if value not in (None, "", 0))


def _leaves(value: Any) -> Any:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value


def _short(value: Any, *, whole: bool = False) -> Any:
    """Shorten lists and texts, and take out what belongs to one run alone."""
    if isinstance(value, dict):
        return {name: _short(inner, whole=whole) for name, inner in value.items()}
    if isinstance(value, list):
        kept = value if whole else value[:LONGEST_LIST]
        return [_short(inner, whole=whole) for inner in kept]
    if isinstance(value, str):
        text = _TOKENS.sub(lambda found: (found[1] or found[2]) + "A" * 43, value)
        text = _FOLDER.sub("/var/lib/pinmark", text)
        return text if whole or len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "..."
    return value
