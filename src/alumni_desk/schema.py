"""Which tables a desk and which a server has, derived from the nouns' records; and a desk opened with them.

The records, and SQLAlchemy, are imported when somebody asks for a schema: to open a desk that is up to date needs neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alumni_desk.store.desk import Desk
from alumni_desk.store.opening import open_with
from alumni_desk.store.patience import Patience
from alumni_desk.store.profile import Profile

if TYPE_CHECKING:
    import sqlalchemy as sa

SCHEMA_VERSION = 1
"""Number that every operation carries; raised when a synced table gains a column."""

TRIGGERS = "7cd1b88f5237202592d8f923eb74544a"
"""Fingerprint of the triggers that the desk's schema has (``capture.fingerprint``): a database with these is opened without a look at the schema."""


def synced_tables() -> list[sa.Table]:
    """Every table that travels, as its noun declared it, in a stable order."""
    from alumni_desk.checkin import records as checkin
    from alumni_desk.exchange import records as exchange
    from alumni_desk.gatherings import records as gatherings
    from alumni_desk.members import records as members

    return [*members.TABLES, *gatherings.TABLES, *checkin.TABLES, *exchange.TABLES]


def _copy(column: sa.Column[Any], *, key: bool) -> sa.Column[Any]:
    import sqlalchemy as sa

    return sa.Column(column.name, column.type, primary_key=key, nullable=column.nullable and not key,
                     server_default=sa.false() if column.server_default is not None else None,
                     info=dict(column.info))


def _derive(metadata: sa.MetaData, keys: tuple[str, ...]) -> None:
    import sqlalchemy as sa

    for table in synced_tables():
        first = [_copy(table.c[k], key=True) for k in keys]
        rest = [_copy(c, key=False) for c in table.columns if c.name not in keys]
        sa.Table(table.name, metadata, *first, *rest, info=dict(table.info))


def desk_schema() -> sa.MetaData:
    """The desk's tables: synced ones keyed by ``id``, and the desk's own (``alumni_desk.store.tables``)."""
    import sqlalchemy as sa

    from alumni_desk.store.tables import desk_tables, index_synced

    metadata = sa.MetaData()
    _derive(metadata, ("id",))
    index_synced(metadata)
    desk_tables(metadata)
    return metadata


def server_schema() -> sa.MetaData:
    """The server's synced tables keyed by ``scope, id``; the server adds its own beside them (``server.tables``)."""
    import sqlalchemy as sa

    metadata = sa.MetaData()
    _derive(metadata, ("scope", "id"))
    return metadata


def open_desk(profile: Profile, *, passphrase: str | None = None, create: bool = True, patience: Patience | None = None, anew: bool = False) -> Desk:
    """Open a profile's desk; make it the first time unless ``create`` is false. ``patience``: with the computer's password store. ``anew``: see ``open_with``.

    Raises StoreProblem: ``passphrase_wanted``, ``passphrase_needed``, ``passphrase_wrong``, ``keyring_silent``, ``key_lost``, ``key_damaged``,
    ``no_desk``, ``database_gone``, ``database_damaged``, ``database_newer``, or what the disk does.
    """
    return open_with(profile, desk_schema, SCHEMA_VERSION, passphrase=passphrase, create=create, known=TRIGGERS, patience=patience, anew=anew)
