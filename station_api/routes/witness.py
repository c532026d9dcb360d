"""The station as a witness of its neighbours' logs: /v1/log/add-checkpoint, /v1/log/witness-key.

In: an add-checkpoint request (C2SP tlog-witness), signed by a log whose public key lies in the
station's folder ``neighbours``, a ``.pub`` file with a key a line. Out: this station's
cosignature. The signature is the sign-in: who is no neighbour gets nothing and writes nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Body, Response

from station_api.log_key import read_public_keys, witness_signer
from station_api.records.clock import now_us
from station_api.service.callers import ServiceOf
from station_api.service.problems import problem
from station_api.transparency.note import VerifierKey
from station_api.witnessing import cosign

PATH = "/log/add-checkpoint"
SIZE = "text/x.tlog.size"
"""What the answer to a stale request is: the size this witness last saw."""

_KINDS = {400: "bad-input", 403: "not-allowed", 404: "not-found", 422: "does-not-hold"}
_EXAMPLE = "old 0\n\nlog.example/S2\n7\nAAAA...=\n\n\u2014 log.example/S2 AAAA...=\n"

router = APIRouter(tags=["log"])


@router.post(PATH, response_class=Response)
def add_checkpoint(
    body: Annotated[bytes, Body(media_type="text/plain", examples=[_EXAMPLE])], service: ServiceOf
) -> Response:
    """Cosign a neighbour's checkpoint if it extends the last one (C2SP tlog-witness)."""
    records = service.records
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return problem(400, _KINDS[400], "the request is no UTF-8", f"/v1{PATH}")
    trusted = neighbours(service.home)
    signer = witness_signer(service.home, records.station)
    reply = cosign(records, text, trusted, signer, now_us() // 1_000_000)
    if reply.status in _KINDS:
        said = " ".join(reply.body.split())
        return problem(reply.status, _KINDS[reply.status], said, f"/v1{PATH}")
    media = SIZE if reply.status == 409 else "text/plain; charset=utf-8"
    return Response(reply.body, reply.status, media_type=media)


@router.get("/log/witness-key", response_class=Response)
def witness_key(service: ServiceOf) -> Response:
    """Give the key by which this station cosigns (C2SP signed-note verifier key)."""
    key = witness_signer(service.home, service.records.station).verifier()
    return Response(key.text() + "\n", media_type="text/plain")


def neighbours(home: Path) -> dict[str, list[VerifierKey]]:
    """Return the public keys of the logs that this station watches, by origin."""
    found: dict[str, list[VerifierKey]] = {}
    for key in read_public_keys(map(str, sorted((home / "neighbours").glob("*.pub")))):
        found.setdefault(key.name, []).append(key)
    return found
