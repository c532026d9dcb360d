"""What a mark must be to pass: limits, and the instrument's uncertainty, as one value.

In: nothing (the TOML files of hardware/acceptance are read by `hardware.load`). Out: frozen
limits. Lengths in um, angles in degrees. Authority: the plant's engineer; where a standard of
performance is published, a profile with its figures takes the place of the default. ISO
14253-1 for the decision rule: a figure passes only if it keeps its limit by its uncertainty.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Limits of one acceptance profile.

    Parameters
    ----------
    version
        Counts up with every change; the record keeps the profile's digest.
    relief_deviation_um
        How far the relief of a symbol may be from the design's, either way.
    relief_slope_um
        How much the relief may change over the whole mark: a tilted pin.
    position_deviation_um
        How far one symbol may stand from its place among the others.
    mark_offset_um
        How far the mark's centre may be from the tip's; judged where the scan shows the rim.
    rotation_deg
        How far the mark may be turned in the scan's frame; 180 means that pins are laid under
        the instrument any way round, so that nothing can be said.
    scale_deviation
        Relative deviation of all lengths of the mark.
    size_deviation_um, stroke_deviation_um
        For height and width, and for the stroke, of a symbol.
    floor_sq_um, recast_um
        Largest root mean square of the floor, largest collar of melt round the tops.
    s_filter_um, l_filter_um
        Nesting indices of the floor's S-L surface (ISO 25178-3), on which Sa and Sq are taken:
        shorter wavelengths are the instrument's noise, longer ones waviness; no L-filter at 0.
    least_probability, least_correlation, least_measured
        Of the symbol read; of its heights with the design's; share of points measured.
    coverage_factor
        k of the expanded uncertainty U = k u; 2 covers 95 %.
    z_scale_uncertainty, lateral_scale_uncertainty
        Relative standard uncertainties of the instrument's axes, from its calibration.
    position_uncertainty_um
        What distortion of the instrument's image leaves on a position, standard uncertainty.
    residual_correlation_um
        Length over which what the design does not explain is correlated: the grain of a
        scanned beam's floor. It says how many points of a scan count as independent.
    """

    name: str = "default"
    version: int = 2
    relief_deviation_um: float = 4.0
    relief_slope_um: float = 3.0
    position_deviation_um: float = 3.0
    mark_offset_um: float = 15.0
    rotation_deg: float = 180.0
    scale_deviation: float = 0.01
    size_deviation_um: float = 4.0
    stroke_deviation_um: float = 4.0
    floor_sq_um: float = 1.5
    recast_um: float = 2.0
    s_filter_um: float = 2.5
    l_filter_um: float = 50.0
    least_probability: float = 0.99
    least_correlation: float = 0.9
    least_measured: float = 0.6
    coverage_factor: float = 2.0
    z_scale_uncertainty: float = 0.005
    lateral_scale_uncertainty: float = 0.002
    position_uncertainty_um: float = 0.05
    residual_correlation_um: float = 3.0

    @property
    def digest(self) -> str:
        """SHA-256 of all figures, for the record: equal limits, equal digest."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


DEFAULT = Acceptance()
"""The limits of hardware/acceptance/default.toml."""
