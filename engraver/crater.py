"""What one pulse takes away, and what a raster of pulses takes away on average.

In: laser, material, pulse energy (uJ), pitches (um). Out: radii and depths in um, volumes in
um3. Authority: the threshold law L = delta * ln(F0 / Fth(N)), Fth(N) = Fth * N^(S-1), of a
Gaussian beam with F0 = 2 E / (pi w0^2); ablated diameter squared is linear in ln F0.

Theory of operation
-------------------
With l = ln(F0 / Fth) a pulse digs the paraboloid ``delta * (l - 2 r^2 / w0^2)``: depth
``delta l`` on the axis, radius ``w0 sqrt(l / 2)``, volume ``pi delta w0^2 l^2 / 4``. Pulses at
pitch d on rows at pitch p lower the field by volume / (d p) a pass.

Under M4 the pulse energy follows the speed, E = E0 f, while the pulses draw nearer, d = d0 f:
the depth is proportional to l(f)^2 / f, stationary where l = 2, i.e. at F0 = e^2 Fth, the
fluence that also takes most metal for a given energy. A recipe near it keeps its depth within
4 % down to 70 % of the speed and within 15 % down to 50 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, pi, sqrt

from engraver.profiles import Laser, Material, Setup

PASS_TIMES = tuple((k + 0.5) / 64 for k in range(64))
"""Mid-points of an integral over the passes of a raster, as shares of them."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Pulses along a line: ``ln(F0 / Fth)``, 1/e^2 radius, penetration depth, pulses a um."""

    log_ratio: float
    beam_radius_um: float
    penetration_um: float
    pulses_per_um: float


def peak_fluence_j_cm2(laser: Laser, pulse_energy_uj: float) -> float:
    """Return F0 = 2 E / (pi w0^2) of a pulse in focus."""
    return 2 * pulse_energy_uj * 1e-6 / (pi * (laser.beam_radius_um * 1e-4) ** 2)


def pulse_energy_for_fluence_uj(laser: Laser, fluence_j_cm2: float) -> float:
    """Return the pulse energy whose peak fluence in focus is ``fluence_j_cm2``."""
    return fluence_j_cm2 * 1e6 * pi * (laser.beam_radius_um * 1e-4) ** 2 / 2


def log_fluence_ratio(
    laser: Laser, material: Material, pulse_energy_uj: float, pulses: float = 1.0
) -> float:
    """Return ``ln(F0 / Fth(N))``, 0 where the pulse stays below the threshold."""
    threshold = material.ablation_threshold_j_cm2 * pulses ** (material.incubation_coefficient - 1)
    fluence = peak_fluence_j_cm2(laser, pulse_energy_uj)
    return max(log(fluence / threshold), 0.0) if fluence > 0 else 0.0


def radius_um(laser: Laser, log_ratio: float) -> float:
    """Return the radius of a crater; it is the kerf of a track of such pulses."""
    return laser.beam_radius_um * sqrt(log_ratio / 2)


def volume_um3(laser: Laser, material: Material, log_ratio: float) -> float:
    """Return the volume of one crater."""
    depth_um = material.penetration_depth_nm * 1e-3
    return pi * depth_um * laser.beam_radius_um**2 * log_ratio**2 / 4


def kerf_um(setup: Setup) -> float:
    """Return how far the recipe's pulses reach sideways from the beam's axis.

    Examples
    --------
    >>> import hardware
    >>> round(kerf_um(hardware.load_setup("default")), 2)
    6.0
    """
    return radius_um(setup.laser, _log_ratio(setup))


def contour_kerf_um(setup: Setup) -> float:
    """Return the crater radius of the recipe's contour pulses, 0 if it traces no contour."""
    energy = setup.recipe.contour_energy_uj
    if energy == 0:
        return 0.0
    return radius_um(setup.laser, log_fluence_ratio(setup.laser, setup.material, energy))


def raster_depth_um(
    laser: Laser, material: Material, pulse_energy_uj: float, spot_um2: float, passes: float
) -> float:
    """Return the mean depth that passes of a raster take off a wide, flat field in focus.

    Every pass gives a point ``pi w0^2 / 2`` over the area of a pulse, ``spot_um2``, pulses more;
    the volume of a crater follows the threshold down, integrated over the passes.
    """
    a_pass = pi * laser.beam_radius_um**2 / 2 / spot_um2
    volumes = [
        volume_um3(
            laser,
            material,
            log_fluence_ratio(laser, material, pulse_energy_uj, max(a_pass * passes * t, 1.0)),
        )
        for t in PASS_TIMES
    ]
    return passes * sum(volumes) / len(volumes) / spot_um2


def trace(setup: Setup) -> Trace | None:
    """Return the pulses of the recipe's contours, None if it traces none."""
    recipe = setup.recipe
    if recipe.contour_energy_uj == 0:
        return None
    return Trace(
        log_fluence_ratio(setup.laser, setup.material, recipe.contour_energy_uj),
        setup.laser.beam_radius_um,
        setup.material.penetration_depth_nm * 1e-3,
        recipe.repetition_rate_khz / recipe.contour_speed_mm_s,
    )


def depth_um(setup: Setup) -> float:
    """Return the mean depth after all passes of the recipe: the relief to expect."""
    recipe = setup.recipe
    spot_um2 = recipe.speed_mm_s / recipe.repetition_rate_khz * recipe.hatch_pitch_um
    return raster_depth_um(
        setup.laser, setup.material, recipe.pulse_energy_uj, spot_um2, recipe.passes
    )


def depth_a_pass_um(setup: Setup) -> float:
    """Return the mean depth that one of the recipe's passes takes off a wide field."""
    return depth_um(setup) / setup.recipe.passes


def energy_at_speed_uj(setup: Setup, pulse_energy_uj: float, speed_share: float) -> float:
    """Return the pulse energy that at a share of the speed digs as deep as the given one at full.

    Slower, the pulses lie closer; with l^2 / speed kept, l shrinks with the root of the speed.
    """
    log_ratio = log_fluence_ratio(setup.laser, setup.material, pulse_energy_uj)
    return pulse_energy_uj * exp(-log_ratio * (1.0 - sqrt(speed_share)))


def threshold_energy_uj(setup: Setup) -> float:
    """Return the pulse energy below which nothing is ablated."""
    threshold = setup.material.ablation_threshold_j_cm2
    return pulse_energy_for_fluence_uj(setup.laser, threshold)


def steadiest_energy_uj(setup: Setup) -> float:
    """Return the pulse energy at which depth is stationary under M4: F0 = e^2 Fth."""
    return threshold_energy_uj(setup) * exp(2.0)


def _log_ratio(setup: Setup) -> float:
    recipe = setup.recipe
    spots = (recipe.speed_mm_s / recipe.repetition_rate_khz) * recipe.hatch_pitch_um
    pulses = max(pi * setup.laser.beam_radius_um**2 / spots * recipe.passes, 1.0)
    return log_fluence_ratio(setup.laser, setup.material, recipe.pulse_energy_uj, pulses)
