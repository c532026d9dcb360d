"""What a first start asks: steps in their order, each with its questions, as a table.

In: nothing. Out: `ASKED`. The texts are the terminal's; the page has its own in two languages,
under the names of steps and questions.
"""

from __future__ import annotations

from dataclasses import dataclass

from station_api.configuration.model import Section, Settings
from station_api.people.secrets import SHORTEST_PASSWORD

VIRTUAL = "virtual"


@dataclass(frozen=True, slots=True)
class Question:
    """One thing asked. ``default`` is taken for an empty answer; secrets are not shown."""

    name: str
    text: str
    default: str = ""
    optional: bool = False
    secret: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """Some questions that are answered together. ``why`` is said before them."""

    name: str
    why: str
    questions: tuple[Question, ...]
    may_wait: bool = False


def _meaning(section: type[Section], key: str) -> str:
    return section.model_fields[key].description or key


_LICENCE = type(Settings().licence)

ASKED = (
    Step(
        "station",
        "The station's name stands in every record and in the name of its log; it stays.",
        (Question("name", "name of the station", "S1"),),
    ),
    Step(
        "licence",
        "Who is licensed to make what is marked here; it heads every paper.",
        (
            Question("licensee", _meaning(_LICENCE, "licensee")),
            Question("number", _meaning(_LICENCE, "number"), optional=True),
            Question("premises", _meaning(_LICENCE, "premises"), optional=True),
            Question("gs1_prefix", _meaning(_LICENCE, "gs1_prefix"), optional=True),
        ),
        may_wait=True,
    ),
    Step(
        "administrator",
        "The administrator adds the other people, and can therefore not mark.",
        (
            Question("name", "first and last name"),
            Question("password", f"password, {SHORTEST_PASSWORD} characters or more", secret=True),
            Question("again", "the same again", secret=True),
        ),
    ),
    Step(
        "key",
        "The log is signed by a key. Whoever has it can sign in this station's name; without it "
        "nobody can go on with the log. Keep a copy on a medium that lies in a safe.",
        (Question("folder", "folder for the copy, on a medium that can be taken out"),),
        may_wait=True,
    ),
    Step(
        "machine",
        "What marks: a recipe names laser, machine, material and part.",
        (
            Question("recipe", "recipe", "default"),
            Question("port", "port of the controller, or virtual for none", VIRTUAL),
        ),
    ),
    Step(
        "model",
        "The first make and model. In its serials 9 stands for a digit, A for a letter, "
        "X for either, anything else for itself.",
        (
            Question("make", "maker, as on the firearm"),
            Question("model", "model, as on the firearm"),
            Question("template", "form of its serials, such as ZQ99999"),
        ),
    ),
    Step(
        "mark",
        "The first mark, on a virtual engraver: a serial of PINMARK TEST is planned, burned and "
        "read back. It is a trial in a folder of its own, in no record of this station.",
        (),
    ),
)
