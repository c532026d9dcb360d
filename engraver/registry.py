"""Makes and models and their ids: (make, model, serial) <-> registry integer P.

In: rows of allotted blocks, as values or as text (JSON, CSV). Out: `Registry`, which gives each
firearm one integer P = 32768 * block + offset and each P its firearm. A registry only grows:
rows are chained by digests, so that of two registries one continues the other or they
disagree. Authority: docs/formats/pin32.md, "Registry".
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from engraver.errors import RegistryError
from engraver.orders import normalise_name, normalise_serial
from engraver.templates import Template, parse_template

BLOCK_SIZE = 32768
"""Registry integers in one block: three symbols, 32^3."""

BLOCK_LIMIT = (1 << 40) // BLOCK_SIZE
"""Blocks of the longest format, pin32-12."""


@dataclass(frozen=True, slots=True)
class Firearm:
    """One firearm's normalised identity."""

    make: str
    model: str
    serial: str


@dataclass(frozen=True, slots=True)
class Row:
    """One allotment: consecutive blocks to one make and model.

    Parameters
    ----------
    first_block, blocks
        The blocks, each of 32,768 registry integers.
    make, model
        As written on the firearm; normalised when made.
    template
        Serial template (see `engraver.templates`), or "" for a row with a list of serials.
    start
        Index within the template of the serial at offset 0.
    serials
        The explicit list; offset is the place in it.
    dated
        ISO date of the allotment, as given by whoever made it.
    """

    first_block: int
    blocks: int
    make: str
    model: str
    template: str = ""
    start: int = 0
    serials: tuple[str, ...] = ()
    dated: str = ""
    _template: Template | None = field(default=None, init=False, repr=False, compare=False)
    _offsets: Mapping[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_blocks(self)
        object.__setattr__(self, "make", normalise_name(self.make, "make"))
        object.__setattr__(self, "model", normalise_name(self.model, "model"))
        if bool(self.template) == bool(self.serials):
            raise RegistryError(f"{self.label}: give either a template or a list of serials")
        if self.template:
            object.__setattr__(self, "_template", _check_template(self))
        else:
            object.__setattr__(self, "serials", tuple(map(normalise_serial, self.serials)))
            object.__setattr__(self, "_offsets", _check_list(self))

    @property
    def label(self) -> str:
        """How messages name the row."""
        return f"row of block {self.first_block} ({self.make} {self.model})"

    @property
    def first_index(self) -> int:
        """The smallest registry integer of the row."""
        return self.first_block * BLOCK_SIZE

    @property
    def count(self) -> int:
        """How many serials the row can hold."""
        if self._template is None:
            return len(self.serials)
        return min(self.blocks * BLOCK_SIZE, self._template.size - self.start)

    def offset_of(self, serial: str) -> int | None:
        """Return the offset of a normalised serial, or None if it is not the row's."""
        if self._template is None:
            return self._offsets.get(serial)
        index = self._template.index_of(serial)
        if index is None or not 0 <= index - self.start < self.count:
            return None
        return index - self.start

    def serial_at(self, offset: int) -> str:
        """Return the serial of an offset below ``count``."""
        if self._template is None:
            return self.serials[offset]
        return self._template.serial_at(self.start + offset)

    @property
    def range_text(self) -> str:
        """First and last serial, for people."""
        return f"{self.serial_at(0)} to {self.serial_at(self.count - 1)}"


def _check_blocks(row: Row) -> None:
    for name in ("first_block", "blocks", "start"):
        value = getattr(row, name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise RegistryError(f"{name} {value!r} is not a whole number; correct the row")
    if row.first_block < 0 or row.blocks < 1 or row.first_block + row.blocks > BLOCK_LIMIT:
        raise RegistryError(
            f"blocks {row.first_block} to {row.first_block + row.blocks - 1} are outside "
            f"0 to {BLOCK_LIMIT - 1}; allot at least one block inside"
        )


def _check_template(row: Row) -> Template:
    template = parse_template(row.template)
    if not 0 <= row.start < template.size:
        raise RegistryError(
            f"{row.label}: template {row.template!r} writes {template.size} serials and cannot "
            f"hold start index {row.start}; start below {template.size}"
        )
    return template


def _check_list(row: Row) -> Mapping[str, int]:
    if len(row.serials) > row.blocks * BLOCK_SIZE:
        raise RegistryError(
            f"{row.label}: {len(row.serials)} serials do not fit {row.blocks} blocks of "
            f"{BLOCK_SIZE}; allot more blocks"
        )
    offsets: dict[str, int] = {}
    for offset, serial in enumerate(row.serials):
        if offsets.setdefault(serial, offset) != offset:
            raise RegistryError(f"{row.label}: serial {serial} is listed twice; list it once")
    return offsets


@dataclass(frozen=True, slots=True)
class Registry:
    """All allotments, in the order they were made.

    Raises
    ------
    RegistryError
        If two rows share a block, or two rows of one make and model share serials.
    """

    rows: tuple[Row, ...]
    _starts: tuple[int, ...] = field(default=(), init=False, repr=False, compare=False)
    _by_block: tuple[Row, ...] = field(default=(), init=False, repr=False, compare=False)
    _by_name: Mapping[tuple[str, str], tuple[Row, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        by_block = tuple(sorted(self.rows, key=lambda row: row.first_block))
        _refuse_shared_blocks(by_block)
        object.__setattr__(self, "_by_block", by_block)
        object.__setattr__(self, "_starts", tuple(row.first_block for row in by_block))
        object.__setattr__(self, "_by_name", _group_by_name(self.rows))

    def index_of(self, make: str, model: str, serial: str) -> int:
        """Return the registry integer of a firearm.

        Raises
        ------
        RegistryError
            If make and model are unknown, or the serial fits none or two of their rows.
        """
        make, model = normalise_name(make, "make"), normalise_name(model, "model")
        serial = normalise_serial(serial)
        rows = self._by_name.get((make, model))
        if rows is None:
            raise RegistryError(self._unknown_name(make, model))
        places = [(row, row.offset_of(serial)) for row in rows]
        fits = [row.first_index + offset for row, offset in places if offset is not None]
        if len(fits) == 1:
            return fits[0]
        if fits:
            raise RegistryError(
                f"serial {serial} of {make} {model} fits {len(fits)} rows of the registry; "
                "correct the registry before marking"
            )
        ranges = "; ".join(row.range_text for row in rows[:4])
        raise RegistryError(
            f"serial {serial} is outside what is allotted to {make} {model}: {ranges}"
            f"{' ...' if len(rows) > 4 else ''}; check the serial or allot a block"
        )

    def _unknown_name(self, make: str, model: str) -> str:
        models = [known for maker, known in self._by_name if maker == make]
        if models:
            return f"{make} has no model {model} in the registry; known: {', '.join(models[:8])}"
        makes = sorted({maker for maker, _ in self._by_name})
        return (
            f"make {make} is not in the registry; known: {', '.join(makes[:8]) or 'none'}; "
            "see pinmark registry list"
        )

    def row_of(self, index: int) -> Row | None:
        """Return the row that owns the registry integer ``index``, or None."""
        at = bisect_right(self._starts, index // BLOCK_SIZE) - 1
        if at < 0:
            return None
        row = self._by_block[at]
        return row if index // BLOCK_SIZE < row.first_block + row.blocks else None

    def identify(self, index: int) -> Firearm:
        """Return the firearm of a registry integer; RegistryError if none is allotted there."""
        row = self.row_of(index)
        if row is None:
            raise RegistryError(
                f"index {index} lies in block {index // BLOCK_SIZE}, which is not allotted"
            )
        if index - row.first_index >= row.count:
            raise RegistryError(
                f"index {index} lies past the last serial of the {row.label}, {row.range_text}"
            )
        return Firearm(row.make, row.model, row.serial_at(index - row.first_index))

    @property
    def next_block(self) -> int:
        """The first block after all that were ever allotted."""
        return max((row.first_block + row.blocks for row in self.rows), default=0)

    @property
    def digest(self) -> str:
        """Hex SHA-256 chained over all rows; equal for equal histories only."""
        return chain(self.rows)[-1]


def _refuse_shared_blocks(by_block: tuple[Row, ...]) -> None:
    for lower, upper in pairwise(by_block):
        if upper.first_block < lower.first_block + lower.blocks:
            raise RegistryError(
                f"block {upper.first_block} is allotted twice: {lower.label} and {upper.label}; "
                "a block is never reused, allot the next free one"
            )


def _group_by_name(rows: Iterable[Row]) -> Mapping[tuple[str, str], tuple[Row, ...]]:
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.make, row.model), []).append(row)
    return {name: tuple(group) for name, group in groups.items()}


def row_fields(row: Row) -> dict[str, object]:
    """Return a row as JSON fields, empty ones left out."""
    fields: dict[str, object] = {
        "first_block": row.first_block,
        "blocks": row.blocks,
        "make": row.make,
        "model": row.model,
    }
    if row.template:
        fields |= {"template": row.template, "start": row.start}
    else:
        fields |= {"serials": list(row.serials)}
    return fields | ({"dated": row.dated} if row.dated else {})


def chain(rows: Iterable[Row]) -> list[str]:
    """Return the digest after 0, 1, ... rows: SHA-256 of the previous digest and the row."""
    digests = [hashlib.sha256(b"pinmark registry 1\n").hexdigest()]
    for row in rows:
        canonical = json.dumps(row_fields(row), sort_keys=True, separators=(",", ":"))
        digests.append(hashlib.sha256(f"{digests[-1]}\n{canonical}\n".encode()).hexdigest())
    return digests


def parse(text: str) -> Registry:
    """Read a registry from JSON text.

    Raises
    ------
    RegistryError
        If the text is no registry, a row contradicts itself or another, or the digest given
        in it is not the digest of its rows.
    """
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise RegistryError(f"registry is no JSON: {error}; export it again") from error
    if not isinstance(document, dict) or not isinstance(document.get("rows"), list):
        raise RegistryError('registry has no list "rows"; a registry is {"rows": [...]}')
    registry = Registry(tuple(_row_from(item) for item in document["rows"]))
    digest = document.get("digest", registry.digest)
    if digest != registry.digest:
        raise RegistryError(
            f"registry digest {digest} does not fit its rows ({registry.digest}); the file was "
            "changed after export"
        )
    return registry


def _row_from(item: object) -> Row:
    known = {"first_block", "blocks", "make", "model", "template", "start", "serials", "dated"}
    if not isinstance(item, dict) or not item.keys() <= known:
        raise RegistryError(f"registry row {item!r} is no object with keys {sorted(known)}")
    missing = {"first_block", "blocks", "make", "model"} - item.keys()
    if missing:
        raise RegistryError(f"registry row {item!r} lacks {', '.join(sorted(missing))}")
    serials = item.get("serials", [])
    if not isinstance(serials, list):
        raise RegistryError(f"registry row {item!r}: serials must be a list of texts")
    return Row(**{**item, "serials": tuple(serials)})
