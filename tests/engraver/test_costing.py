"""What a pin costs: by hand on round figures, and as a law."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engraver.costing import Assumptions, cost
from engraver.errors import InputError
from engraver.program import GcodeProgram
from hardware.load import load_setup

MACHINE = replace(load_setup("default").machine, baud=10_000, cost_usd_per_hour=36.0)
PROGRAM = GcodeProgram(b"x" * 5_000, "", np.zeros(1, np.int32), "grbl", 1000, 60.0)


def test_round_figures_by_hand() -> None:
    """5,000 bytes at 1,000 a second, 60 s of laser, 35 s of hands: 100 s at a cent a second."""
    assumed = Assumptions(35.0, 30.0, 120.0, 0.2, 3.0)
    found = cost(PROGRAM, MACHINE, assumed)
    assert (found.check_s, found.station_s) == (5.0, 100.0)
    assert found.marking_usd == pytest.approx(1.0)
    assert found.scan_usd == pytest.approx(1.0)
    assert found.rejects_usd == pytest.approx(0.25 * (1.0 + 1.0 + 3.0))
    assert found.total_usd == pytest.approx(3.25) and found.promise == "above"


def test_without_rejects_nothing_is_lost() -> None:
    """A process that never fails costs what its time costs."""
    assert cost(PROGRAM, MACHINE, Assumptions(reject_share=0.0)).rejects_usd == 0.0


@given(st.floats(0, 0.5), st.floats(0, 500))
def test_the_price_of_good_pins_pays_for_all(share: float, blank: float) -> None:
    """Of N pins (1 - share) N are sold: income is outlay, blanks of the good ones apart."""
    found = cost(PROGRAM, MACHINE, Assumptions(reject_share=share, blank_usd=blank))
    one = found.marking_usd + found.scan_usd
    assert (1 - share) * found.total_usd == pytest.approx(one + share * blank)


@pytest.mark.parametrize(
    "wrong", [{"reject_share": 0.6}, {"handling_s": -1.0}, {"blank_usd": float("nan")}]
)
def test_assumptions_beyond_reason_are_refused(wrong: dict[str, float]) -> None:
    """The value, its limit, one line."""
    with pytest.raises(InputError, match="must be from 0 to"):
        Assumptions(**wrong)
