"""Is the mark on the pin the one that was ordered, and is it good?

In: `ReliefDesign` and a `HeightMap` of the pin (um). Out: `Inspection`: what was read back,
what was measured, what was found. Authority: ISO 25178-2 and -3 (form, filters), ISO 5436-1
(step height), ISO 14253-1 (uncertainty and conformity).

    height map -> form removal -> where the mark lies -> which symbols -> settle the pose
               -> measure each symbol -> findings -> verdict
"""

from engraver.inspection.inspect import (
    Finding,
    Inspection,
    SymbolReport,
    Verdict,
    deviation,
    inspect,
)

__all__ = ["Finding", "Inspection", "SymbolReport", "Verdict", "deviation", "inspect"]
