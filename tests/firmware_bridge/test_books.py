"""Promises of the books: a missing answer is found, a slow wire is not called a lossy one."""

from __future__ import annotations

import pytest
from bench_setup import MACHINE, make_program

from engraver.record import StopCause
from firmware_bridge.books import LOST_REPORTS, Books, Stopped
from firmware_bridge.program_map import read_program
from firmware_bridge.protocol import Status
from firmware_bridge.sender import Sender

EMPTY = Status("Run", free_blocks=15, free_bytes=128)
"""A report of a controller whose receiver is empty and whose queue has room."""


@pytest.fixture
def flowing() -> tuple[Sender, Books]:
    """Give a sender in the middle of a hatch, and its books."""
    program = make_program(40)
    sender = Sender(program.lines, 128)
    books = Books(sender, read_program(program, MACHINE), 15, 128)
    sender.limit = books.checkpoint
    return sender, books


def test_reports_asked_for_before_the_lines_were_sent_accuse_nobody(
    flowing: tuple[Sender, Books],
) -> None:
    """A wire that stood still brings old reports at once: they say nothing of the new lines."""
    sender, books = flowing
    for _ in range(4 * LOST_REPORTS):
        books.asked()
    assert sender.next_bytes()
    for _ in range(4 * LOST_REPORTS):
        books.balance(EMPTY)
    assert sender.outstanding > 0


def test_reports_asked_for_after_them_do(flowing: tuple[Sender, Books]) -> None:
    """A few reports, each asked for after the last line, and still no answer: one was lost."""
    sender, books = flowing
    assert sender.next_bytes()
    with pytest.raises(Stopped) as found:
        for _ in range(2 * LOST_REPORTS):
            books.asked()
            books.balance(EMPTY)
    assert found.value.cause is StopCause.ANSWER_LOST
