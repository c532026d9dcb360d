"""Write the list of files in ARCHITECTURE.md from what each file says of itself.

In: the first line of every source file's docstring. Out: the section between the two markers,
rewritten in place (`make files`); with ``--check`` an exit code instead.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

PACKAGES = ("engraver", "hardware", "firmware_bridge", "station_api")
BEGIN, END = "<!-- files: made by `make files` -->\n", "<!-- end of files -->\n"
ROOT = Path(__file__).resolve().parent.parent


def main(check: bool) -> int:
    """Rewrite the section, or say whether it is up to date."""
    document = ROOT / "ARCHITECTURE.md"
    text = document.read_text("utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    wanted = before + BEGIN + section() + END + after
    if check:
        return int(wanted != text)
    document.write_text(wanted, "utf-8")
    return 0


def section() -> str:
    """Return a table for each package, a row for each file."""
    parts = []
    for package in PACKAGES:
        rows = [row(path) for path in sorted((ROOT / package).rglob("*.py"))]
        head = f"\n### {package}\n\n| file | what it is |\n|---|---|\n"
        parts.append(head + "".join(rows))
    return "".join(parts) + "\n"


def row(path: Path) -> str:
    """Return one file's row: its path and the first sentence of its docstring."""
    said = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split("\n\n")[0]
    first = " ".join(said.split("\n")).strip().replace("|", "\\|")
    return f"| `{path.relative_to(ROOT).as_posix()}` | {first} |\n"


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
