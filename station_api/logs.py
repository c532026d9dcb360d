"""What the service tells the machine's journal: events and fields, never a serial.

In: the ``[logging]`` section. Out: one line an event on standard error, as text or as JSON, and in
a rotated file where one is configured. An event is a constant text; what varies stands in named
fields: ``LOG.info("mark changed", extra=fields(mark="M000001"))``. Of an exception only its class
and the places it came through are written: messages name serials, SQL errors hold whole rows.
"""

from __future__ import annotations

import io
import json
import logging
import logging.handlers
import os
import stat
import sys
import time
import traceback
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

from engraver.errors import InputError
from station_api.configuration.model import LoggingKeys

LEVELS_OF_SYSLOG = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}
"""sd-daemon(3): ``<4>`` at the head of a line is its level in the journal."""

SHOWN = frozenset({"pinmark", "uvicorn", "station_api", "firmware_bridge"})
"""Loggers whose words are ours or were read; of every other only name and level are written."""


def fields(**named: Any) -> dict[str, Any]:
    """Return the ``extra`` of a log call; nothing in it may name a firearm, a person, a secret.

    >>> fields(mark="M000001")
    {'fields': {'mark': 'M000001'}}
    """
    return {"fields": named}


def set_up(keys: LoggingKeys, *, journal: bool | None = None) -> None:
    """Send all logging of this process where the configuration says.

    Raises
    ------
    InputError
        If the log file cannot be written.
    """
    under = under_journal() if journal is None else journal
    form = JsonLines() if keys.format == "json" else TextLines(levels=under)
    said = logging.StreamHandler(sys.stderr)
    said.setFormatter(form)
    handlers: list[logging.Handler] = [said]
    if keys.file is not None:
        handlers.append(_file(keys.file, keys.file_mb, keys.files))
    for handler in handlers:
        handler.addFilter(_is_news)
    logging.basicConfig(level=keys.level.upper(), handlers=handlers, force=True)
    logging.captureWarnings(True)


def _is_news(record: logging.LogRecord) -> bool:
    """Drop what a library chats: without its words it would say nothing."""
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] in SHOWN


def under_journal() -> bool:
    """Return whether standard error goes to systemd's journal (systemd.exec(5))."""
    return "JOURNAL_STREAM" in os.environ


_JSON = json.JSONEncoder(ensure_ascii=False, default=str)


class JsonLines(logging.Formatter):
    """One JSON object a line: ``at``, ``level``, ``logger``, ``event``, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one event."""
        return _JSON.encode(_said(record))


class TextLines(logging.Formatter):
    """One line of text: time, level, event, ``name=value``; under systemd with its level mark."""

    def __init__(self, *, levels: bool) -> None:
        super().__init__()
        self._levels = levels

    def format(self, record: logging.LogRecord) -> str:
        """Write one event."""
        said = _said(record)
        at, level, logger, event = (said.pop(name) for name in ("at", "level", "logger", "event"))
        rest = " ".join(f"{name}={value}" for name, value in said.items())
        line = f"{level.lower()} {logger}: {event}" + (f" {rest}" if rest else "")
        if not self._levels:
            return f"{at} {line}"
        return f"<{LEVELS_OF_SYSLOG.get(record.levelname, 5)}>{line}"


def _said(record: logging.LogRecord) -> dict[str, Any]:
    known = record.name.partition(".")[0] in SHOWN
    said = {
        "at": f"{_second(int(record.created))}.{int(record.msecs):03d}Z",
        "level": record.levelname,
        "logger": record.name,
        "event": " ".join(str(record.msg).split()) if known else "a message of a library",
        **getattr(record, "fields", {}),
    }
    if record.exc_info and record.exc_info[0] is not None:
        said["exception"] = record.exc_info[0].__name__
        said["at_code"] = _places(record.exc_info[2])
    return said


@lru_cache(maxsize=4)
def _second(at_s: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_s))


def _places(trace: TracebackType | None) -> str:
    """Return the innermost places of a traceback, without any value."""
    frames = traceback.extract_tb(trace)[-8:]
    return " < ".join(f"{Path(f.filename).name}:{f.lineno}:{f.name}" for f in reversed(frames))


class _RotatedFile(logging.handlers.RotatingFileHandler):
    """A rotated file that writes each line out once, and asks the kernel how long it is.

    The library's own formats a line twice and takes its characters for bytes.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, in a new file if the old one has no room for it."""
        try:
            line = self.format(record).encode("utf-8", "backslashreplace") + b"\n"
            file = self._opened()
            found = os.fstat(file.fileno())
            if stat.S_ISREG(found.st_mode) and 0 < found.st_size > self.maxBytes - len(line):
                self.doRollover()
                file = self._opened()
            file.buffer.write(line)
            file.buffer.flush()
        except Exception:
            self.handleError(record)

    def _opened(self) -> io.TextIOWrapper:
        if self.stream is None:
            self.stream = self._open()
        return self.stream


def _file(path: Path, size_mb: int, kept: int) -> logging.Handler:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = _RotatedFile(
            path, maxBytes=size_mb * 1_000_000, backupCount=kept, encoding="utf-8"
        )
    except OSError as error:
        raise InputError(
            f"the log file {path} cannot be written ({error.strerror}); see [logging] file"
        ) from error
    handler.setFormatter(JsonLines())
    return handler
