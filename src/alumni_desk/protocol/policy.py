"""Who may read and write what: one table, asked by push, pull and every other way that data takes.

A rule names role, table and field. ``*`` stands for any; ``@door`` for every field that is declared for the door. The most exact
rule wins: the field before what it is declared for before any, and the table by name before any. What has no rule may not be done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Any, Literal, NamedTuple, Protocol

from alumni_desk.protocol.clocks import pack, unpack

POLICY_VERSION = 3

ROLES = ("admin", "leader", "door")

TAIL = 4
"""How many of a phone's last digits the door sees."""

Read = Literal["no", "tail", "yes"]
Write = Literal["no", "new", "yes"]


class Rule(NamedTuple):
    """What a role may do with a field. ``tail``: the last digits alone; ``new``: in rows that its own laptop made and nobody else wrote in."""

    read: Read
    write: Write


class Fields(Protocol):
    """What is asked about a table here: see ``sync.shapes.Shape``."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> Literal["put", "fact"]: ...

    @property
    def types(self) -> Mapping[str, Any]: ...

    @property
    def clock_keys(self) -> Mapping[str, str]: ...

    @property
    def door(self) -> AbstractSet[str]: ...


NOTHING = Rule(read="no", write="no")
ALL = Rule(read="yes", write="yes")

FIELDS: dict[tuple[str, str, str], Rule] = {
    ("admin", "*", "*"): ALL,
    ("admin", "chapter", "sample"): Rule(read="yes", write="no"),
    ("leader", "*", "*"): ALL,
    ("leader", "chapter", "sample"): Rule(read="yes", write="no"),
    ("door", "chapter", "@door"): Rule(read="yes", write="no"),
    ("door", "gathering", "@door"): Rule(read="yes", write="no"),
    ("door", "person", "@door"): Rule(read="yes", write="no"),
    ("door", "registration", "@door"): ALL,
    ("door", "registration", "gone"): Rule(read="yes", write="new"),  # a walk-in is taken back; whoever was on the list can be cancelled, not taken off it
    ("door", "fact", "@door"): ALL,
    # A walk-in: who they are goes to the gathering, how to reach them to the chapter, which the door does not read again.
    **{("door", "person", name): Rule(read="yes", write="new") for name in (
        "gone", "standing", "title", "first_name", "middle_name", "last_name", "suffix", "preferred_name", "other_script_name", "pronunciation",
        "pronouns", "class_year", "city")},
    **{("door", "person", name): Rule(read="no", write="new") for name in ("email", "employer", "job_title", "consent")},
    **{("door", "person", name): Rule(read="tail", write="new") for name in ("mobile", "phone")},
}

KINDS: dict[tuple[str, str], bool] = {
    ("admin", "put"): True,
    ("admin", "fact"): True,
    ("admin", "command"): True,
    ("leader", "put"): True,
    ("leader", "fact"): True,
    ("leader", "command"): True,
    ("door", "put"): True,
    ("door", "fact"): True,
}

VALUES: dict[tuple[str, str, str], AbstractSet[Any]] = {
    ("door", "person", "standing"): frozenset({"guest"}),
    ("leader", "chapter", "gone"): frozenset({False}),  # a chapter is closed by the network, whose admins would not see it any more
}
"""Where a role may write certain values alone."""


@lru_cache(maxsize=4_096)
def rule(role: str, table: str, field: str, *, door: bool = False, known: bool = True) -> Rule:
    """The rule for a field; ``door``: it is declared for the door. One that this version does not know may be read by admins and leaders alone."""
    if not known:
        return Rule(read="yes" if role in ("admin", "leader") else "no", write="no")
    declared = ("@door",) if door else ()
    for name in (field, *declared, "*"):
        for where in (table, "*"):
            found = FIELDS.get((role, where, name))
            if found is not None:
                return found
    return NOTHING


def rules(role: str, shape: Fields) -> dict[str, Rule]:
    """The rule for each field of a table."""
    return {name: rule(role, shape.name, name, door=name in shape.door) for name in shape.types}


def may_send(role: str, kind: str) -> bool:
    """Whether a role may send operations of this kind at all."""
    return KINDS.get((role, kind), False)


def may_say(role: str, table: str, field: str, value: object) -> bool:
    """Whether a role may write this value, if it may write the field."""
    allowed = VALUES.get((role, table, field))
    return allowed is None or value in allowed


def readable(role: str, shape: Fields) -> list[str]:
    """The fields of a table that a role reads, whole or their tail, in the table's order."""
    return [name for name, one in rules(role, shape).items() if one.read != "no"]


def project(role: str, shape: Fields, row: Mapping[str, Any]) -> dict[str, Any] | None:
    """A row as a role may see it: ``id``, ``clock``, ``clocks`` and the fields it reads. None: nothing of it.

    Clocks of what is not read are left out, and the row's is the greatest of the rest; a fact keeps its own. ``clocks`` is text, as it is kept.
    """
    return next(projected(role, shape, [row]))


def projected(role: str, shape: Fields, rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any] | None]:
    """The same for many rows of one table."""
    allowed = {name: one.read for name, one in rules(role, shape).items() if one.read != "no"}
    if len(allowed) == len(shape.types) and all(read == "yes" for read in allowed.values()):
        names = ("id", "clock", "clocks", *shape.types)
        yield from ({name: row[name] for name in names} for row in rows)
        return
    keys = {shape.clock_keys[name] for name in allowed}
    for row in rows:
        yield _narrowed(shape, allowed, keys, row) if allowed else None


def _narrowed(shape: Fields, allowed: Mapping[str, Read], keys: AbstractSet[str], row: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: row[name] if read == "yes" else tail(row[name]) for name, read in allowed.items()}
    clock, clocks = row["clock"], row["clocks"]
    if shape.kind == "put":
        kept = {key: one for key, one in unpack(clocks).items() if key in keys}
        clock, clocks = max(kept.values(), default=None), pack(kept)
    return {"id": row["id"], "clock": clock, "clocks": clocks, **values}


def tail(text: str | None) -> str | None:
    """The last four digits of a phone number: enough to tell two of one name apart, too few to call anybody. Of a shorter one nothing."""
    digits = "".join(letter for letter in text or "" if letter.isdecimal())
    return digits[-TAIL:] if len(digits) > TAIL else None
