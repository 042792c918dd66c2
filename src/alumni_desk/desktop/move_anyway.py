"""The chapter goes to another server with this laptop; where the present one does not answer, first what that may cost, and a question."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from alumni_desk.desktop.controls import Label
from alumni_desk.desktop.join_form import JoinForm
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.desktop.sync_bridge import SyncBridge
from alumni_desk.errors import KnownError
from alumni_desk.words import _

SILENT = "move_unsent"
"""What a move says where the present server does not answer."""


def move(bridge: SyncBridge, form: JoinForm, way: tuple[str, str], former: str, done: Callable[[Any], None], *, anyway: bool = False) -> None:
    """Move by an invitation's address and code; ``former``: the present server in words."""

    def failed(error: KnownError) -> None:
        if error.code != SILENT:
            form.refused(error.code, str(error))
            return
        form.refused(error.code, _("The present server does not answer. Nothing was moved."))
        ask = sheet(form, former)
        ask.done_clicked.connect(ask.accept)
        ask.accepted.connect(lambda: move(bridge, form, way, former, done, anyway=True))
        ask.open()
        ask.cancel.setFocus()

    form.busy(_("Moving …"))
    bridge.move_away(*way, done, failed, anyway=anyway)


def sheet(form: JoinForm, former: str) -> Sheet:
    """The question."""
    asked = Sheet(form.window(), _("Move without the present server?"), _("Move anyway"))
    for words in (_("There is no contact with {server}. What other laptops sent there and this one has not fetched cannot go along. It comes to the new "
                    "server with the next laptop that has it and moves there; if there is none, it is lost.").format(server=former),
                  _("If it is merely off, or this laptop is in another network, try again when it answers. Everything on this laptop stays in any case, and "
                    "the invitation is still good.")):
        asked.column.addWidget(Label(words, wrap=True))
    return asked
