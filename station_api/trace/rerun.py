"""Ask the log itself: an answer's search done again over entries, without the index.

In: an answer as JSON, and the entries of the logs it names, from a database or an export. Out: what
does not agree. Nothing of the index is used: entries are hashed into their tree, the tree is
compared with the checkpoint, every mark's code is compared with the pattern one by one.

1. Every entry up to the size in the answer is read and hashed; the root must be the answer's.
2. The checkpoint in the answer must be signed by a key that is trusted, for that size and root.
3. Marks and their states are taken from the records of the entries.
4. Each code is compared with every arrangement of the pattern (or serial, or reads of cases).
5. Set, count and the marks that were shown must be those of the answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from engraver.codes import FORMATS, encode_index
from engraver.errors import InputError, NoteError, ProofError
from engraver.issued import issue
from engraver.reading import VALUE
from engraver.registry import Registry
from station_api.records import canonical
from station_api.records.ledger import Entry
from station_api.records.tables import entries
from station_api.tables import mark_corrections
from station_api.trace.answer import set_digest
from station_api.trace.arranging import Arrangement, arrange
from station_api.trace.desk import weigh
from station_api.trace.question import Question, question_from
from station_api.transparency import merkle
from station_api.transparency.checkpoint import parse_checkpoint
from station_api.transparency.note import VerifierKey, open_note

Reader = Callable[[str, int], Iterable[Entry]]
"""Gives the first so many entries of a station's log, in order."""


@dataclass(slots=True)
class Rerun:
    """What the log says to an answer; ``findings`` is empty if it says the same."""

    findings: list[str] = field(default_factory=list)
    entries: int = 0
    marks: int = 0
    found: int = 0
    set_sha256: str = ""

    @property
    def same(self) -> bool:
        """Whether the answer holds."""
        return not self.findings


@dataclass(slots=True)
class _Mark:
    code: str
    index: int
    serials: set[str]
    state: str


def rerun(
    answer: Mapping[str, Any], read: Reader, keys: Sequence[VerifierKey], registry: Registry
) -> Rerun:
    """Do the search of an answer again over the entries of the logs.

    Raises
    ------
    InputError
        If it is no answer of the trace desk, or the entries cannot be read.
    """
    try:
        question = question_from(answer["question"])
        logs = [(str(o["station"]), int(o["size"]), str(o["root"])) for o in answer["log"]]
        notes = [one["checkpoint"] for one in answer["log"]]
        shown = [(m["mark_id"], m["code"], m["state"], _serials(m)) for m in _shown(answer)]
        expected = int(answer["found"]), str(answer["set_sha256"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"this is no answer of the trace desk: {error!r} is missing") from None
    result, marks = Rerun(), dict[str, _Mark]()
    for (station, size, root), note in zip(logs, notes, strict=True):
        _read_log(result, marks, station, size, root, read)
        _check_note(result, station, size, root, note, keys)
    fitting = _search(question, marks, registry)
    result.marks, result.found, result.set_sha256 = len(marks), len(fitting), set_digest(fitting)
    _compare(result, fitting, expected, {code for _, code, _, _ in shown}, question)
    for mark_id, code, state, serials in shown:
        mark = marks.get(mark_id)
        if mark is None or (mark.code, mark.state) != (code, state):
            said = "is in no log" if mark is None else f"is {mark.state} with code {mark.code}"
            result.findings.append(f"mark {mark_id} was shown as {state} with code {code}; {said}")
        elif mark.serials != serials:
            result.findings.append(
                f"mark {mark_id} was shown with serial {', '.join(sorted(serials))}; the log has "
                f"{', '.join(sorted(mark.serials))}"
            )
    return result


def entries_of(engine: sa.Engine) -> Reader:
    """Read entries from a database."""

    def read(station: str, size: int) -> Iterator[Entry]:
        query = sa.select(entries).where(entries.c.station == station, entries.c.position < size)
        query = query.order_by(entries.c.position).execution_options(yield_per=2000)
        with engine.connect() as connection:
            for row in connection.execute(query):
                yield Entry(station, row.position, row.kind, bytes(row.salt), bytes(row.record))

    return read


def entries_in(folder: Path) -> Reader:
    """Read entries from an export (``pinmark export``)."""

    def read(station: str, size: int) -> Iterator[Entry]:
        try:
            with (folder / "entries.jsonl").open(encoding="utf-8") as lines:
                for line in lines:
                    row = json.loads(line)
                    if row["station"] == station and row["position"] < size:
                        salt, record = bytes.fromhex(row["salt"]), bytes.fromhex(row["record"])
                        yield Entry(station, row["position"], row["kind"], salt, record)
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{folder} is no export with its entries: {error}") from None

    return read


def _shown(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [mark for candidate in answer["candidates"] for mark in candidate["marks"]]


def _serials(mark: Mapping[str, Any]) -> set[str]:
    """Return the serial that a mark was shown with, and those it was corrected to."""
    return {mark["serial"], *(one["serial"] for one in mark.get("corrected", ()))}


def _read_log(
    result: Rerun, marks: dict[str, _Mark], station: str, size: int, root: str, read: Reader
) -> None:
    """Steps 1 and 3: hash the entries into their tree, and take the marks from them."""
    frontier = merkle.Frontier()
    for entry in read(station, size):
        if entry.position != frontier.size:
            break
        frontier, _ = frontier.append(merkle.leaf_hash(entry.leaf()))
        if entry.kind == "transition":
            said = canonical.decode(entry.record)
            mark, after = said["mark"], said["transition"]["to_state"]
            before = marks.get(mark["mark_id"])
            serials = {mark["serial"]} | (before.serials if before else set())
            marks[mark["mark_id"]] = _Mark(mark["code"], mark["code_index"], serials, after)
        elif entry.kind == "paper":
            _correct(marks, canonical.decode(entry.record)["event"])
    result.entries += frontier.size
    if frontier.size != size:
        result.findings.append(
            f"log {station}: {frontier.size} of {size} entries are here; entry {frontier.size} is "
            "missing"
        )
    elif frontier.root().hex() != root:
        result.findings.append(
            f"log {station}: the {size} entries have root {frontier.root().hex()}, not {root}"
        )


def _correct(marks: dict[str, _Mark], event: Mapping[str, Any]) -> None:
    """Let a mark be found by the serial that its record was corrected to."""
    row = event.get("row", {})
    if event.get("table") == mark_corrections.name and row["number"] > 0:
        marks[row["mark_id"]].serials.add(row["serial"])


def _check_note(
    result: Rerun, station: str, size: int, root: str, note: str | None, keys: Sequence[VerifierKey]
) -> None:
    """Step 2: the checkpoint is signed, and is for no more than was searched."""
    if note is None:
        result.findings.append(f"log {station}: the answer names no checkpoint that was signed")
        return
    try:
        checkpoint = parse_checkpoint(open_note(note, keys).text)
    except (NoteError, ProofError) as error:
        result.findings.append(f"log {station}: checkpoint: {error}")
        return
    if checkpoint.size == size and checkpoint.root.hex() != root:
        result.findings.append(f"log {station}: the checkpoint is for another root")
    if checkpoint.size > size:
        result.findings.append(
            f"log {station}: {size} entries were searched, {checkpoint.size} had been signed"
        )


def _search(question: Question, marks: Mapping[str, _Mark], registry: Registry) -> set[str]:
    """Step 4: compare every mark, one by one."""
    if question.kind == "serial":
        folded = question.folded_serial()
        pattern = re.compile(
            "".join({"?": ".", "*": ".*"}.get(letter, re.escape(letter)) for letter in folded)
        )
        return {name for name, mark in marks.items() if any(map(pattern.fullmatch, mark.serials))}
    codes = {mark.code: mark.index for mark in marks.values() if all(s in VALUE for s in mark.code)}
    if question.kind == "cases":
        return _weighed(question, codes, registry)
    present = [fmt for fmt in FORMATS.values() if any(len(code) == fmt.n for code in codes)]
    ways = arrange(question, present)
    return {code for code in codes if any(_fits(code, way) for way in ways)}


def _fits(code: str, way: Arrangement) -> bool:
    choices = way.reading.choices
    if len(code) != len(choices):
        return False
    wrong = 0
    for symbol, choice in zip(code, choices, strict=True):
        wrong += VALUE[symbol] not in choice
        if wrong > way.misread:
            return False
    return True


def _weighed(question: Question, codes: Mapping[str, int], registry: Registry) -> set[str]:
    """Weigh the reads over all codes of the log, in the order of the codes' symbols."""
    case = question.case()
    fitting = [code for code in codes if len(code) == case.format.n]
    ordered = sorted(fitting, key=lambda code: [VALUE[s] for s in reversed(code)])
    issued = issue(np.array([codes[code] for code in ordered], dtype=np.int64), case.format)
    call = weigh(case, issued, registry, question.rows, question.prior)
    return {encode_index(one.index, case.format.name).text for one in call.candidates}


def _compare(
    result: Rerun,
    fitting: set[str],
    expected: tuple[int, str],
    shown: set[str],
    question: Question,
) -> None:
    """Step 5: the set is that of the answer."""
    count, digest = expected
    if digest == result.set_sha256 and count == result.found:
        return
    said = f"{count} were found when it was asked, the log has {result.found}"
    if question.kind != "serial":
        missing = sorted(fitting - shown)[:5]
        if missing and len(shown) == count:
            said += f"; not shown: {', '.join(missing)}"
        if surplus := sorted(shown - fitting)[:5]:
            said += f"; shown, and not in the log's set: {', '.join(surplus)}"
    result.findings.append(f"the set is another one: {said}")
