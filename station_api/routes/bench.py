"""The engineer's bench: plans, scans as maps, gauge studies, charts, coupons, predictions.

Whatever takes longer than a moment is done by `service.bench`, in a process of its own; the
thread that waits for it is not the one that serves.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

import hardware
from engraver.acceptance import Acceptance
from engraver.errors import InputError, MissingError
from engraver.profiles import Setup
from station_api.codes_typed import mark_code
from station_api.people import Caller, Right
from station_api.quality import charts, gauge
from station_api.quality.difference import difference
from station_api.quality.evidence import study_table
from station_api.quality.figures import limits_of, unit_of
from station_api.quality.prediction import Asked
from station_api.routes.shelf import Kind, ProfileName, ScanId, Version
from station_api.service.bench_bodies import (
    NewCoupon,
    NewFit,
    NewMaps,
    NewPlan,
    NewPrediction,
    NewReport,
    NewStudy,
)
from station_api.service.callers import ServiceOf, allow
from station_api.service.runner import order_of
from station_api.service.service import Service
from station_api.walk import encode_order

router = APIRouter(tags=["bench"])
Engineer = Annotated[Caller, allow(Right.USE_BENCH)]
ChartReader = Annotated[Caller, allow(Right.READ_RECORDS)]
ProfileReader = Annotated[Caller, allow(Right.READ_PROFILES)]
RecipeQuery = Annotated[str, Query(pattern=r"^[0-9a-z][0-9a-z.-]{0,63}$")]
SinceQuery = Annotated[str, Query(max_length=40, description="A day or a time in UTC.")]
JSON = "application/json"


@router.post("/plans")
def plan(body: NewPlan, service: ServiceOf, by: Engineer) -> Response:
    """Plan a mark or a coupon: strokes as little-endian integers, passes, time by bottleneck."""
    if [body.code, body.coupon, body.order_id].count(None) != 2:
        raise InputError("give a code, a coupon or an order, one of the three")
    if body.order_id is not None:
        order = order_of(service.records, body.order_id)
        ordered, setup = encode_order(order, service.registry, service.shelf.folder)
        code = ordered.text
    else:
        setup = setup_of(service, body.recipe)
        code = "" if body.code is None else mark_code(body.code).text
    return Response(service.bench.run("plan", setup, code, body.coupon or ""), media_type=JSON)


@router.post(
    "/coupons",
    responses={200: {"content": {"text/plain": {}}}},
    response_class=Response,
)
def coupon_program(body: NewCoupon, service: ServiceOf, by: Engineer) -> Response:
    """Return the program of a coupon; of a mark there is none, a second pin would carry it."""
    setup = setup_of(service, body.recipe)
    data = service.bench.run("coupon_program", setup, body.coupon)
    return Response(data, media_type="text/plain; charset=utf-8")


@router.post("/scans/{scan_id}/maps")
def scan_maps(scan_id: ScanId, body: NewMaps, service: ServiceOf, by: Engineer) -> Response:
    """Show a scan: heights and deviation as grids, and the inspection against a code."""
    path = service.scans.path(service.scans.get(scan_id).scan_id)
    setup, limits = setup_of(service, body.recipe), limits_named(service, body.acceptance)
    code = "" if body.code is None else mark_code(body.code).text
    return Response(
        service.bench.run("maps", path, setup, code, limits, body.side), media_type=JSON
    )


@router.post(
    "/scans/{scan_id}/report",
    responses={200: {"content": {"application/pdf": {}}}},
    response_class=Response,
)
def scan_report(scan_id: ScanId, body: NewReport, service: ServiceOf, by: Engineer) -> Response:
    """Return the two-page report of a scan as PDF; the same request gives the same bytes."""
    path = service.scans.path(service.scans.get(scan_id).scan_id)
    setup, limits = setup_of(service, body.recipe), limits_named(service, body.acceptance)
    code = mark_code(body.code).text
    data = service.bench.run("report", path, f"{scan_id[:12]}.x3p", setup, code, limits)
    return Response(data, media_type="application/pdf")


@router.post("/gauge-studies")
def study_gauge(body: NewStudy, service: ServiceOf, by: Engineer) -> Any:
    """Study a gauge from a table, or from scans that are measured here. Nothing is recorded."""
    if (body.table is None) == (not body.scans):
        raise InputError("give a table or scans, one of the two")
    if body.table is not None:
        studied = study_table(body.table.encode(), "table", body.tolerance)
        return gauge.study_fields(studied)
    rows = [one.model_dump() | {"scan": one.scan_id} for one in body.scans]
    paths = {
        one.scan_id: service.scans.path(service.scans.get(one.scan_id).scan_id)
        for one in body.scans
    }
    setup, limits = setup_of(service, body.recipe), limits_named(service, body.acceptance)
    unit_of(body.figure)
    reply = service.bench.run(
        "study_scans", rows, paths, setup, body.figure, limits, body.tolerance
    )
    return Response(reply, media_type=JSON)


@router.get("/charts")
def chart(
    service: ServiceOf,
    by: ChartReader,
    recipe: RecipeQuery = "default",
    figure: Annotated[str, Query(max_length=16)] = "relief",
    symbol: Annotated[int | None, Query(ge=0, le=15)] = None,
    subgroup: Annotated[int, Query(ge=1, le=10)] = 1,
    baseline: Annotated[int | None, Query(ge=2, le=10_000)] = None,
    since: SinceQuery = "",
    last: Annotated[int, Query(ge=1, le=2000)] = 200,
    acceptance: RecipeQuery = "default",
) -> dict[str, Any]:
    """Chart a figure of the marks that were made with a recipe as it stands."""
    setup, limits = setup_of(service, recipe), limits_named(service, acceptance)
    wanted = charts.Wanted(figure, symbol, subgroup, baseline)
    between = limits_of(figure, charts.layout_of(setup), setup.recipe.relief_um, limits)
    found = charts.marks_of(service.records, setup, charts.since(since), last)
    return charts.chart_fields(charts.chart_marks(found, wanted, between)) | {"recipe": recipe}


@router.get("/capability")
def capability(
    service: ServiceOf,
    by: ChartReader,
    recipe: RecipeQuery = "default",
    since: SinceQuery = "",
    last: Annotated[int, Query(ge=1, le=2000)] = 200,
    acceptance: RecipeQuery = "default",
) -> dict[str, Any]:
    """Return Cp and Cpk, with their intervals, of every figure that has a limit."""
    setup, limits = setup_of(service, recipe), limits_named(service, acceptance)
    found = charts.marks_of(service.records, setup, charts.since(since), last)
    where = charts.layout_of(setup)
    rows = charts.capability_table(found, where, setup.recipe.relief_um, limits)
    return {"recipe": recipe, "marks": len(found), "figures": rows}


@router.post("/coupon-fits")
def fit_coupon(body: NewFit, service: ServiceOf, by: Engineer) -> Response:
    """Fit a scanned coupon; the texts of a material and a recipe come with it, unsaved."""
    path = service.scans.path(service.scans.get(body.scan_id).scan_id)
    setup = setup_of(service, body.recipe)
    base = hardware.text("recipes", body.recipe, service.shelf.folder)
    table = [tuple(row) for row in body.table]
    name = f"{body.scan_id[:12]}.x3p"
    reply = service.bench.run(
        "fit_coupon", path, name, setup, base, table, body.room_um, body.save_as
    )
    return Response(reply, media_type=JSON)


@router.post("/predictions")
def predict(body: NewPrediction, service: ServiceOf, by: Engineer) -> Response:
    """Predict what cases will show of a code. A simulation, and the reply says so."""
    asked = Asked(body.conditions, tuple(sorted(set(body.rounds))), body.firearms, body.seed)
    reply = service.bench.run(
        "predict", mark_code(body.code), setup_of(service, body.recipe), asked
    )
    return Response(reply, media_type=JSON)


@router.get("/profiles/{kind}/{name}/{version}/difference")
def show_difference(
    kind: Kind,
    name: ProfileName,
    version: Version,
    service: ServiceOf,
    by: ProfileReader,
    other: Annotated[str | None, Query(pattern=r"^[0-9a-z][0-9a-z.-]{0,63}$")] = None,
    other_version: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> dict[str, Any]:
    """Show what differs between another profile or version, as the old one, and this one."""
    new = service.shelf.get(kind, name, version)
    old = service.shelf.get(kind, other or name, other_version)
    return {
        "old": {"name": old.name, "version": old.version, "sha256": old.sha256},
        "new": {"name": new.name, "version": new.version, "sha256": new.sha256},
        "figures": difference(old.text, new.text),
    }


def setup_of(service: Service, recipe: str) -> Setup:
    """Return a recipe as it is in use at this station.

    Raises
    ------
    MissingError
        If there is none of this name.
    """
    if recipe not in hardware.names("recipes", service.shelf.folder):
        raise MissingError(f"recipe {recipe!r} is not here; see /v1/profiles")
    return hardware.load_setup(recipe, service.shelf.folder)


def limits_named(service: Service, acceptance: str) -> Acceptance:
    """Return an acceptance profile.

    Raises
    ------
    MissingError
        If there is none of this name.
    """
    if acceptance not in hardware.names("acceptance", service.shelf.folder):
        raise MissingError(f"acceptance profile {acceptance!r} is not here; see /v1/profiles")
    found: Acceptance = hardware.load("acceptance", acceptance, service.shelf.folder)
    return found
