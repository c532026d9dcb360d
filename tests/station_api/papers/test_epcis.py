"""Promises of the EPCIS export: valid by the published schema, corrections as declarations."""

from __future__ import annotations

import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from engraver.errors import InputError
from station_api.papers import epcis
from station_api.papers.book import Book
from station_api.papers.licensee import Licensee
from station_api.papers.mark_corrections import MarkCorrections
from station_api.records import Records
from tests.station_api.papers.conftest import DEALER, firearm
from tests.station_api.records.houses import intent, mark

SCHEMA = resources.files("station_api.papers").joinpath(epcis.SCHEMA_FILE).read_bytes()
ORIGIN = "log.example/S1"
SECOND = jsonschema.Draft7Validator(json.loads(SCHEMA))
"""Another implementation than the one that validates on the way out."""

NOBODY = Licensee()


def events(records: Records, licensee: Licensee = NOBODY, **span: str) -> list[dict[str, Any]]:
    made = epcis.document(records, licensee, ORIGIN, **span)
    assert [str(fault) for fault in SECOND.iter_errors(made)] == []
    found: list[dict[str, Any]] = made["epcisBody"]["eventList"]
    return found


def test_the_schema_is_the_published_one_unchanged() -> None:
    """The file that ships is GS1's, byte for byte as it was published."""
    digest = hashlib.sha256(SCHEMA).hexdigest()
    assert digest == "70b7ecb60eb605c6edd230761557763e4d470333510d28619291476de635bf20"
    assert json.loads(SCHEMA)["$id"] == "https://gs1.github.io/EPCIS/EPCIS-JSON-Schema.json"


def test_a_corrected_mark_is_declared_wrong_and_commissioned_right(records: Records) -> None:
    """Two corrections: each event that was wrong is repeated with its declaration."""
    mark_id, made = mark(records, 1), MarkCorrections(records)
    for serial in ("ZQ0776", "ZQ0777"):
        made.correct(mark_id, {"serial": serial}, "fitted elsewhere", "A. Smith", "B. Jones")
    found = events(records)
    assert [(e["ilmd"]["urn:pinmark:serial"], "errorDeclaration" in e) for e in found] == [
        ("ZQ0001", False),
        ("ZQ0001", True),
        ("ZQ0776", False),
        ("ZQ0776", True),
        ("ZQ0777", False),
    ]
    for wrong, right in ((found[1], found[2]), (found[3], found[4])):
        assert wrong["errorDeclaration"]["correctiveEventIDs"] == [right["eventID"]]
    assert found[0]["eventID"] == found[1]["eventID"]


def test_a_verified_pin_is_commissioned_and_a_replaced_one_decommissioned(
    records: Records,
) -> None:
    """ADD with what it is, DELETE when two people replaced it; a rejected pin never was."""
    first = mark(records, 1)
    mark(records, 2, good=False)
    records.authorise_remark(first, "A. Smith", "B. Jones", "worn")
    records.intend(intent(1))
    found = events(records)
    assert [(e["action"], e["bizStep"], e["disposition"]) for e in found] == [
        ("ADD", "commissioning", "active"),
        ("DELETE", "decommissioning", "inactive"),
    ]
    assert {e["epcList"][0] for e in found} == {"urn:pinmark:pin:S1:M000001"}
    assert found[0]["ilmd"]["urn:pinmark:serial"] == "ZQ0001"
    assert "ilmd" not in found[1]


def test_the_life_of_a_firearm_in_the_book(records: Records, the_book: Book) -> None:
    """Commissioned when made, shipped when sold, destroyed when destroyed, received when bought."""
    the_book.enter(firearm(1), "A. Smith")
    the_book.dispose("B000001", DEALER, "A. Smith")
    bought = {"how": "acquired", "party_name": "X", "party_licence": "1-54-00001"}
    the_book.enter(firearm(2) | bought, "A. Smith")
    gone = {"how": "destroyed", "on_date": "2027-01-15"}
    the_book.dispose("B000002", gone, "A. Smith")
    found = sorted(events(records), key=lambda e: e["urn:pinmark:logPosition"])
    assert [e["bizStep"] for e in found] == ["commissioning", "shipping", "receiving", "destroying"]
    assert [e["action"] for e in found] == ["ADD", "OBSERVE", "OBSERVE", "DELETE"]
    assert found[1]["destinationList"][0]["destination"].endswith("1-54-000-01-8A-12345")
    assert found[0]["epcList"] == ["urn:pinmark:firearm:EXAMPLE%20ARMS:MODEL%201:ZQ0001"]


def test_a_correction_repeats_the_event_with_an_error_declaration(
    records: Records, the_book: Book
) -> None:
    """Same id, same content, plus the declaration, which names the event that is right."""
    the_book.enter(firearm(1), "A. Smith")
    the_book.correct("B000001.A1", {"on_date": "2027-01-13"}, "typing error", "A. Smith")
    found = events(records)
    (declared,) = [e for e in found if "errorDeclaration" in e]
    (wrong,) = [e for e in found if e["eventTime"].startswith("2027-01-14") and e is not declared]
    (right,) = [e for e in found if e["eventTime"].startswith("2027-01-13")]
    error = declared.pop("errorDeclaration")
    assert {**declared, "recordTime": ""} == {**wrong, "recordTime": ""}
    assert error["reason"] == "incorrect_data"
    assert error["correctiveEventIDs"] == [right["eventID"]]
    assert right["eventID"] != wrong["eventID"]


def test_an_entry_that_was_void_did_not_occur(records: Records, the_book: Book) -> None:
    """Declared so, with no corrective event."""
    the_book.enter(firearm(1), "A. Smith")
    the_book.correct("B000001.A1", {"how": "void"}, "mistake", "A. Smith", "B. Jones")
    (declared,) = [e for e in events(records) if "errorDeclaration" in e]
    assert declared["errorDeclaration"]["reason"] == "did_not_occur"
    assert "correctiveEventIDs" not in declared["errorDeclaration"]


def test_with_a_company_prefix_the_names_are_giais(records: Records, the_book: Book) -> None:
    """Where it fits; a model with a space in it keeps the URI."""
    mark(records, 1)
    the_book.enter(firearm(1, model="M1"), "A. Smith")
    the_book.enter(firearm(2), "A. Smith")
    prefixed = Licensee(gs1_prefix="0614141")
    named = {e["epcList"][0] for e in events(records, prefixed)}
    assert named == {
        "urn:epc:id:giai:0614141.S1-M000001",
        "urn:epc:id:giai:0614141.M1-ZQ0001",
        "urn:pinmark:firearm:EXAMPLE%20ARMS:MODEL%201:ZQ0002",
    }


def test_the_same_records_make_the_same_document(records: Records, the_book: Book) -> None:
    """Ids come from the log's positions: who reads the export twice gets no event twice."""
    mark(records, 1)
    the_book.enter(firearm(1), "A. Smith")
    assert events(records) == events(records)
    assert events(records, since="2027-01-16") == []
    assert len(events(records, since="2027-01-15", until="2027-01-15")) == 2


def test_what_does_not_keep_the_schema_does_not_leave() -> None:
    """A step, an action and a missing time that the schema does not know are refused by place."""
    for fault in ({"bizStep": "engraving"}, {"action": "MARK"}, {"eventTimeZoneOffset": "Z"}):
        event = {
            "type": "ObjectEvent",
            "eventTime": "2027-01-14T00:00:00Z",
            "eventTimeZoneOffset": "+00:00",
            "epcList": ["urn:pinmark:pin:S1:M000001"],
            "action": "ADD",
        } | fault
        made = {
            "@context": [epcis.CONTEXT],
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": "2027-01-14T00:00:00Z",
            "epcisBody": {"eventList": [event]},
        }
        with pytest.raises(InputError, match="does not keep the schema"):
            epcis.validate(made)


def test_the_notice_names_what_is_not_ours() -> None:
    """Apache-2.0, section 4: whose the schema is stands in NOTICE."""
    notice = Path(__file__).resolve().parents[3] / "NOTICE"
    assert epcis.SCHEMA_FILE in notice.read_text("utf-8")
