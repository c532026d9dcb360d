"""What the cases show: each read by itself, against the code that its firearm's pin carries.

In: the sample that was drawn, the scans of its cases. Out: `Findings`: a row a case, a result a
firearm, and every gap. A case stamps legibly if what is read on it decodes, within the radius of
the check symbols and without a look at any list of firearms, to its own code. A firearm succeeds
if every case of it does. The text of California's performance standards was not at hand: this is
pinmark's own criterion, and stands as such in the pack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from engraver import codes, layout, relief, sampling
from engraver.impressions import read_case
from engraver.profiles import Setup
from engraver.reading import parse
from engraver.record import MarkState
from engraver.relief import ReliefDesign
from station_api.papers.certification.plan import Piece, SamplePlan
from station_api.papers.certification.series import PIN, Shown
from station_api.scans import read_scan
from station_api.trace.scans import cells_um

LEGIBLE, ILLEGIBLE, ANOTHER = "legible", "not legible", "another code"
ROUNDS = 600
"""Rounds fired from each firearm, unless it is said otherwise: as many as Cal. Penal Code 31905
fires in the test of handguns for the roster; for microstamping an assumption."""


@dataclass(frozen=True, slots=True)
class CaseFound:
    """What one case showed; ``wrong`` counts symbols that were read as others."""

    serial: str
    round: int
    scan: str
    sha256: str
    text: str
    right: int
    wrong: int
    symbols: int
    quality: float
    decoded: str
    result: str
    simulated: bool
    fired_on: str
    fired_by: str
    ammunition: str
    likeliest: str
    cells_um: list[list[float]]


@dataclass(frozen=True, slots=True)
class FirearmFound:
    """What the cases of one firearm of the sample came to."""

    serial: str
    mark_id: str
    code: str
    recipe: str
    cases: int
    legible: int
    fewest_right: int
    succeeded: bool


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything the pack says, before it is written."""

    rounds: int
    cases: tuple[CaseFound, ...]
    firearms: tuple[FirearmFound, ...]
    gaps: tuple[str, ...]
    failures: int
    shown_reliability: float
    """Reliability that the tested firearms prove with the plan's confidence; 0 if none was."""
    simulated: int

    @property
    def complete(self) -> bool:
        """Nothing that the pack should hold is lacking."""
        return not self.gaps

    def verdict(self, plan: SamplePlan) -> str:
        """Say in one line what the pack shows."""
        stat = plan.statistics
        if self.gaps:
            return f"incomplete: {len(self.gaps)} gaps; it certifies nothing"
        of = f"{self.failures} of {len(self.firearms)} firearms failed, {stat.failures} accepted"
        if self.failures > stat.failures:
            return f"complete; the reliability {stat.reliability:g} is not shown: {of}"
        return (
            f"complete; reliability {stat.reliability:g} is shown with confidence "
            f"{stat.confidence:g}: {of}"
        )


def judge(
    plan: SamplePlan,
    lot: Mapping[str, Piece],
    shown: Sequence[Shown],
    rounds: int,
    setup_of: Callable[[str], Setup],
    owner_of: Callable[[str], str],
    state_of: Callable[[str], MarkState],
    told: Callable[[str], None] = lambda _line: None,
) -> Findings:
    """Read every case and list what is lacking.

    Parameters
    ----------
    setup_of
        Gives the setup of a recipe by its name.
    owner_of
        Gives the serial that a code belongs to on record; empty if it is on none.
    state_of
        Gives the state that a mark is in by now.
    told
        Is given a line before each case is read.
    """
    designs: dict[str, ReliefDesign] = {}
    cases = []
    for one in sorted(shown, key=lambda s: (s.serial, s.round)):
        if one.round == PIN:
            continue
        piece = lot[one.serial]
        if piece.code not in designs:
            designs[piece.code] = design_of(piece, setup_of)
        told(one.what)
        cases.append(_read(one, piece, designs[piece.code]))
    firearms = [_firearm(lot[serial], cases) for serial in plan.drawn]
    tested = [one for one in firearms if one.cases]
    failures = sum(not one.succeeded for one in tested)
    confidence = plan.statistics.confidence
    bound = sampling.lower_bound(len(tested), failures, confidence) if tested else 0.0
    gaps = [*_lacking(plan, shown, rounds), *_strange(cases, owner_of)]
    for serial in plan.drawn:
        if (state := state_of(lot[serial].mark_id)) is not MarkState.VERIFIED:
            gaps.append(f"{serial}: its mark {lot[serial].mark_id} is {state} since it was drawn")
    simulated = sum(one.simulated for one in shown)
    if simulated:
        gaps.append(
            f"{simulated} of {len(shown)} scans are simulated: a simulation certifies nothing"
        )
    return Findings(
        rounds, tuple(cases), tuple(firearms), tuple(gaps), failures, round(bound, 6), simulated
    )


def design_of(piece: Piece, setup_of: Callable[[str], Setup]) -> ReliefDesign:
    """Return the relief that a mark's code has by its recipe."""
    setup = setup_of(piece.recipe)
    code = codes.decode(piece.code).code
    assert code is not None  # a code on record is a codeword
    return relief.design(layout.arrange(code, setup), setup)


def _read(one: Shown, piece: Piece, design: ReliefDesign) -> CaseFound:
    seen = read_case(read_scan(one.file), design)
    pairs = list(zip(seen.text, piece.code, strict=True))
    right = sum(read == wanted for read, wanted in pairs)
    wrong = sum(read not in ("?", wanted) for read, wanted in pairs)
    decoded = codes.decode_reading(parse(seen.text), codes.format_for(len(piece.code))).code
    said = decoded.text if decoded else ""
    result = LEGIBLE if said == piece.code else ANOTHER if said else ILLEGIBLE
    return CaseFound(
        serial=one.serial,
        round=one.round,
        scan=one.file.name,
        sha256=one.sha256,
        text=seen.text,
        right=right,
        wrong=wrong,
        symbols=len(piece.code),
        quality=round(float(seen.quality), 4),
        decoded=said,
        result=result,
        simulated=one.simulated,
        fired_on=one.fired_on,
        fired_by=one.fired_by,
        ammunition=one.ammunition,
        likeliest=seen.symbols,
        cells_um=cells_um(seen, design),
    )


def _firearm(piece: Piece, cases: Iterable[CaseFound]) -> FirearmFound:
    own = [one for one in cases if one.serial == piece.serial]
    legible = sum(one.result == LEGIBLE for one in own)
    return FirearmFound(
        serial=piece.serial,
        mark_id=piece.mark_id,
        code=piece.code,
        recipe=piece.recipe,
        cases=len(own),
        legible=legible,
        fewest_right=min((one.right for one in own), default=0),
        succeeded=bool(own) and legible == len(own),
    )


def wanted_rounds(rounds: int) -> tuple[int, ...]:
    """Return the first two and the last two rounds (11 CCR 4075).

    Examples
    --------
    >>> wanted_rounds(600)
    (1, 2, 599, 600)
    """
    return tuple(sorted({1, 2, rounds - 1, rounds}))


def _lacking(plan: SamplePlan, shown: Sequence[Shown], rounds: int) -> list[str]:
    """List scans that the pack should hold and does not."""
    has: dict[str, set[int]] = {}
    for one in shown:
        has.setdefault(one.serial, set()).add(one.round)
    gaps = []
    without = [serial for serial in plan.drawn if not has.get(serial, set()) - {PIN}]
    if without:
        tested = len(plan.drawn) - len(without)
        gaps.append(
            f"cases of {tested} firearms, the plan takes {len(plan.drawn)}; none of "
            f"{', '.join(without[:20])}{' and others' if len(without) > 20 else ''}"
        )
    for serial in plan.drawn:
        found = has.get(serial, set())
        if serial not in without:
            for fired in wanted_rounds(rounds):
                if fired not in found:
                    gaps.append(f"{serial}: no case of round {fired} of {rounds}")
            if rounds > 4 and not any(2 < fired < rounds - 1 for fired in found):
                gaps.append(f"{serial}: no case between round 2 and round {rounds - 1}: no series")
        if PIN not in found:
            gaps.append(f"{serial}: no scan of the pin (round 0), so no inspection report")
    return gaps


def _strange(cases: Sequence[CaseFound], owner_of: Callable[[str], str]) -> list[str]:
    """List cases that carry a code of their own, and not their firearm's."""
    gaps = []
    for one in cases:
        if one.result == ANOTHER:
            owner = owner_of(one.decoded)
            whose = f"of serial {owner}" if owner else "of no mark on record"
            gaps.append(
                f"{one.serial}, round {one.round}: reads as {one.decoded}, {whose}: the case of "
                "another firearm?"
            )
    return gaps


def fields(plan: SamplePlan, found: Findings) -> dict[str, Any]:
    """Return plan and findings as JSON fields."""
    return {
        "plan": plan.fields(),
        **asdict(found),
        "complete": found.complete,
        "shown": found.complete and found.failures <= plan.statistics.failures,
        "verdict": found.verdict(plan),
    }
