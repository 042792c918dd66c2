"""The server's own tables, beside the nouns' tables keyed by ``scope, id``. Every key that can begins with the scope."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from alumni_desk.schema import server_schema

EVERY = "*"
"""The scope of an admin's grant: every chapter of the server."""


def _text(name: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, **options)


def _number(name: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, **options)


def _flag(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean(create_constraint=False), nullable=False, server_default=sa.false())


def _feed_tables(metadata: sa.MetaData) -> None:
    sa.Table("feed_head", metadata,
             _text("scope", primary_key=True),
             _number("head", nullable=False),
             _text("chain", nullable=False),
             _text("timeline", nullable=False),
             _number("backed_up", nullable=False, server_default="0"),
             _number("audited", nullable=False, server_default="0"),  # number and hash of the audit's last entry, so that none is cut off unseen
             _text("audit_hash", nullable=False, server_default=""))
    sa.Table("feed_chain", metadata,  # the chain's hash after each push: how a cursor is recognised
             _text("scope", primary_key=True),
             sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
             _text("chain", nullable=False))
    feed = sa.Table("feed", metadata,  # one entry for each row and audience; a row that changes again moves on
                    _text("scope", primary_key=True),
                    _text("audience", primary_key=True),
                    _text("table_name", primary_key=True),
                    _text("row_id", primary_key=True),
                    _number("sequence", nullable=False),
                    _flag("gone"))
    sa.Index("feed_in_order", feed.c.scope, feed.c.audience, feed.c.sequence, unique=True)
    sa.Index("feed_gone", feed.c.scope, feed.c.audience, feed.c.sequence, sqlite_where=feed.c.gone, postgresql_where=feed.c.gone)  # for the tidying
    sa.Table("operation_result", metadata,
             _text("scope", primary_key=True),
             _text("id", primary_key=True),
             sa.Column("salt", sa.LargeBinary, nullable=False),
             sa.Column("hash", sa.LargeBinary, nullable=False),
             _text("status", nullable=False),
             _text("reason"),
             _number("sequence", nullable=False),
             _text("clock"),
             _number("conflicts", nullable=False, server_default="0"),
             _text("device", nullable=False),
             _number("received_at", nullable=False))
    sa.Table("clamped", metadata,  # clocks that were too far ahead, and what they count as
             _text("scope", primary_key=True),
             _text("replica", primary_key=True),
             _text("original", primary_key=True),
             _text("assigned", nullable=False))
    replica = sa.Table("replica", metadata,  # which device a clock's third part stands for, and since which sequence
                       _text("scope", primary_key=True),
                       _text("replica", primary_key=True),
                       _text("device", nullable=False),
                       _number("sequence", nullable=False))
    sa.Index("replica_in_order", replica.c.scope, replica.c.sequence)
    sa.Table("quarantine", metadata,  # parcels of laptops that had been removed, until a leader has looked
             _text("scope", primary_key=True),
             _text("id", primary_key=True),
             _text("device", nullable=False),
             _number("received_at", nullable=False),
             _text("reason", nullable=False),
             _number("operations", nullable=False),
             sa.Column("parcel", sa.LargeBinary, nullable=False),
             _number("released_at"))
    sa.Table("erased", metadata,
             _text("scope", primary_key=True),
             _text("table_name", primary_key=True),
             _text("row_id", primary_key=True),
             _number("erased_at", nullable=False),
             _text("kept"),  # of a row that was removed long ago, what it still says (JSON), see ``removing``; none: it was erased for good
             _text("moved_to"))  # of a row that was moved to another chapter (then ``kept`` is ``{}``): to which, see ``moved``
    sa.Table("conflict", metadata,  # two people changed one field without seeing each other: the value that lost
             _text("scope", primary_key=True),
             _text("operation", primary_key=True),
             _text("field", primary_key=True),
             _text("table_name", nullable=False),
             _text("row_id", nullable=False),
             _text("winner_clock", nullable=False),
             _text("loser_clock", nullable=False),
             _text("loser_value"),  # JSON
             _text("device", nullable=False),
             _number("made_at", nullable=False),
             _number("decided_at"))
    sa.Table("overtaken", metadata,  # values that are not here, and that whoever wrote over them had seen: no conflict when they come
             _text("scope", primary_key=True),
             _text("row_id", primary_key=True),
             _text("table_name", primary_key=True),
             _text("field", primary_key=True),  # or the group's name
             _text("clock", primary_key=True),
             _text("by", primary_key=True),  # the clock of what was written over it
             _number("made_at", nullable=False))
    sa.Table("audit", metadata,  # ids and field names, never values; each entry's hash holds the one before
             _text("scope", primary_key=True),
             sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
             _number("made_at", nullable=False),
             _text("device"),
             _text("event", nullable=False),
             _text("details"),  # JSON
             _text("hash", nullable=False))


def _push_indexes(metadata: sa.MetaData) -> None:
    """By which a push finds whose audience a row is in, see ``audiences``; and whose a badge's code is, see ``doors_codes``."""
    feed, person, fact, registration = (metadata.tables[name] for name in ("feed", "person", "fact", "registration"))
    others = feed.c.audience != sa.literal_column("'chapter'")
    sa.Index("feed_by_row", feed.c.scope, feed.c.table_name, feed.c.row_id, sqlite_where=others, postgresql_where=others)
    merged = person.c.merged_into.is_not(None)
    sa.Index("person_merged_into", person.c.scope, person.c.merged_into, sqlite_where=merged, postgresql_where=merged)
    named = fact.c.registration.is_not(None)
    sa.Index("fact_registration", fact.c.scope, fact.c.registration, sqlite_where=named, postgresql_where=named)
    sa.Index("registration_code", registration.c.scope, registration.c.code)


def _account_tables(metadata: sa.MetaData) -> None:
    sa.Table("server_state", metadata, _text("key", primary_key=True), _text("value", nullable=False))
    sa.Table("account", metadata,
             _text("id", primary_key=True),
             _text("name"),
             _number("created_at", nullable=False))
    device = sa.Table("device", metadata,
                      _text("id", primary_key=True),
                      _text("account", nullable=False),
                      sa.Column("public_key", sa.LargeBinary, nullable=False),
                      _text("name"),
                      _text("version"),
                      _number("created_at", nullable=False),
                      _number("last_seen"),
                      _number("revoked_at"),
                      _number("waiting"),  # operations that it said it had still to send, less those that came since
                      _number("replaced_at"))  # when the same laptop joined anew, as another device
    sa.Index("device_by_key", device.c.public_key, unique=True)
    grant = sa.Table("grant", metadata,
                     _text("scope", primary_key=True),
                     _text("account", primary_key=True),
                     _text("role", nullable=False),
                     _text("gathering"),
                     _number("until"),
                     _number("created_at", nullable=False),
                     _number("ended_at"))  # left, or handed over: what it made before is taken, nothing is given any more
    sa.Index("grant_by_account", grant.c.account)
    sa.Table("device_cursor", metadata,
             _text("scope", primary_key=True),
             _text("device", primary_key=True),
             _number("sequence", nullable=False),
             _number("seen_at", nullable=False))
    sa.Table("invitation", metadata,
             _text("code_hash", primary_key=True),
             _text("scope", nullable=False),
             _text("role", nullable=False),
             _text("gathering"),
             _number("created_at", nullable=False),
             _number("expires_at", nullable=False),
             _number("used_at"),
             _text("device"),
             _text("name"),  # whom it is for, as the inviter wrote it
             _text("email"),
             _text("created_by"),  # the device that made it; none: at the server
             _text("succeeds"),  # the device whose access ends when this one is used
             _number("cancelled_at"),
             _number("until"))  # when access to the door ends, if that is sooner than by the gathering
    failure = sa.Table("invitation_failure", metadata,  # shared by all processes: 10 a minute for everybody together
                       _text("id", primary_key=True),
                       _number("at", nullable=False))
    sa.Index("invitation_failure_by_time", failure.c.at)


@lru_cache(maxsize=1)
def all_tables() -> sa.MetaData:
    """Everything a server's database holds: the nouns' tables and the server's own. To describe them takes 50 ms, and a backup asks six times."""
    metadata = server_schema()
    _feed_tables(metadata)
    _push_indexes(metadata)
    _account_tables(metadata)
    return metadata
