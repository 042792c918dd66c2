"""Rows of Settings about the backups that are made by themselves: the newest one, and where they go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import Button
from alumni_desk.desktop.restore_page import folder_words, when_words
from alumni_desk.desktop.setting_rows import SettingRow
from alumni_desk.errors import KnownError
from alumni_desk.store import backup, backup_folders
from alumni_desk.store.backup_head import Backup
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, ngettext, number


class BackupRows(QWidget):
    """Two rows; the folder can be another one."""

    def __init__(self, desk: Desk, lanes: Lanes, say: Callable[[str, object], None]) -> None:
        super().__init__()
        self._desk, self._lanes, self._say = desk, lanes, say
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.newest = SettingRow(_("By themselves"), _("One a day, and before every import and update."))
        self.folder = Button(_("Choose"))
        self.folder.setAccessibleName(_("Choose the folder for backups"))
        self.folder.clicked.connect(self._ask)
        self.place = SettingRow(_("Where they are kept"), "", self.folder)
        column.addWidget(self.newest)
        column.addWidget(self.place)

    def refresh(self) -> None:
        """Look where they are."""
        self._lanes.read(self._look, self._came, key="settings.backups")

    def _look(self) -> tuple[list[Backup], Path, list[str]]:
        profile = self._desk.profile
        return backup_folders.backups(profile, self._desk.key), backup_folders.folder_in_use(profile), backup_folders.trouble_words(profile, folder_words)

    def _came(self, found: tuple[list[Backup], Path, list[str]]) -> None:
        every, used, troubles = found
        there = backup_folders.counted(every)
        rule = _("One a day, and before every import and update.")
        if there:
            newest = when_words(there[0].at, datetime.now().astimezone())
            count = ngettext("{n} is there", "{n} are there", len(there)).format(n=number(len(there)))
            rule = _("{rule} {count}, the newest: {when}.").format(rule=rule, count=count, when=newest)
        self.newest.say(" ".join(filter(None, (rule, backup_folders.others_words(every)))))
        self.place.say(" ".join(troubles) or _("{folder}. A stick or another disk is safer than this one.").format(folder=folder_words(used)))

    def _ask(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, _("Where backups are kept"), str(backup_folders.folder_in_use(self._desk.profile)))
        if chosen:
            self.choose(Path(chosen))

    def choose(self, folder: Path) -> None:
        """Keep them there from now on, and make one there at once, so that the new place is no promise."""
        def move() -> Path:
            backup_folders.choose_folder(self._desk.profile, folder)
            return backup.by_itself(self._desk.profile, self._desk.key, "daily")

        def done(file: Path) -> None:
            self._say(_("Backed up to {folder}").format(folder=folder_words(file.parent)), None)
            self.refresh()

        def failed(error: KnownError) -> None:
            self._say(str(error), None)
            self.refresh()

        self._lanes.read_long(lambda job: move(), done, failed)
