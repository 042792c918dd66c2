"""What a desk remembers of its server: kept in its encrypted database, never synced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

import msgspec

from alumni_desk.protocol.messages import Author, Certificate, ConflictRow, Cursor, LaptopRow, Removals, SnapshotReply
from alumni_desk.protocol.venue_keys import Keys
from alumni_desk.store import driver

if TYPE_CHECKING:
    import sqlalchemy as sa

    from alumni_desk.store.driver import Connection

T = TypeVar("T")


class Membership(msgspec.Struct, frozen=True):
    """The server joined, and this device's place there. ``key`` is the private key (Ed25519 seed)."""

    url: str
    fingerprint: str | None
    server: str
    device: str
    key: bytes
    scope: str
    scope_name: str
    role: str
    gathering: str | None = None  # of a laptop at the door: the only one
    until: str | None = None  # ISO 8601 UTC, as the server said last


class Joining(msgspec.Struct, frozen=True):
    """An invitation being used: kept from before the call, so that a crash after it repeats the same answer. ``looked``: it was only looked at."""

    url: str
    code: str
    key: bytes
    looked: bool = False


class Session(msgspec.Struct, frozen=True):
    """The current token; ``expires`` in milliseconds since 1970, by the server's clock."""

    token: str
    expires: int


class LastSync(msgspec.Struct, frozen=True):
    """How the newest sync went. ``at``: ISO 8601 UTC of the newest that finished; ``trouble``: code of what stopped a later one."""

    at: str | None = None
    trouble: str | None = None


RESTORED = "restored"
"""As the trouble of the last sync: the desk went back to a backup since, and what the server has besides is not fetched yet."""


class WentBack(msgspec.Struct, frozen=True):
    """The desk went back to a backup, and what it wrote itself after that one has not come down again: whoever edits here has not that before them."""


class Timeline(msgspec.Struct, frozen=True):
    """The server's timeline that our cursor belongs to; another one means that the server was restored."""

    name: str


class Skew(msgspec.Struct, frozen=True):
    """How far this computer's clock was ahead of the server's when they last spoke, or a leader's laptop told the time in its place; negative: behind.
    ``seen_ms``: the server's time then."""

    ahead_ms: int = 0
    seen_ms: int = 0


class Places(msgspec.Struct, frozen=True):
    """Where the server said its feed was after our pushes, those since it last knew all of them: it must know them still, or it was restored."""

    places: list[Cursor]


class Ended(msgspec.Struct, frozen=True):
    """This laptop's access to a gathering's door is over, and what it could read is gone. ``name``: of the gathering."""

    name: str = ""
    until: str | None = None


class Contact(msgspec.Struct, frozen=True):
    """The server's time at the last contact, in milliseconds since 1970, and how long this program has run since: what no clock can be set beyond."""

    server_ms: int
    ran_ms: int = 0


class Credentials(msgspec.Struct, frozen=True):
    """What this laptop shows to others at a venue (its chain of certificates), knows them by (the server's key, who was removed), and opens with."""

    server_key: bytes
    chain: list[Certificate]
    keys: Keys
    revoked: list[str] = []
    removals: Removals | None = None  # what ``revoked`` was last told by, to be carried on to others


class VenueCode(msgspec.Struct, frozen=True):
    """A code that this laptop has shared with, its salt and port. ``gathering``: at whose door new laptops were let in with it, empty for none;
    ``used``: milliseconds since 1970; ``removed``: the laptops that had been removed when it was made."""

    code: str
    salt: bytes
    used: int
    port: int = 0
    gathering: str = ""
    removed: list[str] = []


class VenueCodes(msgspec.Struct, frozen=True):
    """Those of one chapter at its server, the one that was used last first."""

    server: str
    scope: str
    codes: list[VenueCode]


class Here(msgspec.Struct, frozen=True):
    """What this laptop does with the laptops in its room, to go on after a restart: since when it shares and visits, in milliseconds since 1970, 0: not;
    ``gathering``: at whose door new laptops are let in; ``address`` and ``code`` of the laptop visited. For one chapter at its server."""

    server: str
    scope: str
    shares: int = 0
    gathering: str = ""
    visits: int = 0
    address: str = ""
    code: str = ""


class ListEnd(msgspec.Struct, frozen=True):
    """The place of the last parcel that was ever put into this laptop's list: none is given twice, though parcels go. ``began``: the list holds nothing up to
    there, as a restore put another one in its place; whoever has heard up to such a place has heard another list."""

    place: int
    began: int = 0


class Rebuilding(msgspec.Struct, frozen=True):
    """The chapter is being pulled again from zero; when that is done, what did not come is not at the server. ``reached``: how far it had been pulled
    before."""

    reached: int = 0


class Elsewhere(msgspec.Struct, frozen=True):
    """This desk was restored from another computer's backup: the membership is that computer's, and this one needs an invitation of its own."""


class Former(msgspec.Struct, frozen=True):
    """The ids that this chapter had at the servers from which it moved: a backup of before is known by them."""

    scopes: list[str]


class Scrubbing(msgspec.Struct, frozen=True):
    """Something was taken out of the database for good, and pages, copies and backups may still hold it."""

    backups: bool = True


class Dropped(msgspec.Struct, frozen=True):
    """How many changes that were not sent went with whom they were about, who was erased elsewhere; the sync that ends next says so."""

    count: int = 0


class Away(msgspec.Struct, frozen=True):
    """Rows, by table, that another chapter has now. ``names``: of whom something was written here that the server does not take any more."""

    rows: dict[str, list[str]]
    names: dict[str, str] = {}


class Due(msgspec.Struct, frozen=True):
    """Removed rows, by table, that are to go by their age, each with when that was first seen (milliseconds since 1970 by this computer's clock)."""

    seen: dict[str, dict[str, int]] = {}


class Reach(msgspec.Struct, frozen=True):
    """How many other chapters this laptop looks after, as the server said last; ``kept``: that server is on the laptop that keeps the chapter."""

    others: int
    kept: bool = False


class Fetching(msgspec.Struct, frozen=True):
    """A snapshot on its way here: what the server offered, so that a fetch that was cut off goes on where it ended."""

    offer: SnapshotReply


class Carrying(msgspec.Struct, frozen=True):
    """All of a chapter goes to another server with this laptop, what others wrote, too. ``own``: the replicas under which it wrote itself; ``cards``:
    what two people changed and nobody has decided on, to be offered when all else is there; ``seen``: until then, of each replica the greatest clock that
    is known here."""

    own: list[str]
    cards: list[ConflictRow] = []
    seen: dict[str, str] | None = None


class Told(msgspec.Struct, frozen=True):
    """The laptops of the chapter as the server last told them, for whoever looks after it. ``at``: when, ISO 8601 UTC."""

    at: str
    scope: str
    laptops: list[LaptopRow]


class Checked(msgspec.Struct, frozen=True):
    """The last check that nothing is missing: when, where in the feed, what it found, and how many rows it had to put right. ``at``: ISO 8601 UTC;
    ``members``: how many there were then, None of a former version."""

    at: str
    identical: bool
    cursor: Cursor
    mended: int = 0
    members: int | None = None


REPLICA = "replica:"
"""Before the name of a replica: who writes under it. One row each."""

_NAMES: dict[type[msgspec.Struct], str] = {Membership: "membership", Joining: "joining", Session: "session", LastSync: "last_sync",
                                           Timeline: "timeline", Rebuilding: "rebuilding", WentBack: "went_back",
                                           Places: "places", Skew: "skew", Fetching: "fetching", Checked: "checked", Told: "laptops",
                                           Former: "former", Scrubbing: "scrubbing", Elsewhere: "elsewhere", Ended: "ended", Contact: "contact",
                                           Credentials: "credentials",
                                           Away: "away", Reach: "reach", Carrying: "carrying", Dropped: "dropped", VenueCodes: "venue_codes", Due: "due",
                                           Here: "here", ListEnd: "list_end"}


def read(connection: Connection, kind: type[T]) -> T | None:
    """What is kept of this kind, or None."""
    found = driver.row(connection, "SELECT value FROM sync_state WHERE key = ?", (_NAMES[kind],))  # type: ignore[index]
    return None if found is None else msgspec.json.decode(found[0], type=kind)


def keep(connection: sa.Connection, value: msgspec.Struct) -> None:
    """Keep it, in place of an older one."""
    driver.run(connection, "INSERT INTO sync_state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
               (_NAMES[type(value)], msgspec.json.encode(value).decode()))


def drop(connection: sa.Connection, kind: type[msgspec.Struct]) -> None:
    """Forget it."""
    connection.exec_driver_sql("DELETE FROM sync_state WHERE key = ?", (_NAMES[kind],))


def keep_authors(connection: sa.Connection, authors: Mapping[str, Author]) -> None:
    """Keep who writes under these replicas, for History."""
    if authors:
        connection.exec_driver_sql("INSERT INTO sync_state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                                   [(REPLICA + name, msgspec.json.encode(author).decode()) for name, author in authors.items()])
