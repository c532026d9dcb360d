"""What `mark` and `demo` print: steps as they happen, a progress bar, the report as fields."""

from __future__ import annotations

from typing import Any

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from firmware_bridge import streamer
from station_api.cli import shell
from station_api.marking import MarkReport
from station_api.walk import Nobody, Step


class Display(Nobody):
    """A `Watcher` for a terminal: a line for each ended step, a bar for the one at work.

    The bar goes to standard error and vanishes; ``quiet`` keeps the lines back.
    """

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=shell.progress_console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> Display:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def begun(self, name: str) -> None:
        """Show the step at work."""
        self._bar.reset(self._task, description=name, total=None)

    def progressed(self, done: int, total: int) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done, total=total)

    def streamed(self, now: streamer.Progress) -> None:
        """Move the bar."""
        self.progressed(now.lines_acknowledged, now.lines_total)

    def ended(self, step: Step) -> None:
        """Print what the step came to and the wall time it took."""
        if not self._quiet:
            shell.console.print(f"  {step.name:<12} {step.seconds:7.2f} s   {step.result}")


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
