"""What a synced table looks like to those who carry its rows between desks and server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, Literal

import sqlalchemy as sa

from alumni_desk.protocol.forms import Form
from alumni_desk.protocol.values import Type
from alumni_desk.schema import synced_tables
from alumni_desk.store.listed import texts
from alumni_desk.store.synced import clock_key, data_columns

ALONG = {("registration", "answered_at"): "status"}
"""Fields that say nothing alone, and the field of the same record that they belong to: both are one answer, and one card."""


@dataclass(frozen=True)
class Shape:
    """A table's fields with their types, the key of each field's clock, and which of them the door may see."""

    name: str
    kind: Literal["put", "fact"]
    by_row: bool  # its operations belong to the gathering in the row, whatever the field
    types: Mapping[str, Type]
    clock_keys: Mapping[str, str]
    door: frozenset[str]
    forms: Mapping[str, Form]  # of the fields that must look like something
    caseless: Mapping[str, bool]  # fields that say the same in capitals, and whether they hold several values

    @cached_property
    def booleans(self) -> frozenset[str]:
        """The fields that are flags."""
        return frozenset(name for name, kind in self.types.items() if kind == "boolean")

    @cached_property
    def blank(self) -> dict[str, Any]:
        """The columns of a row of which nothing is known yet, as the server keeps it: to be copied."""
        return {"id": None, "scope": None, "clock": None, "clocks": None, **dict.fromkeys(self.types), "gone": False}

    def say_the_same(self, name: str, one: Any, other: Any) -> bool:
        """Whether two values of a field say the same: an e-mail is the same in capitals."""
        if one == other or name not in self.caseless or not isinstance(one, str) or not isinstance(other, str):
            return bool(one == other)
        if self.caseless[name]:
            return {text.casefold() for text in texts(one)} == {text.casefold() for text in texts(other)}
        return one.casefold() == other.casefold()

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that people write, ``gone`` among them."""
        return tuple(self.types)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of a row as it travels, its scope left out."""
        return ("id", "clock", "clocks", *self.types)


def _type(column: sa.Column[object]) -> Type:
    if isinstance(column.type, sa.Boolean):
        return "boolean"
    return "integer" if isinstance(column.type, sa.Integer) else "text"


def _shape(table: sa.Table) -> Shape:
    columns = data_columns(table)
    return Shape(
        name=str(table.name),
        kind=table.info["kind"],
        by_row=table.info["audience"] == "row",
        types=MappingProxyType({str(c.name): _type(c) for c in columns}),
        clock_keys=MappingProxyType({str(c.name): str(clock_key(c)) for c in columns}),
        door=frozenset(str(c.name) for c in columns if c.name == "gone" or c.info.get("audience") == "door"),
        caseless=MappingProxyType({str(c.name): bool(c.info.get("many")) for c in columns if c.info.get("caseless")}),
        forms=MappingProxyType({str(c.name): form for c in columns if (form := c.info.get("form")) is not None}),
    )


@lru_cache(maxsize=1)
def shapes() -> Mapping[str, Shape]:
    """The shape of every synced table by name, in the schema's order."""
    return MappingProxyType({str(table.name): _shape(table) for table in synced_tables()})
