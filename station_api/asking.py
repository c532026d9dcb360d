"""Ask a witness for its cosignature: one exchange of C2SP tlog-witness, over HTTP.

In: open records, a signed checkpoint, a `Neighbour`. Out: an `Answer` that says what came of it; no
exception, whatever the other side does. A cosignature is verified by the configured key; that it
saw another history is a claim, which a person has to look at. An answer has bounded size and
bounded time.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from engraver.errors import NoteError, ProofError
from station_api.neighbours import Neighbour
from station_api.records import Records
from station_api.transparency.checkpoint import parse_checkpoint, parse_decimal
from station_api.transparency.cosignature import attach
from station_api.transparency.note import split_note
from station_api.witnessing import request_cosignature

STEP_S, WHOLE_S = 10.0, 30.0
"""Patience for one step of an exchange and for all of it."""

LARGEST_ANSWER = 64 * 1024


class Outcome(StrEnum):
    """What came of asking. The last three are for a person: they do not mend themselves."""

    WAITING = "waiting"
    COSIGNED = "cosigned"
    AWAY = "away"
    REFUSED = "refused"
    UNBELIEVABLE = "unbelievable"
    SET_BACK = "set-back"
    FORKED = "forked"


GRAVE = frozenset({Outcome.UNBELIEVABLE, Outcome.SET_BACK, Outcome.FORKED})


@dataclass(frozen=True, slots=True)
class Answer:
    """An outcome, what is said of it, and, when cosigned, the signature line."""

    outcome: Outcome
    said: str
    line: str = ""


class Line:
    """The one connection to a witness, which another thread may cut."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self._socket: socket.socket | None = None
        self._ended = False

    def post(self, url: str, body: bytes) -> tuple[int, bytes]:
        """Send a request; return the status and the body of the answer.

        Raises
        ------
        OSError, http.client.HTTPException, ValueError
            If there is no answer, or none in time, or too large a one.
        """
        parts = urlsplit(url)
        made: http.client.HTTPConnection
        if parts.scheme == "https":
            host = parts.hostname or ""
            made = http.client.HTTPSConnection(
                host, parts.port, timeout=STEP_S, context=self._context
            )
        else:
            made = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=STEP_S)
        clock = threading.Timer(WHOLE_S, self.cut)
        clock.daemon = True
        clock.start()
        try:
            made.connect()
            self._socket = made.sock
            if self._ended:
                raise OSError("the service is ending")
            headers = {"Content-Type": "text/plain; charset=utf-8", "Connection": "close"}
            made.request("POST", parts.path, body, headers)
            reply = made.getresponse()
            found = reply.read(LARGEST_ANSWER + 1)
        finally:
            clock.cancel()
            self._socket = None
            made.close()
        if len(found) > LARGEST_ANSWER:
            raise ValueError(f"the answer has more than {LARGEST_ANSWER} bytes")
        return reply.status, found

    def end(self) -> None:
        """Ask nobody any more, and cut what is under way."""
        self._ended = True
        self.cut()

    def cut(self) -> None:
        """End an exchange that is under way; whoever waits in it gets an OSError."""
        if (at_work := self._socket) is not None:
            with suppress(OSError):
                socket.socket.shutdown(at_work, socket.SHUT_RDWR)


def ask(records: Records, note: str, neighbour: Neighbour, seen: int, line: Line) -> Answer:
    """Ask for a cosignature; ``seen`` is the size this witness is thought to have seen last.

    A witness that saw another size says so (409) and is asked once more, from that size on.
    """
    size = parse_checkpoint(split_note(note)[0]).size
    for _ in range(2):
        body = request_cosignature(records, note, seen).text().encode()
        try:
            status, found = line.post(neighbour.url + "/add-checkpoint", body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Answer(Outcome.AWAY, f"did not answer ({_cause(error)}); it is asked again")
        if status != 409:
            return _judge(status, found, note, neighbour)
        told = _size(found)
        if told is None:
            break
        if told > size:
            return _set_back(told, size)
        if told == seen:  # it agrees on the size, so the roots differ
            said = (
                f"says that it cosigned another tree of {told} entries; mark nothing, run "
                "`pinmark log fsck` and tell the auditor: one of the two histories is false"
            )
            return Answer(Outcome.FORKED, said)
        seen = told
    return _unbelievable("answered 409 without a size that could be")


def _judge(status: int, found: bytes, note: str, neighbour: Neighbour) -> Answer:
    """Judge every answer but 409."""
    text = found.decode("utf-8", "replace")
    if status == 200:
        try:
            whole = attach(note, text, [neighbour.key])[0]
        except (NoteError, ProofError) as error:
            return _unbelievable(f"answered with no cosignature of {neighbour.key.name} ({error})")
        return Answer(Outcome.COSIGNED, "cosigned", whole.removeprefix(note))
    if status == 422:
        said = (
            "says that this log does not continue what it cosigned; mark nothing, run `pinmark log "
            "fsck` and tell the auditor: this log was set back or rewritten, or the witness errs"
        )
        return Answer(Outcome.FORKED, said)
    if status in (403, 404):
        said = (
            f"does not take checkpoints of this log ({status}); put this station's `pinmark log "
            "key` into the folder neighbours of the witness, and see that its name is [log] origin"
        )
        return Answer(Outcome.REFUSED, said)
    if status == 429 or status >= 500:
        return Answer(Outcome.AWAY, f"cannot answer now ({status}); it is asked again")
    return _unbelievable(f"answered {status}, which no witness does")


def _size(found: bytes) -> int | None:
    try:
        return parse_decimal(found[:32].decode("ascii").removesuffix("\n"), "size")
    except (UnicodeDecodeError, NoteError):
        return None


def _set_back(told: int, size: int) -> Answer:
    said = (
        f"says that it cosigned {told} entries of this log, which has {size}: the records were set "
        "back; mark nothing, run `pinmark log fsck` and tell the auditor"
    )
    return Answer(Outcome.SET_BACK, said)


def _unbelievable(said: str) -> Answer:
    remedy = "see that URL and key in [witnesses] are of the same witness"
    return Answer(Outcome.UNBELIEVABLE, f"{said}; {remedy}")


def _cause(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:120]
