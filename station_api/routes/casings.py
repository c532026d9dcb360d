"""Casings as evidence: /v1/casings, for tracers alone; auditors see that there are any."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from engraver.evidence import PRIOR_NOT_ISSUED
from engraver.linking import PRIOR_SAME_PIN
from station_api.casings import graph
from station_api.people import Caller, Right
from station_api.service.bodies import Because
from station_api.service.callers import AnyId, KeyHeader, ServiceOf, allow
from station_api.service.paper_bodies import NewCasing

router = APIRouter(tags=["casings"])
Tracer = Annotated[Caller, allow(Right.KEEP_CASINGS)]
Counter = Annotated[Caller, allow(Right.COUNT_CASINGS)]
Chance = Annotated[float, Query(gt=0, lt=1, allow_inf_nan=False)]
GRAPHML = {"application/xml": {"schema": {"type": "string"}}}
CSV = {"text/csv": {"schema": {"type": "string"}}}


@router.get("/casings")
def list_casings(
    service: ServiceOf,
    by: Tracer,
    scene: Annotated[str, Query(max_length=64)] = "",
    withdrawn: Annotated[bool, Query()] = False,
) -> dict[str, Any]:
    """List the casings, all or of one scene."""
    found = service.casings.all(with_withdrawn=withdrawn, scene=scene)
    return {"casings": [asdict(one) for one in found]}


@router.post("/casings", status_code=201)
def keep_casing(body: NewCasing, service: ServiceOf, by: Tracer, key: KeyHeader = None) -> Response:
    """Keep a casing with its scene, place, time and reads."""

    def work() -> Response:
        made = service.casings.add(body.model_dump(), by.name)
        reply = JSONResponse({"casing": asdict(made)}, 201)
        reply.headers["Location"] = f"/v1/casings/{made.casing_id}"
        return reply

    return service.replies.once(by, key, b"casing " + body.model_dump_json().encode(), work)


@router.get("/casings/entries")
def list_entries(service: ServiceOf, by: Counter) -> dict[str, Any]:
    """List that casings were entered: id, state, place in the log, time; nothing they say."""
    return {"entries": service.casings.entries()}


@router.get("/casings/graph")
def show_graph(
    service: ServiceOf,
    by: Tracer,
    prior_not_issued: Chance = PRIOR_NOT_ISSUED,
    prior_same_pin: Chance = PRIOR_SAME_PIN,
) -> dict[str, Any]:
    """Show scenes, casings and codes with the posterior on each link."""
    made = _build(service, prior_not_issued, prior_same_pin)
    return graph.fields_of(made)


@router.get(
    "/casings/graph.graphml", response_class=Response, responses={200: {"content": GRAPHML}}
)
def download_graphml(
    service: ServiceOf,
    by: Tracer,
    prior_not_issued: Chance = PRIOR_NOT_ISSUED,
    prior_same_pin: Chance = PRIOR_SAME_PIN,
) -> Response:
    """Download the graph as GraphML."""
    text = graph.graphml(_build(service, prior_not_issued, prior_same_pin))
    service.casings.exported("GraphML", by.name)
    named = {"Content-Disposition": 'attachment; filename="casework.graphml"'}
    return Response(text, media_type="application/xml", headers=named)


@router.get("/casings/graph.csv", response_class=Response, responses={200: {"content": CSV}})
def download_links(
    service: ServiceOf,
    by: Tracer,
    prior_not_issued: Chance = PRIOR_NOT_ISSUED,
    prior_same_pin: Chance = PRIOR_SAME_PIN,
) -> Response:
    """Download the links as CSV."""
    text = graph.csv_text(_build(service, prior_not_issued, prior_same_pin))
    service.casings.exported("CSV", by.name)
    named = {"Content-Disposition": 'attachment; filename="links.csv"'}
    return Response(text, media_type="text/csv", headers=named)


@router.get("/casings/{casing_id}")
def show_casing(casing_id: AnyId, service: ServiceOf, by: Tracer) -> dict[str, Any]:
    """Show one casing."""
    return {"casing": asdict(service.casings.get(casing_id))}


@router.post("/casings/{casing_id}/withdraw")
def withdraw_casing(
    casing_id: AnyId, body: Because, service: ServiceOf, by: Tracer
) -> dict[str, Any]:
    """Withdraw a casing that was entered by mistake."""
    return {"casing": asdict(service.casings.withdraw(casing_id, body.reason, by.name))}


def _build(service: Any, prior_not_issued: float, prior_same_pin: float) -> graph.Casework:
    found = service.casings.all()
    return graph.build(found, service.registry, prior_not_issued, prior_same_pin)
