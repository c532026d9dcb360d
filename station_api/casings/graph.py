"""Scenes, casings and codes as a graph: what shares a pin, and how sure that is.

In: observations, the registry, two priors. Out: a networkx graph; as JSON fields, CSV and GraphML.
Every link carries its posterior, and the graph what it rests on: priors, N, the model of reads.
Casings joined by links of 0.99 form a cluster, whose casings are then called together.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engraver import codes
from engraver.casefile import MOST_ISSUED
from engraver.errors import CodeError, RegistryError
from engraver.evidence import PRIOR_NOT_ISSUED, Call, call
from engraver.issued import IssuedCodes, allotted_indices, issue
from engraver.likelihood import Table, consensus, join
from engraver.linking import LINKED, PRIOR_SAME_PIN, Weighed, link, weigh
from engraver.registry import Registry
from station_api.casings.observation import Observation, model

if TYPE_CHECKING:
    import networkx as nx

CODE_POSTERIOR = 0.01
"""A candidate below this is no node: the graph is for reading."""

COLUMNS = ("kind", "from", "to", "posterior", "log10_bayes_factor", "scenes", "reaches")


@dataclass(frozen=True, slots=True, eq=False)
class Casework:
    """The graph, its clusters, and what both rest on."""

    graph: nx.Graph
    clusters: tuple[dict[str, Any], ...]
    basis: dict[str, Any]


def build(
    observations: Sequence[Observation],
    registry: Registry,
    prior_not_issued: float = PRIOR_NOT_ISSUED,
    prior_same_pin: float = PRIOR_SAME_PIN,
) -> Casework:
    """Weigh and link all casings, those of one format with each other.

    Raises
    ------
    CodeError
        If a prior is none, or the registry allots no codes or too many to weigh.
    """
    import networkx as nx  # 10 MB: for those who draw the graph

    graph = nx.Graph()
    clusters: list[dict[str, Any]] = []
    counts: dict[str, int] = {}
    for one in observations:
        _add_casing(graph, one)
    for name in sorted({one.format for one in observations}):
        group = [one for one in observations if one.format == name]
        issued = issued_codes(registry, name)
        counts[name] = len(issued)
        tables = [one.table() for one in group]
        alone = weigh(tables, issued, model(), prior_not_issued)
        for one, weighed in zip(group, alone, strict=True):
            _add_candidates(graph, one, weighed, registry)
        for found in link(tables, alone, issued, model(), prior_not_issued, prior_same_pin):
            _add_link(graph, group[found.first], group[found.second], found)
        clusters += _clusters(graph, group, tables, issued, registry, prior_not_issued)
    assumed = model()
    basis = {
        "prior_not_issued": prior_not_issued,
        "prior_same_pin": prior_same_pin,
        "issued_count": counts,
        "fault_rate": assumed.fault_rate,
        "slot_error": assumed.slot_error,
        "linked_from": LINKED,
    }
    return Casework(graph, tuple(clusters), basis)


def issued_codes(registry: Registry, format_name: str) -> IssuedCodes:
    """Return every code that the registry allots in a format."""
    fmt = codes.format_named(format_name)
    indices = np.unique(allotted_indices(registry, fmt))
    if not 0 < len(indices) <= MOST_ISSUED:
        raise CodeError(
            f"the registry allots {len(indices)} codes of {format_name}; 1 to {MOST_ISSUED} can be "
            "weighed at once: name a registry with the blocks in question"
        )
    return issue(indices, fmt)


def fields_of(casework: Casework) -> dict[str, Any]:
    """Return a graph as JSON fields: nodes with a place to draw them, links, clusters, basis."""
    import networkx as nx

    graph = casework.graph
    at = nx.spring_layout(graph, seed=1) if len(graph) else {}
    drawn = {node: dict(zip("xy", np.round(p, 4).tolist(), strict=True)) for node, p in at.items()}
    return {
        "nodes": [{"id": node, **graph.nodes[node], **drawn[node]} for node in graph.nodes],
        "links": [{"from": a, "to": b, **_told(fields)} for a, b, fields in graph.edges(data=True)],
        "clusters": list(casework.clusters),
        "basis": casework.basis,
    }


def graphml(casework: Casework) -> str:
    """Write a graph as GraphML, what it rests on as attributes of the graph."""
    import networkx as nx

    told = casework.graph.copy()
    for key, value in casework.basis.items():
        told.graph[key] = value if isinstance(value, float) else str(value)
    for _, _, fields in told.edges(data=True):
        fields.update({k: "" if v is None else v for k, v in fields.items()})
    return "\n".join(nx.generate_graphml(told)) + "\n"


def csv_text(casework: Casework) -> str:
    """Write the links as CSV, one a row, with the scenes they join."""
    out = io.StringIO()
    table = csv.DictWriter(out, COLUMNS)
    table.writeheader()
    nodes = casework.graph.nodes
    for a, b, fields in casework.graph.edges(data=True):
        scenes = sorted({nodes[n]["scene"] for n in (a, b) if nodes[n]["kind"] == "casing"})
        table.writerow(
            {
                **_told(fields),
                "from": a,
                "to": b,
                "scenes": "; ".join(
                    f"'{s}" if s.startswith(("=", "+", "-", "@")) else s for s in scenes
                ),
            }
        )
    return out.getvalue()


def _told(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name in COLUMNS}


def _add_casing(graph: nx.Graph, one: Observation) -> None:
    graph.add_node(
        one.casing_id,
        kind="casing",
        label=one.name or one.casing_id,
        scene=one.scene,
        found_at=one.found_at,
        place=one.place,
    )
    scene = f"scene:{one.scene}"
    graph.add_node(scene, kind="scene", label=one.scene)
    graph.add_edge(one.casing_id, scene, kind="found at", posterior=None, reaches="")


def _add_candidates(
    graph: nx.Graph, one: Observation, weighed: Weighed, registry: Registry
) -> None:
    graph.nodes[one.casing_id]["not_issued"] = round(weighed.not_issued, 9)
    for candidate in weighed.candidates:
        if candidate.posterior < CODE_POSTERIOR:
            continue
        text = codes.encode_index(candidate.index, one.format).text
        node = f"code:{text}"
        graph.add_node(
            node, kind="code", label=text, firearm=firearm_text(candidate.index, registry)
        )
        graph.add_edge(
            one.casing_id,
            node,
            kind="read as",
            posterior=round(candidate.posterior, 9),
            reaches=_word(candidate.posterior),
        )


def _add_link(graph: nx.Graph, one: Observation, other: Observation, found: Any) -> None:
    graph.add_edge(
        one.casing_id,
        other.casing_id,
        kind="one pin",
        posterior=round(found.posterior, 9),
        log10_bayes_factor=round(found.log10_bayes_factor, 4),
        reaches=_word(found.posterior),
    )


def _word(posterior: float) -> str:
    return "linked" if posterior >= LINKED else "lead"


def _clusters(
    graph: nx.Graph,
    group: Sequence[Observation],
    tables: Sequence[Table],
    issued: IssuedCodes,
    registry: Registry,
    prior_not_issued: float,
) -> list[dict[str, Any]]:
    """Call the casings of each cluster together: more legible symbols, one answer."""
    import networkx as nx

    strong = nx.Graph()
    strong.add_nodes_from(one.casing_id for one in group)
    for a, b, fields in graph.edges(data=True):
        if fields["kind"] == "one pin" and fields["posterior"] >= LINKED:
            strong.add_edge(a, b)
    at = {one.casing_id: place for place, one in enumerate(group)}
    found = []
    for component in nx.connected_components(strong):
        places = sorted(at[node] for node in component if node in at)
        if len(places) < 2:
            continue
        answer = call([tables[place] for place in places], issued, model(), prior_not_issued)
        members = [group[place] for place in places]
        seen = consensus(join([tables[place] for place in places], model())).text
        found.append(_cluster_fields(members, answer, registry) | {"text": seen})
    return found


def _cluster_fields(
    members: Sequence[Observation], answer: Call, registry: Registry
) -> dict[str, Any]:
    best = answer.candidates[0]
    is_called = answer.verdict in ("identified", "lead")
    return {
        "casings": [one.casing_id for one in members],
        "scenes": sorted({one.scene for one in members}),
        "verdict": answer.verdict,
        "reasons": list(answer.reasons),
        "code": codes.encode_index(best.index, members[0].format).text if is_called else None,
        "firearm": firearm_text(best.index, registry) if is_called else "",
        "posterior": round(best.posterior, 9),
        "not_issued": round(answer.not_issued, 9),
        "legible": answer.legible,
        "chance_matches": answer.chance_matches,
        "probability_mixed": answer.sources and round(answer.sources.probability_mixed, 9),
    }


def firearm_text(index: int, registry: Registry) -> str:
    """Return make, model and serial of an index in one text, empty if it is not allotted."""
    try:
        found = registry.identify(index)
    except RegistryError:
        return ""
    return f"{found.make} {found.model} {found.serial}"
