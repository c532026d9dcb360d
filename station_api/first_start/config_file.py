"""The configuration file, a key set at a time: comments stay, what is set stays.

In: a section and its keys. Out: the file with them, checked as a whole before it is put in place. A
station without a file gets the example, in which every key is explained.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from engraver.errors import ConflictError, InputError
from firmware_bridge.durable import make_folder, replace_durably
from station_api.configuration.load import (
    CONFIG_VARIABLE,
    SYSTEM_FILE,
    config_path,
    is_no_file_wanted,
    read,
    toml,
)
from station_api.configuration.writing import render_file


def file_to_write() -> Path:
    """Return the configuration file in force, or the one to make.

    Raises
    ------
    InputError
        If the environment says that no file is read.
    """
    if is_no_file_wanted():
        raise InputError(
            f"{CONFIG_VARIABLE} is set to nothing: no file is read; unset it, or name a file in it"
        )
    found = config_path()
    if found is not None:
        return found
    if SYSTEM_FILE.parent.is_dir() and os.access(SYSTEM_FILE.parent, os.W_OK):
        return SYSTEM_FILE
    return Path(platformdirs.user_config_dir("pinmark")) / "pinmark.toml"


def make_file(path: Path) -> None:
    """Write the example, every key explained and none set, where there is no file yet.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    if path.exists():
        return
    try:
        make_folder(path.parent)
        replace_durably(path, render_file())
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror}); run this as who may write it"
        ) from None


def set_keys(path: Path, section: str, values: Mapping[str, object]) -> None:
    """Set keys of a section; the same value again changes nothing.

    Raises
    ------
    ConflictError
        If a key is set to something else.
    InputError
        If the file would not be sound with them, or cannot be written.
    """
    try:
        make_file(path)
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}); mend it, then go on") from None
    lines = text.splitlines()
    for key, value in values.items():
        lines = _with_key(path, lines, section, key, f"{key} = {toml(value)}")
    new = "\n".join(lines) + "\n"
    _refuse_unsound(path, new)
    if new != text:
        try:
            replace_durably(path, new)
        except OSError as error:
            raise InputError(
                f"{path} cannot be written ({error.strerror}); run this as who may write it"
            ) from None


def _with_key(path: Path, lines: list[str], section: str, key: str, line: str) -> list[str]:
    head = f"[{section}]"
    if head not in lines:
        return [*lines, "", head, line]
    begin = lines.index(head) + 1
    end = next((at for at in range(begin, len(lines)) if lines[at].startswith("[")), len(lines))
    place = None
    for at in range(begin, end):
        if re.match(rf"\s*{key}\s*=", lines[at]):
            if lines[at].strip() == line:
                return lines
            raise ConflictError(
                f"{path} has {lines[at].strip()} already; change it there if it is wrong"
            )
        if re.match(rf"#\s*{key}\s*=", lines[at]):
            place = at
    if place is None:
        return [*lines[:begin], line, *lines[begin:]]
    return [*lines[:place], line, *lines[place + 1 :]]


def _refuse_unsound(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".toml", encoding="utf-8") as draft:
        draft.write(text)
        draft.flush()
        faults = read(Path(draft.name), {}).faults
    if faults:
        first = faults[0]
        raise InputError(f"{first.key} {first.problem}; {first.remedy}")
