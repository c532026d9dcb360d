"""The witnesses that a station sends its checkpoints to: an address and a public key each.

In: lines of the configuration, ``URL KEY``. Out: `Neighbour`. The URL is what C2SP tlog-witness
calls the submission prefix: of another pinmark station ``http(s)://HOST:PORT/v1/log``.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from engraver.errors import InputError, NoteError
from station_api.transparency.note import Algorithm, VerifierKey, parse_verifier_key

MOST_NEIGHBOURS = 8
"""Each has a thread, and each cosignature is an entry of both logs."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One witness: where it takes checkpoints, and the key its cosignatures are verified by."""

    url: str
    key: VerifierKey


def read_neighbours(lines: Sequence[str]) -> tuple[Neighbour, ...]:
    """Read the lines of the configuration.

    Raises
    ------
    InputError
        If there are too many, two of one name or address, or one that will not do.
    """
    if len(lines) > MOST_NEIGHBOURS:
        raise InputError(f"{len(lines)} witnesses, at most {MOST_NEIGHBOURS}; name fewer")
    found = tuple(read_neighbour(line) for line in lines)
    for what, names in (
        ("address", [one.url for one in found]),
        ("name", [one.key.name for one in found]),
    ):
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InputError(f"two witnesses have the {what} {twice}; name each once")
    return found


def read_neighbour(line: str) -> Neighbour:
    """Read one line: the URL, a space, the witness's key.

    Raises
    ------
    InputError
        If it is none.

    Examples
    --------
    >>> read_neighbour("ftp://s2.example x")
    Traceback (most recent call last):
    ...
    engraver.errors.InputError: 'ftp://s2.example' is no address of a witness; write \
http(s)://HOST:PORT/v1/log of the other station
    """
    url, _, text = line.strip().partition(" ")
    _check_url(url)
    try:
        key = parse_verifier_key(text.strip())
    except NoteError as error:
        raise InputError(
            f"the key of the witness {url} cannot be read ({error}); copy what "
            "`pinmark log key --witness` prints there"
        ) from None
    if key.algorithm is not Algorithm.COSIGNATURE:
        raise InputError(
            f"{key.name} is the key of a log and not of a witness; copy what "
            "`pinmark log key --witness` prints there"
        )
    return Neighbour(url.rstrip("/"), key)


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return how certificates of witnesses are verified: by the system's list, or a plant's own.

    Raises
    ------
    InputError
        If the file cannot be read or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError) as error:
        cause = error.strerror if not isinstance(error, ssl.SSLError) else "no certificate in PEM"
        raise InputError(f"{ca_file} cannot be used ({cause}); name the plant's CA, PEM") from None


def _check_url(url: str) -> None:
    """Refuse what is no address. Plain http will do: nothing is secret, every answer is signed."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        (parts.hostname or "").encode("idna")
    except (ValueError, UnicodeError):
        good = False
    if not good or not url.isascii() or not url.isprintable() or parts.query or parts.fragment:
        raise InputError(
            f"{url[:80]!r} is no address of a witness; write http(s)://HOST:PORT/v1/log of the "
            "other station"
        )
    if parts.username or parts.password:
        raise InputError(f"{parts.hostname}: a witness takes no password; leave it out of the URL")
