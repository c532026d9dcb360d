"""The Merkle tree of the log: hashing, growing, proving, verifying.

In: leaf data and hashes. Out: root hashes and proofs, 32 bytes a hash. Authority: RFC 9162
section 2.1 (identical to RFC 6962 for SHA-256).

Theory of operation
-------------------
A tree of n leaves is a row of complete subtrees, one for each bit set in n, largest first. For
n = 7 = 4 + 2 + 1::

    root of 7 = H(A, H(B, C))

    level 2          A               A = (level 2, index 0)   covers leaves 0..3
    level 1      .       .       B   B = (level 1, index 2)   covers leaves 4..5
    level 0    0   1   2   3   4  5  6 = C, (level 0, index 6)

Complete subtrees never change once they are full, so they are stored, keyed by (level, index),
and never rewritten; the nodes on the ragged right edge are recomputed by folding. The row of
complete subtrees, `Frontier`, is all that is needed to append. Every hash a proof needs covers
a range of leaves, which is one stored node or, at the right edge, a fold of a few.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from engraver.errors import InputError, ProofError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""Root of the tree without leaves (RFC 9162 2.1.1)."""

LARGEST_TREE = 2**63 - 1
"""Sizes are signed 64-bit integers in every database and in Go's tlog."""

Coordinate = tuple[int, int]
"""Where a complete subtree stands: (level, index) covers leaves index << level onwards."""

ReadNodes = Callable[[Sequence[Coordinate]], Sequence[bytes]]
"""Reads stored nodes, in the order asked; raises if one is missing."""


def leaf_hash(data: bytes) -> bytes:
    """Hash a leaf: SHA-256 of 0x00 and the data.

    Examples
    --------
    >>> leaf_hash(b"").hex()[:16]
    '6e340b9cffb37a98'
    """
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash an inner node: SHA-256 of 0x01, the left and the right hash."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Node:
    """A complete subtree as it is stored."""

    level: int
    index: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Frontier:
    """The complete subtrees of a tree, largest first: enough to append and to give the root.

    Parameters
    ----------
    size
        Leaves in the tree.
    hashes
        One hash for each bit set in ``size``.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a row of hashes that cannot belong to this size."""
        if not 0 <= self.size <= LARGEST_TREE or len(self.hashes) != self.size.bit_count():
            raise InputError(
                f"a frontier of {len(self.hashes)} hashes cannot stand for {self.size} leaves; "
                f"it needs one for each bit set in a size from 0 to {LARGEST_TREE}"
            )

    def append(self, leaf: bytes) -> tuple[Frontier, list[Node]]:
        """Append a leaf hash; return the grown frontier and the nodes to store.

        A full subtree is closed for each trailing one bit of the old size, as a binary
        counter carries: two nodes an append on average.
        """
        row = list(self.hashes)
        index, level, current = self.size, 0, leaf
        made = [Node(0, index, leaf)]
        while index & 1:
            current = node_hash(row.pop(), current)
            index >>= 1
            level += 1
            made.append(Node(level, index, current))
        return Frontier(self.size + 1, (*row, current)), made

    def root(self) -> bytes:
        """Return the root hash of the tree."""
        return fold(self.hashes) if self.hashes else EMPTY_ROOT


def fold(hashes: Sequence[bytes]) -> bytes:
    """Join complete subtrees, largest first, into the hash of the range they cover."""
    joined = hashes[-1]
    for left in reversed(hashes[:-1]):
        joined = node_hash(left, joined)
    return joined


def grow(leaves: Iterable[bytes], frontier: Frontier | None = None) -> Frontier:
    """Append many leaf hashes without keeping their nodes."""
    grown = frontier or Frontier()
    for leaf in leaves:
        grown, _ = grown.append(leaf)
    return grown


def frontier_coordinates(size: int) -> list[Coordinate]:
    """Return where the complete subtrees of a tree of ``size`` leaves are stored.

    Examples
    --------
    >>> frontier_coordinates(7)
    [(2, 0), (1, 2), (0, 6)]
    """
    return _cover(0, size)


def read_frontier(size: int, read: ReadNodes) -> Frontier:
    """Read the frontier of a tree of ``size`` leaves from its stored nodes."""
    return Frontier(size, tuple(read(frontier_coordinates(size))) if size else ())


def _cover(begin: int, end: int) -> list[Coordinate]:
    """Cover leaves begin..end-1 with complete subtrees; ``begin`` is aligned to the range."""
    cover = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        cover.append((level, begin >> level))
        begin += 1 << level
    return cover


def _split(size: int) -> int:
    """Return the largest power of two below ``size`` (RFC 9162 2.1.1)."""
    return 1 << ((size - 1).bit_length() - 1)


def _inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """Leaf ranges whose hashes prove a leaf, from its sibling upwards (RFC 9162 2.1.3.1)."""
    begin, end = 0, size
    ranges = []
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin = middle
    return ranges[::-1]


def _consistency_ranges(first: int, second: int) -> list[tuple[int, int]]:
    """Leaf ranges that prove a tree to be a prefix of another (RFC 9162 2.1.4.1, SUBPROOF)."""
    begin, end = 0, second
    ranges = []
    whole = True  # the first tree's root still is a node the verifier knows
    while first != end:
        middle = begin + _split(end - begin)
        if first <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin = middle
            whole = False
    if not whole:
        ranges.append((begin, end))
    return ranges[::-1]


def _read_ranges(ranges: Sequence[tuple[int, int]], read: ReadNodes) -> list[bytes]:
    covers = [_cover(begin, end) for begin, end in ranges]
    stored = iter(read([where for cover in covers for where in cover]))
    return [fold([next(stored) for _ in cover]) for cover in covers]


def inclusion_proof(index: int, size: int, read: ReadNodes) -> list[bytes]:
    """Prove that leaf ``index`` stands in the tree of ``size`` leaves; one read of nodes.

    Raises
    ------
    InputError
        If the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise InputError(
            f"entry {index} is not in a log of {size} entries; ask for 0 to {size - 1}"
            if size
            else "the log has no entries yet; there is nothing to prove"
        )
    return _read_ranges(_inclusion_ranges(index, size), read)


def consistency_proof(first: int, second: int, read: ReadNodes) -> list[bytes]:
    """Prove that the tree of ``first`` leaves is a prefix of the tree of ``second``.

    Raises
    ------
    InputError
        If the sizes are not 0 <= first <= second.
    """
    if not 0 <= first <= second:
        raise InputError(
            f"no consistency proof leads from {first} to {second} entries; "
            "give the smaller size first"
        )
    if first in (0, second):
        return []
    return _read_ranges(_consistency_ranges(first, second), read)


def root_from_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """Compute the root that an inclusion proof leads to (RFC 9162 2.1.3.2).

    Raises
    ------
    ProofError
        If the proof has the wrong shape for this leaf and this size.
    """
    if not 0 <= index < size <= LARGEST_TREE:
        raise ProofError(f"entry {index} cannot be in a log of {size} entries")
    _check_hashes([leaf, *proof])
    inner, ends = index, size - 1
    current = leaf
    for sibling in proof:
        if ends == 0:
            raise ProofError(f"the proof has {len(proof)} hashes, too many for {size} entries")
        if inner & 1 or inner == ends:
            current = node_hash(sibling, current)
            while inner and not inner & 1:
                inner, ends = inner >> 1, ends >> 1
        else:
            current = node_hash(current, sibling)
        inner, ends = inner >> 1, ends >> 1
    if ends != 0:
        raise ProofError(f"the proof has {len(proof)} hashes, too few for {size} entries")
    return current


def verify_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that a leaf stands at ``index`` in the tree with this root.

    Raises
    ------
    ProofError
        If it does not.
    """
    found = root_from_inclusion(index, size, leaf, proof)
    if found != root:
        raise ProofError(
            f"the proof of entry {index} leads to root {found.hex()}, "
            f"the log of {size} entries has {root.hex()}: the entry is not in this log"
        )


def verify_consistency(
    first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes
) -> None:
    """Check that the first tree is a prefix of the second (RFC 9162 2.1.4.2).

    An empty first tree is refused: everything extends it, so nothing would be shown.

    Raises
    ------
    ProofError
        If it is not a prefix, or the proof has the wrong shape.
    """
    if not 0 < first <= second <= LARGEST_TREE:
        raise ProofError(f"a log of {first} entries cannot be the beginning of one of {second}")
    if first == second:
        if proof or first_root != second_root:
            raise ProofError(f"two logs of {first} entries have different roots: a split view")
        return
    _check_hashes([first_root, second_root, *proof])
    # a first tree that is one complete subtree proves itself: its root opens the path
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not path:
        raise ProofError(f"an empty proof cannot lead from {first} to {second} entries")
    small, large = _climb(first - 1, second - 1, path)
    if small != first_root:
        raise ProofError(f"the proof rebuilds another root for {first} entries: history differs")
    if large != second_root:
        raise ProofError(f"the proof rebuilds another root for {second} entries")


def _climb(inner: int, ends: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Rebuild both roots from a consistency path; the first element seeds both."""
    while inner & 1:
        inner, ends = inner >> 1, ends >> 1
    small = large = path[0]
    for sibling in path[1:]:
        if ends == 0:
            raise ProofError(f"the consistency proof has too many hashes ({len(path)})")
        if inner & 1 or inner == ends:
            small, large = node_hash(sibling, small), node_hash(sibling, large)
            while inner and not inner & 1:
                inner, ends = inner >> 1, ends >> 1
        else:
            large = node_hash(large, sibling)
        inner, ends = inner >> 1, ends >> 1
    if ends != 0:
        raise ProofError(f"the consistency proof has too few hashes ({len(path)})")
    return small, large


def _check_hashes(hashes: Sequence[bytes]) -> None:
    for one in hashes:
        if len(one) != HASH_BYTES:
            raise ProofError(f"a hash has {len(one)} bytes; SHA-256 has {HASH_BYTES}")
