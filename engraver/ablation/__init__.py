"""What pulses leave of a surface, fired from a wire or planned on paper.

In: pulses (um, uJ), or a toolpath; laser and material. Out: `Surface`, `HeightMap` in um.
Authority: the threshold law of `engraver.ablation.pulses`. The virtual engraver and the
prediction share the law and nothing else: one has the bytes it received, the other the plan.
"""

from engraver.ablation.effects import IDEAL, Effects
from engraver.ablation.predict import planned_pulses, predict
from engraver.ablation.pulses import (
    PulseTrain,
    Surface,
    ablate,
    blank,
    crater_radius_um,
    peak_fluence_j_cm2,
)

__all__ = [
    "IDEAL",
    "Effects",
    "PulseTrain",
    "Surface",
    "ablate",
    "blank",
    "crater_radius_um",
    "peak_fluence_j_cm2",
    "planned_pulses",
    "predict",
]
