"""Who may read and write what: one table, asked by push, pull and every later way that data takes.

A rule names role, table and field; ``*`` stands for any. The most exact rule wins: table and field before table alone
before neither. A role without a rule may do nothing.
"""

from __future__ import annotations

from typing import NamedTuple

POLICY_VERSION = 1

ROLES = ("admin", "leader")


class Rule(NamedTuple):
    """What a role may do with a field."""

    read: bool
    write: bool


NOTHING = Rule(read=False, write=False)

FIELDS: dict[tuple[str, str, str], Rule] = {
    ("admin", "*", "*"): Rule(read=True, write=True),
    ("admin", "chapter", "sample"): Rule(read=True, write=False),
    ("leader", "*", "*"): Rule(read=True, write=True),
    ("leader", "chapter", "sample"): Rule(read=True, write=False),
}

KINDS: dict[tuple[str, str], bool] = {
    ("admin", "put"): True,
    ("admin", "fact"): True,
    ("leader", "put"): True,
    ("leader", "fact"): True,
}


def rule(role: str, table: str, field: str, *, known: bool = True) -> Rule:
    """The rule for a field. A field that this version does not know may be read by admins and leaders only."""
    if not known:
        return Rule(read=role in ("admin", "leader"), write=False)
    for key in ((role, table, field), (role, table, "*"), (role, "*", field), (role, "*", "*")):
        found = FIELDS.get(key)
        if found is not None:
            return found
    return NOTHING


def may_send(role: str, kind: str) -> bool:
    """Whether a role may send operations of this kind at all."""
    return KINDS.get((role, kind), False)
