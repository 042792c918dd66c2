"""A member is added or changed: the form, what it says while others change the same one, and the toast that brings it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shiboken6 import isValid

from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.desktop.member_panel import Known, known, was_erased
from alumni_desk.desktop.pages import Page, PutAway
from alumni_desk.desktop.recovery_page import before_it_saves
from alumni_desk.errors import KnownError
from alumni_desk.members.actions import Saved, add_member, change_member
from alumni_desk.words import _


class MemberEditing:
    """``show(member)``: whoever was saved is shown."""

    def __init__(self, page: Page, show: Callable[[str], None]) -> None:
        self._page, self._show = page, show

    def add(self, typed: Mapping[str, Any] | None = None) -> None:
        """Ask for a new member; ``typed``: as far as somebody had come."""
        form = MemberForm(self._page, _("Add a member"), _("Add"))
        form.type_in(typed or {})
        form.done_clicked.connect(lambda: self._save_new(form))
        form.rejected.connect(lambda: self._put_away(form, self.add, typed))
        form.open()

    def _put_away(self, form: MemberForm, again: Callable[[Mapping[str, Any]], None], brought: Mapping[str, Any] | None) -> None:
        """A form was closed with something in it that nobody saved: the toast, and Ctrl+Z after it, bring it back. ``brought``: what it came back with; who
        closes it again like that lets it go, and Ctrl+Z goes on to what was saved before."""
        typed = form.values()
        if typed:
            self._page.said.emit(_("What was typed is not saved"), PutAway(lambda: again(typed), lasting=typed != brought))

    def _save_new(self, form: MemberForm) -> None:
        values = form.values()
        form.set_busy(_("Saving …"))

        def saved(it: Saved) -> None:
            form.accept()
            self._page.done(it.changed, _("{name} was added").format(name=it.name))
            self._show(it.id)

        desk, lanes = self._page.desk, self._page.lanes
        before_it_saves(form, desk, lanes, lambda: lanes.write(lambda: add_member(desk, **values), saved, form.complain))

    def edit(self, it: Known, typed: Mapping[str, Any] | None = None, *, at: str = "first_name") -> None:
        """Change one; ``typed`` as above; ``at``: the field to begin in."""
        form = MemberForm(self._page, _("Edit {name}").format(name=it.detail.name), _("Save"), it.detail.fields, at=at)
        form.type_in(typed or {})
        seen: set[str] = set()
        form.done_clicked.connect(lambda: self._save_change(form, it, seen))
        form.rejected.connect(lambda: self._put_away(form, lambda typed: self._edit_again(it.detail.id, typed), typed))
        self._watch(form, it.detail.id)
        form.open()

    def _edit_again(self, member: str, typed: Mapping[str, Any]) -> None:
        """The form once more, with what is known now: they may have been erased since, or removed, which saving it says."""

        def came(it: Known | None) -> None:
            if it is None:
                self._page.said.emit(_("Whoever was being edited was erased meanwhile, so nothing of what was typed is kept."), None)
            else:
                self.edit(it, typed)

        self._page.lanes.read(lambda: None if was_erased(self._page.desk, member) else known(self._page.desk, member, removed=True), came)

    def _watch(self, form: MemberForm, member: str) -> None:
        """Somebody who is erased while their form is open stands in it no longer."""

        def close(gone: bool) -> None:
            if gone and not over:
                form.accept()
                self._page.said.emit(_("Whoever was being edited was erased meanwhile, so the form was closed and nothing of it is kept."), None)

        over: list[int] = []
        told = self._page.changes.changed.connect(lambda changed: self._page.lanes.read(lambda: was_erased(self._page.desk, member), close))
        form.finished.connect(over.append)
        form.finished.connect(lambda result: self._page.changes.changed.disconnect(told))

    def _save_change(self, form: MemberForm, it: Known, seen: set[str]) -> None:
        """Save it; ``seen``: what the form has complained of, which to save again agrees to."""
        values = form.values()
        if not values:
            form.accept()
            return
        form.set_busy(_("Saving …"))

        def saved(done: Saved) -> None:
            form.accept()
            if done.merged:
                self._page.done(done.changed, _("Saved with {name}: the entry became part of theirs meanwhile").format(name=done.name))
                self._show(done.id)
            else:
                words = _("{name} was brought back, with what was typed") if done.back else _("{name} was saved")
                self._page.done(done.changed, words.format(name=done.name))

        def failed(error: KnownError) -> None:
            if isValid(form):  # else it was closed meanwhile, for they were erased
                seen.add(error.code)
                form.complain(error)

        back = "member_removed" in seen
        desk, lanes = self._page.desk, self._page.lanes
        before_it_saves(form, desk, lanes, lambda: lanes.write(lambda: change_member(desk, it.detail.id, form.opened, back=back, **values), saved, failed))
