"""How a station's panel is wired: `PanelProfile`, read from ``panels/NAME.toml``.

In: a profile's texts. Out: which line carries which contact. A line is named by its offset on
the chip or its name (``gpio``), or by its letter in the controller's ``Pn:`` field
(``controller``); ``!`` before it says that the contact is safe when the line is low; an empty
text says that nothing is wired.
"""

from __future__ import annotations

from dataclasses import dataclass

from engraver.errors import ProfileError
from hardware.panel.levels import Input, Output

BIASES = ("pull-up", "pull-down", "disabled")
REQUIRED = {
    "gpio": (Input.DOOR_A, Input.DOOR_B, Input.KEY, Input.STOP, Input.START),
    "controller": (Input.DOOR_A, Input.START),
}
"""What SAFETY.md wants seen; the controller's few pins see the chain as one contact."""


@dataclass(frozen=True, slots=True)
class PanelProfile:
    """The wiring of a panel, and its times.

    ``debounce_ms`` is how long a contact has to be closed before it counts (an opening counts
    at once), ``discrepancy_ms`` how long the two channels of the door may differ,
    ``start_patience_s`` how long a vetted program waits for the start button.
    """

    name: str
    wiring: str
    debounce_ms: float
    discrepancy_ms: float
    start_patience_s: float
    chip: str = ""
    bias: str = "pull-up"
    door_a: str = ""
    door_b: str = ""
    key: str = ""
    stop: str = ""
    extraction: str = ""
    start: str = ""
    red: str = ""
    yellow: str = ""
    green: str = ""
    blue: str = ""
    buzzer: str = ""

    def lines(self) -> dict[Input, str]:
        """Return the line of each wired input."""
        return {one: line for one in Input if (line := getattr(self, one.value))}

    def lamps(self) -> dict[Output, str]:
        """Return the line of each wired lamp."""
        return {one: line for one in Output if (line := getattr(self, one.value))}

    def check(self) -> None:
        """Refuse a panel that SAFETY.md would not arm a laser by.

        Raises
        ------
        ProfileError
            If a contact is missing, two share a line, or the bias is no bias.
        """
        missing = [one.value for one in REQUIRED.get(self.wiring, ()) if not getattr(self, one)]
        if missing:
            raise ProfileError(
                f"panels/{self.name}.toml: {', '.join(missing)} not wired; a {self.wiring} panel "
                "needs them to arm the laser"
            )
        lines = [line.lstrip("!") for line in (*self.lines().values(), *self.lamps().values())]
        twice = sorted({line for line in lines if lines.count(line) > 1})
        if twice:
            raise ProfileError(
                f"panels/{self.name}.toml: line {', '.join(twice)} is given twice; "
                "each contact and lamp needs a line of its own"
            )
        if self.bias not in BIASES:
            raise ProfileError(
                f"panels/{self.name}.toml: bias = {self.bias!r}; known: {', '.join(BIASES)}"
            )
