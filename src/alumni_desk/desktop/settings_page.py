"""Settings: what exists can be changed, and every line says what it does. No switch without a deed behind it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from alumni_desk.desktop.at_door import is_at_door
from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.backup_rows import BackupRows
from alumni_desk.desktop.changes import ChangeBus
from alumni_desk.desktop.controls import Button, Choice, Field, Segments, hairline
from alumni_desk.desktop.deeds import About, Deed, Deeds
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.nav import Entry, NavList
from alumni_desk.desktop.pages import Go, Page
from alumni_desk.desktop.security_part import Due, SecurityPart, due
from alumni_desk.desktop.setting_rows import SettingRow, section
from alumni_desk.desktop.sheet import newer_words
from alumni_desk.desktop.theme import Appearance, Theme
from alumni_desk.desktop.tokens import SIDEBAR, TEXT_SIZES
from alumni_desk.desktop.widgets import IconLine, Scroll, into_view
from alumni_desk.errors import KnownError
from alumni_desk.members.chapter import Chapter, change_chapter, chapter
from alumni_desk.members.chapter import Saved as ChapterSaved
from alumni_desk.store import keys
from alumni_desk.store.checking import Findings, found_words, verify
from alumni_desk.store.desk import Desk
from alumni_desk.store.meanwhile import ChangedMeanwhile
from alumni_desk.words import _, number


def _does(button: Button, deed: Callable[[], None], name: str = "") -> Button:
    button.clicked.connect(lambda: deed())
    if name:
        button.setAccessibleName(name)
    return button


class SettingsPage(Page):
    """Sections at the left, rows of 52 in a column of 656. A section is built when it is first wanted, or when nobody does anything.

    ``named``: your name or the laptop's is another one. ``lock_now`` by a button; ``ruled`` when the rules of locking are others.
    """

    name = "settings"
    icon = "gear-six"
    title = _("Settings")
    watches = frozenset({"chapter"})
    named = Signal()
    lock_now = Signal()
    ruled = Signal()

    def __init__(self, desk: Desk, lanes: Lanes, changes: ChangeBus, go: Go, *, appearance: Appearance, deeds: Deeds, about: About) -> None:
        super().__init__(desk, lanes, changes, go)
        self._appearance, self._deeds, self._about = appearance, deeds, about
        content = QWidget()
        self.stack.set_content(content)  # before it is filled: what moves with all that is in it is styled anew
        across = QHBoxLayout(content)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        entries = [Entry("general", "gear-six", _("General")), Entry("security", "lock-simple", _("Security"))]
        if deeds.back_up or deeds.restore:
            entries.append(Entry("backup", "clock-counter-clockwise", _("Backup")))
        entries.append(Entry("about", "info", _("About")))
        self.sections = NavList(_("Sections of the settings"), entries)
        self.sections.setProperty("onpage", "true")
        self.sections.chosen.connect(self._show_section)
        left = QFrame()
        left.setFixedWidth(px(SIDEBAR))
        column = QVBoxLayout(left)
        column.setContentsMargins(0, px(16), 0, 0)
        column.addWidget(self.sections)
        across.addWidget(left)
        across.addWidget(hairline("v"))
        self.places = QStackedWidget()
        across.addWidget(self.places, 1)
        self._pieces = {"general": [self._you_and_laptop, self._chapter_part, self._looks], "security": [self._security_part, self._security_rest],
                        "backup": [self._backup], "about": [self._about_part]}
        """What is still to be built of each section."""
        self._begun: dict[str, tuple[Scroll, QVBoxLayout]] = {}
        self._parts: dict[str, QWidget] = {}
        self._security: SecurityPart | None = None
        self._backups: BackupRows | None = None
        self._damage = ""
        self._led: QWidget | None = None  # what somebody was led to, and may not see yet
        self._chapter: Chapter | None = None
        self._shown: dict[str, str] = {}  # what each line of it said before somebody typed there
        self.steps = [*(partial(self._piece, "general") for _piece in self._pieces["general"]), self.stack.show_content]

    def _part(self, key: str) -> QWidget:
        """A section, built if it is not there yet."""
        while key not in self._parts:
            self._piece(key)
        return self._parts[key]

    def _piece(self, key: str) -> None:
        """Build the next piece of a section."""
        if key not in self._begun:
            self._begun[key] = _column(self.places)
            self._begun[key][0].verticalScrollBar().rangeChanged.connect(self._follow)
        scroll, column = self._begun[key]
        self._pieces[key].pop(0)(column)
        if not self._pieces[key]:
            column.addStretch(1)
            self._parts[key] = scroll
            if not self._stale:
                self._refresh_part(key)

    def next_part(self) -> Callable[[], object] | None:
        missing = next((key for key, pieces in self._pieces.items() if pieces), None)
        return partial(self._piece, missing) if missing is not None else None

    @property
    def security(self) -> SecurityPart:
        """The rows of Security."""
        self._part("security")
        assert self._security is not None
        return self._security

    @property
    def backups(self) -> BackupRows:
        """The rows about backups."""
        self._part("backup")
        assert self._backups is not None
        return self._backups

    def deeds(self) -> list[Deed]:
        given = self._deeds
        offered = (("back_up", "floppy-disk", _("Back up now"), given.back_up, _("backup save copy safe everything")),
                   ("restore", "clock-counter-clockwise", _("Restore a backup"), given.restore, _("go back recover older")),
                   ("erase_here", "x-circle", _("Erase this laptop"), given.erase, _("wipe delete everything remove")))
        return [*(Deed(key, icon, words, act, also=also) for key, icon, words, act, also in offered if act is not None),
                Deed("verify", "check-circle", _("Check the whole database"), self.check, also=_("verify test damage integrity health repair")),
                Deed("backups", "folder", _("Choose the folder for backups"), lambda: self.open("backup"), also=_("backup back up where kept")),
                Deed("lock", "lock-simple", _("Lock now"), self.lock_now.emit, _("Ctrl L"), also=_("away hide close screen"), apart=True),
                Deed("password", "key", _("Change the chapter’s password"), lambda: self._in_security("change_password"), also=_("choose new passphrase")),
                Deed("paper", "printer", _("Print or check the recovery key"), lambda: self._in_security("check_paper"), also=_("paper save")),
                Deed("pin", "hand-palm", _("Change the check-in PIN"), lambda: self._in_security("new_pin"), also=_("choose door leave code number")),
                Deed("chapter_history", "clock-counter-clockwise", _("History of the chapter"), self.history,
                     can=lambda: self._chapter is not None and bool(self._chapter.name),
                     also=_("who changed name university time zone values before restore")),
                Deed("log", "folder", _("Open the folder of the log"), self.open_log, also=_("error report support bug")),
                Deed("security", "key", _("Password, recovery key and lock"), lambda: self.open("security"), also=_("change passphrase security pin idle")),
                Deed("size", "note-pencil", _("Text size"), self._to_size, also=_("larger bigger smaller font letters zoom theme appearance")),
                Deed("light", "sun-horizon", _("Light colours"), lambda: self._colours("light"), can=lambda: self._appearance.theme != "light",
                     also=_("theme appearance bright mode")),
                Deed("dark", "eye", _("Dark colours"), lambda: self._colours("dark"), can=lambda: self._appearance.theme != "dark",
                     also=_("theme appearance night mode")),
                Deed("name", "users", _("Your name and this laptop’s"), lambda: self.open("general"), also=_("rename me")),
                Deed("chapter", "flag", _("Name of the chapter and university"), self._to_chapter, also=_("rename chapter call school time zone")),
                Deed("about", "info", _("Version, licence and log"), lambda: self.open("about"), also=_("about update"))]

    def _in_security(self, deed: str) -> None:
        """Do what a row of Security does, once it is known how things are."""
        self.open("security")
        self.security.once_known(lambda: getattr(self.security, deed)())

    def history(self) -> None:
        """Every value that the chapter's name, university and time zone have had, to be put back one by one."""
        from alumni_desk.desktop.history_sheet import HistorySheet

        if self._chapter is None or self.desk.scope is None:
            return
        sheet = HistorySheet(self, self.desk, self.lanes, self.changes, "chapter", self.desk.scope, self._chapter.name,
                             lambda: chapter(self.desk).name)  # fmt: skip
        sheet.restored.connect(lambda changed: self.done(changed, _("The older value is back")))
        sheet.open()

    def _to_size(self) -> None:
        self._lead_to(self.size_choice)

    def _to_chapter(self) -> None:
        self._lead_to(self.chapter)

    def _lead_to(self, line: QWidget) -> None:
        self.open("general")
        line.setFocus()
        into_view(line)
        self._led = line

    def _follow(self) -> None:
        """How high a section is, is known some time after it is shown for the first time."""
        led, self._led = self._led, None
        if led is not None and led.hasFocus():
            into_view(led)

    def check(self) -> None:
        """Look through the whole database, off the screen; the row says what was found."""
        self.open("backup")
        self._check_button.setEnabled(False)
        self._check_row.say(_("Checking every page, reference and the search …"))
        into_view(self._check_row)

        def done(found: Findings) -> None:
            self._check_button.setEnabled(True)
            self._check_row.say(found_words(found))

        def failed(error: KnownError) -> None:
            self._check_button.setEnabled(True)
            self._check_row.say(str(error))

        self.lanes.read_long(lambda job: verify(self.desk), done, failed)

    def _colours(self, key: str) -> None:
        self.theme.set_on(key)
        self._set_theme(key)

    def first_focus(self) -> QWidget:
        return self.sections

    def regions(self) -> list[QWidget]:
        shown = self.places.currentWidget()
        return [self.sections, shown] if shown is not None else [self.sections]

    def open(self, section: str = "general", **what: object) -> None:
        self.sections.choose(section)

    def refresh(self) -> None:
        for key in self._parts:
            self._refresh_part(key)
        if "security" not in self._parts:
            self.lanes.read(lambda: due(self.desk), self._count_due, key="settings.due")

    def _count_due(self, what: Due) -> None:
        """Beside Security stands whether something is due there."""
        self.sections.set_count("security", number(1) if what else "")

    def _refresh_part(self, key: str) -> None:
        if key == "general":
            self.lanes.read(lambda: names(self.desk), self._named, key="settings.names")
            self.lanes.read(lambda: None if is_at_door(self.desk) else chapter(self.desk), self._show_chapter, key="settings.chapter")
        elif key == "backup":
            if self._deeds.back_up:
                self._say_what_opens()
            self.backups.refresh()
        elif key == "security":
            self.security.refresh()

    def _named(self, both: tuple[str, str]) -> None:
        you, laptop = both
        if not self.you.hasFocus():
            self.you.fill(you)
        if not self.laptop.hasFocus():
            self.laptop.fill(laptop)

    def _show_chapter(self, found: Chapter | None) -> None:
        self._chapter = found
        self._chapter_rows.setVisible(found is not None and bool(found.name))
        for name, (field, _row) in self._chapter_lines.items():
            if found is not None and not field.isModified():  # what was typed and is not saved stays
                self._show_line(name, getattr(found, name))

    def _show_line(self, name: str, value: str) -> None:
        """One line says this, as it is saved."""
        field, row = self._chapter_lines[name]
        self._shown[name] = value
        row.say_wrong("")
        field.set_wrong(False)
        if field.text() != value:
            field.fill(value) if not field.hasFocus() else field.setText(value)
        field.setModified(False)

    def _call(self, name: str) -> None:
        """Keep what the chapter is called, once the field is left; what cannot be is said beside it and stays as it was typed."""
        field, row = self._chapter_lines[name]
        typed = field.text()
        now = getattr(self._chapter, name) if self._chapter is not None else typed
        opened = self._shown.get(name, now)
        if typed.strip() in (now, opened):
            self._show_line(name, now)
            return

        def done(saved: ChapterSaved) -> None:
            if field.text() == typed:
                self._show_line(name, getattr(saved.chapter, name))
            if saved.changed:
                self.done(saved.changed, _("The chapter is called {name} now.").format(name=saved.chapter.name) if name == "name" else _("Saved."))
            self._show_chapter(saved.chapter)

        def failed(error: KnownError) -> None:
            row.say_wrong(str(error))
            field.set_wrong(True)
            if isinstance(error, ChangedMeanwhile):
                newer = error.newer[name]
                value = self._shown[name] = newer.value or ""
                row.say_wrong(_("{news} Nothing is saved yet; Enter in the field keeps yours.").format(news=newer_words(newer)))
                row.offer(_("Take that") if newer.here else _("Take theirs"), lambda: self._take(name, value))

        self.lanes.write(lambda: change_chapter(self.desk, opened={name: opened}, **{name: typed}), done, failed)

    def _take(self, name: str, value: str) -> None:
        """What others wrote stands; what was typed goes."""
        self._show_line(name, value)
        self._chapter_lines[name][0].setFocus()

    def _show_section(self, key: str) -> None:
        self.places.setCurrentWidget(self._part(key))

    def _you_and_laptop(self, column: QVBoxLayout) -> None:
        column.addWidget(section(_("You and this laptop")))
        self.you = Field(_("Your name"))
        self.you.editingFinished.connect(lambda: self._keep("person_name", self.you))
        column.addWidget(SettingRow(_("Your name"), _("Stands beside what you change."), self.you, width=240))
        self.laptop = Field(_("Name of this laptop"))
        self.laptop.editingFinished.connect(lambda: self._keep("device_name", self.laptop))
        column.addWidget(SettingRow(_("Name of this laptop"), _("So that others know it."), self.laptop, width=240))
        activity = Button(_("Open"))
        activity.setAccessibleName(_("Open the activity"))
        activity.clicked.connect(lambda: self.go("activity"))
        column.addWidget(SettingRow(_("Activity"), _("What was done on this laptop, and the way back."), activity))

    def _chapter_part(self, column: QVBoxLayout) -> None:
        self._chapter_rows = QWidget()
        rows = QVBoxLayout(self._chapter_rows)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(section(_("The chapter")))
        self.chapter, self.university, self.zone = Field(_("Name of the chapter")), Field(_("University")), Field(_("Time zone"))
        self._chapter_lines = {
            "name": (self.chapter, SettingRow(_("Name"), _("Stands at the head of every page, on badges and on invitations."), self.chapter, width=240)),
            "university": (self.university, SettingRow(_("University"), _("Stands below it, and on badges."), self.university, width=240)),
            "time_zone": (self.zone, SettingRow(_("Time zone"), _("Of new gatherings, as Europe/Berlin. Each keeps its own."), self.zone, width=240)),
        }
        for name, (field, row) in self._chapter_lines.items():
            field.editingFinished.connect(partial(self._call, name))
            rows.addWidget(row)
        history = Button(_("Show"))
        history.setAccessibleName(_("History of the chapter"))
        history.clicked.connect(self.history)
        rows.addWidget(SettingRow(_("History"), _("What it was called before, who changed it, and the way back."), history))
        column.addWidget(self._chapter_rows)
        self._chapter_rows.hide()  # until it is known that there is one, and that its name is this laptop's to change

    def _looks(self, column: QVBoxLayout) -> None:
        column.addWidget(section(_("Appearance")))
        themes = [("system", _("As the system")), ("light", _("Light")), ("dark", _("Dark"))]
        self.theme = Segments(_("Theme"), themes, self._appearance.theme)
        self.theme.chosen.connect(self._set_theme)
        column.addWidget(SettingRow(_("Light or dark"), _("Changes at once, wherever you are."), self.theme, width=0))
        sizes = [(str(size), _("{percent} %").format(percent=size)) for size in TEXT_SIZES]
        self.size_choice = Choice(_("Text size"), sizes)
        self.size_choice.set_key(str(self._appearance.percent))
        self.size_choice.activated.connect(lambda: self._appearance.set_percent(int(self.size_choice.key() or 100)))
        column.addWidget(SettingRow(_("Text size"), _("Everything grows with it."), self.size_choice))

    def _security_part(self, column: QVBoxLayout) -> None:
        self._security = SecurityPart(self.desk, self.lanes, str(self._about.folder), self._deeds.erase)
        self._security.said.connect(lambda words: self.said.emit(words, None))
        self._security.is_due.connect(self._count_due)
        self._security.lock_now.connect(self.lock_now)
        self._security.ruled.connect(self.ruled)
        column.addWidget(self._security)

    def _security_rest(self, column: QVBoxLayout) -> None:
        assert self._security is not None
        self._security.make_whole()

    def set_damage(self, sentence: str) -> None:
        """Say above the backups that a part of the database cannot be read; empty: all of it can be."""
        self._damage = sentence
        self.sections.set_count("backup", number(1) if sentence else "")
        if "backup" in self._parts:
            self._show_damage()

    def _show_damage(self) -> None:
        self._damaged.first.setText(self._damage)
        self._damaged.setVisible(bool(self._damage))

    def _backup(self, column: QVBoxLayout) -> None:
        column.addWidget(section(_("Backup")))
        self._damaged = IconLine("warning", "", tone="danger")
        self._damaged.setContentsMargins(0, px(12), 0, px(4))
        column.addWidget(self._damaged)
        self._show_damage()
        if self._deeds.back_up:
            save = _does(Button(_("Back up now"), "primary", "floppy-disk"), self._deeds.back_up)
            self._copy = SettingRow(_("A copy of everything"), _("One locked file."), save)
            column.addWidget(self._copy)
            self._say_what_opens()
        if self._deeds.restore:
            restore = _does(Button(_("Look at them")), self._deeds.restore, _("Look at the backups"))
            column.addWidget(SettingRow(_("Go back to a backup"), _("You see what it holds first; what is here now is kept as a backup, too."), restore))
        self._check_button = _does(Button(_("Check")), self.check, _("Check the whole database"))
        self._check_row = SettingRow(_("Check the whole database"), _("Every page, every reference, the search and what waits to be sent."), self._check_button)
        column.addWidget(self._check_row)
        self._backups = BackupRows(self.desk, self.lanes, self.said.emit)
        column.addWidget(self._backups)

    def _say_what_opens(self) -> None:
        self.lanes.read(lambda: keys.keepers(self.desk.profile.path, "desk"), lambda by: self._copy.say(opens_words(by)), key="settings.copy")

    def _about_part(self, column: QVBoxLayout) -> None:
        column.addWidget(section(_("Alumni Desk")))
        column.addWidget(SettingRow(_("Version"), self._about.version))
        if self._deeds.show_help:
            helped = _does(Button(_("Open")), self._deeds.show_help, _("Open the handbook"))
            column.addWidget(SettingRow(_("Handbook"), _("Also F1, on every page."), helped))
        licences = _("Apache-2.0. Inter and Noto are under the SIL Open Font License, Phosphor and Qt for Python under MIT and LGPL.")
        column.addWidget(SettingRow(_("Licence"), licences))
        log = Button(_("Open the folder"))
        log.setAccessibleName(_("Open the folder of the log"))
        log.clicked.connect(self.open_log)
        column.addWidget(SettingRow(_("Log"), str(self._about.log), log))

    def open_log(self) -> None:
        """Show where the log lies."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._about.log.parent)))

    def _set_theme(self, key: str) -> None:
        theme: Theme = key if key in ("light", "dark") else "system"  # type: ignore[assignment]
        self._appearance.set_theme(theme)

    def _keep(self, key: str, field: Field) -> None:
        text = field.text().strip()
        if text:
            self.lanes.write(lambda: self.desk.set_setting(key, text), lambda done: self.named.emit())
        else:  # nobody goes without a name, so the one that stands is shown again
            self.lanes.read(lambda: names(self.desk), lambda both: None if field.text().strip() else field.fill(both[field is self.laptop]))


def names(desk: Desk) -> tuple[str, str]:
    """Your name and the laptop's."""
    return desk.setting("person_name", "") or "", desk.device_name


def _column(places: QStackedWidget) -> tuple[Scroll, QVBoxLayout]:
    scroll = Scroll(margins=(32, 4, 24, 24))
    places.addWidget(scroll)  # before it is filled: what moves with all that is in it is styled anew
    middle = QWidget()
    middle.setMaximumWidth(px(656))
    column = QVBoxLayout(middle)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    row = QHBoxLayout()
    row.addWidget(middle, 1)
    row.addStretch(0)
    scroll.column.addLayout(row)
    return scroll, column


def ask_backup_place(parent: QWidget, suggestion: Path) -> Path | None:
    """Where a backup should go, or None."""
    chosen, _kind = QFileDialog.getSaveFileName(parent, _("Back up everything"), str(suggestion), _("Backup (*.alumnidesk)"))
    return Path(chosen) if chosen else None


def opens_words(keepers: frozenset[str]) -> str:
    """What opens a copy of everything elsewhere, by who keeps the key here."""
    return _("One locked file. It opens on another laptop with the password that opens this chapter.") if "passphrase" in keepers else _(
        "One locked file. It opens on another laptop with a password that you choose for it.")
