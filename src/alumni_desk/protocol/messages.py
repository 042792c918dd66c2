"""The messages of ``/sync/v1``: msgpack maps over HTTP, and the limits that every part of them keeps."""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec

PROTOCOL = 1
"""The version spoken here; a server also understands the two before it."""

BODY_LIMIT = 8 * 1024 * 1024  # bytes, unpacked
OPERATION_LIMIT = 256 * 1024  # bytes, packed
PARCEL_OPERATIONS = 500
PARCEL_BYTES = 512 * 1024
PUSH_OPERATIONS = 4_000
PUSH_BYTES = 6 * 1024 * 1024
REPLICAS_SEEN = 20_000  # so many at most are said with a push
PAGE_ROWS = 4_000
PAGE_BYTES = 6 * 1024 * 1024
PLACES = 500  # that a hello may ask about

Value = str | int | bool | None
Kind = Literal["put", "fact", "command"]
Status = Literal["ok", "stale", "clamped", "denied", "invalid", "erased", "duplicate", "quarantined", "moved"]
ACCEPTED: frozenset[str] = frozenset({"ok", "stale", "clamped"})


class Operation(msgspec.Struct, array_like=True, frozen=True, gc=False):  # thousands at once, and none can hold itself
    """One immutable change of one row; scope and audience stand on the parcel that carries it."""

    id: str
    action: str
    transaction: str
    kind: Kind
    table: str
    row: str
    fields: dict[str, Value]
    before: dict[str, str | None]
    clock: str
    schema: int


class Parcel(msgspec.Struct, frozen=True):
    """Signed operations of one device, one scope, one audience. A withheld body is None; its hash still verifies."""

    server: str
    device: str
    scope: str
    audience: str
    hashes: list[bytes]
    salts: list[bytes]
    bodies: list[bytes | None]
    signature: bytes
    protocol: int = PROTOCOL


class Result(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What became of one operation. ``first`` is the first status of a duplicate; ``clock`` the assigned one."""

    id: str
    status: Status
    sequence: int
    reason: str | None = None
    first: Status | None = None
    clock: str | None = None
    conflicts: int = 0

    @property
    def settled(self) -> Status:
        """The status that counts: a duplicate's first one."""
        return self.first if self.status == "duplicate" and self.first else self.status


class EnrolRequest(msgspec.Struct, frozen=True):
    """An invitation's code shown by a new device, with proof that it holds its private key. ``look``: it only asks what the invitation is for.

    ``former``: the device that the same laptop was to this server, with the same proof by that one's key.
    """

    code: str
    public_key: bytes
    name: str
    proof: bytes
    protocol: int = PROTOCOL
    look: bool = False
    former: str = ""
    former_proof: bytes = b""


class Grant(msgspec.Struct, frozen=True):
    """What a device may do in one scope. ``gathering`` narrows it to one; ``until`` is ISO 8601 UTC or None."""

    scope: str
    scope_name: str
    role: str
    gathering: str | None = None
    until: str | None = None
    keys: dict[str, bytes] = {}  # what seals and opens between laptops, see protocol/sealing.py


class Offer(msgspec.Struct, frozen=True):
    """What an invitation says of itself to whoever looks at it: who invites, for the door which gathering of how many guests, and until when it can be used.

    ``expires`` is milliseconds since 1970. To a leader also how many ``people`` the chapter has (None: not said), and of some of them ``marked`` who
    they are, see protocol/people_marks.py.
    """

    by: str
    expires: int
    gathering: str = ""
    guests: int = 0
    people: int | None = None
    marked: list[bytes] = []


class EnrolReply(msgspec.Struct, frozen=True):
    """The device that an invitation made, and what it may do. ``name``: whom the invitation was for; ``kept``: the server is on the laptop that keeps the
    chapter. Where it was only looked at ``device`` is empty and ``offer`` says more."""

    server: str
    device: str
    grants: list[Grant]
    time: int
    scope: str = ""  # the chapter of the invitation, where the grants are of several
    server_key: bytes = b""
    certificates: list[Certificate] = []
    offer: Offer | None = None
    name: str = ""
    kept: bool = False


class ChallengeRequest(msgspec.Struct, frozen=True):
    """The first half of a session: who wants one."""

    device: str


class ChallengeReply(msgspec.Struct, frozen=True):
    """What the device shall sign, together with the server's name."""

    challenge: bytes
    server: str
    time: int


class SessionRequest(msgspec.Struct, frozen=True):
    """The second half of a session: the challenge, signed."""

    device: str
    challenge: bytes
    signature: bytes
    chain: list[Certificate] = []  # of a laptop that joined at the venue and that the server has never seen


class SessionReply(msgspec.Struct, frozen=True):
    """A token for an hour. ``expires`` and ``time`` are milliseconds since 1970 at the server."""

    token: str
    expires: int
    time: int


class Cursor(msgspec.Struct, frozen=True):
    """A place in a scope's feed and the chain's hash there."""

    sequence: int = 0
    chain: str = ""


class HelloRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the desk speaks, who sits at it and how many operations it has still to send (None: it does not say).

    ``places``: where in each scope the desk has been, by its cursor and by the answers to its pushes. ``same``, alone: what the last answer was
    named by, where nothing else would be said than then.
    """

    protocol: int = PROTOCOL
    schema: int = 1
    version: str = ""
    waiting: int | None = None
    who: str = ""
    device: str = ""
    places: dict[str, list[Cursor]] = {}
    same: bytes = b""


class Head(msgspec.Struct, frozen=True):
    """How far a scope has come at the server. Another ``timeline`` than before: the server was restored, begin again from zero."""

    sequence: int
    chain: str
    timeline: str = ""


class HelloReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the server speaks, how far its scopes are and what it wants of this device.

    ``unknown``: scopes in which the desk has been where this server never was: it was restored, begin again from zero.
    ``same``: what this answer is named by. Asked by such a name the server says the time, and the name if all of it still holds. ``kept``: the server is
    on the laptop that keeps the chapter.
    """

    time: int
    server: str = ""
    protocols: tuple[int, int] = (0, 0)
    schemas: tuple[int, int] = (0, 0)
    policy: int = 0
    grants: list[Grant] = []
    heads: dict[str, Head] = {}
    backed_up: dict[str, int] = {}
    revoked: list[str] = []
    commands: list[str] = []
    unknown: list[str] = []
    conflicts: dict[str, int] = {}  # fields that two people changed at once and nobody has decided on, for leaders and admins
    set_aside: dict[str, int] = {}  # changes of removed laptops that nobody has looked at, for leaders and admins
    server_key: bytes = b""
    certificates: list[Certificate] = []
    removals: list[Removals] = []  # ``revoked`` by chapter and signed, for those whom it meets without us; none where nobody was removed
    same: bytes = b""
    kept: bool = False


class PushRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Parcels of one scope, in the order in which they are to be judged.

    ``own``: the replicas that are the sender's, where it brings a chapter from another server with what others wrote; those of others are nobody's until
    they come themselves. None: all are its own. ``seen``: of each replica the greatest clock that the sender knows of the former server, while what it
    sends without ``before`` is what it has from there. ``restored``: it went back to a backup and has not fetched since what it wrote itself.
    """

    parcels: list[Parcel]
    relayed: list[Sealed] = []  # of other laptops, met at a venue
    chains: list[list[Certificate]] = []  # their signers'
    own: list[str] | None = None
    seen: dict[str, str] | None = None
    restored: bool = False


class PushReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """A result for each operation, in the order of the request; where the feed is then, and the chain there.

    ``before``: where the chapter's feed was before, if nothing but this request lies between; ``replicas``: as in a page, of that part of the feed.
    """

    results: list[Result]
    head: int
    time: int
    chain: str = ""
    relayed: list[Relayed] = []
    before: Cursor | None = None
    replicas: dict[str, Author] = {}


class PullRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the desk stands in each scope and how much it takes at once. ``wait``: seconds that it would wait for something new, 25 at most.

    ``anew``: it began from zero a moment ago and lets go of what does not come, so it need not be told what has gone. ``passes``: it looks at a page's
    ``since``, so it need not be woken by what it sends itself.
    """

    cursors: dict[str, Cursor]
    max_bytes: int = PAGE_BYTES
    wait: float = 0
    anew: bool = False
    passes: bool = False


class Block(msgspec.Struct, frozen=True):
    """Rows of one table: the first column is the feed's sequence, the others are named."""

    table: str
    columns: list[str]
    rows: list[list[Value]]


class Author(msgspec.Struct, array_like=True, frozen=True):
    """Who writes under a replica: the person as they named themselves, and their laptop."""

    who: str | None = None
    device: str | None = None


class Page(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came after a cursor. ``reset`` says that the server does not know the cursor: begin again from zero.

    ``replicas``: whose the clocks' third parts are that first wrote in this part of the feed; for leaders and admins alone.
    ``left``: rows, by table, that are not for this audience any more: the desk keeps nothing of them. ``since``: where it begins, if that is not where the
    desk asked from: while it waited, all that came was what it sent itself, and up to there that push told it so (``PushReply.before``).
    """

    blocks: list[Block]
    cursor: Cursor
    more: bool
    reset: bool = False
    replicas: dict[str, Author] = {}
    left: dict[str, list[str]] = {}
    erased: dict[str, list[str]] = {}  # by table, of the rows that came: those that were erased for good
    removed: dict[str, list[str]] = {}  # by table: rows that were removed so long ago that nothing of them is kept
    moved: dict[str, list[str]] = {}  # by table, of the rows that came: those that another chapter has now; the desk keeps nothing of what they were
    since: Cursor | None = None


class PullReply(msgspec.Struct, frozen=True):
    """A page for each scope asked for."""

    pages: dict[str, Page]
    time: int


class Trouble(msgspec.Struct, frozen=True):
    """Why the server did not do it: a stable code, never a sentence and never data. ``at``: when an invitation was used (milliseconds since 1970)."""

    code: str
    retry_after: int | None = None
    at: int | None = None


# Between laptops at a venue: see sync/venue.


class Certificate(msgspec.Struct, array_like=True, frozen=True):
    """What a device may do in one scope, signed by the server or by a leader's laptop. ``until``, ``issued``: milliseconds since 1970."""

    server: str
    device: str
    public_key: bytes
    who: str
    name: str
    scope: str
    role: str
    gathering: str | None
    until: int | None
    issued: int
    issuer: str  # the device that signed; empty: the server
    signature: bytes


class Removals(msgspec.Struct, array_like=True, frozen=True):
    """The laptops that were removed from a chapter, signed by the server: see protocol/removals.py. ``issued``: milliseconds since 1970."""

    server: str
    scope: str
    issued: int
    devices: list[str]
    signature: bytes


class Sealed(msgspec.Struct, frozen=True):
    """A parcel whose bodies and salts only its audience reads. ``signature`` is the parcel's own; ``seal`` signs all of it, the box too."""

    server: str
    device: str
    scope: str
    audience: str
    hashes: list[bytes]
    box: bytes
    signature: bytes
    seal: bytes
    protocol: int = PROTOCOL


class Relayed(msgspec.Struct, frozen=True):
    """What became of a relayed parcel: ``taken`` (a result for each operation), ``refused`` or ``quarantined``. The parcel's name says which."""

    name: bytes
    status: Literal["taken", "refused", "quarantined"]
    results: list[Result] = []
    reason: str | None = None


T = TypeVar("T")
_ENCODER = msgspec.msgpack.Encoder()


def pack(message: msgspec.Struct) -> bytes:
    """A message as it travels."""
    return _ENCODER.encode(message)


def unpack(data: bytes, kind: type[T]) -> T:
    """A message as it arrived; raises ``msgspec.DecodeError`` for anything else."""
    return msgspec.msgpack.decode(data, type=kind)


# People and their laptops, by those who look after them.


class ScopeRequest(msgspec.Struct, frozen=True):
    """A question about one chapter: its invitations, laptops, conflicts, or what was set aside; or the wish to leave it."""

    scope: str


class InviteRequest(msgspec.Struct, frozen=True):
    """An invitation to be made. ``replaces``: the id of one that ends with it; ``hand_over``: whoever uses it succeeds the asking laptop.

    ``until``: access to the door ends then, if not sooner by the gathering (milliseconds since 1970).
    """

    scope: str
    role: str
    gathering: str | None = None
    name: str = ""
    email: str = ""
    hours: int = 7 * 24
    replaces: str | None = None
    hand_over: bool = False
    until: int | None = None


class InviteReply(msgspec.Struct, frozen=True):
    """A new invitation: its code, said this once; ``url`` with its pin where the server knows how laptops reach it; ``expires`` in milliseconds.

    ``long``: the code for a QR code or a file, with the server's seal; empty from an older server. ``access``: when access to the door ends as it
    stands now (milliseconds since 1970); None for others, from an older server, and while nobody has said when the gathering is.
    """

    id: str
    code: str
    url: str | None
    expires: int
    time: int
    long: str = ""
    access: int | None = None


class Invited(msgspec.Struct, frozen=True):
    """An invitation without its code. Moments are milliseconds since 1970; ``by``: who made it."""

    id: str
    role: str
    gathering: str | None
    name: str | None
    email: str | None
    by: str | None
    created: int
    expires: int
    used: int | None = None
    cancelled: int | None = None
    device: str | None = None
    hand_over: bool = False


class InvitationsReply(msgspec.Struct, frozen=True):
    """A chapter's invitations, the newest first: those that are open, and those that ended within 30 days."""

    invitations: list[Invited]
    time: int


class LaptopRow(msgspec.Struct, frozen=True):
    """A laptop of a chapter. Moments are milliseconds since 1970; ``waiting``: what it said it has still to send; ``set_aside``: its changes set aside;
    ``invitations``: the open ones that it made, or of one whose access has ended those that ended with it."""

    device: str
    name: str | None
    who: str | None
    role: str
    gathering: str | None
    last_seen: int | None
    waiting: int | None
    until: int | None
    version: str | None
    revoked: int | None
    ended: int | None
    set_aside: int
    replaced: int | None = None  # the same laptop joined anew then, and was not seen as this one since
    invitations: int = 0


class LaptopsReply(msgspec.Struct, frozen=True):
    """A chapter's laptops, those seen last first."""

    laptops: list[LaptopRow]
    time: int


class SetAsideChange(msgspec.Struct, array_like=True, frozen=True):
    """One change inside a parcel that was set aside."""

    kind: str
    table: str
    row: str
    fields: dict[str, Value]


class SetAsideRow(msgspec.Struct, frozen=True):
    """A parcel that was set aside: of which laptop, when (milliseconds), why, how many changes, and the first of them, or all."""

    id: str
    device: str
    name: str | None
    who: str | None
    received: int
    reason: str
    operations: int
    changes: list[SetAsideChange]


class SetAsideReply(msgspec.Struct, frozen=True):
    """What a chapter has set aside, the newest first."""

    parcels: list[SetAsideRow]
    time: int


class Released(msgspec.Struct, frozen=True):
    """What became of a parcel: how many of its changes were taken and how many were refused."""

    taken: int
    refused: int
    time: int


class ConflictRow(msgspec.Struct, frozen=True):
    """A field that two people changed without seeing each other: the value that lost, and who wrote it and the one that won."""

    operation: str
    field: str
    table: str
    row: str
    made: int
    winner_clock: str
    loser_clock: str
    value: Value
    winner: Author
    loser: Author
    winner_device: str | None = None
    loser_device: str | None = None


class ConflictsReply(msgspec.Struct, frozen=True):
    """A chapter's conflicts of the last 90 days that nobody has decided on."""

    conflicts: list[ConflictRow]
    time: int


class Decision(msgspec.Struct, array_like=True, frozen=True):
    """A conflict by its operation and field, and whether it is decided or open again."""

    operation: str
    field: str
    decided: bool


class DecideRequest(msgspec.Struct, frozen=True):
    """Conflicts that were decided on, or opened again. The values themselves go up as operations.

    ``kept``: of a server that went back to a backup, those that it told before and does not tell any more: it takes up what it lacks, then come the decisions.
    """

    scope: str
    decisions: list[Decision]
    kept: list[ConflictRow] = []


class Done(msgspec.Struct, frozen=True):
    """It is done."""

    time: int


# --- snapshot and digest


class SnapshotRequest(msgspec.Struct, frozen=True):
    """Asks for a file of all that the device may see of a scope, in the form of this schema."""

    schema: int = 1


class SnapshotReply(msgspec.Struct, frozen=True):
    """Where the file is. ``making``: ask again in a moment; ``none``: this server has none for you, pull from zero.

    ``key`` is the file's alone; ``cursor``: the place in the feed that it shows, from which to pull on; ``erased``: its rows, by table, that were erased;
    ``moved``: those that another chapter has now.
    """

    state: Literal["ready", "making", "none"]
    time: int
    name: str = ""
    key: bytes = b""
    size: int = 0
    rows: int = 0
    cursor: Cursor = Cursor()
    timeline: str = ""
    replicas: dict[str, Author] = {}
    erased: dict[str, list[str]] = {}
    moved: dict[str, list[str]] = {}


class DigestRequest(msgspec.Struct, frozen=True):
    """Where the desk stands and which columns it keeps: asks for the sums of all rows there, or for the rows of some of the parts themselves.

    ``anew``: the sums of the rows as they are now; those that the server has kept since another laptop asked do not do.
    """

    scope: str
    cursor: Cursor
    columns: dict[str, list[str]]
    want: list[int] = []
    anew: bool = False


class DigestReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """Count and sum of the rows' hashes in each of the parts, or the rows of those that ``given`` names; nothing if the feed has moved on from there.

    ``cursor``: where the server stands.
    """

    cursor: Cursor
    time: int
    counts: list[int] = []
    sums: list[bytes] = []
    given: list[int] = []
    blocks: list[Block] = []


# --- a member who moves to another chapter


class MoveMemberRequest(msgspec.Struct, frozen=True):
    """Who is to move from one chapter to another: everybody that the desk shows as one, so that nobody goes along unseen."""

    scope: str
    to: str
    people: list[str]


class MoveMemberReply(msgspec.Struct, frozen=True):
    """Who moved, and how many places on lists of gatherings to come ended by it. Asked once more it says the same people, and no places."""

    people: list[str]
    places: int
    time: int
