"""Read the configuration: a TOML file and the environment -> `Settings`, or faults with a remedy.

In: the file's path and the environment. Out: `Reading`, which holds what was right and names
everything that was not; `settings` refuses what has a fault. The file is strict (``port = "80"`` is
refused), the environment is text and converted. An empty variable counts as not set.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import platformdirs
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from engraver.errors import InputError
from station_api.configuration.model import (
    SECRETS_OF_THE_ENVIRONMENT,
    SECTIONS,
    Settings,
    environment,
    extra,
)

CONFIG_VARIABLE = "PINMARK_CONFIG"
SYSTEM_FILE = Path("/etc/pinmark/pinmark.toml")
PREFIX = "PINMARK_"
NOT_SETTINGS = frozenset({CONFIG_VARIABLE, *SECRETS_OF_THE_ENVIRONMENT})
LONGEST_SHOWN = 80
"""Characters of a wrong value that are shown."""
FOR_TESTS = ("PINMARK_HYPOTHESIS", "PINMARK_SOAK_")
"""Variables of the test and soak commands, which no station reads."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the configuration: where, which key, what, and what to do."""

    where: str
    key: str
    problem: str
    remedy: str

    def line(self) -> str:
        """Say it on one line."""
        return f"{self.where}: {self.key} {self.problem}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class Reading:
    """The configuration as it was found: values, where each was set, and what is wrong."""

    path: Path | None
    settings: Settings
    sources: dict[tuple[str, str], str]
    faults: tuple[Fault, ...]


def is_no_file_wanted() -> bool:
    """Return whether ``PINMARK_CONFIG`` is set to nothing: no file is read."""
    return os.environ.get(CONFIG_VARIABLE) == ""


def config_path() -> Path | None:
    """Return the file the configuration is read from; ``None`` if there is none.

    ``PINMARK_CONFIG`` set to nothing says that no file is read.
    """
    named = os.environ.get(CONFIG_VARIABLE)
    if named is not None:
        return Path(named) if named else None
    own = Path(platformdirs.user_config_dir("pinmark")) / "pinmark.toml"
    return next((path for path in (SYSTEM_FILE, own) if path.exists()), None)


def settings() -> Settings:
    """Return the configuration in force.

    Raises
    ------
    InputError
        If the file cannot be read, or a value is wrong; names file, key, limit and remedy.
    """
    return require(read_here())


def read_here(path: Path | None = None) -> Reading:
    """Read the file in force, or ``path`` in its place, under this process's environment."""
    return read(path or config_path(), os.environ)


def require(reading: Reading) -> Settings:
    """Return the settings of a reading without faults.

    Raises
    ------
    InputError
        If it has any; says the first, and how many there are.
    """
    if not reading.faults:
        return reading.settings
    more = len(reading.faults) - 1
    rest = f" (and {more} more: `pinmark config check`)" if more else ""
    raise InputError(reading.faults[0].line() + rest)


def read(path: Path | None, variables: Mapping[str, str]) -> Reading:
    """Read a file and the environment; what is wrong is returned, not raised."""
    faults: list[Fault] = []
    values: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    sources: dict[tuple[str, str], str] = {}
    for section, key, value in _in_file(path, faults):
        if _take(values, section, key, value, f"[{section}] {key}", str(path), faults):
            sources[section, key] = str(path)
    known = environment()
    for name in sorted(variables):
        if not name.startswith(PREFIX) or not variables[name] or name in NOT_SETTINGS:
            continue
        if name in known:
            section, key = known[name]
            if _take(values, section, key, variables[name], name, "environment", faults, lax=True):
                sources[section, key] = name
        elif not name.startswith(FOR_TESTS):
            faults.append(_unknown("environment", name, [*known, *NOT_SETTINGS]))
    found = Settings.model_validate(values)
    faults += _together(found, sources)
    return Reading(path, found, sources, tuple(faults))


def _in_file(path: Path | None, faults: list[Fault]) -> list[tuple[str, str, Any]]:
    if path is None:
        return []
    try:
        content = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        make = "make it with `pinmark config example`"
        mend = make if isinstance(error, FileNotFoundError) else "let this user read it"
        remedy = f"{mend}, or name another in {CONFIG_VARIABLE}"
        faults.append(Fault(str(path), "the file", f"cannot be read ({error.strerror})", remedy))
        return []
    except UnicodeDecodeError as error:
        said = f"is no UTF-8 (byte {error.start} is 0x{error.object[error.start]:02x})"
        faults.append(Fault(str(path), "the file", said, "save it as UTF-8"))
        return []
    except tomllib.TOMLDecodeError as error:
        faults.append(Fault(str(path), "the file", f"is no TOML ({error})", "mend that line"))
        return []
    found: list[tuple[str, str, Any]] = []
    for section, keys in content.items():
        if section not in SECTIONS:
            faults.append(_unknown(str(path), f"[{section}]", [f"[{name}]" for name in SECTIONS]))
        elif not isinstance(keys, dict):
            remedy = f"write [{section}] on a line of its own and its keys below"
            faults.append(Fault(str(path), section, f"is {keys!r} and no section", remedy))
        else:
            found += [(section, key, value) for key, value in keys.items()]
    return found


def _take(
    values: dict[str, dict[str, Any]],
    section: str,
    key: str,
    value: Any,
    called: str,
    where: str,
    faults: list[Fault],
    *,
    lax: bool = False,
) -> bool:
    """Put one value in its place if it is one that the key takes."""
    fields = SECTIONS[section].model_fields
    if key not in fields:
        near = _unknown(where, called, [f"[{section}] {name}" for name in fields])
        faults.append(near)
        return False
    field = fields[key]
    of_path = field.annotation in (Path, Path | None)
    try:
        if of_path and not lax and not (isinstance(value, str) and value.startswith("/")):
            raise ValueError("it takes a whole path, beginning with /")
        values[section][key] = _adapter(field).validate_python(
            value, strict=not lax and not of_path
        )
    except (ValidationError, ValueError) as error:
        shown = "is not what it should be" if extra(field)["secret"] else f"is {_short(value)}"
        problem = f"{shown}: {_said(error, extra(field)['shape'])}"
        faults.append(Fault(where, called, problem, f"write for example {example(key, field)}"))
        return False
    return True


def example(key: str, field: FieldInfo) -> str:
    """Return a line of the file that sets a key, by its example or its default."""
    value = extra(field)["example"]
    return f"{key} = {toml(field.default if value is None else value)}"


def toml(value: Any) -> str:
    """Return a value as TOML writes it.

    >>> toml(True), toml(8080), toml("S1"), toml(("a", "b"))
    ('true', '8080', '"S1"', '["a", "b"]')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return f"[{', '.join(toml(one) for one in value)}]"
    text = str(value)
    escaped = "".join(_ESCAPED.get(letter, letter) for letter in text)
    return f'"{escaped}"'


_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def _adapter(field: FieldInfo) -> TypeAdapter[Any]:
    kind: Any = field.annotation
    for limit in field.metadata:
        kind = Annotated[kind, limit]
    return TypeAdapter(kind)


def _said(error: Exception, shape: str) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    text = error.errors()[0]["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if shape and error.errors()[0]["type"] == "string_pattern_mismatch":
        text = f"should be {shape}"
    return f"it {text}" if text.startswith("should") else text


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]} ..."


def _unknown(where: str, called: str, known: list[str]) -> Fault:
    near = difflib.get_close_matches(called, known, 1, 0.5)
    remedy = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
    return Fault(where, called, "is not known", remedy)


def _together(found: Settings, sources: Mapping[tuple[str, str], str]) -> list[Fault]:
    """Name what is right alone and wrong together."""
    faults = []
    if (found.service.tls_cert is None) != (found.service.tls_key is None):
        given = "tls_cert" if found.service.tls_key is None else "tls_key"
        where = sources["service", given]
        problem = "stands alone"
        faults.append(Fault(where, f"[service] {given}", problem, "give tls_cert and tls_key"))
    for section, url in (
        ("records", found.records.database_url), ("plant", found.plant.database_url),
    ):  # fmt: skip
        if url is not None:
            faults += _database(section, url, sources[section, "database_url"])
    return faults


def _database(section: str, url: str, where: str) -> list[Fault]:
    import sqlalchemy as sa  # a fifth of a second, which only a station with a server pays

    key = f"[{section}] database_url"
    try:
        password = sa.make_url(url).password if "://" in url else None
    except sa.exc.ArgumentError:
        remedy = 'write for example database_url = "postgresql://pinmark@plant/pinmark"'
        return [Fault(where, key, "is no database URL", remedy)]
    if password is None or where == environment_name(section, "database_url"):
        return []
    remedy = "write the whole URL into a file, mode 600, and name it database_url_file"
    return [Fault(where, key, "holds a password", remedy)]


def environment_name(section: str, key: str) -> str | None:
    """Return the variable that overrides a key."""
    name: str | None = extra(SECTIONS[section].model_fields[key])["env"]
    return name
