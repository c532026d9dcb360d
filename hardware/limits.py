"""What a figure of a profile may be: limits by key, so that nonsense stops at the door.

In: a key. Out: its range or its choices, in the unit of the key's name. The limits are sanity
bounds of the trade (a 355 nm laser is not a 355 m one), not tolerances.
"""

from __future__ import annotations

LIMITS: dict[str, tuple[float, float, bool]] = {
    # key: (lowest, highest, lowest itself excluded)
    "max_speed_mm_s": (0, 10_000, True),
    "acceleration_mm_s2": (0, 1e6, True),
    "steps_per_mm": (0, 1e6, True),
    "step_rate_hz": (0, 1e8, True),
    "block_rate_hz": (0, 1e6, True),
    "planner_blocks": (2, 10_000, False),
    "junction_deviation_mm": (0, 1, True),
    "baud": (9_600, 20_000_000, False),
    "rx_bytes": (32, 1 << 20, False),
    "line_characters": (32, 4_096, False),
    "s_max": (1, 1_000_000, False),
    "wavelength_nm": (100, 20_000, False),
    "beam_radius_um": (0.5, 500, False),
    "beam_quality_m2": (1, 100, False),
    "max_repetition_rate_khz": (0, 1e6, True),
    "repetition_rate_khz": (0, 1e6, True),
    "ablation_threshold_j_cm2": (0, 1_000, True),
    "incubation_coefficient": (0.5, 1, False),
    "penetration_depth_nm": (0, 10_000, True),
    "tip_diameter_um": (50, 1e6, False),
    "edge_margin_um": (0, 1e5, False),
    "field_margin_um": (0, 1e4, False),
    "passes": (1, 10_000, False),
    "version": (1, 1_000_000, False),
    "rotation_deg": (0, 180, True),
    "debounce_ms": (0, 1_000, True),
    "discrepancy_ms": (1, 10_000, False),
    "start_patience_s": (1, 86_400, False),
    "scale_deviation": (0, 0.1, True),
    "least_probability": (0, 1, False),
    "least_correlation": (0, 1, False),
    "least_measured": (0, 1, False),
    "coverage_factor": (1, 4, False),
    "z_scale_uncertainty": (0, 0.1, False),
    "lateral_scale_uncertainty": (0, 0.1, False),
    "hatch_turn_deg": (-360, 360, False),
    "z_max_speed_mm_s": (0, 10_000, False),
    "z_acceleration_mm_s2": (0, 1e6, False),
    "bidirectional_offset_um": (-1_000, 1_000, False),
    "laser_latency_us": (-10_000, 10_000, False),
    "cost_usd_per_hour": (0, 1e5, False),
    "tip_height_um": (0, 1e6, False),
    "radius_x_um": (0, 1e7, False),
    "radius_y_um": (0, 1e7, False),
    "slope_limit_deg": (0, 80, True),
    "pocket_xy_mm": (-1e4, 1e4, False),
    "fiducial_xy_mm": (-1e4, 1e4, False),
    "pocket_z_mm": (-1e3, 1e3, False),
    "pocket_turn_deg": (-360, 360, False),
    "position_tolerance_um": (0, 1e4, False),
    "draft_deg": (0, 60, False),
    "shoulder_deg": (20, 90, False),
    "least_speed_share": (0, 0.95, False),
    "contour_energy_uj": (0, 1e6, False),
    "contour_speed_mm_s": (0, 10_000, False),
}
"""Ranges of keys; a key that is not here must be above 0 and at most 1e9."""

CHOICES: dict[str, tuple[str, ...]] = {
    "dialect": ("grbl", "grblHAL", "FluidNC"),
    "wiring": ("none", "virtual", "gpio", "controller"),
    "shape": ("flat", "spherical", "elliptical", "plate"),
    "cell_fit": ("fixed", "largest"),
    "data_matrix": ("none", "below"),
    "gear_ring": ("none", "outside"),
    "field": ("outline", "tip", "text"),
    "code_format": ("auto", "pin32-8", "pin32-10", "pin32-12"),
}
"""Words that a text may be."""


def limit_of(key: str) -> tuple[float, float, bool]:
    """Return lowest, highest, and whether the lowest itself is excluded."""
    return LIMITS.get(key, (0, 1e9, True))
