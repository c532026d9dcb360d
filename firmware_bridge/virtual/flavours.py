"""How the three firmwares differ on the wire, as a table.

Authority: measurements on unmodified grbl 1.1h and on grblHAL; FluidNC from its source.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flavour:
    """One firmware as a host meets it.

    ``joins_crlf``: CR LF ends one line (grbl counts two and acknowledges both).
    ``latches_errors``: after an error every line answers it until an empty line, a ``$``
    command or a reset. ``truncates``: what exceeds a line is lost silently, not refused.
    ``alarms_on_reset``: a reset in motion locks with ALARM:3. ``spare_bytes``: how many bytes
    fewer than `rx_bytes` an idle Bf reports. ``eeprom_byte_s``: how long one byte written
    deafens the receiver. ``alternative_bytes``: 0x80-0x83 and 0x87 are real-time commands.
    ``announces_buffers``: ``$I`` names planner and RX sizes.
    """

    name: str
    banner: str
    version: str
    options: str
    joins_crlf: bool
    latches_errors: bool
    truncates: bool
    alarms_on_reset: bool
    spare_bytes: int
    eeprom_byte_s: float
    alternative_bytes: bool
    announces_buffers: bool
    more_info: tuple[str, ...] = ()


GRBL = Flavour(
    name="grbl",
    banner="Grbl 1.1h ['$' for help]",
    version="1.1h.20190830",
    options="V",
    joins_crlf=False,
    latches_errors=False,
    truncates=False,
    alarms_on_reset=True,
    spare_bytes=0,
    eeprom_byte_s=3.4e-3,  # ATmega328P data sheet: erase and write of one EEPROM byte
    alternative_bytes=False,
    announces_buffers=True,
)
GRBLHAL = Flavour(
    name="grblHAL",
    banner="GrblHAL 1.1f ['$' or '$HELP' for help]",
    version="1.1f.20240817",
    options="VNMSL",
    joins_crlf=True,
    latches_errors=True,
    truncates=False,
    alarms_on_reset=False,
    spare_bytes=0,
    eeprom_byte_s=0.0,
    alternative_bytes=True,
    announces_buffers=True,
    more_info=("[NEWOPT:ENUMS,RT+,HOME]", "[FIRMWARE:grblHAL]", "[DRIVER:virtual]"),
)
FLUIDNC = Flavour(
    name="FluidNC",
    banner="Grbl 3.7 [FluidNC v3.7.17 (noradio) '$' for help]",
    version="3.7 FluidNC v3.7.17",
    options="PHS",
    joins_crlf=True,
    latches_errors=False,
    truncates=True,
    alarms_on_reset=True,
    spare_bytes=0,
    eeprom_byte_s=0.0,
    alternative_bytes=False,
    announces_buffers=False,
    more_info=("[MSG: Machine: virtual engraver]",),
)
FLAVOURS = {flavour.name: flavour for flavour in (GRBL, GRBLHAL, FLUIDNC)}
