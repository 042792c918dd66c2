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
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("gone", sa.Boolean(create_constraint=False), nullable=False, server_default=sa.false()),
        sa.Column("clock", sa.Text),
        sa.Column("clocks", sa.Text),
        *columns,
    )


def _texts(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.Text) for name in names]


def upgrade() -> None:
    """Make every table."""
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
        *_texts("badge_tail", "email", "email_status", "other_emails", "mobile", "phone", "street", "city", "region"),
        *_texts("postal_code", "country", "employer", "job_title", "birth_date"),
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
        *_texts("name", "kind", "mode", "place", "address", "city", "online_link", "starts", "ends", "time_zone"),
        sa.Column("capacity", sa.BigInteger),
        *_texts("status", "cancelled_reason", "description"),
    )
    _synced(
        "registration",
        *_texts("gathering", "person", "host", "status", "answered_at", "badge_name", "badge_tail", "table_name", "meal"),
        *_texts("code", "door_note"),
        sa.Column("walk_in", sa.Boolean(create_constraint=False)),
    )
    _synced(
        "fact",
        *_texts("kind", "gathering", "registration", "person", "closes", "at", "station", "method", "reason", "by"),
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
    op.create_table(
        "feed_head",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("head", sa.BigInteger, nullable=False),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("timeline", sa.Text, nullable=False),
        sa.Column("backed_up", sa.BigInteger, nullable=False, server_default="0"),
    )
    op.create_table(
        "feed_chain",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("chain", sa.Text, nullable=False),
    )
    op.create_table(
        "feed",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("audience", sa.Text, primary_key=True),
        sa.Column("table_name", sa.Text, primary_key=True),
        sa.Column("row_id", sa.Text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("gone", sa.Boolean(create_constraint=False), nullable=False, server_default=sa.false()),
    )
    op.create_index("feed_in_order", "feed", ["scope", "audience", "sequence"], unique=True)
    op.create_table(
        "operation_result",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("clock", sa.Text),
        sa.Column("conflicts", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "clamped",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("replica", sa.Text, primary_key=True),
        sa.Column("original", sa.Text, primary_key=True),
        sa.Column("assigned", sa.Text, nullable=False),
    )
    op.create_table(
        "erased",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("table_name", sa.Text, primary_key=True),
        sa.Column("row_id", sa.Text, primary_key=True),
        sa.Column("erased_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "conflict",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("operation", sa.Text, primary_key=True),
        sa.Column("field", sa.Text, primary_key=True),
        sa.Column("table_name", sa.Text, nullable=False),
        sa.Column("row_id", sa.Text, nullable=False),
        sa.Column("winner_clock", sa.Text, nullable=False),
        sa.Column("loser_clock", sa.Text, nullable=False),
        sa.Column("loser_value", sa.Text),
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("device", sa.Text),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("details", sa.Text),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_table(
        "server_state",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "account",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "device",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("version", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("last_seen", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
    )
    op.create_index("device_by_key", "device", ["public_key"], unique=True)
    op.create_table(
        "grant",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("gathering", sa.Text),
        sa.Column("until", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "device_cursor",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("device", sa.Text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "invitation",
        sa.Column("code_hash", sa.Text, primary_key=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("gathering", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("used_at", sa.BigInteger),
        sa.Column("device", sa.Text),
    )
    op.create_table(
        "invitation_failure",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("invitation_failure_by_time", "invitation_failure", ["at"], unique=False)
