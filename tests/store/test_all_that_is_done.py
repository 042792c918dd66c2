"""All that people do at a desk, in any order, and taken back in any order; after each step what must always be true of it is looked at.

ALUMNI_DESK_DEEDS: how many runs, ALUMNI_DESK_DEEDS_STEPS: of how many steps, ALUMNI_DESK_DEEDS_FIRST: the first seed.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from alumni_desk.badges.actions import note_printed, use_badge_name
from alumni_desk.badges.people import badge_people
from alumni_desk.checkin.actions import check_in, check_out, undo_check_in, walk_in
from alumni_desk.checkin.lists import DoorList
from alumni_desk.errors import KnownError, Refused
from alumni_desk.exchange.guests import import_guests
from alumni_desk.exchange.importing import run_import
from alumni_desk.gatherings.actions import (
    add_guest_of,
    add_guests,
    cancel_gathering,
    change_gathering,
    name_guest,
    new_gathering,
    remove_guests,
    replan_gathering,
    set_rsvp,
)
from alumni_desk.gatherings.counts import inside
from alumni_desk.gatherings.lists import gathering_rows, guest_rows
from alumni_desk.members.actions import add_member, bring_back, change_member, remove_members
from alumni_desk.members.chapter import change_chapter
from alumni_desk.members.lists import all_members, best_members, count_members, member_ids, member_rows
from alumni_desk.members.merging import merge_people, unmerge
from alumni_desk.members.roots import merged_on, root_of
from alumni_desk.schema import open_desk
from alumni_desk.segments.activity import deeds, left_words, past_values, written
from alumni_desk.store import backup
from alumni_desk.store.backup_folders import backups
from alumni_desk.store.checking import verify
from alumni_desk.store.connecting import connect
from alumni_desk.store.done import actions
from alumni_desk.store.erasing import erase
from alumni_desk.store.history import history
from alumni_desk.store.history import restore as put_value_back
from alumni_desk.store.listed import texts
from alumni_desk.store.profile import Profile
from alumni_desk.store.search import fold, words
from alumni_desk.store.synced import clock_key, data_columns
from alumni_desk.store.undo import Left, Undone, ahead, redo, undo
from alumni_desk.sync.restoring import restore

SEEDS = int(os.environ.get("ALUMNI_DESK_DEEDS", "2"))
FIRST = int(os.environ.get("ALUMNI_DESK_DEEDS_FIRST", "0"))
STEPS = int(os.environ.get("ALUMNI_DESK_DEEDS_STEPS", "50"))

GIVEN = ("Ana", "Łukasz", "Zoë", "Александр", "李小龍", "O’Brien", "Mary Ann", "")
LAST = ("Lima", "Mc Donald", "Müller-Ōe", "Ørsted", "D'Arcy", "")
ASKED = ("an", "ana", "lim", "luk", "zoe", "алекс", "李", "obrien", "mc do", "mcdon", "mull", "ors", "darcy", "ann m", "1998", "zq")
YEARS = ("", "1998", "2003")
FIELDS = ("email", "city", "street", "employer", "notes", "preferred_name", "first_name", "former_names", "other_emails", "class_year", "solicit_codes",
          "deceased", "door_note", "mobile", "constituent_codes")
AT_THE_LIST = ("answer", "off", "guest", "named guest", "name", "badge", "in", "in", "let in", "let in", "code", "out", "void", "print")
NAMES = ("first_name", "middle_name", "last_name", "preferred_name", "other_script_name", "former_names")
FOUND_BY = (*NAMES, "title", "email", "other_emails", "class_year", "city", "employer", "external_ids", "mobile", "phone")

Cell = tuple[str, str, str]
"""Table, row, and the name of a clock: a field, or a group of them."""
Rows = dict[Cell, tuple[Any, ...]]


class Deed:
    """What an action wrote: of each cell what was, what came, and whose value that had been."""

    def __init__(self, event: str) -> None:
        self.event = event
        self.cells: dict[Cell, tuple[Any, Any, str | None]] = {}
        self.stands = True
        # Where something of it stands: what it or a redo wrote and no undo took back. What a redo left, for somebody wrote there since the undo, was named by
        # that redo and is theirs; an undo of it has nothing there to take back, and names it no more.
        self.there: set[Cell] = set()
        self.at: dict[tuple[str, str], int] = {}  # the step in which it, an undo or a redo of it, wrote to a row last


class Everything:
    """A desk, and beside it who wrote which value last."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.profile = Profile(self.place / "désk")
        self.desk = open_desk(self.profile)
        self.desk.make_chapter("Boston", "Northgate", "America/New_York")
        self.log: list[str] = []  # told if it goes wrong
        self.number, self.step = 0, 0
        self.whose: dict[Cell, str] = {}
        self.at: dict[Cell, int] = {}  # the step in which a cell was written last
        self.said: dict[Cell, list[Any]] = {}
        self.done: dict[str, Deed] = {}
        self.erased: set[str] = set()
        self.known: dict[str, set[str]] = {}  # letters that are in what was said of somebody
        self.kept: list[tuple[Path, Any]] = []
        self.before = self.rows()
        self.done[actions(self.desk)[0].id] = Deed("chapter_founded")
        self.plan("Dinner")
        for given in GIVEN[:3]:
            self.add(given, "Lima", "1998", mail=True)
        self.list_guests(0, [0, 1], "yes")

    # What is there

    def rows(self) -> Rows:
        found: Rows = {}
        with self.desk.reading() as connection:
            for name, table in self.desk.tables.items():
                if not table.info.get("synced") or table.info["kind"] == "fact":
                    continue
                keys: dict[str, list[str]] = {}
                for column in data_columns(table):
                    keys.setdefault(str(clock_key(column)), []).append(column.name)
                for row in connection.exec_driver_sql(f'SELECT * FROM "{name}"').mappings():
                    for key, names in keys.items():
                        found[name, row["id"], key] = tuple(row[one] for one in names)
        return found

    def ids(self, question: str) -> list[str]:
        with self.desk.reading() as connection:
            return list(connection.exec_driver_sql(question).scalars())

    def people(self) -> list[str]:
        return self.ids("SELECT id FROM person WHERE NOT gone ORDER BY rowid")

    def gatherings(self) -> list[str]:
        return self.ids("SELECT id FROM gathering WHERE NOT gone ORDER BY rowid")

    def places(self, gathering: str) -> list[str]:
        return self.ids(f"SELECT id FROM registration WHERE gathering = '{gathering}' AND NOT gone ORDER BY rowid")

    def secret(self) -> str:
        self.number += 1
        return f"zq{self.number:04d}x"

    # Doing

    def act(self, do: Callable[[], Any], *, may: Callable[[KnownError], bool] = lambda error: True) -> Any:
        """Do something; what the program says no to changes nothing."""
        self.step += 1
        last = self.newest()
        try:
            return do()
        except KnownError as error:
            assert may(error), f"{error.code}: {error}"
            assert self.rows() == self.before and self.newest() == last, f"refused, and yet something was written: {error.code}"
            return None
        finally:
            self.take_in()

    def newest(self) -> list[tuple[str, str, str | None]]:
        with self.desk.reading() as connection:
            return [tuple(row) for row in connection.exec_driver_sql("SELECT id, event, undoes FROM action ORDER BY rowid DESC LIMIT 3")]

    def take_in(self) -> None:
        """What the last step wrote belongs to its action."""
        now = self.rows()
        with self.desk.reading() as connection:
            new = [row for row in connection.exec_driver_sql("SELECT id, event FROM action WHERE undoes IS NULL ORDER BY rowid") if row.id not in self.done]
        assert len(new) <= 1, [row.event for row in new]
        deed = None
        if new:
            deed = self.done[new[0].id] = Deed(new[0].event)
        for cell, value in now.items():
            was = self.before.get(cell)
            if was == value:
                continue
            assert deed is not None, f"{cell} was written by no action"
            deed.cells[cell] = (was, value, self.whose.get(cell))
            deed.there.add(cell)
            deed.at[cell[:2]] = self.step
            self.whose[cell], self.at[cell] = new[0].id, self.step
            self.said.setdefault(cell, []).append(value)
        assert self.before.keys() <= now.keys(), "rows never go"
        self.before = now
        self.look()

    def note(self, person: str, secret: str) -> None:
        self.known.setdefault(person, set()).add(secret)

    def add(self, given: str, last: str, year: str, mail: bool) -> None:
        secret = self.secret()
        saved = self.act(lambda: add_member(self.desk, first_name=given, last_name=last, class_year=year, employer=f"{secret} Ltd",
                                            email=f"{secret}@example.org" if mail else ""))
        if saved:
            self.note(saved.id, secret)

    def change(self, one: int, field: str, value: int) -> None:
        if not (people := self.people()):
            return
        person, secret = people[one % len(people)], self.secret()
        fits = {"email": (f"{secret}@example.org", "a@example.org", ""), "class_year": ("1998", "2001", ""),
                "solicit_codes": ("do_not_email", "do_not_contact", ""), "deceased": ("yes", ""),
                "mobile": ("+1 617 555 0101", "+1 617 555 0102", ""), "constituent_codes": ("alumnus", "parent;friend"),
                "other_emails": (f"{secret}@example.com", "a@example.org;b@example.org", ""), "first_name": ("Ana", f"Zoë {secret}", "")}
        choices = fits.get(field, (f"Porto {secret}", "Lisbon", ""))
        typed: dict[str, Any] = {field: choices[value % len(choices)]}
        saved = self.act(lambda: change_member(self.desk, person, **typed))
        if saved:
            self.note(saved.id, secret)

    def remove(self, some: list[int]) -> None:
        if people := self.people():
            self.act(lambda: remove_members(self.desk, {people[one % len(people)] for one in some}))

    def back(self, one: int) -> None:
        gone = self.ids("SELECT id FROM person WHERE gone AND id NOT IN (SELECT id FROM erased) ORDER BY rowid")
        if gone:
            self.act(lambda: bring_back(self.desk, [gone[one % len(gone)]]))

    def merge(self, one: int, other: int) -> None:
        if people := self.people():
            self.act(lambda: merge_people(self.desk, people[one % len(people)], people[other % len(people)]))

    def part(self, one: int) -> None:
        if merged := self.ids("SELECT id FROM person WHERE merged_into IS NOT NULL ORDER BY rowid"):
            self.act(lambda: unmerge(self.desk, merged[one % len(merged)]))

    def plan(self, name: str) -> None:
        if len(self.gatherings()) < 3:
            self.act(lambda: new_gathering(self.desk, name=name, start="2030-01-12T19:00", end="2030-01-12T22:00", capacity="3"))

    def replan(self, one: int, how: str) -> None:
        if not (there := self.gatherings()):
            return
        it = there[one % len(there)]
        do: dict[str, Callable[[], Any]] = {
            "place": lambda: change_gathering(self.desk, it, place=f"Hall {self.number}"), "capacity": lambda: change_gathering(self.desk, it, capacity="2"),
            "cancel": lambda: cancel_gathering(self.desk, it, "storm"), "again": lambda: replan_gathering(self.desk, it),
            "hours": lambda: change_gathering(self.desk, it, end="2030-01-12T23:00")}
        self.act(do[how])

    def list_guests(self, one: int, some: list[int], status: str) -> None:
        if (there := self.gatherings()) and (people := self.people()):
            self.act(lambda: add_guests(self.desk, there[one % len(there)], [people[each % len(people)] for each in some], status=status))

    def at_the_list(self, one: int, some: list[int], how: str, status: str) -> None:
        if not (there := self.gatherings()) or not (places := self.places(it := there[one % len(there)])):
            return
        chosen = [places[each % len(places)] for each in some]
        first, secret = chosen[0], self.secret()
        do: dict[str, Callable[[], Any]] = {
            "answer": lambda: set_rsvp(self.desk, it, chosen, status), "off": lambda: remove_guests(self.desk, it, chosen),
            "guest": lambda: add_guest_of(self.desk, it, first), "named guest": lambda: add_guest_of(self.desk, it, first, f"Gast {secret}"),
            "name": lambda: name_guest(self.desk, first, last_name=secret), "badge": lambda: use_badge_name(self.desk, first, f"Badge {secret}"),
            "in": lambda: check_in(self.desk, it, first), "let in": lambda: check_in(self.desk, it, first, let_in=True),
            "code": lambda: check_in(self.desk, it, code=self.ids(f"SELECT code FROM registration WHERE id = '{first}'")[0], let_in=True),
            "out": lambda: check_out(self.desk, it, first), "void": lambda: undo_check_in(self.desk, it, first, "mistake"),
            "print": lambda: note_printed(self.desk, it, badge_people(self.desk, it, registrations=chosen))}
        if self.act(do[how]) is None:
            return
        with self.desk.reading() as connection:
            if how in ("name", "badge"):
                person = connection.exec_driver_sql("SELECT person FROM registration WHERE id = ?", (first,)).scalar()
                self.note(str(person if how == "badge" else root_of(merged_on(connection), str(person))), secret)
            elif how == "named guest":
                self.note(str(connection.exec_driver_sql("SELECT id FROM person ORDER BY rowid DESC LIMIT 1").scalar()), secret)

    def come(self, one: int, who: int, how: str) -> None:
        if not (there := self.gatherings()):
            return
        it, people, secret = there[one % len(there)], self.people(), self.secret()
        known = people[who % len(people)] if people else None
        if how == "by name" and known:
            self.act(lambda: check_in(self.desk, it, person_id=known, let_in=True))
        elif how == "known" and known:
            if self.act(lambda: walk_in(self.desk, it, "Bo Berg", person_id=known, mobile=f"+49 {secret}")):
                self.note_by(secret)
        elif how == "new":
            if self.act(lambda: walk_in(self.desk, it, f"Walk {secret}", email=f"{secret}@example.net", consent=True)):
                self.note_by(secret)
        else:
            self.act(lambda: walk_in(self.desk, it, "Walk Same", email="same@example.net"))

    def note_by(self, secret: str) -> None:
        for (table, row, _key), value in self.before.items():
            if table == "person" and any(secret in str(one) for one in value):
                self.note(row, secret)

    def bring_file(self, some: list[int], guests: bool, one: int, degree: str) -> None:
        file, people, there = self.place / f"list{self.number}.csv", self.people(), self.gatherings()
        if guests and not there:
            return
        secrets, lines = [], []
        with self.desk.reading() as connection:
            known = {row.id: row for row in connection.exec_driver_sql("SELECT id, first_name, last_name, email FROM person")}
        for each in some:
            secrets.append(secret := self.secret())
            row = known[people[each % len(people)]] if people and each % 2 else None
            who = (row.first_name or "", row.last_name or "", row.email or "") if row else (f"P{each}", f"File{secret}", f"{secret}@example.org")
            lines.append(",".join((*who, f"Town {secret}", "Law", degree)))
        file.write_text("First Name,Last Name,E-mail,City,School,Degree\n" + "\n".join(lines) + "\n", "utf-8")
        if guests:
            self.act(lambda: import_guests(self.desk, there[one % len(there)], file))
        else:
            self.act(lambda: run_import(self.desk, file))
        for secret in (*secrets, *re.findall("zq[0-9]{4}x", "".join(lines))):  # a file may name somebody who was removed: they are in it, too
            self.note_by(secret)

    def rename(self, how: str) -> None:
        self.act(lambda: change_chapter(self.desk, name=how, university=how))

    def put_back(self, one: int, which: int) -> None:
        """A value out of History."""
        rows = sorted({(table, row) for table, row, _key in self.before if table in ("person", "registration", "gathering", "education")
                       and row not in self.erased and not self.before[table, row, "gone"][0]})
        if not rows:
            return
        table, row = rows[one % len(rows)]
        versions = [each for each in history(self.desk, table, row) if each.restorable]
        if not versions:
            return
        version = versions[which % len(versions)]
        if self.act(lambda: put_value_back(self.desk, table, row, version.id)) is not None:
            said = next(each for each in history(self.desk, table, row) if each.field == version.field and each.now)
            assert said.value == version.value

    # Taking back

    def take_back(self, one: int, what: str) -> None:
        there = [each for each in actions(self.desk, 1_000) if each.state != "never"]
        chosen = there[one % min(len(there), 12)] if there else None
        if what in ("undo", "redo"):
            try:
                self.turn(None, again=what == "redo")
            except Refused as refused:
                assert refused.code in ("nothing_to_undo", "nothing_to_redo", "went_back"), refused.code
        elif chosen is not None:
            before, again = self.before, chosen.state == "undone"
            first = self.turn(chosen.id, again=again)
            if what == "turn" or first is None:
                return
            second = self.turn(chosen.id, again=not again)
            if not first.left and second is not None and not second.left:
                assert self.before == before, self.other(before)

    def other(self, before: Rows) -> list[Any]:
        return [(cell, before.get(cell), value) for cell, value in self.before.items() if before.get(cell) != value]

    def turn(self, action: str | None, *, again: bool) -> Undone | None:
        """Undo or redo, held against what is known of who wrote what."""
        self.step += 1
        goes, foreseen = ahead(self.desk, action) if action is not None else (True, [])
        before = self.before
        try:
            turned = (redo if again else undo)(self.desk, action)
        except Refused as refused:
            assert self.rows() == before
            if action is None and refused.code in ("nothing_to_undo", "nothing_to_redo", "went_back"):
                raise
            assert refused.code in ("all_changed_since", "off_the_list", "erased_since", "merged_already", "went_for_good"), refused.code
            assert refused.code != "went_for_good"
            assert refused.code != "erased_since" or self.erased
            if refused.code in ("all_changed_since", "erased_since"):
                meant: Any = refused.facts
                deed = self.done[meant["action"]]
                free = self.free(deed, meant["action"], meant["left"])
                assert not free, (deed.event, refused.code, free)
            if action is not None and refused.code != "merged_already" and "fact" not in self.tables(action):
                assert not goes, f"it was foreseen that {self.done[action].event} would be taken back: {refused.code}"
            self.look()
            return None
        deed = self.done[turned.of]
        assert deed.stands != again
        if action is not None:
            assert goes, f"it was foreseen that nothing of {deed.event} would be put back"
            if "fact" not in self.tables(action):  # what became of a check-in is not foreseen
                assert {(one.table, one.row, one.why, one.fields) for one in foreseen} == {(one.table, one.row, one.why, one.fields) for one in turned.left}
        now = self.rows()
        free = self.free(deed, turned.of, turned.left)
        named = {(one.table, one.row) for one in turned.left}
        for cell, value in now.items():
            was = before.get(cell)
            if cell not in deed.cells:
                assert value == was, f"{cell} is none of what {deed.event} wrote"
                continue
            old, new, whose = deed.cells[cell]
            wanted = new if again else old
            if wanted is None and cell[2] != "gone":
                assert value == was, f"{cell}: a row that goes keeps what it said"
            elif wanted is None and value != was:
                assert value == (True,) and self.whose[cell] == turned.of
            elif value != was:
                assert value == wanted, f"{cell}: {was} became {value}, and {wanted} was wanted"
                assert again or self.whose[cell] == turned.of, f"{cell} was changed since"
            if cell in free:
                assert value == ((True,) if wanted is None else wanted), f"{cell} stays {value} of {deed.event}, and nobody changed it since"
            elif value == was and wanted is not None and value != wanted and again != (cell in deed.there) and not self.is_erased(cell):
                assert (cell[0], cell[1]) in named or self.part_of(cell, named), f"{cell} of {deed.event} was left and not named, again: {again}"
        for cell, value in now.items():
            if before.get(cell) != value:
                _old, _new, whose = deed.cells[cell]
                self.at[cell] = deed.at[cell[:2]] = self.step
                self.said.setdefault(cell, []).append(value)
        for cell, (old, new, whose) in deed.cells.items():
            value = now[cell]
            if again and value == new and before.get(cell) != value:
                deed.cells[cell] = (before.get(cell), new, self.whose.get(cell)) if old is not None else (old, new, whose)
                self.whose[cell] = turned.of
            elif not again and self.whose.get(cell) == turned.of and (before.get(cell) != value or value == old):
                self.whose[cell] = whose or f"before {turned.of}"
            elif not again and old is None and now[cell[0], cell[1], "gone"] == (True,) and self.whose.get(cell) == turned.of:
                self.whose[cell] = f"before {turned.of}"
            elif again and old is None and now[cell[0], cell[1], "gone"] == (False,) and self.whose.get(cell) == f"before {turned.of}":
                self.whose[cell] = turned.of
        turned_now = {cell for cell, value in now.items() if before.get(cell) != value}
        deed.there = deed.there | turned_now if again else deed.there - turned_now
        deed.stands = again
        self.before = now
        left_words(self.desk, turned.left)
        self.look()
        return turned

    def tables(self, action: str) -> set[str]:
        return {table for (table,) in self.asked("SELECT DISTINCT table_name FROM operation WHERE action = ?", action)}

    def asked(self, question: str, *values: Any) -> list[Any]:
        with self.desk.reading() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(question, values)]

    def row_about(self, cell: Cell) -> str | None:
        value = self.before.get((cell[0], cell[1], "person"))
        return value[0] if value else None

    def is_erased(self, cell: Cell) -> bool:
        return cell[1] in self.erased or self.row_about(cell) in self.erased

    def part_of(self, cell: Cell, named: set[tuple[str, str]]) -> bool:
        return cell[0] == "education" and ("person", self.before[cell[0], cell[1], "person"][0]) in named

    def free(self, deed: Deed, action: str, left: Sequence[Left]) -> set[Cell]:
        """The cells of which nobody wrote anything to the row since, and that nothing stands on: they must go back, or come back."""
        stays = {(one.table, one.row) for one in left if one.why in ("in_use", "erased", "off") and not one.fields}
        # What stood in these fields a merge may have brought from somebody who was erased; the others of the row go back.
        lost = {(one.table, one.row, clock_key(self.desk.tables[one.table].c[name])) for one in left if one.why == "erased" for name in one.fields}
        merged_into = {value[0] for (_table, _row, key), said in self.said.items() if key == "merged_into" for value in said}
        assert self.erased or not lost
        assert {row for _table, row, _key in lost} <= merged_into, "nothing ever came along into these"
        named = {(one.table, one.row) for one in left}
        free = set()
        for cell, (old, _new, _whose) in deed.cells.items():
            table, row, key = cell
            if table == "import_run" or (table, row) in stays or cell in lost or self.is_erased(cell) or self.part_of(cell, named):
                continue
            if old is None and key != "gone":
                continue  # the row goes as a whole
            if key == "gone" and old is not None and (old if deed.stands else _new)[0] == 1:
                continue  # who was changed while they were off the list need not go again
            if max(self.at.get(each, 0) for each in self.before if each[:2] == (table, row)) > deed.at.get((table, row), 0):
                continue
            if deed.stands and self.whose.get(cell) != action:
                continue
            if self.before[cell] == (old if not deed.stands else _new):
                free.add(cell)
        if not deed.stands:  # what was not taken back need not come back
            free -= deed.there
        return free

    # For good

    def erase(self, one: int, remake: bool) -> None:
        people = self.ids("SELECT id FROM person WHERE id NOT IN (SELECT id FROM erased) ORDER BY rowid")
        if not people:
            return
        self.step += 1
        gone = erase(self.desk, [people[one % len(people)]], remake_backups=remake)
        self.erased |= set(gone.ids)
        now = self.rows()
        for cell, value in now.items():
            if self.before[cell] != value:
                assert self.is_erased(cell), cell
                self.whose[cell], self.at[cell] = "erased", self.step
        for row in self.asked("SELECT id, event FROM action WHERE undoes IS NULL"):
            self.done.setdefault(row[0], Deed(row[1]))
        self.before, self.said = now, {}  # what a merge had brought along of them is in nobody's history, either
        self.forgotten(backups_too=remake)
        self.look()

    def gone_words(self) -> set[str]:
        """What was said of those who were erased, and of nobody else. What a merge brought along and still stands with somebody else is theirs by now."""
        of_others = {word for person, known in self.known.items() if person not in self.erased for word in known}
        of_others |= {word for cell, value in self.before.items() if not self.is_erased(cell) for word in re.findall(r"zq\d+x", str(value))}
        return {word for person in self.erased for word in self.known.get(person, ())} - of_others

    def forgotten(self, *, backups_too: bool) -> None:
        words_gone = self.gone_words()
        self.nowhere(words_gone, self.desk.raw(), "the database")
        out = json.dumps([self.desk.outbox.read().operations, self.desk.outbox.read().actions], ensure_ascii=False)
        assert not [word for word in words_gone if word in out], "the outbox copy"
        for file in backups(self.profile) if backups_too else ():
            self.look_into(file.file, words_gone)

    def look_into(self, file: Path, words_gone: set[str]) -> None:
        from alumni_desk.store import backup_head

        copy = self.place / "looked.db"
        header, start = backup_head.read_head(file)
        backup.unpack(file, header, start, copy)
        self.nowhere(words_gone, connect(copy, self.desk.key), f"the backup {file.name}")
        copy.unlink()

    def nowhere(self, words_gone: set[str], raw: Any, where: str) -> None:
        with closing(raw):
            for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'").fetchall():
                for row in raw.execute(f'SELECT * FROM "{name}"').fetchall():
                    said = " ".join(one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in row)
                    assert not (there := [word for word in words_gone if word in said]), f"{there} in {name} of {where}: {row}"
            for (term,) in raw.execute("SELECT DISTINCT term FROM search_words_places").fetchall():
                assert not [word for word in words_gone if word in term], f"{term} in the search index of {where}"

    def reopen(self) -> None:
        self.desk.close()
        self.desk = open_desk(self.profile)
        assert self.rows() == self.before
        self.look()

    def back_up(self, why: str) -> None:
        if why == "daily":
            backup.by_itself(self.profile, self.desk.key, "daily")
            return
        file = self.place / f"kept{len(self.kept)}.alumnidesk"
        backup.back_up(self.desk, file)
        kept = {"before": self.before, "whose": dict(self.whose), "at": dict(self.at), "said": {cell: list(said) for cell, said in self.said.items()},
                "done": {name: (deed.event, dict(deed.cells), deed.stands, dict(deed.at), set(deed.there)) for name, deed in self.done.items()}}
        self.kept.append((file, kept))

    def go_back(self, one: int) -> None:
        if not self.kept:
            return
        file, kept = self.kept[one % len(self.kept)]
        self.desk.close()
        restore(self.profile, file)
        self.desk = open_desk(self.profile)
        self.step += 1
        now = self.rows()
        for cell, value in kept["before"].items():
            if now[cell] != value:
                about = now.get((cell[0], cell[1], "person"), (None,))[0]
                assert cell[1] in self.erased or about in self.erased, f"{cell} is {now[cell]} and was {value} in the backup"
        assert now.keys() == kept["before"].keys()
        self.before, self.whose, self.at = now, dict(kept["whose"]), dict(kept["at"])
        for cell, value in now.items():
            if kept["before"][cell] != value:
                self.whose[cell], self.at[cell] = "erased", self.step
        self.said = {cell: list(said) for cell, said in kept["said"].items()}
        self.done = {}
        for name, (event, cells, stands, at, stood) in kept["done"].items():
            deed = self.done[name] = Deed(event)
            deed.cells, deed.stands, deed.at, deed.there = dict(cells), stands, dict(at), set(stood)
        for row in self.asked("SELECT id, event FROM action WHERE undoes IS NULL"):
            self.done.setdefault(row[0], Deed(row[1]))
        if self.erased:
            self.said = {}
        self.forgotten(backups_too=False)
        self.look()

    # Always

    def look(self) -> None:
        found = verify(self.desk)
        assert found.ok and not found.missing, found
        self.look_at_search()
        self.look_at_lists()
        self.look_at_history()
        listed = actions(self.desk, 1_000)
        assert {one.id: one.state == "undone" for one in listed if one.state != "never"} == {
            name: not deed.stands for name, deed in self.done.items() if name in {one.id for one in listed if one.state != "never"}}
        for deed in deeds(self.desk, 6, look=True):
            assert deed.what
            written(self.desk, deed.id)

    def look_at_search(self) -> None:
        with self.desk.reading() as connection:
            people = connection.exec_driver_sql("SELECT * FROM person WHERE NOT gone AND merged_into IS NULL").mappings().all()
            learnt: dict[str, list[str]] = {}
            for row in connection.exec_driver_sql("SELECT person, name_at_graduation, class_year FROM education WHERE NOT gone"):
                learnt.setdefault(row.person, []).append(f"{row.name_at_graduation or ''} {row.class_year or ''}")
        named = {row["id"]: [word for name in NAMES for one in (texts(row[name]) if name == "former_names" else [row[name] or ""]) for word in words(one)]
                 for row in people}
        whole = {row["id"]: "".join(words(" ".join([*(str(row[name] or "") for name in FOUND_BY), *learnt.get(row["id"], [])]))) for row in people}
        asked = [*(ASKED[(self.step + n) % len(ASKED)] for n in range(3)), f"zq{self.number:04d}x"]
        for query in asked:
            wanted = words(query)
            must = {one for one, there in named.items() if all(any(each.startswith(word) for each in there) for word in wanted)}
            may = {one for one, there in whole.items() if all(word in there for word in wanted) or fold(query.replace(" ", "")) in there}
            found = member_ids(self.desk, query, standing=None)
            assert must <= set(found) <= may, (query, must - set(found), set(found) - may)
            assert len(found) == len(set(found)) == count_members(self.desk, query, standing=None)
            best = best_members(self.desk, query, 1_000, standing=None)
            assert best.close or set(best.ids) == set(found), query
            if not best.close:
                assert {one for portion in all_members(self.desk, best.question, standing=None) for one in portion} == set(found)
        assert {one for portion in all_members(self.desk, None, standing=None) for one in portion} == {row["id"] for row in people}

    def look_at_lists(self) -> None:
        with closing(self.desk.raw()) as raw:
            held = backup.counted(raw)
        assert held.members == count_members(self.desk) == len(member_rows(self.desk))
        listed = gathering_rows(self.desk)
        assert held.gatherings == len(listed)
        for gathering in listed:
            rows, door = guest_rows(self.desk, gathering.id), DoorList(self.desk, gathering.id)
            now, came = self.who_is_in(gathering.id)
            with self.desk.reading() as connection:
                counted = inside(connection, [gathering.id]).get(gathering.id)
            assert {len(now)} == {door.headcount().present, sum(one.checked_in for one in rows), len(door.last_in(500)), counted.here if counted else 0}
            assert {len(came)} == {sum(one.came for one in rows), counted.came if counted else 0, gathering.came}
            answers = Counter(one.status for one in rows)
            assert (gathering.coming, gathering.maybe, gathering.not_answered, gathering.not_coming) == (
                answers["yes"], answers["maybe"], answers["invited"], answers["no"] + answers["cancelled"])

    def who_is_in(self, gathering: str) -> tuple[set[str], set[str]]:
        with self.desk.reading() as connection:
            facts = connection.exec_driver_sql("SELECT id, kind, registration, person, closes FROM fact WHERE gathering = ? AND NOT gone", (gathering,)).all()
            merged = merged_on(connection)
            on = set(connection.exec_driver_sql("SELECT id FROM registration WHERE gathering = ? AND NOT gone", (gathering,)).scalars())
        closed = {kind: {one for fact in facts if fact.kind == kind for one in texts(fact.closes)} for kind in ("out", "void")}
        stands = {fact.id: root_of(merged, fact.person) for fact in facts if fact.kind == "in" and fact.id not in closed["void"]}
        assert {fact.registration for fact in facts if fact.id in stands} <= on, "whoever was let in is on the list"
        return {person for fact, person in stands.items() if fact not in closed["out"]}, set(stands.values())

    def look_at_history(self) -> None:
        rows = sorted({cell[:2] for cell, step in self.at.items() if step == self.step and cell[0] in ("person", "registration", "gathering")})
        for table, row in rows[:3]:
            versions = history(self.desk, table, row)
            if row in self.erased:
                assert not versions
                continue
            past_values(self.desk, table, row)
            by_field: dict[str, list[Any]] = {}
            for one in versions:
                by_field.setdefault(one.field, []).append(one.value)
                if one.now and (value := self.before.get((table, row, one.field))):
                    assert value == (one.value,) or value == (bool(one.value),), (table, one.field, value, one.value)
            if (self.row_about((table, row, "")) or "") in self.erased:
                continue
            for (name, one_row, key), said in self.said.items():
                if (name, one_row) == (table, row) and len(said[0]) == 1 and key in by_field and key != "gone":
                    lacks = [one for (one,) in said if one is not None and one not in by_field[key]]
                    assert not lacks, f"{lacks} of {key} is in no history: {by_field[key]}"


def step(desk: Everything, chance: Random) -> None:
    """Somebody does something."""
    def pick() -> int:
        return chance.randrange(10_000)

    def few() -> list[int]:
        return [pick() for _one in range(chance.randint(1, 3))]

    answers = ("yes", "yes", "no", "maybe", "waitlisted", "cancelled", "invited")
    kinds: dict[str, tuple[int, Callable[[], dict[str, Any]]]] = {
        "add": (5, lambda: {"given": chance.choice(GIVEN), "last": chance.choice(LAST), "year": chance.choice(YEARS), "mail": chance.random() < 0.7}),
        "change": (12, lambda: {"one": pick(), "field": chance.choice(FIELDS), "value": pick()}),
        "remove": (3, lambda: {"some": few()}), "back": (2, lambda: {"one": pick()}),
        "merge": (5, lambda: {"one": pick(), "other": pick()}), "part": (3, lambda: {"one": pick()}),
        "plan": (1, lambda: {"name": chance.choice(("Dinner", "Talk"))}),
        "replan": (2, lambda: {"one": pick(), "how": chance.choice(("place", "capacity", "cancel", "again", "again", "hours"))}),
        "list_guests": (4, lambda: {"one": pick(), "some": few(), "status": chance.choice(answers)}),
        "at_the_list": (12, lambda: {"one": pick(), "some": few(), "how": chance.choice(AT_THE_LIST), "status": chance.choice(answers)}),
        "come": (4, lambda: {"one": pick(), "who": pick(), "how": chance.choice(("known", "by name", "new", "same"))}),
        "bring_file": (3, lambda: {"some": few(), "guests": chance.random() < 0.4, "one": pick(), "degree": chance.choice(("JD", "BA"))}),
        "rename": (1, lambda: {"how": chance.choice(("Boston", "Paris", ""))}),
        "put_back": (4, lambda: {"one": pick(), "which": pick()}),
        "take_back": (20, lambda: {"one": pick(), "what": chance.choice(("undo", "redo", "turn", "turn", "there and back", "there and back"))}),
        "erase": (1, lambda: {"one": pick(), "remake": chance.random() < 0.5}),
        "reopen": (1, dict), "back_up": (1, lambda: {"why": chance.choice(("daily", "by hand"))}), "go_back": (1, lambda: {"one": pick()}),
    }
    name = chance.choices([*kinds], [weight for weight, _words in kinds.values()])[0]
    said = kinds[name][1]()
    desk.log.append(f"{name} {said}")
    getattr(desk, name)(**said)


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_whatever_is_done_and_taken_back_all_is_as_it_should_be(tmp_path: Path, seed: int) -> None:
    chance, all_of_it = Random(seed), Everything(tmp_path)
    try:
        for _step in range(STEPS):
            step(all_of_it, chance)
    except BaseException:
        print("\n".join(all_of_it.log))
        raise
    finally:
        all_of_it.desk.close()
