"""The states of a job as the wire tells them: a table, and the diagram drawn from it.

In: a signal (the state a status report names, or ``ok``, ``error``, ``alarm``, ``banner``,
``extra ok``). Out: the next phase, or the cause why the job has to stop. The table is data:
`firmware_bridge.streamer` follows it, docs/firmware-bridge.md shows `diagram`, and a test holds
both together. Authority: grbl 1.1 interface document for the states of a controller.
"""

from __future__ import annotations

from enum import StrEnum

from engraver.record import StopCause


class Phase(StrEnum):
    """Where a job stands."""

    FLOWING = "flowing"
    HELD = "held"
    DOOR = "door open"


Next = Phase | StopCause

_ANY_PHASE: dict[str, Next] = {
    "ok": Phase.FLOWING,
    "extra ok": StopCause.ANSWER_EXTRA,
    "error": StopCause.LINE_REFUSED,
    "alarm": StopCause.ALARM,
    "banner": StopCause.CONTROLLER_RESET,
    "Idle": Phase.FLOWING,
    "Run": Phase.FLOWING,
    "Hold": Phase.HELD,
    "Door": Phase.DOOR,
    "Alarm": StopCause.ALARM,
    "Check": StopCause.WRONG_STATE,
    "Home": StopCause.WRONG_STATE,
    "Jog": StopCause.WRONG_STATE,
    "Sleep": StopCause.WRONG_STATE,
    "Tool": StopCause.WRONG_STATE,
}
TABLE: dict[tuple[Phase, str], Next] = {
    (phase, signal): (phase if signal == "ok" else after)
    for phase in Phase
    for signal, after in _ANY_PHASE.items()
}
"""From phase and signal to the next phase or the cause of the stop; an ``ok`` changes nothing."""

UNWANTED_PAUSE = {Phase.HELD: StopCause.HELD, Phase.DOOR: StopCause.DOOR_OPENED}
"""Why a job stops in a pause that nobody is there to end."""


def after(phase: Phase, signal: str) -> Next:
    """Return what ``signal`` leads to; a state no firmware is known to have stops the job."""
    return TABLE.get((phase, signal), StopCause.WRONG_STATE)


def diagram() -> str:
    """Return the table as a Mermaid state diagram."""
    edges: dict[tuple[str, str], list[str]] = {}
    for (phase, signal), following in TABLE.items():
        if following != phase:
            edges.setdefault((_node(phase), _node(following)), []).append(signal)
    lines = ["stateDiagram-v2", "    [*] --> flowing"]
    lines += [f"    {a} --> {b}: {', '.join(signals)}" for (a, b), signals in edges.items()]
    stops = sorted({_node(n) for n in TABLE.values() if isinstance(n, StopCause)})
    lines += [f"    {stop} --> [*]: hold, standstill, reset" for stop in stops]
    return "\n".join(lines)


def _node(state: Next) -> str:
    return str(state).replace(" ", "_")
