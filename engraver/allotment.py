"""One allotment of blocks to a make and model: `Row`.

In: the fields of a row, as a person or a file gives them. Out: a checked, normalised value that
turns serials into offsets and back. Authority: docs/formats/pin32.md, "Registry".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from engraver.errors import RegistryError
from engraver.orders import normalise_name, normalise_serial
from engraver.templates import Template, parse_template

BLOCK_SIZE = 32768
"""Registry integers in one block: three symbols, 32^3."""

BLOCK_LIMIT = (1 << 40) // BLOCK_SIZE
"""Blocks of the longest format, pin32-12."""


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
        _check_date(self)
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

    def may_share_with(self, other: Row) -> bool:
        """Return whether some serial may fit both rows; never False where one does."""
        if self._template is None:
            return any(other.offset_of(serial) is not None for serial in self.serials)
        if other._template is None:
            return other.may_share_with(self)
        if self._template.sets == other._template.sets:
            low, high = max(self.start, other.start), min(self._end, other._end)
            return low < high
        return self._template.meets(other._template)

    @property
    def _end(self) -> int:
        return self.start + self.count

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


def _check_date(row: Row) -> None:
    try:
        if row.dated:
            date.fromisoformat(row.dated)
    except (TypeError, ValueError) as error:
        raise RegistryError(
            f"row of block {row.first_block}: date {row.dated!r} is not written as 2026-01-05"
        ) from error


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


def row_from(item: object) -> Row:
    """Make a row of JSON fields; RegistryError for unknown or missing ones."""
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
