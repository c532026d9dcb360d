"""Which pages there are, and whose: one table, that tests walk cell by cell.

In: nothing. Out: `PAGES`. A page is a module ``static/pages/NAME.js`` and word lists
``static/words/NAME.en.json`` and ``NAME.es.json``; a person sees it who has its right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from station_api.people.roles import MACHINE_ROLES, RIGHTS, Right, Role


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its name in the address, who may open it, what it needs beyond the strict CSP.

    ``styles`` names style sheets of ``static/pages`` that it shares with other pages.
    """

    name: str
    right: Right
    csp: Mapping[str, str] = field(default_factory=dict)
    styles: tuple[str, ...] = ()

    def is_for(self, role: Role) -> bool:
        """Return whether somebody of this role may open the page."""
        return role in RIGHTS[self.right] and role not in MACHINE_ROLES - PEOPLE_TOO


PEOPLE_TOO = frozenset({Role.AUDITOR, Role.TRACER})
"""Roles that machines and people have alike; a machine of any role has no use for pages."""

BENCH = ("bench/bench.css",)
"""What the engineer's pages look alike in."""

DESK = ("desk/desk.css",)
"""What the desks of tracer, auditor and administrator look alike in."""

PAGES = (
    Page("operator", Right.START_MARKS),
    Page("panel", Right.START_MARKS),
    Page("plans", Right.USE_BENCH, styles=BENCH),
    Page("scans", Right.USE_BENCH, styles=BENCH),
    Page("quality", Right.USE_BENCH, styles=BENCH),
    Page("recipes", Right.USE_BENCH, styles=BENCH),
    Page("audit", Right.READ_RECORDS, styles=DESK),
    Page("trace", Right.TRACE, styles=DESK),
    Page("admin", Right.MANAGE_UPKEEP, styles=DESK),
    Page("people", Right.MANAGE_PEOPLE),
)
"""Every page, in the order of the menu."""

ASSETS: dict[str, tuple[str, str]] = {}
"""Files that pages take from an installed package: address under /pages/assets/ -> package, file.

``"plotly.js": ("plotly", "package_data/plotly.min.js")`` is all it takes.
"""


def page_named(name: str) -> Page | None:
    """Return a page, ``None`` if there is none of this name."""
    return next((page for page in PAGES if page.name == name), None)


def pages_of(role: Role) -> list[str]:
    """Return the names of the pages that a role sees, in the order of the menu.

    Examples
    --------
    >>> pages_of(Role.STATION)
    []
    """
    return [page.name for page in PAGES if page.is_for(role)]
