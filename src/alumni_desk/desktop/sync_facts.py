"""What the Sync page shows, read in one snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from alumni_desk.desktop.laptops_here import Letting
from alumni_desk.desktop.syncchip import State
from alumni_desk.store import fates
from alumni_desk.store.desk import Desk
from alumni_desk.words import _

if TYPE_CHECKING:
    from alumni_desk.sync.conflicts import Conflict
    from alumni_desk.sync.lately import Did
    from alumni_desk.sync.refused import RefusedChange

REFUSED_ON_PAGE = 5
REFUSED_SEEN = "refused_seen"
"""The setting that says up to when what was not taken has been seen."""


@dataclass(frozen=True)
class Facts:
    """All that the page shows. ``oldest`` is when the oldest change still to send was made."""

    state: State
    sentence: str
    waiting: int
    last_sync: datetime | None
    oldest: datetime | None
    server: str
    chapter: str
    role: str
    sample: bool
    address: str = ""  # of a server elsewhere, whole
    clock: str = ""  # that this laptop's clock is wrong
    access: str = ""  # that what it may see ends soon
    refused: int = 0  # changes that the server did not take and nobody here has seen yet
    refusals: tuple[RefusedChange, ...] = ()  # the newest of them
    pin: str = ""  # of the server's own certificate
    leads: bool = False  # looks after the chapter and its laptops
    lately: tuple[Did, ...] = ()  # what the last syncs did, the newest first
    admin: bool = False
    door: bool = False
    takes_over: bool = False  # may keep the chapter itself, because nobody can say that its server is still there
    restored: bool = False  # from a backup of the computer that kept the chapter
    locked: bool = False  # a leader's laptop that was without contact for too long
    checked: str | None = None  # when all that is here was compared with the server
    identical: bool | None = None
    mended: str = ""  # that some of it was put right then
    carrying: bool = False  # what other laptops did, to the server
    members: int | None = None  # as many as there were when it was compared
    begun: bool = False  # some of the chapter is here
    list_at: datetime | None = None  # of a door that has never reached its server: when the list that it works from was made
    list_by: str = ""  # and by whom, if that is known
    gone_back: bool = False  # to a backup, and what the server has besides is not fetched yet
    conflicts: tuple[Conflict, ...] = ()
    lets: tuple[Letting, ...] = ()  # gatherings at whose doors new laptops may be let in
    ports: tuple[int, int] | None = None  # where others still look for the chapter that this laptop keeps, and where it is


def look_up(desk: Desk) -> Facts:
    """What the page shows, read in one snapshot."""
    from alumni_desk.sync import conflicts, engine, keeping, kept, lately, state, taking_over
    from alumni_desk.sync.refused import count_refused, refused
    from alumni_desk.sync.venue.handouts import came_from

    seen = str(desk.setting(REFUSED_SEEN) or "")
    refusals = tuple(refused(desk, REFUSED_ON_PAGE, seen))
    with desk.reading() as connection:
        standing = engine.standing(connection)
        membership = state.read(connection, state.Membership)
        keeps_it, elsewhere = kept.kept_here(connection) is not None, kept.kept_elsewhere(connection)
        trouble = (state.read(connection, state.LastSync) or state.LastSync()).trouble
        not_taken = count_refused(connection, seen) if refusals else 0
        past = tuple(lately.lately(connection))
        sample = connection.exec_driver_sql("SELECT 1 FROM chapter WHERE sample LIMIT 1").first() is not None
        checked = state.read(connection, state.Checked)
        begun = connection.exec_driver_sql("SELECT EXISTS (SELECT 1 FROM person)").scalar() == 1
        handed = came_from(connection, membership.gathering) if membership and membership.gathering and standing.last_sync is None else None
        oldest = connection.exec_driver_sql(f"SELECT min(o.id) {fates.FROM_WAITING} WHERE w.sequence IS NULL AND w.queue <> 'peer'").scalar()
    leads = membership is not None and membership.role in ("leader", "admin") and not standing.locked
    return Facts(
        state=standing.state,
        sentence=standing.sentence,
        waiting=standing.waiting,
        last_sync=datetime.fromisoformat(standing.last_sync) if standing.last_sync else None,
        oldest=_made_at(oldest) if oldest and standing.waiting else None,
        server=server_words(membership.url, kept=keeps_it, elsewhere=elsewhere) if membership else "",
        chapter=membership.scope_name if membership else "",
        role=_role(membership.role) if membership else "",
        address=membership.url if membership and not (keeps_it or elsewhere) else "",
        sample=sample,
        clock=standing.clock,
        access=standing.access if standing.state not in ("ended", "invitation") else "",
        refused=not_taken,
        refusals=() if standing.locked else refusals,
        pin=(membership.fingerprint or "") if membership else "",
        leads=leads,
        lately=past,
        admin=membership is not None and membership.role == "admin",
        door=membership is not None and membership.role == "door",
        takes_over=leads and (elsewhere or (trouble in taking_over.SILENT and not (keeps_it and keeping.has_server(desk)))),
        restored=elsewhere,
        locked=standing.locked or standing.late,
        checked=standing.checked,
        identical=standing.identical,
        mended=engine.mended_words(standing.mended) if standing.mended else "",
        carrying=standing.carrying,
        members=checked.members if checked is not None else None,
        begun=begun,
        list_at=datetime.fromtimestamp(handed[1] / 1000, UTC) if handed else None,
        list_by=handed[0] if handed else "",
        gone_back=trouble == state.RESTORED,
        conflicts=tuple(conflicts.conflicts(desk)) if leads else (),
        lets=tuple(_doors(desk)) if leads else (),
        ports=_ports(desk) if keeps_it else None,
    )


def _ports(desk: Desk) -> tuple[int, int] | None:
    from alumni_desk.sync import keeping

    former, port = keeping.looked_for_at(desk), keeping.known_port(desk)
    return (former, port) if former is not None and port is not None else None


_DOORS = 20


def _doors(desk: Desk) -> list[Letting]:
    """Gatherings that run or come, the soonest first."""
    from alumni_desk.desktop.door_page import choosable

    return [Letting(one.id, one.name) for one in choosable(desk) if not one.over][:_DOORS]


def server_words(url: str, *, kept: bool, elsewhere: bool) -> str:
    """The server as people know it: by its name, or that it is on this laptop, or was on the one whose backup this is."""
    if elsewhere:
        return _("the computer that kept the chapter")
    return _("this laptop’s own server") if kept else urlsplit(url).hostname or url


def _made_at(operation: str) -> datetime:
    """When an operation was made: its UUIDv7 begins with the milliseconds since 1970."""
    return datetime.fromtimestamp(int(operation.replace("-", "")[:12], 16) / 1000, UTC)


def _role(role: str) -> str:
    """A role in words."""
    words = {"admin": _("Admin of the alumni network"), "leader": _("Leader of the chapter"), "door": _("Check-in volunteer")}
    return words.get(role, role)
