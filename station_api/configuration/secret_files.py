"""Secrets in files: read only if nobody else can read them.

In: paths that the configuration names. Out: their text, or a fault with the command that mends it.
A secret is never in the configuration itself, so that it can be shown, copied and put in a bundle.
"""

from __future__ import annotations

import stat
from pathlib import Path

from engraver.errors import InputError
from station_api.configuration.load import Fault
from station_api.configuration.model import SECTIONS, Settings, extra

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_secret(path: Path) -> str:
    """Return the one line of a secret file.

    Raises
    ------
    InputError
        If it cannot be read, is empty, or others than its owner can read it.
    """
    try:
        open_to = path.stat().st_mode & OTHERS
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        cause = getattr(error, "strerror", None) or "not a text"
        raise InputError(f"secret file {path} cannot be read: {cause}") from error
    if open_to:
        raise InputError(f"secret file {path} {_open(path)}; run: chmod 600 {path}")
    if not text:
        raise InputError(f"secret file {path} is empty; write the secret into it")
    return text


def secret_faults(found: Settings) -> list[Fault]:
    """Name every secret file of a configuration that is missing or open to others.

    Keys that pinmark makes itself on first use may be missing.
    """
    faults = []
    for section, model in SECTIONS.items():
        for key, field in model.model_fields.items():
            path = getattr(getattr(found, section), key)
            if extra(field)["secret"] and path is not None:
                made_on_use = (section, key) in (("log", "key_file"), ("keys", "pepper_file"))
                faults += _look(f"[{section}] {key}", path, made_on_use)
    return faults


def _look(key: str, path: Path, made_on_use: bool) -> list[Fault]:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return [] if made_on_use else [Fault(str(path), key, "does not exist", "make the file")]
    except OSError as error:
        remedy = "make it readable for the user that pinmark runs as"
        return [Fault(str(path), key, f"cannot be looked at ({error.strerror})", remedy)]
    if not stat.S_ISREG(mode):
        return [Fault(str(path), key, "is no file", "name a file that holds the secret")]
    if mode & OTHERS:
        return [Fault(str(path), key, _open(path), f"run: chmod 600 {path}")]
    return []


def _open(path: Path) -> str:
    return f"has mode {stat.S_IMODE(path.stat().st_mode):o}, others can read it; at most 600"
