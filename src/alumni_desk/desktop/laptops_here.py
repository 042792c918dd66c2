"""Laptops here: sharing with the laptops in the room, without the internet. Off is one sentence; on shows what the others scan or type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import Label, Link, Segments
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.qr_view import QrView
from alumni_desk.desktop.tokens import Tone
from alumni_desk.desktop.widgets import IconLine
from alumni_desk.words import _


@dataclass(frozen=True)
class Heard:
    """Another laptop here, in words: “Tomás’s laptop, connected 18:39”; ``now``: it answers at this moment."""

    words: str
    now: bool


@dataclass(frozen=True)
class Sharing:
    """What the others need: the QR's text, ten letters, the address, until when, and the network's name if it is known."""

    qr: str
    code: str
    address: str
    until: str
    network: str = ""


class LaptopsHere(QWidget):
    """``turned(on)``; ``not_found`` by its link; ``join`` when this laptop is to join another one that shares."""

    turned = Signal(bool)
    not_found = Signal()
    join = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(px(8))
        head = QHBoxLayout()
        head.addWidget(Label(_("Laptops here"), "heading"))
        head.addStretch(1)
        self.switch = Segments(_("Share with laptops here"), [("off", _("Off")), ("on", _("On"))], "off")
        self.switch.chosen.connect(lambda key: self.turned.emit(key == "on"))
        head.addWidget(self.switch)
        self._column.addLayout(head)
        self._body = QWidget()
        self._column.addWidget(self._body)
        self.show_off()

    def show_off(self, trouble: str = "") -> None:
        """Not shared. ``trouble``: why it could not be."""
        self.switch.set_on("off")
        body, column = self._new_body()
        column.addWidget(Label(_("Laptops in this room swap changes without the internet, once you share with them."), tone="muted", wrap=True))
        if trouble:
            column.addWidget(Label(trouble, tone="warn", wrap=True))
        joins = Link(_("Join a laptop that shares"))
        joins.clicked.connect(self.join)
        column.addWidget(joins)
        self._put(body)

    def show_on(self, sharing: Sharing | None, heard: Sequence[Heard] = ()) -> None:
        """Shared; None while it begins."""
        self.switch.set_on("on")
        body, column = self._new_body()
        column.addWidget(Label(_("Laptops in this room swap changes, without the internet. They scan this or type the code."), tone="muted", wrap=True))
        if sharing is None:
            column.addWidget(Label(_("Beginning …"), tone="muted"))
            self._put(body)
            return
        across = QHBoxLayout()
        across.setSpacing(px(16))
        picture = QrView(_("Code for the laptops here"), 128)
        picture.show_text(sharing.qr)
        across.addWidget(picture)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(Label(_("Code"), "small", "muted"))
        halves = (sharing.code[:5], sharing.code[5:]) if len(sharing.code) == 10 else (sharing.code,)
        for half in halves:
            label = Label(half, "title")
            label.setAccessibleName(" ".join(half))
            words.addWidget(label)
        words.addSpacing(px(4))
        words.addWidget(Label(sharing.until, "small", "muted", wrap=True))
        words.addStretch(1)
        across.addLayout(words, 1)
        column.addSpacing(px(4))
        column.addLayout(across)
        column.addWidget(Label(_("Address {address}").format(address=sharing.address), "small", "muted", wrap=True))
        column.addSpacing(px(4))
        for one in heard:
            tone: Tone = "ok" if one.now else "muted"
            column.addWidget(IconLine("check-circle" if one.now else "clock", one.words, tone=tone))
        if not heard:
            column.addWidget(IconLine("hourglass", _("No other laptop has come yet")))
        foot = QHBoxLayout()
        foot.setSpacing(px(6))
        if sharing.network:
            foot.addWidget(Label(_("Network {name} ·").format(name=sharing.network), "small", "muted"))
        lost = Link(_("Not found?"), role="small")
        lost.clicked.connect(self.not_found)
        foot.addWidget(lost)
        foot.addStretch(1)
        column.addLayout(foot)
        self._put(body)

    def _new_body(self) -> tuple[QWidget, QVBoxLayout]:
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        return body, column

    def _put(self, body: QWidget) -> None:
        self._column.replaceWidget(self._body, body)
        self._body.hide()
        self._body.deleteLater()
        self._body = body
