"""The file layer of tests/faults/layer.c: built, put under a process, steered, and read back.

In: the C source, a folder to watch. Out: `Layer`, whose `environment` a child process is started
with; `Layer.refuse` makes its disk full or read-only, `Layer.set_clock_ns` its clock wrong,
`Layer.trace` tells what it wrote and synced, in order.
"""

from __future__ import annotations

import atexit
import ctypes
import errno
import functools
import mmap
import os
import platform
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("layer.c")
HEAD = struct.Struct("<IIQQqII")
EVER = 2**62


class Control(ctypes.Structure):
    """The page that the layer looks at before each change; `struct control` of layer.c."""

    _fields_ = tuple(
        (name, ctypes.c_int64)
        for name in ("calls", "fail_from", "fail_until", "error", "refused", "clock_ns", "kill_at")
    )


@dataclass(frozen=True, slots=True)
class Call:
    """One line of the trace.

    ``op``: C made a name, D made a folder, W wrote, T cut to ``offset`` bytes, G grew to it, b and
    s the begin and end of a sync, R renamed (``path`` to ``data``), U removed, M mapped for
    writing, and ! something that was said to somebody (``data``).
    """

    op: str
    thread: int
    inode: int
    offset: int
    path: str
    data: bytes


def read_trace(path: Path | None) -> list[Call]:
    """Read a trace; a last record that was cut by a kill is left out."""
    data, at, calls = path.read_bytes() if path and path.exists() else b"", 0, []
    while at + HEAD.size <= len(data):
        total, op, thread, inode, offset, path_size, _ = HEAD.unpack_from(data, at)
        if at + total > len(data):
            break
        middle = at + HEAD.size + path_size
        named = data[at + HEAD.size : middle].decode()
        calls.append(Call(chr(op), thread, inode, offset, named, data[middle : at + total]))
        at += total
    return calls


def say(trace: Path | str | None, text: str) -> None:
    """Write into a trace that ``text`` was told to somebody: from here on it must not be lost."""
    if trace is None:
        return
    data = text.encode()
    record = HEAD.pack(HEAD.size + len(data), ord("!"), 0, 0, 0, 0, len(data)) + data
    handle = os.open(trace, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(handle, record)
    finally:
        os.close(handle)


@dataclass(slots=True)
class Layer:
    """A layer under the processes that are started with `environment`."""

    root: Path
    trace: Path | None
    page: Path
    library: Path
    control: Control

    @property
    def environment(self) -> dict[str, str]:
        """What a child needs to live on the layer, and its own children too."""
        return {
            **os.environ,
            "LD_PRELOAD": str(self.library),
            "FAULT_LAYER_ROOT": str(self.root),
            "FAULT_LAYER_CONTROL": str(self.page),
        } | ({"FAULT_LAYER_TRACE": str(self.trace)} if self.trace else {})

    def refuse(self, error: int = errno.ENOSPC, after: int = 0, count: int = EVER) -> None:
        """Refuse ``count`` changes, from the one after ``after`` more that are let pass."""
        self.control.error = 0
        self.control.refused = 0
        self.control.fail_from = self.control.calls + after
        self.control.fail_until = self.control.fail_from + count
        self.control.error = error

    def heal(self) -> int:
        """Refuse nothing any more; return how many changes were refused."""
        self.control.error = 0
        return int(self.control.refused)

    def set_clock_ns(self, ahead_ns: int) -> None:
        """Let the wall clock be ``ahead_ns`` ahead of the true one."""
        self.control.clock_ns = ahead_ns


@functools.cache
def build() -> Path | None:
    """Compile the layer; ``None`` without glibc, or where no C compiler can be had."""
    if platform.libc_ver()[0] != "glibc":
        return None
    compiler = shutil.which("cc") or shutil.which("gcc") or _install_compiler()
    if compiler is None:
        return None
    library = Path(tempfile.mkdtemp(prefix="pinmark-layer-")) / "layer.so"
    atexit.register(shutil.rmtree, library.parent, ignore_errors=True)
    words = [compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return library


def _install_compiler() -> str | None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    settings = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    packages = ["install", "-y", "-qq", "--no-install-recommends", "gcc", "libc6-dev"]
    for words in (["update", "-qq"], packages):
        subprocess.run(["apt-get", *words], env=settings, capture_output=True, check=False)
    return shutil.which("gcc")


@contextmanager
def laid_under(root: Path, beside: Path, *, traced: bool = True) -> Iterator[Layer]:
    """Lay the layer under folder ``root``; its trace and page lie in folder ``beside``."""
    library = build()
    if library is None:
        pytest.skip("the file layer takes glibc and a C compiler: Debian's gcc and libc6-dev")
    root.mkdir(parents=True, exist_ok=True)
    beside.mkdir(parents=True, exist_ok=True)
    page = beside / "control"
    page.write_bytes(bytes(ctypes.sizeof(Control)))
    with page.open("r+b") as file:
        control = Control.from_buffer(mmap.mmap(file.fileno(), 0))
    trace = beside / "trace" if traced else None
    yield Layer(root.resolve(), trace, page, library, control)


def own_layer() -> Layer:
    """Return the layer that this very process lives on."""
    page = Path(os.environ["FAULT_LAYER_CONTROL"])
    with page.open("r+b") as file:
        control = Control.from_buffer(mmap.mmap(file.fileno(), 0))
    traced = os.environ.get("FAULT_LAYER_TRACE")
    trace = Path(traced) if traced else None
    return Layer(
        Path(os.environ["FAULT_LAYER_ROOT"]), trace, page, Path(os.environ["LD_PRELOAD"]), control
    )
