"""What the bench's routes take: bounded in size, so that no request asks for hours."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from station_api.service.bodies import Body, Name, Reason

RecipeName = Annotated[str, Field(pattern=r"^[0-9a-z][0-9a-z.-]{0,63}$", examples=["default"])]
Code = Annotated[str, Field(pattern=r"^[0-9A-Za-z]{8,12}$", examples=["WT37AHG3P1Y5"])]
ScanName = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", examples=["0" * 64])]
CsvText = Annotated[str, Field(max_length=512 * 1024)]
Conditions = Literal["good", "poor"]


class NewPlan(Body):
    """A code to plan with a recipe, a coupon, or an order, whose recipe is its own."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"recipe": "default", "code": "WT37AHG3P1Y5"}]},
    )
    recipe: RecipeName = "default"
    code: Code | None = None
    coupon: Literal["power", "offset", "focus", "squareness"] | None = None
    order_id: Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,64}$")] | None = None


class NewCoupon(Body):
    """Which calibration coupon is wanted, for which recipe."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"recipe": "default", "coupon": "power"}]}
    )
    recipe: RecipeName = "default"
    coupon: Literal["power", "offset", "focus", "squareness"]


class NewMaps(Body):
    """How a scan is looked at: against a code, or its heights alone."""

    recipe: RecipeName = "default"
    code: Code | None = None
    acceptance: RecipeName = "default"
    side: int = Field(default=240, ge=16, le=400)


class NewReport(Body):
    """Which code the scanned pin was ordered with."""

    recipe: RecipeName = "default"
    code: Code
    acceptance: RecipeName = "default"


class StudyScan(Body):
    """One scan of a gauge study."""

    part: Name
    operator: Name
    trial: Name
    scan_id: ScanName
    code: Code


class NewStudy(Body):
    """A gauge study: measurements as CSV, or scans to measure."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"table": "part,operator,trial,value\n1,A,1,22.1\n", "tolerance": 8.0}]
        },
    )
    table: CsvText | None = None
    scans: list[StudyScan] = Field(default_factory=list, max_length=300)
    recipe: RecipeName = "default"
    acceptance: RecipeName = "default"
    figure: str = Field(default="relief", max_length=16)
    tolerance: float | None = Field(default=None, gt=0, le=1e6)


class NewFit(Body):
    """A scanned coupon, the recipe it was burned with, the name its profiles would get."""

    scan_id: ScanName
    recipe: RecipeName = "default"
    save_as: RecipeName = "calibrated"
    table: list[Annotated[list[float], Field(min_length=4, max_length=4)]] = Field(
        default_factory=list, max_length=2000
    )
    room_um: float = Field(default=20.0, gt=0, le=1000)


class NewPrediction(Body):
    """What is predicted: a code on cases of simulated firearms."""

    recipe: RecipeName = "default"
    code: Code
    conditions: Conditions = "poor"
    rounds: list[Annotated[int, Field(ge=0, le=1_000_000)]] = Field(
        default=[0, 1500, 5000], min_length=1, max_length=8
    )
    firearms: int = Field(default=40, ge=1, le=200)
    seed: int = Field(default=1, ge=0, le=2**31)


class NewRelease(Body):
    """A recipe to be released, and its evidence; with ``check`` nothing is written."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "recipe": "default",
                    "gauge_table": "part,operator,trial,value\n1,A,1,22.1\n",
                    "coupon_scan_id": "0" * 64,
                    "conditions": "good",
                }
            ]
        },
    )
    recipe: RecipeName
    gauge_table: CsvText | None = None
    marks: bool = Field(default=True, description="Judge the trial marks in the records.")
    coupon_scan_id: ScanName | None = None
    coupon_recipe: RecipeName | None = None
    conditions: Conditions | None = None
    acceptance: RecipeName = "default"
    check: bool = False


class Withdrawal(Body):
    """Why a release is taken back."""

    reason: Reason
