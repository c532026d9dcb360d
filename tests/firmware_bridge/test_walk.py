"""The bridge against the virtual engraver over a real pseudo-terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from bench_setup import MACHINE, Tally, make_intent, make_program

from engraver.errors import PortError, ProgramError
from engraver.record import Outcome
from firmware_bridge import preflight, streamer
from firmware_bridge.port import open_port
from firmware_bridge.virtual.firmware import Firmware
from firmware_bridge.virtual.terminal import Terminal


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def terminal(tmp_path: Path, tally: Tally) -> Iterator[Terminal]:
    with Terminal(Firmware(MACHINE, tally, eager=True), tmp_path / "port", None) as served:
        yield served
    assert served.failure is None


def test_a_program_runs_to_its_end(terminal: Terminal, tally: Tally) -> None:
    """Every stroke is burned once, the receipt says complete, the laser is off."""
    program = make_program(200)
    with open_port(str(terminal.path)) as port:
        checked = preflight.check(program, port, MACHINE)
        receipt = streamer.run(checked, port, make_intent(program))
    assert receipt.outcome is Outcome.COMPLETE, receipt.detail
    assert (receipt.last_surely_done_stroke, receipt.first_surely_not_begun_stroke) == (199, 200)
    assert tally.total_mm == pytest.approx(200 * 0.5, abs=1e-6)
    assert terminal.firmware.counters.overflow == 0
    assert terminal.firmware.modal.spindle == 5


def test_a_second_opener_is_refused(terminal: Terminal) -> None:
    """A busy port is one clear line, not two writers."""
    with open_port(str(terminal.path)), pytest.raises(PortError, match="busy"):
        open_port(str(terminal.path))


def test_a_missing_port_is_named(tmp_path: Path) -> None:
    """A port that does not exist says so."""
    with pytest.raises(PortError, match="does not exist"):
        open_port(str(tmp_path / "nothing"))


def test_an_intent_for_another_program_is_refused(terminal: Terminal) -> None:
    """Ink for one program never fires another."""
    program = make_program(3)
    with open_port(str(terminal.path)) as port:
        checked = preflight.check(program, port, MACHINE)
        with pytest.raises(ProgramError, match="intent"):
            streamer.run(checked, port, replace(make_intent(program), program_sha256="f" * 64))


def test_only_preflight_makes_a_checked_program(terminal: Terminal) -> None:
    """A program that nobody vetted cannot be dressed up as one that was."""
    with open_port(str(terminal.path)) as port:
        checked = preflight.check(make_program(3), port, MACHINE)
    with pytest.raises(ProgramError, match="preflight"):
        replace(checked, seal=None)


def test_wrong_settings_are_refused_with_the_difference(terminal: Terminal) -> None:
    """A controller with another $30 or $32 never sees the program."""
    terminal.firmware.memory.settings[30] = 255
    with (
        open_port(str(terminal.path)) as port,
        pytest.raises(PortError, match=r"\$30=255.*wanted 1000"),
    ):
        preflight.check(make_program(3), port, MACHINE)
