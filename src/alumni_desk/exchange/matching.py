"""Finds who in the desk a row of a file is: by office ID, by e-mail and name, else by full name and class year."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from alumni_desk.exchange.mapping import ADDRESS, MANY
from alumni_desk.members.roots import stand_in
from alumni_desk.store.listed import texts
from alumni_desk.store.search import fold as fold_anew

fold = lru_cache(maxsize=20_000)(fold_anew)  # names repeat, and each is compared several times

_WEAK = frozenset(("id", "uid", "record", "user"))  # every list numbers its rows: not an office's own IDs
_UNIQUE_PARTS = ("first_name", "last_name", "preferred_name", "other_script_name")
_NAMES = frozenset((*_UNIQUE_PARTS, "middle_name"))


def listed(text: str | None) -> list[str]:
    """The texts of a many-valued field as the database holds it."""
    return texts(text)


def known_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """A person's row with its many-valued fields as lists."""
    fields = dict(row)
    for name in MANY:
        if fields.get(name):
            fields[name] = listed(fields[name])
    return fields


class Index:
    """Match keys of everybody in the desk and of whom this run adds, small enough for a whole university.

    A key is a number; what a key finds is always compared with the person's real values before it counts.
    """

    def __init__(self) -> None:
        self.parts: dict[str, list[str]] = {}  # entries that were merged, by the one that stands in the list for them
        self._places: dict[str, int] = {}
        self._ids: list[str] = []
        self._found: dict[int, int | tuple[int, ...]] = {}
        self._claimed = bytearray()

    def load(self, connection: sa.Connection, person: sa.Table) -> None:
        """Adds everybody in the desk; what is known of an entry that was merged leads to the one that stands in the list for it."""
        columns = [person.c[name] for name in (*_UNIQUE_PARTS, "class_year", "email", "other_emails", "external_ids")]
        query = sa.select(person.c.id, *columns).where(person.c.gone.is_(False))
        stands_in = stand_in(connection)
        for row in connection.execute(query.execution_options(yield_per=2000)).mappings():
            listed_as = stands_in.get(row["id"], row["id"])
            if listed_as is not None:
                self.add(listed_as, keys(known_fields(dict(row))))
                if listed_as != row["id"]:
                    self.parts.setdefault(listed_as, []).append(row["id"])

    def add(self, person_id: str, wanted: Iterable[int]) -> None:
        """Makes a person findable by these keys."""
        place = self._places.get(person_id)
        if place is None:
            place = self._places[person_id] = len(self._ids)
            self._ids.append(person_id)
            self._claimed.append(0)
        for key in wanted:
            before = self._found.get(key)
            if before is None:
                self._found[key] = place
            elif isinstance(before, int):
                if before != place:
                    self._found[key] = (before, place)
            elif place not in before and len(before) < 50:
                self._found[key] = (*before, place)

    def candidates(self, wanted: Iterable[int]) -> list[str]:
        """Ids of those who share one of these keys, the surest key first."""
        places: dict[int, None] = {}
        for key in wanted:
            found = self._found.get(key)
            if isinstance(found, int):
                places[found] = None
            elif found:
                places.update(dict.fromkeys(found))
        return [self._ids[place] for place in places]

    def listed_as(self, person_id: str) -> str | None:
        """The one who stands in the list for this entry; None if it is there no more."""
        if person_id in self._places:
            return person_id
        return next((whole for whole, parts in self.parts.items() if person_id in parts), None)

    def claim(self, person_id: str) -> None:
        """Remembers that a row of this file was about this person."""
        self._claimed[self._places[person_id]] = 1

    def claimed(self, person_id: str) -> bool:
        return bool(self._claimed[self._places[person_id]])


def keys(fields: Mapping[str, Any]) -> list[int]:
    """The numbers under which a person is found: office IDs, e-mail addresses, full name with class year."""
    found = [hash(("id", external)) for external in fields.get("external_ids") or ()]
    found += [hash(("email", address)) for address in _emails(fields)]
    year, last = fields.get("class_year") or 0, fold(fields.get("last_name") or "")
    found += [hash(("name", first, last, year)) for first in _first_names(fields)]
    return found


Candidate = tuple[str, Mapping[str, Any]]
"""Somebody in the desk, and what is known of them; what an entry said that is part of theirs now stands beside it, under their id."""


def match(fields: Mapping[str, Any], candidates: Iterable[Candidate], index: Index) -> Candidate | None:
    """The one candidate that the row is about, or None when there is none or it cannot be told.

    Two different IDs of one system are two people, whatever else is equal.
    """
    possible = [(id_, known) for id_, known in candidates if not _other_id(fields, known, index.claimed(id_))]
    own_ids = set(fields.get("external_ids") or ())
    for id_, known in possible:
        shared = own_ids & set(known.get("external_ids") or ())
        if shared and (_compatible(fields, known) or any(_system(external) not in _WEAK for external in shared)):
            return id_, known
    own_emails = _emails(fields)
    # In one file two last names are two people, as Johns who share their firm's address; across files somebody has married.
    by_email = [(id_, known) for id_, known in possible if own_emails & _emails(known) and _compatible(fields, known)
                and not (index.claimed(id_) and _other_last_name(fields, known))]
    if len(by_email) > 1:
        named = [one for one in by_email if _same_name(fields, one[1])]
        by_email = named or by_email
    if by_email:
        return by_email[0]
    named = [(id_, known) for id_, known in possible if _same_name(fields, known)
             and (fields.get("class_year") or 0) == (known.get("class_year") or 0)]
    # In one file two namesakes with two addresses are two people; across files it is a new address.
    named = [(id_, known) for id_, known in named
             if not (index.claimed(id_) and own_emails and _emails(known))]
    if fields.get("class_year"):
        free = [one for one in named if not index.claimed(one[0])]
        for some in (named, free):
            if len({id_ for id_, _known in some}) == 1:
                return some[0]
    same = [one for one in named if not differences(fields, one[1])]
    return next((one for one in same if not index.claimed(one[0])), same[0] if same else None)


def differences(fields: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """What a row changes in a person: filled fields that differ; lists only grow; a "no" never takes back a "yes".

    A name that only lost its accents or capitals on the way through another program stays as it is.
    A new street or postal code replaces the whole address, so that no part of the old one remains.
    """
    changed: dict[str, Any] = {}
    for name, value in fields.items():
        before = known.get(name)
        if name in MANY:
            if name == "other_emails":
                taken = {address.lower() for address in [*(before or []), known.get("email") or ""]}
                more = [address for address in value if address.lower() not in taken]
            else:
                more = [item for item in value if item not in (before or [])]
            if more:
                changed[name] = [*(before or []), *more]
        elif name == "email":
            if value.lower() not in {address.lower() for address in [before or "", *(known.get("other_emails") or [])]}:
                changed["email"] = value
                if known.get("email_status"):
                    changed["email_status"] = None
        elif value != before and not (name in _NAMES and before and fold(value) == fold(before)):
            changed[name] = value
    if "email" in changed and known.get("email"):
        others = changed.get("other_emails", known.get("other_emails") or [])
        changed["other_emails"] = [*others, known["email"]]
    if any(known.get(part) and part in changed for part in ("street", "postal_code")):
        changed.update((part, None) for part in ADDRESS if part not in fields and known.get(part))
    return changed


def _emails(fields: Mapping[str, Any]) -> set[str]:
    addresses = [fields.get("email"), *(fields.get("other_emails") or ())]
    return {address.lower() for address in addresses if address}


def _first_names(fields: Mapping[str, Any]) -> set[str]:
    names = {fold(fields[name]) for name in ("first_name", "preferred_name") if fields.get(name)}
    if not names and not fields.get("last_name") and fields.get("other_script_name"):
        return {fold(fields["other_script_name"])}
    return names or ({""} if fields.get("last_name") else set())


def _same_name(fields: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    firsts = _first_names(fields)
    return bool(firsts & _first_names(known)) and \
        fold(fields.get("last_name") or "") == fold(known.get("last_name") or "")


def _compatible(fields: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether two names can be one person's: one has none, or the first names fit (a couple shares an address)."""
    ours, theirs = _first_names(fields) - {""}, _first_names(known) - {""}
    if not ours or not theirs:
        return True
    return any(a.split()[0] == b.split()[0] or (_initial(a, b) and a[0] == b[0])
               for a in ours for b in theirs if a.strip() and b.strip())


def _other_last_name(fields: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    ours, theirs = (set(fold(one.get("last_name") or "").replace("-", " ").split()) for one in (fields, known))
    return bool(ours and theirs) and not (ours <= theirs or theirs <= ours)


def _initial(one: str, other: str) -> bool:
    return min(len(one.rstrip(".")), len(other.rstrip("."))) == 1


def _system(external: str) -> str:
    return external.split(":", 1)[0]


def _other_id(fields: Mapping[str, Any], known: Mapping[str, Any], same_file: bool) -> bool:
    """Whether both have IDs of one system and none in common; rows' numbers only count within one file."""
    ours, theirs = fields.get("external_ids"), known.get("external_ids")
    if not ours or not theirs or set(ours) & set(theirs):
        return False
    shared = {_system(external) for external in ours} & {_system(external) for external in theirs}
    return bool(shared if same_file else shared - _WEAK)
