"""Makes and models and their ids: (make, model, serial) <-> registry integer P.

In: rows of allotted blocks, as values or as text (JSON, CSV). Out: `Registry`, which gives each
firearm one integer P = 32768 * block + offset and each P its firearm. A registry only grows:
rows are chained by digests, so that of two registries one continues the other or they
disagree (`compare`). Authority: docs/formats/pin32.md, "Registry".
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations, pairwise

from engraver.allotment import BLOCK_LIMIT, BLOCK_SIZE, Row, row_fields, row_from
from engraver.errors import RegistryError
from engraver.orders import normalise_name, normalise_serial

__all__ = [
    "BLOCK_LIMIT",
    "BLOCK_SIZE",
    "Comparison",
    "Firearm",
    "Registry",
    "Row",
    "compare",
    "parse",
    "to_csv",
    "to_json",
]

_LONGEST_CELL = 131072
"""Characters that readers of CSV accept in one cell."""

_COLUMNS = ("first_block", "blocks", "make", "model", "template", "start", "serials", "dated")


@dataclass(frozen=True, slots=True)
class Firearm:
    """One firearm's normalised identity."""

    make: str
    model: str
    serial: str


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

    def extended(self, row: Row) -> Registry:
        """Return the registry with one more row; the rows before it stay as they are."""
        return Registry((*self.rows, row))

    def ambiguities(self) -> tuple[str, ...]:
        """Name the pairs of rows of one make and model that may both claim a serial."""
        return tuple(
            f"{a.label} and {b.label} may both claim a serial: {a.range_text} and {b.range_text}"
            for group in self._by_name.values()
            for a, b in combinations(group, 2)
            if a.may_share_with(b)
        )

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


def chain(rows: Iterable[Row]) -> list[str]:
    """Return the digest after 0, 1, ... rows: SHA-256 of the previous digest and the row."""
    digests = [hashlib.sha256(b"pinmark registry 1\n").hexdigest()]
    for row in rows:
        canonical = json.dumps(row_fields(row), sort_keys=True, separators=(",", ":"))
        digests.append(hashlib.sha256(f"{digests[-1]}\n{canonical}\n".encode()).hexdigest())
    return digests


@dataclass(frozen=True, slots=True)
class Comparison:
    """How another registry relates to this one.

    ``relation`` is ``equal``, ``continues`` (the other has more rows), ``behind`` (this one
    has) or ``disagrees``; ``common`` counts the rows they share from the start; ``detail`` is
    one line for people.
    """

    relation: str
    common: int
    detail: str


def compare(ours: Registry, theirs: Registry) -> Comparison:
    """Say how ``theirs`` relates to ``ours``; two that disagree are never merged."""
    pairs = zip(ours.rows, theirs.rows, strict=False)
    common = next((at for at, (a, b) in enumerate(pairs) if a != b), None)
    if common is not None:
        here, there = ours.rows[common], theirs.rows[common]
        detail = f"they disagree from row {common} on: {here.label} here, {there.label} there"
        return Comparison("disagrees", common, detail)
    shared = min(len(ours.rows), len(theirs.rows))
    more = len(theirs.rows) - len(ours.rows)
    if more == 0:
        return Comparison("equal", shared, f"both hold the same {shared} rows")
    if more > 0:
        return Comparison("continues", shared, f"it adds {more} rows to the {shared} here")
    return Comparison("behind", shared, f"it lacks the last {-more} rows of this registry")


def to_json(registry: Registry, exported: str) -> str:
    """Return the registry as JSON text with its digest, dated ``exported`` (ISO date)."""
    document = {
        "pinmark_registry": 1,
        "exported": exported,
        "digest": registry.digest,
        "rows": [row_fields(row) for row in registry.rows],
    }
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def to_csv(registry: Registry, exported: str) -> str:
    """Return the registry as CSV text; its first line holds date and digest."""
    if any(sum(map(len, row.serials)) + len(row.serials) > _LONGEST_CELL for row in registry.rows):
        raise RegistryError("a list of serials is too long for one CSV cell; export JSON instead")
    text = io.StringIO()
    text.write(f"# pinmark registry 1, exported {exported}, sha256 {registry.digest}\n")
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    for row in registry.rows:
        writer.writerow(row_fields(row) | {"serials": ";".join(row.serials)})
    return text.getvalue()


def parse(text: str) -> Registry:
    """Read a registry from JSON or CSV text.

    Raises
    ------
    RegistryError
        If the text is no registry, a row contradicts itself or another, or the digest given
        in it is not the digest of its rows.
    """
    text = text.removeprefix("\ufeff")
    rows, digest = _from_json(text) if text.lstrip().startswith(("{", "[")) else _from_csv(text)
    registry = Registry(tuple(row_from(item) for item in rows))
    if digest not in (None, registry.digest):
        raise RegistryError(
            f"registry digest {digest} does not fit its rows ({registry.digest}); the file was "
            "changed after export"
        )
    return registry


def _from_json(text: str) -> tuple[list[object], object]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RegistryError(f"registry is no JSON: {error}; export it again") from error
    if not isinstance(document, dict) or not isinstance(document.get("rows"), list):
        raise RegistryError('registry has no list "rows"; a registry is {"rows": [...]}')
    return document["rows"], document.get("digest")


def _from_csv(text: str) -> tuple[list[object], str | None]:
    lines = text.splitlines()
    notes = [line for line in lines if line.startswith("#")]
    digest = notes[0].rpartition("sha256 ")[2].strip(" ,") if notes else None
    reader = csv.DictReader(line for line in lines if line and not line.startswith("#"))
    if not {"first_block", "blocks", "make", "model"} <= set(reader.fieldnames or ()):
        raise RegistryError(f"registry CSV lacks its header; its columns are {','.join(_COLUMNS)}")
    try:
        return [_csv_row(fields) for fields in reader], digest
    except csv.Error as error:
        raise RegistryError(f"registry CSV cannot be read: {error}; export JSON") from error


def _csv_row(fields: Mapping[str | None, str | None]) -> object:
    if None in fields or None in fields.values():
        raise RegistryError(f"registry CSV row {list(fields.values())} has not one cell a column")
    item: dict[str, object] = {str(key): value for key, value in fields.items() if value}
    try:
        for key in ("first_block", "blocks", "start"):
            if key in item:
                item[key] = int(str(item[key]))
    except ValueError as error:
        raise RegistryError(f"registry CSV row {item}: {error}") from error
    if "serials" in item:
        item["serials"] = str(item["serials"]).split(";")
    return item
