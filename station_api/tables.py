"""The tables of people, keys, approvals, profiles, scans, papers, casings, trace requests.

In: nothing. Out: SQLAlchemy tables of the same two databases as the records, under the same rules
(`records.tables`). Each row that testifies carries the ``position`` of the log entry that holds
it whole, secrets as their SHA-256; `kept` writes both and proves one against the other.
"""

from __future__ import annotations

import sqlalchemy as sa

service_metadata = sa.MetaData()

_KEPT = (("station", sa.String(32)), ("position", sa.BigInteger))


def _kept() -> list[sa.Column[object]]:
    return [sa.Column(name, kind, nullable=False) for name, kind in _KEPT]


people = sa.Table(
    "people",
    service_metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    *_kept(),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("secret", sa.String(256), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("must_change", sa.SmallInteger, nullable=False),
    sa.Column("changed_at_us", sa.BigInteger, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("locked_until_us", sa.BigInteger, nullable=False),
)

machine_keys = sa.Table(
    "machine_keys",
    service_metadata,
    sa.Column("key_id", sa.String(16), primary_key=True),
    *_kept(),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("expires_at_us", sa.BigInteger, nullable=False),
    sa.Column("changed_at_us", sa.BigInteger, nullable=False),
)

approvals = sa.Table(
    "approvals",
    service_metadata,
    sa.Column("approval_id", sa.String(24), primary_key=True),
    *_kept(),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("subject", sa.String(64), nullable=False),
    sa.Column("reason", sa.String(512), nullable=False),
    sa.Column("asked_by", sa.String(64), nullable=False),
    sa.Column("asked_at_us", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("decided_by", sa.String(64)),
    sa.Column("changed_at_us", sa.BigInteger, nullable=False),
)

profiles = sa.Table(
    "profiles",
    service_metadata,
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    *_kept(),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("author", sa.String(64), nullable=False),
    sa.Column("released_by", sa.String(64)),
    sa.Column("changed_at_us", sa.BigInteger, nullable=False),
)

recipe_releases = sa.Table(
    "recipe_releases",
    service_metadata,
    sa.Column("recipe", sa.String(64), primary_key=True),
    sa.Column("setup_sha256", sa.String(64), primary_key=True),
    *_kept(),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("evidence_sha256", sa.String(64), nullable=False),
    sa.Column("released_by", sa.String(64), nullable=False),
    sa.Column("reason", sa.String(512), nullable=False),
    sa.Column("changed_at_us", sa.BigInteger, nullable=False),
)

scans = sa.Table(
    "scans",
    service_metadata,
    sa.Column("scan_id", sa.String(64), primary_key=True),
    *_kept(),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("columns", sa.Integer, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("uploaded_by", sa.String(64), nullable=False),
    sa.Column("changed_at_us", sa.BigInteger, nullable=False),
)

kept_scans = sa.Table(
    "kept_scans",
    service_metadata,
    sa.Column("scan_id", sa.String(64), primary_key=True),
    *_kept(),
    sa.Column("file", sa.String(255), nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("why", sa.String(512), nullable=False),
    sa.Column("kept_at_us", sa.BigInteger, nullable=False),
    sa.Column("mark_id", sa.String(48)),
    sa.Column("decided_by", sa.String(64)),
    sa.Column("reason", sa.String(512)),
    sa.Column("read_back", sa.String(64)),
    sa.Column("inspected_at", sa.BigInteger),
    sa.Column("changed_at_us", sa.BigInteger, nullable=False),
)
"""Scans of the watched folder that fitted no mark; ``inspected_at`` is the verdict's entry."""

hooks = sa.Table(
    "hooks",
    service_metadata,
    sa.Column("hook_id", sa.String(24), primary_key=True),
    *_kept(),
    sa.Column("url", sa.String(512), nullable=False),
    sa.Column("secret", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("added_by", sa.String(64), nullable=False),
    sa.Column("changed_at_us", sa.BigInteger, nullable=False),
    sa.Column("delivered", sa.BigInteger, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("said", sa.String(256), nullable=False),
)

at_hand = sa.Table(
    "at_hand",
    service_metadata,
    sa.Column("station", sa.String(32), primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("order_id", sa.String(64), nullable=False),
    sa.Column("step", sa.String(16), nullable=False),
    sa.Column("changed_by", sa.String(64), nullable=False),
    sa.Column("changed_at_us", sa.BigInteger, nullable=False),
)

replies = sa.Table(
    "replies",
    service_metadata,
    sa.Column("caller", sa.String(80), primary_key=True),
    sa.Column("idempotency_key", sa.String(128), primary_key=True),
    sa.Column("request_sha256", sa.String(64), nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("at_us", sa.BigInteger, nullable=False),
)

book = sa.Table(
    "book",
    service_metadata,
    sa.Column("entry_id", sa.String(48), primary_key=True),
    *_kept(),
    sa.Column("line", sa.String(40), nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("part", sa.String(16), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("how", sa.String(16), nullable=False),
    sa.Column("manufacturer", sa.String(64), nullable=False),
    sa.Column("importer", sa.String(64), nullable=False),
    sa.Column("type", sa.String(32), nullable=False),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("caliber", sa.String(32), nullable=False),
    sa.Column("serial", sa.String(64), nullable=False),
    sa.Column("on_date", sa.String(10), nullable=False),
    sa.Column("party_name", sa.String(128), nullable=False),
    sa.Column("party_licence", sa.String(32), nullable=False),
    sa.Column("party_address", sa.String(256), nullable=False),
    sa.Column("mark_id", sa.String(48)),
    sa.Column("reason", sa.String(512), nullable=False),
    sa.Column("written_by", sa.String(64), nullable=False),
    sa.Column("approved_by", sa.String(64)),
    sa.Column("changed_at_us", sa.BigInteger, nullable=False),
    # who corrects an entry that somebody else has just corrected is told so
    sa.UniqueConstraint("line", "part", "version", name="book_version"),
    sa.Index("book_serial", "serial"),
    sa.Index("book_number", "station", "number"),
    sa.Index("book_date", "on_date"),
)

corrections = sa.Table(
    "corrections",
    service_metadata,
    sa.Column("correction_id", sa.String(24), primary_key=True),
    *_kept(),
    sa.Column("entry_id", sa.String(48), nullable=False),
    sa.Column("changes", sa.Text, nullable=False),
    sa.Column("reason", sa.String(512), nullable=False),
    sa.Column("asked_by", sa.String(64), nullable=False),
    sa.Column("asked_at_us", sa.BigInteger, nullable=False),
    sa.Column("approval_id", sa.String(24)),
    sa.Column("made_entry", sa.String(48)),
    sa.Column("changed_at_us", sa.BigInteger, nullable=False),
)

mark_corrections = sa.Table(
    "mark_corrections",
    service_metadata,
    sa.Column("correction_id", sa.String(24), primary_key=True),
    *_kept(),
    sa.Column("mark_id", sa.String(48), nullable=False),
    # 0 while it waits for a second person; then 1, 2, ... of its mark
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("order_id", sa.String(64), nullable=False),
    sa.Column("make", sa.String(64), nullable=False),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("serial", sa.String(64), nullable=False),
    sa.Column("identity", sa.String(256), nullable=False),
    sa.Column("reason", sa.String(512), nullable=False),
    sa.Column("asked_by", sa.String(64), nullable=False),
    sa.Column("asked_at_us", sa.BigInteger, nullable=False),
    sa.Column("approval_id", sa.String(24)),
    sa.Column("approved_by", sa.String(64)),
    sa.Column("changed_at_us", sa.BigInteger, nullable=False),
    sa.Index("mark_corrections_mark_id", "mark_id"),
    sa.Index("mark_corrections_identity", "identity"),
    sa.Index("mark_corrections_serial", "serial"),
)

casings = sa.Table(
    "casings",
    service_metadata,
    sa.Column("casing_id", sa.String(48), primary_key=True),
    *_kept(),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("sealed", sa.Text, nullable=False),
    sa.Column("changed_at_us", sa.BigInteger, nullable=False),
)

trace_requests = sa.Table(
    "trace_requests",
    service_metadata,
    sa.Column("request_id", sa.String(48), primary_key=True),
    *_kept(),
    sa.Column("agency", sa.String(128), nullable=False),
    sa.Column("person", sa.String(128), nullable=False),
    sa.Column("contact", sa.String(128), nullable=False),
    sa.Column("authority", sa.String(256), nullable=False),
    sa.Column("reference", sa.String(64), nullable=False),
    sa.Column("note", sa.String(512), nullable=False),
    sa.Column("received_at_us", sa.BigInteger, nullable=False),
    sa.Column("due_at_us", sa.BigInteger, nullable=False),
    sa.Column("recorded_by", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("query_id", sa.String(48)),
    sa.Column("disclosed", sa.Text),
    sa.Column("answered_at_us", sa.BigInteger),
    sa.Column("answered_by", sa.String(64)),
    sa.Column("changed_at_us", sa.BigInteger, nullable=False),
)

trace_queries = sa.Table(
    "trace_queries",
    service_metadata,
    sa.Column("query_id", sa.String(48), primary_key=True),
    *_kept(),
    sa.Column("request_id", sa.String(48), index=True),
    sa.Column("asked_by", sa.String(64), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(512), nullable=False),
    sa.Column("tree_size", sa.BigInteger, nullable=False),
    sa.Column("found", sa.BigInteger, nullable=False),
    sa.Column("shown", sa.Integer, nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("changed_at_us", sa.BigInteger, nullable=False),
)

panel_changes = sa.Table(
    "panel_changes",
    service_metadata,
    sa.Column("change_id", sa.String(24), primary_key=True),
    *_kept(),
    sa.Column("panel", sa.String(64), nullable=False),
    sa.Column("from_state", sa.String(24), nullable=False),
    sa.Column("to_state", sa.String(24), nullable=False),
    sa.Column("cause", sa.String(256), nullable=False),
    sa.Column("at_us", sa.BigInteger, nullable=False),
    sa.Column("mark_id", sa.String(48)),
    sa.Column("changed_at_us", sa.BigInteger, nullable=False),
    sa.Index("panel_changes_position", "station", "position"),
)

cosignatures = sa.Table(
    "cosignatures",
    service_metadata,
    sa.Column("cosignature_id", sa.String(24), primary_key=True),
    *_kept(),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("witness", sa.String(256), nullable=False),
    sa.Column("line", sa.String(512), nullable=False),
    sa.Column("changed_at_us", sa.BigInteger, nullable=False),
    sa.Index("cosignatures_size", "station", "size"),
)
"""What witnesses put under this station's checkpoints, a signature line each."""

SECRET_COLUMNS = frozenset({"secret", "digest", "sealed", "question", "answer"})
"""Columns of which the log holds the SHA-256: it shows a change and gives nothing away."""

PASSING_COLUMNS = frozenset({"failures", "locked_until_us", "delivered", "said"})
"""Columns that count and pace; they testify to nothing and are in no entry as a row."""

KEPT_TABLES = (
    people,
    machine_keys,
    approvals,
    profiles,
    recipe_releases,
    scans,
    kept_scans,
    hooks,
    book,
    corrections,
    mark_corrections,
    casings,
    trace_requests,
    trace_queries,
    panel_changes,
    at_hand,
    cosignatures,
)
"""Tables of which every row stands in the log."""
