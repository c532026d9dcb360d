"""The book and the marks as EPCIS 2.0 events, held against the published schema before they leave.

In: records. Out: an EPCISDocument (JSON-LD) of ObjectEvents. A verified pin is commissioned, one
that was replaced is decommissioned; a firearm is commissioned, received, shipped, destroyed as the
book says. A correction repeats the event it corrects, with `errorDeclaration`, and names the event
that is right. Authority: GS1 EPCIS 2.0 (7.4.1.4, error declarations) and CBV 2.0; the schema is
GS1's, see docs/decisions/0103-the-epcis-schema.md.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from engraver.errors import InputError
from engraver.record import MarkState
from station_api.papers.entries import ACQUIRED, ACQUISITION, MANUFACTURED, VOID, BookEntry
from station_api.papers.licensee import Licensee
from station_api.papers.mark_corrections import MarkCorrection, made_of
from station_api.papers.views import BOTH, Wanted, every_line
from station_api.records import Records, utc_text
from station_api.records.tables import marks, transitions
from station_api.tables import mark_corrections

SCHEMA_FILE = "epcis-2.0-schema.json"
CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
NAMESPACE = uuid.UUID("a4d1b1a0-6f9e-5c53-9a4e-0f6b8d3c2e17")
"""Of event ids: UUID version 5 over the log's name and the entry's position."""

LONGEST_GIAI = 30
"""Characters of a GIAI, company prefix included (GS1 General Specifications, AI 8004)."""

Event = dict[str, Any]
_COMES = {
    MANUFACTURED: ("commissioning", "active", "ADD"),
    ACQUIRED: ("receiving", "in_progress", "OBSERVE"),
}
_LEAVES = {
    "sold": ("shipping", "in_transit", "OBSERVE"),
    "transferred": ("shipping", "in_transit", "OBSERVE"),
    "exported": ("shipping", "in_transit", "OBSERVE"),
    "returned": ("shipping", "returned", "OBSERVE"),
    "destroyed": ("destroying", "destroyed", "DELETE"),
    "stolen or lost": ("cycle_counting", "stolen", "OBSERVE"),
}


def document(
    records: Records, licensee: Licensee, origin: str, since: str = "", until: str = ""
) -> dict[str, Any]:
    """Return the events written on days from ``since`` to ``until`` (YYYY-MM-DD), in order.

    Raises
    ------
    InputError
        If an event does not keep the schema: nothing half right leaves.
    """
    found = [*_mark_events(records, licensee, origin), *_book_events(records, licensee, origin)]
    chosen = [
        event
        for event in sorted(found, key=lambda one: (one["recordTime"], one["eventID"]))
        if (not since or event["recordTime"][:10] >= since)
        and (not until or event["recordTime"][:10] <= until)
    ]
    made = {
        "@context": [CONTEXT, {"pinmark": "urn:pinmark:"}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": chosen[-1]["recordTime"] if chosen else "1970-01-01T00:00:00Z",
        "epcisBody": {"eventList": chosen},
    }
    validate(made)
    return made


def validate(made: Mapping[str, Any]) -> None:
    """Hold a document against the published schema.

    Raises
    ------
    InputError
        If it does not keep it; names where and why.
    """
    fault = next(iter(_validator().iter_errors(made)), None)
    if fault is not None:
        where = "/".join(map(str, fault.instance_path))
        said = " ".join(str(fault.message).split())[:300]
        raise InputError(f"the EPCIS document does not keep the schema at {where}: {said}")


@cache
def _validator() -> Any:
    import jsonschema_rs  # 10 MB: for those who write events

    text = resources.files(__package__).joinpath(SCHEMA_FILE).read_text("utf-8")
    return jsonschema_rs.validator_for(json.loads(text), validate_formats=True)


def component_id(mark_id: str, station: str, licensee: Licensee) -> str:
    """Return the EPC of a marked pin: a GIAI where the prefix is known, else a URI of our own."""
    return _giai(f"{station}-{mark_id}", licensee) or f"urn:pinmark:pin:{station}:{mark_id}"


def firearm_id(entry: BookEntry, licensee: Licensee) -> str:
    """Return the EPC of a firearm, as `component_id` does of a pin."""
    names = (entry.manufacturer, entry.model, entry.serial)
    own = "urn:pinmark:firearm:" + ":".join(quote(name, safe="") for name in names)
    short = f"{entry.model}-{entry.serial}"
    return _giai(short, licensee) if entry.how == MANUFACTURED and _giai(short, licensee) else own


def _giai(reference: str, licensee: Licensee) -> str:
    prefix = licensee.gs1_prefix
    if not prefix or " " in reference or len(prefix) + len(reference) > LONGEST_GIAI:
        return ""
    return f"urn:epc:id:giai:{prefix}.{quote(reference, safe='-._()+,:;=!*')}"


def _mark_events(records: Records, licensee: Licensee, origin: str) -> Iterator[Event]:
    verified = MarkState.VERIFIED.value
    query = (
        sa.select(transitions, marks)
        .join(marks, marks.c.mark_id == transitions.c.mark_id)
        .where(transitions.c.station == records.station)
        .where(sa.or_(transitions.c.to_state == verified, transitions.c.from_state == verified))
        .order_by(transitions.c.position)
        .set_label_style(sa.LABEL_STYLE_TABLENAME_PLUS_COL)
    )
    with records.database.reading.connect() as connection:
        corrected = connection.execute(sa.select(mark_corrections.c.mark_id).distinct()).scalars()
        made = made_of(connection, corrected.all())
        for row in connection.execute(query).mappings():
            born = row["transitions_to_state"] == verified
            position, at = row["transitions_position"], utc_text(row["transitions_at_us"])
            event = _event(origin, position, at, at, "ADD" if born else "DELETE")
            event["bizStep"] = "commissioning" if born else "decommissioning"
            event["disposition"] = "active" if born else "inactive"
            event["epcList"] = [component_id(row["marks_mark_id"], records.station, licensee)]
            if born:
                told = ("make", "model", "serial", "code", "recipe", "lineage")
                event["ilmd"] = {f"urn:pinmark:{name}": row[f"marks_{name}"] for name in told}
            event |= _place(records.station)
            yield event
            if born:
                yield from _mark_corrections(event, made.get(row["marks_mark_id"], []), origin)


def _mark_corrections(event: Event, made: Iterable[MarkCorrection], origin: str) -> Iterator[Event]:
    """Declare the commissioning of a mark wrong, and give the right one, for each correction."""
    for one in made:
        at, right = utc_text(one.asked_at_us), _event_id(origin, one.position)
        error = {
            "declarationTime": at,
            "reason": "incorrect_data",
            "correctiveEventIDs": [right],
        }
        yield {**event, "recordTime": at, "errorDeclaration": error}
        told = {f"urn:pinmark:{name}": getattr(one, name) for name in ("make", "model", "serial")}
        event = {
            **event,
            "eventID": right,
            "recordTime": at,
            "ilmd": event["ilmd"] | told,
            "urn:pinmark:logPosition": one.position,
        }
        yield event


def _book_events(records: Records, licensee: Licensee, origin: str) -> Iterator[Event]:
    for line in every_line(records, Wanted(view=BOTH)):
        for part in (line.acquisitions, line.dispositions):
            before: Event | None = None
            for at, entry in enumerate(part):
                if before is not None and part[at - 1].how != VOID:
                    yield _declared(before, entry, origin)
                if entry.how == VOID:
                    continue
                before = _book_event(entry, line.acquisitions[-1], licensee, origin)
                yield before


def _declared(before: Event, entry: BookEntry, origin: str) -> Event:
    """Repeat an event that a later entry corrects: the same but for its error declaration."""
    at = utc_text(entry.changed_at_us)
    error: Event = {"declarationTime": at, "reason": "did_not_occur"}
    if entry.how != VOID:
        error["reason"] = "incorrect_data"
        error["correctiveEventIDs"] = [_event_id(origin, entry.position)]
    return {**before, "recordTime": at, "errorDeclaration": error}


def _book_event(entry: BookEntry, had: BookEntry, licensee: Licensee, origin: str) -> Event:
    step = (_COMES if entry.part == ACQUISITION else _LEAVES)[entry.how]
    on, written = f"{entry.on_date}T00:00:00Z", utc_text(entry.changed_at_us)
    event = _event(origin, entry.position, on, written, step[2])
    event |= {"bizStep": step[0], "disposition": step[1]}
    event["epcList"] = [firearm_id(entry if entry.part == ACQUISITION else had, licensee)]
    if entry.part == ACQUISITION and entry.how == MANUFACTURED:
        told = ("manufacturer", "importer", "type", "model", "caliber", "serial")
        event["ilmd"] = {f"urn:pinmark:{n}": getattr(entry, n) for n in told if getattr(entry, n)}
    if entry.party_licence:
        licence = f"urn:pinmark:licence:{quote(entry.party_licence, safe='-')}"
        if entry.part == ACQUISITION:
            event["sourceList"] = [{"type": "owning_party", "source": licence}]
        else:
            event["destinationList"] = [{"type": "owning_party", "destination": licence}]
    return event | _place(entry.station)


def _event(origin: str, position: int, at: str, written: str, action: str) -> Event:
    return {
        "type": "ObjectEvent",
        "eventID": _event_id(origin, position),
        "eventTime": at,
        "eventTimeZoneOffset": "+00:00",
        "recordTime": written,
        "action": action,
        "urn:pinmark:logPosition": position,
    }


def _event_id(origin: str, position: int) -> str:
    return f"urn:uuid:{uuid.uuid5(NAMESPACE, f'{origin}/{position}')}"


def _place(station: str) -> Event:
    return {"readPoint": {"id": f"urn:pinmark:station:{quote(station, safe='')}"}}
