"""The real server, in this process: its application on its SQLCipher database, with a clock and a power switch that the simulator holds."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.canonical import operation_of
from alumni_desk.protocol.messages import Parcel
from alumni_desk.server import backups, erasing, feed, moved
from alumni_desk.server.accounts import remove
from alumni_desk.server.app import make_app
from alumni_desk.server.database import sqlcipher_database
from alumni_desk.server.erasures import erasures, make_up
from alumni_desk.server.invitations import invite
from alumni_desk.server.snapshot import Snapshots
from alumni_desk.server.state import open_server
from alumni_desk.server.tidying import tidy_all
from simulation.asking import asked
from simulation.network import Answer, Ears, Request, ServerFault
from simulation.world import Killed, World, listen

KEY = bytes(range(32))
PASSPHRASE = "three words to remember"
BACKUP = "server.alumnibackup"


class Office:
    """A server in a folder."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder
        self.up = True
        self.kill_after: int | None = None
        self.killed = False
        self._open()

    def _open(self) -> None:
        self.database = sqlcipher_database(self.folder / "server.db", KEY)
        self.server = open_server(self.database, self.folder / "journal")
        self.ears = Ears(make_app(self.server, lambda: self.world.now, rate=1e9, strangers_rate=1e9))
        self._own = self.database.engine.raw_connection()
        listen(self.database.engine, self._statement)

    def _statement(self, _sql: str) -> None:
        if self.kill_after is not None:
            self.kill_after -= 1
            if self.kill_after <= 0:
                self.kill_after, self.killed = None, True
                raise Killed

    def answer(self, request: Request) -> Answer:
        """What the server says to a request, by its own clock."""
        try:
            with self.world.at(0):
                return self.ears.hear(request)
        except (Killed, ServerFault, sa.exc.PendingRollbackError):  # the last: killed while it only read
            if not self.killed:
                raise
            self.killed = False
            self.restart()
            raise Killed from None

    def invite(self, role: str = "leader", gathering: str | None = None) -> str:
        """A code for one laptop."""
        return invite(self.server, chapter="Boston", role=role, gathering=gathering, now=self.world.now).code

    def remove(self, device: str) -> None:
        """Remove a laptop, as a leader does."""
        with self.database.writing() as connection:
            remove(self.server, connection, device, self.world.now, by=None)

    def other_chapter(self) -> str:
        """The id of the network's other chapter, made at first need."""
        found = self.rows("SELECT id FROM chapter WHERE name = 'Munich'")
        if not found:
            invite(self.server, chapter="Munich", role="leader", now=self.world.now)
            return self.other_chapter()
        return str(found[0]["id"])

    def move(self, person: str, scope: str, to: str, kill: int | None) -> None:
        """Hand a member over to another chapter, as ``server move-member`` does; killed in the middle of it, the next start goes on."""
        self.kill_after = kill
        try:
            moved.move(self.server, person, to, self.world.now, scope=scope)
        except (Killed, sa.exc.PendingRollbackError):
            if not self.killed:
                raise
            self.killed = False
            self.restart()
        self.kill_after = None

    def erase(self, person: str, scope: str, kill: int | None) -> None:
        """Erase somebody in a chapter of which no laptop is here, as a push of one's would; killed in the middle of it, the next start goes on."""
        self.kill_after = kill
        try:
            with erasures(self.server, self.world.now, Snapshots(self.server)) as note, self.database.writing() as connection:
                locked = feed.lock_head(connection, self.server.tables, scope)
                assert locked is not None
                erasing.erase(connection, self.server.tables, locked, [person], self.world.now, note)
                feed.move_head(connection, self.server.tables, locked)
        except (Killed, sa.exc.PendingRollbackError):
            if not self.killed:
                raise
            self.killed = False
            self.restart()
            make_up(self.server, self.world.now)
        self.kill_after = None

    def set_aside(self) -> set[str]:
        """The operations that wait for a leader's look, because who made them was removed."""
        found = set()
        for row in self.rows("SELECT parcel FROM quarantine"):
            parcel = msgspec.msgpack.decode(row["parcel"], type=Parcel)
            found.update(operation_of(body).id for body in parcel.bodies if body)
        return found

    def tidy(self) -> None:
        """As one of its processes does it each day."""
        tidy_all(self.server, self.world.now)

    def close(self) -> None:
        """Stop it."""
        self._own.close()
        self.ears.close()
        self.database.close()

    def restart(self) -> None:
        """Start it again."""
        self.close()
        self._open()

    def back_up(self, to: Path) -> None:
        """As ``server backup`` does it; and a copy of its files as they are then."""
        to.mkdir(parents=True, exist_ok=True)
        backups.back_up(self.database, to / BACKUP, PASSPHRASE)
        for name in ("server.db", "server.db-wal"):
            if (self.folder / name).exists():
                shutil.copyfile(self.folder / name, to / name)

    def restore(self, backup: Path) -> None:
        """As ``server restore`` does it: a new timeline begins."""
        self.close()
        database = sqlcipher_database(self.folder / "server.db", KEY)
        try:
            with self.world.at(0):
                backups.restore(database, backup / BACKUP, PASSPHRASE, self.folder / "journal", now=self.world.now)
        finally:
            database.close()
            self._open()

    def roll_back(self, backup: Path) -> None:
        """Put the files back behind its back, as a virtual machine does that is rolled back."""
        self.close()
        for name in ("server.db", "server.db-wal", "server.db-shm"):
            (self.folder / name).unlink(missing_ok=True)
        for name in ("server.db", "server.db-wal"):
            if (backup / name).exists():
                shutil.copyfile(backup / name, self.folder / name)
        self._open()

    def rows(self, question: str, *values: Any) -> list[Any]:
        """What its database says."""
        return asked(self._own.dbapi_connection, question, values)
