"""Makes the database of revision 0013 in this folder; runs with the program of commit 8538e2f (see README.md), never with today's."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import sqlalchemy as sa

from alumni_desk.checkin.actions import check_in, undo_check_in, walk_in
from alumni_desk.gatherings.actions import add_guest_of, add_guests, new_gathering, set_rsvp
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import add_member, change_member, remove_members
from alumni_desk.schema import open_desk
from alumni_desk.store.desk import Desk
from alumni_desk.store.opening import REVISION
from alumni_desk.store.profile import Profile

PEOPLE = (("Łukasz", "Żółć", "1998", "Kraków"), ("Siobhán", "O’Brien", "2004", "Cork"), ("Minh Khai", "Nguyễn", "2011", "Hà Nội"),
          ("Ada", "Lovelace", "1985", "London"), ("Mei-Ling", "Chen", "2019", "Taipei"), ("Zoë", "Müller", "1979", "Köln"),
          ("Bo", "Berg", "2004", "Oslo"), ("Þórður", "Ægisson", "1990", "Reykjavík"))


def main(folder: Path) -> None:
    """A chapter as somebody would leave it: members, an edit, a removal, two gatherings, guests, the door; a third of it at the server, one change refused."""
    assert REVISION == "0013", "run this with the program of that time"
    os.environ["ALUMNI_DESK_PASSPHRASE"] = "three words to remember"
    with open_desk(Profile(folder)) as desk:
        desk.make_chapter("Boston", "Northgate", "America/New_York")
        desk.set_setting("person_name", "Priya")
        fill(desk)
        answer(desk)
        (folder / "expected.json").write_text(json.dumps(content(desk), ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        raw = desk.raw()
        raw.execute("VACUUM")
        raw.close()
    for left in ("desk.lock", ".writable", "desk.outbox", "outbox.lock"):
        (folder / left).unlink(missing_ok=True)


def fill(desk: Desk) -> None:
    ids = [add_member(desk, first_name=first, last_name=last, class_year=year, city=city, email=f"p{n}@example.org").id
           for n, (first, last, year, city) in enumerate(PEOPLE)]
    change_member(desk, ids[0], employer="Acme", city="Salem")
    change_member(desk, ids[1], employer="Acme")
    change_member(desk, ids[1], employer="Umbrella")
    remove_members(desk, [ids[6]])
    dinner = new_gathering(desk, name="Founders’ Dinner", start="2026-11-12T18:30", end="2026-11-12T22:00", capacity="40").id
    new_gathering(desk, name="Spring Picnic", start="2027-05-02T12:00", end="2027-05-02T16:00")
    add_guests(desk, dinner, ids[:5])
    set_rsvp(desk, dinner, [registration_id(dinner, ids[2])], "maybe")
    add_guest_of(desk, dinner, registration_id(dinner, ids[0]))
    check_in(desk, dinner, person_id=ids[0])
    check_in(desk, dinner, person_id=ids[1])
    undo_check_in(desk, dinner, registration_id(dinner, ids[1]), "wrong name")
    walk_in(desk, dinner, "Grace Hopper", email="grace@example.org", consent=True)
    change_member(desk, ids[3], city="Ockham")


def answer(desk: Desk) -> None:
    """What a server would have made of it: some it has taken, one not, one it has answered and the list has not come down since."""
    at = "2026-11-28T10:00:00.000Z"
    with desk.applying() as applying:
        for statement in (
                "UPDATE operation SET fate = 'accepted', sequence = rowid + 100, resolved_at = ? WHERE rowid % 3 = 0",
                "UPDATE operation SET fate = 'refused', sequence = 99, reason = 'denied', resolved_at = ? WHERE fields ->> '$.employer' = 'Acme'"
                " AND rowid = (SELECT max(rowid) FROM operation WHERE fields ->> '$.employer' = 'Acme')"):
            applying.connection.exec_driver_sql(statement, (at,))
        applying.connection.exec_driver_sql("UPDATE operation SET sequence = 98 WHERE rowid = (SELECT min(rowid) FROM operation WHERE fate = 'waiting')")


def content(desk: Desk) -> dict[str, dict[str, object]]:
    """Every row of every synced table and every operation, counted and hashed: what must be the same ever after."""
    found: dict[str, dict[str, object]] = {}
    with desk.reading() as connection:
        for name, table in desk.tables.items():
            if table.info.get("synced"):
                found[name] = told([dict(row) for row in connection.execute(sa.select(table).order_by(table.c.id)).mappings()])
        found["operation"] = told([dict(row) for row in connection.exec_driver_sql("SELECT * FROM operation ORDER BY rowid").mappings()])
        found["operation"]["waiting"] = connection.exec_driver_sql("SELECT count(*) FROM operation WHERE fate = 'waiting'").scalar()
    return found


def told(rows: list[dict[str, object]]) -> dict[str, object]:
    """How many rows, the fields that they have, and what all their values hash to."""
    whole = json.dumps(rows, ensure_ascii=False, sort_keys=True).encode()
    return {"rows": len(rows), "fields": sorted(rows[0]) if rows else [], "sha256": hashlib.sha256(whole).hexdigest()}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
