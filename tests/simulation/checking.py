"""The invariants of the sync, each check with its number. What they compare with is computed here, never asked of the code under test."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection
from typing import Any

from alumni_desk.protocol.clocks import unpack
from simulation import disks
from simulation.holding import hold
from simulation.laptop import Laptop
from simulation.ledger import Ledger
from simulation.office import Office
from simulation.world import World

AHEAD_MS = 5 * 60_000
ADDRESS = ("street", "city", "region", "postal_code", "country")
TABLES = ("chapter", "person", "education", "household", "gathering", "registration", "fact", "import_run")
ACCEPTED = ("ok", "stale", "clamped")
MOVING = ["person", "education", "household"]
AS_MOVED = ("badge_name", "badge_tail", "meal", "door_note", "status")
"""What the server itself changes of a registration when its person moves."""


def tables_of(laptop: Laptop) -> list[str]:
    """The synced tables."""
    return [name for name, table in laptop.desk.tables.items() if table.info.get("synced")]


def rows_of_server(office: Office, scope: str, tables: list[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """Every row that the server has."""
    return {(name, row["id"]): dict(row) for name in tables for row in office.rows(f'SELECT * FROM "{name}" WHERE scope = ?', scope)}


def rows_of_laptop(laptop: Laptop, tables: list[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """Every row that the laptop shows."""
    return {(name, row["id"]): dict(row) for name in tables for row in laptop.rows(f'SELECT * FROM "{name}"')}


def _same(here: dict[str, Any], there: dict[str, Any]) -> list[str]:
    """The columns in which two rows differ."""
    names = [name for name in there if name != "clocks" and here.get(name) != there[name]]
    if unpack(here.get("clocks")) != unpack(there.get("clocks")):
        names.append("clocks")
    return names


def own_writes_are_seen(laptop: Laptop, ledger: Ledger) -> None:
    """5: one's own write stays visible until it is resolved and pulled."""
    if laptop.ended:
        return  # what waits is kept for the sync alone
    last: dict[tuple[str, str], dict[str, tuple[str, Any]]] = defaultdict(dict)
    of_others: dict[tuple[str, str], set[str]] = defaultdict(set)  # what a peer wrote may be later, and is looked at where it counts
    for row in laptop.rows("SELECT id, table_name, row_id, fields, queue FROM operation_now WHERE fate = 'waiting' AND kind <> 'command' ORDER BY rowid"):
        for name, value in json.loads(row["fields"]).items():
            if row["queue"] == "peer":
                of_others[row["table_name"], row["row_id"]].add(name)
            else:
                last[row["table_name"], row["row_id"]][name] = (row["id"], value)
    into = {row["id"]: row["merged_into"] for row in laptop.rows("SELECT id, merged_into FROM person WHERE merged_into IS NOT NULL")}
    nobody_is_part_of_themselves(into, laptop.name)
    erased = {row["id"] for row in laptop.rows("SELECT id FROM erased")}
    gives_way = {one for row in laptop.rows("SELECT value FROM sync_state WHERE key = 'circles'") for one in json.loads(row["value"])}
    for (table, row_id), fields in last.items():
        found = laptop.rows(f'SELECT * FROM "{table}" WHERE id = ?', row_id)
        new = {name: value for name, (one, value) in fields.items() if one not in ledger.accepted_once}
        hold(5, bool(found) or not new, f"{laptop.name} does not show its own row {table} {row_id}")
        for name, value in new.items():
            if name == "gone" and row_id in erased:
                continue  # whoever was erased is not brought back, whatever somebody wrote
            if name == "status" and table == "registration" and found[0]["person"] in erased and found[0][name] == "cancelled":
                continue  # nor expected on a list to come
            if name in of_others[table, row_id] or (name == "merged_into" and row_id in gives_way):
                continue  # of two merges the opposite ways the later does nothing
            hold(5, found[0][name] == value, f"{laptop.name} shows {table}.{name} = {found[0][name]!r}, and {value!r} was written and waits")


def _whole(into: dict[str, str], person: str) -> list[str]:
    """This entry and those that it is part of, one after the other."""
    found = [person]
    while (after := into.get(found[-1])) is not None and after not in found:
        found.append(after)
    return found


def nobody_is_part_of_themselves(into: dict[str, str], where: str) -> None:
    """Of merges the opposite ways round the second does nothing: else no list would show either."""
    for person in into:
        hold(4, into.get(_whole(into, person)[-1]) is None, f"on {where} {person} is part of themselves, so nobody is shown")


def has_something_to_send(laptop: Laptop) -> bool:
    """Whether anything on a laptop waits for the server."""
    return bool(laptop.rows("SELECT 1 FROM operation_now WHERE fate = 'waiting' UNION SELECT 1 FROM sync_state WHERE key = 'rebuilding'"
                            " UNION SELECT 1 FROM parcel WHERE resolved IS NULL"))


def is_level(laptop: Laptop, office: Office) -> bool:
    """Whether a laptop stands where the server does and has nothing to send, so that a sync would move nothing."""
    place = laptop.rows("SELECT id, cursor, chain FROM scope")[0]
    there = office.rows("SELECT head, chain FROM feed_head WHERE scope = ?", place["id"])[0]
    unfinished = laptop.rows("SELECT 1 FROM sync_state WHERE key = 'scrubbing'")
    return (place["cursor"], place["chain"]) == (there["head"], there["chain"]) and not unfinished and not has_something_to_send(laptop)


def the_check_found_nothing(laptop: Laptop) -> None:
    """1: what the daily check against the server had to fetch again was lost by a bug before, whatever it looks like now."""
    for row in laptop.rows("SELECT json_extract(value, '$.mended') AS mended, json_extract(value, '$.identical') AS same"
                           " FROM sync_state WHERE key = 'checked'"):
        hold(1, row["same"] and not row["mended"], f"the check against the server mended {row['mended']} parts on {laptop.name}")


def nothing_is_missing(laptop: Laptop, office: Office) -> bool:
    """8 and 1: what the feed has up to the cursor is here as the server has it. Returns whether the laptop is caught up."""
    place = laptop.rows("SELECT id, cursor, chain FROM scope")[0]
    scope, cursor = place["id"], place["cursor"]
    there = office.rows("SELECT chain FROM feed_chain WHERE scope = ? AND sequence >= ? ORDER BY sequence LIMIT 1", scope, cursor)
    if cursor and (not there or there[0]["chain"] != place["chain"]):
        return False  # another timeline: the next contact begins again
    if laptop.gathering:
        return _the_door_sees(laptop, office, scope, cursor)
    tables = tables_of(laptop)
    server, here = rows_of_server(office, scope, tables), rows_of_laptop(laptop, tables)
    waits = {(row["table_name"], row["row_id"]) for row in laptop.rows("SELECT DISTINCT table_name, row_id FROM operation_now WHERE fate = 'waiting'")}
    bases = {(row["table_name"], row["row_id"]): json.loads(row["base"]) for row in laptop.rows("SELECT table_name, row_id, base FROM shadow")}
    for entry in office.rows("SELECT table_name, row_id FROM feed WHERE scope = ? AND audience = 'chapter' AND sequence <= ?", scope, cursor):
        key = entry["table_name"], entry["row_id"]
        if key not in server:
            hold(8, key not in here or key in waits, f"{laptop.name} has {key}, which was removed so long ago that nobody has it any more")
        elif key in bases:
            base = bases[key]
            wrong = [name for name in _same(base, server[key]) if name not in ("id", "scope")]
            hold(8, not wrong, f"{laptop.name} keeps another base of {key} than the server at its cursor: {wrong}")
        elif key not in waits:
            hold(8, key in here, f"{laptop.name} lacks {key} at cursor {cursor}")
            wrong = _same(here[key], server[key])
            hold(1, not wrong, f"{laptop.name} has {key} otherwise than the server: "
                 + ", ".join(f"{name} {here[key].get(name)!r} for {server[key][name]!r}" for name in wrong))
    head = office.rows("SELECT head FROM feed_head WHERE scope = ?", scope)[0]["head"]
    rebuilding = laptop.rows("SELECT 1 FROM sync_state WHERE key = 'rebuilding'")
    if cursor == head and not waits and not rebuilding:
        hold(1, here.keys() == server.keys(), f"{laptop.name} has other rows than the server: {sorted(here.keys() ^ server.keys())[:3]}")
        return True
    return False


def the_server_is_right(office: Office, scope: str, ledger: Ledger, world: World, tables: list[str]) -> None:
    """3, 4, 6, 14 and 15: the server's rows are what its accepted operations make of them, each counted once."""
    results = {row["id"]: dict(row) for row in office.rows("SELECT id, status, reason, clock, received_at FROM operation_result WHERE scope = ?", scope)}
    server = rows_of_server(office, scope, tables)
    fields: dict[tuple[str, str], dict[str, tuple[str, str, Any]]] = defaultdict(dict)
    facts: dict[str, dict[str, Any]] = {}
    codes: dict[str, set[tuple[Any, str]]] = defaultdict(set)
    by_doors: set[str] = set()
    assigned: dict[str, dict[str, str]] = defaultdict(dict)
    forbidden = {made["transaction_id"] for made in ledger.made.values() if made["table_name"] == "chapter" and "sample" in made["fields"]}
    erased = {(row["table_name"], row["row_id"]) for row in office.rows("SELECT table_name, row_id FROM erased WHERE scope = ? AND kept IS NULL", scope)}
    away = {(row["table_name"], row["row_id"]) for row in office.rows("SELECT table_name, row_id FROM erased WHERE scope = ? AND moved_to IS NOT NULL", scope)}
    merged = {ledger.made[one]["transaction_id"] for one, result in results.items()
              if (result["reason"] in ("merged_already", "merged_erased") or result["status"] in ("erased", "moved"))
              and one in ledger.made and ledger.made[one]["fields"].get("merged_into")}
    nobody_is_part_of_themselves({row["id"]: row["merged_into"] for (table, _id), row in server.items() if table == "person" and row["merged_into"]},
                                 "the server")
    for one, result in results.items():
        made = ledger.made.get(one)
        hold(9, made is not None, f"the server took an operation that nobody made: {one}")
        if made is None or result["status"] not in ACCEPTED:
            at_door = made is not None and made["laptop"].startswith(("door", "twin")) and made["kind"] == "put"
            if result["status"] == "erased":
                named = made is not None and ("person", made["fields"].get("person")) in erased
                hold(11, made is None or named or (made["table_name"], made["row_id"]) in erased, f"nobody erased that: {made}")
                continue
            if result["status"] == "moved":
                about = {(made["table_name"], made["row_id"]), *(("person", made["fields"].get(name)) for name in ("person", "merged_into"))} if made else set()
                lists = {row["person"] for row in office.rows("SELECT person FROM registration WHERE id = ?", made["row_id"])} if made else set()
                hold(9, made is None or bool({*about, *(("person", one) for one in lists)} & ledger.moved.keys()), f"nobody moved whom that is about: {made}")
                continue
            twice = made is not None and made["transaction_id"] in merged
            late = result["reason"] in ("removed", "transaction") and bool(ledger.cleared)
            hold(13, made is None or made["transaction_id"] in forbidden or at_door or late or twice, f"an honest operation was refused: {result}, {made}")
            continue
        if made["kind"] == "command":
            continue
        hold(9, made["transaction_id"] not in forbidden or made["kind"] == "fact", f"what the policy denies was taken, or a part of it: {made}")
        counts = result["clock"] or made["clock"]
        hold(14, int(counts[:12], 16) <= result["received_at"] + AHEAD_MS, f"{counts} was taken at {result['received_at']:012x}")
        assigned[made["clock"].rsplit("-", 1)[1]][made["clock"]] = counts
        if made["kind"] == "fact":
            facts[made["row_id"]] = {**made["fields"], "clock": counts}
            continue
        row = fields[made["table_name"], made["row_id"]]
        if made["table_name"] == "registration" and "code" in made["fields"]:
            codes[made["row_id"]].add((made["fields"]["code"], counts))
            if made["laptop"].startswith(("door", "twin")):
                by_doors.add(made["row_id"])
        for name, value in made["fields"].items():
            if name not in row or (counts, one) >= row[name][:2]:
                row[name] = (counts, one, value)
    for replica, clocks in assigned.items():
        order = [clocks[original] for original in sorted(clocks)]
        hold(4, order == sorted(order) and len(set(order)) == len(order), f"clocks of {replica} changed their order or tie")
    for key, row in fields.items():
        if key in ledger.cleared:  # it was removed, and an older word of it finds nothing to be compared with
            continue
        hold(4, key in server, f"the server has no row {key}")
        if key in erased or key[0] == "household" or key in away:
            continue
        cleared = AS_MOVED if key[0] == "registration" and ("person", server[key]["person"]) in ledger.moved else ()
        for name, (counts, _one, value) in row.items():
            if name in cleared:
                continue
            there = server[key][name]
            if key[0] == "registration" and name == "code" and key[1] in by_doors:  # a door changes none that stands: which came first is not in any clock
                hold(4, (there, unpack(server[key]["clocks"]).get(name)) in codes[key[1]], f"{key} has a code that nobody gave: {there!r}")
                continue
            hold(4, (bool(there) if isinstance(value, bool) else there) == value, f"{key} {name} is {there!r}, and the greatest clock says {value!r}")
            group = "address" if key[0] == "person" and name in ADDRESS else name
            hold(4, unpack(server[key]["clocks"]).get(group) == counts, f"{key} {name} has another clock than its value's")
    for row_id, fact in facts.items():
        hold(6, ("fact", row_id) in server, f"a fact is gone: {row_id}")
        wrong = [name for name, value in fact.items() if server["fact", row_id][name] != value]
        hold(6, not wrong, f"a fact changed: {row_id} {wrong}")
    for (table, row_id), row in server.items():
        hold(14, row["clock"] is None or int(row["clock"][:12], 16) <= world.now + AHEAD_MS, f"{table} {row_id} is of the future: {row['clock']}")
        hold(9, table != "chapter" or not row["sample"], "a leader wrote what the policy denies")
    the_audiences_are_right(office, scope, server)
    the_feeds_have_an_end(office, scope, server)
    for mark in office.rows("SELECT table_name, row_id FROM erased WHERE scope = ? AND kept IS NOT NULL AND moved_to IS NULL"
                            " AND table_name <> 'registration'", scope):
        hold(4, (mark["table_name"], mark["row_id"]) not in server, f"an edit brought {tuple(mark.values())} back, which was removed long before")
    seen: set[str] = set()
    for entry in office.rows("SELECT details FROM audit WHERE scope = ? AND event = 'push'", scope):
        for alike in json.loads(entry["details"])["what"]:
            for one, _row, _hash in alike["each"]:
                hold(3, one not in seen, f"the operation {one} took effect twice")
                seen.add(one)
    hold(3, seen == results.keys(), f"operations in the audit and results differ: {sorted(seen ^ results.keys())[:3]}")


def the_feeds_have_an_end(office: Office, scope: str, server: dict[tuple[str, str], dict[str, Any]]) -> None:
    """15: one entry for each row at most, and one for each mark of what is not there any more."""
    marked = {(row["table_name"], row["row_id"]) for row in office.rows("SELECT table_name, row_id FROM erased WHERE scope = ?", scope)}
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in office.rows("SELECT audience, table_name, row_id, gone FROM feed WHERE scope = ? AND (audience = 'chapter' OR NOT gone)", scope):
        found[row["audience"]].append((row["table_name"], row["row_id"]))
        key = row["table_name"], row["row_id"]
        hold(15, row["audience"] != "chapter" or key in server or (row["gone"] and key in marked), f"the feed has {key}, of which nothing is known")
    for audience, names in found.items():
        hold(15, len(names) == len(set(names)) <= len(server.keys() | marked), f"the feed of {audience[:8]} has {len(names)} entries")


def the_feed_is_short(office: Office, scope: str, world: World) -> None:
    """15: right after a tidying nothing is there but what it may keep: live rows, what was removed of late or is named still, and young marks."""
    day = 24 * 3_600_000
    named = {("person", row["id"]) for row in office.rows(
        "SELECT person AS id FROM registration WHERE NOT gone UNION SELECT person FROM fact UNION SELECT merged_into FROM person WHERE NOT gone")}
    named |= {(table, row["id"]) for table, question in (
        ("gathering", "SELECT gathering AS id FROM registration WHERE NOT gone UNION SELECT gathering FROM fact UNION SELECT gathering FROM \"grant\""),
        ("registration", "SELECT registration AS id FROM fact UNION SELECT host FROM registration WHERE NOT gone"),
        ("household", "SELECT household AS id FROM person WHERE NOT gone")) for row in office.rows(question)}
    last = office.rows("SELECT max(sequence) AS n FROM operation_result WHERE scope = ? AND received_at < ?", scope, world.now - 30 * day)[0]["n"] or 0
    erased = {(row["table_name"], row["row_id"]): row for row in office.rows("SELECT * FROM erased WHERE scope = ?", scope)}
    for row in office.rows("SELECT table_name, row_id, sequence FROM feed WHERE scope = ? AND audience = 'chapter' AND gone", scope):
        key = row["table_name"], row["row_id"]
        there = bool(office.rows(f'SELECT 1 FROM "{key[0]}" WHERE scope = ? AND id = ?', scope, key[1]))  # who moved is in another chapter
        if there:
            marked = key in erased and (erased[key]["kept"] is None or erased[key]["moved_to"] is not None)
            hold(15, row["sequence"] > last or key in named or marked, f"{key} was removed long ago and is kept")
        else:
            for_ever = key in erased and erased[key]["kept"] is None  # whoever comes back after years hears that they were erased
            hold(15, for_ever or (key in erased and erased[key]["erased_at"] >= world.now - 370 * day), f"the mark of {key} is older than it may be")


def audience_of(gathering: str, scope: str, server: dict[tuple[str, str], dict[str, Any]]) -> set[tuple[str, str]]:
    """The rows that the door of a gathering may see."""
    facts = [row for (table, _id), row in server.items() if table == "fact"]
    came = {row["registration"] for row in facts}
    found = {("gathering", gathering), ("chapter", scope), *(("fact", row["id"]) for row in facts if row["gathering"] == gathering)}
    for (table, row_id), row in server.items():
        if table == "registration" and row["gathering"] == gathering and not row["gone"] and (row["status"] != "cancelled" or row_id in came):
            found.add((table, row_id))
            person = row["person"]
            while person and ("person", person) in server and ("person", person) not in found:
                found.add(("person", person))
                person = server["person", person]["merged_into"]
    return found


def the_audiences_are_right(office: Office, scope: str, server: dict[tuple[str, str], dict[str, Any]]) -> None:
    """8 and 9: a gathering's feed holds what its door may see, all of it and nothing else."""
    feeds: dict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    for row in office.rows("SELECT audience, table_name, row_id, sequence FROM feed WHERE scope = ? AND (NOT gone OR audience = 'chapter')", scope):
        feeds[row["audience"]][row["table_name"], row["row_id"]] = row["sequence"]
    for gathering in [row_id for table, row_id in server if table == "gathering"]:
        wanted, there = audience_of(gathering, scope, server), feeds.get(gathering, {})
        hold(8, wanted <= there.keys(), f"the feed of {gathering} lacks {sorted(wanted - there.keys())[:3]}")
        here = {name for name in there if name in server}
        hold(9, here <= wanted, f"the feed of {gathering} has {sorted(here - wanted)[:3]}")
        for name in wanted:
            hold(8, there[name] >= feeds["chapter"][name], f"{name} changed, and the feed of {gathering} does not say so")


def _the_door_sees(laptop: Laptop, office: Office, scope: str, cursor: int) -> bool:
    """1, 8, 9 and 10: a caught-up door has its gathering's rows, of them what is declared for the door, and nothing else; when it is over, nothing."""
    tables = tables_of(laptop)
    here = rows_of_laptop(laptop, tables)
    waits = laptop.rows("SELECT 1 FROM operation_now WHERE fate = 'waiting'")
    if laptop.ended:
        hold(10, not here or bool(waits), f"{laptop.name} still has {sorted(here)[:3]}, and its time is over")
        hold(10, not laptop.rows("SELECT 1 FROM past") and not laptop.rows("SELECT 1 FROM search_person"), f"{laptop.name} still knows what was")
        return not waits
    head = office.rows("SELECT head FROM feed_head WHERE scope = ?", scope)[0]["head"]
    if cursor != head or waits or laptop.rows("SELECT 1 FROM sync_state WHERE key = 'rebuilding'"):
        return False
    server = rows_of_server(office, scope, tables)
    wanted = {name for name in audience_of(laptop.gathering or "", scope, server) if name in server}
    hold(8, here.keys() >= wanted, f"{laptop.name} lacks {sorted(wanted - here.keys())[:3]}")
    hold(9, here.keys() <= wanted, f"{laptop.name} has {sorted(here.keys() - wanted)[:3]}")
    for (table, row_id), row in here.items():
        there = server[table, row_id]
        for column in laptop.desk.tables[table].columns:
            name = column.name
            if name in ("id", "scope", "clock", "clocks"):
                continue
            digits = "".join(letter for letter in str(there[name] or "") if letter.isdigit())
            seen = (there[name] if name == "gone" or column.info.get("audience") == "door" else
                    digits[-4:] if name in ("mobile", "phone") and len(digits) > 4 else None)
            hold(9 if seen is None else 1, row[name] == seen, f"{laptop.name} sees {row[name]!r} for {table}.{name}, and {seen!r} is for the door")
    return True


def _parts(fields: dict[str, Any]) -> set[str]:
    """What an operation says, each of several addresses for itself: one that came along stands first in one entry and among the others in another."""
    return {part for name, value in fields.items() for part in (json.loads(value) if name == "other_emails" and value else [str(value)])}


def nothing_is_lost(office: Office, laptops: list[Laptop], ledger: Ledger) -> None:
    """2 and 16: every committed operation has a durable result, but for those held nowhere else."""
    results, held = ledger.results(office) | office.set_aside(), ledger.held(laptops)
    known = results | ledger.may_be_lost | ledger.refused
    erased = {(row["table_name"], row["row_id"]) for row in office.rows("SELECT table_name, row_id FROM erased WHERE kept IS NULL")}
    gone = erased | ledger.cleared | ledger.moved.keys()  # of who moved their chapter's laptops keep nothing, and the server has it beside its journal
    # What a merge had brought along of somebody who was erased goes with them, though it says so of another entry: if it was all, and was never sent.
    ties = {made["transaction_id"] for made in ledger.made.values() if ("person", made["row_id"]) in erased and "merged_into" in made["fields"]}
    brought: dict[str, set[str]] = {}
    for made in ledger.made.values():
        if made["table_name"] == "person" and made["transaction_id"] in ties:
            brought.setdefault(made["row_id"], set()).update(_parts(made["fields"]))
    lost = [one for one, made in ledger.made.items() if one not in known and (made["table_name"], made["row_id"]) not in gone
            and ("person", made["fields"].get("person")) not in erased and not (made["table_name"] == "person" and made["transaction_id"] in ties)
            and not (made["table_name"] == "person" and _parts(made["fields"]) <= brought.get(made["row_id"], set()))]
    hold(2, not lost, "lost: " + "; ".join(f"{ledger.made[one]['event']} {ledger.made[one]['table_name']} {one} of {ledger.made[one]['laptop']}"
                                          f"{' (a laptop still has it)' if one in held else ''}" for one in lost[:3]))
    left = [one for one in held if one not in results and one not in ledger.refused  # what was set aside of somebody erased is forgotten there, too
            and (one not in ledger.made or (ledger.made[one]["table_name"], ledger.made[one]["row_id"]) not in gone)]
    hold(13, not left, f"a laptop holds what the server never answered: {left[:3]}")


def take_down_moves(office: Office, ledger: Ledger, scope: str, to: str, before: dict[tuple[str, str], dict[str, Any]]) -> None:
    """4: what moved is in the new chapter as it was in the old one, field by field and clock by clock."""
    after = rows_of_server(office, to, MOVING)
    for mark in office.rows("SELECT table_name, row_id FROM erased WHERE scope = ? AND moved_to = ?", scope, to):
        key = mark["table_name"], mark["row_id"]
        if key in ledger.moved and ledger.moved[key][0] == to:
            continue
        hold(4, key in after, f"{key} left, and did not arrive")
        wrong = [name for name in _same(after[key], before[key]) if name not in ("scope", "household", "clock")]
        hold(4, wrong in ([], ["clocks"]) if before[key].get("household") else not wrong, f"{key} arrived with other values: {wrong}")
        ledger.moved[key] = to, after[key]


def who_moved_is_in_one_chapter(office: Office, scope: str, laptops: list[Laptop], ledger: Ledger) -> None:
    """4 and 9: who moved is in the other chapter as they came there; this one's server and laptops keep nothing of them but that they came to something."""
    away = {(row["table_name"], row["row_id"]): row["moved_to"] for row in office.rows("SELECT * FROM erased WHERE scope = ? AND moved_to IS NOT NULL", scope)}
    gone = ledger.cleared | {(row["table_name"], row["row_id"]) for row in office.rows("SELECT table_name, row_id FROM erased WHERE kept IS NULL")}
    for key, (to, came) in ledger.moved.items():
        hold(4, (key in away) == (to != scope) or key in gone, f"{key} is not in the chapter that it moved to")
        if key not in away:
            continue
        there = rows_of_server(office, to, [key[0]]).get(key)
        hold(4, there is not None and not _same(there, came), f"the other chapter has {key} otherwise than it came")
        about = [column.name for column in laptops[0].desk.tables[key[0]].columns if column.info.get("about")]
        for where, found in (("the server", office.rows(f'SELECT * FROM "{key[0]}" WHERE scope = ? AND id = ?', scope, key[1])),
                             *((laptop.name, laptop.rows(f'SELECT * FROM "{key[0]}" WHERE id = ?', key[1])) for laptop in laptops)):
            left = [name for row in found for name in about if row[name] is not None]
            hold(9, not left, f"{where} still has {left} of {key}, which another chapter has now")
        for laptop in laptops:
            hold(9, not laptop.rows("SELECT 1 FROM past WHERE table_name = ? AND row_id = ?", *key)
                 and not laptop.rows("SELECT 1 FROM operation_now WHERE table_name = ? AND row_id = ? AND fate NOT IN ('waiting', 'refused')", *key),
                 f"{laptop.name} still knows what {key} was, which another chapter has now")
    if away:
        _the_disks_let_go(laptops, ledger, away.keys())


def _the_disks_let_go(laptops: list[Laptop], ledger: Ledger, away: Collection[tuple[str, str]]) -> None:
    """9: no file of this chapter's laptops holds a word about them, but what somebody wrote too late and was told so."""
    late = {row["id"] for laptop in laptops for row in laptop.rows("SELECT id FROM operation_now WHERE fate = 'refused'")}
    words = {word for one, made in ledger.made.items() if (made["table_name"], made["row_id"]) in away and one not in late
             for word in disks.marks_in(json.dumps(made["fields"]))}
    words -= {word for one, made in ledger.made.items() if (made["table_name"], made["row_id"]) not in away or one in late
              for word in disks.marks_in(json.dumps(made["fields"]))}
    for laptop in laptops if words else ():
        found = disks.marks_of_laptop(laptop)
        there = {word: found[word] for word in words if word in found}
        hold(9, not there, f"on the disk of {laptop.name} are still {there} of somebody who moved")


def nobody_erased_is_here(office: Office, laptops: list[Laptop]) -> None:
    """11: of whom was erased, nothing about them is at the server or on any laptop, nor in what is kept of their operations."""
    for erased in office.rows("SELECT table_name, row_id FROM erased WHERE kept IS NULL"):
        table, row_id = erased["table_name"], erased["row_id"]
        about = [column.name for column in laptops[0].desk.tables[table].columns if column.info.get("about")]
        for where, found in (("the server", office.rows(f'SELECT * FROM "{table}" WHERE id = ?', row_id)),
                             *((laptop.name, laptop.rows(f'SELECT * FROM "{table}" WHERE id = ?', row_id)) for laptop in laptops)):
            left = [name for row in found for name in about if row[name] is not None]
            hold(11, not left, f"{where} still has {left} of {table} {row_id}")
        for laptop in laptops:
            for row in laptop.rows("SELECT fields, values_before FROM operation WHERE table_name = ? AND row_id = ?", table, row_id):
                said = {**json.loads(row["values_before"]), **json.loads(row["fields"])}
                left = [name for name in about if said.get(name) is not None]
                hold(11, not left, f"an operation on {laptop.name} still says {left} of {table} {row_id}")


def the_disks_forgot(office: Office, laptops: list[Laptop], ledger: Ledger) -> None:
    """10 and 11: no file of ours, whatever it is and wherever in it, holds a word about whom was erased, nor one of anybody once a door's time is over."""
    erased = {(row["table_name"], row["row_id"]) for row in office.rows("SELECT table_name, row_id FROM erased WHERE kept IS NULL")}
    words = {word for made in ledger.made.values() if (made["table_name"], made["row_id"]) in erased for word in disks.marks_in(json.dumps(made["fields"]))}
    words -= {word for made in ledger.made.values() if (made["table_name"], made["row_id"]) not in erased
              for word in disks.marks_in(json.dumps(made["fields"]))}  # by a merge it stands in the entry of somebody who was not
    ended = [laptop for laptop in laptops if laptop.ended and not has_something_to_send(laptop)]
    for laptop in ended:
        there = disks.marks_of_laptop(laptop)
        hold(10, not there, f"the time of {laptop.name} is over, and it still has {there}")
    if words:
        for where, found in (("the server", disks.marks_of_server(office)), *((laptop.name, disks.marks_of_laptop(laptop)) for laptop in laptops)):
            there = {word: found[word] for word in words if word in found}
            hold(11, not there, f"on the disk of {where} are still {there} of somebody who was erased")


def attendance(facts: list[Any]) -> dict[str, set[str]]:
    """7: who is here, by gathering: an ``in`` that no ``out`` or ``void`` names, whatever order or clock."""
    closed = {name for fact in facts if fact["kind"] in ("out", "void") for name in json.loads(fact["closes"] or "[]")}
    found: dict[str, set[str]] = defaultdict(set)
    for fact in facts:
        if fact["kind"] == "in" and fact["id"] not in closed:
            found[fact["gathering"]].add(fact["person"])
    return found


def attendance_is_the_same(office: Office, laptops: list[Laptop], stations: list[Laptop]) -> None:
    """7: every station counts who is here as the accepted facts say."""
    from alumni_desk.checkin.lists import headcount

    there = attendance(office.rows("SELECT * FROM fact"))
    into = {row["id"]: row["merged_into"] for row in office.rows("SELECT id, merged_into FROM person WHERE merged_into IS NOT NULL")}
    listed = {(row["gathering"], row["person"]) for row in office.rows("SELECT gathering, person FROM registration WHERE NOT gone")}
    for laptop in laptops:
        hold(7, attendance(laptop.rows("SELECT * FROM fact")) == there, f"{laptop.name} has other facts")
    gone = {row["id"] for row in office.rows("SELECT id FROM gathering WHERE gone")}
    for laptop in stations:
        for gathering, people in there.items():
            if gathering in gone:
                continue
            here = headcount(laptop.desk, gathering).present
            wanted = len({_whole(into, one)[-1] for one in people if (gathering, one) in listed})
            hold(7, here == wanted, f"{laptop.name} counts {here} at {gathering}, and {wanted} are here")
