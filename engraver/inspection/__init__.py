"""Is the mark on the pin the one that was ordered, and is it good?

In: `ReliefDesign`, a `HeightMap` of the pin (um) and the limits. Out: `Inspection`: what was
read back, what was measured, what was found. Authority: ISO 25178-2 and -3 (form, filters),
ISO 5436-1 (step height), ISO 14253-1 (uncertainty and conformity).

    height map -> form removal -> where the mark lies -> which symbols -> settle the pose
               -> measure each symbol -> findings -> verdict
"""

from engraver.inspection.form import form_of
from engraver.inspection.inspect import deviation, inspect
from engraver.inspection.result import (
    Finding,
    Inspection,
    Measure,
    Measures,
    RingReport,
    SymbolReport,
    Tooth,
    Verdict,
)

__all__ = [
    "Finding",
    "Inspection",
    "Measure",
    "Measures",
    "RingReport",
    "SymbolReport",
    "Tooth",
    "Verdict",
    "deviation",
    "form_of",
    "inspect",
]
