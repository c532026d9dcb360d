"""Nothing that names a firearm, a person or a secret leaves the house in a log or a bundle.

In: open records. Out: `Discretion`, which masks in any text the serials, codes, order ids and
names that the records hold, and whatever has the shape of a secret of pinmark's, a password in a
URL or a signing key. It is the second line: log lines and bundles are written without such words in
the first place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from station_api.records import Records
from station_api.records.tables import marks, orders
from station_api.tables import book, machine_keys, mark_corrections, people, trace_requests

MASK = "[masked]"
SHORTEST = 3
"""Words below this are not masked: a serial ``7`` would take every 7 out of a text."""

_TOKEN = re.compile(r"[^\W_]+(?:[._-]+[^\W_]+)*")
_PART = re.compile(r"([^\W_]+)")
_SECRETS = re.compile(
    r"pm[ks]_[A-Za-z0-9_-]{8,}"  # machine keys and sessions
    r"|whsec_[A-Za-z0-9+/=]{8,}"  # secrets of webhooks
    r"|(?i:(?<=password)|(?<=passwd)|(?<=secret)|(?<=token)|(?<=pepper))[ ]*[=:][ ]*(?!/|\")\S+"
    r"|(?i:PRIVATE\+KEY\+)\S+"  # signed-note signing keys
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"  # user:password@
    r"|\b[0-9a-fA-F]{64}\b"  # peppers; digests go with them
    r"|\$argon2\S+"
)


@dataclass(frozen=True, slots=True)
class Discretion:
    """Words that must not be shown, folded to lower case; phrases have more than one word."""

    words: frozenset[str]
    phrases: tuple[str, ...]

    def mask(self, text: str) -> str:
        """Return ``text`` with every such word and secret masked."""
        text = _SECRETS.sub(MASK, text)
        for phrase in self.phrases:
            text = re.sub(re.escape(phrase), MASK, text, flags=re.IGNORECASE)
        return _TOKEN.sub(self._masked, text)

    def _masked(self, found: re.Match[str]) -> str:
        """Mask the longest runs of a compound that are such words: ``old-WO-1001.txt``."""
        pieces = _PART.split(found[0])  # separators at even places, parts at odd ones
        last = len(pieces) - 1
        for length in range(last - 1, 0, -2):
            for first in range(1, last - length + 1, 2):
                run = pieces[first : first + length]
                if "".join(run).casefold() in self.words:
                    pieces[first : first + length] = [MASK, *[""] * (length - 1)]
        return "".join(pieces)


def discretion_of(records: Records) -> Discretion:
    """Return what must not be shown of what these records hold."""
    columns = (
        marks.c.serial, marks.c.code, marks.c.order_id, orders.c.serial, orders.c.order_id,
        people.c.name, machine_keys.c.name, mark_corrections.c.serial, mark_corrections.c.order_id,
        book.c.serial, book.c.party_name, book.c.party_licence, book.c.party_address,
        trace_requests.c.agency, trace_requests.c.person, trace_requests.c.contact,
    )  # fmt: skip
    found: set[str] = set()
    with records.database.reading.connect() as connection:
        for column in columns:
            found.update(str(row[0]) for row in connection.execute(sa.select(column).distinct()))
    return make_discretion(found - {"administrator"})


def make_discretion(found: Iterable[str]) -> Discretion:
    """Return what masks these words.

    >>> make_discretion(["ZQ0042", "A. Smith"]).mask("zq0042 by A. Smith, job 7")
    '[masked] by [masked], job 7'
    """
    kept = [word for word in found if len(word) >= SHORTEST]
    single = frozenset(word.casefold() for word in kept if _TOKEN.fullmatch(word))
    return Discretion(single, tuple(sorted(w for w in kept if w.casefold() not in single)))
