r"""Serial templates: serial <-> index, mixed radix, leftmost symbol most significant.

In: a template text such as ``ZQ9999``: ``A`` is A-Z, ``9`` is 0-9, ``X`` is 0-9A-Z, ``[set]``
one symbol of a set, ``\`` makes the next character a literal, anything else stands for
itself. Out: `Template`. Authority: docs/formats/pin32.md, "Serial templates".
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from math import prod

from engraver.errors import OrderError, RegistryError
from engraver.orders import normalise_serial

DIGITS = string.digits
LETTERS = string.ascii_uppercase
CLASSES = {"A": LETTERS, "9": DIGITS, "X": DIGITS + LETTERS}


@dataclass(frozen=True, slots=True)
class Template:
    """A template as one string of possible characters a position, in order of value."""

    text: str
    sets: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many serials the template can write."""
        return prod(len(characters) for characters in self.sets)

    def index_of(self, serial: str) -> int | None:
        """Return the index of a normalised serial, or None where it does not fit.

        >>> parse_template("Q[AC]99").index_of("QC07")
        107
        """
        if len(serial) != len(self.sets):
            return None
        index = 0
        for characters, character in zip(self.sets, serial, strict=True):
            digit = characters.find(character)
            if digit < 0:
                return None
            index = index * len(characters) + digit
        return index

    def serial_at(self, index: int) -> str:
        """Return the serial of ``index``; RegistryError outside ``0 <= index < size``."""
        if not 0 <= index < self.size:
            raise RegistryError(
                f"index {index} is outside template {self.text!r}, which writes {self.size} serials"
            )
        characters = []
        for choices in reversed(self.sets):
            index, digit = divmod(index, len(choices))
            characters.append(choices[digit])
        return "".join(reversed(characters))

    def meets(self, other: Template) -> bool:
        """Return whether some serial fits both templates."""
        return len(self.sets) == len(other.sets) and all(
            set(a) & set(b) for a, b in zip(self.sets, other.sets, strict=True)
        )


def parse_template(text: str) -> Template:
    """Understand a template text.

    Raises
    ------
    RegistryError
        For an empty template or set, a repeated or impossible character, an unclosed bracket
        or a template that no normalised serial can fit.
    """
    if not isinstance(text, str) or not text:
        raise RegistryError(f"template {text!r} is empty; write one such as ZQ9999")
    template = Template(text, tuple(_positions(text)))
    _check_normal(template)
    return template


def _positions(text: str) -> list[str]:
    sets, at = [], 0
    while at < len(text):
        letter = text[at]
        if letter == "\\":
            sets.append(_literal(text[at + 1 : at + 2], text))
            at += 2
        elif letter == "[":
            end = text.find("]", at)
            sets.append(_set(text[at + 1 : end] if end > at else "", text))
            at = end + 1
        else:
            sets.append(CLASSES.get(letter) or _literal(letter, text))
            at += 1
    return sets


def _literal(character: str, text: str) -> str:
    if not character:
        raise RegistryError(f"template {text!r} ends in \\; name the literal after it")
    return character


def _set(inside: str, text: str) -> str:
    if not inside:
        raise RegistryError(f"template {text!r} has an empty or unclosed set; write [AC]")
    if len(set(inside)) != len(inside):
        raise RegistryError(f"template {text!r} repeats a character in [{inside}]; name each once")
    return inside


def _check_normal(template: Template) -> None:
    """Refuse a template whose serials would not survive normalisation unchanged."""
    for at in range(max(map(len, template.sets))):
        serial = "".join(c[min(at, len(c) - 1)] for c in template.sets)
        try:
            normal = normalise_serial(serial)
        except OrderError as error:
            raise RegistryError(
                f"template {template.text!r} writes impossible serials: {error}"
            ) from error
        if normal != serial:
            raise RegistryError(
                f"template {template.text!r} writes {serial!r}, which is recorded as {normal!r}; "
                "use upper case and single spaces"
            )
