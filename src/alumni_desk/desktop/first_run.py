"""First run: four ways to begin. The words say what happens to the data before anything is typed."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import Button, Field, FormRow, Label, Link, hairline
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.front import WayIn, fill_front, front_head
from alumni_desk.desktop.widgets import Glyph
from alumni_desk.words import _


class FirstRun(QWidget):
    """Four rows: an invitation, a spreadsheet, empty, the sample. ``key_holder`` is a sentence: who holds the key."""

    invitation = Signal()
    spreadsheet = Signal()
    empty = Signal()
    sample = Signal()
    backup = Signal()
    laptop = Signal()

    def __init__(self, where: str, key_holder: str, *, restore: bool = True, laptops: bool = False) -> None:
        super().__init__()
        column = fill_front(self, 560)
        head = QHBoxLayout()
        head.setContentsMargins(px(16), 0, 0, 0)
        head.addLayout(front_head(_("Welcome to Alumni Desk"), _("How would you like to begin? You can do the others later.")))
        column.addLayout(head)
        column.addSpacing(px(16))
        self.ways = [
            WayIn("envelope-simple", _("Join with an invitation"), _("A code, a QR picture or a file from your chapter lead or alumni office"), filled=True),
            WayIn("upload-simple", _("Import a spreadsheet"), _("CSV or contacts; you see every column before it is saved")),
            WayIn("plus", _("Start empty"), _("Name your chapter and add the first member by hand")),
            WayIn("users", _("Try the sample chapter"), _("2,000 made-up people, marked “Sample” wherever you look")),
        ]
        signals = (self.invitation, self.spreadsheet, self.empty, self.sample)
        rows = QVBoxLayout()
        rows.setSpacing(0)
        column.addLayout(rows)
        for number, (way, signal) in enumerate(zip(self.ways, signals, strict=True)):
            way.clicked.connect(lambda checked=False, signal=signal: signal.emit())
            rows.addWidget(way)
            if 0 < number < 3:
                rows.addWidget(_inset_line())
            elif number == 0:
                rows.addSpacing(px(16))
        column.addSpacing(px(16))
        column.addWidget(hairline())
        column.addSpacing(px(8))
        column.addLayout(self._below(where, key_holder, restore, laptops))

    def first_focus(self) -> QWidget:
        return self.ways[0]

    def _below(self, where: str, key_holder: str, restore: bool, laptops: bool) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(px(16), 0, 0, 0)
        row.setSpacing(px(16))
        tile = QWidget()
        tile.setFixedWidth(px(40))
        inside = QVBoxLayout(tile)
        inside.setContentsMargins(px(11), px(2), px(11), 0)
        inside.addWidget(Glyph("lock-simple"))
        inside.addStretch(1)
        row.addWidget(tile)
        words = QVBoxLayout()
        words.setSpacing(px(4))
        words.addWidget(Label(_("Your members live on this laptop, locked, in your own account."), wrap=True))
        words.addWidget(Label(_("{key_holder} Nothing leaves the laptop before you join a chapter or share it yourself.")
                              .format(key_holder=key_holder), tone="muted", wrap=True))  # fmt: skip
        words.addWidget(Label(where, "small", "muted", wrap=True))
        links = QHBoxLayout()
        links.setSpacing(px(24))
        if restore:
            link = Link(_("Restore a backup"))
            link.clicked.connect(self.backup)
            links.addWidget(link)
        if laptops:
            joins = Link(_("Join a laptop that shares here"))
            joins.setToolTip(_("For check-in at a gathering, without the internet: its address and code are on a leader’s laptop."))
            joins.clicked.connect(self.laptop)
            links.addWidget(joins)
        links.addStretch(1)
        words.addLayout(links)
        row.addLayout(words, 1)
        return row


def _inset_line() -> QWidget:
    box = QWidget()
    row = QHBoxLayout(box)
    row.setContentsMargins(px(72), 0, 0, 0)
    row.addWidget(hairline())
    return box


class StartEmpty(QWidget):
    """Asks what the chapter is called, of which university, and who sits here. ``started(chapter, university, you)``."""

    started = Signal(str, str, str)

    def __init__(self, title: str = "", second: str = "", deed: str = "") -> None:
        super().__init__()
        column = fill_front(self, 560)
        column.addLayout(front_head(title or _("Name your chapter"), second or _("It stands at the head of every page and on every badge.")))
        column.addSpacing(px(16))
        self.chapter = Field(_("Chapter"), _("Great Lakes"), height=40)
        self.university = Field(_("University"), _("Aldermoor University"), height=40)
        self.you = Field(_("Your name"), _("Priya Raman"), height=40)
        fields = QVBoxLayout()
        fields.setContentsMargins(px(56), 0, 0, 0)
        fields.setSpacing(px(16))
        self.rows = [
            FormRow(_("Chapter"), self.chapter),
            FormRow(_("University"), self.university),
            FormRow(_("Your name"), self.you, _("So that others know who changed something.")),
        ]
        for row in self.rows:
            fields.addWidget(row)
            row.control.returnPressed.connect(self._next)  # type: ignore[attr-defined]
            row.control.textEdited.connect(lambda text, row=row: row.set_wrong(""))  # type: ignore[attr-defined]
        foot = QHBoxLayout()
        self.said = Label("", "small", "muted", wrap=True)
        foot.addWidget(self.said, 1)
        self.button = Button(deed or _("Start"), "primary", height=40)
        self.button.clicked.connect(self._start)
        foot.addWidget(self.button)
        fields.addLayout(foot)
        column.addLayout(fields)

    def first_focus(self) -> QWidget:
        return self.chapter

    def complain(self, sentence: str) -> None:
        """Say why it could not be started; it can be tried again."""
        self.setEnabled(True)
        self.said.setText(sentence)
        self.said.set_tone("danger")

    def _next(self) -> None:
        for row in self.rows:
            if not row.control.text().strip():  # type: ignore[attr-defined]
                row.control.setFocus()
                return
        self._start()

    def _start(self) -> None:
        wanted = (_("Give the chapter a name."), _("Name the university."), _("Say who you are."))
        texts = [row.control.text().strip() for row in self.rows]  # type: ignore[attr-defined]
        for row, text, sentence in zip(self.rows, texts, wanted, strict=True):
            row.set_wrong("" if text else sentence)
        missing = next((row for row, text in zip(self.rows, texts, strict=True) if not text), None)
        if missing is not None:
            missing.control.setFocus()
            return
        self.setEnabled(False)
        self.said.set_tone("muted")
        self.said.setText(_("Making the chapter …"))
        self.started.emit(*texts)
