"""The z axis has limits of its own: controller settings, model and virtual engraver agree."""

from __future__ import annotations

import hardware
from firmware_bridge.preflight import required_settings
from firmware_bridge.virtual.settings import settings_for


def test_a_slow_z_axis_is_asked_of_the_controller() -> None:
    """$112 and $122 are the profile's z figures, in mm/min and mm/s2; x and y keep theirs."""
    machine = hardware.load("machines", "grbl-avr-gantry")
    for settings in (required_settings(machine, machine.s_max), settings_for(machine)):
        assert settings[112] == machine.z_max_speed_mm_s * 60 < settings[110]
        assert settings[122] == machine.z_acceleration_mm_s2 < settings[120]
