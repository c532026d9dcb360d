"""Set a report: a template of this folder and its facts -> PDF bytes, the same from the same.

In: the template's name, facts as JSON values, pictures drawn into a folder. Out: PDF bytes. No date
is set and no font of the host is used, so that the digest of a report can stand in a record.
Authority: typst for the setting (docs/decisions/0051-typst-for-reports.md).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from engraver.errors import InputError

PAPER = "paper.typ"
"""What all reports share: page, fonts, running lines."""

NO_DATE = 0
"""Seconds since 1970 that the PDF gives for its making: the report is dated by its signer."""


def set_report(
    template: str, facts: Mapping[str, Any], draw: Callable[[Path], None] | None = None
) -> bytes:
    """Return a report as PDF.

    Parameters
    ----------
    template
        Name of a ``.typ`` file in this folder; it reads ``facts.json`` beside it.
    draw
        Draws the pictures that the template shows into the folder it is given.

    Raises
    ------
    InputError
        If the facts cannot be set.
    """
    import typst  # 30 MB: for those who print

    with tempfile.TemporaryDirectory(prefix="pinmark-report-") as folder:
        root = Path(folder)
        if draw is not None:
            draw(root)
        (root / "facts.json").write_text(json.dumps(facts, ensure_ascii=False), "utf-8")
        for name in {PAPER, template}:
            text = resources.files(__package__).joinpath(name).read_text("utf-8")
            (root / name).write_text(text, "utf-8")
        try:
            pdf = typst.compile(
                str(root / template),
                root=str(root),
                format="pdf",
                ignore_system_fonts=True,
                timestamp=NO_DATE,
            )
        except typst.TypstError as error:
            raise InputError(f"the report cannot be set: {error.message}") from None
    return bytes(pdf)
