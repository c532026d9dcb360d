"""The tree against transparency-dev/merkle: its vectors and every corruption it publishes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engraver.errors import InputError, ProofError
from station_api.transparency import merkle

GOLDEN = Path(__file__).parents[2] / "golden" / "transparency"
DATA: dict[str, Any] = json.loads((GOLDEN / "merkle.json").read_text())
LEAVES = [merkle.leaf_hash(bytes.fromhex(one)) for one in DATA["leaves"]]
ROOTS = [bytes.fromhex(one) for one in DATA["roots"]]
SOME = bytes.fromhex(DATA["some_hash"])
Probe = tuple[str, tuple[Any, ...], bool]


def hashes(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(one) for one in texts]


def inclusion_probes() -> Iterator[Probe]:
    """Each published proof and each way its publisher corrupts it (cmd/proofgen)."""
    for n, vector in enumerate(DATA["inclusion"]):
        index, size, proof = vector["index"], vector["size"], hashes(vector["proof"])
        # the generator takes leaf inputs from a table of its own; it equals ours up to entry 2
        leaf, root = LEAVES[index], ROOTS[size]
        yield f"{n} happy path", (index, size, leaf, proof, root), True
        for name, probe in (
            ("leafIdx sub 1", (index - 1, size, leaf, proof, root)),
            ("leafIdx plus 1", (index + 1, size, leaf, proof, root)),
            ("leafIdx XOR 2", (index ^ 2, size, leaf, proof, root)),
            ("treeSize mul 2", (index, size * 2, leaf, proof, root)),
            ("treeSize div 2", (index, size // 2, leaf, proof, root)),
            ("wrong leaf", (index, size, b"WrongLeaf", proof, root)),
            ("empty root", (index, size, leaf, proof, merkle.EMPTY_ROOT)),
            ("random root", (index, size, leaf, proof, SOME)),
            ("trailing garbage", (index, size, leaf, [*proof, b""], root)),
            ("trailing root", (index, size, leaf, [*proof, root], root)),
            ("preceding garbage", (index, size, leaf, [b"", *proof], root)),
            ("preceding root", (index, size, leaf, [root, *proof], root)),
        ):
            yield f"{n} {name}", probe, False
        for i in range(len(proof)):
            yield f"{n} proof[{i}] bit 3", (index, size, leaf, flipped(proof, i, 8), root), False
        if proof:
            yield f"{n} removed component", (index, size, leaf, proof[:-1], root), False
        if len(proof) > 1:
            inserted = [proof[0], SOME, *proof[1:]]
            yield f"{n} inserted component", (index, size, leaf, inserted, root), False
    for index, size in ((0, 0), (0, 1), (1, 0), (2, 1)):
        yield f"static {index} {size} random leaf", (index, size, SOME, [], b""), False
        yield f"static {index} {size} empty root", (index, size, b"", [], merkle.EMPTY_ROOT), False
        both = (index, size, SOME, [], merkle.EMPTY_ROOT)
        yield f"static {index} {size} empty root, random leaf", both, False
    data = merkle.leaf_hash(b"data")
    yield "single entry, matching", (0, 1, data, [], data), True
    yield "single entry, empty leaf", (0, 1, b"", [], data), False
    yield "single entry, empty root", (0, 1, data, [], b""), False
    yield "single entry, both empty", (0, 1, b"", [], b""), False


def consistency_probes() -> Iterator[Probe]:
    """Each published consistency proof and each way its publisher corrupts it."""
    for n, vector in enumerate(DATA["consistency"]):
        one, two, proof = vector["first"], vector["second"], hashes(vector["proof"])
        r1, r2 = ROOTS[one], ROOTS[two]
        yield f"{n} happy path", (one, two, proof, r1, r2), True
        if not proof:
            continue
        for name, probe in (
            ("size1 sub 1", (one - 1, two, proof, r1, r2)),
            ("size1 plus 1", (one + 1, two, proof, r1, r2)),
            ("size1 XOR 2", (one ^ 2, two, proof, r1, r2)),
            ("size2 mul 2", (one, two * 2, proof, r1, r2)),
            ("size2 div 2", (one, two // 2, proof, r1, r2)),
            ("wrong root1", (one, two, proof, b"WrongRoot", r2)),
            ("wrong root2", (one, two, proof, r1, b"WrongRoot")),
            ("swapped roots", (one, two, proof, r2, r1)),
            ("empty proof", (one, two, [], r1, r2)),
            ("trailing garbage", (one, two, [*proof, b""], r1, r2)),
            ("trailing root1", (one, two, [*proof, r1], r1, r2)),
            ("trailing root2", (one, two, [*proof, r2], r1, r2)),
            ("preceding garbage", (one, two, [b"", *proof], r1, r2)),
            ("preceding root1", (one, two, [r1, *proof], r1, r2)),
            ("preceding root2", (one, two, [r2, *proof], r1, r2)),
            ("preceding proof[0]", (one, two, [proof[0], *proof], r1, r2)),
            ("truncated proof", (one, two, proof[:-1], r1, r2)),
        ):
            yield f"{n} {name}", probe, False
        for i in range(len(proof)):
            yield f"{n} proof[{i}] bit 4", (one, two, flipped(proof, i, 16), r1, r2), False
    a, b, empty = b"don't care 1", b"don't care 2", merkle.EMPTY_ROOT
    for name, probe, good in (
        ("equal zero, roots differ", (0, 0, [], a, b), False),
        ("equal one, roots differ", (1, 1, [], a, b), False),
        ("equal zero", (0, 0, [], a, a), False),
        ("size1 zero", (0, 1, [], a, b), False),
        ("equal one", (1, 1, [], b, b), True),
        ("time travel", (1, 0, [], a, b), False),
        ("time travel again", (2, 1, [], a, b), False),
        ("empty proof", (1, 2, [], a, b), False),
        ("zero, roots differ", (0, 0, [], empty, b), False),
        ("one, roots differ", (1, 1, [], empty, b), False),
        ("zero, proof not empty", (0, 0, [empty], empty, empty), False),
        ("one, proof not empty", (1, 1, [empty], empty, empty), False),
        ("size1 zero, size2 not", (0, 1, [], empty, b), False),
        ("empty tree is useless", (0, 1, [empty], empty, empty), False),
    ):
        yield f"static {name}", probe, good


def flipped(proof: list[bytes], i: int, bit: int) -> list[bytes]:
    changed = bytes([proof[i][0] ^ bit]) + proof[i][1:]
    return [*proof[:i], changed, *proof[i + 1 :]]


def stored(leaves: list[bytes]) -> tuple[merkle.Frontier, dict[merkle.Coordinate, bytes]]:
    frontier, nodes = merkle.Frontier(), {}
    for leaf in leaves:
        frontier, made = frontier.append(leaf)
        nodes |= {(node.level, node.index): node.hash for node in made}
    return frontier, nodes


@pytest.mark.parametrize(("name", "probe", "good"), list(inclusion_probes()))
def test_inclusion_probes_are_judged_as_published(
    name: str, probe: tuple[Any, ...], good: bool
) -> None:
    """Every probe of transparency-dev/merkle's testdata/inclusion gets its published verdict."""
    if good:
        merkle.verify_inclusion(*probe)
        return
    with pytest.raises(ProofError):
        merkle.verify_inclusion(*probe)


@pytest.mark.parametrize(("name", "probe", "good"), list(consistency_probes()))
def test_consistency_probes_are_judged_as_published(
    name: str, probe: tuple[Any, ...], good: bool
) -> None:
    """Every probe of transparency-dev/merkle's testdata/consistency gets its published verdict."""
    if good:
        merkle.verify_consistency(*probe)
        return
    with pytest.raises(ProofError):
        merkle.verify_consistency(*probe)


def test_as_many_probes_as_published() -> None:
    """The rule yields as many probes as the publisher's folders hold (98 and 98)."""
    assert (len(list(inclusion_probes())), len(list(consistency_probes()))) == (98, 98)


def test_nodes_and_roots_are_the_published_ones() -> None:
    """Appending the published leaves stores the published nodes and gives the published roots."""
    _, nodes = stored(LEAVES)
    want = {
        (level, index): bytes.fromhex(text)
        for level, row in enumerate(DATA["nodes"])
        for index, text in enumerate(row)
    }
    assert nodes == want
    frontier = merkle.Frontier()
    assert frontier.root() == ROOTS[0]
    for size, leaf in enumerate(LEAVES, start=1):
        frontier, _ = frontier.append(leaf)
        assert frontier.root() == ROOTS[size]


def test_proofs_made_are_the_published_ones() -> None:
    """The proofs made from stored nodes are byte for byte the published ones."""
    _, nodes = stored(LEAVES)

    def read(wanted: Any) -> list[bytes]:
        return [nodes[one] for one in wanted]

    for vector in DATA["inclusion"]:
        made = merkle.inclusion_proof(vector["index"], vector["size"], read)
        assert made == hashes(vector["proof"])
    for vector in DATA["consistency"]:
        made = merkle.consistency_proof(vector["first"], vector["second"], read)
        assert made == hashes(vector["proof"])


def direct_root(leaves: list[bytes]) -> bytes:
    """Compute the root as RFC 9162 2.1.1 defines it, by recursion."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return merkle.node_hash(direct_root(leaves[:k]), direct_root(leaves[k:]))


@given(st.integers(1, 70), st.data())
def test_every_leaf_and_every_prefix_can_be_proved(size: int, data: st.DataObject) -> None:
    """For any tree, any leaf is proved in it and any prefix is proved to be one."""
    leaves = [merkle.leaf_hash(n.to_bytes(2, "big")) for n in range(size)]
    frontier, nodes = stored(leaves)
    assert frontier.root() == direct_root(leaves)

    def read(wanted: Any) -> list[bytes]:
        return [nodes[one] for one in wanted]

    assert merkle.read_frontier(size, read) == frontier
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(index, size, read)
    merkle.verify_inclusion(index, size, leaves[index], proof, frontier.root())
    first = data.draw(st.integers(1, size))
    early = merkle.grow(leaves[:first]).root()
    path = merkle.consistency_proof(first, size, read)
    merkle.verify_consistency(first, size, path, early, frontier.root())
    other = data.draw(st.integers(0, size - 1))
    if other != index:
        with pytest.raises(ProofError):
            merkle.verify_inclusion(other, size, leaves[index], proof, frontier.root())


def test_impossible_questions_are_refused() -> None:
    """A proof of an entry outside the tree, or backwards in time, is refused by name."""
    for index, size in pairwise((0, 0, 5, 3)):
        with pytest.raises(InputError):
            merkle.inclusion_proof(max(index, size), size, lambda _: [])
    with pytest.raises(InputError, match="smaller size first"):
        merkle.consistency_proof(5, 3, lambda _: [])
    with pytest.raises(InputError, match="frontier"):
        merkle.Frontier(3, (b"",))
