"""The door's parts and where they stand: the field on top, the pane for what is shown, the column beside it, the network and the keys below."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import hairline
from alumni_desk.desktop.door_bars import DoorField, KeyBar, NetworkBar, WhoseDoor
from alumni_desk.desktop.door_code import CodeBar
from alumni_desk.desktop.door_column import DoorColumn
from alumni_desk.desktop.door_hits import HitsView
from alumni_desk.desktop.door_idle import Idle
from alumni_desk.desktop.door_over import Over
from alumni_desk.desktop.door_panel import VerdictPanel
from alumni_desk.desktop.door_walkin import WalkInForm
from alumni_desk.desktop.fonts import px
from alumni_desk.words import _


class DoorFrame(QWidget):
    """A window of these parts, which does nothing by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle(_("Check-in"))
        self.setAutoFillBackground(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        top = QHBoxLayout()
        top.setContentsMargins(px(24), px(16), px(24), px(16))
        top.setSpacing(px(48))
        self.field = DoorField()
        top.addWidget(self.field, 1)
        self.whose = WhoseDoor()
        self.whose.setFixedHeight(px(64))
        self.whose.layout().setContentsMargins(0, 0, 0, 0)
        top.addWidget(self.whose)
        column.addLayout(top)
        column.addWidget(hairline())
        across = QHBoxLayout()
        across.setSpacing(0)
        self.panes = QStackedWidget()
        self.idle, self.hits, self.panel, self.form, self.over = Idle(), HitsView(), VerdictPanel(), WalkInForm(), Over()
        for pane in (self.idle, self.hits, self.panel, self.form, self.over):
            self.panes.addWidget(pane)
        across.addWidget(self.panes, 1)
        self._beside = hairline("v")
        across.addWidget(self._beside)
        self.column = DoorColumn()
        across.addWidget(self.column)
        column.addLayout(across, 1)
        column.addWidget(hairline())
        below = QHBoxLayout()
        below.setSpacing(0)
        self.network, self.code = NetworkBar(), CodeBar()
        below.addWidget(self.network, 2)
        below.addWidget(self.code, 3)
        column.addLayout(below)
        self.keys = KeyBar()
        column.addWidget(self.keys)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.column.set_room(self.width())
        self.whose.setFixedWidth(self.column.minimumWidth() - px(48))

    def set_standing(self, state: str, sentence: str, *, damaged: bool = False) -> None:
        """What the sync engine says, in the corner; or that a part of the database cannot be read."""
        self.whose.set_standing(state, sentence, damaged=damaged)

    def state(self) -> str:
        """What is shown: idle, find, verdict, walk_in or over."""
        names = {self.idle: "idle", self.hits: "find", self.panel: "verdict", self.form: "walk_in"}
        return next((name for pane, name in names.items() if pane is self.panes.currentWidget()), "over")

    def show_column(self, on: bool) -> None:
        """The column, or nothing at all of who came."""
        self.column.setVisible(on)
        self._beside.setVisible(on)
