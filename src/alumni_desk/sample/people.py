"""Made-up members: names of many peoples and scripts, degrees, households, wishes and troubles as a real list has them."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any

from alumni_desk.store.search import fold

SPACE = uuid.UUID("5b9a2c1e-7d0f-5e7b-8a3c-4d2e9f6a1b00")


STUDENT = 22
"""How old somebody is in their class year."""

PARENT = 18
"""How old a parent is at least when a child is born."""


@dataclass
class People:
    """Rows for the person, education and household tables."""

    persons: list[dict[str, Any]] = field(default_factory=list)
    educations: list[dict[str, Any]] = field(default_factory=list)
    households: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Maker:
    """Where chance and ids come from: the seed alone."""

    seed: int
    random: Random
    lists: dict[str, Any]
    today: date

    def id(self, *what: object) -> str:
        """The id of a thing of the sample."""
        return str(uuid.uuid5(SPACE, f"{self.seed}/{'/'.join(str(one) for one in what)}"))


_COLUMNS = ("standing", "constituent_codes", "first_name", "last_name", "preferred_name", "other_script_name", "former_names", "class_year",
            "badge_tail", "email", "email_status", "other_emails", "mobile", "street", "city", "region", "postal_code", "country",
            "employer", "job_title", "birth_date", "deceased",
            "deceased_date", "solicit_codes", "notes", "door_note", "household", "external_ids")


def make_people(maker: Maker, count: int) -> People:
    """So many members. Two of a household follow each other."""
    people, names = People(), _names(maker)
    partner: dict[str, Any] | None = None
    for number in range(count):
        row = _person(maker, number, next(names))
        if partner is not None:
            _marry(maker, people, partner, row)
            partner = None
        elif maker.random.random() < 0.06:
            partner = row
        people.persons.append(row)
        people.educations += _educations(maker, number, row)
    return people


def _names(maker: Maker) -> Iterator[dict[str, Any]]:
    peoples = maker.lists["peoples"]
    weights = [one["weight"] for one in peoples]
    # Everybody's script is there, however few members are asked for; from then on by weight.
    for one in peoples:
        yield _name(maker.random, one)
    while True:
        yield _name(maker.random, maker.random.choices(peoples, weights)[0])


def _name(random: Random, people: dict[str, Any]) -> dict[str, Any]:
    pairs = people.get("pairs", [])
    if "given" in people and (not pairs or random.random() < 0.9):
        (first, own), (last, family) = random.choice(people["given"]), random.choice(people["family"])
        return {"first_name": first, "last_name": last, "other_script_name": f"{family}{own}" if people.get("family_first") else f"{own} {family}"}
    if pairs:
        first, last, other = random.choice(pairs)
        return {"first_name": first, "last_name": last, "other_script_name": other or None}
    first, last = random.choice(people["first"]), random.choice(people["last"])
    if not isinstance(last, str):  # a family name that says whether a man or a woman bears it
        last = last[first in people["women"]]
    nick = people.get("nick", {}).get(first) if random.random() < 0.7 else None
    return {"first_name": first, "last_name": last or None, "preferred_name": nick}


def _person(maker: Maker, number: int, name: dict[str, Any]) -> dict[str, Any]:
    random, lists, today = maker.random, maker.lists, maker.today
    row: dict[str, Any] = {**dict.fromkeys(_COLUMNS), **name, "id": maker.id("person", number), "standing": "member"}
    kind = random.choices(("alumnus", "parent", "friend", "student"), (88, 6, 4, 2))[0]
    row["constituent_codes"] = _many([kind])
    if kind == "alumnus":
        row["class_year"] = min(today.year, int(random.triangular(today.year - 58, today.year, today.year - 14)))
    elif kind == "student":
        row["class_year"] = today.year + random.randint(0, 3)
    born = (row["class_year"] or today.year - random.randint(0, 30)) - STUDENT
    if kind == "parent" or (kind == "alumnus" and random.random() < 0.07):
        child = today.year + random.randint(-12, 4)
        if kind == "parent":
            born = child - STUDENT - random.randint(PARENT, 40)
        if child - STUDENT - born >= PARENT:
            row["badge_tail"] = f"P’{child % 100:02d}"
    row["city"] = random.choice(lists["cities"])
    row["region"] = lists["regions"].get(row["city"], "IL")
    row["country"] = "USA"
    row["street"] = f"{random.randint(1, 990)} {random.choice(lists['streets'])}"
    row["postal_code"] = f"{random.randint(46000, 60700)}"
    _reach(random, row, number)
    if random.random() < 0.75:
        row["employer"], row["job_title"] = random.choice(lists["employers"]), random.choice(lists["jobs"])
    if random.random() < 0.6:
        row["birth_date"] = date(born, random.randint(1, 12), random.randint(1, 28)).isoformat()
    row["external_ids"] = _many([f"raisers-edge:{100000 + number}"])
    _wishes(random, row, today)
    if name["first_name"] in ("Emma", "Olivia", "Susan", "Laura", "Rachel", "Grace") and name.get("last_name") and random.random() < 0.4:
        row["former_names"] = _many([f"{name['first_name']} {random.choice(lists['peoples'][0]['last'])}"])
    if random.random() < 0.05:
        row["notes"] = random.choice(lists["notes"])
    return row


def _reach(random: Random, row: dict[str, Any], number: int) -> None:
    if random.random() < 0.94:
        local = _ascii(f"{row['first_name']}.{row['last_name'] or ''}").strip(".") or "member"
        row["email"] = f"{local}{number}@example.org"
        if random.random() < 0.03:
            row["email_status"] = "bounced"
        if random.random() < 0.05:
            row["other_emails"] = _many([f"{local}{number}@example.com"])
    if random.random() < 0.8:
        row["mobile"] = f"+1 312 555 {random.randint(100, 199):04d}"


def _wishes(random: Random, row: dict[str, Any], today: date) -> None:
    if random.random() < 0.02 and (row["class_year"] or 0) < today.year - 1:
        row["deceased"] = True
        year = max(today.year - random.randint(1, 9), (row["class_year"] or 0) + 1)
        row["deceased_date"] = date(year, random.randint(1, 12), random.randint(1, 28)).isoformat()
    chance = random.random()
    if chance < 0.015:
        row["solicit_codes"] = _many(["do_not_contact"])
    elif chance < 0.05:
        row["solicit_codes"] = _many([random.choice(("do_not_email", "do_not_call", "do_not_mail", "do_not_solicit"))])


def _marry(maker: Maker, people: People, one: dict[str, Any], other: dict[str, Any]) -> None:
    household = maker.id("household", len(people.households))
    for name in ("street", "city", "region", "postal_code", "country"):
        other[name] = one[name]
    one["household"] = other["household"] = household
    first, second = one["preferred_name"] or one["first_name"], other["preferred_name"] or other["first_name"]
    people.households.append({
        "id": household, "name": " & ".join(dict.fromkeys(name for name in (one["last_name"], other["last_name"]) if name)) or first,
        "formal_greeting": f"{first} {one['last_name'] or ''} and {second} {other['last_name'] or ''}".replace("  ", " ").strip(),
        "informal_greeting": f"{first} & {second}"})


def _educations(maker: Maker, number: int, row: dict[str, Any]) -> list[dict[str, Any]]:
    random, lists = maker.random, maker.lists
    if not row["class_year"]:
        return []
    found = []
    degree, major = random.choice(lists["degrees"][:7])
    found.append({"id": maker.id("education", number, 0), "person": row["id"], "school": random.choice(lists["schools"][:3]), "degree": degree,
                  "major": major or None, "class_year": row["class_year"], "is_primary": True,
                  "name_at_graduation": json.loads(row["former_names"])[0] if row["former_names"] else None})
    if random.random() < 0.18 and row["class_year"] + 2 <= maker.today.year:
        degree, major = random.choice(lists["degrees"][7:])
        found.append({"id": maker.id("education", number, 1), "person": row["id"], "school": random.choice(lists["schools"][3:]), "degree": degree,
                      "major": major or None, "class_year": min(maker.today.year, row["class_year"] + random.randint(2, 6)), "is_primary": False,
                      "name_at_graduation": None})
    return found


def _many(texts: list[str]) -> str:
    return json.dumps(texts, ensure_ascii=False, separators=(",", ":"))


def _ascii(text: str) -> str:
    return re.sub(r"[^a-z.]", "", fold(text).replace(" ", "."))
