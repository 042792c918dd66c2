"""One gathering: its numbers, its guests, and what can be done with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QTableView, QVBoxLayout, QWidget
from shiboken6 import isValid

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import Button, IconButton, Label, Segments, hairline, shortcut
from alumni_desk.desktop.delegates import PillDelegate, dress_table
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.guest_name_sheet import NameSheet, taken_apart
from alumni_desk.desktop.guest_picker import GuestPicker
from alumni_desk.desktop.guests_table import GuestDelegate, GuestsTable
from alumni_desk.desktop.pages import EmptyPage, Notice
from alumni_desk.desktop.widgets import Turning
from alumni_desk.gatherings.actions import Added, Answered, add_guest_of, add_guests, name_guest, remove_guests, set_rsvp
from alumni_desk.gatherings.fields import crossed_words
from alumni_desk.gatherings.kinds import answer_word
from alumni_desk.gatherings.lists import GatheringRow, GuestRow, gathering, guest_rows
from alumni_desk.members.naming import first_and_last
from alumni_desk.store.desk import Desk
from alumni_desk.store.writing import Changed
from alumni_desk.words import _, ngettext, number

SHOWN = {"all": None, "yes": ("yes",), "maybe": ("maybe",), "invited": ("invited",), "waitlisted": ("waitlisted",), "no": ("no", "cancelled")}
"""The answers that each segment shows; together they are all."""


@dataclass(frozen=True)
class Whole:
    """A gathering with its list."""

    row: GatheringRow
    guests: tuple[GuestRow, ...]


def whole(desk: Desk, which: str) -> Whole:
    """Read both. Raises NotFound."""
    return Whole(gathering(desk, which), tuple(guest_rows(desk, which)))


class GatheringView(QWidget):
    """``changed(Changed, words)`` after each action; ``wants(name)``: edit, cancel, history, checkin, badges, roster."""

    changed = Signal(object, str)
    wants = Signal(str)
    history_wanted = Signal(str, str)  # of a guest: registration, name
    member_wanted = Signal(str)

    def __init__(self, desk: Desk, lanes: Lanes) -> None:
        super().__init__()
        self._desk, self._lanes = desk, lanes
        self.it: Whole | None = None
        self._about: tuple[NameSheet, GuestRow] | None = None  # a sheet that names a guest, and whom
        self._picker: GuestPicker | None = None  # the one that was opened last
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._cells_box = QVBoxLayout()
        column.addLayout(self._cells_box)
        column.addWidget(hairline())
        column.addWidget(self._tools())
        self._notice = QVBoxLayout()
        self._notice.setSpacing(px(8))
        self._notice.setContentsMargins(px(24), 0, px(24), 0)
        column.addLayout(self._notice)
        self.model = GuestsTable()
        self.list = QTableView()
        self.list.setModel(self.model)
        self.list.setProperty("guests", "true")
        self.list.setProperty("people", "plain")
        dress_table(self.list, _("Guests"))
        self.list.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        self.list.setItemDelegateForColumn(0, GuestDelegate(self.list))
        self.list.setItemDelegateForColumn(2, PillDelegate(self.list))
        self.list.selectionModel().selectionChanged.connect(self._selected)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(lambda at: self._show_more(self.list.viewport().mapToGlobal(at)))
        column.addWidget(self.list, 1)
        self.empty = EmptyPage("users", _("Nobody is on the list yet"), _("Add guests"), self.add, _("Or take them from a file"), "user-plus")
        column.addWidget(self.empty, 1)
        column.addWidget(hairline())
        column.addLayout(self._foot())
        shortcut(Qt.Key.Key_Escape, self.list, self.list.clearSelection)
        shortcut(Qt.Key.Key_Delete, self.list, self.remove)

    def _tools(self) -> Turning:
        self.tools = Turning()
        row = self.tools.row
        row.setContentsMargins(px(24), px(12), px(24), px(12))
        row.setSpacing(px(8))
        self.segments = Segments(_("Which guests"), [(key, _("All") if key == "all" else answer_word(key)) for key in SHOWN], "all")
        self.segments.chosen.connect(lambda key: self._fill())
        row.addWidget(self.segments)
        row.addStretch(1)
        deeds = QHBoxLayout()
        deeds.setSpacing(px(8))
        for words, icon, act in ((_("History"), "clock-counter-clockwise", lambda: self.wants.emit("history")),
                                 (_("From a file"), "upload-simple", self.from_file), (_("Add guests"), "user-plus", self.add)):  # fmt: skip
            button = Button(words, icon=icon)
            button.clicked.connect(lambda checked=False, act=act: act())
            deeds.addWidget(button)
        row.addLayout(deeds)
        return self.tools

    def _foot(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(px(24), px(8), px(24), px(8))
        row.setSpacing(px(8))
        self.foot = Label("", "small", "muted")
        row.addWidget(self.foot)
        self.bar: list[Button] = []
        deeds: tuple[tuple[str, str, Callable[[], None]], ...] = (
            (_("Coming"), "check", lambda: self.answer("yes")), (_("Not coming"), "x", lambda: self.answer("no")),
            (_("Other answer"), "caret-down", self._ask_answer), (_("Brings a guest"), "plus", self.bring), (_("Name"), "note-pencil", self.name_one),
            (_("Take off the list"), "", self.remove))
        for words, icon, act in deeds:
            button = Button(words, icon=icon or None)
            button.clicked.connect(lambda checked=False, act=act: act())
            button.hide()
            row.addWidget(button)
            self.bar.append(button)
        self._folded: list[Button] = []  # those of the bar that there is no room for: they are lines of the menu
        self.more_button = IconButton(_("More for the chosen guests"), "dots-three")
        self.more_button.clicked.connect(lambda: self._show_more(self.more_button.mapToGlobal(QPoint(0, 0)), above=True))
        self.more_button.hide()
        row.addWidget(self.more_button)
        row.addStretch(1)
        self.always: list[Button] = []
        for words, name in ((_("Edit"), "edit"), (_("Cancel gathering"), "cancel"), (_("Roster"), "roster"), (_("Badges"), "badges")):
            button = Button(words)
            button.clicked.connect(lambda checked=False, name=name: self.wants.emit(name))
            row.addWidget(button)
            self.always.append(button)
        self.door = Button(_("Start check-in"), "primary", "door")
        self.door.clicked.connect(lambda: self.wants.emit("checkin"))
        row.addWidget(self.door)
        return row

    # -- showing

    def show_whole(self, it: Whole, *, over: bool = False) -> None:
        """Show a gathering; who was chosen stays chosen, and the keyboard where it was. ``over``: it is held, so that nobody is here any more."""
        same = self.it is not None and self.it.row.id == it.row.id
        chosen = {guest.registration for guest in self.chosen()} if same else set()
        current, at = self.list.currentIndex().row(), self.list.verticalScrollBar().value()
        focus = self.model.rows[current].registration if same and 0 <= current < len(self.model.rows) else None
        self.it = it
        self._close_of_erased(it)
        if self._picker is not None and isValid(self._picker) and self._picker.isVisible():
            self._picker.look_anew()
        self.model.over = over
        self._show_cells(it, over)
        counts = Counter(guest.status for guest in it.guests)
        for key, statuses in SHOWN.items():
            count = len(it.guests) if statuses is None else sum(counts[status] for status in statuses)
            words = _("All") if key == "all" else answer_word(key)
            self.segments.set_words(key, _("{answer} {n}").format(answer=words, n=number(count)))
            if key in ("maybe", "waitlisted"):
                self.segments.set_shown(key, bool(count))
        self.tools.turn()
        self._show_notice(it.row)
        self.always[1].set_words(_("Plan it again") if it.row.cancelled else _("Cancel gathering"))
        self.door.setVisible(not it.row.cancelled)
        self.door.kind = "primary" if it.guests else "secondary"  # an empty list has its own first step
        self.door.update()
        self._fill()
        selection = self.list.selectionModel()
        if focus is not None:  # whoever is not in it any more: the arrow down goes on to who came after them
            now = next((n for n, guest in enumerate(self.model.rows) if guest.registration == focus), min(current, len(self.model.rows)) - 1)
            selection.setCurrentIndex(self.model.index(now, 0), selection.SelectionFlag.NoUpdate)
        for number_, guest in enumerate(self.model.rows):
            if not chosen.isdisjoint((guest.registration, *guest.others)):  # also where two entries became one meanwhile
                selection.select(self.model.index(number_, 0), selection.SelectionFlag.Select | selection.SelectionFlag.Rows)
        if same:
            self.list.verticalScrollBar().setValue(at)

    def _close_of_erased(self, it: Whole) -> None:
        """Whoever was erased, or moved away, while a sheet names them stands in it no longer."""
        about = self._about
        if about is None or not isValid(about[0]):
            return
        line = next((guest for guest in it.guests if about[1].registration in (guest.registration, *guest.others)), None)
        if line is None:  # off the list by now, which does not tell of it
            from alumni_desk.desktop.member_panel import was_erased

            self._lanes.read(lambda: was_erased(self._desk, about[1].person), lambda erased: self._close_about(about) if erased else None)
        elif line.gone and not line.named:
            self._close_about(about)

    def _close_about(self, about: tuple[NameSheet, GuestRow]) -> None:
        if self._about is about and isValid(about[0]):
            self._about = None
            about[0].accept()
            self.changed.emit(Changed({}), _("The guest was erased or moved away meanwhile, so the form was closed and nothing of it is kept."))

    def _show_notice(self, row: GatheringRow) -> None:
        while self._notice.count():
            old = self._notice.takeAt(0).widget()
            if old is not None:
                old.hide()
                old.deleteLater()
        self._fill_notice(row)
        self._notice.setContentsMargins(px(24), 0, px(24), px(8) if self._notice.count() else 0)

    def _fill_notice(self, row: GatheringRow) -> None:
        if row.cancelled:
            words = _("Cancelled: {reason}").format(reason=row.cancelled_reason) if row.cancelled_reason else _("This gathering is cancelled. Its list stays.")
            self._notice.addWidget(Notice("x-circle", words, "danger"))
            return
        if row.crossed:
            self._notice.addWidget(Notice("warning", crossed_words(), mend=_("Set the hours"), act=lambda: self.wants.emit("hours")))
        if row.capacity and row.coming > row.capacity:
            over = row.coming - row.capacity
            self._notice.addWidget(Notice("warning", ngettext("{n} more than there are places", "{n} more than there are places", over).format(n=number(over))))

    def _show_cells(self, it: Whole, over: bool) -> None:
        while self._cells_box.count():
            old = self._cells_box.takeAt(0).widget()
            if old is not None:
                old.hide()
                old.deleteLater()
        row = it.row
        here = sum(guest.checked_in for guest in it.guests)
        expected = sum(guest.came or guest.status == "yes" for guest in it.guests)
        inside = (here, _("here, of {n}").format(n=number(expected))) if row.came and not over else (row.came, _("came"))
        waiting = sum(guest.status == "waitlisted" for guest in it.guests)
        places = _("coming, of {n} places").format(n=number(row.capacity)) if row.capacity else _("coming")
        cells = [(row.coming, places), (row.maybe, _("maybe")), (row.not_answered, _("have not answered")), (row.not_coming, _("not coming")),
                 (waiting, _("on the waiting list")), inside]
        box = QWidget()
        across = QHBoxLayout(box)
        across.setContentsMargins(px(24), px(12), px(24), px(12))
        across.setSpacing(px(20))
        for place, (count, words) in enumerate(cells):
            if place:
                across.addWidget(hairline("v"))
            down = QVBoxLayout()
            down.setSpacing(0)
            down.addWidget(Label(number(count), "title"))
            down.addWidget(Label(words, "small", "muted", wrap=True))
            down.addStretch(1)  # where another cell's words take two lines
            across.addLayout(down, 1)
        self._cells_box.addWidget(box)

    def _fill(self) -> None:
        if self.it is None:
            return
        key = self.segments.on()
        wanted = SHOWN[key]
        rows = [guest for guest in self.it.guests if wanted is None or guest.status in wanted]
        self.model.set_rows(rows)
        self.list.setVisible(bool(self.it.guests))
        self.empty.setVisible(not self.it.guests)
        self._selected()
        self._columns()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._columns()
        self._fit_bar()

    def _columns(self) -> None:
        width = self.list.viewport().width()
        for column, share in enumerate((0.44, 0.14, 0.17, 0.11)):
            self.list.setColumnWidth(column, int(width * share))

    def chosen(self) -> list[GuestRow]:
        """The guests whose lines are chosen."""
        rows = sorted(index.row() for index in self.list.selectionModel().selectedRows())
        return [self.model.rows[row] for row in rows if row < len(self.model.rows)]

    def _selected(self, *changes: object) -> None:
        count = len(self.chosen())
        shown = len(self.model.rows)
        self.foot.setText(ngettext("{n} chosen", "{n} chosen", count).format(n=number(count)) if count else
                          ngettext("{n} guest", "{n} guests", shown).format(n=number(shown)))
        for place, button in enumerate(self.always):
            again = place == 1 and self.it is not None and self.it.row.cancelled
            button.setVisible(not count or again)
        self._fit_bar()

    def _fit_bar(self) -> None:
        """As many buttons for the chosen guests as there is room for; the others are in the menu at their end."""
        count = len(self.chosen())
        wanted = [button for place, button in enumerate(self.bar) if count and (place not in (3, 4) or count == 1)]
        rest = [button for button in (*self.always, self.door) if not button.isHidden()]
        used = px(48) + self.foot.sizeHint().width() + sum(px(8) + button.sizeHint().width() for button in rest)
        more = px(8) + self.more_button.width()
        kept = list(wanted)
        while kept and used + sum(px(8) + button.sizeHint().width() for button in kept) + (more if count == 1 or kept != wanted else 0) > self.width():
            kept.pop()
        for button in self.bar:
            button.setVisible(button in kept)
        self._folded = wanted[len(kept):]
        self.more_button.setVisible(count == 1 or bool(self._folded))

    # -- doing

    def add(self) -> None:
        """Choose members for the list."""
        it = self.it
        if it is None:
            return
        self._picker = picker = GuestPicker(self, self._desk, self._lanes, {guest.person for guest in it.guests})

        def done(added: Added) -> None:
            picker.accept()
            n = len(added.registrations)
            words = ngettext("{n} guest added", "{n} guests added", n).format(n=number(n))
            if added.deceased:
                words += "; " + ngettext("{n} has died and was left out", "{n} have died and were left out", added.deceased).format(n=number(added.deceased))
            self.changed.emit(added.changed, words)

        def add_them() -> None:
            chosen = picker.chosen()
            if chosen:
                picker.set_busy(_("Adding …"))
                status = picker.status()
                self._lanes.write(lambda: add_guests(self._desk, it.row.id, chosen, status=status), done, picker.complain)

        picker.done_clicked.connect(add_them)
        picker.open()

    def from_file(self) -> None:
        """Take the people of a file onto the list; unknown ones become guests."""
        chosen, _kind = QFileDialog.getOpenFileName(self, _("Guests from a file"), str(Path.home()), _("Lists (*.csv *.txt *.tsv);;All files (*)"))
        if chosen and self.it is not None:
            self.take_file(Path(chosen))

    def take_file(self, file: Path) -> None:
        """Say what a file's people would do to the list, then take them onto it."""
        it = self.it
        if it is not None:
            from alumni_desk.desktop.guest_file_sheet import GuestFileSheet

            sheet = GuestFileSheet(self, self._desk, self._lanes, it.row.id, file)
            sheet.taken.connect(self._taken)
            sheet.open()

    def _taken(self, result: Any) -> None:
        words = _("{added} added, {updated} changed, {rows}; {guests}").format(
            added=number(result.added), updated=number(result.updated),
            rows=ngettext("{n} row left out", "{n} rows left out", result.rejected).format(n=number(result.rejected)),
            guests=ngettext("{n} was new here", "{n} were new here", result.guests).format(n=number(result.guests)))
        self.changed.emit(result.changed or Changed({}), words)

    def answer(self, status: str, *checked: bool) -> None:
        """Note an answer of the chosen guests."""
        it, chosen = self.it, [guest.registration for guest in self.chosen()]
        if it is None or not chosen:
            return

        def done(answered: Answered) -> None:
            n = answered.count
            if not n:  # as it was already, or was by a key that came twice: what was said of that stands, with its Undo
                self.changed.emit(answered.changed, "")
                return
            self.changed.emit(answered.changed, ngettext("{n} answer noted", "{n} answers noted", n).format(n=number(n)))

        self._lanes.write(lambda: set_rsvp(self._desk, it.row.id, chosen, status), done)

    def _ask_answer(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._add_answers(menu)
        button = self.bar[2]
        menu.popup(button.mapToGlobal(QPoint(0, -menu.sizeHint().height())))

    def bring(self) -> None:
        """A guest whom the chosen one brings."""
        it, chosen = self.it, self.chosen()
        if it is None or len(chosen) != 1:
            return
        sheet = NameSheet(self, _("{name} brings a guest").format(name=chosen[0].name), _("Add"), _("Leave it empty if the name is still to come."))

        def done(added: Added) -> None:
            sheet.accept()
            self.changed.emit(added.changed, _("Guest added"))

        self._about = sheet, chosen[0]
        self._saves(sheet, lambda name: add_guest_of(self._desk, it.row.id, chosen[0].registration, name), done)

    def name_one(self) -> None:
        """Give a guest their name, or correct it."""
        chosen = self.chosen()
        if len(chosen) != 1:
            return
        one = chosen[0]
        sheet = NameSheet(self, _("Name of the guest"), _("Save"), "")
        sheet.opened = {"first_name": one.first_name or "", "last_name": one.last_name or ""}
        sheet.put_in("name", sheet.shown_name())

        def done(changed: Changed) -> None:
            sheet.accept()
            self.changed.emit(changed, _("Name saved"))

        def save(name: str) -> Changed:
            opened = dict(sheet.opened)
            if not any(opened.values()):
                return name_guest(self._desk, one.registration, opened=opened, **{part: text for part, text in first_and_last(name).items() if text})
            wanted = dict(zip(opened, taken_apart(name, *opened.values()), strict=True))
            # Only what was typed: a first name that another laptop corrected meanwhile stays beside a last name from here.
            return name_guest(self._desk, one.registration, opened=opened, **{part: text for part, text in wanted.items() if text != opened[part]})

        self._about = sheet, one
        self._saves(sheet, save, done)

    def _saves(self, sheet: NameSheet, act: Callable[[str], Any], done: Callable[[Any], None]) -> None:
        """Ask for a guest's name, and save it once there is a recovery key on paper."""

        def save() -> None:
            from alumni_desk.desktop.recovery_page import before_it_saves

            name = sheet.typed.text()
            sheet.set_busy(_("Saving …"))
            before_it_saves(sheet, self._desk, self._lanes, lambda: self._lanes.write(lambda: act(name), lambda it: done(it) if isValid(sheet) else None,
                                                                                     sheet.complain))

        sheet.done_clicked.connect(save)
        sheet.open()

    def _add_answers(self, menu: QMenu) -> None:
        for status in ("maybe", "waitlisted", "invited"):
            menu.addAction(answer_word(status)).triggered.connect(partial(self.answer, status))

    def _show_more(self, at: QPoint, *, above: bool = False) -> None:
        """What else can be done with the guests who are chosen, also by the right button or the menu key."""
        chosen = self.chosen()
        if not chosen:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for button in self._folded if above else [button for place, button in enumerate(self.bar) if place not in (3, 4) or len(chosen) == 1]:
            if button is self.bar[2]:
                self._add_answers(menu)
            else:
                menu.addAction(button.text().replace("&&", "&")).triggered.connect(lambda checked=False, button=button: button.clicked.emit())
        if len(chosen) == 1:
            menu.addSeparator()
            menu.addAction(_("History of this guest")).triggered.connect(self.history)
            if chosen[0].person is not None:
                menu.addAction(_("Show the member")).triggered.connect(lambda: self.member_wanted.emit(chosen[0].person))
        menu.popup(at - QPoint(0, menu.sizeHint().height()) if above else at)

    def history(self) -> None:
        """Every value that the chosen guest's place on the list has had, to be put back one by one."""
        chosen = self.chosen()
        if len(chosen) == 1:
            self.history_wanted.emit(chosen[0].registration, chosen[0].name)

    def remove(self) -> None:
        """Take the chosen ones off the list; the toast takes it back."""
        it, chosen = self.it, [guest.registration for guest in self.chosen()]
        if it is None or not chosen:
            return
        beside = {one for guest in it.guests for one in guest.others}  # further entries of one person

        def done(changed: Changed) -> None:
            n = len(changed.tables.get("registration", frozenset()) - beside)
            if not n:  # a key that came twice: what was said the first time stands, with its Undo
                self.changed.emit(changed, "")
                return
            self.changed.emit(changed, ngettext("{n} guest taken off the list", "{n} guests taken off the list", n).format(n=number(n)))

        self._lanes.write(lambda: remove_guests(self._desk, it.row.id, chosen), done)
