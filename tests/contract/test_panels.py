"""One contract for every panel: files, a GPIO chip, the controller's own pins.

The GPIO panel is held to it on the kernel's own simulator where this machine has gpio-sim, and
on a chip in memory behind the same library's API everywhere (`tests/hardware/fake_gpiod.py`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import hardware
from hardware.panel import (
    CHAIN,
    Chain,
    ChainState,
    GpioPanel,
    Input,
    Output,
    Panel,
    PinsPanel,
    VirtualPanel,
    lamps,
    press,
)
from hardware.panel.profile import PanelProfile
from tests.hardware.fake_gpiod import PATH, FakeChip

WAIT_S = 30.0
SIMULATOR = Path("/sys/kernel/config/gpio-sim")
TIMES = {"debounce_ms": 20.0, "discrepancy_ms": 500.0, "start_patience_s": 600.0}
GPIO = hardware.load("panels", "gpio-two-channel")
PINS = hardware.load("panels", "controller-pins")


@dataclass
class Rig:
    """A panel, a hand at its contacts, an eye on its lamps."""

    panel: Panel
    put: Callable[[Input, bool], None]
    lose: Callable[[], None]
    lit: Callable[[Output], bool] | None = None

    def put_all(self, **levels: bool) -> None:
        """Close the chain and let the button go, but for what is said."""
        for one in self.panel.wired:
            self.put(one, levels.get(one.value, one is not Input.START))


@contextmanager
def virtual(folder: Path) -> Iterator[Rig]:
    """A panel of files, pressed as another process would."""
    with VirtualPanel(folder) as panel:
        yield Rig(
            panel,
            lambda one, on: press(folder, {one: on}) and None,
            lambda: (folder / "panel.json").write_text("[") and None,
            lambda one: lamps(folder)[one],
        )


@contextmanager
def chip(folder: Path) -> Iterator[Rig]:
    """The GPIO panel on a chip in memory; contacts pull their line to ground."""
    made = FakeChip()
    profile = with_chip(PATH)
    with GpioPanel(profile, made) as panel:
        yield Rig(
            panel,
            lambda one, on: made.drive(int(profile.lines()[one][1:]), not on),
            made.vanish,
            lambda one: made.high.get(int(profile.lamps()[one]), False),
        )
    assert made.taken == set()


@contextmanager
def pins(folder: Path) -> Iterator[Rig]:
    """The controller's pins: D while the door is open, S while start is pressed."""
    triggered: set[str] = set()

    def put(one: Input, on: bool) -> None:
        letter = PINS.lines()[one]
        (triggered.add if on == (one is Input.START) else triggered.discard)(letter)
        panel.feed("".join(sorted(triggered)))

    with PinsPanel(PINS) as panel:
        yield Rig(panel, put, panel.close)


@contextmanager
def simulated(folder: Path) -> Iterator[Rig]:
    """The GPIO panel on the kernel's gpio-sim (Documentation/admin-guide/gpio/gpio-sim.rst)."""
    if not SIMULATOR.is_dir() or os.geteuid() != 0:
        pytest.skip("this kernel has no gpio-sim in configfs, or we may not use it")
    bank = SIMULATOR / "pinmark-test" / "bank0"
    bank.mkdir(parents=True)
    try:
        (bank / "num_lines").write_text("32")
        (bank.parent / "live").write_text("1")
        name = (bank / "chip_name").read_text().strip()
        device = (bank.parent / "dev_name").read_text().strip()
        wires = Path("/sys/devices/platform") / device / name
        profile = with_chip(f"/dev/{name}")

        def put(one: Input, on: bool) -> None:
            pull = wires / f"sim_gpio{profile.lines()[one][1:]}" / "pull"
            pull.write_text("pull-down" if on else "pull-up")

        def lit(one: Output) -> bool:
            value = wires / f"sim_gpio{profile.lamps()[one]}" / "value"
            return value.read_text().strip() == "1"

        with GpioPanel(profile) as panel:
            yield Rig(panel, put, lambda: (bank.parent / "live").write_text("0") and None, lit)
    finally:
        (bank.parent / "live").write_text("0")
        bank.rmdir()
        bank.parent.rmdir()


def with_chip(path: str) -> PanelProfile:
    """The shipped GPIO profile on another chip."""
    names = PanelProfile.__dataclass_fields__
    return PanelProfile(**{name: getattr(GPIO, name) for name in names} | {"chip": path})


@pytest.fixture(params=[virtual, chip, pins, simulated], ids=lambda made: made.__name__)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    """Each panel in turn, everything closed and the button let go."""
    with request.param(tmp_path) as made:
        made.put_all()
        yield made


def test_each_contact_is_read_by_itself(rig: Rig) -> None:
    """Opening one changes one."""
    rest = {one: one is not Input.START for one in rig.panel.wired}
    assert dict(rig.panel.read()) == rest
    for one in rig.panel.wired:
        rig.put(one, not rest[one])
        assert dict(rig.panel.read()) == {**rest, one: not rest[one]}
        rig.put_all()


def test_what_cannot_be_read_is_none_and_stays_quiet(rig: Rig) -> None:
    """A dead line is no exception and no closed contact; waiting for it does not spin."""
    rig.lose()
    assert set(rig.panel.read().values()) == {None}
    rig.panel.wait(0.01)
    rig.panel.show(dict.fromkeys(Output, True))


def test_a_change_ends_the_wait(rig: Rig) -> None:
    """Nobody has to poll for an opened door."""
    waiting = threading.Thread(target=rig.panel.wait, args=(WAIT_S * 10,))
    waiting.start()
    on = False
    while waiting.is_alive():  # the wait may not have begun when the first change came
        rig.put(Input.DOOR_A, on)
        on = not on
        waiting.join(0.1)


def test_lamps_are_lit_and_go_out(rig: Rig) -> None:
    """Each lamp by itself; all off when the panel is closed."""
    if rig.lit is None:
        rig.panel.show(dict.fromkeys(Output, True))  # no lamps: nothing happens
        return
    for one in Output:
        rig.panel.show({other: other is one for other in Output})
        assert [other for other in Output if rig.lit(other)] == [one]
    rig.panel.close()
    assert not any(rig.lit(one) for one in Output)
    rig.panel.close = lambda: None  # type: ignore[method-assign]


def test_the_chain_arms_by_each_contact_and_the_button(rig: Rig) -> None:
    """Closed, wanted, pressed: armed. Any contact opened, or lost: not."""
    for broken in (*[one for one in CHAIN if one in rig.panel.wired], None):
        chain = Chain(rig.panel.wired, debounce_s=0.0, discrepancy_s=9.0)
        chain.update(rig.panel.read(), 0.0)
        chain.want(1.0)
        chain.update(rig.panel.read(), 2.0)
        rig.put(Input.START, True)
        chain.update(rig.panel.read(), 3.0)
        assert chain.state is ChainState.ARMED
        if broken is None:
            rig.lose()
        else:
            rig.put(broken, False)
        chain.update(rig.panel.read(), 4.0)
        assert chain.state is ChainState.OPEN
        if broken is not None:
            rig.put_all()
