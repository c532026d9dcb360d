"""What the primer will show: a pin's height map -> cases, and what can be read on them.

In: the surface of a pin (um), conditions of firing, a seed. Out: height maps of cases, their
likelihood tables, legibility against rounds. Authority: a model, stated as such: two parameter
sets reproduce the outcome of two published studies (`engraver.impressions.conditions`).
"""

from engraver.impressions.cases import CaseReading, read_case
from engraver.impressions.conditions import CONDITIONS, Conditions, Firearm, Shot
from engraver.impressions.legibility import Legibility, legibility
from engraver.impressions.strike import strike

__all__ = [
    "CONDITIONS",
    "CaseReading",
    "Conditions",
    "Firearm",
    "Legibility",
    "Shot",
    "legibility",
    "read_case",
    "strike",
]
