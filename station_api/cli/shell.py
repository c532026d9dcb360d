"""What every command shares: exit codes, JSON or text, one clear line for an error.

A command raises `engraver.errors.PinmarkError` and returns nothing; `run` turns it into one
line on standard error (or an ``error`` object with ``--json``) and the exit code.
"""

from __future__ import annotations

import errno
import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console

from engraver.errors import PinmarkError
from firmware_bridge.durable import refusal

DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
DONE, BAD_MARK, BAD_INPUT, UNKNOWN_STATE = 0, 1, 2, 3

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]

console = Console(highlight=False, soft_wrap=True)
progress_console = Console(stderr=True, highlight=False)


def emit(fields: dict[str, Any]) -> None:
    """Print ``fields`` as one JSON object on standard output."""
    print(json.dumps(fields, ensure_ascii=False))


def run(app: typer.Typer, arguments: list[str] | None = None) -> int:
    """Run ``app`` and return its exit code; no traceback for what pinmark raises on purpose."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        result = typer.main.get_command(app).main(words, "pinmark", standalone_mode=False)
        return int(result) if isinstance(result, int) else DONE
    except PinmarkError as error:
        _report(str(error), error.exit_code, "--json" in words)
        return error.exit_code
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        _report(str(refusal(error.filename or "a file", error)), BAD_INPUT, "--json" in words)
        return BAD_INPUT
    except typer.TyperException as error:
        _report(error.format_message(), BAD_INPUT, "--json" in words)
        return BAD_INPUT
    except typer.Exit as stop:
        return stop.exit_code
    except (KeyboardInterrupt, typer.Abort):
        _report("interrupted by the operator", 130, "--json" in words)
        return 130
    except Exception as error:
        if (said := _of_records(error)) is None:
            raise
        _report(said, BAD_INPUT, "--json" in words)
        return BAD_INPUT


def _of_records(error: Exception) -> str | None:
    """Say what a database refused, if that is what the error is; commands without one skip it."""
    if "sqlalchemy" not in sys.modules:
        return None
    import sqlalchemy as sa

    if not isinstance(error, sa.exc.DBAPIError):
        return None
    cause = " ".join(str(error.orig).split())
    return (
        f"the records cannot be used ({cause}); run `pinmark log fsck`, which names what is wrong "
        "with them, and see docs/runbook.md, `the records cannot be opened`"
    )


def _report(message: str, exit_code: int, as_json: bool) -> None:
    line = " ".join(message.split())
    if as_json:
        emit({"error": {"message": line, "exit_code": exit_code}})
    print(f"pinmark: {line}", file=sys.stderr)
