"""What removed laptops had not sent, set aside at the server: looked at, then released or thrown away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alumni_desk.errors import Ambiguous, NotFound
from alumni_desk.protocol.messages import Released, ScopeRequest, SetAsideReply, SetAsideRow
from alumni_desk.protocol.values import TEXT_LIMIT, fits
from alumni_desk.store.desk import Desk
from alumni_desk.sync.asking import Line, line_of, moment
from alumni_desk.sync.refused import Change, change_words
from alumni_desk.sync.shapes import shapes
from alumni_desk.sync.wire import Wire
from alumni_desk.words import _, ngettext, number


@dataclass(frozen=True)
class SetAside:
    """Changes of one laptop (``device``: its id) that wait for a leader. ``received``: ISO 8601 UTC; ``reason``: revoked or unknown, ``why`` the
    same in a sentence; ``count``: how many changes; ``what``: the first of them in words, a line each, in their order; ``more``: how many are not
    among these; ``erases``: how many people it would erase for good.
    """

    id: str
    device: str
    laptop: str
    who: str | None
    received: str
    reason: str
    why: str
    count: int
    what: tuple[str, ...]
    more: int
    erases: int = 0


@dataclass(frozen=True)
class Looked:
    """What became of it: how many changes count now, and how many were not taken."""

    taken: int
    refused: int


def set_aside(desk: Desk, *, wire: Wire | None = None) -> list[SetAside]:
    """What the chapter has set aside, the newest first."""
    with line_of(desk, wire) as line:
        return _all(line)


def find(desk: Desk, text: str, *, wire: Wire | None = None) -> SetAside:
    """The one whose id is this, or begins so."""
    with line_of(desk, wire) as line:
        return _one_of(_all(line), text)


def whole(desk: Desk, text: str, *, wire: Wire | None = None) -> SetAside:
    """One of them with everything that is in it. ``text``: its id, or how it begins."""
    with line_of(desk, wire) as line:
        rows = _listed(line)
        wanted = _one_of(_in_words(line, rows), text)
        if not wanted.more:
            return wanted
        found = line.call(f"set-aside/{wanted.id}/changes", ScopeRequest(line.scope), SetAsideReply).parcels
        return _in_words(line, found, rows)[0]


def release(desk: Desk, text: str, *, wire: Wire | None = None) -> Looked:
    """Have it judged as of now, by the role that the laptop had; the next sync brings here what counts. ``text``: its id, or how it begins."""
    return _look(desk, text, "release", wire)


def discard(desk: Desk, text: str, *, wire: Wire | None = None) -> Looked:
    """Throw it away for good."""
    return _look(desk, text, "discard", wire)


def _look(desk: Desk, text: str, deed: str, wire: Wire | None) -> Looked:
    with line_of(desk, wire) as line:
        wanted = _one_of(_all(line), text)
        done = line.call(f"set-aside/{wanted.id}/{deed}", ScopeRequest(line.scope), Released)
        return Looked(done.taken, done.refused)


def _one_of(found: list[SetAside], text: str) -> SetAside:
    fits = [one for one in found if len(text) >= 4 and one.id.startswith(text.lower())]
    if not fits:
        raise NotFound("no_such_parcel", _("Nothing is set aside under {id}. See: set-aside."), id=text)
    if len(fits) > 1:
        raise Ambiguous("several_parcels", _("{count} of them begin with {id}. Give more of it."), candidates=[one.id for one in fits],
                        count=len(fits), id=text)
    return fits[0]


def _all(line: Line) -> list[SetAside]:
    return _in_words(line, _listed(line))


def _listed(line: Line) -> list[SetAsideRow]:
    return line.call("set-aside", ScopeRequest(line.scope), SetAsideReply).parcels


def _in_words(line: Line, rows: Sequence[SetAsideRow], others: Sequence[SetAsideRow] = ()) -> list[SetAside]:
    beside = [change for one in reversed([*rows, *others]) for change in _changes(one)]  # whom one parcel adds another may let in
    return [SetAside(id=one.id, device=one.device, laptop=one.name or one.device[:8], who=one.who, received=moment(one.received) or "", reason=one.reason,
                     why=why(one.reason), count=one.operations, what=_words(line.desk, one, beside),
                     more=one.operations - len(one.changes), erases=len({change.row for change in one.changes if change.kind == "command"}))
            for one in rows]


def erases_words(one: SetAside) -> str:
    """What is to be known before it is released, where somebody is erased by it; empty where nobody is."""
    if not one.erases:
        return ""
    return ngettext(
        "Releasing this erases {n} person for good, on every laptop, and there is no undo. Its changes count together; to keep the person, throw it away.",
        "Releasing this erases {n} people for good, on every laptop, and there is no undo. Its changes count together; to keep the people, throw it away.",
        one.erases).format(n=number(one.erases))


def why(reason: str) -> str:
    """Why it was set aside, in a sentence."""
    if reason == "revoked":
        return _("The laptop that this comes from is removed, so a leader looks at it first.")
    return _("The server does not know the laptop that made this.")


def _words(desk: Desk, row: SetAsideRow, beside: Sequence[Change]) -> tuple[str, ...]:
    return tuple(change_words(desk, _changes(row), beside))


def _changes(row: SetAsideRow) -> list[Change]:
    return [(one.kind, one.table, one.row, _as_kept(one.table, one.fields)) for one in row.changes]


def _as_kept(table: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields with values of their kinds, so that they can be put into words: nobody has judged yet what stands in them."""
    types = shapes()[table].types if table in shapes() else {}
    return {name: value if fits(value, types.get(name, "text")) else str(value)[:TEXT_LIMIT] if types.get(name, "text") == "text" else None
            for name, value in fields.items()}
