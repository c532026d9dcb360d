"""Who may do what: one table, that tests walk cell by cell.

In: nothing. Out: `RIGHTS`. The administrator hands out the ways in and can therefore not mark:
who could do both could mark under a name of their own making.
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What somebody is at this station; each person and each key has one."""

    STATION = "station"
    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    ENGINEER = "engineer"
    AUDITOR = "auditor"
    TRACER = "tracer"
    ADMINISTRATOR = "administrator"


class Right(StrEnum):
    """What can be allowed."""

    READ_ORDERS = "read work orders"
    WRITE_ORDERS = "create and cancel work orders"
    CLAIM_ORDERS = "claim work orders"
    READ_MARKS = "read marks"
    FOLLOW = "follow what is recorded"
    START_MARKS = "start marks"
    INSPECT_MARKS = "upload scans and inspect marks"
    DECIDE_MARKS = "decide on marks in doubt, scrap marks"
    ASK_REMARK = "ask for a re-mark"
    APPROVE = "approve what takes two people"
    READ_PROFILES = "read profiles, recipes and the registry"
    DRAFT_PROFILES = "draft profiles and recipes"
    RELEASE_PROFILES = "release profiles and recipes"
    USE_BENCH = "plan, study, fit and predict at the engineer's bench"
    READ_RECORDS = "read the records behind the log's entries"
    READ_BOOK = "read the firearms book and the papers made from it"
    KEEP_BOOK = "write the firearms book"
    CORRECT_BOOK = "correct the firearms book"
    KEEP_CASINGS = "keep and read casings as evidence"
    COUNT_CASINGS = "see that casings were entered, not what they say"
    TRACE = "search marks for a trace"
    ANSWER_TRACES = "record and answer trace requests"
    READ_METRICS = "read metrics"
    MANAGE_PEOPLE = "manage people and keys"
    MANAGE_HOOKS = "manage webhooks"
    READ_UPKEEP = "read the doctor's findings and the list of backups"
    MANAGE_UPKEEP = "take backups and support bundles"


_FLOOR = frozenset({Role.STATION, Role.OPERATOR, Role.SUPERVISOR, Role.ENGINEER})

RIGHTS: dict[Right, frozenset[Role]] = {
    Right.READ_ORDERS: _FLOOR | {Role.AUDITOR},
    Right.WRITE_ORDERS: frozenset({Role.STATION, Role.SUPERVISOR, Role.ENGINEER}),
    Right.CLAIM_ORDERS: _FLOOR,
    Right.READ_MARKS: _FLOOR | {Role.AUDITOR, Role.TRACER},
    Right.FOLLOW: frozenset(Role),
    Right.START_MARKS: _FLOOR,
    Right.INSPECT_MARKS: _FLOOR,
    Right.DECIDE_MARKS: frozenset({Role.SUPERVISOR, Role.ENGINEER}),
    Right.ASK_REMARK: frozenset({Role.OPERATOR, Role.SUPERVISOR, Role.ENGINEER}),
    Right.APPROVE: frozenset({Role.SUPERVISOR, Role.ENGINEER}),
    Right.READ_PROFILES: _FLOOR | {Role.AUDITOR, Role.TRACER},
    Right.DRAFT_PROFILES: frozenset({Role.ENGINEER}),
    Right.RELEASE_PROFILES: frozenset({Role.ENGINEER}),
    Right.USE_BENCH: frozenset({Role.ENGINEER}),
    Right.READ_RECORDS: frozenset({Role.SUPERVISOR, Role.ENGINEER, Role.AUDITOR}),
    Right.READ_BOOK: frozenset({Role.SUPERVISOR, Role.ENGINEER, Role.AUDITOR, Role.TRACER}),
    Right.KEEP_BOOK: frozenset({Role.STATION, Role.SUPERVISOR, Role.ENGINEER}),
    Right.CORRECT_BOOK: frozenset({Role.SUPERVISOR, Role.ENGINEER}),
    Right.KEEP_CASINGS: frozenset({Role.TRACER}),
    Right.COUNT_CASINGS: frozenset({Role.AUDITOR, Role.TRACER}),
    Right.TRACE: frozenset({Role.AUDITOR, Role.TRACER}),
    Right.ANSWER_TRACES: frozenset({Role.TRACER}),
    Right.READ_METRICS: frozenset({Role.STATION, Role.ENGINEER, Role.AUDITOR, Role.ADMINISTRATOR}),
    Right.MANAGE_PEOPLE: frozenset({Role.ADMINISTRATOR}),
    Right.MANAGE_HOOKS: frozenset({Role.ADMINISTRATOR, Role.ENGINEER}),
    Right.READ_UPKEEP: frozenset({Role.ENGINEER, Role.AUDITOR, Role.ADMINISTRATOR}),
    Right.MANAGE_UPKEEP: frozenset({Role.ADMINISTRATOR}),
}
"""Which roles have which right."""

MACHINE_ROLES = frozenset({Role.STATION, Role.AUDITOR, Role.TRACER})
"""Roles a machine key can have: whatever a person has to answer for is not among them."""

PIN_ROLES = frozenset({Role.OPERATOR})
"""Roles that may sign in by a PIN of digits; every other takes a password."""
