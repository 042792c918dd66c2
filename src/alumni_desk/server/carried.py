"""Chapters that laptops carry from a former server, one after the other: which values their writers had seen.

What a laptop carries was base at the former server, and judged there. Here it comes without what its writer saw. So each laptop says once up to which
clock it knows every replica. A value that it replaces here, and that it knew, was judged there; and so was one that it brings and that an earlier one
knew: that one brought what had replaced it. All else nobody has seen beside the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.messages import REPLICAS_SEEN
from alumni_desk.server.bulk import put_rows
from alumni_desk.server.clamping import REPLICA, is_clock, replica


@dataclass(frozen=True)
class Carried:
    """By replica, the greatest clock that the laptop which carries knows, and that those which came before it knew."""

    seen: Mapping[str, str]
    earlier: Mapping[str, str]

    def judged(self, mine: str, there: str, _key: str) -> bool:
        """Whether a value that is carried, and the one that is here, met at the former server already."""
        clock, known = (there, self.seen) if mine >= there else (mine, self.earlier)
        return known.get(replica(clock), "") >= clock


def plain(seen: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """What a laptop said to know, as far as it can be kept."""
    if seen is None:
        return None
    found = {name: clock for name, clock in seen.items() if REPLICA.fullmatch(name) and is_clock(clock) and replica(clock) == name}
    return dict(list(found.items())[:REPLICAS_SEEN])


def keep(connection: sa.Connection, tables: sa.MetaData, scope: str, device: str, seen: Mapping[str, str]) -> None:
    """Note what a laptop that carries knows. The caller holds the head of the scope."""
    put_rows(connection, tables.tables["server_state"], [{"key": f"{_key(scope)}{device}", "value": msgspec.json.encode(seen).decode()}])


def carried(connection: sa.Connection, tables: sa.MetaData, scope: str, device: str, seen: Mapping[str, str]) -> Carried:
    """What it knows beside what those knew that carried before."""
    state = tables.tables["server_state"]
    earlier: dict[str, str] = {}
    for text in connection.execute(sa.select(state.c.value).where(state.c.key.startswith(_key(scope), autoescape=True),
                                                                  state.c.key != f"{_key(scope)}{device}")).scalars():
        for name, clock in msgspec.json.decode(text, type=dict[str, str]).items():
            earlier[name] = max(earlier.get(name, ""), clock)
    return Carried(seen, earlier)


def _key(scope: str) -> str:
    return f"carried:{scope}:"
