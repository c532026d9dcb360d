"""The contacts and lamps of the station, and its interlock chain: /v1/panel.

Reading is for everybody on the floor and the auditor. A fault is reset by a person who may also
decide on marks. Pressing is for the virtual panel alone: a real one has buttons.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from engraver.errors import ConflictError
from hardware.panel import Input, press
from station_api.interlocks import Interlocks, panel_folder
from station_api.panel_recorder import changes_of
from station_api.people import Caller, NotAllowedError, Right
from station_api.service.bodies import Body
from station_api.service.callers import ServiceOf, allow
from station_api.service.service import Service

router = APIRouter(tags=["panel"])
Reader = Annotated[Caller, allow(Right.READ_MARKS)]
Starter = Annotated[Caller, allow(Right.START_MARKS)]
Decider = Annotated[Caller, allow(Right.DECIDE_MARKS)]
NO_PANEL = {
    "panel": "none",
    "wiring": "none",
    "state": "unwatched",
    "cause": "no panel: hardware alone guards the laser",
    "situation": "unwatched",
    "inputs": {},
    "lamps": {},
    "unrecorded": 0,
}
DOORS = {Input.DOOR_A, Input.DOOR_B}


class PanelReply(BaseModel):
    """How the chain stands; inputs are closed, open or cannot be read."""

    panel: str = Field(examples=["virtual"])
    wiring: str = Field(examples=["virtual"])
    state: str = Field(examples=["waiting for start"])
    cause: str = Field(examples=["a vetted program waits for the start button"])
    situation: str = Field(examples=["waiting for start"])
    inputs: dict[str, str] = Field(examples=[{"door_a": "closed", "start": "open"}])
    lamps: dict[str, str] = Field(examples=[{"green": "on", "blue": "flash"}])
    unrecorded: int = Field(examples=[0])


class Press(Body):
    """One contact of the virtual panel; ``door`` is both of its channels."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"input": "start", "closed": True}]}
    )
    input: Literal["door", "door_a", "door_b", "key", "stop", "extraction", "start"]
    closed: bool = Field(strict=True, description="for the start button: pressed")


@router.get("/panel", response_model=PanelReply)
def show_panel(service: ServiceOf, by: Reader) -> Any:
    """Show the interlock chain; its changes are events named `panel`."""
    if service.interlocks is None:
        return NO_PANEL
    return service.interlocks.snapshot()


@router.get("/panel/changes")
def list_changes(
    service: ServiceOf,
    by: Reader,
    before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """List recorded changes of the chain, newest first, before a position of the log."""
    found = changes_of(service.records, before, limit)
    following = found[-1]["position"] if len(found) == limit else None
    return {"changes": found, "next": following}


@router.post("/panel/reset", response_model=PanelReply)
def reset_fault(service: ServiceOf, by: Decider) -> Any:
    """End a latched fault whose cause is gone; it arms nothing."""
    if by.is_machine:
        raise NotAllowedError(f"{by.name} is a machine; a person has to look at the door")
    return _watched(service).reset(by.name)


@router.post("/panel/press", response_model=PanelReply)
def press_virtual(body: Press, service: ServiceOf, by: Starter) -> Any:
    """Press a contact of the virtual panel; a press of start ends by itself."""
    interlocks = _watched(service)
    if interlocks.profile.wiring != "virtual":
        raise ConflictError(
            f"panel {interlocks.panel.name} is real ({interlocks.profile.wiring}); "
            "press its own buttons"
        )
    wanted = DOORS if body.input == "door" else {Input(body.input)}
    press(panel_folder(service.home), dict.fromkeys(wanted, body.closed))
    return interlocks.snapshot()


def _watched(service: Service) -> Interlocks:
    if service.interlocks is None:
        raise ConflictError("this station has no panel; start it with `pinmark serve --panel`")
    return service.interlocks
