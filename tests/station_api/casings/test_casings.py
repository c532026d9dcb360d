"""Promises of casings as evidence: kept apart, sealed, linked across scenes, withdrawn openly."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from xml.etree import ElementTree

import networkx as nx
import numpy as np
import pytest
import sqlalchemy as sa

from engraver.errors import CodeError, ConflictError, InputError, MissingError, PinmarkError
from engraver.registry import Registry
from station_api import kept
from station_api.casings import graph as casework
from station_api.casings.store import Casings
from station_api.records import Records, canonical
from station_api.tables import casings
from tests.station_api.casings.conftest import CASEWORK, CODE, casing


def keep_all(records: Records) -> Casings:
    store = Casings(records)
    for fields in CASEWORK:
        store.add(fields, "T. Racer")
    return store


def test_a_casing_comes_back_as_it_was_entered(records: Records) -> None:
    """Time in UTC, position in millionths of a degree, reads as they were given."""
    rows = np.full((12, 32), 0.01)
    rows[:, 3] = 0.69
    given = casing(
        "27-0113",
        CODE,
        found_at="2027-01-14T01:10:00+02:00",
        latitude_udeg=38_900_000,
        longitude_udeg=-77_000_000,
        reads=[{"text": CODE, "reader": "A"}, {"likelihoods": rows.tolist()}],
    )
    made = Casings(records).add(given, "T. Racer")
    assert (made.casing_id, made.found_at) == ("E000001", "2027-01-13T23:10:00Z")
    assert (made.latitude_udeg, made.longitude_udeg) == (38_900_000, -77_000_000)
    again = Casings(records).get("E000001")
    assert again == made
    assert again.table().shape == (12, 32)
    first = Casings(records).add(given | {"reads": given["reads"][1:]}, "T. Racer")
    ratio = first.table()[0, 3] - first.table()[0, 4]
    assert ratio == pytest.approx(np.log(69), abs=1e-4)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"scene": ""}, "needs its scene"),
        ({"place": " "}, "needs its scene"),
        ({"place": "x" * 129}, "at most 128"),
        ({"found_at": "yesterday"}, "is no time"),
        ({"found_at": "2027-01-13T23:10:00"}, "in which zone"),
        ({"found_at": "2027-01-16T23:10:00Z"}, "in the future"),
        ({"found_at": "1066-10-14T09:00:00Z"}, "before 1900"),
        ({"found_at": "0001-01-01T00:00:00+14:00"}, "no time of this age"),
        ({"reads": []}, 'needs "reads"'),
        ({"reads": [{"text": "?" * 12}]}, "no symbol of the casing is legible"),
        ({"reads": [{"text": "ABC"}]}, "has 3 symbols"),
        ({"reads": [{"text": "WT37AHG3P1Y!"}]}, "!"),
        ({"reads": [{"likelihoods": [[-1] * 32] * 12}]}, "likelihoods"),
        ({"reads": [{"likelihoods": "many"}]}, "likelihoods"),
        ({"reads": ["WT37"]}, "a read must be an object"),
        ({"format": "pin32-99"}, "pin32-99"),
        ({"scan_sha256": "abc"}, "no SHA-256"),
        ({"latitude_udeg": 91_000_000}, "millionths of a degree"),
        ({"latitude_udeg": 38.9}, "millionths of a degree"),
        ({"name": "a\x00b"}, "control character"),
    ],
)
def test_what_is_no_casing_is_refused(records: Records, fault: dict[str, Any], said: str) -> None:
    """One line with the value and the remedy; nothing is kept."""
    with pytest.raises(PinmarkError, match=said):
        Casings(records).add(casing("27-0113", CODE) | fault, "T. Racer")
    assert Casings(records).entries() == []


def test_two_scenes_that_share_a_pin_are_found(records: Records, registry: Registry) -> None:
    """The issued pin and the foreign one each join two scenes; the two-symbol read joins none."""
    made = casework.build(keep_all(records).all(), registry)
    pins = {
        (a, b): fields["posterior"]
        for a, b, fields in made.graph.edges(data=True)
        if fields["kind"] == "one pin"
    }
    assert set(pins) == {("E000001", "E000003"), ("E000002", "E000004")}
    assert pins["E000002", "E000004"] > 0.999
    (foreign,) = [one for one in made.clusters if one["verdict"] == "not issued"]
    assert foreign["scenes"] == ["27-0113", "27-0305"]
    assert (foreign["code"], foreign["firearm"]) == (None, "")
    assert foreign["text"].replace("?", "") in "ZZZT0PQ12345"
    read_as = made.graph.edges["E000001", f"code:{CODE}"]
    assert read_as["kind"] == "read as"
    assert read_as["posterior"] > 0.99
    assert made.graph.nodes[f"code:{CODE}"]["firearm"] == "EXAMPLE ARMS MODEL 1 ZQ0042"
    assert made.graph.nodes["E000004"]["not_issued"] > 0.99


def test_every_link_says_what_it_rests_on(records: Records, registry: Registry) -> None:
    """Priors and the number of issued codes go with the graph; another prior changes the links."""
    store = keep_all(records)
    basis = casework.build(store.all(), registry).basis
    assert (basis["prior_same_pin"], basis["prior_not_issued"]) == (1e-3, 0.2)
    assert basis["issued_count"]["pin32-12"] > 30_000
    bold = casework.build(store.all(), registry, prior_same_pin=1e-12)
    kinds = [fields["kind"] for _, _, fields in bold.graph.edges(data=True)]
    assert kinds.count("one pin") < 2
    with pytest.raises(CodeError, match="must lie between"):
        casework.build(store.all(), registry, prior_same_pin=1.5)


def test_the_graph_leaves_as_csv_and_graphml(records: Records, registry: Registry) -> None:
    """GraphML that another program reads back to the same graph; CSV with a row for each link."""
    made = casework.build(keep_all(records).all(), registry)
    text = casework.graphml(made)
    again = nx.parse_graphml(text)
    assert set(again.nodes) == set(made.graph.nodes)
    assert again.edges["E000002", "E000004"]["posterior"] > 0.999
    assert again.graph["prior_same_pin"] == 1e-3
    assert ElementTree.fromstring(text).tag.endswith("graphml")
    rows = list(csv.DictReader(io.StringIO(casework.csv_text(made))))
    assert len(rows) == made.graph.number_of_edges()
    (joined,) = [r for r in rows if (r["from"], r["to"]) == ("E000001", "E000003")]
    assert joined["scenes"] == "27-0113; 27-0201"
    json.dumps(casework.fields_of(made))


def test_no_casings_make_an_empty_graph(registry: Registry) -> None:
    """Nothing entered: no nodes, no links, no fault."""
    made = casework.build([], registry)
    assert casework.fields_of(made)["nodes"] == []
    assert casework.csv_text(made).startswith("kind,")


def test_the_log_and_the_auditor_see_that_there_is_one_and_not_what_it_says(
    records: Records,
) -> None:
    """No word of scene, place or reads in any entry; two equal casings have different seals."""
    store = Casings(records)
    for _ in range(2):
        store.add(casing("27-SECRET", CODE, place="Behind the Mill"), "T. Racer")
    said = b"".join(records.entry(n).record for n in range(records.size()))
    for word in (b"SECRET", b"Mill", CODE.encode()):
        assert word not in said
    seals = [
        canonical.decode(records.entry(n).record)["event"]["row"]["sealed"]
        for n in range(records.size())
    ]
    assert len(set(seals)) == 2
    assert [sorted(one) for one in store.entries()] == [
        ["casing_id", "changed_at_us", "position", "state"]
    ] * 2


def test_a_casing_changed_behind_our_back_is_named(records: Records) -> None:
    """One letter of what was sealed, or its state: `pinmark log fsck` names row and column."""
    keep_all(records)
    for column in ("sealed", "state", "number"):
        with records.database.writing.connect() as connection:
            one = sa.update(casings).where(casings.c.casing_id == "E000002")
            old = connection.execute(
                sa.select(casings.c[column]).where(casings.c.casing_id == "E000002")
            ).scalar()
            new = old + 70 if isinstance(old, int) else str(old).replace("27-0113", "27-0114") + " "
            connection.execute(one.values({column: new}))
            connection.commit()
        assert [(f.row, f.column) for f in kept.check(records)] == [("E000002", column)]
        with records.database.writing.connect() as connection:
            connection.execute(one.values({column: old}))
            connection.commit()
    assert kept.check(records) == []


def test_a_withdrawn_casing_stays_and_links_nothing(records: Records, registry: Registry) -> None:
    """Its reason is kept with it; twice is a conflict, an unknown one is missing."""
    store = keep_all(records)
    gone = store.withdraw("E000003", "entered twice", "T. Racer")
    assert (gone.state, gone.withdrawn, gone.scene) == ("withdrawn", "entered twice", "27-0201")
    assert [one.casing_id for one in store.all(with_withdrawn=True)][2] == "E000003"
    made = casework.build(store.all(), registry)
    assert "E000003" not in made.graph
    assert len(made.clusters) == 1
    with pytest.raises(ConflictError, match="withdrawn already"):
        store.withdraw("E000003", "again", "T. Racer")
    with pytest.raises(MissingError, match="not kept here"):
        store.withdraw("E000099", "none", "T. Racer")
    with pytest.raises(InputError, match="takes a reason"):
        store.withdraw("E000001", " ", "T. Racer")
    assert kept.check(records) == []
