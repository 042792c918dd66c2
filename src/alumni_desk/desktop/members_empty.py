"""Members, while there is nobody: the ways in, and what becomes of a list."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import WINDOW, Label, Link, hairline, shortcut
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.pages import EmptyPage
from alumni_desk.desktop.widgets import Glyph
from alumni_desk.words import _

PASTED = "pasted-list.tsv"
"""What is pasted stands in this file of the profile while its import is open, and no longer."""


class MembersEmpty(QWidget):
    """Import a spreadsheet; or paste, add by hand, drop a file."""

    def __init__(self, import_file: Callable[[], None], paste: Callable[[], object], add: Callable[[], object]) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.page = EmptyPage("users", _("Start with the list you already have"), _("Import a spreadsheet"), import_file,
                              _("Nothing is saved until you have seen it"), "upload-simple")
        column.addWidget(self.page, 1)
        rows = QWidget()
        rows.setFixedWidth(px(400))
        lines = QVBoxLayout(rows)
        lines.setContentsMargins(0, px(8), 0, 0)
        lines.setSpacing(0)
        lines.addWidget(hairline())
        self.links: list[Link] = []
        for words, keys, act in ((_("Paste from a table"), _("Ctrl V"), paste), (_("Add a member by hand"), _("Ctrl N"), add)):
            lines.addWidget(self._row(words, keys, act))
            lines.addWidget(hairline())
        self.page.below.addWidget(rows, 0, Qt.AlignmentFlag.AlignHCenter)
        foot = QHBoxLayout()
        foot.setContentsMargins(px(24), px(12), px(24), px(12))
        foot.setSpacing(px(8))
        foot.addWidget(Glyph("file-text", "muted", 16))
        foot.addWidget(Label(_("Or drop a file anywhere here: CSV, or text with tabs"), tone="muted"))
        foot.addStretch(1)
        foot.addWidget(Glyph("lock-simple", "muted", 16))
        foot.addWidget(Label(_("Kept on this laptop, encrypted"), tone="muted"))
        column.addLayout(foot)
        shortcut(QKeySequence.StandardKey.Paste, self, paste, WINDOW)

    def _row(self, words: str, keys: str, act: Callable[[], object]) -> QWidget:
        box = QWidget()
        box.setFixedHeight(px(47))
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        link = Link(words)
        link.clicked.connect(lambda: act())
        self.links.append(link)
        row.addWidget(link)
        row.addStretch(1)
        row.addWidget(Label(keys, tone="muted"))
        return box


def dropped_file(data: QMimeData) -> Path | None:
    """The one file that is dropped, if it is one of this computer."""
    urls = [url for url in data.urls() if url.isLocalFile()]
    return Path(urls[0].toLocalFile()) if len(urls) == 1 else None


def pasted_file(folder: Path) -> Path | None:
    """What is on the clipboard as a file to import; None if there is no table on it. ``forget_pasted`` takes it away again."""
    text = QGuiApplication.clipboard().text()
    if len(text.strip().splitlines()) < 2:
        return None
    file = folder / PASTED
    forget_pasted(folder)
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")
    return file


def forget_pasted(folder: Path) -> None:
    """Leave nothing of what was pasted."""
    (folder / PASTED).unlink(missing_ok=True)
