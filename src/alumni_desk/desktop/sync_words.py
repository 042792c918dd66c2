"""What the Sync page says on top: where the data stands, and what happens next."""

from __future__ import annotations

from datetime import datetime

from alumni_desk.desktop.dates import moment
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.sync_facts import Facts
from alumni_desk.words import _, ngettext, number

PASSING = frozenset({"sync_unreachable", "sync_slow", "sync_busy", "sync_server_trouble", "sync_sign_in"})
"""Troubles that go by themselves: no new invitation mends them, and to offer one would only unsettle."""

NOT_MENDED = PASSING | {"sync_version", "sync_server_old", "sync_certificate_date", "term_ended"}
"""And others that no invitation mends: a newer program does, the date is set, or the form that is open is closed."""


def sentences(facts: Facts, *, busy: bool = False) -> list[str]:
    """Where the data stands. ``busy``: a sync is under way."""
    if facts.state == "alone":
        return [_("Everything is saved on this laptop.")]
    if facts.state == "ended":
        return [facts.sentence]
    if facts.state == "invitation":
        return [_("This desk was restored from a backup of the computer that kept the chapter.") if facts.restored else
                _("This desk was restored from a backup of another computer.")]
    first = _first(facts, busy=busy)
    if facts.gone_back:
        first = _("The backup is here. What came since is with {server}, and the next sync fetches it.").format(server=facts.server)
    elif facts.last_sync is not None:
        first = _("Everything up to {time} is with {server}.").format(time=moment(facts.last_sync), server=facts.server)
    if not facts.waiting:
        return [first]
    still = ngettext("{n} change on this laptop is still to send.", "{n} changes on this laptop are still to send.", facts.waiting)
    return [first, still.format(n=number(facts.waiting))]


def _first(facts: Facts, *, busy: bool) -> str:
    """How it stands before the first sync has ended. A door's list may be whole without one; and it never fetches the chapter."""
    if facts.list_at is not None:
        words = _("No contact with the server yet; the list is from {who}, as of {time}.") if facts.list_by else _(
            "No contact with the server yet; the list is as of {time}.")
        return words.format(who=isolated(facts.list_by), time=moment(facts.list_at))
    if busy:
        return _("The list is being fetched.") if facts.door else _("The chapter is being fetched.")
    if facts.begun:
        return _("Not all of the list has been fetched yet.") if facts.door else _("Not all of the chapter has been fetched yet.")
    return _("Nothing has been fetched yet.")


def below(facts: Facts, trouble: str, code: str, *, busy: bool, next_try: datetime | None) -> str:
    """The muted line below: what happens next, and that nothing is lost."""
    if facts.sample:
        return _("This is the sample chapter. It never joins a server, so nobody made up gets among real people.")
    if facts.state == "alone":
        return _("It is shared with nobody. With an invitation from your chapter lead or alumni office it keeps in step with other laptops.")
    if facts.state == "invitation":
        if facts.restored and facts.takes_over:
            return _("If that computer is gone for good, go on from here with “Keep it here”; if not, join again with a new invitation. Work goes on "
                     "meanwhile; nothing that you change is lost.")
        return _("So this laptop needs a new invitation of the chapter; what waits here is sent when it has joined. Work goes on meanwhile; nothing that you "
                 "change is lost.")
    if facts.locked and not facts.waiting:
        return _("Nothing of the chapter is shown until then.")
    if facts.state == "ended" and not facts.waiting:
        return _("Its list is gone from this laptop, and all that was done here is at the server. Another invitation opens another door.")
    if trouble and code in PASSING:
        if next_try is None:
            return trouble
        return _("{trouble} The next try is at {time}, by itself.").format(trouble=trouble, time=moment(next_try))
    if facts.waiting:
        safe = ngettext("It is saved here in any case", "They are saved here in any case", facts.waiting)
        if busy or next_try is None:
            return _("{safe}.").format(safe=safe)
        return _("{safe}; the next try is at {time}, by itself.").format(safe=safe, time=moment(next_try))
    if facts.carrying:
        return _("It carries what other laptops did, which the server may not have yet: the next sync gives it to the server.")
    return _("Work goes on without the internet; what you change meanwhile is sent at the next sync.")
