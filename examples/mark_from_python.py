"""From a serial number to a program, in Python: no port, no laser, no file.

Run it: python examples/mark_from_python.py
"""

import hardware
from engraver import codes, gcode, layout, relief, toolpath

setup = hardware.load_setup("default")
code = codes.encode_index(32768 + 42, setup.recipe.code_format)
design = relief.design(layout.arrange(code, setup), setup)
path = toolpath.plan(design, setup)
program = gcode.render(path, setup)

print(f"{code.text}: {path.stroke_count} strokes, {path.burn_length_um / 1000:.1f} mm laser on")
print(f"{len(program.data)} bytes, about {program.estimated_time_s:.0f} s on {setup.machine.name}")
