"""The interlock chain as software sees it: levels and times in, states and their causes out.

In: `Levels` and the steady clock (s). Out: `Change`, one for each step of the state. Pure: no
line is read here, and nothing is switched. What removes the laser's enable signal is hardware
(SAFETY.md); this decides whether software lets a program begin, and says what was opened.

Theory of operation
-------------------
An opening counts at once, a closing only once the contact has been still for the debounce time:
a bouncing contact is open. A line that cannot be read is open. The two channels of the door may
differ for the discrepancy time while the door moves; longer is a fault, which stays until both
channels were seen open (a welded contact never is) and a person has reset it. The laser is armed
by an edge of the start button that began after a vetted program asked for it, with the chain
closed: a button that is held or stuck, and a program that begins to run again, arm nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from engraver.errors import ConflictError
from hardware.panel.levels import CHAIN, WORDS, Input, Levels


class ChainState(StrEnum):
    """Where the chain stands."""

    OPEN = "open"
    CLOSED = "closed"
    WAITING = "waiting for start"
    ARMED = "armed"
    FIRING = "firing"
    FAULT = "fault"


LIVE = frozenset({ChainState.ARMED, ChainState.FIRING})

TABLE: dict[tuple[ChainState, str], ChainState] = {
    (ChainState.OPEN, "closed"): ChainState.CLOSED,
    (ChainState.CLOSED, "opened"): ChainState.OPEN,
    (ChainState.WAITING, "opened"): ChainState.OPEN,
    (ChainState.ARMED, "opened"): ChainState.OPEN,
    (ChainState.FIRING, "opened"): ChainState.OPEN,
    (ChainState.CLOSED, "wanted"): ChainState.WAITING,
    (ChainState.WAITING, "start"): ChainState.ARMED,
    (ChainState.WAITING, "withdrawn"): ChainState.CLOSED,
    (ChainState.ARMED, "withdrawn"): ChainState.CLOSED,
    (ChainState.ARMED, "fire"): ChainState.FIRING,
    (ChainState.FIRING, "withdrawn"): ChainState.CLOSED,
    (ChainState.FAULT, "reset"): ChainState.OPEN,
    **{(state, "disagree"): ChainState.FAULT for state in ChainState},
}
"""From state and signal to the next state; a signal that is not in it changes nothing."""


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the chain: when (steady clock, s), from what to what, and why."""

    at_s: float
    before: ChainState
    after: ChainState
    cause: str


@dataclass(slots=True)
class Chain:
    """The state of one chain; owned by one thread."""

    wired: frozenset[Input]
    debounce_s: float
    discrepancy_s: float
    state: ChainState = ChainState.OPEN
    cause: str = "not looked at yet"
    levels: Levels = field(default_factory=dict)
    _closed_since_s: dict[Input, float] = field(default_factory=dict)
    _differing_since_s: float | None = None
    _both_seen_open: bool = False
    _wanted: bool = False
    _waiting_since_s: float = 0.0
    _pressed: bool = False

    def update(self, levels: Levels, now_s: float) -> list[Change]:
        """Take what the panel shows now."""
        self.levels = levels
        for one in self.wired:
            if levels.get(one):
                self._closed_since_s.setdefault(one, now_s)
            else:
                self._closed_since_s.pop(one, None)
        pressed = self._still(Input.START, now_s)
        edge, self._pressed = pressed and not self._pressed, pressed
        changes = self._doors(now_s)
        changes += self._step("opened" if self.open_inputs(now_s) else "closed", now_s)
        if self._wanted:
            changes += self._step("wanted", now_s)
            if edge and self._closed_since_s[Input.START] > self._waiting_since_s:
                changes += self._step("start", now_s)
        return changes

    def open_inputs(self, now_s: float) -> list[Input]:
        """Return the inputs of the chain that are not closed and still."""
        return [one for one in CHAIN if one in self.wired and not self._still(one, now_s)]

    def want(self, now_s: float) -> list[Change]:
        """Ask for the start button: a vetted program waits."""
        self._wanted = True
        return self._step("wanted", now_s)

    def withdraw(self, now_s: float) -> list[Change]:
        """Take the wish back, or say that the laser is done."""
        self._wanted = False
        return self._step("withdrawn", now_s)

    def fire(self, now_s: float) -> list[Change]:
        """Say that the program begins, which only an armed chain allows.

        Raises
        ------
        ConflictError
            If the chain is not armed any more.
        """
        if self.state is not ChainState.ARMED:
            raise ConflictError(f"the chain is {self.state} ({self.cause}); press start again")
        self._wanted = False
        return self._step("fire", now_s)

    def reset(self, now_s: float, by: str) -> list[Change]:
        """Let a person end a fault whose cause is gone.

        Raises
        ------
        ConflictError
            If there is no fault, the channels still differ, or were not both seen open.
        """
        if self.state is not ChainState.FAULT:
            raise ConflictError(f"the chain is {self.state}: there is no fault to reset")
        if self._differing() or not self._both_seen_open:
            raise ConflictError(
                f"{self.cause}: open the door fully once, so that both channels are seen open; "
                "if that does not help, the switch or its wire is broken"
            )
        return self._step("reset", now_s, f"reset by {by}")

    # -- one step -------------------------------------------------------------------------------

    def _step(self, signal: str, now_s: float, cause: str = "") -> list[Change]:
        following = TABLE.get((self.state, signal), self.state)
        words = cause or self._words(signal, now_s)
        if following is self.state:
            if signal == "opened" and self.state is ChainState.OPEN:
                self.cause = words
            return []
        self.cause = words
        if following is ChainState.WAITING:
            self._waiting_since_s = now_s
        change = Change(now_s, self.state, following, words)
        self.state = following
        return [change]

    def _words(self, signal: str, now_s: float) -> str:
        if signal != "opened":
            return _SIGNALS.get(signal, signal)
        return ", ".join(f"{WORDS[one]} {self._how(one)}" for one in self.open_inputs(now_s))

    def _how(self, one: Input) -> str:
        level = self.levels.get(one)
        if level is None:
            return "cannot be read"
        return "not still yet" if level else _OPEN_WORDS.get(one, "open")

    def _still(self, one: Input, now_s: float) -> bool:
        """Whether a contact has been closed for the debounce time."""
        since_s = self._closed_since_s.get(one)
        return since_s is not None and now_s - since_s >= self.debounce_s

    # -- the two channels of the door --------------------------------------------------------------

    def _differing(self) -> bool:
        a, b = self.levels.get(Input.DOOR_A), self.levels.get(Input.DOOR_B)
        return {Input.DOOR_A, Input.DOOR_B} <= self.wired and bool(a) != bool(b)

    def _doors(self, now_s: float) -> list[Change]:
        if self.levels.get(Input.DOOR_A) is False and self.levels.get(Input.DOOR_B) is False:
            self._both_seen_open = True
        if not self._differing():
            self._differing_since_s = None
            return []
        if self._differing_since_s is None:
            self._differing_since_s = now_s
        if now_s - self._differing_since_s < self.discrepancy_s or self.state is ChainState.FAULT:
            return []
        self._both_seen_open = False
        apart = next(o for o in (Input.DOOR_A, Input.DOOR_B) if not self.levels.get(o))
        cause = (
            f"the two channels of the door differ for {self.discrepancy_s * 1e3:.0f} ms: "
            f"{WORDS[apart]} {self._how(apart)}"
        )
        return self._step("disagree", now_s, cause)


_SIGNALS = {
    "closed": "all contacts closed",
    "wanted": "a vetted program waits for the start button",
    "start": "start button pressed",
    "fire": "the program begins",
    "withdrawn": "no program waits any more",
}
_OPEN_WORDS = {
    Input.KEY: "off",
    Input.STOP: "pressed",
    Input.EXTRACTION: "not running",
}
