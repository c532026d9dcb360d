"""What a station is made of, as values: machine, laser, material, part, recipe.

In: nothing (the TOML files of hardware/ are read by `hardware.load`). Out: frozen values
whose figures were checked once, at the door. Lengths in um, energies in uJ, fluences in
J/cm2; speeds in mm/s and accelerations in mm/s2 as machine makers quote them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi


@dataclass(frozen=True, slots=True)
class Machine:
    """A motion system with its controller.

    ``block_rate_hz`` is how many short moves a second the controller can execute,
    ``rx_bytes`` and ``line_characters`` what its receiver holds; ``s_max`` is grbl's $30.
    The z axis is as fast as the others where its figures are 0. From calibration: the beam
    comes on and goes off ``laser_latency_us`` after its command, and rows burned backwards lie
    ``bidirectional_offset_um`` further along +row than rows burned forwards. ``panel`` names the
    wiring of the station's contacts and lamps (``none``: software sees none of them).
    """

    name: str
    dialect: str
    travel_mm: tuple[float, float, float]
    max_speed_mm_s: float
    acceleration_mm_s2: float
    steps_per_mm: float
    step_rate_hz: float
    block_rate_hz: float
    planner_blocks: int
    junction_deviation_mm: float
    baud: int
    rx_bytes: int
    line_characters: int
    s_max: int
    z_max_speed_mm_s: float = 0.0
    z_acceleration_mm_s2: float = 0.0
    bidirectional_offset_um: float = 0.0
    laser_latency_us: float = 0.0
    cost_usd_per_hour: float = 0.0
    panel: str = "none"

    @property
    def axis_speeds_mm_s(self) -> tuple[float, float, float]:
        """Return the speed limits of x, y and z ($110 to $112, there in mm/min)."""
        flat = self.max_speed_mm_s
        return flat, flat, self.z_max_speed_mm_s or flat

    @property
    def axis_accelerations_mm_s2(self) -> tuple[float, float, float]:
        """Return the accelerations of x, y and z ($120 to $122)."""
        flat = self.acceleration_mm_s2
        return flat, flat, self.z_acceleration_mm_s2 or flat


@dataclass(frozen=True, slots=True)
class Laser:
    """A pulsed laser behind its objective; ``beam_radius_um`` is the 1/e2 radius (ISO 11146)."""

    name: str
    wavelength_nm: float
    pulse_duration_ps: float
    beam_radius_um: float
    beam_quality_m2: float
    max_pulse_energy_uj: float
    max_repetition_rate_khz: float

    @property
    def rayleigh_range_um(self) -> float:
        """Distance from focus at which the beam area doubles: pi w0^2 / (M2 lambda)."""
        return pi * self.beam_radius_um**2 / (self.beam_quality_m2 * self.wavelength_nm * 1e-3)


@dataclass(frozen=True, slots=True)
class Material:
    """How a metal ablates: L = penetration_depth * ln(F0 / Fth(N)), Fth(N) = Fth * N^(S-1).

    A threshold that is already multi-pulse goes with ``incubation_coefficient`` 1, so that
    incubation is never applied twice.
    """

    name: str
    ablation_threshold_j_cm2: float
    incubation_coefficient: float
    penetration_depth_nm: float


@dataclass(frozen=True, slots=True)
class Part:
    """The piece to be marked. ``tip_diameter_um`` is the face the beam can reach.

    ``edge_margin_um`` stays unmarked along the rim. An elliptical face is ``tip_diameter_um``
    wide and ``tip_height_um`` high; a plate is a rectangle of these sides. ``radius_x_um`` and
    ``radius_y_um`` are the radii of curvature at the apex, 0 where it is flat. Where the face
    leans by more than ``slope_limit_deg`` it is not marked.
    """

    name: str
    shape: str
    tip_diameter_um: float
    edge_margin_um: float
    material: str
    tip_height_um: float = 0.0
    radius_x_um: float = 0.0
    radius_y_um: float = 0.0
    slope_limit_deg: float = 35.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one mark is made, naming all it is made with.

    ``field`` is "outline" (a rounded outline of the pattern, ``field_margin_um`` wide) or
    "tip". Walls of characters lean by ``draft_deg`` from upright; the field's outer edge rises
    at ``shoulder_deg``. The beam is on only while the axis has ``least_speed_share`` of
    ``speed_mm_s``: what it lacks there is run up outside the field. ``contour_energy_uj``
    above 0 traces the characters after each pass at ``contour_speed_mm_s``. ``cell_fit``
    "largest" scales cells, stroke and pitches to the largest that the part holds;
    ``gear_ring`` "outside" repeats the code as teeth round the characters, ``data_matrix``
    "below" as a Data Matrix whose modules are as wide as a stroke.
    """

    name: str
    machine: str
    laser: str
    material: str
    part: str
    code_format: str
    cell_height_um: float
    cell_width_um: float
    stroke_um: float
    pitch_x_um: float
    pitch_y_um: float
    field: str
    field_margin_um: float
    relief_um: float
    passes: int
    hatch_pitch_um: float
    hatch_turn_deg: float
    pulse_energy_uj: float
    repetition_rate_khz: float
    speed_mm_s: float
    draft_deg: float = 0.0
    shoulder_deg: float = 90.0
    least_speed_share: float = 0.0
    contour_energy_uj: float = 0.0
    contour_speed_mm_s: float = 0.0
    cell_fit: str = "fixed"
    gear_ring: str = "none"
    data_matrix: str = "none"


@dataclass(frozen=True, slots=True)
class Fixture:
    """A tray that holds pieces for one program.

    Places are mm from its first fiducial; each piece is turned by ``pocket_turn_deg`` and its
    apex lies at ``pocket_z_mm``. A piece sits within ``position_tolerance_um`` of its place.
    """

    name: str
    part: str
    pocket_xy_mm: tuple[tuple[float, float], ...]
    fiducial_xy_mm: tuple[tuple[float, float], ...]
    pocket_z_mm: float = 0.0
    pocket_turn_deg: float = 0.0
    position_tolerance_um: float = 0.0


@dataclass(frozen=True, slots=True)
class Setup:
    """A recipe with the machine, laser, material and part it names: all a plan needs."""

    recipe: Recipe
    machine: Machine
    laser: Laser
    material: Material
    part: Part
