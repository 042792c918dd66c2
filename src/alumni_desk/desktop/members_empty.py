"""Members, while there is nobody: the ways in, and what becomes of a list."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import Label, Link, hairline
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.pages import EmptyPage
from alumni_desk.desktop.widgets import Glyph
from alumni_desk.words import _


class MembersEmpty(QWidget):
    """Import a spreadsheet; or add by hand, drop a file."""

    def __init__(self, import_file: Callable[[], None], add: Callable[[], object]) -> None:
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
        lines.addWidget(self._row(_("Add a member by hand"), _("Ctrl N"), add))
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
