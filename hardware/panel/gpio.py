"""A panel on the Linux GPIO character device.

In: a `PanelProfile` with a chip and lines. Out: a `Panel`. The kernel gives the lines to one
process; edges wake the reader. Authority: libgpiod 2.x, its Python bindings (extra ``gpio``).
"""

from __future__ import annotations

import errno
import time
from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any

from engraver.errors import PortError
from hardware.panel.levels import Levels, Output
from hardware.panel.profile import PanelProfile

CONSUMER = "pinmark"


class GpioPanel:
    """A `Panel` on lines of one chip; ``gpiod`` is the library, or what stands in for it."""

    def __init__(self, profile: PanelProfile, gpiod: Any | None = None) -> None:
        self._gpiod = _library() if gpiod is None else gpiod
        self.name = profile.name
        self._inputs = {one: _line(text) for one, text in profile.lines().items()}
        self._lamps = {one: _line(text) for one, text in profile.lamps().items()}
        self.wired = frozenset(self._inputs)
        self._request = self._open(profile)

    def _open(self, profile: PanelProfile) -> Any:
        line, settings = self._gpiod.line, self._gpiod.LineSettings
        bias = getattr(line.Bias, profile.bias.upper().replace("-", "_"))
        config: dict[int | str, Any] = {}
        for one, name in self._inputs.items():
            config[name] = settings(
                direction=line.Direction.INPUT,
                edge_detection=line.Edge.BOTH,
                bias=bias,
                active_low=getattr(profile, one.value).startswith("!"),
            )
        for lamp, name in self._lamps.items():
            config[name] = settings(
                direction=line.Direction.OUTPUT,
                output_value=line.Value.INACTIVE,
                active_low=getattr(profile, lamp.value).startswith("!"),
            )
        try:
            return self._gpiod.request_lines(profile.chip, consumer=CONSUMER, config=config)
        except OSError as error:
            raise PortError(f"panel {self.name}: {_explain(profile.chip, error)}") from error
        except ValueError as error:
            raise PortError(
                f"panel {self.name}: {profile.chip} has no such line ({error}); see gpioinfo"
            ) from error

    def read(self) -> Levels:
        """Return every wired input; None for all where the chip does not answer."""
        active = self._gpiod.line.Value.ACTIVE
        try:
            values = self._request.get_values(list(self._inputs.values()))
        except (OSError, self._gpiod.RequestReleasedError):
            return dict.fromkeys(self._inputs)
        return {one: value == active for one, value in zip(self._inputs, values, strict=True)}

    def wait(self, timeout_s: float) -> None:
        """Wait for an edge; what it was, `read` says."""
        begun_s = time.monotonic()
        try:
            if self._request.wait_edge_events(timedelta(seconds=timeout_s)):
                self._request.read_edge_events()
        except (OSError, self._gpiod.RequestReleasedError):
            # a chip that is gone reports at once, for ever
            time.sleep(max(0.0, begun_s + timeout_s - time.monotonic()))

    def show(self, lamps: Mapping[Output, bool]) -> None:
        """Switch the wired lamps."""
        value = self._gpiod.line.Value
        levels = {
            name: value.ACTIVE if lamps.get(one) else value.INACTIVE
            for one, name in self._lamps.items()
        }
        try:
            if levels:
                self._request.set_values(levels)
        except (OSError, self._gpiod.RequestReleasedError):
            return

    def close(self) -> None:
        """Switch everything off and give the lines back."""
        self.show({})
        self._request.release()

    def __enter__(self) -> GpioPanel:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _library() -> Any:
    try:
        import gpiod
    except ImportError as error:
        raise PortError(
            "a gpio panel needs the gpiod library; install it with `pip install 'pinmark[gpio]'`"
        ) from error
    return gpiod


def _line(text: str) -> int | str:
    """Read a line as written in a profile: an offset, or a name."""
    bare = text.lstrip("!")
    return int(bare) if bare.isdecimal() else bare


def _explain(chip: str, error: OSError) -> str:
    if error.errno == errno.ENOENT:
        # the library says the same of a chip and of a line's name
        return f"there is no GPIO chip {chip}, or no line of one of the names; see gpioinfo"
    if error.errno == errno.EBUSY:
        return f"a line of {chip} is taken by another program; see gpioinfo"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{chip} may not be opened; put the user into the group that owns it"
    return f"{chip} cannot be used ({error.strerror}); see gpioinfo"
