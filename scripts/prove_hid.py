"""Run the HID scanner code on a kernel's input devices, in a machine of its own: `make prove-hid`.

In: this checkout. Out: exit code 0 if `prove_hid_inside.py` did not object, inside a QEMU machine
that boots Debian's kernel on this file system, read-only. Two kinds of keyboard: `uinput`, and a
USB keyboard that QEMU emulates, which is pressed from here and pulled out. Needs Debian's
qemu-system-x86, busybox-static and a kernel package, which it fetches (root).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MODULES = (
    "virtio_pci",
    "9p",
    "9pnet_virtio",
    "uinput",
    "evdev",
    "usbhid",
    "hid_generic",
    "xhci_pci",
)
PATIENCE_S = 600.0
INIT = """\
#!/bin/busybox sh
/bin/busybox mkdir -p /dev /proc /sys /root
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
for module in $(/bin/busybox cat /modules.list); do /bin/busybox insmod $module; done
/bin/busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro host /root
/bin/busybox mount -t tmpfs run /root/run
for folder in dev proc sys; do /bin/busybox mount --move /$folder /root/$folder; done
export PATH=/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 HOME=/run TMPDIR=/run PINMARK_CONFIG=
/bin/busybox mkdir -p /root/dev/pts
/bin/busybox mount -t devpts pts /root/dev/pts
cd /root
/bin/busybox chroot . /bin/sh -c \
  'cd {root} && {python} -u scripts/prove_hid_inside.py </dev/null >/dev/ttyS0 2>&1'
/bin/busybox poweroff -f
"""


def main() -> None:
    """Build a ramdisk, boot, press keys when asked, look at what was said."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernel", type=Path, help="a kernel package (.deb) fetched before")
    asked = parser.parse_args()
    need("qemu-system-x86_64", "qemu-system-x86")
    need("busybox", "busybox-static")
    with tempfile.TemporaryDirectory(prefix="pinmark-hid-", dir="/var/tmp") as work:
        image, ramdisk = unpack(asked.kernel, Path(work))
        said = boot(image, ramdisk, Path(work))
    sys.exit(0 if "PROVED" in said else "NOT PROVED")


def need(program: str, package: str) -> None:
    """Install a program's package where it is missing."""
    if shutil.which(program) is None:
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", package)


def run(*words: str, cwd: Path | None = None) -> str:
    """Run a command, or end with its name."""
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"`{' '.join(words[:4])}` failed: {done.stderr[-500:]}")
    return done.stdout


def unpack(package: Path | None, work: Path) -> tuple[Path, Path]:
    """Return the kernel and a ramdisk with the modules that it needs here."""
    if package is None:
        told = run("apt-cache", "depends", "--no-recommends", "--no-suggests", "linux-image-amd64")
        name = next(line.split()[-1] for line in told.splitlines() if "Depends:" in line)
        run("apt-get", "download", "-qq", name, cwd=work)
        (package,) = work.glob("*.deb")
    tree = work / "kernel"
    run("dpkg-deb", "-x", str(package), str(tree))
    (image,) = tree.glob("boot/vmlinuz-*")
    (modules,) = tree.glob("lib/modules/*")
    run("busybox", "depmod", "-b", str(tree), modules.name)
    disk = work / "disk"
    (disk / "bin").mkdir(parents=True)
    shutil.copy(shutil.which("busybox") or "busybox", disk / "bin/busybox")
    names = []
    for at, module in enumerate(in_order(modules)):
        names.append(f"/{at:02d}-{module.name}")
        shutil.copy(module, disk / names[-1][1:])
    (disk / "modules.list").write_text("\n".join(names))
    (disk / "init").write_text(INIT.format(root=ROOT, python=sys.executable))
    (disk / "init").chmod(0o755)
    ramdisk = work / "ramdisk"
    with ramdisk.open("wb") as file:
        files = "\n".join(str(path.relative_to(disk)) for path in sorted(disk.rglob("*")))
        words = ["busybox", "cpio", "-o", "-H", "newc"]
        subprocess.run(words, cwd=disk, input=files.encode(), stdout=file, stderr=-3, check=True)
    return image, ramdisk


def in_order(modules: Path) -> Iterator[Path]:
    """Yield the files of `MODULES` and of all that they rest on, each after what it needs."""
    needs = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        needs[path] = rest.split()
    named = {Path(path).name.partition(".")[0].replace("-", "_"): path for path in needs}
    done: list[str] = []

    def add(path: str) -> None:
        for other in needs[path]:
            add(other)
        if path not in done:
            done.append(path)

    for name in MODULES:
        add(named[name])
    yield from (modules / path for path in done)


def boot(image: Path, ramdisk: Path, work: Path) -> str:
    """Run the machine until it switches itself off; return what it said."""
    monitor, line = work / "monitor", work / "line"
    words = [
        "qemu-system-x86_64",
        "-nodefaults",
        "-display",
        "none",
        "-no-reboot",
        "-m",
        "1024",
        "-cpu",
        "max",
    ]
    words += ["-accel", "tcg", "-kernel", str(image), "-initrd", str(ramdisk)]
    words += ["-append", "console=ttyS0 quiet loglevel=3 panic=-1"]
    words += ["-serial", f"unix:{line},server=on,wait=on"]
    words += ["-qmp", f"unix:{monitor},server=on,wait=off"]
    words += ["-device", "qemu-xhci", "-device", "usb-kbd,id=scanner"]
    shared = "local,path=/,security_model=none,readonly=on,multidevs=remap,mount_tag=host"
    machine = subprocess.Popen([*words, "-virtfs", shared])
    try:
        console, orders = connected(line), connected(monitor)
        console.settimeout(PATIENCE_S)
        return listen(console, Keyboard(orders))
    finally:
        machine.terminate()
        machine.wait()


def connected(path: Path) -> socket.socket:
    """Connect to a socket of the machine, which makes it at its start."""
    until_s = time.monotonic() + 60
    while True:
        made = socket.socket(socket.AF_UNIX)
        try:
            made.connect(str(path))
        except OSError:
            made.close()
            if time.monotonic() > until_s:
                raise
            time.sleep(0.05)
        else:
            return made


class Keyboard:
    """The emulated USB keyboard, pressed and pulled out over QEMU's monitor."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link.makefile("rw")
        self._link.readline()  # the greeting
        self.order("qmp_capabilities")

    def order(self, name: str, **arguments: Any) -> None:
        """Give an order and wait until it was carried out."""
        self._link.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self._link.flush()
        while True:
            answer = json.loads(self._link.readline())
            if "error" in answer:
                sys.exit(f"{name}: {answer['error']['desc']}")
            if "return" in answer:
                return

    def press(self, words: str) -> None:
        """Press keys, each with what is held meanwhile: ``shift-z q 0``; ``unplug`` pulls it."""
        for word in words.split():
            if word == "unplug":
                self.order("device_del", id="scanner")
                continue
            chord, _, held_ms = word.partition(":")
            keys = [{"type": "qcode", "data": name} for name in chord.split("-")]
            self.order("send-key", keys=keys, **{"hold-time": int(held_ms or 20)})
            time.sleep(int(held_ms or 20) / 1000 + 0.03)  # send-key comes back before it lets go


def listen(console: socket.socket, keyboard: Keyboard) -> str:
    """Show what the machine says; press what it asks for."""
    whole, begun = "", ""
    while chunk := console.recv(4096):
        begun += chunk.decode("utf-8", "replace")
        *lines, begun = begun.replace("\r", "").split("\n")
        for line in lines:
            whole += line + "\n"
            if line.startswith("PRESS "):
                keyboard.press(line.removeprefix("PRESS "))
            else:
                print(line, flush=True)
    return whole


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    main()
