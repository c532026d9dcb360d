"""The reads of one case, as a laboratory writes them: JSON text -> `Case`.

In: an object with ``format``, ``casings`` (each a list of reads: a text, a likelihood table or a
gear ring) and, if they differ from the defaults, prior and error rates. Out: one ``(n, 32)``
table a casing, and what the answer is to be based on. Authority: docs/formats/pin32.md,
"Evidence", and docs/formats/gear.md.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from engraver.batch import Integers
from engraver.codes import FORMATS, JOINT, CodeFormat, format_named
from engraver.errors import CodeError
from engraver.evidence import PRIOR_NOT_ISSUED
from engraver.gear import decode_ring, parse_ring, slot_count, start_faults, turn_ring
from engraver.issued import allotted_indices
from engraver.likelihood import (
    ReadModel,
    Table,
    average,
    default_confusion,
    table_of_likelihoods,
    table_of_logarithms,
    table_of_reading,
    table_of_ring,
)
from engraver.orders import normalise_name
from engraver.reading import parse
from engraver.registry import Registry

MOST_ISSUED = 50_000_000
"""Issued codes that one call weighs; four look-ups and 8 bytes each."""

_KEYS = {"format", "casings", "prior_not_issued", "error_rate", "confusion", "slot_error"}
_KEYS |= {"fault_rate", "issued"}


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """Everything `engraver.evidence.call` needs but the issued codes.

    ``issued`` narrows them: ``below`` a registry integer, or to a ``make`` and ``model``.
    """

    format: CodeFormat
    names: tuple[str, ...]
    casings: tuple[Table, ...]
    model: ReadModel
    prior_not_issued: float
    issued: dict[str, object]


def parse_case(text: str) -> Case:
    """Understand the reads of a case.

    Raises
    ------
    CodeError
        For anything but the documented keys and values; the message names the casing.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CodeError(f"the reads are no JSON: {error}") from error
    fields = _object(document, _KEYS, "the reads")
    fmt = format_named(str(fields.get("format", "pin32-12")))
    if fmt.name not in {f.name for f in (*FORMATS.values(), *JOINT.values())}:
        raise CodeError(f"format {fmt.name} stands on no pin; name one that does")
    model = _model(fields)
    casings = fields.get("casings")
    if not isinstance(casings, list) or not casings:
        raise CodeError('the reads need "casings", a list of objects with "reads"')
    pairs = [_casing(item, at, fmt, model) for at, item in enumerate(casings)]
    return Case(
        fmt,
        tuple(name for name, _ in pairs),
        tuple(table for _, table in pairs),
        model,
        _number(fields, "prior_not_issued", PRIOR_NOT_ISSUED),
        _object(fields.get("issued", {}), {"below", "make", "model"}, "issued"),
    )


def issued_indices(case: Case, registry: Registry) -> Integers:
    """Return the registry integers that the case weighs.

    Raises
    ------
    CodeError
        If none are left, or more than 50 million.
    """
    below = case.issued.get("below")
    if below is not None:
        if type(below) is not int or not 0 < below <= case.format.index_limit:
            raise CodeError(f"issued below {below!r} is no index of {case.format.name}")
        count = below
    else:
        registry = _narrowed(registry, case.issued)
        count = sum(row.count for row in registry.rows)
    if not 0 < count <= MOST_ISSUED:
        raise CodeError(
            f"{count} issued codes; 1 to {MOST_ISSUED} are weighed at a time: narrow them by "
            "make and model"
        )
    return np.arange(count) if below is not None else allotted_indices(registry, case.format)


def _narrowed(registry: Registry, issued: dict[str, object]) -> Registry:
    wanted = {
        key: normalise_name(str(issued[key]), key) for key in ("make", "model") if key in issued
    }
    return Registry(
        tuple(
            row
            for row in registry.rows
            if all(getattr(row, key) == value for key, value in wanted.items())
        )
    )


def _object(value: object, known: set[str], what: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise CodeError(f"{what} must be an object with keys from {', '.join(sorted(known))}")
    if unknown := sorted(map(str, value.keys() - known)):
        raise CodeError(f"{what}: key {unknown[0]!r} is unknown; known: {', '.join(sorted(known))}")
    return value


def _number(fields: dict[str, object], key: str, default: float) -> float:
    value = fields.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CodeError(f"{key} {value!r} is not a number")
    try:
        return float(value)
    except OverflowError as error:
        raise CodeError(f"{key} is too large a number") from error


def _model(fields: dict[str, object]) -> ReadModel:
    confusion = default_confusion(_number(fields, "error_rate", 0.05))
    if "confusion" in fields:
        try:
            confusion = np.array(fields["confusion"], dtype=np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise CodeError(f"confusion is no 32 x 32 table of numbers: {error}") from error
    return ReadModel(
        confusion, _number(fields, "slot_error", 0.02), _number(fields, "fault_rate", 0.01)
    )


def _casing(item: object, at: int, fmt: CodeFormat, model: ReadModel) -> tuple[str, Table]:
    """Return name and table of one casing: channels averaged over readers, then added."""
    fields = _object(item, {"name", "reads"}, f"casing {at}")
    name = str(fields.get("name", at))
    reads = fields.get("reads")
    if not isinstance(reads, list) or not reads:
        raise CodeError(f'casing {name} needs "reads", a list of texts, tables or rings')
    channels: dict[str, list[Table]] = {}
    try:
        for read in reads:
            channel, table = _read(read, fmt, model)
            channels.setdefault(channel, []).append(table)
    except CodeError as error:
        raise CodeError(f"casing {name}: {error}") from error
    return name, np.asarray(sum(average(tables) for tables in channels.values()))


def _read(read: object, fmt: CodeFormat, model: ReadModel) -> tuple[str, Table]:
    known = {"text", "second_place", "likelihoods", "log_likelihoods", "ring", "aligned", "reader"}
    fields = _object(read, known, "a read")
    tables = ("likelihoods", "log_likelihoods", "ring")
    kinds: list[str] = [key for key in tables if key in fields]
    kinds += ["text"] if "text" in fields or "second_place" in fields else []
    if len(kinds) != 1:
        raise CodeError(
            "a read is one of text (with second_place), likelihoods, log_likelihoods or ring"
        )
    if kinds == ["likelihoods"]:
        rows = fields["likelihoods"]
        return "characters", table_of_likelihoods(rows if isinstance(rows, list) else [], fmt.n)
    if kinds == ["log_likelihoods"]:
        return "characters", table_of_logarithms(fields["log_likelihoods"], fmt.n)
    if kinds == ["ring"]:
        table = _ring_table(str(fields["ring"]), fields.get("aligned") is True, fmt, model)
        return "ring", table
    return "characters", _text_table(fields, fmt, model)


def _text_table(fields: dict[str, object], fmt: CodeFormat, model: ReadModel) -> Table:
    first = fmt.n - fmt.second
    text = str(fields.get("text", "?" * first))
    if fmt.second and len(parse(text)) == first:
        text += str(fields.get("second_place", "?" * fmt.second))
    elif "second_place" in fields:
        raise CodeError(f"{fmt.name} with a text of {len(parse(text))} has no second place")
    reading = parse(text)
    if len(reading) != fmt.n:
        raise CodeError(
            f"reading {reading.text!r} has {len(reading)} symbols, {fmt.name} has {fmt.n}; "
            "write ? for each illegible one"
        )
    return table_of_reading(reading, model)


def _ring_table(text: str, aligned: bool, fmt: CodeFormat, model: ReadModel) -> Table:
    pin = FORMATS[fmt.name.removesuffix("+8")]
    slots = parse_ring(text)
    ring = _aligned(slots, pin) if not aligned else slots
    if len(ring) != slot_count(pin):
        raise CodeError(f"the ring has {len(ring)} slots, {pin.name} has {slot_count(pin)}")
    table = table_of_ring(ring, model)
    return np.vstack([table, np.zeros((fmt.n - pin.n, 32))])


def _aligned(slots: Sequence[int | None], pin: CodeFormat) -> list[int | None]:
    """Turn a ring so that it begins with its start mark, clockwise."""
    starts = {(reading.turn, reading.mirrored) for reading in decode_ring(slots, pin)}
    if not starts:
        places = product(range(len(slots)), (False, True))
        starts = {place for place in places if start_faults(slots, *place) == (0, 0)}
    if len(starts) != 1:
        raise CodeError(
            "the ring does not show where it begins; write it from the start mark on, clockwise "
            'as on the primer, and add "aligned": true'
        )
    return turn_ring(slots, *starts.pop())
