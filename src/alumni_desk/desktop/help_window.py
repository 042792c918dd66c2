"""The handbook in a window of its own: its pages at the left, the text at the right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QTextBlockFormat, QTextCursor, QTextDocument
from PySide6.QtWidgets import QFrame, QHBoxLayout, QListWidget, QListWidgetItem, QTextBrowser, QWidget

from alumni_desk.desktop.controls import WINDOW, hairline, shortcut
from alumni_desk.desktop.fonts import font_of, px
from alumni_desk.desktop.tokens import SIDEBAR
from alumni_desk.words import _


def page_title(text: str, file: Path) -> str:
    """A page's first heading, or its file's name."""
    first = next((line for line in text.splitlines() if line.startswith("# ")), "")
    return first.removeprefix("# ").strip() or file.stem


class HelpWindow(QWidget):
    """Shows Markdown files; links among them stay in the window, others open in the browser."""

    def __init__(self, files: Sequence[Path], parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle(_("Help · Alumni Desk"))
        self.resize(px(960), px(680))
        across = QHBoxLayout(self)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        self.contents = QListWidget()
        self.contents.setAccessibleName(_("Pages of the handbook"))
        self.contents.setFixedWidth(px(SIDEBAR))
        self.contents.setObjectName("nav")
        self.contents.setFrameShape(QFrame.Shape.NoFrame)
        self.contents.setSpacing(px(2))
        self.text = QTextBrowser()
        self.text.setAccessibleName(_("Handbook"))
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.setProperty("bare", "true")
        self.text.setOpenLinks(False)
        self.text.anchorClicked.connect(self._follow)
        self.text.document().setDocumentMargin(px(24))
        across.addWidget(self.contents)
        across.addWidget(hairline("v"))
        across.addWidget(self.text, 1)
        self._files: list[Path] = []
        for file in files:
            self._files.append(file)
            item = QListWidgetItem(page_title(file.read_text("utf-8"), file))
            item.setFont(font_of("body"))
            self.contents.addItem(item)
        self.contents.currentRowChanged.connect(self._show)
        shortcut(Qt.Key.Key_Escape, self, self.close, WINDOW)
        if self._files:
            self.contents.setCurrentRow(0)

    def open_page(self, stem: str) -> None:
        """Show the page whose file is called ``stem``."""
        for number, file in enumerate(self._files):
            if file.stem == stem:
                self.contents.setCurrentRow(number)

    def _show(self, number: int) -> None:
        if not 0 <= number < len(self._files):
            return
        document = self.text.document()
        document.setDefaultFont(font_of("body"))
        document.setMarkdown(self._files[number].read_text("utf-8"), QTextDocument.MarkdownFeature.MarkdownDialectGitHub)
        self._dress(document)
        self.text.setTextCursor(QTextCursor(document.begin()))
        self.text.verticalScrollBar().setValue(0)

    @staticmethod
    def _dress(document: QTextDocument) -> None:
        """Our sizes for headings, our line height for text."""
        roles = {1: "title", 2: "heading", 3: "strong"}
        block = document.begin()
        while block.isValid():
            cursor = QTextCursor(block)
            level = block.blockFormat().headingLevel()
            form = QTextBlockFormat()
            form.setLineHeight(125.0, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
            form.setTopMargin(px(16) if level else px(4))
            form.setBottomMargin(px(4))
            cursor.mergeBlockFormat(form)
            if level:
                cursor.select(QTextCursor.SelectionType.BlockUnderCursor)
                characters = cursor.charFormat()
                characters.setFont(font_of(roles.get(level, "strong")))  # type: ignore[arg-type]
                cursor.setCharFormat(characters)
            block = block.next()

    def _follow(self, url: QUrl) -> None:
        target = Path(url.fileName()).stem
        if not url.scheme() and any(file.stem == target for file in self._files):
            self.open_page(target)
        else:
            QDesktopServices.openUrl(url)
