"""Members: the list, found as one types, and everything about one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QItemSelection, QItemSelectionModel, QObject, Qt, QTimer
from PySide6.QtGui import QKeySequence, QResizeEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.changes import ChangeBus
from alumni_desk.desktop.controls import INSIDE, WINDOW, Button, Field, Held, Label, hairline, shortcut
from alumni_desk.desktop.deeds import Deed
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.import_sheet import ImportSheet
from alumni_desk.desktop.member_editing import MemberEditing
from alumni_desk.desktop.member_panel import Known, MemberPanel, known
from alumni_desk.desktop.members_empty import MembersEmpty
from alumni_desk.desktop.members_files import ask_file, export, import_from
from alumni_desk.desktop.members_letters import FirstLetters
from alumni_desk.desktop.members_list import MembersList
from alumni_desk.desktop.members_sheets import ask_erase, ask_merge, ask_move, show_history
from alumni_desk.desktop.members_table import FIRST, First, MembersTable, Shown, first_of, rest_of, shown_rows
from alumni_desk.desktop.pages import Go, Page
from alumni_desk.desktop.recovery_page import before_saving, not_yet
from alumni_desk.desktop.undoing import LONG_MS
from alumni_desk.errors import KnownError
from alumni_desk.members.actions import Removed, remove_members
from alumni_desk.members.lists import count_members
from alumni_desk.segments.activity import PastValue, past_values
from alumni_desk.store.desk import Desk
from alumni_desk.store.finding import Question
from alumni_desk.store.history import restore
from alumni_desk.store.writing import Changed
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.members.merging import Merged
    from alumni_desk.store.erasing import Erased
    from alumni_desk.sync.member_moving import MovedAway

QUIET_MS = 120
"""So long nobody types before the rest of a list is looked up."""

WALK_MS = 80
"""A key that is held down comes again sooner than this."""

EXACTLY = 64
"""Up to so many changed members are looked up by themselves; of more the whole list is."""
KEPT_CHOSEN = 5_000
"""So many who are chosen stay so when the list changes; to look for more of them would hold up the screen."""
BESIDE = 1_080
"""From this width on the detail stands beside the list; below it takes its place."""


class MembersPage(Page):
    """The chapter's people."""

    name = "members"
    icon = "users"
    title = _("Members")
    watches = frozenset({"person", "education", "registration", "fact", "gathering"})

    def __init__(self, desk: Desk, lanes: Lanes, changes: ChangeBus, go: Go, *, clock: Callable[[], date] = date.today) -> None:
        super().__init__(desk, lanes, changes, go)
        self._clock = clock
        self._chosen: str | None = None
        self._wished: str | None = None
        self._total = -1
        self._asked = ""
        self._question: Question | None = None  # what the list answers
        self._enter_waits = False  # it came before the answer to what was typed last
        self._listed = self._counted = False  # whether it answers anything yet, and whether all who fit are in it
        self._rest = QTimer(self, interval=QUIET_MS, singleShot=True)
        self._rest.timeout.connect(self._read_rest)
        self._walk = QTimer(self, interval=WALK_MS, singleShot=True)
        self._walk.timeout.connect(self._walked)
        self._known: Known | None = None  # whom the panel shows, or showed last
        self._read_for: str | None = None  # whose panel was asked for last
        self._sheet: QWidget | None = None
        self._editing = MemberEditing(self, self._show_member)
        self.table_model = MembersTable()
        self.table_model.wanted.connect(self._fetch)
        self._letters = FirstLetters(desk, lanes, clock, lambda: self.list.lines_seen(), self._nobody_types,
                                     lambda lines: self.list.lay_out(lines), self)
        content = QWidget()
        self.stack.set_content(content)  # before it is filled: what moves with all that is in it is styled anew
        self._across = QHBoxLayout(content)
        self._across.setContentsMargins(0, 0, 0, 0)
        self._across.setSpacing(0)
        self.left = QWidget()
        self._across.addWidget(self.left, 1)
        self._column = QVBoxLayout(self.left)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self.steps = [self._build_tools, self._build_list, self._build_panel]

    def _build_tools(self) -> None:
        self._column.addLayout(self._tools())
        shortcut(QKeySequence.StandardKey.New, self, self.add, WINDOW)
        shortcut(QKeySequence.StandardKey.Find, self, self._to_find, WINDOW)
        shortcut(Qt.Key.Key_Escape, self.search, self._clear_find)

    def _build_list(self) -> None:
        self.list = MembersList(self.table_model)
        self.list.selectionModel().selectionChanged.connect(self._selected)
        self.list.viewport().installEventFilter(self)
        self.list.doubleClicked.connect(self.edit)
        self._column.addWidget(self.list, 1)
        shortcut(Qt.Key.Key_Delete, self.list, self.remove)
        for enter in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            shortcut(enter, self.list, self._enter)

    def _build_panel(self) -> None:
        self._column.addWidget(hairline())
        self._column.addLayout(self._foot())
        self._line = hairline("v")
        self._across.addWidget(self._line)
        self.panel = MemberPanel()
        self.panel.edit.connect(self.edit)
        self.panel.edit_contact.connect(self.edit_contact)
        self.panel.remove.connect(self.remove)
        self.panel.move_wanted.connect(self.move_away)
        self.panel.erase.connect(self.erase)
        self.panel.show_member.connect(self._show_member)
        self.panel.history_wanted.connect(self._read_history)
        self.panel.restore.connect(self._restore)
        shortcut(Qt.Key.Key_Escape, self.panel, lambda: self.back() if self.back is not None else None, INSIDE)
        self._across.addWidget(self.panel)
        self._line.hide()
        self.panel.hide()

    def _tools(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(px(24), px(12), px(24), px(12))
        row.setSpacing(px(8))
        self.search = Field(_("Find members"), _("Find by name, class or city"), icon="magnifying-glass", hint=_("Ctrl F"))
        self.search.textChanged.connect(lambda: self._typed())
        self.search.returnPressed.connect(self._to_list)
        row.addWidget(self.search, 1)
        for words, act in ((_("Import"), self.import_file), (_("Export"), self.export)):
            button = Button(words)
            button.clicked.connect(lambda checked=False, act=act: act())
            row.addWidget(button)
        self.add_button = Button(_("Add member"), "primary", "plus")
        self.add_button.clicked.connect(lambda: self.add())
        row.addWidget(self.add_button)
        return row

    def _foot(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(px(24), px(8), px(24), px(8))
        row.setSpacing(px(8))
        self.foot = Label("", "small", "muted")
        row.addWidget(Held(self.foot), 1)
        self.remove_button = Button(_("Remove"), "danger")
        self.remove_button.clicked.connect(self.remove)
        self.remove_button.hide()
        self._removing = False
        self.merge_button = Button(_("Merge"))
        self.merge_button.setAccessibleName(_("Merge the two chosen members"))
        self.merge_button.clicked.connect(self.merge)
        self.merge_button.hide()
        row.addWidget(self.merge_button)
        row.addWidget(self.remove_button)
        return row

    # -- what every page does

    finds = True

    def deeds(self) -> list[Deed]:
        def somebody() -> bool:
            return self._chosen is not None

        return [Deed("add", "user-plus", _("Add a member"), self.add, _("Ctrl N"), also=_("new person create")),
                Deed("find", "magnifying-glass", _("Find members"), self._to_find, _("Ctrl F")),
                Deed("import", "upload-simple", _("Import members from a file"), self.import_file, also=_("csv xlsx excel spreadsheet list load")),
                Deed("export", "floppy-disk", _("Export members as a table"), self.export, can=lambda: self._total != 0,
                     also=_("csv excel spreadsheet save download")),
                Deed("edit", "note-pencil", _("Edit the chosen member"), self.edit, _("Enter"), can=somebody, also=_("change correct")),
                Deed("remove", "x-circle", _("Remove the chosen members"), self.remove, _("Delete"), can=lambda: somebody() or self._count_selected() > 1,
                     also=_("delete person")),
                Deed("history", "clock-counter-clockwise", _("History of the chosen member"), self.history, can=somebody,
                     also=_("who changed values before restore")),
                Deed("merge", "git-merge", _("Merge the two chosen members"), self.merge, can=lambda: self._count_selected() == 2,
                     also=_("duplicate double twice same person join together")),
                Deed("move", "arrow-right", _("Move the chosen member to another chapter"), self.move_away, can=self._may_move,
                     also=_("transfer hand over branch city")),
                Deed("erase", "prohibit", _("Erase the chosen member for good"), self.erase, can=somebody, also=_("delete privacy law gdpr forget"))]

    def first_focus(self) -> QWidget:
        return self.search if self.back is None else self.panel

    def next_part(self) -> Callable[[], object] | None:
        return self.list.next_part()

    def regions(self) -> list[QWidget]:
        return [self.search, self.list, *([self.panel] if self.panel.isVisible() else [])]

    def open(self, member: str | None = None, import_file: bool | Path = False, add: bool = False, **what: Any) -> None:
        if member is not None:
            self._show_member(member)
        if isinstance(import_file, Path):
            self.import_from(import_file)
        elif import_file:
            self.import_file()
        if add:
            self.add()

    def redraw(self, changed: Changed) -> None:
        people = changed.tables.get("person")
        self._look_up_letters_anew()
        self._read_total()
        if people is None or len(people) > EXACTLY or self.watches & changed.tables.keys() != {"person"}:
            self._refresh()  # what a line says of gatherings is not told by the row that changed
            return
        self.table_model.forget(people)
        if self._listed and self.search.text() == self._asked:
            self._read_rest()  # somebody may have come, gone or moved
        elif not self._listed:
            self.refresh_list()
        if self._chosen in people:
            self._read_panel_again()

    def refresh(self) -> None:
        self._look_up_letters_anew()
        self._read_total()
        self._refresh()

    def _look_up_letters_anew(self) -> None:
        self._letters.forget()
        self._letters.look_up()

    def _refresh(self) -> None:
        self.table_model.forget()
        if self._listed and self.search.text() == self._asked:
            self._read_rest()  # the same list as before, perhaps with others in it: nothing jumps
        else:
            self.refresh_list()
        self._read_panel_again()

    def refresh_list(self) -> None:
        """Find anew: the best at once, the rest when nobody types. Of several questions only the newest answers."""
        query, today, seen = self.search.text(), self._clock(), self.list.lines_seen()
        self._rest.stop()
        known, right = self._letters.answer(query), self._letters.still_right()
        if known is None:
            self.lanes.read_first(lambda: first_of(self.desk, query, today, seen), self._found, key="members.ids")
            return
        self._found(known)
        self.lanes.read(lambda: None if right() else first_of(self.desk, query, today, seen), self._found_other, key="members.ids")

    def _found_other(self, first: First | None) -> None:
        """What was known of a letter before it was typed may have been old."""
        if first is not None:
            self._letters.forget()
            self._found(first)

    def _nobody_types(self) -> bool:
        return self.isVisible() and self._listed and not self.search.text() and self.lanes.idle()

    def _found(self, first: First) -> None:
        self._asked, self._question, self._counted = first.query, first.found.question, False
        self._listed = bool(first.found.ids or first.query.strip())
        if not self._listed:  # there is no list that others could come into
            self._counted = True
            self._total = 0
            self.note = ""
            self.titled.emit()
            self._hide_panel()
            self.stack.show_empty(self._empty())
            return
        self.stack.show_content()
        self.table_model.begin(first.found.ids, first.lines)
        if len(first.found.ids) < FIRST:
            self._counted = True
            self._know_total()
        elif self._wished is not None:
            self._read_rest()
        else:
            self._rest.start()
        self._selected()  # of a list that begins anew nobody is chosen, and Qt does not say so
        self._choose_again()
        if self._enter_waits:
            self._to_list()
        if not first.query:
            self._letters.look_up()

    def _read_rest(self) -> None:
        self.table_model.let_go()
        query, question, shown = self._asked, self._question, list(self.table_model.ids()[:FIRST])
        self.lanes.read_on(lambda job: (query, rest_of(self.desk, question, query, shown, job.cancelled, job.ended_by)), self._came_rest, key="members.ids")

    def _came_rest(self, both: tuple[str, list[str] | None]) -> None:
        query, ids = both
        if query != self._asked or ids is None:
            return
        there, at = self.table_model.ids(), self.list.verticalScrollBar().value()
        in_view = self.list.viewport().rect().intersects(self.list.visualRect(self.list.currentIndex()))
        stays = self._wished is None and self.list.selectionModel().hasSelection() and not in_view  # else whoever is chosen comes, or stays, in view
        self._counted = True
        if not ids and not query.strip():
            self.refresh_list()
            return
        if ids[:len(there)] == there:
            self.table_model.go_on(ids[len(there):])
        elif ids != there:
            chosen = self.selected() if 1 < self._count_selected() <= KEPT_CHOSEN else []
            here, whose = self.list.currentIndex().row(), self.table_model.id_at(self.list.currentIndex().row())
            self.table_model.set_ids(ids)
            if chosen:
                self._select_several(chosen)
            if whose is not None:  # where they are gone, the arrow down goes on to who came after them
                row = self.table_model.row_of(whose)
                now = self.table_model.index(row if row >= 0 else min(here, len(ids)) - 1, 0)
                self.list.selectionModel().setCurrentIndex(now, QItemSelectionModel.SelectionFlag.NoUpdate)
            self.list.verticalScrollBar().setValue(at)
        self._know_total()
        self._selected()
        self._choose_again()
        self._wished = None
        if stays:
            self.list.verticalScrollBar().setValue(at)

    def _know_total(self) -> None:
        if not self._asked.strip():
            self._say_total(self.table_model.rowCount())

    def _read_total(self) -> None:
        """How many there are in all: a list of those who fit something does not tell."""
        if self.search.text().strip():
            self.lanes.read(lambda: count_members(self.desk), self._say_total, key="members.total")

    def _say_total(self, total: int) -> None:
        self._total = total
        self.note = number(total) if total else ""
        self.titled.emit()

    def _choose_again(self) -> None:
        """Whoever was chosen stays so, wherever they stand now."""
        wish = self._wished or self._chosen
        if wish is None:
            return
        row = self.table_model.row_of(wish)
        if row >= 0:
            if self.table_model.id_at(self.list.currentIndex().row()) != wish or not self.list.selectionModel().hasSelection():
                self._select(row)
            self._wished = None
        elif self._wished is None and self._counted:
            self._hide_panel()

    def _empty(self) -> QWidget:
        return MembersEmpty(self.import_file, self.add)

    def _fetch(self, first: int) -> None:
        ids, today = self.table_model.block(first), self._clock()
        self.lanes.read(lambda: shown_rows(self.desk, ids, today), self._came)

    def _came(self, lines: list[Shown]) -> None:
        self.table_model.take(lines)

    # -- choosing

    def _select(self, row: int) -> None:
        index = self.table_model.index(row, 0)
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.list.selectionModel().setCurrentIndex(index, flags)
        self.list.scrollTo(index)

    def _select_several(self, members: Sequence[str]) -> None:
        """Choose again who was chosen, where they stand now."""
        chosen, columns = QItemSelection(), self.table_model.columnCount() - 1
        top = bottom = -1
        for row in [*sorted(row for row in map(self.table_model.row_of, members) if row >= 0), -1]:
            if row != bottom + 1 or top < 0:  # asking for each of 100,000 takes seconds
                if top >= 0:
                    chosen.select(self.table_model.index(top, 0), self.table_model.index(bottom, columns))
                top = row
            bottom = row
        self.list.selectionModel().select(chosen, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def selected(self) -> list[str]:
        """Whose lines are chosen."""
        return [member for top, bottom in self._ranges() for row in range(top, bottom + 1) if (member := self.table_model.id_at(row)) is not None]

    def _count_selected(self) -> int:
        return sum(bottom - top + 1 for top, bottom in self._ranges())

    def _ranges(self) -> list[tuple[int, int]]:
        """The chosen lines, from and to: asking for each of 100,000 takes seconds."""
        chosen = self.list.selectionModel().selection()
        return sorted((chosen.at(n).top(), chosen.at(n).bottom()) for n in range(chosen.size()))

    def _selected(self, *changes: object) -> None:
        count = self._count_selected()
        self._say_foot()
        self.remove_button.setVisible(count > 1)
        self.merge_button.setVisible(count == 2)
        if count == 1:
            [chosen] = self.selected()
            if chosen != self._chosen or not self.panel.isVisible():
                self._chosen = chosen
                if self._beside():  # else Enter opens it: whoever walks down the list keeps the list
                    self._walk_to(chosen)
        elif count > 1:
            self._chosen = None
            self._hide_panel()

    def _walk_to(self, member: str) -> None:
        """Show somebody at once; of those passed by while an arrow key is held down, only the last."""
        if not self._walk.isActive():
            self._read_panel(member)
        self._walk.start()

    def _walked(self) -> None:
        if self._chosen is not None and self._chosen != self._read_for:
            self._read_panel(self._chosen)

    def _say_foot(self) -> None:
        chosen = self._count_selected()
        count = self.table_model.rowCount()
        if chosen > 1:
            self.foot.setText(ngettext("{n} member chosen", "{n} members chosen", chosen).format(n=number(chosen)))
        elif self._asked.strip():
            self.foot.setText(self._fit_words(count).format(n=number(count), query=self._asked.strip()))
        elif not self._counted:
            self.foot.setText("" if self._total < 0 else ngettext("{n} member", "{n} members", self._total).format(n=number(self._total)))
        else:
            self.foot.setText(ngettext("{n} member", "{n} members", count).format(n=number(count)))

    def _fit_words(self, count: int) -> str:
        if not count:
            return _("Nobody fits “{query}”. Try fewer letters, or add them.")
        if self._question is not None and self._question.close:
            if not self._counted:
                return _("Nobody fits “{query}” as it is spelled; these come close")
            return ngettext("Nobody fits “{query}” as it is spelled; {n} member comes close",
                            "Nobody fits “{query}” as it is spelled; {n} members come close", count)
        if not self._counted:
            return _("The best {n} of those who fit “{query}”")
        return ngettext("{n} member fits “{query}”", "{n} members fit “{query}”", count)

    def _show_member(self, member: str) -> None:
        self._wished = self._chosen = member
        self.search.setText("")  # nothing that Undo brings back
        self._read_panel(member)
        self.refresh_list()

    def _read_panel(self, member: str) -> None:
        self._read_for = member
        self.lanes.read(lambda: (member, known(self.desk, member)), self._show_panel, self._panel_failed, key="members.panel")

    def _read_panel_again(self) -> None:
        """Whoever is shown, as they are now. Where the detail would take the place of the list, nothing but Enter opens it."""
        if self._chosen is not None and (self._beside() or not self.panel.isHidden()):
            self._read_panel(self._chosen)

    def _show_panel(self, both: tuple[str, Known]) -> None:
        asked, it = both
        if asked == self._chosen:
            if asked != it.detail.id:  # an entry that became part of theirs
                self._chosen = it.detail.id
                self._wished = it.detail.id if self._wished == asked else self._wished
                self._choose_again()
            self.panel.show_known(it, self._clock())
            self._known = it
            self._line.show()
            self.panel.show()
            self._lay_out()

    def _read_history(self) -> None:
        member = self._chosen
        if member is not None:
            self.lanes.read(lambda: (member, past_values(self.desk, "person", member)), self._show_history, self._panel_failed, key="members.history")

    def _show_history(self, both: tuple[str, list[PastValue]]) -> None:
        if both[0] == self._chosen:
            self.panel.show_history(both[1])

    def _restore(self, version: str) -> None:
        member, failed = self._chosen, lambda error: self.said.emit(str(error), None)
        if member is not None:
            before_saving(self, self.desk, self.lanes, lambda: self.lanes.write(
                lambda: restore(self.desk, "person", member, version), lambda changed: self.done(changed, _("The older value is back")), failed),
                lambda: self.said.emit(not_yet(), None), failed)  # fmt: skip

    def _panel_failed(self, error: KnownError) -> None:
        if self._wished is not None and self._wished == self._read_for == self._chosen:  # somebody asked for them
            self._wished = None
            self.said.emit(str(error), None)
        self._hide_panel()

    def _hide_panel(self) -> None:
        self._chosen = None
        self._line.hide()
        self.panel.hide()
        self._lay_out()

    def _close_panel(self) -> None:
        self._hide_panel()
        self.list.clearSelection()
        self.list.setFocus()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()
        if self._chosen is not None and self.panel.isHidden() and self._beside():  # chosen while there was no room beside the list
            self._walk_to(self._chosen)

    def _beside(self) -> bool:
        """Whether there is room for the detail beside the list."""
        return self.width() >= px(BESIDE) * 0.93

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:  # the list's own width: the page's is known before its parts have theirs
            self._share_columns()
        return False

    def _share_columns(self) -> None:
        width = self.list.viewport().width()
        rest = width - min(px(150), width // 4)  # a status is not cut for the sake of the others
        for column, share in enumerate((0.46, 0.2, 0.19, 0.15)):
            self.list.setColumnWidth(column, int(rest * share))

    def _lay_out(self) -> None:
        """The detail beside the list, or in its place where there is no room for both."""
        beside, open_ = self._beside(), not self.panel.isHidden()  # whether or not the page itself is seen now
        alone = open_ and not beside
        focus = QApplication.focusWidget()
        goes = alone and focus is not None and self.left.isAncestorOf(focus)
        self.left.setVisible(not alone)
        if goes:
            self.panel.setFocus(Qt.FocusReason.OtherFocusReason)  # so that Esc leads back
        self._line.setVisible(open_ and beside)
        if beside:
            self.panel.setFixedWidth(px(360))
        else:
            self.panel.setMinimumWidth(0)
            self.panel.setMaximumWidth(16_777_215)
        back = self._close_panel if alone else None
        if (back is None) != (self.back is None):
            self.back = back
            self.titled.emit()

    # -- doing

    def _to_find(self) -> None:
        if self.back is not None:
            self.back()
        self.search.setFocus()
        self.search.selectAll()

    def _clear_find(self) -> None:
        self.search.clear()

    def _typed(self) -> None:
        self._enter_waits = False  # it was meant for what stood there before
        self.refresh_list()

    def _to_list(self) -> None:
        self._enter_waits = self._asked != self.search.text()  # what was typed last is still being looked up
        if not self._enter_waits and self.table_model.rowCount():
            self.list.setFocus()
            self._select(0)

    def _enter(self) -> None:
        """Edit whoever is chosen; where the detail takes the place of the list, open it first."""
        if self._chosen is not None and not self.panel.isVisible() and not self._beside():
            self._read_panel(self._chosen)
        else:
            self.edit()

    def add(self, typed: Mapping[str, Any] | None = None) -> None:
        """Ask for a new member; ``typed``: as far as somebody had come."""
        self._editing.add(typed)

    def edit(self, *index: object) -> None:
        """Change the chosen member."""
        member = self._chosen
        if member is None:
            return
        self.lanes.read(lambda: known(self.desk, member), self._editing.edit)

    def edit_contact(self) -> None:
        """Change the chosen member, their e-mail first."""
        member = self._chosen
        if member is not None:
            self.lanes.read(lambda: known(self.desk, member), lambda it: self._editing.edit(it, at="email"))

    def remove(self) -> None:
        """Take the chosen members off the list; the toast takes it back."""
        members = self.selected() or ([self._chosen] if self._chosen else [])
        if members and not self._removing:
            self._set_removing(True)
            self.lanes.write(lambda: remove_members(self.desk, members), self._removed, self._not_removed)

    def _set_removing(self, removing: bool) -> None:
        """A whole list takes its time: it is asked for once, and said."""
        self._removing = removing
        self.remove_button.setEnabled(not removing)
        if removing:
            QTimer.singleShot(LONG_MS, self, lambda: self.said.emit(_("Removing …"), None) if self._removing else None)

    def _not_removed(self, error: KnownError) -> None:
        self._set_removing(False)
        self.said.emit(str(error), None)

    def _removed(self, gone: Removed) -> None:
        self._set_removing(False)
        self._hide_panel()
        self.list.clearSelection()
        words = _("{name} was removed").format(name=gone.names[0]) if len(gone.names) == 1 else ngettext(
            "{n} member was removed", "{n} members were removed", len(gone.names)).format(n=number(len(gone.names)))
        self.done(gone.changed, words)

    def history(self) -> None:
        """Every value that the chosen member's fields have had: in their detail, or in a dialog where the list takes its place."""
        person = self._chosen
        if person is None:
            return
        if self.panel.isVisible() and self.panel.shown_for() == person and self.panel.tabs is not None:
            self.panel.tabs.setCurrentIndex(1)
            self.panel.tabs.setFocus()
            return

        show_history(self, person)

    def merge(self) -> None:
        """The two chosen entries become one; which stays is asked first."""
        both = self.selected()
        if len(both) == 2:
            ask_merge(self, both, self._merged)

    def _merged(self, what: Merged) -> None:
        self.list.clearSelection()
        self.done(what.changed, _("The two are one entry now: {name}").format(name=what.name))
        self._show_member(what.id)

    def _may_move(self) -> bool:
        return self._known is not None and self._known.detail.id == self._chosen and self._known.moving.may

    def move_away(self) -> None:
        """Another chapter has the chosen member then; asked first, since Undo does not bring them back."""
        person = self._chosen
        if person is not None:
            ask_move(self, person, self._moved_away)

    def _moved_away(self, what: MovedAway) -> None:
        if what.let_go:
            self._hide_panel()
            self.list.clearSelection()
            self.list.setFocus()
        self.done(Changed({"person": frozenset(what.people), "registration": frozenset()}), what.sentence)

    def erase(self) -> None:
        """Everything about the chosen member goes, for good; asked first, since there is no undo."""
        person = self._chosen
        if person is not None:
            ask_erase(self, person, self._erased)

    def _erased(self, what: Erased, sentence: str) -> None:
        self._hide_panel()
        self.list.clearSelection()
        self.done(what.changed | Changed({"person": frozenset(what.ids), "registration": frozenset()}), sentence)

    def import_file(self) -> None:
        """Ask for a list, then lead through its import."""
        file = ask_file(self)
        if file is not None:
            self.import_from(file)

    def import_from(self, file: Path) -> ImportSheet:
        """Lead through the import of a file."""
        self._sheet = sheet = import_from(self, file)
        return sheet

    def export(self) -> None:
        """Write the whole list as CSV."""
        export(self)
