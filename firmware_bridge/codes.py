"""Error and alarm codes of the controllers, each with what it means and what to do.

In: nothing; tables. Authority: grbl 1.1 error_codes and alarm_codes documents, grblHAL's
errors.h and alarms.h; wording is ours.
"""

from __future__ import annotations

Code = tuple[str, str]
"""What it means, what to do."""

_RENDER = "render the program again; if it comes back, the wire garbles bytes: check the cable"
_SETTINGS = "compare `pinmark controller settings` with the machine profile"
_HOME = "look at the machine, then home it or unlock it with $X"

GRBL_ERRORS: dict[int, Code] = {
    1: ("a word does not begin with a letter", _RENDER),
    2: ("a number is missing or malformed", _RENDER),
    3: ("a $ command is not known", "check the command"),
    4: ("a negative value where none may be", _RENDER),
    5: ("homing is switched off", "set $22=1 on a machine with limit switches"),
    6: ("a step pulse below 3 us", "set $0 to 3 or more"),
    7: ("the settings memory was corrupt; defaults were restored", _SETTINGS),
    8: ("the command needs Idle", "wait for the end of motion or leave check mode"),
    9: ("locked by alarm or jog", _HOME),
    10: ("soft limits need homing", "set $22=1 before $20=1"),
    11: ("the line is too long", "render the program for this machine"),
    12: ("the step rate is too high", "lower $110-$112 or the micro-steps"),
    13: ("the safety door is open", "close it"),
    14: ("a build info or start-up line is too long", "shorten it"),
    15: ("a jog leads out of travel", "jog a shorter way"),
    16: ("a jog without = or with forbidden words", "check the jog"),
    17: ("laser mode needs a PWM output", "wire the laser to the PWM pin"),
    20: ("a G or M code that this controller lacks", _RENDER),
    21: ("two words of one modal group in a line", _RENDER),
    22: ("no feed rate yet", _RENDER),
    23: ("a code needs a whole number", _RENDER),
    24: ("two commands in one line want the axes: a newline may be lost", _RENDER),
    25: ("a word is repeated: a newline may be lost", _RENDER),
    26: ("a command without its axis words", _RENDER),
    27: ("a line number out of range", _RENDER),
    28: ("a command without its P or L word", _RENDER),
    29: ("a work coordinate system that does not exist", "use G54 to G59"),
    30: ("G53 without G0 or G1", _RENDER),
    31: ("axis words that no command uses", _RENDER),
    32: ("an arc without axis words", _RENDER),
    33: ("a motion with an impossible target", _RENDER),
    34: ("an arc whose radius does not fit", _RENDER),
    35: ("an arc without its offsets", _RENDER),
    36: ("words that no command uses", _RENDER),
    37: ("G43.1 on another axis than configured", _RENDER),
    38: ("a tool number too high", _RENDER),
}
GRBLHAL_ERRORS: dict[int, Code] = GRBL_ERRORS | {
    39: ("a value out of range", _RENDER),
    40: ("a command that is not allowed while a tool change is pending", "finish the change"),
    41: ("a spindle that cannot be reversed or is not there", _SETTINGS),
    42: ("a limit switch is engaged", "move the machine off it by hand, then unlock"),
    43: ("an EEPROM or flash write failed", "power the board off and on"),
    44: ("a self-test failed", "power the board off and on"),
    45: ("an emergency stop is active", "release it, then reset"),
    46: ("a motor fault is active", "look at the drives"),
    47: ("a setting out of range", _SETTINGS),
    48: ("a setting that is switched off", _SETTINGS),
    49: ("a retract position below the drill position", _RENDER),
    50: ("an authentication is required", "log in to the controller"),
    60: ("no SD card", "not needed: stream over the wire"),
    70: ("no network", "check the network"),
    79: ("homing is required first", "home the machine"),
}
ALARMS: dict[int, Code] = {
    1: ("a limit switch was hit; the place is lost", _HOME),
    2: ("a target beyond the travel; the place is kept", "check work offset and layout"),
    3: ("a reset in motion; the place is lost", _HOME),
    4: ("the probe was not in its first state", "check the probe"),
    5: ("the probe never touched", "check the probe"),
    6: ("homing failed: reset meanwhile", "home again"),
    7: ("homing failed: door opened", "close the door, home again"),
    8: ("homing failed: a switch stayed engaged", "check switches and $27"),
    9: ("homing failed: no switch was found", "check switches and travel"),
    10: ("homing failed: a second switch of the axis was not found", "check the switches"),
}
GRBLHAL_ALARMS: dict[int, Code] = ALARMS | {
    10: ("the emergency stop is active", "release it, then reset"),
    11: ("homing is required", "home the machine"),
    12: ("a limit switch is engaged", "move off it by hand, then unlock"),
    13: ("probe protection tripped", "look at the probe"),
    14: ("the spindle did not reach its speed", "check the laser supply"),
    15: ("homing failed: the squaring switch was not found", "check the switches"),
    16: ("the self-test failed", "power the board off and on"),
    17: ("a motor fault", "look at the drives"),
    18: ("homing failed for its settings", "check the homing settings"),
}


def explain(kind: str, code: int | None, table: dict[int, Code]) -> str:
    """Return one line about ``error:code`` or ``ALARM:code``.

    Examples
    --------
    >>> explain("error", 9, GRBL_ERRORS)
    'error:9, locked by alarm or jog (look at the machine, then home it or unlock it with $X)'
    """
    meaning, remedy = table.get(code or 0, ("a code this bridge does not know", "see its manual"))
    return f"{kind}:{code}, {meaning} ({remedy})"
