"""Settings, Security, On this laptop: what is locked with the key, what was exported and is not, and the end of all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import Button, Elided, Label, hairline
from alumni_desk.desktop.dates import day_short
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.paint import tip
from alumni_desk.desktop.restore_page import folder_words, size_words
from alumni_desk.desktop.setting_rows import SettingRow, section
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.desktop.widgets import Glyph
from alumni_desk.store import backup, backup_folders, exports
from alumni_desk.store.desk import Desk
from alumni_desk.store.exports import Export
from alumni_desk.words import _, ngettext, number


@dataclass(frozen=True)
class Here:
    """What lies on this laptop; ``size`` in bytes, backups included."""

    members: int
    gatherings: int
    backups: int
    size: int
    exported: tuple[Export, ...]


def what_is_here(desk: Desk) -> Here:
    """Count it, and look which exported files are still there."""
    with desk.reading() as connection:
        members, gatherings = (int(connection.exec_driver_sql(f"SELECT count(*) FROM {question}").scalar() or 0) for question in (
            backup.MEMBERS, "gathering WHERE NOT gone"))
    made = backup_folders.counted(backup_folders.backups(desk.profile, desk.key))
    own = sum(_size(file) for file in desk.profile.path.glob("desk.*"))
    return Here(members, gatherings, len(made), own + sum(one.size for one in made), tuple(exports.exports(desk)))


class LaptopPart(QWidget):
    """The rows of On this laptop. ``said(sentence)`` for a toast. ``erase``: what its last row does; without it the row is left out."""

    said = Signal(str)

    def __init__(self, desk: Desk, lanes: Lanes, folder: str, erase: Callable[[], None] | None = None) -> None:
        super().__init__()
        self._desk, self._lanes = desk, lanes
        self._exported: tuple[Export, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(section(_("On this laptop")))
        opens = Button(_("Open the folder"))
        opens.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(folder)))
        self.locked = SettingRow(_("Locked with your key"), "", opens)
        self.locked.setToolTip(tip(folder))
        column.addWidget(self.locked)
        self.see = Button("")
        self.see.clicked.connect(self._see)
        self.loose = SettingRow(_("Not locked"), "", self.see, tone="warn", icon="warning")
        self.loose.hide()
        column.addWidget(self.loose)
        self.erase: Button | None = None
        if erase is not None:
            self.erase = Button(_("Erase"), "danger")
            self.erase.setAccessibleName(_("Erase everything here"))
            self.erase.clicked.connect(lambda: erase())
            column.addWidget(SettingRow(_("Erase everything here"), _("Members, backups and keys of this laptop. What waits is sent first. Asks twice."),
                                        self.erase, tone="danger"))  # fmt: skip

    def refresh(self) -> None:
        """Read and show everything anew."""
        self._lanes.read(lambda: what_is_here(self._desk), self._show, key="settings.here")

    def _show(self, here: Here) -> None:
        members = ngettext("{n} member", "{n} members", here.members).format(n=number(here.members))
        gatherings = ngettext("{n} gathering", "{n} gatherings", here.gatherings).format(n=number(here.gatherings))
        backups = ngettext("{n} backup", "{n} backups", here.backups).format(n=number(here.backups))
        self.locked.say(_("{members}, {gatherings} and {backups}: {size}.").format(members=members, gatherings=gatherings, backups=backups,
                                                                                size=size_words(here.size)))
        self._exported = here.exported
        count = len(here.exported)
        self.loose.setVisible(bool(count))
        self.see.set_words(ngettext("See the {n} file", "See the {n} files", count).format(n=number(count)))
        self.loose.say(ngettext("{n} file you exported; anyone on this account can read it.", "{n} files you exported; anyone on this account can read them.",
                                count).format(n=number(count)))  # fmt: skip

    def _see(self) -> None:
        sheet = ExportedSheet(self, self._exported)
        sheet.done_clicked.connect(lambda: self._lanes.read_long(lambda job: exports.delete(sheet.files), lambda stay: self._deleted(sheet, stay)))
        sheet.open()

    def _deleted(self, sheet: ExportedSheet, stay: list[Path]) -> None:
        if stay:
            sheet.tell(ngettext("{n} file could not be deleted; it may be open elsewhere.", "{n} files could not be deleted; they may be open elsewhere.",
                                len(stay)).format(n=number(len(stay))), "danger")  # fmt: skip
        else:
            count = len(sheet.files)
            sheet.accept()
            self.said.emit(ngettext("{n} file deleted", "{n} files deleted", count).format(n=number(count)))
        self.refresh()


class ExportedSheet(Sheet):
    """The exported files that are still there: their names, folders and days; the folder of one opens, all can be deleted."""

    is_form = False

    def __init__(self, parent: QWidget, exported: tuple[Export, ...]) -> None:
        super().__init__(parent, _("Files you exported"), ngettext("Delete it", "Delete all {n}", len(exported)).format(n=number(len(exported))),
                         kind="danger", width=640)  # fmt: skip
        self.files = [one.file for one in exported]
        self.column.addWidget(Label(_("They are not locked: whoever uses this account can read the people in them. Printed pages and copies elsewhere are "
                                      "yours to look after."), tone="muted", wrap=True))  # fmt: skip
        for one in exported:
            self.column.addWidget(hairline())
            row = QHBoxLayout()
            row.setSpacing(px(12))
            row.addWidget(Glyph("floppy-disk", "muted", 18))
            words = QVBoxLayout()
            words.setSpacing(0)
            words.addWidget(Elided(one.file.name))
            day = datetime.fromisoformat(one.at).astimezone().date()
            words.addWidget(Elided(_("{day}, in {folder}").format(day=day_short(day), folder=folder_words(one.file.parent)), "small", "muted"))
            row.addLayout(words, 1)
            opens = Button(_("Open the folder"))
            opens.setAccessibleName(_("Open the folder of {file}").format(file=one.file.name))
            opens.clicked.connect(lambda checked=False, file=one.file: QDesktopServices.openUrl(QUrl.fromLocalFile(str(file.parent))))
            row.addWidget(opens, 0, Qt.AlignmentFlag.AlignVCenter)
            self.column.addLayout(row)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
