"""The half of `prove_hid.py` that runs inside the machine, as root, on Debian's kernel.

In: /dev/uinput, and a USB keyboard that QEMU presses when it reads ``PRESS`` on the console. Out:
``PROVED``, or what was not as it should be.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engraver.errors import PortError, PortLostError
from hardware.scanner import HidScanner

WAIT_S = 60.0
TESTS = ["tests/contract/test_scanners.py", "-q", "-p", "no:cacheprovider"]
SCANS = [
    ("shift-z shift-q 0 0 4 2 ret", "ZQ0042"),
    ("z q 0 0 4 2 kp_enter", "zq0042"),
    ("shift-bracket_left d 2 ctrl-bracket_right 2 1 shift-z 7 tab", "{d2\x1d21Z7"),
    ("caps_lock a shift-b 1 shift-1 caps_lock c ret", "Ab1!c"),
    ("kp_1 kp_2 kp_3 shift-slash minus dot f1 spc x ret", "123?-. x"),
    ("a:1500 b ret", "ab"),
]


def main() -> None:
    """Prove it, step by step."""
    print(
        f"-- kernel {platform.release()}, {platform.machine()}, Python {platform.python_version()}"
    )
    step("the contract of scanners on uinput, and what the kernel drops")
    done = subprocess.run([sys.executable, "-m", "pytest", *TESTS], capture_output=True, text=True)
    print(done.stdout[-6000:] + done.stderr[-2000:])
    if done.returncode or "skipped" in done.stdout:
        sys.exit("a test failed, or was skipped")
    node = keyboard()
    step(f"a USB keyboard: {node}")
    scanner = HidScanner(node)
    for keys, content in SCANS:
        print(f"PRESS {keys}")
        found = scanner.read(WAIT_S)
        print(f"   {keys} -> {found!r}")
        if found != content:
            sys.exit(f"expected {content!r}")
    step("two want it: the kernel gives it to one")
    try:
        HidScanner(node)
        sys.exit("it was given twice")
    except PortError as error:
        print(f"   {error}")
    step("nobody else sees what is scanned")
    other = os.open(node, os.O_RDONLY | os.O_NONBLOCK)
    print("PRESS s ret")
    assert scanner.read(WAIT_S) == "s"
    try:
        sys.exit(f"a second reader got {len(os.read(other, 4096))} bytes")
    except BlockingIOError:
        os.close(other)
    step("pulled out in the middle of a scan")
    print("PRESS shift-z shift-q 0 unplug")
    try:
        while scanner.read(WAIT_S) is None:
            pass
        sys.exit("half a scan was believed")
    except PortLostError as error:
        print(f"   {error}")
    scanner.close()
    step("PROVED: contents, shift, caps lock, GS1, a held key, the grab, lost keys, the plug")


def keyboard() -> str:
    """Return the event device of the keyboard that QEMU emulates, once it is there."""
    until_s = time.monotonic() + WAIT_S
    while time.monotonic() < until_s:
        for name in Path("/sys/class/input").glob("event*/device/name"):
            node = Path("/dev/input") / name.parent.parent.name
            if "USB Keyboard" in name.read_text() and node.exists():
                return str(node)
        time.sleep(0.05)
    sys.exit("no USB keyboard came up")


def step(said: str) -> None:
    """Say what comes now."""
    print(f"-- {said}")


if __name__ == "__main__":
    main()
