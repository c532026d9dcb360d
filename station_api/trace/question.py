"""What is asked of the trace desk, and how much may be asked by whom.

In: a pattern, a fragment of a serial, or the reads of cases. Out: `Question`, checked against the
`Limits` of the one who asks. A question can be written as JSON and read again, so that an auditor
asks exactly what was asked.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from engraver.casefile import Case, parse_case
from engraver.codes import FORMATS
from engraver.errors import CodeError, InputError
from engraver.evidence import PRIOR_NOT_ISSUED
from engraver.orders import LONGEST_TEXT
from engraver.reading import ANY, Reading, parse
from station_api.people import NotAllowedError, Role

DEFAULT_ROWS = 10
MOST_MISREAD = 3
_SERIAL = re.compile(r"[0-9A-Z ./_?*-]+")


@dataclass(frozen=True, slots=True)
class Limits:
    """How little may be known and how much may be shown.

    Parameters
    ----------
    fewest_known
        Known symbols of a pattern; a set of two counts four fifths of one.
    fewest_letters
        Known characters of a serial.
    most_rows
        Marks in one answer.
    """

    fewest_known: float
    fewest_letters: int
    most_rows: int


LIMITS = {Role.TRACER: Limits(3, 3, 50), Role.AUDITOR: Limits(1, 1, 1000)}
"""A tracer answers for one firearm at a time; an auditor looks at whether all is there."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question; exactly one of ``pattern``, ``serial`` and ``reads`` is given.

    Parameters
    ----------
    pattern
        What was read: symbols, ``?``, sets such as ``[0D]`` (`engraver.reading`).
    serial
        A serial; ``?`` stands for one character, ``*`` for any number of them.
    reads
        The reads of cases from one scene, JSON as in docs/formats/pin32.md.
    format_name
        The format of the code; any that is long enough if not given.
    fragment
        Whether the place of the pattern within the code is not known.
    any_order
        Whether rows may be in another order, mirrored, or the whole upside down.
    misread
        How many symbols may be wrong; as many as the check symbols correct if not given.
    prior_not_issued
        Chance, before looking, that the mark is none of those on record; that of the reads, or
        the default, if not given.
    rows
        How many candidates to show.
    """

    pattern: str = ""
    serial: str = ""
    reads: str = ""
    format_name: str = ""
    fragment: bool = False
    any_order: bool = False
    misread: int | None = None
    prior_not_issued: float | None = None
    rows: int = DEFAULT_ROWS

    @property
    def kind(self) -> str:
        """``pattern``, ``serial`` or ``cases``."""
        return "pattern" if self.pattern else "serial" if self.serial else "cases"

    @property
    def prior(self) -> float:
        """The chance that the mark is on no record which the answer rests on."""
        if self.prior_not_issued is not None:
            return self.prior_not_issued
        return self.case().prior_not_issued if self.reads else PRIOR_NOT_ISSUED

    def fields(self) -> dict[str, Any]:
        """Return the question as JSON fields, without what was left open."""
        return {"kind": self.kind} | {
            name: value for name, value in asdict(self).items() if value not in ("", None)
        }

    def check(self, role: Role) -> None:
        """Refuse what cannot be answered, and what this role may not ask.

        Raises
        ------
        InputError
            If it is no question, or too little is known.
        NotAllowedError
            If more rows are asked for than the role may see.
        """
        if sum(map(bool, (self.pattern, self.serial, self.reads))) != 1:
            raise InputError("ask by one of a pattern, a serial or the reads of cases")
        if role not in LIMITS:
            raise NotAllowedError(f"{role} may not trace; a tracer or an auditor may")
        limits = LIMITS[role]
        if self.rows < 1:
            raise InputError(f"{self.rows} rows were asked for; ask for at least 1")
        if self.rows > limits.most_rows:
            raise NotAllowedError(
                f"{self.rows} rows were asked for, {_article(role)} may see {limits.most_rows} in "
                "one answer; narrow the question"
            )
        if self.pattern:
            self._check_pattern(limits, role)
        elif self.serial:
            known = sum(letter not in "?*" for letter in self.folded_serial())
            if known < limits.fewest_letters:
                raise InputError(
                    f"serial {self.serial!r} has {known} known characters, {_article(role)} needs "
                    f"{limits.fewest_letters}"
                )
        else:
            self.case()
        if not 0 < self.prior < 1:
            raise InputError(
                f"prior of 'not issued' {self.prior} must lie between 0 and 1: a "
                "closed set would always find somebody"
            )

    def _check_pattern(self, limits: Limits, role: Role) -> None:
        reading = self.reading()
        misread = self.misread or 0
        if not 0 <= misread <= MOST_MISREAD:
            raise InputError(f"{misread} misread symbols; 0 to {MOST_MISREAD} can be allowed for")
        known = known_symbols(reading)
        if known == 0:
            raise CodeError(f"pattern {self.pattern!r} has no known symbol; give what was read")
        if known - misread < limits.fewest_known - 1e-9:
            less = f" less {misread} that may be misread" if misread else ""
            raise CodeError(
                f"pattern {self.pattern!r} has {known:g} known symbols{less}, {_article(role)} "
                f"needs {limits.fewest_known:g}"
            )
        if self.format_name and self.format_name not in FORMATS:
            raise CodeError(f"format {self.format_name!r} is none of {', '.join(FORMATS)}")
        lengths = [fmt.n for fmt in FORMATS.values() if self.format_name in ("", fmt.name)]
        if self.fragment and len(reading) > max(lengths):
            raise CodeError(f"a fragment of {len(reading)} symbols is longer than any code")
        if not self.fragment and len(reading) not in lengths:
            raise CodeError(
                f"pattern {self.pattern!r} has {len(reading)} symbols; codes have "
                f"{', '.join(map(str, lengths))}: write ? for each illegible one, or say that it "
                "is a fragment"
            )

    def reading(self) -> Reading:
        """Return the pattern as the possible symbols of each position."""
        return parse(self.pattern)

    def case(self) -> Case:
        """Return the reads of the cases as tables."""
        return parse_case(self.reads)

    def folded_serial(self) -> str:
        """Return the serial as the records spell it, wildcards kept.

        Raises
        ------
        InputError
            If a character can stand in no serial.
        """
        folded = " ".join(unicodedata.normalize("NFKC", self.serial).upper().split())
        if len(folded) > LONGEST_TEXT or not _SERIAL.fullmatch(folded):
            raise InputError(
                f"serial {self.serial[:70]!r} is longer than {LONGEST_TEXT} or has a character "
                "outside A-Z, 0-9, space . / _ - and the wildcards ? *"
            )
        return folded


def known_symbols(reading: Reading) -> float:
    """Return how much is known, in symbols: 5 bits each, less for sets."""
    bits = sum(5 - math.log2(len(choice)) for choice in reading.choices if choice != ANY)
    return round(bits / 5, 6)


def question_from(fields: Mapping[str, Any]) -> Question:
    """Read a question from its JSON fields.

    Raises
    ------
    InputError
        If a key is unknown or a value is of the wrong kind.
    """
    given = {key: value for key, value in fields.items() if key != "kind"}
    try:
        question = Question(**given)
        kinds = {"misread": int, "rows": int, "fragment": bool, "any_order": bool}
        for name, value in given.items():
            expected = kinds.get(name, str)
            if name != "prior_not_issued" and type(value) is not expected:
                raise TypeError(f"{name} {value!r} is no {expected.__name__}")
        if question.prior_not_issued is not None:
            question = replace(question, prior_not_issued=float(question.prior_not_issued))
    except (TypeError, ValueError) as error:
        raise InputError(f"this is no question of the trace desk: {error}") from None
    return question


def _article(role: Role) -> str:
    return f"an {role}" if role == Role.AUDITOR else f"a {role}"
