"""Laptops here: sharing with the laptops in the room, without the internet. Off is one sentence; on shows what the others scan or type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import Button, Choice, FormRow, Label, Link, Segments
from alumni_desk.desktop.dates import day_short, moment
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.qr_view import QrView
from alumni_desk.desktop.tokens import Tone
from alumni_desk.desktop.venue_bridge import AtVenue, Nearby
from alumni_desk.desktop.widgets import IconLine, way_in
from alumni_desk.words import _

QR = 132
"""Three px for each square of the code, and its margin."""


@dataclass(frozen=True)
class Letting:
    """A gathering at whose door new laptops may be let in."""

    id: str
    name: str


class LaptopsHere(QWidget):
    """``turned(on)``; ``chosen(gathering)``: another door is to be let in at, empty for none; ``not_found``, ``join``, ``new_code``,
    ``retype`` (the other laptop's code is another now) and ``left`` by their links."""

    turned = Signal(bool)
    chosen = Signal(str)
    not_found = Signal()
    join = Signal()
    new_code = Signal()
    retype = Signal()
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._standing, self._lets, self._trouble = AtVenue(), tuple[Letting, ...](), ""
        self._came_from = ""  # where the focus was in what was drawn before, by its name
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
        self.letting: Choice | None = None
        self._draw()

    def show_standing(self, standing: AtVenue, trouble: str = "") -> None:
        """How it stands. ``trouble``: why it could not be shared."""
        if (standing, trouble) != (self._standing, self._trouble):
            self._standing, self._trouble = standing, trouble
            self._draw()

    def offer(self, lets: Sequence[Letting]) -> None:
        """Gatherings at whose doors a leader may let new laptops in; none for others."""
        if tuple(lets) != self._lets:
            self._lets = tuple(lets)
            self._draw()

    def _draw(self) -> None:
        standing = self._standing
        focused = self.window().focusWidget()  # not the program's: a list that drops down may have that
        if focused is not None and self._body.isAncestorOf(focused):
            self._came_from = spoken_of(focused)
        elif focused is None or not self.switch.isAncestorOf(focused):
            self._came_from = ""
        self.switch.set_on("off" if standing.sharing == "off" else "on")
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        self.letting = None
        if standing.sharing == "off":
            self._off(column)
        elif standing.sharing == "begins":
            column.addWidget(Label(_("Beginning …"), tone="muted"))
        else:
            self._on(column)
        if standing.visiting:
            self._visiting(column)
        if standing.together:
            for one in standing.others:
                tone: Tone = "ok" if one.now else "muted"
                column.addWidget(IconLine("check-circle" if one.now else "clock", nearby_words(one), tone=tone))
            if not standing.others and (standing.sharing == "on" or not standing.trouble):
                column.addWidget(IconLine("hourglass", _("No other laptop has come yet")))
        self._foot(column)
        self._column.replaceWidget(self._body, body)
        body.show()
        if self._came_from:
            self._keep_focus(body)  # before the old ones go, whose focus would be anywhere then
        self._body.hide()
        self._body.deleteLater()
        self._body = body

    def _keep_focus(self, body: QWidget) -> None:
        """The focus to what is called as it was before; while sharing begins anew and it is not there, it waits at the switch."""
        again = next((one for one in body.findChildren(QWidget) if one.focusPolicy() & Qt.FocusPolicy.TabFocus and spoken_of(one) == self._came_from), None)
        target = again or way_in(self.switch)
        if target is not None:
            target.setFocus()
        if again is not None or self._standing.sharing != "begins":
            self._came_from = ""

    def _off(self, column: QVBoxLayout) -> None:
        if not self._standing.visiting:
            column.addWidget(Label(_("Laptops in this room swap changes without the internet, once you share with them."), tone="muted", wrap=True))
        if self._trouble or self._standing.not_shared:
            column.addWidget(Label(self._trouble or self._standing.not_shared, tone="warn", wrap=True))

    def _on(self, column: QVBoxLayout) -> None:
        standing = self._standing
        column.addWidget(Label(_("Laptops in this room swap changes, without the internet. They scan this or type the code, which stays the same."),
                               tone="muted", wrap=True))
        box = QWidget()
        box.setFixedHeight(px(QR))
        across = QHBoxLayout(box)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(px(16))
        picture = QrView(_("Code for the laptops here"), QR)
        picture.show_text(standing.qr)
        across.addWidget(picture)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(Label(_("Code"), "small", "muted"))
        for half in standing.code.split("-"):
            label = Label(half, "number")
            label.setAccessibleName(" ".join(half))
            words.addWidget(label)
        words.addSpacing(px(4))
        renews = Link(_("New code"), role="small")
        renews.setAccessibleName(_("Share with a new code: whoever has the present one types the new one"))
        renews.setToolTip(renews.accessibleName())
        renews.clicked.connect(self.new_code)
        words.addWidget(renews, 0, Qt.AlignmentFlag.AlignLeft)
        words.addStretch(1)
        across.addLayout(words, 1)
        column.addSpacing(px(4))
        column.addWidget(box)
        address = Label(_("Address {address}").format(address=standing.address), "small", "muted", wrap=True)
        address.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(address)
        if standing.until is not None:
            column.addWidget(Label(_("After a restart it goes on by itself until {time}.").format(time=moment(standing.until)), "small", "muted", wrap=True))
        if self._lets:
            names = [("", _("no gathering")), *((one.id, isolated(one.name)) for one in self._lets)]
            self.letting = Choice(_("Let new laptops in at the door of"), names)
            self.letting.set_key(standing.gathering or "")
            self.letting.setMinimumContentsLength(12)
            self.letting.activated.connect(lambda index: self.chosen.emit(self.letting.key() or "") if self.letting is not None else None)
            column.addSpacing(px(4))
            column.addWidget(FormRow(_("Let new laptops in at the door of"), self.letting,
                                     _("Whoever has the code can check in there, and see no more.") if standing.gathering else ""))
        column.addSpacing(px(4))

    def _visiting(self, column: QVBoxLayout) -> None:
        standing = self._standing
        row = QHBoxLayout()
        row.setSpacing(px(8))
        where = (_("You were together with the laptop at {address}") if standing.trouble else
                 _("Together with the laptop at {address}")).format(address=standing.visiting)  # fmt: skip
        row.addWidget(IconLine("wifi-slash" if standing.trouble else "laptop", where, standing.trouble), 1)
        leaves = Link(_("Leave"))
        leaves.setAccessibleName(_("Leave the laptop at {address}").format(address=standing.visiting))
        leaves.clicked.connect(self.left)
        row.addWidget(leaves, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(row)
        if standing.code_changed:
            again = Button(_("Type the new code"))
            again.clicked.connect(self.retype)
            column.addWidget(again, 0, Qt.AlignmentFlag.AlignLeft)
        elif standing.trouble:
            another = Button(_("Join a laptop that shares"))
            another.clicked.connect(self.join)
            column.addWidget(another, 0, Qt.AlignmentFlag.AlignLeft)

    def _foot(self, column: QVBoxLayout) -> None:
        foot = QHBoxLayout()
        foot.setSpacing(px(16))
        if not self._standing.visiting:
            joins = Link(_("Join a laptop that shares"), role="small")
            joins.clicked.connect(self.join)
            foot.addWidget(joins)
        lost = Link(_("Not found?"), role="small")
        lost.clicked.connect(self.not_found)
        foot.addWidget(lost)
        foot.addStretch(1)
        column.addLayout(foot)


def spoken_of(one: QWidget) -> str:
    """What a control is called."""
    return one.accessibleName() or str(getattr(one, "text", str)())


def nearby_words(one: Nearby) -> str:
    """“Tomás’s laptop, connected 18:39”."""
    local = one.heard.astimezone()
    name = isolated(one.name or one.who) or _("A laptop")
    if one.now:
        return _("{laptop}, connected {time}").format(laptop=name, time=f"{local:%H:%M}")
    day = "" if local.date() == local.now(local.tzinfo).date() else f"{day_short(local.date())} "
    return _("{laptop}, last heard {time}").format(laptop=name, time=f"{day}{local:%H:%M}")
