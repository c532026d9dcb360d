"""The panel from the console: shown, pressed, refused with a remedy."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

from hardware.panel import Output, VirtualPanel
from station_api.interlocks import panel_folder

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_contacts_are_pressed_and_shown(pinmark: Run) -> None:
    """The door is both its channels; a press of start comes back by itself; lamps are seen."""
    pressed = json.loads(pinmark("panel", "press", "key", "on", "--json").stdout)
    assert pressed["inputs"]["key"] == "closed"
    pinmark("panel", "press", "door", "open")
    shown = json.loads(pinmark("panel", "show", "--panel", "virtual", "--json").stdout)
    assert shown["inputs"] == {
        "door_a": "open", "door_b": "open", "key": "closed", "stop": "closed",
        "extraction": "closed", "start": "open",
    }  # fmt: skip
    assert "door_a      open" in pinmark("panel", "show", "--panel", "virtual").stdout
    assert json.loads(pinmark("panel", "press", "start", "--json").stdout)["inputs"]["start"] == (
        "closed"
    )


def test_lamps_of_a_running_service_stay_lit(home: object, pinmark: Run) -> None:
    """To look is not to switch off."""
    from station_api.home import station_home

    with VirtualPanel(panel_folder(station_home())) as panel:
        panel.show({one: one is Output.GREEN for one in Output})
        for _ in range(2):
            shown = json.loads(pinmark("panel", "show", "--panel", "virtual", "--json").stdout)
            assert shown["lit"] == ["green"]


def test_what_cannot_be_pressed_is_refused(pinmark: Run) -> None:
    """An unknown contact, a real panel, a panel that is none."""
    for words, said in (
        (("press", "window"), "known: door, door_a"),
        (("press", "key", "--panel", "gpio-two-channel"), "press its own buttons"),
        (("show", "--panel", "none"), "wired to nothing"),
        (("show", "--panel", "absent"), "does not exist; known: controller-pins"),
    ):
        refused = pinmark("panel", *words)
        assert refused.returncode == 2
        assert said in " ".join(refused.stderr.split())
