"""Letting a new laptop in at the door, without internet: a leader's laptop certifies it for one gathering, until a day after its end."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa

from alumni_desk.errors import NotFound, Refused
from alumni_desk.gatherings.fields import counted_end
from alumni_desk.protocol.certificates import certify
from alumni_desk.protocol.venue_keys import Keys
from alumni_desk.store.desk import Desk
from alumni_desk.sync.keeping import for_others
from alumni_desk.sync.venue import holding
from alumni_desk.sync.venue.channel import Nay, Newcomer, Reply, Welcome
from alumni_desk.sync.venue.credentials import Me
from alumni_desk.sync.venue.handouts import make_handout
from alumni_desk.sync.venue.timing import now_ms, tell_time
from alumni_desk.words import _

AFTER_ITS_END = timedelta(hours=24)


def may_welcome(desk: Desk, mine: Me, gathering: str) -> None:
    """Raises what speaks against letting others in at this gathering's door."""
    if not mine.leads:
        raise Refused("venue_leader", _("Only a leader’s laptop lets others in at the door. Share without a gathering, or ask the chapter’s leader."))
    trouble = mine.trouble(mine.credentials.chain, now_ms(desk))
    if trouble is not None:
        raise Refused("venue_ended", _("This laptop’s own access has ended, so it can let nobody in. Sync once with the server, then share."))
    if door_ends(desk, gathering) <= now_ms(desk):
        raise Refused("venue_over", _("That gathering has been over for a day, so nobody is let in at its door any more. Choose the one that is held."))


def door_ends(desk: Desk, gathering: str) -> int:
    """Until when a laptop may work at a gathering's door, in milliseconds since 1970."""
    with desk.reading() as connection:
        row = connection.execute(sa.text("SELECT starts, ends, time_zone FROM gathering WHERE id = :id AND NOT gone"), {"id": gathering}).first()
    if row is None:
        raise NotFound("gathering_not_found", _("No gathering is called “{text}”."), text=gathering)
    try:
        zone = ZoneInfo(row.time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    text = counted_end(row.starts, row.ends) or (f"{row.starts[:10]}T23:59" if row.starts else None)
    try:
        end = datetime.fromisoformat(text).replace(tzinfo=zone) if text else desk.now()
    except ValueError:
        end = desk.now()
    return int((end + AFTER_ITS_END).astimezone(UTC).timestamp() * 1000)


def welcome(desk: Desk, mine: Me, newcomer: Newcomer, gathering: str) -> Reply:
    """Let a laptop in. The same key again gets the same place."""
    if not mine.leads:
        return Nay("not_a_leader")
    try:
        ends = door_ends(desk, gathering)
    except NotFound:  # removed since it is shared with, or of the chapter that was here before
        return Nay("door_closed")
    if len(newcomer.public_key) != 32 or ends <= now_ms(desk) or mine.trouble(mine.credentials.chain, now_ms(desk)) is not None:
        return Nay("door_closed")
    with desk.reading() as connection:
        known = next((chain for chain in holding.chains_of(connection).values() if chain[0].public_key == newcomer.public_key), None)
        name = connection.exec_driver_sql("SELECT name FROM gathering WHERE id = ?", (gathering,)).scalar()
    if known is not None and mine.trouble(known, None) == "revoked":
        return Nay("revoked")
    if known is not None and known[0].gathering == gathering and mine.trouble(known, now_ms(desk)) is None:
        chain = known
    else:
        device = known[0].device if known else str(uuid.uuid4())
        door = certify(mine.key, server=mine.membership.server, device=device, public_key=newcomer.public_key, who=_one_line(newcomer.who),
                       name=_one_line(newcomer.name), scope=mine.membership.scope, role="door", gathering=gathering, until=ends, issued=now_ms(desk),
                       issuer=mine.membership.device)
        chain = [door, mine.certificate]
        with desk.applying() as applying:
            holding.keep_chain(applying.connection, chain)
    keys = Keys(chapter_public=mine.keys.public(), gathering=mine.keys.of_gathering(gathering), gathering_id=gathering)
    there = mine.membership
    return Welcome(url=for_others(desk, there), fingerprint=there.fingerprint, server=there.server, server_key=mine.credentials.server_key,
                   device=chain[0].device, scope=there.scope, scope_name=there.scope_name, gathering_name=name or "", chain=list(chain), keys=keys,
                   handout=make_handout(desk, mine, gathering), time=tell_time(desk, mine, newcomer.challenge))


def _one_line(text: str) -> str:
    return " ".join(text.replace("\0", " ").split())[:200]


