"""Whether an operation may be applied at all: its form, then its sender's rights. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from alumni_desk.gatherings.records import registration_id
from alumni_desk.protocol.clock import PATTERN
from alumni_desk.protocol.forms import misfit
from alumni_desk.protocol.messages import OPERATION_LIMIT, Operation, Status
from alumni_desk.protocol.policy import VALUES, may_say, may_send, rule
from alumni_desk.protocol.values import TEXT_LIMIT, UUID, fits, is_id
from alumni_desk.server.clamping import is_clock
from alumni_desk.sync.shapes import Shape, shapes

Refusal = tuple[Status, str]

_TYPES: Mapping[str, type] = {"text": str, "integer": int, "boolean": bool}
NAMES = re.compile(f"{UUID} {UUID} {PATTERN.pattern}")
SMALL_MAP = 15
"""Fields up to which msgpack says their number in four bits; that of some more has one byte of zeros, and that of many more has two."""


def refusal(operation: Operation, body: bytes, *, role: str, scope: str, audience: str, shapes: Mapping[str, Shape],
            gathering: str | None = None) -> Refusal | None:
    """Why an operation cannot be taken, as status and reason, or None. ``body``: as it was sent; ``gathering``: the only one of its sender."""
    return (None if _is_plain(operation, body, audience, shapes) else _malformed(operation, len(body), scope, audience, shapes)
            ) or _forbidden(operation, role, shapes) or _elsewhere(operation, audience, gathering)


def _is_plain(operation: Operation, body: bytes, audience: str, shapes: Mapping[str, Shape]) -> bool:
    """Whether an operation for the chapter is surely well formed, as most of many are; of any other each of its values has to be looked at."""
    shape = shapes.get(operation.table)
    if shape is None or audience != "chapter" or operation.table == "chapter" or operation.kind != shape.kind or len(body) > TEXT_LIMIT:
        return False
    fields = operation.fields
    if body.count(0) > (len(fields) > SMALL_MAP):  # there may be a NUL in a text
        return False
    types, numbers = kinds(shape.name, tuple(fields))
    if not types or tuple(map(type, fields.values())) != types or (operation.kind == "fact" and not fields.get("kind")):
        return False
    for name in numbers:
        if fields[name] >= 2**63:  # type: ignore[operator]  # its type was compared
            return False
    if misfit(shape.forms, fields) is not None or fields.get("host") == operation.row:
        return False
    return NAMES.fullmatch(f"{operation.id} {operation.row} {operation.clock}") is not None


@lru_cache(maxsize=4_096)
def kinds(table: str, names: tuple[str, ...]) -> tuple[tuple[type, ...], tuple[str, ...]]:
    """Of which kind the values of these fields are, unless they are empty, and which of them are numbers; nothing if there are no such fields."""
    types = shapes()[table].types
    if not types.keys() >= set(names):
        return (), ()
    return tuple(_TYPES[types[name]] for name in names), tuple(name for name in names if types[name] == "integer")


def _malformed(operation: Operation, size: int, scope: str, audience: str, shapes: Mapping[str, Shape]) -> Refusal | None:
    if size > OPERATION_LIMIT:
        return "invalid", "too_large"
    if not is_id(operation.id) or not is_id(operation.row):
        return "invalid", "id"
    if operation.kind == "command":
        return _unknown_command(operation, audience)
    shape = shapes.get(operation.table)
    if shape is None:
        return "invalid", "unknown_table"
    if operation.kind != shape.kind:
        return "invalid", "kind"
    if not is_clock(operation.clock):
        return "invalid", "clock"
    if not operation.fields:
        return "invalid", "empty"
    for name, value in operation.fields.items():
        kind = shape.types.get(name)
        if kind is None:
            return "invalid", "unknown_field"
        if not fits(value, kind) or (name == "gone" and value is None):
            return "invalid", "value"
    if operation.kind == "fact" and not operation.fields.get("kind"):
        return "invalid", "required"
    if (wrong := misfit(shape.forms, operation.fields)) is not None:  # a fact, too: one that says nothing is none, and no desk writes it
        return "invalid", "fact_kind" if operation.kind == "fact" and wrong == "kind" else "form"
    if operation.table == "registration" and operation.fields.get("host") == operation.row:
        return "invalid", "form"  # nobody is their own guest
    if operation.table == "chapter" and operation.row != scope:
        return "invalid", "chapter"
    return _wrong_audience(operation, audience, shape)


def _unknown_command(operation: Operation, audience: str) -> Refusal | None:
    """Whether anybody may send one is the policy's to say."""
    if operation.table == "person" and operation.fields == {"command": "erase"}:
        return None if audience == "chapter" and is_clock(operation.clock) else ("invalid", "audience" if audience != "chapter" else "clock")
    return "invalid", "command"


def _wrong_audience(operation: Operation, audience: str, shape: Shape) -> Refusal | None:
    if audience == "chapter":
        return None
    if not is_id(audience) or not shape.door.issuperset(operation.fields):
        return "invalid", "audience"
    gathering = operation.fields.get("gathering")
    if shape.by_row and gathering is not None and gathering != audience:
        return "invalid", "audience"
    return None


def _forbidden(operation: Operation, role: str, shapes: Mapping[str, Shape]) -> Refusal | None:
    if not may_send(role, operation.kind):
        return "denied", "kind"
    if operation.kind == "command":
        return None
    closed, choosy = _closed(role, operation.table, tuple(operation.fields), shapes[operation.table].door)
    if closed:
        return "denied", "field"
    if any(not may_say(role, operation.table, name, operation.fields[name]) for name in choosy):
        return "denied", "value"
    return None


def is_open(role: str, table: str, names: tuple[str, ...]) -> bool:
    """Whether a role may put any value into these fields of a table."""
    return may_send(role, "put") and _closed(role, table, names, shapes()[table].door) == (False, ())


@lru_cache(maxsize=4_096)
def _closed(role: str, table: str, names: tuple[str, ...], door: frozenset[str]) -> tuple[bool, tuple[str, ...]]:
    """Whether a role may not write one of these fields; and in which of them it may write certain values alone. Many rows have the same fields."""
    return (any(rule(role, table, name, door=name in door).write == "no" for name in names),
            tuple(name for name in names if (role, table, name) in VALUES))


def _elsewhere(operation: Operation, audience: str, gathering: str | None) -> Refusal | None:
    """Who has one gathering writes there, and of people to the chapter, too: how to reach a walk-in. A fact says where it happened."""
    if gathering is None or (audience == "chapter" and operation.table == "person"):
        return None
    if audience != gathering or (operation.kind == "fact" and operation.fields.get("gathering") != gathering):
        return "denied", "audience"
    return None


def beyond_the_door(operation: Operation, role: str, gathering: str, shape: Shape, *, there: Sequence[Mapping[str, Any]], mine: bool) -> Refusal | None:
    """Why somebody at the door of a gathering may not put this on a row, or None.

    ``there``: the row as the server has it, and as other operations of the same push put it; ``mine``: nobody else has written in it.
    """
    if shape.by_row and {one.get("gathering") for one in (*there, operation.fields)} - {None} != {gathering}:
        return "denied", "audience"
    if not mine and any(rule(role, shape.name, name, door=name in shape.door).write == "new" for name in operation.fields):
        return "denied", "field"
    return None


def unlike_its_id(operation: Operation, others: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a registration would get a gathering or a person that its id does not stand for.

    ``others``: the row's fields as the server has them, and as other operations of the same push put them.
    """
    if operation.table != "registration":
        return False
    gatherings, people = (
        {operation.fields[name]} if name in operation.fields else {one.get(name) for one in others} for name in ("gathering", "person"))
    return any(operation.row != registration_id(str(gathering), str(person))
               for gathering in gatherings for person in people if gathering is not None and person is not None)
