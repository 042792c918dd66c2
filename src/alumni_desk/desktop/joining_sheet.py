"""The sheets with the form for an invitation: to join its chapter, to join again, or to move this chapter to its server."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from alumni_desk.desktop import move_anyway
from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.join_form import JoinForm
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.sheet import PlainSheet
from alumni_desk.desktop.sync_bridge import SyncBridge
from alumni_desk.words import _

if TYPE_CHECKING:
    from alumni_desk.sync.inviting import Way
    from alumni_desk.sync.venue.files import Brought


def ask_join(window: QWidget, bridge: SyncBridge, lanes: Lanes, laptop: str, here: str, former: Callable[[], str], joined: Callable[[], None],
             invitation: Brought | Way | None = None, *, to_laptop: Callable[[str], None] | None = None) -> None:
    """``laptop``: what this one is called; ``here``: who would be asked about, empty where they belong to the chapter already; ``former``: the present
    server; ``invitation``: one that was brought in a file: the form is filled, and nothing happens before its button;
    ``to_laptop(text)``: joins the laptop whose QR code says that, where that may be."""
    chapter = isolated(invitation.chapter) if invitation is not None and invitation.chapter else ""
    title = _("Invitation to {chapter}").format(chapter=chapter) if chapter else _("Join with an invitation")
    sheet, form = _sheet(window, bridge, lanes, title, laptop, here, to_laptop)
    if invitation is not None:
        form.fill(invitation.url, invitation.code)

    def done(result: Any) -> None:
        sheet.accept()
        joined()

    def join(url: str, code: str, laptop: str, carry: bool) -> None:
        if form.moves:
            move_anyway.move(bridge, form, move_anyway.Way(url, code, laptop, former()), done)
            return
        form.busy(_("Joining …"))
        bridge.join(url, code, laptop, carry, done, lambda error: form.refused(error.code, str(error)))

    form.joined.connect(join)
    sheet.open()
    form.first_focus().setFocus()


def ask_move(window: QWidget, bridge: SyncBridge, lanes: Lanes, laptop: str, former: Callable[[], str], moved: Callable[[str], None]) -> None:
    """``moved(chapter)``: when it is at the new server."""
    sheet, form = _sheet(window, bridge, lanes, _("Move to an office’s server"), laptop)

    def done(membership: Any) -> None:
        sheet.accept()
        moved(membership.scope_name)

    def move(url: str, code: str, laptop: str, carry: bool) -> None:
        move_anyway.move(bridge, form, move_anyway.Way(url, code, laptop, former()), done)

    form.joined.connect(move)
    sheet.open()
    form.first_focus().setFocus()


def _sheet(window: QWidget, bridge: SyncBridge, lanes: Lanes, title: str, laptop: str, here: str = "",
           to_laptop: Callable[[str], None] | None = None) -> tuple[PlainSheet, JoinForm]:  # fmt: skip
    sheet = PlainSheet(window, title, width=720)

    def leave_for(scanned: str) -> None:
        sheet.reject()
        if to_laptop is not None:
            to_laptop(scanned)

    form = JoinForm(laptop, here, lanes=lanes, look=bridge.look_at, to_laptop=leave_for if to_laptop is not None else None)
    sheet.column.addWidget(form)
    sheet.set_foot(form.foot)
    form.cancel.show()
    form.cancel.clicked.connect(sheet.reject)
    return sheet, form
