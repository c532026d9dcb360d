"""Read the TOML profiles of a station: a folder of files -> `engraver.profiles` values.

In: names. Out: frozen values whose figures are finite, in range and sourced. A profile writes
each figure as ``key = { value = 10.0, source = "where it comes from" }``; texts stand bare.
Units are in the key names. Every complaint names the file and the key.
"""

from __future__ import annotations

import math
import tomllib
import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from engraver import choice
from engraver.acceptance import Acceptance
from engraver.errors import ProfileError
from engraver.profiles import Fixture, Laser, Machine, Material, Part, Recipe, Setup
from hardware.limits import CHOICES, limit_of
from hardware.panel.profile import PanelProfile

SHELF = Path(__file__).parent
"""The profiles that ship with pinmark."""

Shelf = Path | tuple[Path, ...]
"""One folder of profiles, or several that are read as one."""

Kind = Literal[
    "machines", "lasers", "materials", "parts", "fixtures", "recipes", "acceptance", "panels"
]
KINDS: dict[str, type[Any]] = {
    "machines": Machine,
    "lasers": Laser,
    "materials": Material,
    "parts": Part,
    "fixtures": Fixture,
    "recipes": Recipe,
    "acceptance": Acceptance,
    "panels": PanelProfile,
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Figure:
    """One entry of a profile as written: the value and where it comes from."""

    key: str
    value: Any
    source: str


def names(kind: str, shelf: Shelf = SHELF) -> tuple[str, ...]:
    """Return the names of all profiles of a ``kind`` (a key of `KINDS`), sorted."""
    found = [path.stem for folder in _folders(shelf, kind) for path in folder.glob("*.toml")]
    return tuple(sorted(set(found)))


def load(kind: str, name: str, shelf: Shelf = SHELF) -> Any:
    """Read profile ``name`` of ``kind`` into its value of `engraver.profiles`.

    Raises
    ------
    ProfileError
        If the file or a key is missing, unknown, unsourced or outside its limits.
    """
    path = _path(kind, name, shelf)
    return _build(KINDS[kind], path, {f.key: f.value for f in _figures(path)})


def figures(kind: str, name: str, shelf: Shelf = SHELF) -> tuple[Figure, ...]:
    """Return every entry of a profile with its source, in the order of the file."""
    return tuple(_figures(_path(kind, name, shelf)))


def text(kind: str, name: str, shelf: Shelf = SHELF) -> str:
    """Return a profile as its author wrote it.

    Raises
    ------
    ProfileError
        If there is no such profile.
    """
    return _path(_known_kind(kind), name, shelf).read_text("utf-8")


def load_setup(recipe_name: str, shelf: Shelf = SHELF) -> Setup:
    """Read a recipe and every profile it names; a format left to the tip is settled here.

    Raises
    ------
    ProfileError
        If the recipe or a profile it names is missing or bad; names file and key.
    DesignError
        If the recipe leaves the format to a tip that holds none.
    """
    recipe: Recipe = load("recipes", recipe_name, shelf)
    return choice.settled(
        Setup(
            recipe=recipe,
            machine=_named("machines", "machine", recipe, shelf),
            laser=_named("lasers", "laser", recipe, shelf),
            material=_named("materials", "material", recipe, shelf),
            part=_named("parts", "part", recipe, shelf),
        )
    )


def load_fixture(name: str, setup: Setup, shelf: Shelf = SHELF) -> Fixture:
    """Read a fixture and check that it holds the setup's part and stands on its table.

    Raises
    ------
    ProfileError
        If it holds another part, or a pocket or fiducial lies off the table; names file and key.
    """
    fixture: Fixture = load("fixtures", name, shelf)
    if fixture.part != setup.part.name:
        raise ProfileError(
            f"fixtures/{name}.toml: part = {fixture.part!r}, recipe {setup.recipe.name} marks "
            f"{setup.part.name!r}; use a fixture or a recipe of the same part"
        )
    reach_mm = setup.part.tip_diameter_um / 2e3
    for key, places, room in (
        ("pocket_xy_mm", fixture.pocket_xy_mm, reach_mm),
        ("fiducial_xy_mm", fixture.fiducial_xy_mm, 0.0),
    ):
        for index, place in enumerate(places):
            for value, axis, travel in zip(place, "xy", setup.machine.travel_mm[:2], strict=True):
                if not room <= value <= travel - room:
                    raise ProfileError(
                        f"fixtures/{name}.toml: {key}[{index}] has {axis} = {value:g} mm, off the "
                        f"table of {setup.machine.name}: {room:g} to {travel - room:g} mm fits"
                    )
    return fixture


def _named(kind: Kind, key: str, recipe: Recipe, shelf: Shelf) -> Any:
    name = getattr(recipe, key)
    if name not in names(kind, shelf):
        raise ProfileError(
            f"recipes/{recipe.name}.toml: {key} = {name!r} is no file in {kind}/; "
            f"known: {', '.join(names(kind, shelf)) or 'none'}"
        )
    return load(kind, name, shelf)


def _known_kind(kind: str) -> str:
    if kind not in KINDS:
        raise ProfileError(f"profile kind {kind!r} is unknown; known kinds: {', '.join(KINDS)}")
    return kind


def _path(kind: str, name: str, shelf: Shelf) -> Path:
    if name not in names(kind, shelf):
        raise ProfileError(
            f"{kind}/{name}.toml does not exist; known: {', '.join(names(kind, shelf)) or 'none'}"
        )
    paths = [folder / f"{name}.toml" for folder in _folders(shelf, kind)]
    first, *more = [path for path in paths if path.exists()]
    if more:
        raise ProfileError(
            f"{kind}/{name}.toml stands in {first.parent} and in {more[0].parent}; rename one: "
            "a profile never hides another"
        )
    return first


def _folders(shelf: Shelf, kind: str) -> list[Path]:
    shelves = shelf if isinstance(shelf, tuple) else (shelf,)
    return [one / _known_kind(kind) for one in shelves]


def _label(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _figures(path: Path) -> list[Figure]:
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProfileError(f"{_label(path)} is no TOML: {error}; correct that line") from None
    return [_figure(path, key, entry) for key, entry in table.items()]


def _figure(path: Path, key: str, entry: object) -> Figure:
    if isinstance(entry, str):
        return Figure(key, entry, "")
    if not (isinstance(entry, Mapping) and set(entry) == {"value", "source"}):
        raise ProfileError(
            f"{_label(path)}: {key} = {entry!r} has no source; "
            f"write {key} = {{ value = ..., source = '...' }}"
        )
    source = entry["source"]
    if not isinstance(source, str) or not source.strip():
        raise ProfileError(f"{_label(path)}: {key} has an empty source; say where it comes from")
    return Figure(key, entry["value"], source)


def _build(cls: type[T], path: Path, entries: dict[str, Any]) -> T:
    label, hints = _label(path), get_type_hints(cls)
    if entries.get("name") != path.stem:
        raise ProfileError(
            f"{label}: name = {entries.get('name')!r} differs from the file's name; "
            f"write name = {path.stem!r}"
        )
    wanted = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
    for key in entries:
        if key not in wanted:
            raise ProfileError(f"{label}: {key} is no key of it; known: {', '.join(wanted)}")
    for key, field in wanted.items():
        if key not in entries and field.default is MISSING:
            raise ProfileError(f"{label}: {key} is missing; add it with its source")
    return cls(**{k: _convert(label, k, v, hints[k]) for k, v in entries.items()})


def _convert(label: str, key: str, value: Any, hint: Any) -> Any:
    """Return ``value`` as the type ``hint``, checked against the limits of ``key``."""
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(h for h in get_args(hint) if h is not type(None))
    if get_origin(hint) is tuple:
        return _convert_tuple(label, key, value, get_args(hint))
    if hint is str:
        return _convert_text(label, key, value)
    if hint is bool:
        if not isinstance(value, bool):
            raise ProfileError(f"{label}: {key} = {value!r} is not true or false")
        return value
    return _convert_number(label, key, value, hint)


def _convert_tuple(label: str, key: str, value: Any, kinds: tuple[Any, ...]) -> tuple[Any, ...]:
    open_ended = len(kinds) == 2 and kinds[1] is Ellipsis
    if not isinstance(value, list) or not (open_ended or len(value) == len(kinds)):
        size = "a list" if open_ended else f"a list of {len(kinds)}"
        raise ProfileError(f"{label}: {key} = {value!r} is not {size}")
    each = [kinds[0]] * len(value) if open_ended else kinds
    return tuple(_convert(label, key, v, k) for v, k in zip(value, each, strict=True))


def _convert_text(label: str, key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ProfileError(f"{label}: {key} = {value!r} is not a text; write it in quotes")
    if key in CHOICES and value not in CHOICES[key]:
        raise ProfileError(f"{label}: {key} = {value!r}; known: {', '.join(CHOICES[key])}")
    return value


def _convert_number(label: str, key: str, value: Any, hint: Any) -> int | float:
    number = isinstance(value, int) or (isinstance(value, float) and hint is float)
    if not number or isinstance(value, bool):
        word = "a whole number" if hint is int else "a number"
        raise ProfileError(f"{label}: {key} = {value!r} is not {word}")
    low, high, open_low = limit_of(key)
    inside = (value > low if open_low else value >= low) and value <= high
    if not math.isfinite(value) or not inside:
        least = "above" if open_low else "at least"
        raise ProfileError(f"{label}: {key} = {value} must be {least} {low:g} and at most {high:g}")
    return hint(value)  # type: ignore[no-any-return]
