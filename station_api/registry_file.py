"""The registry a station works with: a file in its home, or the sample.

In: PINMARK_HOME/registry.json if present, else the sample that comes with pinmark. Out:
`Registry`; and `grow`, the one way to change the file, which only ever adds rows. What a row
means is decided in `engraver.registry`; here only files are read and written.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from engraver import registry
from engraver.allotment import BLOCK_SIZE
from engraver.errors import RegistryError
from engraver.registry import Registry, Row
from engraver.templates import parse_template
from firmware_bridge.durable import make_folder, replace_durably
from station_api.home import station_home

FILE_NAME = "registry.json"
TEST_ROW = Row(0, 1, "PINMARK", "TEST", template="T99999")
"""Block 0 is for tests, in every registry."""


def registry_path() -> Path:
    """Return where the station's own registry is, or would be."""
    return station_home() / FILE_NAME


def load_registry(path: Path | None = None) -> Registry:
    """Read the registry at ``path``, else the station's own, else the sample.

    Raises
    ------
    RegistryError
        If the file cannot be read or is no registry; the message names it.
    """
    own = path or registry_path()
    if path is None and not own.exists():
        return sample_registry()
    try:
        text = own.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RegistryError(f"registry {own} cannot be read: {error}") from error
    try:
        return registry.parse(text)
    except RegistryError as error:
        raise RegistryError(f"{own}: {error}") from error


def sample_registry() -> Registry:
    """Return the registry of invented makes that comes with pinmark."""
    source = resources.files("station_api") / "samples" / FILE_NAME
    return registry.parse(source.read_text(encoding="utf-8"))


def allot(
    make: str,
    model: str,
    *,
    template: str = "",
    start: int = 0,
    serials: tuple[str, ...] = (),
    blocks: int | None = None,
    dated: str = "",
) -> Row:
    """Allot the next free blocks to a make and model, as many as its serials need; return the row.

    Raises
    ------
    RegistryError
        If it is no row, or a serial of it would fit another row as well.
    """
    today = datetime.now(UTC).date().isoformat()
    needed = len(serials) or (parse_template(template).size - start if template else 1)
    count = -(-needed // BLOCK_SIZE) if blocks is None else blocks

    def step(ours: Registry) -> Registry:
        row = Row(ours.next_block, count, make, model, template, start, serials, dated or today)
        grown = ours.extended(row)
        if new := set(grown.ambiguities()) - set(ours.ambiguities()):
            raise RegistryError(f"{min(new)}; give the new row serials of its own")
        return grown

    return grow(step, today).rows[-1]


def grow(step: Callable[[Registry], Registry], today: str) -> Registry:
    """Replace the station's registry by ``step(registry)``, which must continue it.

    A station without a registry starts from block 0 alone, never from the sample. The file is
    replaced whole and made durable first; a lock keeps two writers apart.

    Raises
    ------
    RegistryError
        If the result does not continue the registry, or the file cannot be written.
    """
    path = registry_path()
    try:
        make_folder(path.parent)
        with path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            ours = load_registry(path) if path.exists() else Registry((TEST_ROW,))
            grown = step(ours)
            relation = registry.compare(ours, grown)
            if path.exists() and relation.relation not in ("equal", "continues"):
                raise RegistryError(f"a registry only grows: {relation.detail}")
            replace_durably(path, registry.to_json(grown, today))
    except OSError as error:
        raise RegistryError(f"registry {path} cannot be written: {error}") from error
    return grown
