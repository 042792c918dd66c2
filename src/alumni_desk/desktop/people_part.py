"""The part of the Sync page about people and their laptops: who has copies, what was set aside, and inviting somebody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import Button, Label, Link
from alumni_desk.desktop.dates import day_short, weekday_short
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.inviting import Inviting
from alumni_desk.desktop.laptops_table import LaptopLine, LaptopsTable, whose
from alumni_desk.desktop.open_invitations import OpenInvitations
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.set_aside_sheet import SetAsideSheet
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.desktop.widgets import heading
from alumni_desk.errors import KnownError
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.sync.inviting import SentInvitation
    from alumni_desk.sync.laptops import Kept, Laptop
    from alumni_desk.sync.set_aside import SetAside

LATE = timedelta(days=1)

SHOWN = 8
"""Laptops that are shown at first where there are many more: at a venue it is the room’s laptops that are wanted, which stand below them."""


class PeoplePart(QWidget):
    """Asks the server whenever ``refresh`` is called, and shows what it said last meanwhile. ``said(sentence)`` for a toast."""

    said = Signal(str)
    told = Signal()  # what the list says is here, or another one

    def __init__(self, desk: Desk, lanes: Lanes) -> None:
        super().__init__()
        self._desk, self._lanes = desk, lanes
        self._found: list[Laptop] = []
        self._open: list[SentInvitation] = []
        self._waiting = 0
        self._places: dict[str, int] = {}
        self._at = ""  # when the server told of them; empty: just now
        self._came_at = ""  # when it last told this page of them
        self._asking = self._looking = False
        self._all = self._all_open = False
        self._inviting: Inviting | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        self._column = column
        self._body = QWidget()
        column.addWidget(self._body)
        self._draw("")

    def hideEvent(self, event: QHideEvent) -> None:
        self._places = {}
        super().hideEvent(event)

    def refresh(self, waiting: int) -> None:
        """Ask anew. ``waiting``: what this laptop has still to send."""
        self._waiting = waiting
        if self._asking:
            return
        self._asking = True
        self._lanes.send(self._ask, lambda found: self._came(*found), self._failed)
        self.show_meanwhile(waiting)

    def show_meanwhile(self, waiting: int) -> None:
        """Show what the server last told where nothing is shown yet: its answer may be long in coming."""
        self._waiting = waiting
        if not self._found:
            self._read_kept(self._show_meanwhile)

    def _show_meanwhile(self, kept: Kept | None) -> None:
        if self._found:
            return
        if kept is not None:
            self._show_kept(kept)
        else:
            self._draw(_("Asking the server …"))

    def show_kept(self, waiting: int) -> None:
        """Show what the server last told, without asking it: it did not answer of late."""
        self._waiting = waiting
        if not self._asking:
            self._read_kept(lambda kept: self._show_kept(kept) if not self._asking else None)

    def _read_kept(self, then: Callable[[Kept | None], None]) -> None:
        from alumni_desk.sync.laptops import last_told

        self._lanes.read(lambda: last_told(self._desk), then, key="laptops-kept")

    def _show_kept(self, kept: Kept | None) -> None:
        if kept is None:
            self._found, self._at, self._open = [], "", []
        elif self._found and self._came_at and datetime.fromisoformat(self._came_at) > datetime.fromisoformat(kept.at):
            self._at = self._came_at  # who was seen meanwhile is shown here already
        else:
            self._found, self._at = self._in_place(kept.laptops), kept.at
        self._draw(_("This list is kept at the server, which cannot be reached now.") if kept is None else "")

    def _ask(self) -> tuple[str, list[Laptop], list[SentInvitation]]:
        from alumni_desk.sync.asking import line_of
        from alumni_desk.sync.inviting import invitations
        from alumni_desk.sync.laptops import laptops

        with line_of(self._desk) as line:
            found = laptops(self._desk, wire=line.wire)
            return self._desk.now().isoformat(), found, [one for one in invitations(self._desk, wire=line.wire) if one.state == "open"]

    def _came(self, at: str, found: list[Laptop], invited: list[SentInvitation]) -> None:
        self._asking, self._found, self._open, self._at, self._came_at = False, self._in_place(found), invited, "", at
        self._draw("")

    def _in_place(self, found: list[Laptop]) -> list[Laptop]:
        """Rows stay where they are under somebody's pointer as long as the page is shown: the server tells those first that it heard last."""
        found = sorted(found, key=lambda one: self._places.get(one.id, len(self._places)))
        self._places = {one.id: place for place, one in enumerate(found)} if self.isVisible() else {}
        return found

    def _failed(self, _error: KnownError) -> None:
        self._asking = False
        self.show_kept(self._waiting)

    def _draw(self, trouble: str) -> None:
        focused = next((_called(one) for one in self._body.findChildren(Button) if one.hasFocus()), "")
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        invites = Link(_("Invite someone"))
        invites.clicked.connect(self.invite)
        column.addWidget(heading(_("Laptops of this chapter"), self._count(), right=invites))
        admin = any(one.here and one.role == "admin" for one in self._found)
        if self._found:
            shown = self._found if self._all else first_of(self._found)
            self.table = LaptopsTable([line_of(one, self._waiting, datetime.now(UTC), admin=admin) for one in shown])
            self.table.remove.connect(self._ask_remove)
            self.table.look.connect(self._look)
            column.addWidget(self.table)
            if len(shown) < len(self._found):
                column.addWidget(self._every(), 0, Qt.AlignmentFlag.AlignLeft)
        if any(one.revoked for one in self._found):
            column.addWidget(Label(_("Removed: it gets nothing new, hands over what it had not sent, then erases itself. You look at that before it counts."),
                                   "small", "muted", wrap=True))  # fmt: skip
        if trouble:
            column.addWidget(Label(trouble, "small", "muted", wrap=True))
        if self._open:
            column.addSpacing(px(16))
            self.invited = OpenInvitations(self._open, self._take_back, self._show_all_open, whole=self._all_open, admin=admin)
            column.addWidget(self.invited)
        self._column.replaceWidget(self._body, body)
        self._body.hide()
        self._body.deleteLater()
        self._body = body
        self._focus(focused)
        self.told.emit()

    def _focus(self, called: str) -> None:
        """Lead the keyboard back to the button that it was on before the list was drawn anew."""
        again = next((one for one in self._body.findChildren(Button) if called and _called(one) == called), None)
        if again is not None and self.isVisible():
            self._body.show()  # nothing that is not shown takes the focus
            again.setFocus()

    def _every(self) -> Link:
        count = number(len(self._found))
        every = Link(_("Show all {n}").format(n=count))
        every.setAccessibleName(_("Show all {n} laptops").format(n=count))
        every.clicked.connect(self._show_all)
        return every

    def _show_all(self) -> None:
        before = set(self.table.buttons)
        self._all = True
        self._draw("")
        came = next((button for device, button in self.table.buttons.items() if device not in before), None)
        if came is not None:
            self._focus(_called(came))

    def _show_all_open(self) -> None:
        before = set(self.invited.buttons)
        self._all_open = True
        self._draw("")
        came = next((button for invitation, button in self.invited.buttons.items() if invitation not in before), None)
        if came is not None:
            self._focus(_called(came))

    def row_buttons(self) -> list[tuple[str, Button]]:
        """The buttons of single laptops and invitations, each with its icon."""
        tables = [("laptop", one.buttons) for one in self._body.findChildren(LaptopsTable)]
        tables += [("envelope-simple", one.buttons) for one in self._body.findChildren(OpenInvitations)]
        return [(icon, button) for icon, buttons in tables for button in buttons.values()]

    def versions(self) -> list[tuple[str, list[str]]]:
        """Which laptops have which version of the program, by name, and whose where two have one name; empty for those that have not said it. Those that
        are gone count no more."""
        found: dict[str, list[str]] = {}
        there = [one for one in self._found if not (one.revoked or one.left or one.replaced)]
        names = Counter(one.name for one in there if not one.here)
        for one in there:
            name = whose(isolated(one.name), isolated(one.who or "") if names[one.name] > 1 else "")
            found.setdefault(one.version or "", []).append(_("This laptop") if one.here else name)
        return sorted(found.items())

    def _count(self) -> str:
        """How many there are, and as of when, if not now."""
        if not self._found:
            return ""
        count = number(len(self._found))
        if not self._at:
            return count
        return _("{count} · as of {moment}").format(count=count, moment=_seen(datetime.fromisoformat(self._at), datetime.now(UTC)))

    def invite(self) -> None:
        """Invite somebody."""
        self._inviting = Inviting(self.window(), self._desk, self._lanes, closed=self._invited)

    def hand_over(self) -> None:
        """End this laptop's term: invite the successor."""
        self._inviting = Inviting(self.window(), self._desk, self._lanes, hand_over=True, closed=self._invited)

    def _invited(self, sentence: str) -> None:
        if sentence:
            self.said.emit(sentence)
        self.refresh(self._waiting)

    def _take_back(self, invitation: str) -> None:
        from alumni_desk.sync.inviting import cancel

        self._lanes.send(lambda: cancel(self._desk, invitation), lambda done: self._invited(_(
            "The invitation is taken back: its code opens nothing any more.")), lambda error: self._invited(str(error)))

    # -- removing, looking

    def _of(self, device: str) -> Laptop | None:
        return next((one for one in self._found if one.id == device), None)

    def _ask_remove(self, device: str) -> None:
        laptop = self._of(device)
        if laptop is None:
            return
        named = whose(isolated(laptop.name), isolated(laptop.who or ""))
        sheet = Sheet(self.window(), _("Remove {laptop}?").format(laptop=named), _("Remove it"), kind="danger")
        sheet.column.addWidget(Label(_(
            "At its next contact it hands over what it had not sent, then erases the chapter and its backups from itself. A laptop that is offline "
            "cannot be made to forget before that. To come back it needs a new invitation."), wrap=True))
        if laptop.role != "door":
            sheet.column.addWidget(Label(_("A laptop that it let in at a door without internet, and that the server has not heard of yet, loses its access "
                                           "with it."), wrap=True))
        if laptop.invitations:
            sheet.column.addWidget(Label(ngettext(
                "{n} open invitation that it made ends with it: whoever has the code cannot join any more.",
                "{n} open invitations that it made end with it: whoever has one of their codes cannot join any more.",
                laptop.invitations).format(n=number(laptop.invitations)), wrap=True))
        sheet.done_clicked.connect(lambda: self._remove(sheet, laptop))
        sheet.open()

    def _remove(self, sheet: Sheet, laptop: Laptop) -> None:
        from alumni_desk.sync.laptops import remove

        sheet.set_busy(_("Removing …"))

        def done(removed: Laptop) -> None:
            sheet.accept()
            self.said.emit(removed_words(removed))
            self.refresh(self._waiting)

        self._lanes.send(lambda: remove(self._desk, laptop.id), done, sheet.complain)

    def _look(self, device: str) -> None:
        if self._looking:  # one sheet: in a second one below it nothing would be left to decide
            return
        self._looking = True

        def ask() -> list[SetAside]:
            from alumni_desk.sync.set_aside import set_aside

            return [one for one in set_aside(self._desk) if one.device == device]

        def came(found: list[SetAside]) -> None:
            self._looking = False
            SetAsideSheet(self.window(), self._desk, self._lanes, found, lambda: self.refresh(self._waiting)).open()

        def failed(error: KnownError) -> None:
            self._looking = False
            self.said.emit(str(error))

        self._lanes.send(ask, came, failed)


def removed_words(laptop: Laptop) -> str:
    """That a laptop is removed, and how many invitations ended with it, in a toast."""
    named = whose(isolated(laptop.name), isolated(laptop.who or ""))
    if not laptop.invitations:
        return _("{laptop} is removed").format(laptop=named)
    return ngettext("{laptop} is removed; {n} open invitation that it made ended with it",
                    "{laptop} is removed; {n} open invitations that it made ended with it", laptop.invitations).format(
                        laptop=named, n=number(laptop.invitations))


def _called(button: Button) -> str:
    return button.accessibleName() or button.text()


def first_of(found: Sequence[Laptop]) -> Sequence[Laptop]:
    """The laptops that were seen last, with this one and those whose changes wait to be looked at; all where there are few more."""
    if len(found) <= SHOWN + 1:
        return found
    return [one for place, one in enumerate(found) if place < SHOWN or one.here or one.set_aside]


def line_of(laptop: Laptop, waiting: int, now: datetime, *, admin: bool = False) -> LaptopLine:
    """A laptop in words. ``admin``: this one is a network admin's; nobody else removes another one of those."""
    seen = datetime.fromisoformat(laptop.last_seen) if laptop.last_seen else None
    count = waiting if laptop.here else laptop.waiting
    gone = bool(laptop.revoked or laptop.left)
    if gone and not laptop.set_aside:
        to_send = _("nothing")
    elif gone:
        to_send = ngettext("{n} set aside", "{n} set aside", laptop.set_aside).format(n=number(laptop.set_aside))
    elif count:
        to_send = ngettext("{n} change", "{n} changes", count).format(n=number(count))
    else:
        to_send = _("nothing") if count == 0 else _("not said")
    until = _("removed") if laptop.revoked else _("has left") if laptop.left else _("joined anew") if laptop.replaced else _until(laptop.until)
    if laptop.over and not gone and not laptop.replaced:
        until = _("{until}, over").format(until=until)
    mine = admin or laptop.role != "admin"  # to remove
    deed = "" if laptop.here or (gone and not laptop.set_aside) else "look" if gone else "remove" if mine else ""
    late = not gone and not laptop.here and not laptop.replaced and bool(count) and seen is not None and now - seen > LATE
    return LaptopLine(device=laptop.id, name=_("This laptop") if laptop.here else isolated(laptop.name), who=isolated(laptop.who or ""), may_see=laptop.may_see,
                      seen=_("now") if laptop.here else _seen(seen, now), to_send=to_send, until=until, late=late, removed=bool(laptop.revoked), deed=deed)


def _seen(then: datetime | None, now: datetime) -> str:
    """18:31; Sun 16:20; 27 Oct."""
    if then is None:
        return _("never")
    local, today = then.astimezone(), now.astimezone()
    if local.date() == today.date():
        return f"{local:%H:%M}"
    if today.date() - local.date() < timedelta(days=7):
        return f"{weekday_short(local.date())} {local:%H:%M}"
    return day_short(local.date())


def _until(text: str | None) -> str:
    if not text:
        return _("no end")
    local = datetime.fromisoformat(text).astimezone()
    return f"{day_short(local.date())}, {local:%H:%M}" if (local.hour, local.minute) != (0, 0) else day_short(local.date())
