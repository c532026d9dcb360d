"""A panel of two small files: any process of the machine presses its buttons and sees its lamps.

In: a folder. Out: a `Panel`. ``panel.json`` holds each contact, ``lamps.json`` what is lit; both
are replaced whole, writers take turns on a lock. A press of the start button lasts
`PRESS_S` from when it was pressed, on the steady clock that all processes of a boot share. What
cannot be read is an open contact, as on a real panel.
"""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from engraver.errors import InputError, PortError
from hardware.panel.levels import Input, Levels, Output

PRESS_S = 0.4
"""Longer than any debounce; about what a finger does."""
LOOK_S = 0.02
AT_REST: dict[Input, bool] = {
    Input.DOOR_A: True,
    Input.DOOR_B: True,
    Input.KEY: False,
    Input.STOP: True,
    Input.EXTRACTION: True,
    Input.START: False,
}
"""A station somebody has just switched on: all is closed, the key has not been turned."""


class VirtualPanel:
    """A `Panel` on files."""

    wired = frozenset(Input)

    def __init__(self, folder: Path, name: str = "virtual") -> None:
        self.name = name
        self._folder = folder
        self._shown: dict[Output, bool] | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not (folder / "panel.json").exists():
                press(folder, {})
        except OSError as error:
            raise PortError(f"panel {folder} cannot be made ({error.strerror})") from error

    def read(self) -> Levels:
        """Return every contact; None where the file cannot be read."""
        try:
            held = _read(self._folder)
        except (OSError, ValueError):
            return dict.fromkeys(Input)
        return {one: _level(held.get(one.value)) for one in Input}

    def wait(self, timeout_s: float) -> None:
        """Look every 20 ms whether the file is another."""
        until_s, before = time.monotonic() + timeout_s, self._stamp()
        while (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(LOOK_S, left_s))
            if self._stamp() != before:
                return

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = (self._folder / "panel.json").stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

    def show(self, lamps: Mapping[Output, bool]) -> None:
        """Write what is lit, when it changes; a full disk leaves the lamps as they are."""
        if lamps == self._shown:
            return
        try:
            _replace(self._folder / "lamps.json", {one.value: lit for one, lit in lamps.items()})
            self._shown = dict(lamps)
        except OSError:
            return

    def close(self) -> None:
        """Switch the lamps off."""
        self.show(dict.fromkeys(Output, False))

    def __enter__(self) -> VirtualPanel:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def press(folder: Path, contacts: Mapping[Input, bool]) -> dict[Input, bool]:
    """Set contacts from any process; ``{START: True}`` is a press that ends by itself.

    Returns what every contact is now.

    Raises
    ------
    InputError
        If the panel's files cannot be written.
    """
    try:
        with (folder / "panel.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            held = _held(folder)
            for one, closed in contacts.items():
                held[one.value] = closed
                if one is Input.START and closed:
                    held[one.value] = time.monotonic() + PRESS_S
            _replace(folder / "panel.json", held)
    except OSError as error:
        raise InputError(f"panel {folder} cannot be pressed ({error.strerror})") from error
    return {one: bool(_level(held.get(one.value))) for one in Input}


def lamps(folder: Path) -> dict[Output, bool]:
    """Return what is lit, as a passer-by sees it."""
    try:
        lit = json.loads((folder / "lamps.json").read_text("ascii"))
    except (OSError, ValueError):
        lit = {}
    return {one: bool(lit.get(one.value)) for one in Output}


def _held(folder: Path) -> dict[str, bool | float]:
    try:
        return _read(folder)
    except (OSError, ValueError):
        return {one.value: closed for one, closed in AT_REST.items()}


def _read(folder: Path) -> dict[str, bool | float]:
    held = json.loads((folder / "panel.json").read_text("ascii"))
    if not isinstance(held, dict):
        raise ValueError("no panel")
    return held


def _level(held: object) -> bool | None:
    """Read a contact: true, false, or the steady second until which it is pressed."""
    if isinstance(held, bool):
        return held
    if isinstance(held, int | float):
        return time.monotonic() < held
    return None


def _replace(path: Path, values: Mapping[str, object]) -> None:
    # no sync: a virtual panel need not outlive a power cut, and lamps change every second
    draft = path.with_name(path.name + ".new")
    draft.write_text(json.dumps(values), "ascii")
    draft.replace(path)
