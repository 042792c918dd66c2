"""One run: the steps of a seed carried out by the real code, and the invariants asked after them."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from nacl.signing import SigningKey

from alumni_desk.checkin import actions as door
from alumni_desk.errors import KnownError, Refused
from alumni_desk.gatherings import actions as gatherings
from alumni_desk.members import actions as members
from alumni_desk.members import merging
from alumni_desk.protocol.canonical import body_of
from alumni_desk.protocol.messages import Operation, PushReply, PushRequest
from alumni_desk.protocol.parcels import Piece, sign_parcel
from alumni_desk.store import backup, backup_folders, erasing, removal
from alumni_desk.store import undo as undoing
from alumni_desk.store.done import actions
from alumni_desk.sync import session, state
from simulation import checking, disks, venue
from simulation.ground import copy_ground, ground, memory
from simulation.holding import Violation, hold
from simulation.laptop import Laptop
from simulation.ledger import Ledger
from simulation.network import Line
from simulation.office import Office
from simulation.steps import ANSWERS, AT_A_DOOR, DAY, FIELDS, SKEWS, WORDS, Plan, Step, pick, plan
from simulation.world import World, begin, simulated

ROUNDS = 12
"""After the run everybody syncs so often at most until nothing moves any more."""

SIZES = ((4_000, 4_000), (3, 12), (7, 4_000), (4_000, 12))
"""Rows of a page and operations of a push, by seed: small ones tear what would travel together."""

WEATHER = frozenset({"sync_unreachable", "sync_slow", "sync_no_server", "sync_sign_in", "sync_busy", "sync_server_trouble", "no_session"})
"""What a sync may say while the network is not fair."""


VENUE_WEATHER = frozenset({"venue_partner", "venue_closed", "venue_no_laptop", "venue_door_closed", "venue_over", "venue_ended", "venue_certificate_wrong",
                           "venue_leader", "venue_revoked", "handout_ended"})
"""What a meeting may say."""

OVER = frozenset({"handout_not_ours", "handout_forged"})
"""And when its time at the door is over, by its own clock or by everybody's."""

HOUR = 3_600_000

KEPT_WHEN_EMPTIED = frozenset({removal.FILE, "desk.lock", "outbox.lock"})

UNANSWERED = "SELECT id FROM operation_now WHERE fate = 'waiting' AND sequence IS NULL AND queue <> 'peer'"


@dataclass
class Run:
    """One run under way."""

    plan: Plan
    folder: Path
    world: World
    office: Office
    laptops: list[Laptop]
    ledger: Ledger = field(default_factory=Ledger)
    late: list[Any] = field(default_factory=list)
    backup: Path | None = None
    copies: dict[str, Path] = field(default_factory=dict)
    sticks: dict[str, list[Path]] = field(default_factory=dict)
    count: int = 0

    @property
    def thorough(self) -> bool:
        """Whether the end of the run is looked at in ways that cost more: one in sixteen."""
        return self.plan.seed % 16 == 0

    def laptop(self, step: Step) -> Laptop:
        """The laptop that a step is about."""
        return self.laptops[step.who % len(self.laptops)]

    def do(self, step: Step) -> None:
        """Carry out a step and look at what must hold after it."""
        self.world.now += 1 + step.c % 20_000
        action = getattr(self, "do_" + step.kind.replace(" ", "_"), None)
        if action is not None:
            action(step)
        else:
            self._edit(step)

    def _edit(self, step: Step) -> None:
        laptop = self.laptop(step)
        killed_before = laptop.folder
        work = EDITS[pick(list(AT_A_DOOR), step.a) if laptop.gathering else step.kind]
        with contextlib.suppress(KnownError):  # there was nothing to do it with
            laptop.do(lambda: work(laptop, step), step.kill)
        self._note(laptop, killed_before)
        checking.own_writes_are_seen(laptop, self.ledger)

    def _note(self, laptop: Laptop, folder: Path) -> None:
        """Take down what it made; all of it anew where numbers of rows may have been used again."""
        if laptop.folder != folder or laptop.gathering or self.plan.meets:
            self.ledger.anew(laptop)
        else:
            self.ledger.note(laptop)

    def do_undo(self, step: Step) -> None:
        self._turn(step, undoing.undo)

    def do_redo(self, step: Step) -> None:
        self._turn(step, undoing.redo)

    def _turn(self, step: Step, turn: Callable[..., Any]) -> None:
        """5: an undo never writes over what anybody changed since, and what it writes is what stood before."""
        laptop = self.laptop(step)
        known = {row["id"] for row in laptop.rows("SELECT id FROM operation")}
        before = laptop.folder
        done = [one.id for one in actions(laptop.desk, 30) if one.state == ("done" if turn is undoing.undo else "undone")]
        if not done:
            return
        try:
            laptop.do(lambda: turn(laptop.desk, pick(done, step.a)), step.kill)
        except KnownError:
            return
        self._note(laptop, before)
        assigned = {row["clock"]: row["id"] for row in self.office.rows("SELECT id, clock FROM operation_result WHERE clock IS NOT NULL")}
        for row in laptop.rows("SELECT o.id, o.table_name, o.row_id, o.before, a.undoes FROM operation AS o JOIN action AS a ON a.id = o.action"):
            if row["id"] in known or row["undoes"] is None:
                continue
            for key, clock in self.ledger.made[row["id"]]["before"].items():
                made = self.ledger.clocks.get(clock) or self.ledger.made.get(assigned.get(clock, ""))
                if clock is None or made is None:
                    continue
                turned = made["event"] in ("undone", "redone")  # by whatever step: to take a merged entry apart undoes the merge
                hold(5, made["action"] == row["undoes"] or turned,
                     f"{laptop.name} took back {key} of {row['table_name']} {row['row_id']}, which {made['laptop']} has changed since ({made['event']})")
        checking.own_writes_are_seen(laptop, self.ledger)

    def do_sync(self, step: Step) -> None:
        self._sync(self.laptop(step), step)

    def _sync(self, laptop: Laptop, step: Step) -> None:
        before = laptop.folder
        laptop.late = self.late
        try:
            done = laptop.do(lambda: laptop.sync(dict(step.faults)), None if self._is_removed(laptop) else step.kill)
        except KnownError as problem:
            done = None
            if self._is_removed(laptop) and problem.code == removal.CODE:
                self._emptied(laptop)
                return
            hold(13, problem.code in WEATHER, f"{laptop.name} cannot sync: {problem.code}: {problem}")
            fair = not step.faults and self.office.up and not laptop.away
            hold(13, not fair, f"{laptop.name} cannot sync on a fair network: {problem.code}")
        self._note(laptop, before)
        self._take_down(laptop)
        checking.own_writes_are_seen(laptop, self.ledger)
        checking.the_check_found_nothing(laptop)
        if done is not None:
            checking.nothing_is_missing(laptop, self.office)

    def _take_down(self, laptop: Laptop) -> None:
        for row in laptop.rows("SELECT id, fate FROM operation_now WHERE fate IN ('accepted', 'refused')"):
            self.ledger.accepted_once.add(row["id"])
            if row["fate"] == "refused":
                self.ledger.refused.add(row["id"])

    def do_restart(self, step: Step) -> None:
        laptop = self.laptop(step)
        laptop.close()
        laptop.open()

    def do_jump(self, step: Step) -> None:
        self.laptop(step).skew = pick(list(SKEWS), step.a)

    def do_wait(self, step: Step) -> None:
        self.world.now += pick([60_000, 20 * 60_000, 2 * 3_600_000, DAY, 20 * DAY], step.a)

    def do_away(self, step: Step) -> None:
        self.laptop(step).away = True

    def do_here(self, step: Step) -> None:
        self.laptop(step).away = False

    def do_copy(self, step: Step) -> None:
        self.count += 1
        who = step.who % len(self.laptops)
        self.copies[self.laptops[who].name] = self.laptops[who].copy(self.folder / f"copy-{self.count}")

    def do_older(self, step: Step) -> None:
        """16: what is lost with the disk is what was held nowhere else."""
        laptop = self.laptop(step)
        if laptop.name in self.copies:
            self._back_to(laptop, self.copies[laptop.name])

    def do_backup(self, step: Step) -> None:
        """By itself into its own folder; or by hand onto a stick, where no erasing reaches it."""
        laptop = self.laptop(step)
        self.count += 1
        stick = self.folder / f"stick-{self.count}.alumnidesk"
        with contextlib.suppress(KnownError):  # a disk that went back to before
            if step.b % 3:
                laptop.do(lambda: backup.by_itself(laptop.desk.profile, laptop.desk.key, "daily"))
            else:
                laptop.do(lambda: backup.back_up(laptop.desk, stick))
                self.sticks.setdefault(laptop.name, []).append(stick)

    def do_restore(self, step: Step) -> None:
        """2, 5 and 11: a restore leaves nothing behind that waits, shows it, and brings nobody back who was erased."""
        laptop = self.laptop(step)
        files = [one.file for one in backup_folders.backups(laptop.desk.profile, laptop.desk.key) if one.ours and not one.damaged]
        files += self.sticks.get(laptop.name, [])
        if not files:
            return
        before = {row["id"] for row in laptop.rows("SELECT id FROM operation")}
        waiting = {row["id"] for row in laptop.rows(UNANSWERED)}
        erased = laptop.rows("SELECT id FROM erased")
        try:
            laptop.restore(pick(files, step.a))
        except Refused as refused:  # it had more of the chapter then, or its time at the door is over
            if refused.code != "restore_wider":
                raise
            return
        there = {row["id"] for row in laptop.rows("SELECT id FROM operation")}
        hold(2, waiting <= there, f"a restore on {laptop.name} left {sorted(waiting - there)[:3]} behind, which waited")
        for row in erased:
            found = laptop.rows("SELECT first_name, last_name, notes, email FROM person WHERE id = ?", row["id"])
            hold(11, not any(value for one in found for value in one.values()), f"a restore on {laptop.name} brought {row['id']} back, who was erased")
        self.ledger.discarded(before, self.laptops, self.office)
        self.ledger.anew(laptop)
        checking.own_writes_are_seen(laptop, self.ledger)

    def do_join(self, step: Step) -> None:
        """A new laptop, whose first sync may meet with anything."""
        if len(self.laptops) >= 7 or not self.office.up:
            return
        self.count += 1
        name = f"laptop-{90 + self.count}"
        shutil.copytree(ground() / "new-0", self.folder / name)
        newcomer = Laptop(self.world, self.office, name, self.folder / name, pick(list(SKEWS), step.a))
        newcomer.do(lambda: newcomer.join(self.office.invite()))
        self.laptops.append(newcomer)
        self.ledger.anew(newcomer)
        self._sync(newcomer, step)

    def _back_to(self, laptop: Laptop, copy: Path) -> None:
        before = {row["id"] for row in laptop.rows("SELECT id FROM operation")}
        self.count += 1
        place = self.folder / f"older-{self.count}"
        shutil.copytree(copy, place)
        laptop.move(place)
        self.ledger.discarded(before, self.laptops, self.office)
        self.ledger.anew(laptop)

    def do_clone(self, step: Step) -> None:
        if len(self.laptops) >= 7:
            return
        self.count += 1
        laptop = self.laptop(step)
        twin = laptop.copy(self.folder / f"clone-{self.count}")
        made = Laptop(self.world, self.office, f"twin-{self.count}-of-{laptop.name}", twin, pick(list(SKEWS), step.a))
        made.removed, made.let_in_by = laptop.removed, laptop.let_in_by  # it is the same laptop to the server
        self.laptops.append(made)
        self.ledger.anew(made)

    def do_meet(self, step: Step) -> None:
        """2: until the server has answered, no laptop lets go of what was done on it, whoever else has it."""
        visitor = self.laptop(step)
        host = self.laptops[(step.who + 1 + step.a % max(1, len(self.laptops) - 1)) % len(self.laptops)]
        if host is not visitor:
            self._meet(visitor, host, step)

    def _meet(self, visitor: Laptop, host: Laptop, step: Step, gathering: str | None = None) -> None:
        before = {laptop: {row["id"] for row in laptop.rows(UNANSWERED)} for laptop in (visitor, host)}
        places = {laptop: laptop.rows("SELECT id, cursor, chain FROM scope ORDER BY id") for laptop in (visitor, host)}
        folder = visitor.folder
        try:
            visitor.do(lambda: venue.meet(visitor, host, dict(step.faults), gathering), step.kill)
        except KnownError as problem:
            apart = abs(visitor.skew - host.skew) > HOUR  # what the one signed is not yet, or no more, by the other's clock
            expected = VENUE_WEATHER | OVER if apart or _seems_over(visitor) else VENUE_WEATHER
            hold(13, problem.code in expected, f"{visitor.name} cannot meet {host.name}: {problem.code}: {problem}")
        self._note(visitor, folder)
        self._note(host, host.folder)
        for laptop, ids in before.items():
            gone = ids - {row["id"] for row in laptop.rows("SELECT id FROM operation")}
            hold(2, not gone, f"{laptop.name} let go of {sorted(gone)[:3]} at a meeting")
            if gathering is None:
                hold(8, laptop.rows("SELECT id, cursor, chain FROM scope ORDER BY id") == places[laptop], f"a meeting moved the cursor of {laptop.name}")
            checking.own_writes_are_seen(laptop, self.ledger)

    def do_let_in(self, step: Step) -> None:
        host = self.laptop(step)
        gathering = pick(_gatherings(host), step.b)
        if len(self.laptops) >= 7 or gathering is None:
            return
        self.count += 1
        name = f"door-{90 + self.count}"
        shutil.copytree(ground() / "new-0", self.folder / name)
        newcomer = Laptop(self.world, self.office, name, self.folder / name, host.skew)
        self._meet(newcomer, host, replace(step, kill=None), gathering)
        if newcomer.gathering is None:  # nobody is let in there; it goes home
            newcomer.close()
        else:
            newcomer.let_in_by = host
            self.laptops.append(newcomer)

    def do_destroyed(self, step: Step) -> None:
        """16: what others hold of it, sealed or open, is not lost."""
        laptop = self.laptop(step)
        start = ground() / laptop.name
        if start.exists():
            self._back_to(laptop, start)

    def do_removed(self, step: Step) -> None:
        """2 and 10: a removed laptop hands over what it has, at its next contact, and keeps nothing. The first one leads on."""
        laptop = self.laptop(step)
        if laptop.number and laptop.device != self.laptops[0].device and self.office.up:
            self.office.remove(laptop.device)
            for one in self.laptops:  # a clone is the same laptop to the server
                one.removed = one.removed or one.device == laptop.device

    @staticmethod
    def _is_removed(laptop: Laptop) -> bool:
        """Whom a removed leader let in counts for nothing either, unless the server knew them before."""
        return laptop.removed or (laptop.let_in_by is not None and laptop.let_in_by.removed)

    def _emptied(self, laptop: Laptop) -> None:
        left = sorted(one.name for one in laptop.folder.rglob("*") if one.is_file() and one.name not in KEPT_WHEN_EMPTIED)
        hold(10, not left, f"{laptop.name} was removed and keeps {left}")
        laptop.close()
        self.laptops.remove(laptop)

    def do_late(self, step: Step) -> None:
        """Reordering: a request that its sender has given up on arrives now."""
        if self.late and self.office.up:
            request = self.late.pop(step.a % len(self.late))
            Line(self.world, self.office, {}, self.late).deliver(request)

    def do_impostor(self, step: Step) -> None:
        """3: the id of an operation that the server knows, with another content, is no operation."""
        laptop = self.laptop(step)
        known = laptop.rows("SELECT id, row_id FROM operation_now WHERE fate = 'accepted' AND table_name = 'person' AND kind = 'put' ORDER BY rowid")
        there = self.ledger.results(self.office)
        one = pick([row for row in known if row["id"] in there], step.a)
        if one is None or laptop.away or laptop.gathering:
            return
        with laptop.desk.reading() as connection:
            membership = state.read(connection, state.Membership)
        assert membership is not None
        false = Operation(id=one["id"], action=one["id"], transaction=one["id"], kind="put", table="person", row=one["row_id"],
                          fields={"notes": f"false {step.b}"}, before={}, clock=f"{self.world.now:012x}-0000-{step.b:016x}", schema=1)
        parcel = sign_parcel(SigningKey(membership.key), server=membership.server, device=membership.device, scope=membership.scope, audience="chapter",
                             pieces=[Piece(one["id"], one["id"], body_of(false))])
        with self.world.at(laptop.skew):
            wire = laptop.wire({})
            session.resume(laptop.desk, wire)
            reply = session.call(laptop.desk, wire, membership, "push", PushRequest([parcel]), PushReply)
        hold(3, reply.results[0].settled == "invalid", f"the server took another operation under the id {one['id']}: {reply.results[0].status}")

    def do_update(self, step: Step) -> None:
        """9: a newer program migrates the database; nobody did anything, so nothing is captured."""
        laptop = self.laptop(step)
        before = laptop.rows("SELECT count(*) AS n FROM operation")[0]["n"]
        laptop.close()

        def upgrade(config: Any, _revision: str) -> None:
            connection = config.attributes["connection"]
            connection.exec_driver_sql("UPDATE person SET region = 'of a migration' WHERE region IS NULL")
            connection.exec_driver_sql("UPDATE person SET region = NULL WHERE region = 'of a migration'")

        with patch("alembic.command.upgrade", upgrade), patch("alumni_desk.store.opening.REVISION", "9999"), patch("alumni_desk.store.backup.before_update"):
            laptop.open()
        after = laptop.rows("SELECT count(*) AS n FROM operation")[0]["n"]
        hold(9, after == before, f"a migration on {laptop.name} was captured as {after - before} edits")

    def do_moved(self, step: Step) -> None:
        """4, 9 and 11: whoever moves is whole in one of the two chapters, whatever happens meanwhile; and once erased there is nowhere any more."""
        here = self.laptops[0].desk.scope or ""
        if not self.office.up:
            return
        there = self.office.other_chapter()
        came = pick([row["id"] for row in self.office.rows("SELECT id FROM person WHERE scope = ? AND NOT gone ORDER BY id", there)], step.a)
        if step.b == 2 and came is not None:
            self.office.erase(came, there, step.kill)
            return
        scope, to = (there, here) if step.b == 3 else (here, there)
        person = pick([row["id"] for row in self.office.rows("SELECT id FROM person WHERE scope = ? AND NOT gone ORDER BY id", scope)], step.a)
        if person is None:
            return
        before = checking.rows_of_server(self.office, scope, checking.MOVING)
        self.office.move(person, scope, to, step.kill)
        checking.take_down_moves(self.office, self.ledger, scope, to, before)

    def do_server_tidies(self, step: Step) -> None:
        """15: days later nothing is left of what was removed; years later no mark of it either."""
        self.world.now += pick([31 * DAY, 401 * DAY], step.a)
        if not self.office.up:
            return
        self.office.tidy()
        self.ledger.cleared |= {(row["table_name"], row["row_id"]) for row in self.office.rows(
            "SELECT table_name, row_id FROM erased WHERE kept IS NOT NULL AND moved_to IS NULL")}
        checking.the_feed_is_short(self.office, self.laptops[0].desk.scope or "", self.world)

    def do_server_backup(self, step: Step) -> None:
        self.count += 1
        self.backup = self.folder / f"server-{self.count}"
        self.office.back_up(self.backup)

    def do_server_restored(self, step: Step) -> None:
        self._put_back(self.office.restore)

    def do_server_rolled_back(self, step: Step) -> None:
        self._put_back(self.office.roll_back)

    def _put_back(self, how: Callable[[Path], None]) -> None:
        """11: a server that goes back erases again whom it had erased, before it serves."""
        if self.backup is None:
            return
        before = self.ledger.results(self.office) | self.office.set_aside()
        self.ledger.erased |= {row["row_id"] for row in self.office.rows("SELECT row_id FROM erased WHERE kept IS NULL")}
        how(self.backup)
        there = {row["row_id"] for row in self.office.rows("SELECT row_id FROM erased WHERE kept IS NULL")}
        hold(11, there >= self.ledger.erased, f"the server went back and forgot that it erased {sorted(self.ledger.erased - there)[:3]}")
        # A door whose time is over lets go of what the server had answered, when it hears of that: of its own facts alone it is a second place.
        over = [laptop for laptop in self.laptops if laptop.gathering and _seems_over(laptop)]
        facts = {row["id"] for laptop in over for row in laptop.rows("SELECT id FROM operation WHERE kind = 'fact' AND queue <> 'peer'")}
        self.ledger.discarded(before - facts, [laptop for laptop in self.laptops if laptop not in over], self.office)
        self.ledger.accepted_once |= before

    def do_server_restarts(self, step: Step) -> None:
        self.office.restart()

    def settle(self) -> None:
        """12 and 13: on a fair network everybody catches up, unaided, and nothing waits any more."""
        self.late.clear()
        for laptop in self.laptops:
            laptop.away = False
        for turn in range(ROUNDS):
            moved = 0
            for laptop in list(self.laptops):
                if not self.thorough and self._has_nothing_to_do(laptop, turn):
                    continue
                self.world.now += 1_000
                try:
                    done = laptop.do(laptop.sync)
                except KnownError as problem:
                    if self._is_removed(laptop) and problem.code == removal.CODE:
                        self._emptied(laptop)
                        continue
                    raise Violation(13, f"{laptop.name} cannot sync on a fair network: {problem.code}: {problem}") from problem
                self._note(laptop, laptop.folder)
                self._take_down(laptop)
                checking.the_check_found_nothing(laptop)
                checking.own_writes_are_seen(laptop, self.ledger)
                moved += done.pushed + done.waiting + done.refused
            if not moved and turn:
                break
        else:
            raise Violation(13, f"after {ROUNDS} rounds on a fair network something still moves")

    def _has_nothing_to_do(self, laptop: Laptop, turn: int) -> bool:
        """First they speak who have something to say, so that the others need to listen once."""
        if self._is_removed(laptop):
            return False
        return not checking.has_something_to_send(laptop) if not turn else checking.is_level(laptop, self.office)

    def check(self) -> None:
        """Everything that must hold in the end."""
        scope = self.laptops[0].desk.scope or ""
        leaders = [laptop for laptop in self.laptops if not laptop.gathering]
        for laptop in self.laptops:
            hold(13, not laptop.rows("SELECT 1 FROM operation_now WHERE fate = 'waiting'"), f"{laptop.name} still has something waiting")
            hold(13, not laptop.rows("SELECT 1 FROM shadow"), f"{laptop.name} keeps a base that nothing lies over")
            hold(1, checking.nothing_is_missing(laptop, self.office), f"{laptop.name} is not caught up")
        checking.the_server_is_right(self.office, scope, self.ledger, self.world, checking.tables_of(self.laptops[0]))
        checking.nothing_is_lost(self.office, self.laptops, self.ledger)
        checking.who_moved_is_in_one_chapter(self.office, scope, self.laptops, self.ledger)
        checking.nobody_erased_is_here(self.office, self.laptops)
        checking.the_disks_forgot(self.office, self.laptops, self.ledger)
        checking.attendance_is_the_same(self.office, leaders, leaders if self.thorough else leaders[:1])
        if self.thorough:
            self._exports(leaders)

    def _exports(self, leaders: list[Laptop]) -> None:
        from alumni_desk.exchange.exporting import export_ndjson

        files = []
        for number, laptop in enumerate(leaders):
            export_ndjson(laptop.desk, self.folder / f"{number}.ndjson")
            files.append((self.folder / f"{number}.ndjson").read_bytes())
        hold(1, len(set(files)) == 1, "the exports differ")

    def tell(self, told: Callable[[str], object]) -> None:
        """All that was made, in order."""
        for made in self.ledger.made.values():
            told(" ".join(str(made[name]) for name in ("laptop", "event", "kind", "table_name", "row_id", "id", "clock")))
        for row in self.office.rows("SELECT sequence, chain FROM feed_chain ORDER BY sequence"):
            told(f"{row['sequence']} {row['chain']}")

    def close(self) -> None:
        """End everything."""
        for laptop in self.laptops:
            laptop.close()
        self.office.close()


def _seems_over(laptop: Laptop) -> bool:
    """Whether what a laptop may see has an end that has passed, by true time or by its own clock."""
    now = max(laptop.world.now, laptop.world.now + laptop.skew)
    found = laptop.rows("SELECT json_extract(value, '$.until') AS until FROM sync_state WHERE key = 'membership'")
    return any(row["until"] is not None and datetime.fromisoformat(row["until"]).timestamp() * 1000 < now for row in found)


# What people do. Each takes a laptop and a step.

def _people(laptop: Laptop, where: str = "NOT gone") -> list[str]:
    return [row["id"] for row in laptop.rows(f"SELECT id FROM person WHERE {where} ORDER BY id")]


def _gatherings(laptop: Laptop) -> list[str]:
    return [row["id"] for row in laptop.rows("SELECT id FROM gathering WHERE NOT gone ORDER BY id")]


def _guests(laptop: Laptop, gathering: str | None) -> list[str]:
    return [row["id"] for row in laptop.rows("SELECT id FROM registration WHERE gathering = ? AND NOT gone ORDER BY id", gathering)]


def _word(laptop: Laptop) -> str:
    return disks.mark(laptop.world.chance.randrange(16**12))


def _value(laptop: Laptop, name: str, number: int) -> Any:
    if name in ("notes", "employer") and number % 3:
        return _word(laptop)
    if name == "class_year":
        return 1950 + number % 60
    if name == "deceased":
        return number % 7 == 0
    if name == "solicit_codes":
        return ["do_not_call"] if number % 2 else []
    if name == "email":
        return f"p{number % 5}@example.org"
    if name == "mobile":
        return f"+1 617 555 01{number % 90:02d}"
    word = pick(list(WORDS), number)
    return f"{word}{number % 3}" if name.endswith("name") else word


def _add(laptop: Laptop, step: Step) -> None:
    members.add_member(laptop.desk, first_name=f"New{step.a}", last_name=f"Of {step.who}", class_year=1990, employer=_word(laptop))


def _edit(laptop: Laptop, step: Step) -> None:
    name = pick(list(FIELDS), step.b)
    members.change_member(laptop.desk, pick(_people(laptop), step.a), **{name: _value(laptop, name, step.c)})


def _many(laptop: Laptop, step: Step) -> None:
    with laptop.desk.writing("member_changed") as writing:
        for number in range(3):
            writing.change("person", pick(_people(laptop), step.a + number), city=f"City {step.b % 4}", notes=f"Note {step.c % 4}")


def _remove(laptop: Laptop, step: Step) -> None:
    members.remove_members(laptop.desk, [pick(_people(laptop), step.a)])


def _back(laptop: Laptop, step: Step) -> None:
    person = pick(_people(laptop, "gone"), step.a)
    if person is not None:
        members.bring_back(laptop.desk, [person])


def _merge(laptop: Laptop, step: Step) -> None:
    people = _people(laptop)
    merging.merge_people(laptop.desk, pick(people, step.a), pick(people, step.b))


def _unmerge(laptop: Laptop, step: Step) -> None:
    merging.unmerge(laptop.desk, pick(_people(laptop, "merged_into IS NOT NULL"), step.a) or "")


def _school(laptop: Laptop, step: Step) -> None:
    with laptop.desk.writing("member_changed") as writing:
        writing.add("education", person=pick(_people(laptop), step.a), school=f"School {step.b % 3}", class_year=1990 + step.c % 9)


def _plan(laptop: Laptop, step: Step) -> None:
    gatherings.new_gathering(laptop.desk, name=f"Talk {step.a}", start="2026-10-01T19:00", end="2026-10-01T21:00", time_zone="America/New_York")


def _replan(laptop: Laptop, step: Step) -> None:
    gatherings.change_gathering(laptop.desk, pick(_gatherings(laptop), step.a), **{pick(["name", "place", "city"], step.b): f"Place {step.c % 5}"})


def _on_list(laptop: Laptop, step: Step) -> None:
    people = _people(laptop)
    gatherings.add_guests(laptop.desk, pick(_gatherings(laptop), step.a), dict.fromkeys(pick(people, step.b + n) for n in range(step.c % 3 + 1)))


def _answer(laptop: Laptop, step: Step) -> None:
    gathering = pick(_gatherings(laptop), step.c)
    guest = pick(_guests(laptop, gathering), step.a)
    if guest is not None:
        gatherings.set_rsvp(laptop.desk, gathering, [guest], pick(list(ANSWERS), step.b))


def _off(laptop: Laptop, step: Step) -> None:
    gathering = pick(_gatherings(laptop), step.b)
    guest = pick(_guests(laptop, gathering), step.a)
    if guest is not None:
        gatherings.remove_guests(laptop.desk, gathering, [guest])


def _in(laptop: Laptop, step: Step) -> None:
    gathering = pick(_gatherings(laptop), step.b)
    door.check_in(laptop.desk, gathering, pick(_guests(laptop, gathering), step.a), station=laptop.name, let_in=bool(step.c % 2))


def _void(laptop: Laptop, step: Step) -> None:
    gathering = pick(_gatherings(laptop), step.b)
    door.undo_check_in(laptop.desk, gathering, pick(_guests(laptop, gathering), step.a), reason="mistake")


def _out(laptop: Laptop, step: Step) -> None:
    gathering = pick(_gatherings(laptop), step.b)
    door.check_out(laptop.desk, gathering, pick(_guests(laptop, gathering), step.a))


def _walk(laptop: Laptop, step: Step) -> None:
    door.walk_in(laptop.desk, pick(_gatherings(laptop), step.b), f"Walk {step.a % 3}", email=f"walk{step.a % 3}@example.org", consent=bool(step.c % 2))


def _guest(laptop: Laptop, step: Step) -> None:
    gathering = pick(_gatherings(laptop), step.b)
    gatherings.add_guest_of(laptop.desk, gathering, pick(_guests(laptop, gathering), step.a), f"Guest {step.c % 9}" if step.c % 2 else None)


def _import(laptop: Laptop, step: Step) -> None:
    with laptop.desk.writing("import", queue="load") as writing:
        for n in range(pick([5, 12, 450], step.a) if step.b % 8 == 0 else 5):
            writing.add("person", standing="member", first_name=f"I{step.a}-{n}", last_name="Imported")


def _forbidden(laptop: Laptop, step: Step) -> None:
    """9: the whole transaction falls."""
    with laptop.desk.writing("chapter_changed") as writing:
        writing.change("person", pick(_people(laptop), step.a), notes=f"with it {step.b}")
        writing.change("chapter", laptop.desk.scope or "", sample=True)


def _erase(laptop: Laptop, step: Step) -> None:
    """11: everywhere and for ever."""
    erasing.erase(laptop.desk, [pick(_people(laptop), step.a)])


EDITS: dict[str, Callable[[Laptop, Step], None]] = {
    "merge": _merge, "unmerge": _unmerge,
    "add": _add, "edit": _edit, "many": _many, "remove": _remove, "back": _back, "school": _school, "plan": _plan, "replan": _replan, "guests": _on_list,
    "answer": _answer, "off": _off, "in": _in, "void": _void, "out": _out, "walk": _walk, "guest": _guest, "import": _import, "forbidden": _forbidden,
    "erase": _erase,
}


@dataclass(frozen=True)
class Failure:
    """A seed that breaks something: what, and the steps it takes."""

    plan: Plan
    trouble: BaseException

    @property
    def number(self) -> int | None:
        """The invariant that does not hold."""
        return self.trouble.number if isinstance(self.trouble, Violation) else None

    def told(self) -> str:
        """The failure for a person to read."""
        lines = [f"seed {self.plan.seed}: {type(self.trouble).__name__}: {self.trouble}",
                 f"  {self.plan.laptops} laptops, {self.plan.doors} at a door; clocks ahead by (ms) {self.plan.skews}"]
        lines += [f"  {number:2}  {step.said()}" for number, step in enumerate(self.plan.steps)]
        return "\n".join(lines)


def carry_out(wanted: Plan, told: Callable[[str], object] | None = None) -> None:
    """Run a plan; raises Violation, or whatever the code under test raised. ``told`` hears in the end of all that was made."""
    rows, operations = SIZES[wanted.seed // 4 % len(SIZES)]
    worth = 1 if wanted.seed // 2 % 2 else 4_000
    with (patch("alumni_desk.server.pull.PAGE_ROWS", rows), patch("alumni_desk.sync.push.PUSH_OPERATIONS", operations),
          patch("alumni_desk.sync.snapshot.WORTH", worth)):
        _carry_out(wanted, told)


def _carry_out(wanted: Plan, told: Callable[[str], object] | None) -> None:
    world = begin(World(wanted.seed))
    folder = Path(tempfile.mkdtemp(prefix="alumni-desk-run-", dir=memory()))
    run: Run | None = None
    try:
        names = copy_ground(folder, wanted.laptops, wanted.doors)
        begin(world)
        office = Office(world, folder / "server")
        run = Run(wanted, folder, world, office, [])
        for name, skew in zip(names, wanted.skews, strict=False):
            run.laptops.append(Laptop(world, office, name, folder / name, skew))
            run.ledger.note(run.laptops[-1])
            run._take_down(run.laptops[-1])
        for step in wanted.steps:
            run.do(step)
        run.settle()
        run.check()
        if told is not None:
            run.tell(told)
    finally:
        if run is not None:
            run.close()
        shutil.rmtree(folder, ignore_errors=True)


def attempt(wanted: Plan) -> Failure | None:
    """Run a plan; what failed, if anything did."""
    try:
        carry_out(wanted)
    except Exception as trouble:
        return Failure(wanted, trouble)
    return None


def try_seed(seed: int) -> Failure | None:
    """Run a seed."""
    return attempt(plan(seed))


def some(seeds: list[int]) -> list[tuple[int, str]]:
    """Try seeds in a process of their own; those that fail, with what was broken."""
    with simulated():
        return [(seed, str(failure.trouble)) for seed in seeds if (failure := try_seed(seed)) is not None]


def shrink(failure: Failure, attempts: int = 300) -> Failure:
    """The same failure with steps left out, and faults, as long as it stays."""
    best, size = failure, max(1, len(failure.plan.steps) // 2)
    while attempts > 0 and size:
        at, better = 0, False
        while at < len(best.plan.steps) and attempts > 0:
            attempts -= 1
            found = attempt(replace(best.plan, steps=(*best.plan.steps[:at], *best.plan.steps[at + size:])))
            if found is not None and _alike(found, failure):
                best, better = found, True
            else:
                at += size
        if not better or size > 1:
            size //= 2
    return _calmer(best, failure, attempts)


def _calmer(best: Failure, failure: Failure, attempts: int) -> Failure:
    for number in range(len(best.plan.steps)):
        step = best.plan.steps[number]
        for calm in (replace(step, faults=(), kill=None), *(replace(step, faults=tuple(one for one in step.faults if one != fault)) for fault in step.faults)):
            if calm == best.plan.steps[number] or attempts <= 0:
                continue
            attempts -= 1
            steps: Sequence[Step] = (*best.plan.steps[:number], calm, *best.plan.steps[number + 1:])
            found = attempt(replace(best.plan, steps=tuple(steps)))
            if found is not None and _alike(found, failure):
                best = found
    return best


def _alike(one: Failure, other: Failure) -> bool:
    return type(one.trouble) is type(other.trouble) and one.number == other.number
