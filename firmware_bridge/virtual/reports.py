"""What the virtual controller says about itself: banner, status, parser state, build info.

In: the firmware's state. Out: lines as grbl 1.1h prints them. Authority: grbl 1.1 interface
document and report.c; three decimals for mm, WCO every 30th report (10th at rest), overrides
every 20th (10th).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firmware_bridge.virtual.firmware import Firmware

STRANGER = "Smoothie v1.0"
"""What a firmware that this bridge does not know may call itself."""
_FEED = {0x90: None, 0x91: 10, 0x92: -10, 0x93: 1, 0x94: -1}
_RAPID = {0x95: 100, 0x96: 50, 0x97: 25}
_SPINDLE = {0x99: None, 0x9A: 10, 0x9B: -10, 0x9C: 1, 0x9D: -1}


def banner(firmware: Firmware) -> str:
    """Return what the controller says when it has started."""
    if firmware.faults.from_start("wrong-firmware"):
        return STRANGER
    return firmware.flavour.banner


def status(firmware: Firmware) -> str:
    """Return one status report, ``<Run|MPos:...|Bf:...|FS:...>``."""
    mask = int(firmware.memory.settings[10])
    place = printed_place_mm(firmware)
    offset = firmware.system_mm()
    fields = [_state(firmware)]
    if mask & 1:
        fields.append("MPos:" + join_mm(place))
    else:
        fields.append("WPos:" + join_mm([p - o for p, o in zip(place, offset, strict=True)]))
    if mask & 2:
        free = firmware.inbox.free - firmware.flavour.spare_bytes
        fields.append(f"Bf:{firmware.motion.free_blocks},{free}")
    fields.append(f"FS:{firmware.motion.v_mm_s * 60:.0f},{_spindle_s(firmware):.0f}")
    busy = firmware.motion.busy
    if _due(firmware, 0, 30 if busy else 10):
        fields.append("WCO:" + join_mm(offset))
    elif _due(firmware, 1, 20 if busy else 10):
        fields.append("Ov:" + ",".join(str(o) for o in firmware.overrides) + _accessories(firmware))
    return "<" + "|".join(fields) + ">"


def printed_place_mm(firmware: Firmware) -> list[float]:
    """Return the place in whole steps, as a controller that counts steps knows it."""
    steps = [firmware.memory.settings[100 + axis] for axis in range(3)]
    return [round(p * k) / k for p, k in zip(firmware.motion.place_mm, steps, strict=True)]


def join_mm(values: list[float]) -> str:
    """Print mm with three decimals, comma between."""
    return ",".join(f"{value + 0.0:.3f}" for value in values)


def _state(firmware: Firmware) -> str:
    state = firmware.state.value
    if state in ("Hold", "Door"):
        return f"{state}:{0 if firmware.motion.stopped else (1 if state == 'Hold' else 2)}"
    return state


def _spindle_s(firmware: Firmware) -> float:
    block = firmware.planner.blocks[0] if firmware.planner.blocks else None
    if block is None:
        return firmware.motion.idle_beam[0] if firmware.motion.idle_beam[1] == 3 else 0.0
    if firmware.motion.holding and firmware.motion.stopped:
        return 0.0
    if block.laser == 4:
        return block.s * min(firmware.motion.v_mm_s / block.programmed_mm_s, 1.0)
    return block.s if block.laser else 0.0


def _accessories(firmware: Firmware) -> str:
    return {3: "|A:S", 4: "|A:C"}.get(firmware.modal.spindle, "")


def _due(firmware: Firmware, which: int, period: int) -> bool:
    if firmware.report_counts[which] <= 0:
        firmware.report_counts[which] = period - 1
        return True
    firmware.report_counts[which] -= 1
    return False


def parser_state(firmware: Firmware) -> str:
    """Return the ``[GC:...]`` line of ``$G``."""
    m = firmware.modal
    words = [
        f"G{m.motion}", f"G{54 + m.system}", f"G{m.plane}", "G20" if m.inches else "G21",
        "G90" if m.absolute else "G91", "G93" if m.inverse_time else "G94",
        f"M{m.spindle}", f"M{m.coolant}", f"T{m.tool}", f"F{m.feed_mm_min:.0f}", f"S{m.s:.0f}",
    ]  # fmt: skip
    return "[GC:" + " ".join(words) + "]"


def parameters(firmware: Firmware) -> list[str]:
    """Return the lines of ``$#``."""
    memory = firmware.memory
    lines = [f"[G{54 + n}:{join_mm(offset)}]" for n, offset in enumerate(memory.systems_mm)]
    lines += [f"[G{n}:{join_mm(memory.homes_mm[n])}]" for n in (28, 30)]
    lines.append(f"[G92:{join_mm(firmware.offset_mm)}]")
    return [*lines, "[TLO:0.000]", "[PRB:0.000,0.000,0.000:0]"]


def build_info(firmware: Firmware) -> list[str]:
    """Return the lines of ``$I``."""
    m, flavour = firmware.machine, firmware.flavour
    if firmware.faults.from_start("wrong-firmware"):
        return [f"[VER:{STRANGER}]"]
    options = f"[OPT:{flavour.options}"
    if flavour.announces_buffers:
        options += f",{m.planner_blocks},{m.rx_bytes + (flavour.name == 'grblHAL')}"
    version = f"[VER:{flavour.version}:{firmware.memory.build_note}]"
    return [version, options + "]", *flavour.more_info]


def override(firmware: Firmware, byte: int) -> None:
    """Act on an override byte; motion follows at once."""
    table, which, bottom, top = (
        (_FEED, 0, 10, 200) if byte in _FEED
        else (_RAPID, 1, 25, 100) if byte in _RAPID
        else (_SPINDLE, 2, 10, 200)
    )  # fmt: skip
    if byte not in table:
        return
    step = table[byte]
    present = firmware.overrides[which]
    value = 100 if step is None else (step if table is _RAPID else present + step)
    firmware.overrides[which] = max(bottom, min(top, value))
    firmware.motion.scale(firmware.overrides[0], firmware.overrides[1])
    firmware.report_counts[1] = 0
