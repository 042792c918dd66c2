"""How a noun declares a table that travels between laptops and the server.

One declaration, two schemas: ``alumni_desk.schema`` derives the desk's tables (key ``id``) and the
server's (key ``scope, id``) from what is declared here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import sqlalchemy as sa

    from alumni_desk.protocol.forms import Form

    TakesBack = Callable[[sa.Connection, sa.Table, Sequence[Mapping[str, Any]], str], tuple[list[dict[str, Any]], list[str]]]
    """Given facts and a moment: the newer facts that undo them, and the ids of those that are closed already."""

    Stays = Callable[[sa.Connection, Sequence[str], Collection[str]], set[str]]
    """Given ids of rows: those that something newer stands on."""


TOO_LARGE = "the operation is too large"
"""What a trigger says of an operation that would not fit into a parcel."""


def field(name: str, kind: type[sa.types.TypeEngine[Any]] | None = None, *, door: bool = False, group: str | None = None,
          about: bool = False, many: bool = False, form: Form | None = None, caseless: bool = False) -> sa.Column[Any]:
    """A synced column: nullable text (unless it is of another kind), 64-bit integer or boolean, because rows may arrive in parts.

    ``door``: a door volunteer may see it, so it belongs to the gathering's audience when written there.
    ``group``: columns of one group share one clock (an address changes as a whole).
    ``about``: describes a person, so erasing that person clears it. ``many``: a JSON list of texts.
    ``form``: what its values must look like for the server to take them, see ``protocol.forms``. ``caseless``: written in capitals or not, and of
    several values in whatever order, it says the same.
    """
    import sqlalchemy as sa

    info = {"audience": "door" if door else "chapter", "group": group, "about": about, "many": many, "form": form, "caseless": caseless}
    return sa.Column(name, kind or sa.Text, nullable=True, info=info)


def synced(name: str, *fields: sa.Column[Any], kind: Literal["put", "fact"] = "put",
           audience: Literal["field", "row"] = "field", takes_back: TakesBack | None = None,
           stays: Stays | None = None, part_of: str | None = None, tells: bool = False) -> sa.Table:
    """A synced table on its own metadata.

    ``kind='fact'``: rows are append-only. ``audience='row'``: every operation on a row belongs to the gathering
    in its ``gathering`` column; ``'field'``: to the chapter, or, inside a gathering's transaction, split by field.
    ``takes_back``: how facts are undone, by newer facts. ``stays``: which rows are in use, by others than
    those that leave with them, so that undoing their addition leaves them.
    ``part_of``: the column that names the row which these are a part of: where undo leaves that, it leaves them, too. ``tells``: rows only tell of what was
    written with them, and are taken back with it.
    Only ``id``, ``scope`` and ``gone`` are NOT NULL.
    """
    import sqlalchemy as sa

    return sa.Table(
        name,
        sa.MetaData(),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("gone", sa.Boolean(create_constraint=False), nullable=False, server_default=sa.false()),
        sa.Column("clock", sa.Text),
        sa.Column("clocks", sa.Text),
        *fields,
        info={"kind": kind, "audience": audience, "synced": True, "takes_back": takes_back, "stays": stays, "part_of": part_of, "tells": tells},
    )


BOOKKEEPING = ("id", "scope", "gone", "clock", "clocks")


def data_columns(table: sa.Table) -> list[sa.Column[Any]]:
    """The fields of a synced table that people write, ``gone`` included, bookkeeping left out."""
    return [c for c in table.columns if c.name not in ("id", "scope", "clock", "clocks")]


def clock_key(column: sa.Column[Any]) -> str:
    """The name under which a field's clock is kept in ``clocks``: its group, or itself."""
    return column.info.get("group") or column.name


def named_by(connection: sa.Connection, ids: Sequence[str], leaving: Collection[str], question: str, by: str = "id") -> set[str]:
    """Those of the ids that a question (a SELECT of one column of ids) names. ``leaving``: the rows, by their ids in the column ``by``, that name nothing any
    more."""
    column = question.split()[1]
    others = f" AND {by} NOT IN (SELECT value FROM json_each(?))" if leaving else ""
    wanted = (json.dumps(list(ids)), *([json.dumps(list(leaving))] if leaving else ()))
    return set(connection.exec_driver_sql(f"{question} AND {column} IN (SELECT value FROM json_each(?)){others}", wanted).scalars())


def fingerprint(wanted: Mapping[str, str]) -> str:
    """What tells one set of triggers from another."""
    return hashlib.blake2b("\0".join(text for one in sorted(wanted.items()) for text in one).encode(), digest_size=16).hexdigest()
