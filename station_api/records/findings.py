"""What a check of the records found: values, and how they are said.

In: nothing. Out: `Finding`, `Report`. A finding names the table, the row, the column where it can
be told, and what is wrong with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as the log says it was."""

    table: str
    row: str
    column: str
    problem: str

    def line(self) -> str:
        """Return the finding as one line for a person."""
        where = f"{self.table} {self.row}".strip()
        where += f", column {self.column}" if self.column else ""
        return f"{where}: {self.problem}"


@dataclass(slots=True)
class Report:
    """The outcome of a check; sound if nothing was found.

    ``sizes`` and ``roots`` (hex) are by station: what the log stands at, recomputed.
    """

    findings: list[Finding] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    roots: dict[str, str] = field(default_factory=dict)
    checkpoints: int = 0
    rows: int = 0

    @property
    def sound(self) -> bool:
        """Whether everything is as the log says."""
        return not self.findings

    def add(self, table: str, row: object, column: str, problem: str) -> None:
        """Note a finding once."""
        finding = Finding(table, str(row), column, problem)
        if finding not in self.findings[-50:]:
            self.findings.append(finding)
