"""Promises of the interlock chain: what arms, what never does, and what a fault takes to end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hardware
from engraver.errors import ConflictError, PortError, ProfileError
from hardware.panel import (
    CHAIN,
    LIVE,
    TOWER,
    Chain,
    ChainState,
    GpioPanel,
    Input,
    Output,
    lit,
    situation,
)
from hardware.panel.chain import TABLE
from tests.hardware.fake_gpiod import PATH, FakeChip

ALL = frozenset(Input)
REST: Mapping[Input, bool | None] = {one: one is not Input.START for one in Input}


@dataclass
class Hand:
    """A chain, its contacts, and a clock that a test moves."""

    chain: Chain = field(default_factory=lambda: Chain(ALL, 0.02, 0.5))
    levels: dict[Input, bool | None] = field(default_factory=lambda: dict(REST))
    now_s: float = 0.0

    def put(self, after_s: float = 0.1, **levels: bool | None) -> ChainState:
        """Set contacts, let time pass in steps of 5 ms, return where the chain stands."""
        self.levels |= {Input(name): level for name, level in levels.items()}
        for _ in range(max(1, round(after_s / 0.005))):
            self.now_s += 0.005
            self.chain.update(self.levels, self.now_s)
        return self.chain.state

    def arm(self) -> None:
        """Close, want, press."""
        assert self.put() is ChainState.CLOSED
        self.chain.want(self.now_s)
        assert self.put() is ChainState.WAITING
        assert self.put(start=True) is ChainState.ARMED
        self.put(start=False)


def test_a_program_a_closed_chain_and_a_press_arm() -> None:
    """The whole way, each step with its cause."""
    hand = Hand()
    hand.arm()
    [change] = hand.chain.fire(hand.now_s)
    assert (change.before, change.after) == (ChainState.ARMED, ChainState.FIRING)
    assert hand.chain.withdraw(hand.now_s)[0].after is ChainState.CLOSED
    assert hand.put(start=True) is ChainState.CLOSED


@pytest.mark.parametrize("contact", CHAIN)
@pytest.mark.parametrize("level", [False, None], ids=["open", "dead"])
@pytest.mark.parametrize("stage", ["waiting", "armed", "firing"])
def test_any_contact_at_any_stage_disarms(contact: Input, level: bool | None, stage: str) -> None:
    """Opened or unreadable: the chain is open at the next look, and says which and how."""
    hand = Hand()
    if stage == "waiting":
        hand.put()
        hand.chain.want(hand.now_s)
        hand.put()
    else:
        hand.arm()
    if stage == "firing":
        hand.chain.fire(hand.now_s)
    assert hand.put(0.005, **{contact.value: level}) is ChainState.OPEN
    assert hardware.panel.WORDS[contact] in hand.chain.cause
    assert ("cannot be read" in hand.chain.cause) == (level is None)
    with pytest.raises(ConflictError, match="press start again"):
        hand.chain.fire(hand.now_s)


def test_closing_again_does_not_arm_again() -> None:
    """After an opening a new press is needed, with the button let go in between."""
    hand = Hand()
    hand.arm()
    hand.put(key=False)
    assert hand.put(key=True) is ChainState.WAITING
    assert hand.put(start=True) is ChainState.ARMED


def test_a_held_button_arms_nothing() -> None:
    """Stuck, tied down, or pressed too early: an edge after the asking is what counts."""
    hand = Hand()
    hand.put(start=True)
    hand.chain.want(hand.now_s)
    assert hand.put(5.0) is ChainState.WAITING
    hand.put(door_a=False, door_b=False)
    assert hand.put(5.0, door_a=True, door_b=True) is ChainState.WAITING
    hand.put(start=False)
    assert hand.put(start=True) is ChainState.ARMED


def test_a_new_chain_knows_of_no_arming() -> None:
    """A restart with everything closed and the button down is a closed chain, not an armed one."""
    hand = Hand()
    hand.arm()
    again = Hand(now_s=hand.now_s)
    assert again.put(5.0, start=True) is ChainState.CLOSED


def test_a_bouncing_contact_is_open() -> None:
    """Closings count once still for the debounce time; each opening in between counts."""
    hand = Hand()
    hand.put(stop=False)
    for _ in range(20):
        assert hand.put(0.015, stop=True) is ChainState.OPEN
        assert hand.put(0.005, stop=False) is ChainState.OPEN
    assert hand.put(0.03, stop=True) is ChainState.CLOSED


def test_a_bouncing_button_is_one_press() -> None:
    """A flicker is no press."""
    hand = Hand()
    hand.put()
    hand.chain.want(hand.now_s)
    hand.put()
    for _ in range(10):
        assert hand.put(0.01, start=True) is ChainState.WAITING
        hand.put(0.005, start=False)
    assert hand.put(start=True) is ChainState.ARMED


@pytest.mark.parametrize("channel", ["door_a", "door_b"])
@pytest.mark.parametrize("level", [False, None], ids=["open", "dead"])
def test_two_channels_that_differ_are_a_latched_fault(channel: str, level: bool | None) -> None:
    """Half a second, then a fault; it ends when both were seen open and a person says so."""
    hand = Hand()
    hand.arm()
    hand.chain.fire(hand.now_s)
    assert hand.put(0.4, **{channel: level}) is ChainState.OPEN
    assert hand.put(0.2) is ChainState.FAULT
    assert "differ for 500 ms" in hand.chain.cause
    with pytest.raises(ConflictError, match="open the door fully once"):
        hand.chain.reset(hand.now_s, "supervisor one")
    assert hand.put(**{channel: True}) is ChainState.FAULT
    with pytest.raises(ConflictError, match="seen open"):
        hand.chain.reset(hand.now_s, "supervisor one")
    hand.put(door_a=False, door_b=False)
    assert hand.put(door_a=True, door_b=True) is ChainState.FAULT
    [change] = hand.chain.reset(hand.now_s, "supervisor one")
    assert (change.after, change.cause) == (ChainState.OPEN, "reset by supervisor one")
    assert hand.put() is ChainState.CLOSED
    with pytest.raises(ConflictError, match="no fault"):
        hand.chain.reset(hand.now_s, "supervisor one")


def test_a_door_may_take_its_time() -> None:
    """One channel trails the other by less than the discrepancy time: no fault."""
    hand = Hand()
    hand.put()
    for _ in range(5):
        hand.put(0.4, door_a=False)
        hand.put(0.4, door_b=False)
        hand.put(0.4, door_a=True)
        assert hand.put(0.4, door_b=True) is ChainState.CLOSED


LEVEL = st.sampled_from([True, True, True, False, None])
STEP = st.tuples(
    st.fixed_dictionaries(dict.fromkeys(Input, LEVEL)),
    st.sampled_from(["", "want", "withdraw", "fire", "reset"]),
    st.floats(0.0, 1.0),
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEP, max_size=30))
def test_no_history_leaves_it_live_with_a_contact_open(
    steps: list[tuple[dict[Input, bool | None], str, float]],
) -> None:
    """Whatever happens: after a look, armed or firing means that every contact is closed."""
    chain, now_s = Chain(ALL, 0.02, 0.5), 0.0
    was_live = False
    for levels, act, wait_s in steps:
        now_s += wait_s
        changes = chain.update(levels, now_s)
        closed = all(levels[one] for one in CHAIN)
        assert chain.state not in LIVE or closed
        if chain.state in LIVE and not was_live:
            assert levels[Input.START]
            assert changes[-1].before is ChainState.WAITING
        was_live = chain.state in LIVE
        try:
            if act in ("want", "withdraw", "fire"):
                getattr(chain, act)(now_s)
            elif act == "reset":
                chain.reset(now_s, "x")
        except ConflictError:
            continue
        was_live = chain.state in LIVE


def test_only_a_press_leads_into_the_armed_state() -> None:
    """The table has one way in, and fire starts nowhere else."""
    assert [key for key, after in TABLE.items() if after is ChainState.ARMED] == [
        (ChainState.WAITING, "start")
    ]
    assert [key for key, after in TABLE.items() if after is ChainState.FIRING] == [
        (ChainState.ARMED, "fire")
    ]


def test_the_tower_has_a_row_for_everything() -> None:
    """Each state is lit differently enough, a fault outweighs all, and flashing flashes."""
    rows = {situation(state) for state in ChainState}
    assert rows <= set(TOWER)
    assert situation(ChainState.FAULT, doubt=True) == "fault"
    assert situation(ChainState.CLOSED, doubt=True) == "doubt"
    assert situation(ChainState.FIRING, held=True, doubt=True) == "held"
    assert {lit("fault", t)[Output.RED] for t in (0.0, 0.9)} == {True, False}
    assert not any(lit("open", 0.0)[one] for one in (Output.GREEN, Output.RED, Output.BUZZER))


def test_a_profile_that_would_not_guard_is_refused() -> None:
    """A missing contact, a line given twice, a bias that is none."""
    good = hardware.load("panels", "gpio-two-channel")
    good.check()
    with pytest.raises(ProfileError, match="door_b, key not wired"):
        replace(good, door_b="", key="").check()
    with pytest.raises(ProfileError, match="line 5 is given twice"):
        replace(good, door_b="5").check()
    with pytest.raises(ProfileError, match="known: pull-up"):
        replace(good, bias="up").check()


def test_gpio_complaints_name_the_remedy() -> None:
    """No chip, a line of another program, a line that is not there."""
    good = replace(hardware.load("panels", "gpio-two-channel"), chip=PATH)
    chip = FakeChip()
    with pytest.raises(PortError, match="no GPIO chip /dev/none"):
        GpioPanel(replace(good, chip="/dev/none"), chip)
    with pytest.raises(PortError, match="no such line"):
        GpioPanel(replace(good, start="99"), chip)
    with pytest.raises(PortError, match="no line of one of the names"):
        GpioPanel(replace(good, start="START"), chip)
    assert chip.taken == set()
    with GpioPanel(good, chip), pytest.raises(PortError, match="taken by another program"):
        GpioPanel(good, chip)
    chip.names["START"] = 16
    with GpioPanel(replace(good, start="!START"), chip) as panel:
        chip.drive(16, False)
        assert panel.read()[Input.START] is True
