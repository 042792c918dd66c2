"""The desk's own tables beside the synced ones, and the indexes that its lists need."""

from __future__ import annotations

import sqlalchemy as sa

FULL_TEXT = "search_words"
"""The FTS5 table (made by the migration: SQLAlchemy has no form for it); its rowid is ``search_person.rowid``."""


def desk_tables(metadata: sa.MetaData) -> None:
    """Add the tables that only a desk has. Their form here is compared with the migrations by a test."""
    sa.Table(
        "operation", metadata,
        sa.Column("rowid", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),  # what was done: member_added, checked_in, …
        sa.Column("transaction_id", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("audience", sa.Text, nullable=False),  # "chapter", or the id of a gathering
        sa.Column("kind", sa.Text, nullable=False),  # put | fact | command
        sa.Column("table_name", sa.Text, nullable=False),
        sa.Column("row_id", sa.Text, nullable=False),
        sa.Column("fields", sa.Text, nullable=False),  # JSON object
        sa.Column("before", sa.Text, nullable=False),  # JSON object: clock key -> clock that the editor saw
        sa.Column("values_before", sa.Text, nullable=False),  # JSON object
        sa.Column("clock", sa.Text, nullable=False),
        sa.Column("schema", sa.Integer, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),  # live | load
        sa.Column("made_at", sa.Text, nullable=False),  # UTC, ISO 8601 with milliseconds
        sa.Index("operation_row", "table_name", "row_id"),
        sa.Index("operation_action", "action"),
    )
    waiting = sa.Table(
        "waiting", metadata,  # the operations that wait, see store/fates.py
        sa.Column("operation", sa.Integer, primary_key=True),  # its rowid
        sa.Column("queue", sa.Text, nullable=False),  # as the operation's
        sa.Column("sequence", sa.BigInteger),  # the server's, once it has answered
    )
    sa.Index("waiting_answered", waiting.c.sequence, sqlite_where=waiting.c.sequence.is_not(None))
    sa.Table(
        "accepted", metadata,  # those that are part of the base
        sa.Column("operation", sa.Integer, primary_key=True),
        sa.Column("sequence", sa.BigInteger),
        sa.Column("at", sa.Text),  # UTC, ISO 8601 with milliseconds; nothing of what files brought
    )
    sa.Table(
        "refused", metadata,  # those that the server did not take
        sa.Column("operation", sa.Integer, primary_key=True),
        sa.Column("sequence", sa.BigInteger),
        sa.Column("reason", sa.Text),
        sa.Column("at", sa.Text),
    )
    sa.Table(
        "action", metadata,  # what somebody did at this desk, as Activity lists it and Undo takes it back
        sa.Column("rowid", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),  # UTC, ISO 8601 with milliseconds
        sa.Column("who", sa.Text),
        sa.Column("device", sa.Text),
        sa.Column("gathering", sa.Text),
        sa.Column("counts", sa.Text, nullable=False),  # JSON object: table -> rows
        sa.Column("undoes", sa.Text),  # the action that this one took back
        sa.Column("undone_by", sa.Text),  # the action that took this one back, while that stands
        sa.Index("action_id", "id", unique=True),
    )
    sa.Table(
        "past", metadata,  # values that others' newer ones replaced here; one's own stand in "operation"
        sa.Column("rowid", sa.Integer, primary_key=True),
        sa.Column("table_name", sa.Text, nullable=False),
        sa.Column("row_id", sa.Text, nullable=False),
        sa.Column("field", sa.Text, nullable=False),
        sa.Column("value", sa.Text),  # JSON
        sa.Column("clock", sa.Text, nullable=False),
        sa.Index("past_row", "table_name", "row_id"),
    )
    sa.Table(
        "erased", metadata,  # whose fields were erased for good: applied to whatever is restored
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", sa.Text, nullable=False),
    )
    sa.Table(
        "shadow", metadata,
        sa.Column("table_name", sa.Text, primary_key=True),
        sa.Column("row_id", sa.Text, primary_key=True),
        sa.Column("base", sa.Text, nullable=False),
    )
    sa.Table(
        "scope", metadata,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("cursor", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("chain", sa.Text, nullable=False),
    )
    sa.Table("sync_state", metadata, sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False))
    sa.Table("setting", metadata, sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False))
    sa.Table("capture_rest", metadata, sa.Column("id", sa.Integer, primary_key=True))
    sa.Table(
        "capture", metadata,  # one row: which action is under way on the one connection that writes
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("mode", sa.Text, nullable=False),  # rest | action | applying
        sa.Column("action", sa.Text),
        sa.Column("event", sa.Text),
        sa.Column("transaction_id", sa.Text),  # at rest: how many transactions were committed, see store/mark.py
        sa.Column("gathering", sa.Text),
        sa.Column("queue", sa.Text),
        sa.Column("at", sa.Text),
        # 1 at rest, 0 while writing: COMMIT fails if an action forgot to end.
        sa.Column("rest", sa.Integer, sa.ForeignKey("capture_rest.id", deferrable=True, initially="DEFERRED"), nullable=False),
    )
    sa.Table(
        "search_person", metadata,
        sa.Column("rowid", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("standing", sa.Text),
        sa.Column("sort", sa.Text, nullable=False),  # folded: last name, given name
        sa.Column("names", sa.Text, nullable=False),  # folded words
        sa.Index("search_person_id", "id", unique=True),
        sa.Index("search_person_sort", "sort", "standing", "id"),  # the member list by name, read without touching the table
    )
    sa.Table(
        "parcel", metadata,  # sealed parcels, one's own and those held for others, see sync/venue/holding.py
        sa.Column("rowid", sa.Integer, primary_key=True),
        sa.Column("name", sa.LargeBinary, nullable=False),
        sa.Column("device", sa.Text, nullable=False),  # that signed it
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("audience", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.Text, nullable=False),  # own | open | carried
        sa.Column("received", sa.Text, nullable=False),  # UTC, ISO 8601 with milliseconds
        sa.Column("resolved", sa.Text),  # when the server had answered for all of it
        sa.Column("sequence", sa.BigInteger),  # up to where the server's feed had it then
        sa.Column("reason", sa.Text),  # why the server did not take it
        sa.Index("parcel_name", "name", unique=True),
        sa.Index("parcel_resolved", "resolved"),
    )
    sa.Table(
        "parcel_operation", metadata,  # what lies in a parcel that this laptop can open
        sa.Column("operation", sa.Text, primary_key=True),
        sa.Column("parcel", sa.LargeBinary, nullable=False),
        sa.Index("parcel_operation_parcel", "parcel"),
    )
    sa.Table(
        "handout", metadata,  # the newest of each gathering, as it travels
        sa.Column("gathering", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    sa.Table(
        "chain", metadata,  # the certificates of those whose parcels are held
        sa.Column("device", sa.Text, primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    sa.Table("search_stale", metadata, sa.Column("id", sa.Text, primary_key=True))


CHANGED = "instr(substr(clocks, 38), '-') > 0"
"""A row of which a part was written later than the rest, see ``protocol.clocks``: after its first clock there is another one."""

CHAPTER_MOVED, CARD_MOVED = CARRIED = ("chapter_moved", "card_moved")
"""Events under which a laptop that moves a chapter offers to its new server what anybody wrote: they are not its own words."""


def index_synced(metadata: sa.MetaData) -> None:
    """Add the indexes on synced tables that the desk's lists, the door and the import read by."""
    for table, columns in (
        ("person", ("email",)),
        ("person", ("standing", "gone")),
        ("education", ("person",)),
        ("registration", ("gathering", "status")),
        ("registration", ("person",)),
        ("registration", ("code",)),
        ("registration", ("host",)),
        ("fact", ("gathering", "registration")),
        ("gathering", ("starts",)),
    ):
        sa.Index(f"{table}_{'_'.join(columns)}", *(metadata.tables[table].c[one] for one in columns))
    person = metadata.tables["person"].c
    merged, born = person.merged_into, person.birth_date
    # The newest changes. A new member is not in it, and so the first change to one takes nothing out of the middle of it.
    sa.Index("person_changed", person.clock, sqlite_where=sa.text(CHANGED))
    sa.Index("person_birthday", sa.func.substr(born, 6, 5), sqlite_where=born.is_not(None))  # MM-DD
    sa.Index("person_merged_into", merged, sqlite_where=merged.is_not(None))  # every check-in asks who else somebody is
