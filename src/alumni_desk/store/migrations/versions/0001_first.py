"""The tables of the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _synced(name: str, *columns: sa.Column[object]) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("gone", sa.Boolean(create_constraint=False), nullable=False, server_default=sa.false()),
        sa.Column("clock", sa.Text),
        sa.Column("clocks", sa.Text),
        *columns,
    )


def _texts(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.Text) for name in names]


def upgrade() -> None:
    """Make every table."""
    _make_synced()
    _make_own()
    _make_indexes()
    op.execute("CREATE VIRTUAL TABLE search_words USING fts5(names, other, content='search_person', content_rowid='rowid', "
               "prefix='1 2 3', detail=column, tokenize='unicode61 remove_diacritics 0')")
    op.execute("INSERT INTO capture_rest (id) VALUES (1)")
    op.execute("INSERT INTO capture (id, mode, rest) VALUES (1, 'rest', 1)")


def _make_synced() -> None:
    _synced(
        "chapter",
        *_texts("name", "university", "time_zone"),
        sa.Column("sample", sa.Boolean(create_constraint=False)),
    )
    _synced(
        "person",
        *_texts("standing", "constituent_codes", "title", "first_name", "middle_name", "last_name", "suffix", "preferred_name"),
        *_texts("other_script_name", "former_names", "pronunciation", "pronouns"),
        sa.Column("class_year", sa.BigInteger),
        *_texts("badge_tail", "email", "email_status", "other_emails", "mobile", "phone", "street", "city"),
        *_texts("region", "postal_code", "country", "employer", "job_title", "birth_date"),
        sa.Column("deceased", sa.Boolean(create_constraint=False)),
        *_texts("deceased_date", "solicit_codes", "consent", "notes", "door_note", "household", "external_ids", "network_person_id"),
        *_texts("merged_into"),
    )
    _synced(
        "education",
        *_texts("person", "school", "degree", "major"),
        sa.Column("class_year", sa.BigInteger),
        sa.Column("is_primary", sa.Boolean(create_constraint=False)),
        *_texts("name_at_graduation"),
    )
    _synced(
        "household",
        *_texts("name", "formal_greeting", "informal_greeting"),
    )
    _synced(
        "gathering",
        *_texts("name", "kind", "mode", "place", "address", "city", "online_link", "starts"),
        *_texts("ends", "time_zone"),
        sa.Column("capacity", sa.BigInteger),
        *_texts("status", "cancelled_reason", "description"),
    )
    _synced(
        "registration",
        *_texts("gathering", "person", "host", "status", "answered_at", "badge_name", "badge_tail", "table_name"),
        *_texts("meal", "code", "door_note"),
        sa.Column("walk_in", sa.Boolean(create_constraint=False)),
    )
    _synced(
        "fact",
        *_texts("kind", "gathering", "registration", "person", "closes", "at", "station", "method"),
        *_texts("reason", "by"),
    )
    _synced(
        "import_run",
        *_texts("file_name", "file_hash", "recognised", "mapping"),
        sa.Column("rows", sa.BigInteger),
        sa.Column("added", sa.BigInteger),
        sa.Column("updated", sa.BigInteger),
        sa.Column("unchanged", sa.BigInteger),
        sa.Column("rejected", sa.BigInteger),
        *_texts("started_at", "finished_at"),
        sa.Column("complete", sa.Boolean(create_constraint=False)),
    )


def _make_own() -> None:
    op.create_table(
        "operation",
        sa.Column("rowid", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("transaction_id", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("audience", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("table_name", sa.Text, nullable=False),
        sa.Column("row_id", sa.Text, nullable=False),
        sa.Column("fields", sa.Text, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("values_before", sa.Text, nullable=False),
        sa.Column("clock", sa.Text, nullable=False),
        sa.Column("schema", sa.Integer, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("fate", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger),
        sa.Column("reason", sa.Text),
        sa.Column("made_at", sa.Text, nullable=False),
        sa.Column("resolved_at", sa.Text),
    )
    op.create_table(
        "shadow",
        sa.Column("table_name", sa.Text, primary_key=True),
        sa.Column("row_id", sa.Text, primary_key=True),
        sa.Column("base", sa.Text, nullable=False),
    )
    op.create_table(
        "scope",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("cursor", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("chain", sa.Text, nullable=False),
    )
    op.create_table(
        "sync_state",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "setting",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "capture_rest",
        sa.Column("id", sa.Integer, primary_key=True),
    )
    op.create_table(
        "capture",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("action", sa.Text),
        sa.Column("event", sa.Text),
        sa.Column("transaction_id", sa.Text),
        sa.Column("gathering", sa.Text),
        sa.Column("queue", sa.Text),
        sa.Column("at", sa.Text),
        sa.Column("rest", sa.Integer, sa.ForeignKey("capture_rest.id", deferrable=True, initially="DEFERRED"), nullable=False),
    )
    op.create_table(
        "search_person",
        sa.Column("rowid", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("standing", sa.Text),
        sa.Column("names", sa.Text, nullable=False),
        sa.Column("other", sa.Text, nullable=False),
    )
    op.create_table(
        "search_stale",
        sa.Column("id", sa.Text, primary_key=True),
    )


def _make_indexes() -> None:
    for name, table, columns, unique in (
        ("person_email", "person", ["email"], False),
        ("person_last_name_first_name", "person", ["last_name", "first_name"], False),
        ("person_standing_gone", "person", ["standing", "gone"], False),
        ("education_person", "education", ["person"], False),
        ("gathering_starts", "gathering", ["starts"], False),
        ("registration_code", "registration", ["code"], False),
        ("registration_gathering_status", "registration", ["gathering", "status"], False),
        ("registration_host", "registration", ["host"], False),
        ("registration_person", "registration", ["person"], False),
        ("fact_gathering_registration", "fact", ["gathering", "registration"], False),
        ("fact_person", "fact", ["person"], False),
        ("fact_registration", "fact", ["registration"], False),
        ("operation_action", "operation", ["action"], False),
        ("operation_fate", "operation", ["fate", "sequence"], False),
        ("operation_row", "operation", ["table_name", "row_id"], False),
        ("search_person_id", "search_person", ["id"], True),
    ):
        op.create_index(name, table, columns, unique=unique)
