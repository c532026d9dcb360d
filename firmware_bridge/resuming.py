"""The rest of a program after a stop: `GcodeProgram` + `RunReceipt` -> `GcodeProgram`.

In: a program and the receipt of a run that did not come to its end. Out: a program that burns
every stroke the first run did not touch, and no other. Offered only where no stroke lies
between the receipt's bounds: then the machine stood in a gated or travel move, or the interval
is empty. A reset has lost the modal state, so it is written out again before the first line.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from engraver.errors import ProgramError, UnknownStateError
from engraver.profiles import Machine
from engraver.program import GcodeProgram
from engraver.record import Outcome, RunReceipt
from firmware_bridge.program_map import modal_before

HEAD = ("G21G90G94G17", "G54", "M5S0")


def remainder(program: GcodeProgram, receipt: RunReceipt, machine: Machine) -> GcodeProgram:
    """Return what is left of ``program`` after ``receipt``; strokes keep their numbers.

    Raises
    ------
    UnknownStateError
        If a stroke may have been begun and not ended: it would be burned twice, or not at all.
    ProgramError
        If the receipt belongs to another program, or nothing is left.
    """
    if receipt.program_sha256 != program.sha256:
        raise ProgramError("the receipt belongs to another program; resume that one")
    if receipt.outcome is Outcome.COMPLETE:
        raise ProgramError("the program came to its end: nothing is left to resume")
    if not receipt.resumable:
        raise UnknownStateError(
            f"strokes {receipt.last_surely_done_stroke + 1} to "
            f"{receipt.first_surely_not_begun_stroke - 1} are in doubt: resuming could burn one "
            "twice; look at the pin"
        )
    first = first_line_left(program, receipt)
    modal = modal_before(program, machine, first)
    head = [*HEAD, modal.jump, *(["M4"] if modal.laser else []), modal.words]
    data = "".join(line + "\n" for line in head if line).encode("ascii")
    data += b"".join(line + b"\n" for line in program.lines[first:])
    blind = np.full(sum(1 for line in head if line), -1, np.int32)
    return replace(
        program,
        data=data,
        sha256=hashlib.sha256(data).hexdigest(),
        line_stroke=np.concatenate([blind, program.line_stroke[first:]]),
    )


def first_line_left(program: GcodeProgram, receipt: RunReceipt) -> int:
    """Return the line to go on with: after the last stroke that was burned."""
    done = np.flatnonzero(program.line_stroke == receipt.last_surely_done_stroke)
    after_strokes = int(done[-1]) + 1 if receipt.last_surely_done_stroke >= 0 else 0
    return max(receipt.first_unfinished_line, after_strokes)
