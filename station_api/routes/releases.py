"""Releases of recipes for firearms: /v1/releases."""

from __future__ import annotations

import json
import pickle
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

import hardware
from engraver import gcode
from engraver.errors import ConflictError, PinmarkError
from engraver.release import KINDS, LIMITS, Release, judge
from station_api.people import Caller, NotAllowedError, Right
from station_api.quality import charts, evidence
from station_api.quality.evidence import Kept, keep_evidence
from station_api.quality.releases import RELEASED, ReleaseRow
from station_api.routes.bench import limits_named, setup_of
from station_api.routes.shelf import ProfileName
from station_api.service.bench_bodies import NewRelease, Withdrawal
from station_api.service.callers import KeyHeader, ServiceOf, allow
from station_api.service.service import Service

router = APIRouter(tags=["releases"])
Reader = Annotated[Caller, allow(Right.READ_PROFILES)]
Releaser = Annotated[Caller, allow(Right.RELEASE_PROFILES)]


@router.get("/releases")
def list_releases(service: ServiceOf, by: Reader) -> dict[str, Any]:
    """List recipes, each with whether it may be used on firearms, and every release there was."""
    rows = service.releases.all()
    names = hardware.names("recipes", service.shelf.folder)
    return {
        "recipes": [_standing(service, name, rows) for name in names],
        "releases": [release_fields(row) for row in rows],
        "evidence": list(KINDS),
        "limits": LIMITS,
    }


@router.post("/releases", status_code=201, responses={200: {"description": "judged only"}})
def release_recipe(
    body: NewRelease, service: ServiceOf, by: Releaser, key: KeyHeader = None
) -> Response:
    """Release a recipe as it stands, on evidence; 409 with every reason if it is refused."""
    if by.is_machine:
        raise NotAllowedError(f"{by.name} is a machine; a release takes a person")

    def work() -> Response:
        setup = setup_of(service, body.recipe)
        kept = gather(service, body)
        judged = judge(body.recipe, gcode.setup_sha256(setup), [one for one, _ in kept])
        if body.check:
            return JSONResponse(judgement_fields(judged), 200)
        if not judged.released:
            said = "; ".join(judged.reasons)
            raise ConflictError(f"recipe {judged.recipe} is not released: {said}")
        keep_evidence(service.home, kept)
        row = service.releases.release(judged, by.name)
        service.live.tell()
        return JSONResponse({"release": release_fields(row)}, 201)

    return service.replies.once(by, key, b"release " + body.model_dump_json().encode(), work)


@router.post("/releases/{name}/withdraw")
def withdraw_release(
    name: ProfileName, body: Withdrawal, service: ServiceOf, by: Releaser
) -> dict[str, Any]:
    """Take back the release of a recipe as it stands."""
    if by.is_machine:
        raise NotAllowedError(f"{by.name} is a machine; a withdrawal takes a person")
    digest = gcode.setup_sha256(setup_of(service, name))
    row = service.releases.withdraw(name, digest, by.name, body.reason)
    service.live.tell()
    return {"release": release_fields(row)}


def gather(service: Service, body: NewRelease) -> list[Kept]:
    """Make an exhibit of each kind of evidence that a body names."""
    setup, limits = setup_of(service, body.recipe), limits_named(service, body.acceptance)
    kept: list[Kept] = []
    if body.gauge_table is not None:
        data = body.gauge_table.encode()
        studied = evidence.study_table(data, "table", evidence.tolerance_of(limits))
        kept.append(evidence.study_evidence(studied, data, "table"))
    if body.marks:
        found = charts.marks_of(service.records, setup)
        kept.append(evidence.marks_evidence(found, setup, limits))
    coupon = None
    if body.coupon_scan_id is not None:
        path = service.scans.path(service.scans.get(body.coupon_scan_id).scan_id)
        coupon = (path, setup_of(service, body.coupon_recipe or body.recipe))
    if coupon is not None or body.conditions is not None:
        reply = service.bench.run("exhibits", setup, limits, coupon, body.conditions or "")
        kept += pickle.loads(reply)  # made by our own bench
    return kept


def judgement_fields(judged: Release) -> dict[str, Any]:
    """Return a judgement as JSON fields."""
    return {
        "recipe": judged.recipe,
        "setup_sha256": judged.setup_sha256,
        "released": judged.released,
        "reasons": list(judged.reasons),
        "evidence_sha256": judged.evidence_sha256,
        "exhibits": json.loads(judged.evidence)["exhibits"],
    }


def release_fields(row: ReleaseRow) -> dict[str, Any]:
    """Return a release as JSON fields, its evidence opened."""
    return asdict(row) | {"evidence": json.loads(row.evidence)}


def _standing(service: Service, name: str, rows: list[ReleaseRow]) -> dict[str, Any]:
    """Say whether a recipe as it stands may be used on firearms: released, changed, or not."""
    try:
        digest = gcode.setup_sha256(setup_of(service, name))
    except PinmarkError as error:
        return {"recipe": name, "setup_sha256": "", "state": "faulty", "fault": str(error)}
    mine = [row for row in rows if row.recipe == name]
    exact = [row for row in mine if row.setup_sha256 == digest]
    state = "never"
    if exact:
        state = exact[0].state
    elif any(row.state == RELEASED for row in mine):
        state = "changed"
    return {"recipe": name, "setup_sha256": digest, "state": state, "fault": ""}
