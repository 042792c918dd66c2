"""The chapter goes to another server with this laptop: what that may cost is said before, with a question.

That is so where the chapter there has other people already, who would see all of this one, and where the present server does not answer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from alumni_desk.desktop.controls import Label
from alumni_desk.desktop.join_form import JoinForm
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.desktop.sync_bridge import SyncBridge
from alumni_desk.errors import KnownError
from alumni_desk.words import _

SILENT = "move_unsent"
"""What a move says where the present server does not answer."""


class Way(NamedTuple):
    """An invitation's address and code, what this laptop is to be called, and the present server in words."""

    url: str
    code: str
    laptop: str
    former: str


def move(bridge: SyncBridge, form: JoinForm, way: Way, done: Callable[[Any], None], *, anyway: bool = False, merge: bool = False) -> None:
    """Move, after the questions that there are."""
    from alumni_desk.sync import others_there

    again = partial(move, bridge, form, way, done)
    if form.shown is not None and form.shown.others and not merge:
        _ask(others_sheet(form), lambda: again(anyway=anyway, merge=True))
        return

    def failed(error: KnownError) -> None:
        if error.code == others_there.CODE:  # they came there since it was looked at
            form.look_again()
        elif error.code == SILENT:
            form.refused(error.code, _("The present server does not answer. Nothing was moved."))
            _ask(silent_sheet(form, way.former), lambda: again(anyway=True, merge=merge))
        else:
            form.refused(error.code, str(error))

    form.busy(_("Moving …"))
    bridge.move_away(way.url, way.code, way.laptop, done, failed, anyway=anyway, merge=merge)


def _ask(sheet: Sheet, then: Callable[[], None]) -> None:
    sheet.done_clicked.connect(sheet.accept)
    sheet.accepted.connect(then)
    sheet.open()
    sheet.cancel.setFocus()


def silent_sheet(form: JoinForm, former: str) -> Sheet:
    """The question where the present server does not answer."""
    asked = Sheet(form.window(), _("Move without the present server?"), _("Move anyway"))
    for words in (_("There is no contact with {server}. What other laptops sent there and this one has not fetched cannot go along. It comes to the new "
                    "server with the next laptop that has it and moves there; if there is none, it is lost.").format(server=former),
                  _("If it is merely off, or this laptop is in another network, try again when it answers. Everything on this laptop stays in any case, and "
                    "the invitation is still good.")):
        asked.column.addWidget(Label(words, wrap=True))
    return asked


def others_sheet(form: JoinForm) -> Sheet:
    """The question where the chapter there has people already who are none of this one's."""
    from alumni_desk.sync import others_there

    shown = form.shown
    assert shown is not None
    chapter = isolated(shown.chapter)
    asked = Sheet(form.window(), _("Put this chapter into {chapter}?").format(chapter=chapter), _("Move beside them"), kind="danger")
    known = _("None of them is on this laptop, so {chapter} may be another chapter.") if shown.people is not None else _("{chapter} may be another chapter.")
    for words in (others_there.beside(chapter, shown.people, shown.here), known.format(chapter=chapter) + " " + _(
            "To move this one as it is, ask for an invitation to a chapter of its own at that server. Nothing was moved so far, and the invitation is still "
            "good.")):
        asked.column.addWidget(Label(words, wrap=True))
    return asked
