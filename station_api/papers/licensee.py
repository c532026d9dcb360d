"""Who keeps the book: name, licence and address of the licensee, as they head every paper.

In: the section ``[licence]`` of the configuration. Out: `Licensee`; empty texts where it is not
filled in, and the checklist says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from station_api.configuration import settings


@dataclass(frozen=True, slots=True)
class Licensee:
    """Name, licence number and business address; ``gs1_prefix`` for EPCIS, if there is one."""

    name: str = ""
    licence: str = ""
    address: str = ""
    gs1_prefix: str = ""


def configured_licensee() -> Licensee:
    """Return who keeps the book, as the configuration names them."""
    named = settings().licence
    return Licensee(named.licensee, named.number, named.premises, named.gs1_prefix)
