"""The window: it navigates, says where data stands and carries toasts. It knows its pages and nothing of their insides."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from PySide6.QtCore import QByteArray, QEvent, QMimeData, QPoint, Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeySequence, QPainter, QPaintEvent, QPixmap, QRegion, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from alumni_desk.desktop.controls import WINDOW, Button, Elided, IconButton, Label, hairline, shortcut
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.look import look
from alumni_desk.desktop.nav import Entry, NavList
from alumni_desk.desktop.pages import Page, Planned, PutAway, Toast
from alumni_desk.desktop.paint import breakable
from alumni_desk.desktop.palette_button import PaletteButton
from alumni_desk.desktop.syncchip import SyncChip
from alumni_desk.desktop.tokens import HEADER, SIDEBAR, SIDEBAR_FOLDED
from alumni_desk.desktop.undoing import Undoing
from alumni_desk.desktop.widgets import Glyph, Mark, YearDisc, into_view, on_screen, way_in
from alumni_desk.words import _

FOLD_BELOW = 900
SMALL_BELOW = 1_100
BANDS = 4
"""In so many pieces a page is drawn ahead."""


class Whose(NamedTuple):
    """Whose chapter this is: what the sidebar says at its head and foot."""

    chapter: str = ""
    university: str = ""
    person: str = ""
    device: str = ""
    sample: bool = False


class SampleBand(QWidget):
    """Says on every page that nobody here is real."""

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(px(24), px(4), px(24), px(4))
        row.setSpacing(px(8))
        row.addWidget(Label(_("Sample"), "strong", "warn"))
        row.addWidget(Label(_("Everyone in this chapter is made up. It never joins a server."), "small", "warn"))
        row.addStretch(1)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), look(self).warn_soft)


class OverBand(QWidget):
    """Says on every page that this laptop's term has ended, and what it waits for."""

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(px(24), px(8), px(24), px(8))
        row.setSpacing(px(10))
        row.addWidget(Glyph("hourglass", "warn", 18), 0, Qt.AlignmentFlag.AlignTop)
        self.words = Label("", "small", "warn", wrap=True)
        row.addWidget(self.words, 1)
        self.hide()

    def say(self, sentence: str) -> None:
        """Until the window closes."""
        self.words.setText(sentence)
        self.show()

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), look(self).warn_soft)


class DamageBand(QWidget):
    """Says on every page that a part of the database cannot be read, and leads to the backups."""

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(px(24), px(8), px(24), px(8))
        row.setSpacing(px(10))
        row.addWidget(Glyph("warning", "danger", 18))
        self.words = Label("", "small", "danger", wrap=True)
        row.addWidget(self.words, 1)
        row.addSpacing(px(6))
        self.button = Button(_("Backups"))
        row.addWidget(self.button)
        self.hide()

    def say(self, sentence: str) -> None:
        """What is damaged and what to do; empty: nothing is."""
        self.words.setText(sentence)
        self.setVisible(bool(sentence))

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), look(self).danger_soft)


class Said(NamedTuple):
    """What a toast says, and what can be done about it."""

    sentence: str
    link: str
    act: Callable[[], None] | None
    keys: str
    action: str | None
    about: frozenset[str] = frozenset()  # the actions that it tells of


def _both(first: str, second: str = "") -> str:
    return _("{first}. {second}").format(first=first.rstrip("."), second=second) if second else first


class Shell(QMainWindow):
    """Sidebar, header and pages, each built when it is first wanted. Closing it asks ``may_close``, then tells ``on_close``, which ends the background work.

    ``dropped(files)``: files that were dropped on it. ``size_wanted(percent)``: another text size.
    """

    palette_wanted = Signal()
    size_wanted = Signal(int)
    dropped = Signal(list)

    def __init__(self, plan: Sequence[Planned], whose: Whose, undoing: Undoing, *, on_close: Callable[[], None] | None = None) -> None:
        super().__init__()
        self.may_close: Callable[[], bool] = lambda: True
        self.go: Callable[..., None] = self.show_page
        """How somebody gets to a page."""
        self.setAcceptDrops(True)
        self.setProperty("quits", True)  # a dialog over it lets Ctrl+Q through
        self.plan = {page.name: page for page in plan}
        self._built: dict[str, Page] = {}
        self._made: dict[str, Page] = {}  # and not in the window yet
        self._allowed: frozenset[str] | None = None  # pages that may be seen just now; None: all of them
        self._hushed = False
        self._ready: dict[str, int] = {}  # how many pieces of the first look at it are done ahead
        self._undoing = undoing
        self._on_close = on_close
        self._came_from = ""
        self._keyed = ""  # the page that its key asked for, until it is shown
        self._cover: QWidget | None = None
        self._said: Said | None = None  # last, in the toast
        self._unread: dict[bool, Said] = {}  # while it or the chapter is locked: the last with something to do about it (True), and the last without
        self.setMinimumSize(min(1024, px(1024)), min(640, px(640)))
        on_screen(self)
        self._build(whose)
        self.set_whose(whose)
        undoing.said.connect(self._undoing_said)
        undoing.erased.connect(self._forget_said)
        for number, page in enumerate((page for page in self.plan.values() if not page.apart), 1):
            shortcut(f"Ctrl+{number}", self, partial(self._by_key, page.name), WINDOW)
        # A key that is held down means one turn.
        shortcut(QKeySequence.StandardKey.Undo, self, partial(self._turn, _("Ctrl Z"), self._undo), WINDOW).setAutoRepeat(False)
        for keys in {"Ctrl+Shift+Z", QKeySequence(QKeySequence.StandardKey.Redo).toString()}:
            shortcut(keys, self, partial(self._turn, _("Ctrl Shift Z"), undoing.redo), WINDOW).setAutoRepeat(False)
        shortcut("Ctrl+K", self, self.palette_wanted.emit, WINDOW)
        shortcut("Ctrl+Q", self, self.close, WINDOW).setAutoRepeat(False)  # not in check-in: guests stand at those keys
        shortcut("Ctrl+[" if sys.platform == "darwin" else "Alt+Left", self, self._back_by_key, WINDOW)
        shortcut(Qt.Key.Key_F6, self, lambda: self._next_region(1), WINDOW)
        shortcut("Shift+F6", self, lambda: self._next_region(-1), WINDOW)
        if self.plan:
            self.show_page(next(iter(self.plan)))

    # -- building

    def _build(self, whose: Whose) -> None:
        middle = QWidget()
        self.setCentralWidget(middle)
        across = QHBoxLayout(middle)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        self.sidebar = self._build_sidebar()
        across.addWidget(self.sidebar)
        across.addWidget(hairline("v"))
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addWidget(self._build_header())
        right.addWidget(hairline())
        self.band = SampleBand()
        right.addWidget(self.band)
        self.over = OverBand()
        right.addWidget(self.over)
        self.damage = DamageBand()
        self.damage.button.setVisible(self.may_see("restore"))
        self.damage.button.clicked.connect(lambda: self._wish("restore"))
        right.addWidget(self.damage)
        self.stack = QStackedWidget()
        right.addWidget(self.stack, 1)
        across.addLayout(right, 1)
        self.toast = Toast(middle)

    def _build_sidebar(self) -> QFrame:
        side = QFrame()
        side.setObjectName("sidebar")
        side.setFixedWidth(px(SIDEBAR))
        column = QVBoxLayout(side)
        column.setContentsMargins(0, px(16), 0, px(12))
        column.setSpacing(px(8))
        head = QHBoxLayout()
        head.setContentsMargins(px(16), 0, px(8), 0)
        head.setSpacing(px(10))
        head.addWidget(Mark(32), 0, Qt.AlignmentFlag.AlignTop)
        self._head_words = QWidget()
        names = QVBoxLayout(self._head_words)
        names.setContentsMargins(0, 0, 0, 0)
        names.setSpacing(0)
        self.chapter, self.university = Label("", "strong", wrap=True), Label("", "caption", "muted", wrap=True)
        names.addWidget(self.chapter)
        names.addWidget(self.university)
        head.addWidget(self._head_words, 1)
        column.addLayout(head)
        column.addSpacing(px(4))
        entries = [Entry(page.name, page.icon, page.title, f"Ctrl+{n}") for n, page in enumerate((p for p in self.plan.values() if not p.apart), 1)]
        self.nav = NavList(_("Pages"), entries)
        self.nav.chosen.connect(self._nav_chosen)
        self.nav.clicked.connect(lambda index: self._nav_chosen(self.nav.rows.entries[index.row()].key))  # the marked one of a page apart, too
        self._marking = False
        column.addWidget(self.nav, 1)
        self._foot = QWidget()
        foot = QVBoxLayout(self._foot)
        foot.setContentsMargins(px(8), 0, px(8), 0)
        foot.setSpacing(px(8))
        foot.addWidget(hairline())
        row = QHBoxLayout()
        row.setContentsMargins(px(8), px(2), 0, 0)
        row.setSpacing(px(8))
        self._disc = YearDisc("", 24)
        row.addWidget(self._disc)
        words = QVBoxLayout()
        words.setSpacing(0)
        self.person, self.device = Label("", "caption", "muted", wrap=True), Label("", "caption", "muted", wrap=True)
        words.addWidget(self.person)
        words.addWidget(self.device)
        row.addLayout(words, 1)
        foot.addLayout(row)
        column.addWidget(self._foot)
        return side

    def _build_header(self) -> QFrame:
        header = QFrame()
        header.setFixedHeight(px(HEADER))
        row = QHBoxLayout(header)
        row.setContentsMargins(px(24), 0, px(24), 0)
        row.setSpacing(px(12))
        self.back = IconButton(_("Back"), "caret-left")
        self.back.setToolTip(_("Back (⌘ [)") if sys.platform == "darwin" else _("Back (Alt ←)"))
        self.back.clicked.connect(self._go_back)
        self.title, self.note = Elided("", "title"), Elided("", "body", "muted")
        self.note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # it has what the title leaves
        self._header_slot = QHBoxLayout()
        row.addWidget(self.back)
        row.addWidget(self.title)
        row.addWidget(self.note, 1_000)
        row.addLayout(self._header_slot)
        row.addStretch(1)
        self.palette_button = PaletteButton()
        self.palette_button.clicked.connect(self.palette_wanted)
        row.addWidget(self.palette_button)
        self.chip = SyncChip()
        self.chip.clicked.connect(lambda: self._wish("restore" if self.chip.damaged and self.may_see("restore") else "sync"))
        row.addWidget(self.chip)
        self._shown_header: QWidget | None = None
        return header

    # -- navigating

    def may_see(self, name: str) -> bool:
        """Whether the window has that page, and shows it just now."""
        return name in self.plan and (self._allowed is None or name in self._allowed)

    def allow(self, pages: frozenset[str] | None) -> None:
        """Offer and show these pages alone until it is called again; None: all of them. Those that stay are read anew."""
        self._allowed = pages
        for row, entry in enumerate(self.nav.rows.entries):
            self.nav.setRowHidden(row, not self.may_see(entry.key))
        self.damage.button.setVisible(self.may_see("restore"))
        if not self.may_see(self.current().name):
            self.show_page(next(name for name in self.plan if self.may_see(name)))
        for name, page in self._built.items():
            if self.may_see(name):
                page.refresh()

    def hush(self, on: bool) -> None:
        """While the chapter is locked nobody is named and nothing undone: what was said last, and what pages say that nobody may see, waits."""
        self._hushed = on
        if on and self.toast.isVisible() and self._said is not None:
            self._wait_with(self._said)
            self.toast.hide()
        elif not on:
            self._show_unread()

    def page(self, name: str) -> Page | None:
        """The page of that name, built if it is not there yet; None if this window has none."""
        if name not in self._built and name in self.plan:
            self._build_page(self.plan[name])
        return self._built.get(name)

    def make_ahead(self, name: str) -> None:
        """Make a page, without putting it into the window yet."""
        self._made[name] = self.plan[name].make()

    def next_step(self, name: str) -> Callable[[], object] | None:
        """What makes a page ahead, or its next piece; None when it is whole."""
        if not self.is_made(name):
            return partial(self.make_ahead, name)
        page = self._made.get(name)
        return page.take_step if page is not None and page.steps else None

    def is_made(self, name: str) -> bool:
        """Whether a page is made, in the window or not."""
        return name in self._made or name in self._built

    def _build_page(self, planned: Planned) -> None:
        page = self._made.pop(planned.name, None) or planned.make()
        page.make_whole()
        page.said.connect(partial(self._page_said, of=planned.name))
        page.titled.connect(self._title)
        self._built[planned.name] = page
        self.stack.addWidget(page)

    def built(self, name: str) -> Page | None:
        """The page of that name if it is there already."""
        return self._built.get(name)

    def next_to_build(self) -> Planned | None:
        """The first page that nobody has opened yet; None when all are there."""
        return next((page for name, page in self.plan.items() if name not in self._built), None)

    def next_part(self) -> Callable[[], object] | None:
        """What builds the next part of a page that is there, or lays it out; None when all are whole."""
        for name, page in self._built.items():
            if (part := page.next_part()) is not None:
                return part
            if self._ready.get(name, 0) <= BANDS:
                return partial(self._go_ahead, name)
        return None

    def _go_ahead(self, name: str) -> None:
        """Do ahead what the first look at a page would wait for: style and places of what is in it, then the letters, band by band."""
        done = self._ready.get(name, 0)
        self._ready[name] = done + 1
        page = self._built[name]
        if page.isVisible():
            return
        if done == 0:
            page.resize(self.stack.size())
            for one in (page, *page.findChildren(QWidget)):
                one.ensurePolished()
            page.layout().activate()
            return
        band = page.rect()
        band.setHeight(band.height() // BANDS + 1)
        band.moveTop((done - 1) * band.height())
        ratio = page.devicePixelRatioF()
        picture = QPixmap(band.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        page.render(picture, QPoint(), QRegion(band))

    def current(self) -> Page:
        """The page that is shown."""
        page = self.stack.currentWidget()
        assert isinstance(page, Page)
        return page

    def show_page(self, name: str, **what: Any) -> None:
        """Show a page and hand it what it should open: ``show_page("gatherings", gathering=id)``."""
        page = self.page(name) if self.may_see(name) else None
        if page is None:
            return
        if page.apart and not self.current().apart:
            self._came_from = self.current().name
        self.stack.setCurrentWidget(page)
        self._marking = True  # where a page stands apart, another one's entry is marked: that is no wish to go there
        self.nav.choose((page.belongs or self._came_from) if page.apart else name)
        self._marking = False
        self._title()
        if what:
            page.open(**what)
        first = page.first_focus()
        keyed, self._keyed = self._keyed == name, ""
        if first is not None and self._cover is None and self.isActiveWindow() and (keyed or not self.nav.hasFocus()):
            first.setFocus(Qt.FocusReason.OtherFocusReason)

    def _nav_chosen(self, name: str) -> None:
        if name != self.current().name and not self._marking:
            self._wish(name)

    def _wish(self, name: str) -> None:
        self.go(name)

    def _by_key(self, name: str) -> None:
        """To a page by its key: to type or move there, also for whoever was in the sidebar."""
        self._keyed = name
        self._wish(name)

    def _title(self) -> None:
        page = self.current()
        self.title.setText(page.title)
        self.note.setText(page.note)
        self.note.setVisible(bool(page.note))
        self.palette_button.set_small(page.finds or self.width() < px(SMALL_BELOW))
        self.back.setVisible(page.back is not None or page.apart)
        if page.header is not self._shown_header:
            if self._shown_header is not None:
                self._header_slot.removeWidget(self._shown_header)
                self._shown_header.hide()
            if page.header is not None:
                self._header_slot.addWidget(page.header)
                page.header.show()
            self._shown_header = page.header
        self._name_window()

    def _name_window(self) -> None:
        self.setWindowTitle(f"{self.current().title} · Alumni Desk" if self._cover is None else _("Locked · Alumni Desk"))

    def _go_back(self) -> None:
        back = self.current().back
        if back is not None:
            back()
        elif self.current().apart:
            self.show_page(self._came_from or next(iter(self.plan)))

    def _back_by_key(self) -> None:
        if not self.back.isVisible() or self.covered():
            return
        self._go_back()
        focused, first = QApplication.focusWidget(), self.current().first_focus()
        if first is not None and (focused is None or not self.current().isAncestorOf(focused)):  # what had the keyboard is not shown any more
            first.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _next_region(self, step: int) -> None:
        toast = [self.toast.link] if self.toast.isVisible() and self.toast.link.isVisible() else []
        places = [self.nav, self.damage.button, *self.current().regions(), self.palette_button, self.chip, *toast]
        now = QApplication.focusWidget()
        at = next((n for n, place in enumerate(places) if now is not None and (place is now or place.isAncestorOf(now))), -1)
        for turn in range(1, len(places) + 1):
            place = places[(at + step * turn) % len(places)]
            if place is self.toast.link:
                self.toast.take_focus()
                return
            target = way_in(place) if place.isVisible() and place.isEnabled() else None
            if target is not None:
                target.setFocus(Qt.FocusReason.ShortcutFocusReason)
                into_view(target)
                return

    # -- saying

    def say(self, sentence: str, link: str = "", act: Callable[[], None] | None = None, keys: str = "", *, action: str | None = None,
            names: bool = False, about: str | None = None) -> None:  # fmt: skip
        """A toast above the foot of the window; while it is locked the last one waits until somebody may read it, and what can be undone with it.

        ``action``: the one that the link undoes, for a window that takes this one's place; ``names``: it waits while the chapter is locked, too;
        ``about``: the one that it tells of, if that is another.
        """
        said = Said(sentence, link, act, keys, action, frozenset(filter(None, (about or action,))))
        if self.covered() or (names and self._hushed):
            self._wait_with(said)
        else:
            self._show_said(said)

    def _undoing_said(self, sentence: str, link: str, act: Callable[[], None] | None, keys: str, about: str) -> None:
        self.say(sentence, link, act, keys, names=True, about=about)

    def _wait_with(self, said: Said) -> None:
        self._unread.pop(said.act is not None, None)
        self._unread[said.act is not None] = said
        self._watch_said()

    def _show_unread(self) -> None:
        if self.covered() or self._hushed:
            return
        unread, self._unread = self._all_unread(), {}
        if unread is not None:
            self._show_said(unread, waited=True)

    def _show_said(self, said: Said, *, waited: bool = False) -> None:
        self._said = said
        self.toast.say(said.sentence, said.link, said.act, said.keys, waited=waited)
        self._watch_said()

    def _watch_said(self) -> None:
        self._undoing.watch({one for said in (self._said, *self._unread.values()) if said is not None for one in said.about})

    def _forget_said(self, action: str) -> None:
        """Somebody of whom it tells was erased: it is not said any more."""
        self._unread = {acts: said for acts, said in self._unread.items() if action not in said.about}
        if self._said is not None and action in self._said.about:
            self._said = None
            if self.toast.isVisible():
                self.toast.leave()

    def _all_unread(self) -> Said | None:
        """What waited, in one: the sentences in their order, and what can be done about one of them."""
        unread = [*self._unread.values()]
        about = frozenset[str]().union(*(one.about for one in unread))
        return self._unread.get(True, unread[0])._replace(sentence=_both(*(one.sentence for one in unread)), about=about) if unread else None

    def unsaid(self) -> tuple[str, str | None] | None:
        """What nobody has read yet, or has hardly, and the action that can be undone with it: for the window that takes this one's place."""
        said = self._all_unread() or (self._said if self.toast.isVisible() else None)
        return (said.sentence, said.action) if said is not None else None

    def say_again(self, unsaid: tuple[str, str | None] | None) -> None:
        """Say here what the window before this one had to say."""
        if unsaid is not None:
            self._page_said(*unsaid)

    def _turn(self, keys: str, newest: Callable[[], None]) -> None:
        """Undo or redo by its keys: what the toast offers by them while it is there, else the newest."""
        if self._hushed:
            return
        self._undoing.by_keys(lambda: None if self.toast.follow(keys) else newest())

    def _undo(self) -> None:
        """What came last: a form that was put away since anything was saved comes back; else what was saved is undone."""
        (self._undoing.take_put_away() or self._undoing.undo)()

    def say_over(self, sentence: str) -> None:
        """Say on every page that this laptop's term has ended."""
        self.over.say(sentence)

    def set_damage(self, sentence: str) -> None:
        """Say on every page that a part of the database cannot be read, and what to do; empty: all of it can be."""
        self.damage.say(sentence)
        self.chip.set_damaged(bool(sentence))

    def _page_said(self, sentence: str, action: str | PutAway | None, of: str = "") -> None:
        names = not self.may_see(of)
        if isinstance(action, PutAway):
            form = action

            def back() -> None:
                self._undoing.take_put_away()
                form.back()

            self._undoing.note_put_away(form.back if form.lasting else None)
            self.say(sentence, _("Undo"), back, _("Ctrl Z"), names=names)
        else:
            self.say(sentence, _("Undo"), (lambda: self._undoing.undo(action)) if action else None, _("Ctrl Z"), action=action, names=names)

    def set_whose(self, whose: Whose) -> None:
        """Chapter, university and person of the sidebar; the band of a sample."""
        self.chapter.setText(breakable(whose.chapter) or "Alumni Desk")
        self.university.setText(breakable(whose.university))
        self.university.setVisible(bool(whose.university))
        self.person.setText(breakable(whose.person))
        self.person.setVisible(bool(whose.person))
        self.device.setText(breakable(whose.device))
        self._disc.set_text(whose.person[:1].upper())
        self._disc.setVisible(bool(whose.person))
        self._foot.setVisible(bool(whose.person or whose.device) and self.sidebar.width() > px(SIDEBAR_FOLDED))
        self.band.setVisible(whose.sample)

    # -- the window itself

    def covered(self) -> bool:
        """Whether something stands in place of everything: the window is locked."""
        return self._cover is not None

    def cover(self, page: QWidget) -> None:
        """Show one page in place of everything; nothing behind it is drawn, or read out by a screen reader."""
        if self._cover is not None:
            self._cover.hide()
            self._cover.deleteLater()
        self._cover = page
        self.centralWidget().hide()
        page.setGeometry(self.rect())
        page.show()
        page.raise_()
        self._name_window()

    def uncover(self) -> None:
        """Take that page away again."""
        if self._cover is not None:
            self._cover.hide()
            self._cover.deleteLater()
            self._cover = None
            self.centralWidget().show()
            self._name_window()
            self._show_unread()

    def focusNextPrevChild(self, onward: bool) -> bool:
        page = self.stack.currentWidget()
        if isinstance(page, Page):
            page.order_focus()
        return super().focusNextPrevChild(onward)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._cover is not None:
            self._cover.setGeometry(self.rect())
        self._fold(self.width() < px(FOLD_BELOW))
        self.palette_button.set_small(self.current().finds or self.width() < px(SMALL_BELOW))

    def _fold(self, folded: bool) -> None:
        self.sidebar.setFixedWidth(px(SIDEBAR_FOLDED if folded else SIDEBAR))
        self._head_words.setVisible(not folded)
        self._foot.setVisible(not folded and bool(self.person.text() or self.device.text()))
        head = self.sidebar.layout().itemAt(0).layout()
        head.setContentsMargins(px(0 if folded else 16), 0, px(0 if folded else 8), 0)

    def geometry_text(self) -> str:
        """Where the window stands, to be kept."""
        return bytes(self.saveGeometry().toBase64().data()).decode("ascii")

    def restore_geometry_text(self, text: str | None) -> None:
        """Stand where it stood, if that place is still on a screen."""
        if text:
            self.restoreGeometry(QByteArray.fromBase64(text.encode("ascii")))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._cover is None and _files(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        files = _files(event.mimeData())
        if self._cover is None and files:
            event.acceptProposedAction()
            self.dropped.emit(files)

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.may_close():
            event.ignore()
            return
        typing = self.focusWidget()
        if typing is not None:
            typing.clearFocus()  # a line of Settings keeps what was typed when the focus leaves it
        if self._on_close is not None:
            self._on_close()
        while self._made:  # nobody else's children
            self._made.popitem()[1].deleteLater()
        super().closeEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.nav.viewport().update()


def _files(data: QMimeData) -> list[Path]:
    """The files of this computer among what is dragged."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
