"""What the service takes and gives: the JSON of every route, with examples.

In: request bodies. Out: values that the rooms behind understand. Texts are bounded here; what
they may hold is decided where they are normalised (`engraver.orders`, `records.rows`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from station_api.people import Role
from station_api.schemas import WorkOrderIn, refuse_half_characters

Reason = Annotated[str, Field(min_length=1, max_length=512, examples=["half of it is missing"])]
Secret = Annotated[str, Field(min_length=1, max_length=256)]
Name = Annotated[str, Field(min_length=1, max_length=64, examples=["A. Smith"])]


class Body(BaseModel):
    """A body; unknown keys are refused, not ignored."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _only_texts(cls, fields: Any) -> Any:
        return refuse_half_characters(fields)


class SignIn(Body):
    """Name and PIN or password."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "A. Smith", "secret": "493817"}]}
    )
    name: Name
    secret: Secret


class Unlock(Body):
    """The secret of the one whose session is locked."""

    secret: Secret


class NewSecret(Body):
    """The secret so far and the one to be."""

    old: Secret
    new: Secret


class NewPerson(Body):
    """A person to add."""

    name: Name
    role: Role = Field(examples=["operator"])
    secret: Secret


class GivenSecret(Body):
    """A secret that an administrator gives to somebody who forgot theirs."""

    secret: Secret


class NewKey(Body):
    """A machine that gets a key."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "mes", "role": "station", "days": 365}]},
    )
    name: Name
    role: Role
    days: int = Field(default=365, ge=1, le=3650)


class NewOrder(WorkOrderIn):
    """A work order. ``order`` is the plant's own number and what makes it one order."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "order": "WO-2027-0001",
                    "make": "EXAMPLE ARMS",
                    "model": "MODEL 1",
                    "serial": "ZQ0042",
                    "recipe": "default",
                }
            ]
        },
    )


class NewClaim(Body):
    """How many open orders this station wants, or which one."""

    count: int = Field(default=1, ge=1, le=500)
    order_id: str | None = Field(default=None, min_length=1, max_length=64)


class ChooseOrder(Body):
    """The order to take in hand."""

    order_id: str = Field(min_length=1, max_length=64, examples=["WO-2027-0001"])


class ScannedLabel(Body):
    """What a scanner read: a work order's symbol, its number, a serial, a GS1 label."""

    content: str = Field(min_length=1, max_length=1024, examples=["ZQ0042"])


class ConfirmStep(Body):
    """What the operator has seen to."""

    step: Literal["part", "blank", "loaded", "closed"]


class Countersign(Body):
    """The second person's answer, given at the screen of the first."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "B. Jones", "secret": "correct horse", "agree": True}]
        },
    )
    name: Name
    secret: Secret
    agree: bool


class StartMark(Body):
    """A work order that was entered, by its number, or one written out."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"order_id": "WO-2027-0001"}]}
    )
    order_id: str | None = Field(default=None, min_length=1, max_length=64)
    order: NewOrder | None = None


class Conclude(Body):
    """What a person saw and decided."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"state": "scrapped", "reason": "half of it is missing"}]},
    )
    state: Literal["cancelled", "scrapped", "verified", "rejected"]
    reason: Reason


class Because(Body):
    """Why."""

    reason: Reason


class InspectMark(Body):
    """Which scan shows the pin."""

    scan_id: str = Field(pattern=r"^[0-9a-f]{64}$", examples=["0" * 64])


class ReadKept(Body):
    """For which mark a kept scan is read: a mark's id or a serial."""

    mark: str = Field(min_length=1, max_length=64, examples=["ZQ0041"])


class GiveKept(Body):
    """Which mark a kept scan is given to, and why, where what is read does not say so itself."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"mark_id": "M000001", "reason": "the tip is chipped"}]},
    )
    mark_id: str = Field(pattern=r"^[0-9A-Za-z._-]{1,48}$")
    reason: str = Field(default="", max_length=512)


class NewProfile(Body):
    """The TOML text of a version to come."""

    text: str = Field(min_length=1, max_length=64 * 1024)


class NewHook(Body):
    """Where transitions are sent."""

    url: str = Field(min_length=1, max_length=512, examples=["https://mes.example/pinmark"])


class Problem(BaseModel):
    """An error after RFC 9457."""

    type: str = Field(examples=["urn:pinmark:problem:already-marked"])
    title: str = Field(examples=["Conflict"])
    status: int = Field(examples=[409])
    detail: str
    instance: str = Field(examples=["/v1/marks"])
    errors: list[dict[str, str]] = Field(default_factory=list)


class MarkVersion(BaseModel):
    """One mark as one tree size shows it."""

    mark: dict[str, Any]
    history: list[dict[str, Any]]
    lineage: list[str]


class TransitionReply(BaseModel):
    """A transition as the log's entry holds it: the mark's new version and who made it so."""

    mark: dict[str, Any]
    transition: dict[str, Any]
    v: int = Field(examples=[1])


class MarkPage(BaseModel):
    """Marks as they stood when the log had ``tree_size`` entries.

    ``cursor`` is this page again, of the same tree size; ``next`` the one after it.
    """

    marks: list[dict[str, Any]]
    tree_size: int
    cursor: str
    next: str | None
