"""The configuration as text: a file to begin with, what is in force, and the document.

In: the models of `station_api.configuration.model`. Out: TOML and Markdown. All three are written
from the models, so what is documented is what is read.
"""

from __future__ import annotations

import textwrap
import typing
from typing import Any

from pydantic.fields import FieldInfo

from station_api.configuration.load import Reading, example, toml
from station_api.configuration.model import (
    SECRETS_OF_THE_ENVIRONMENT,
    SECTIONS,
    Section,
    Settings,
    extra,
)

HEAD = """\
# Configuration of this pinmark station; every key is in docs/configuration.md.
# `pinmark config check` checks it, `pinmark config show` says what is in force.
# A line that begins with # shows a default, or an example where there is none.
"""


def render_file(values: Settings | None = None) -> str:
    """Return a whole configuration file; keys that stand at their default are commented out."""
    lines = [HEAD]
    for name, section in SECTIONS.items():
        lines += [f"[{name}]", f"# {summary(section)}"]
        held = getattr(values or Settings(), name)
        for key, field in section.model_fields.items():
            lines += textwrap.wrap(_meaning(field), 96, initial_indent="# ", subsequent_indent="# ")
            value = getattr(held, key)
            lines.append(
                f"#{example(key, field)}" if value == field.default else f"{key} = {toml(value)}"
            )
        lines.append("")
    return "\n".join(lines)


def render_table(reading: Reading) -> list[tuple[str, str, str]]:
    """Return what is in force: ``[section] key``, value, and where it was set."""
    rows = []
    for name, section in SECTIONS.items():
        for key in section.model_fields:
            value = getattr(getattr(reading.settings, name), key)
            shown = "(not set)" if value is None else str(value)
            rows.append((f"[{name}] {key}", shown, reading.sources.get((name, key), "default")))
    return rows


def render_document() -> str:
    """Return docs/configuration.md."""
    parts = [DOCUMENT_HEAD]
    for name, section in SECTIONS.items():
        parts += [f"\n## [{name}]\n", f"{summary(section)}\n", "| key | type | default | meaning |"]
        parts.append("|---|---|---|---|")
        for key, field in section.model_fields.items():
            parts.append(f"| `{key}` | {kind(field)} | {_default(field)} | {_told(field)} |")
    parts += [SECRETS_HEAD, "| variable | holds |", "|---|---|"]
    parts += [f"| `{name}` | {what} |" for name, what in SECRETS_OF_THE_ENVIRONMENT.items()]
    return "\n".join(parts) + "\n"


DOCUMENT_HEAD = """\
# Configuration

Written from the models by `pinmark config document`; a test holds it to them.

One TOML file: the one `PINMARK_CONFIG` names, else `/etc/pinmark/pinmark.toml`, else `pinmark.toml`
in the user's configuration folder (`~/.config/pinmark`). `PINMARK_CONFIG` set to nothing reads
none. An environment variable goes before the file; a set but empty one counts as not set. Options
of a command go before both. Secrets never stand in the file: it names files of mode 600 that hold
them.

    pinmark config example > /etc/pinmark/pinmark.toml   # every key, at its default
    pinmark config check                                 # exit 2 and a line for each fault
    pinmark config show                                  # what is in force, and where it was set

An unknown section, key or `PINMARK_` variable is a fault and named with the nearest known one; so
are a wrong type, a value beyond its limit, and a secret file that others can read. The service and
every command refuse to run on a configuration with faults, rather than guess."""

SECRETS_HEAD = """
## Variables without a key

They hold a secret themselves, for where an orchestrator hands secrets over that way.
"""


def summary(section: type[Section]) -> str:
    """Return what a section is about."""
    return (section.__doc__ or "").splitlines()[0]


def kind(field: FieldInfo) -> str:
    """Return a key's type and limits in words.

    >>> kind(SECTIONS["service"].model_fields["port"])
    'integer, 0 to 65535'
    """
    inner = [one for one in typing.get_args(field.annotation) if one is not type(None)]
    if typing.get_origin(field.annotation) is typing.Literal:
        return " or ".join(f"`{one}`" for one in inner)
    if typing.get_origin(field.annotation) is tuple:
        return "list of texts"
    base: Any = inner[0] if inner else field.annotation
    name = {int: "integer", bool: "true or false", str: "text"}.get(base, "path")
    found = {k: v for m in field.metadata for k, v in _limits(m).items()}
    if "ge" in found:
        return f"{name}, {found['ge']} to {found['le']}"
    return f"{name}, up to {found['max_length']}" if "max_length" in found else str(name)


def _limits(metadata: Any) -> dict[str, Any]:
    names = ("ge", "le", "max_length")
    return {name: getattr(metadata, name) for name in names if hasattr(metadata, name)}


def _default(field: FieldInfo) -> str:
    return "not set" if field.default in (None, "", ()) else f"`{toml(field.default)}`"


def _meaning(field: FieldInfo) -> str:
    env = extra(field)["env"]
    return f"{field.description}{f' ({env})' if env else ''}"


def _told(field: FieldInfo) -> str:
    said = extra(field)
    env = f"; variable `{said['env']}`" if said["env"] else ""
    shown = f"; for example `{toml(said['example'])}`" if said["example"] is not None else ""
    return f"{field.description}{shown}{env}"
