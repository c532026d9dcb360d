"""The first start: from nothing to the first virtual mark, in the terminal or on a page.

In: answers to a few questions. Out: configuration, administrator, log key, registry, each written
the moment its answer was found good. What is there is shown and never overwritten, so that a
first start can be broken off anywhere and taken up again.
"""

from station_api.first_start.questions import Question, Step
from station_api.first_start.steps import STEPS, Progress, answer, begin, has_begun, progress, skip

__all__ = [
    "STEPS",
    "Progress",
    "Question",
    "Step",
    "answer",
    "begin",
    "has_begun",
    "progress",
    "skip",
]
