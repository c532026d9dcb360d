"""What the service and the process that owns the port say to each other.

In: values of the walk. Out: messages, one JSON object each in ASCII, over a local socket that
`multiprocessing.connection` frames; a program's bytes and its line map follow their message raw.
Values cross without loss: what `read_*` returns equals what `write_*` was given.

    parent                              child
    check + data + line map       ->
                                  <-    checking done total, ...; checked | error
    glance                        ->
                                  <-    glance state pins | error
    run intent journal wishes ... ->
    wish hold | resume | ...      ->
    beat                          ->
                                  <-    progress ..., receipt ... | error

The child takes the end of the socket for the death of the parent.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any, TypeVar

import numpy as np

from engraver import errors
from engraver.errors import PinmarkError
from engraver.profiles import Machine
from engraver.program import GcodeProgram
from engraver.record import Outcome, RunReceipt, StopCause
from firmware_bridge.control import Wish

Message = dict[str, Any]
T = TypeVar("T")

LARGEST_BYTES = 1 << 28
BEAT_S = 1.0
"""The parent gives a sign of life at least this often while a run lasts."""
HEART_S = 10.0
"""A side that is silent for longer is taken for hung: the run is aborted, the laser off.

Assumption: far above what a loaded service needs to run one thread, below any burn of a pin."""


def encode(message: Message) -> bytes:
    r"""Write one message.

    Examples
    --------
    >>> encode({"is": "beat"})
    b'{"is":"beat"}'
    """
    return json.dumps(message, separators=(",", ":")).encode("ascii")


def decode(data: bytes) -> Message:
    """Read one message."""
    message = json.loads(data)
    if not isinstance(message, dict):
        raise ValueError(f"a message is an object, not {data[:40]!r}")
    return message


def program_head(program: GcodeProgram) -> Message:
    """Return what of a program is neither its bytes nor its line map."""
    heavy = ("data", "line_stroke")
    return {f.name: getattr(program, f.name) for f in fields(program) if f.name not in heavy}


def read_program_from(head: Message, data: bytes, strokes: bytes) -> GcodeProgram:
    """Put a program together again."""
    line_stroke = np.frombuffer(strokes, "<i4").astype(np.int32)
    return GcodeProgram(data=data, line_stroke=line_stroke, **head)


def read_machine(message: Message) -> Machine:
    """Read a machine profile."""
    lists = {name: tuple(value) for name, value in message.items() if isinstance(value, list)}
    return Machine(**message | lists)


def read_value(kind: type[T], message: Message) -> T:
    """Read a flat value: a progress, a glance, an intent; lists in it become tuples."""
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    flat = {name: value for name, value in message.items() if name in known}
    lists = {name: tuple(value) for name, value in flat.items() if isinstance(value, list)}
    return kind(**flat | lists)


def read_receipt(message: Message) -> RunReceipt:
    """Read a receipt."""
    receipt = {f.name: message[f.name] for f in fields(RunReceipt)}
    receipt["outcome"], receipt["cause"] = Outcome(receipt["outcome"]), StopCause(receipt["cause"])
    return RunReceipt(**receipt)


def write_error(error: BaseException) -> Message:
    """Say what went wrong; a fault of ours says that it is one."""
    known = isinstance(error, PinmarkError)
    return {"is": "error", "kind": type(error).__name__ if known else "", "text": str(error)}


def read_error(message: Message) -> Exception:
    """Return the exception that was raised in the child; RuntimeError for a fault of ours."""
    kind = getattr(errors, message["kind"], None) if message["kind"] else None
    if isinstance(kind, type) and issubclass(kind, PinmarkError):
        return kind(message["text"])
    return RuntimeError(f"the stream process had a fault: {message['text']}")


def write_wish(wish: Wish | bytes) -> Message:
    """Write what is asked of a run; an override is its real-time byte in hex."""
    word = wish.name if isinstance(wish, Wish) else wish.hex()
    return {"is": "wish", "wish": word}


def read_wish(message: Message) -> Wish | bytes:
    """Read what is asked of a run."""
    word = str(message["wish"])
    return Wish[word] if word in Wish.__members__ else bytes.fromhex(word)


def write_value(name: str, value: Any) -> Message:
    """Write a flat dataclass under the name of its message."""
    return {"is": name, **asdict(value)}
