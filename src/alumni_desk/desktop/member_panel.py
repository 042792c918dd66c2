"""Everything about one member beside the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QMenu, QTabBar, QVBoxLayout, QWidget, QWidgetAction

from alumni_desk.desktop.controls import Button, IconButton, Label, Link, hairline
from alumni_desk.desktop.dates import day_middle, day_short
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.history_part import HistoryPart
from alumni_desk.desktop.import_preview import value_words
from alumni_desk.desktop.paint import Pill, breakable, isolated
from alumni_desk.desktop.widgets import Glyph, IconLine, Scroll, StatusPill, YearDisc, keyboard_of
from alumni_desk.gatherings.kinds import answer_word
from alumni_desk.members.lists import Degree, MemberDetail, further_emails, member
from alumni_desk.members.roots import merged_on, root_of
from alumni_desk.segments.activity import PastValue
from alumni_desk.segments.lists import Visit, visits
from alumni_desk.store.desk import Desk
from alumni_desk.words import _

if TYPE_CHECKING:
    from alumni_desk.sync.reach import Right

@dataclass(frozen=True)
class Known:
    """What the panel shows."""

    detail: MemberDetail
    visits: tuple[Visit, ...]
    moving: Right


def known(desk: Desk, person: str, *, removed: bool = False) -> Known:
    """Read it, by whichever entry of theirs; ``removed``: also of somebody who was. Raises NotFound."""
    from alumni_desk.sync.reach import right

    with desk.asking() as connection:
        moving = right(connection)
        person = root_of(merged_on(connection), person)
    return Known(member(desk, person, removed=removed), tuple(visits(desk, person)), moving)


def was_erased(desk: Desk, person: str) -> bool:
    """Whether somebody was erased."""
    from alumni_desk.store.erasing import erased_of

    with desk.asking() as connection:
        return bool(erased_of(connection, [person]))


class MemberPanel(Scroll):
    """Width 360. ``edit``, ``edit_contact``, ``remove``, ``move_wanted``, ``erase``, ``show_gathering`` and ``restore(version)`` are for the page to do.

    ``history_wanted`` asks for ``show_history``.
    """

    edit = Signal()
    edit_contact = Signal()
    remove = Signal()
    move_wanted = Signal()
    erase = Signal()
    show_gathering = Signal(str)
    show_member = Signal(str)
    history_wanted = Signal()
    restore = Signal(str)

    def __init__(self) -> None:
        super().__init__(margins=(24, 24, 24, 24))
        self.setAccessibleName(_("Member"))
        self._inside: QWidget | None = None
        self.edit_button: Button | None = None
        self.contact_button: Button | None = None  # where nothing but the name is known
        self.tabs: QTabBar | None = None
        self._overview, self._history = QWidget(), HistoryPart()
        for nobody in (self._overview, self._history):
            nobody.setParent(self)  # so that they go with the window
            nobody.hide()
        self._person = ""
        self._moving: Right | None = None
        self._past: list[PastValue] | None = None
        self._all_of: set[str] = set()

    def show_known(self, it: Known, today: date) -> None:
        """Show somebody."""
        same, at = self._person == it.detail.id, self.verticalScrollBar().value()
        again = None
        if self._inside is not None:
            if same:
                again = keyboard_of(self._inside, self)  # it would be nowhere, and Esc with it
            elif (focus := self.focusWidget()) is not None and focus.hasFocus() and self._inside.isAncestorOf(focus):
                self.setFocus(Qt.FocusReason.OtherFocusReason)  # on none of the other one's buttons
            self.column.removeWidget(self._inside)
            self._inside.deleteLater()
        self._inside = QWidget()
        column = QVBoxLayout(self._inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(12))
        column.addLayout(self._head(it.detail))
        column.addLayout(self._deeds())
        on_history = self.tabs is not None and self.tabs.currentIndex() == 1 and same
        column.addWidget(self._tab_bar())
        self._overview, self._history = QWidget(), HistoryPart()
        self.contact_button = None
        overview = QVBoxLayout(self._overview)
        overview.setContentsMargins(0, 0, 0, 0)
        overview.setSpacing(px(12))
        groups = [group for group in (_contact(it.detail), _next(it, today), _life(it.detail), _lately(it, today)) if group is not None]
        for group in groups:
            overview.addLayout(self._grid(group))
            overview.addWidget(hairline())
        if it.detail.in_household:
            overview.addLayout(self._household(it.detail.in_household))
        elif not groups:
            overview.addWidget(self._name_alone())
        column.addWidget(self._overview)
        column.addWidget(self._history)
        column.addStretch(1)
        self._history.hide()
        self.column.addWidget(self._inside)
        if not same:
            self._all_of.clear()
        past, self._past = (self._past if same else None), None
        self._person, self._moving = it.detail.id, it.moving
        if on_history and self.tabs is not None:
            if past:
                self.show_history(past)  # as it was, until what is new has been read
            self.tabs.setCurrentIndex(1)
        self._inside.show()
        if again is not None:
            again(self._inside)
        self.column.activate()
        self.verticalScrollBar().setValue(at if same else 0)

    def shown_for(self) -> str:
        """Whom it shows; empty for nobody yet."""
        return self._person

    def _tab_bar(self) -> QTabBar:
        self.tabs = QTabBar()
        self.tabs.setAccessibleName(_("Parts of the member"))
        self.tabs.setExpanding(False)
        self.tabs.addTab(_("Overview"))
        self.tabs.addTab(_("History"))
        self.tabs.currentChanged.connect(self._turn)
        return self.tabs

    def _turn(self, which: int) -> None:
        self._overview.setVisible(which == 0)
        self._history.setVisible(which == 1)
        if which == 1:
            self.history_wanted.emit()

    def show_history(self, past: Sequence[PastValue]) -> None:
        """Fill the History tab: by field, newest first, each older value with its Restore."""
        layout = self._inside.layout() if self._inside is not None else None
        if layout is None or list(past) == self._past:
            return
        self._past = list(past)
        before, self._history = self._history, HistoryPart(self._past, self._all_of)
        self._history.restore.connect(self.restore)
        self._history.all_wanted.connect(self._show_all_of)
        again = keyboard_of(before, self)
        layout.replaceWidget(before, self._history)
        self._history.setVisible(self.tabs is not None and self.tabs.currentIndex() == 1)
        again(self._history)
        before.hide()
        before.deleteLater()

    def _show_all_of(self, field: str) -> None:
        self._all_of.add(field)
        past, self._past = self._past or [], None
        self.show_history(past)
        self._history.setFocus(Qt.FocusReason.OtherFocusReason)

    def _head(self, detail: MemberDetail) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(px(16))
        row.addWidget(YearDisc(detail.disc, 56), 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(px(2))
        name = Label(isolated(breakable(detail.name)), "title", wrap=True)
        name.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        words.addWidget(name)
        second = " · ".join(part for part in (detail.fields["other_script_name"], detail.fields["pronouns"]) if part)
        for text in (second, detail.full_name if detail.full_name != detail.name else ""):
            if text:
                words.addWidget(Label(isolated(breakable(text)), tone="muted", wrap=True))
        if detail.fields["pronunciation"]:
            words.addWidget(IconLine("speaker-low", breakable(detail.fields["pronunciation"])))
        if detail.fields["former_names"]:
            words.addWidget(Label(_("formerly {names}").format(names=breakable(", ".join(detail.fields["former_names"]))), "small", "muted", wrap=True))
        row.addLayout(words, 1)
        return row

    def _deeds(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(px(8))
        self.edit_button = Button(_("Edit"))
        self.edit_button.clicked.connect(self.edit)
        row.addWidget(self.edit_button)
        remove = Button(_("Remove"))
        remove.clicked.connect(self.remove)
        row.addWidget(remove)
        row.addStretch(1)
        self.more_button = IconButton(_("More about this member"), "dots-three")
        self.more_button.clicked.connect(self._show_more)
        row.addWidget(self.more_button)
        return row

    def _show_more(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        moving = self._moving
        if moving is not None and (moving.may or moving.why):
            move = menu.addAction(_("Move to another chapter …"))
            move.setEnabled(moving.may)
            move.triggered.connect(self.move_wanted)
            if moving.why:
                menu.addAction(_why_not(menu, moving.why))
            menu.addSeparator()
        menu.addAction(_("Erase for good …")).triggered.connect(self.erase)
        menu.popup(self.more_button.mapToGlobal(QPoint(self.more_button.width() - menu.sizeHint().width(), self.more_button.height())))

    def _grid(self, lines: Sequence[tuple[str, QWidget]]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(px(16))
        grid.setVerticalSpacing(px(8))
        grid.setColumnMinimumWidth(0, px(80))
        grid.setColumnStretch(1, 1)
        for row, (name, widget) in enumerate(lines):
            grid.addWidget(Label(name, tone="muted"), row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(widget, row, 1)
        return grid

    def _name_alone(self) -> QWidget:
        """In place of an empty Overview: the first step. The page's one filled button is another."""
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, px(32), 0, px(16))
        column.setSpacing(px(12))
        middle = Qt.AlignmentFlag.AlignHCenter
        column.addWidget(Glyph("envelope-simple", "muted", 48), 0, middle)
        heading = Label(_("Only the name is known so far"), "heading", wrap=True)
        why = Label(_("With an address or a number they can be invited, and reached."), tone="muted", wrap=True)
        for said in (heading, why):
            said.setAlignment(middle)
            column.addWidget(said)
        self.contact_button = Button(_("Add an e-mail or phone"))
        self.contact_button.clicked.connect(self.edit_contact)
        column.addWidget(self.contact_button, 0, middle)
        return box

    def _household(self, others: Sequence[tuple[str, str]]) -> QGridLayout:
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        for person, name in others:
            link = Link(name)
            link.clicked.connect(lambda checked=False, person=person: self.show_member.emit(person))
            column.addWidget(link, 0, Qt.AlignmentFlag.AlignLeft)
        return self._grid([(_("Household"), box)])


def _why_not(menu: QMenu, why: str) -> QWidgetAction:
    """Why the line above cannot be chosen, below it; screen readers hear it as a line of its own."""
    box = QWidget()
    column = QVBoxLayout(box)
    column.setContentsMargins(px(16), 0, px(16), px(8))
    words = Label(why, "small", "muted", wrap=True)
    words.setFixedWidth(px(240))
    words.setMinimumHeight(words.heightForWidth(px(240)))
    column.addWidget(words)
    action = QWidgetAction(menu)
    action.setText(why)
    action.setDefaultWidget(box)
    action.setEnabled(False)
    return action


def _value(text: str, *, copy: bool = False, below: QWidget | None = None) -> QWidget:
    box = QWidget()
    column = QVBoxLayout(box)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(px(2))
    row = QHBoxLayout()
    words = Label("\n".join(isolated(breakable(line)) for line in text.split("\n")), wrap=True)
    words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    row.addWidget(words, 1)
    if copy:
        link = Link(_("Copy"))
        link.setAccessibleName(_("Copy {what}").format(what=text))
        link.clicked.connect(lambda: QGuiApplication.clipboard().setText(text))
        row.addWidget(link, 0, Qt.AlignmentFlag.AlignTop)
    column.addLayout(row)
    if below is not None:
        column.addWidget(below)
    return box


def _contact(detail: MemberDetail) -> list[tuple[str, QWidget]] | None:
    """How to reach somebody, each way with the wish that binds it."""
    fields, codes = detail.fields, detail.fields["solicit_codes"]
    lines: list[tuple[str, QWidget]] = []
    if "do_not_contact" in codes:
        lines.append((_("Contact"), IconLine("prohibit", _("Asked not to be contacted"), tone="danger")))
    ways = (("email", _("E-mail"), "do_not_email", _("No e-mail, please")), ("mobile", _("Mobile"), "do_not_call", _("Do not call")),
            ("phone", _("Phone"), "do_not_call", _("Do not call")))
    for name, words, code, wish in ways:
        if fields[name]:
            lines.append((words, _value(fields[name], copy=True, below=IconLine("prohibit", wish, tone="danger") if code in codes else None)))
    if others := further_emails(fields["email"], fields["other_emails"]):
        lines.append((_("Also"), _value("\n".join(others))))
    town = " ".join(part for part in (", ".join(part for part in (fields["city"], fields["region"]) if part), fields["postal_code"]) if part)
    address = "\n".join(part for part in (fields["street"], town, fields["country"]) if part)
    if address:
        lines.append((_("Home"), _value(address, copy=True, below=IconLine("prohibit", _("No letters, please"), tone="danger")
                                        if "do_not_mail" in codes else None)))
    if not lines:  # a wish binds also what is not known yet
        wishes = (("do_not_email", _("No e-mail, please")), ("do_not_call", _("Do not call")), ("do_not_mail", _("No letters, please")))
        lines += [(_("Contact"), IconLine("prohibit", wish, tone="danger")) for code, wish in wishes if code in codes]
    if "do_not_solicit" in codes:
        lines.append((_("Giving"), IconLine("prohibit", _("Do not ask for money"), tone="danger")))
    return lines or None


def _next(it: Known, today: date) -> list[tuple[str, QWidget]] | None:
    ahead = [visit for visit in it.visits if visit.day >= today]
    if not ahead:
        return None
    soonest = ahead[-1]
    box = QWidget()
    column = QVBoxLayout(box)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(px(6))
    column.addWidget(Label(f"{breakable(soonest.name)}, {day_middle(soonest.day)}", wrap=True))
    icon, tone = ("check-circle", "ok") if soonest.status == "yes" else ("clock", "muted")
    pill = Pill("door", _("Came"), "ok") if soonest.came else Pill(icon, answer_word(soonest.status), tone)  # type: ignore[arg-type]
    column.addWidget(StatusPill(pill), 0, Qt.AlignmentFlag.AlignLeft)
    return [(_("Next"), box)]


def _life(detail: MemberDetail) -> list[tuple[str, QWidget]] | None:
    fields = detail.fields
    lines: list[tuple[str, QWidget]] = []
    if detail.degrees:
        lines.append((_("Degrees"), _value("\n".join(_degree(one) for one in detail.degrees))))
    elif fields["class_year"]:
        lines.append((_("Class year"), _value(str(fields["class_year"]))))
    work = "\n".join(part for part in (fields["job_title"], fields["employer"]) if part)
    if work:
        lines.append((_("Work"), _value(work)))
    if detail.household:
        lines.append((_("Household"), _value(detail.household)))
    if fields["deceased"]:
        lines.append((_("Died"), _value(value_words("deceased_date", fields["deceased_date"]) if fields["deceased_date"] else _("Date not known"))))
    for name, words in (("notes", _("Notes")), ("door_note", _("At the door"))):
        if fields[name]:
            lines.append((words, _value(fields[name])))
    return lines or None


def _degree(one: Degree) -> str:
    what = " ".join(part for part in (one.degree, one.major) if part)
    return ", ".join(part for part in (what or one.school, str(one.class_year) if one.class_year else "") if part)


def _lately(it: Known, today: date) -> list[tuple[str, QWidget]] | None:
    """The newest gatherings somebody came to, or missed."""
    past = [visit for visit in it.visits if visit.day < today][:6]
    if not past:
        return None
    box = QWidget()
    grid = QGridLayout(box)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(px(12))
    grid.setColumnStretch(1, 1)
    for row, visit in enumerate(past):
        grid.addWidget(Label(day_short(visit.day), tone="muted"), row, 0, Qt.AlignmentFlag.AlignTop)
        words = _("Came to {gathering}") if visit.came else _("Was not at {gathering}")
        grid.addWidget(Label(words.format(gathering=breakable(visit.name)), tone="text" if visit.came else "muted", wrap=True), row, 1)
    return [(_("Lately"), box)]
