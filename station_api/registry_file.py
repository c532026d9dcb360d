"""The registry a station works with: a file in its home, or the sample.

In: PINMARK_HOME/registry.json if present, else the sample that comes with pinmark. Out:
`Registry`. What a row means is decided in `engraver.registry`; here only files are read.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from engraver import registry
from engraver.errors import RegistryError
from engraver.registry import Registry
from station_api.home import station_home

FILE_NAME = "registry.json"


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
