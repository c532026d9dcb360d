"""What `mark` and `demo` print: steps as they happen, a progress bar, the report as fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from firmware_bridge import streamer
from station_api.cli import shell
from station_api.marking import MarkReport
from station_api.walk import OnStep, Step, ignore_step


def step_printer(quiet: bool) -> OnStep:
    """Return a function that prints each step of the walk with the time it took."""
    if quiet:
        return ignore_step

    def show(step: Step) -> None:
        shell.console.print(f"  {step.name:<12} {step.seconds:7.2f} s   {step.result}")

    return show


@contextmanager
def streaming_bar() -> Iterator[Callable[[streamer.Progress], None]]:
    """Show a bar on standard error while a program streams."""
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), console=shell.progress_console, transient=True
    ) as bar:
        task = bar.add_task("lines acknowledged", total=None)

        def advance(progress: streamer.Progress) -> None:
            bar.update(task, completed=progress.lines_acknowledged, total=progress.lines_total)

        yield advance


def report_fields(report: MarkReport) -> dict[str, Any]:
    """Return a report under the field names of docs/json.md."""
    found = report.inspection
    return {
        "mark_id": report.mark_id,
        "code": report.planned.code.text,
        "index": report.planned.code.index,
        "format": report.planned.code.format.name,
        "read_back": found.read_back if found else None,
        "verdict": str(found.verdict) if found else None,
        "state": str(report.state),
        "estimated_time_s": report.planned.program.estimated_time_s,
        "program_sha256": report.planned.program.sha256,
        "program_bytes": len(report.planned.program.data),
        "lines": report.receipt.lines_acknowledged,
        "strokes": report.planned.toolpath.stroke_count,
    }
