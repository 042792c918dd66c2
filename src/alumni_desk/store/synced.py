"""How a noun declares a table that travels between laptops and the server.

One declaration, two schemas: ``alumni_desk.schema`` derives the desk's tables (key ``id``) and the
server's (key ``scope, id``) from what is declared here.
"""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa

Audience = Literal["chapter", "door"]


def field(name: str, kind: type[sa.types.TypeEngine[Any]] = sa.Text, *, door: bool = False, group: str | None = None,
          about: bool = False, many: bool = False) -> sa.Column[Any]:
    """A synced column: nullable text, 64-bit integer or boolean, because rows may arrive in parts.

    ``door``: a door volunteer may see it, so it belongs to the gathering's audience when written there.
    ``group``: columns of one group share one clock (an address changes as a whole).
    ``about``: describes a person, so erasing that person clears it. ``many``: a JSON list of texts.
    """
    info = {"audience": "door" if door else "chapter", "group": group, "about": about, "many": many}
    return sa.Column(name, kind, nullable=True, info=info)


def synced(name: str, *fields: sa.Column[Any], kind: Literal["put", "fact"] = "put",
           audience: Literal["field", "row"] = "field") -> sa.Table:
    """A synced table on its own metadata.

    ``kind='fact'``: rows are append-only. ``audience='row'``: every operation on a row belongs to the gathering
    in its ``gathering`` column; ``'field'``: to the chapter, or, inside a gathering's transaction, split by field.
    Only ``id``, ``scope`` and ``gone`` are NOT NULL.
    """
    return sa.Table(
        name,
        sa.MetaData(),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("gone", sa.Boolean(create_constraint=False), nullable=False, server_default=sa.false()),
        sa.Column("clock", sa.Text),
        sa.Column("clocks", sa.Text),
        *fields,
        info={"kind": kind, "audience": audience, "synced": True},
    )


BOOKKEEPING = ("id", "scope", "gone", "clock", "clocks")


def data_columns(table: sa.Table) -> list[sa.Column[Any]]:
    """The fields of a synced table that people write, ``gone`` included, bookkeeping left out."""
    return [c for c in table.columns if c.name not in ("id", "scope", "clock", "clocks")]


def clock_key(column: sa.Column[Any]) -> str:
    """The name under which a field's clock is kept in ``clocks``: its group, or itself."""
    return column.info.get("group") or column.name
