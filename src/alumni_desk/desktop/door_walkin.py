"""The walk-in form: a name and one contact, typed while somebody waits. Scans still check in and the form stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from alumni_desk.checkin.lists import DoorHit, DoorStatus, Headcount
from alumni_desk.desktop.controls import Button, Label, Tick, ring_round_words
from alumni_desk.desktop.door_hits import status_words
from alumni_desk.desktop.door_words import places_words
from alumni_desk.desktop.fonts import font_of, px
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import isolated, paint_ground, paint_ring, paint_text
from alumni_desk.desktop.widgets import Card, Glyph, Scroll
from alumni_desk.words import _


@dataclass(frozen=True)
class WalkIn:
    """What the form says, ready for the action."""

    name: str
    person: str | None
    host: str | None
    consent: bool
    fields: dict[str, Any]


@dataclass(frozen=True)
class Draft:
    """What was typed of one walk-in, all of it: it never goes to another one."""

    name: str
    contact: str
    year: str
    host: str
    consent: bool

    def parts(self) -> tuple[str, ...]:
        """What is typed, line by line, the empty ones left out."""
        return tuple(" ".join(text.split()) for text in (self.name, self.contact, self.year, self.host) if text.strip())

    def title(self) -> str:
        """What it is called: the name, or whatever was typed first."""
        return next(iter(self.parts()), "")

    def is_of(self, name: str) -> bool:
        """Whether it is about who is called so."""
        return bool(name.strip()) and self.name.casefold().split() == name.casefold().split()


class BigField(QLineEdit):
    """A line 48 high, read and typed standing up."""

    def __init__(self, name: str, placeholder: str = "") -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setPlaceholderText(placeholder)
        font = font_of("body")
        font.setPixelSize(px(18))
        self.setFont(font)
        self.setFixedHeight(px(48))
        self.setStyleSheet(f"QLineEdit, QLineEdit:focus {{ min-height: {px(48) - 4}px; padding: 0 {px(16)}px; font-size: {px(18)}px; }}")


class BigButton(Button):
    """The form's one button, with the key that presses it."""

    def __init__(self, text: str, key: str) -> None:
        super().__init__(text, "primary", height=64)
        self._key = key
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def paint_inside(self, painter: QPainter, box: QRectF, ink: str) -> None:
        font = font_of("heading")
        font.setPixelSize(px(18))
        width = QFontMetricsF(font).horizontalAdvance(self._shown) + 2
        key = QFontMetricsF(font_of("label")).horizontalAdvance(self._key) + px(16)
        left = box.center().x() - (width + px(14) + key) / 2
        painter.setFont(font)
        painter.setPen(ink)
        painter.drawText(QRectF(left, 0, width, box.height()), int(Qt.AlignmentFlag.AlignVCenter), self._shown)
        frame = QRectF(left + width + px(14), box.center().y() - px(12), key, px(24))
        paint_ring(painter, frame, ink, 4, 1)
        paint_text(painter, frame, self._key, ink, "label", Qt.AlignmentFlag.AlignHCenter, elide=False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.ignore()  # the window decides: right after a scan Enter is the scanner's
        else:
            super().keyPressEvent(event)


class ConsentTick(Tick):
    """The consent line, a little larger than elsewhere."""

    def sizeHint(self) -> QSize:
        return QSize(round(QFontMetricsF(self._large()).horizontalAdvance(self._shown)) + px(24 + 12 + 6), px(28))

    @staticmethod
    def _large() -> Any:
        font = font_of("body")
        font.setPixelSize(px(16))
        return font

    def paintEvent(self, event: QPaintEvent) -> None:
        colours, painter = look(self), QPainter(self)
        size = px(24)
        self._paint_mark(painter, QRectF(1, (self.height() - size) / 2, size, size), colours)
        rest = QRectF(size + px(12), 0, self.width() - size - px(12), self.height())
        if self.hasFocus():
            used = QFontMetricsF(self._large()).horizontalAdvance(self._shown)
            paint_ring(painter, ring_round_words(rest, used), colours.accent, 4)
        painter.setFont(self._large())
        painter.setPen(colours.text)
        painter.drawText(rest.adjusted(0, 0, px(4), 0), int(Qt.AlignmentFlag.AlignVCenter), self._shown)


class MatchCard(Card):
    """Somebody known who may be the same person."""

    used = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setFixedWidth(px(240))
        self.column.setContentsMargins(px(16), px(16), px(16), px(16))
        self.column.setSpacing(px(2))
        head = QHBoxLayout()
        head.setSpacing(px(8))
        head.addWidget(Glyph("users-three", "text", 18))
        head.addWidget(Label(_("Perhaps the same person"), "strong"), 1)
        self.column.addLayout(head)
        self.column.addSpacing(px(6))
        self.name, self.what, self.status = Label(wrap=True), Label(tone="muted", wrap=True), Label(tone="muted", wrap=True)
        self._body = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._body.setSpacing(px(10))
        words = QVBoxLayout()
        words.setSpacing(px(2))
        for label in (self.name, self.what, self.status):
            words.addWidget(label)
        self._body.addLayout(words, 1)
        self.column.addLayout(self._body)
        self.button = Button(_("Use this person · F3"), height=40)
        self.button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.button.clicked.connect(self.used)
        self._body.addWidget(self.button)

    def set_wide(self, wide: bool) -> None:
        """Across the form with its button at the right, or narrow beside it."""
        self._body.setDirection(QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom)
        self.button.setSizePolicy(QSizePolicy.Policy.Fixed if wide else QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.column.setContentsMargins(px(16), px(10 if wide else 16), px(16), px(10 if wide else 16))
        self.setMinimumWidth(0 if wide else px(240))
        self.setMaximumWidth(px(560 if wide else 240))

    def show_match(self, hit: DoorHit) -> None:
        """Show this person."""
        self.name.setText(f"{isolated(hit.name)} {isolated(hit.class_tail)}".strip())
        who = _("Guest of {host}").format(host=isolated(hit.host_name)) if hit.host_name else (
            _("Member") if hit.status is DoorStatus.NOT_ON_THE_LIST else _("On the list"))  # fmt: skip
        self.what.setText(", ".join(part for part in (who, isolated(hit.city or "")) if part))
        word, more = status_words(hit)
        self.status.setText(_("Did not sign up") if hit.status is DoorStatus.NOT_ON_THE_LIST else ", ".join(p for p in (word, more) if p))


class _FormScroll(Scroll):
    """As high as what is in it, and less where the screen is low."""

    def __init__(self) -> None:
        super().__init__(margins=(0, 0, 0, 0))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def sizeHint(self) -> QSize:
        inside = self.widget().layout()
        return QSize(inside.totalSizeHint().width(), inside.totalHeightForWidth(self.viewport().width()) + 2)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().event(event)


class WalkInForm(QWidget):
    """The form. ``name_changed(text)`` asks who may be meant, ``host_changed(text)`` whose guest; ``use(hit)`` takes the
    likely match."""

    name_changed = Signal(str)
    host_changed = Signal(str)
    submitted = Signal()
    use = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._match: DoorHit | None = None
        self._host: DoorHit | None = None
        self._contact_asked = False
        across = QHBoxLayout(self)
        across.setSpacing(px(32))
        form = QWidget()
        form.setMaximumWidth(px(560))
        form.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        whole = QVBoxLayout(form)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        self.scroller = _FormScroll()
        column = self.scroller.column
        column.setSpacing(0)
        title = Label(_("Add a walk-in"), "number")
        column.addWidget(title)
        self.places = Label("", tone="muted", wrap=True)
        column.addWidget(self.places)
        column.addSpacing(px(20))
        self.name = BigField(_("Name"))
        self.contact = BigField(_("E-mail or phone"))
        self.year = BigField(_("Class year"), _("such as 2003"))
        self.year.setMaxLength(4)
        self.host = BigField(_("Guest of"), _("host’s name"))
        column.addWidget(_labelled(_("Name"), self.name))
        self._below = QVBoxLayout()
        column.addLayout(self._below)
        column.addSpacing(px(14))
        column.addWidget(_labelled(_("E-mail or phone"), self.contact))
        column.addSpacing(px(14))
        pair = QHBoxLayout()
        pair.setSpacing(px(16))
        year = _labelled(_("Class year"), self.year, _("optional"))
        year.setFixedWidth(px(160))
        pair.addWidget(year)
        pair.addWidget(_labelled(_("Guest of"), self.host, _("optional")), 1)
        column.addLayout(pair)
        self.host_note = Label("", "small", "muted", wrap=True)
        self.host_note.hide()
        column.addWidget(self.host_note)
        column.addSpacing(px(18))
        self.consent = ConsentTick(_("“May we write to you about our gatherings?”"))
        column.addWidget(self.consent)
        note = Label(_("Ask aloud. Without a yes, the contact is kept for this gathering only."), tone="muted", wrap=True)
        note.setContentsMargins(px(36), 0, 0, 0)
        column.addWidget(note)
        column.addSpacing(px(4))
        whole.addWidget(self.scroller)
        # Below what scrolls, so that what is missing and the button are seen on a low screen too.
        self.wrong = Label("", "label", "danger", wrap=True)
        self.wrong.setContentsMargins(0, px(8), 0, 0)
        self.wrong.hide()
        whole.addWidget(self.wrong)
        whole.addSpacing(px(14))
        self.button = BigButton(_("Check in"), "Enter")
        self.button.clicked.connect(self.submitted)
        whole.addWidget(self.button)
        whole.addStretch(1)
        across.addWidget(form, 100)
        self._side = QVBoxLayout()
        self._side.setContentsMargins(0, px(72), 0, 0)
        self.match = MatchCard()
        self.match.used.connect(self._use)
        self.match.hide()
        self._side.addWidget(self.match)
        self._side.addStretch(1)
        across.addLayout(self._side, 0)
        across.addStretch(1)
        self._beside = True
        for field in self.fields():
            field.installEventFilter(self)
        self._fit()
        self.name.textChanged.connect(self.name_changed)
        self.host.textChanged.connect(self._host_edited)
        for field in (self.name, self.contact, self.year, self.host):
            field.textChanged.connect(lambda text: self.say_wrong(""))

    def minimumSizeHint(self) -> QSize:
        return QSize(px(400), px(240))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """The likely match beside the form, or below the name where there is no room beside it; less air on a low screen."""
        beside = self.width() >= px(64 + 400 + 32 + 240 + 32)
        low = self.height() < px(600)
        self.layout().setContentsMargins(px(64 if beside else 32), px(16 if low else 32), px(32), px(16 if low else 24))
        if beside == self._beside:
            return
        self._beside = beside
        (self._below if beside else self._side).removeWidget(self.match)
        self.match.set_wide(not beside)
        if beside:
            self._side.insertWidget(0, self.match)
        else:
            self._below.addWidget(self.match)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusIn and isinstance(watched, QWidget):
            self.scroller.ensureWidgetVisible(watched, 0, px(32))
        return False

    def fields(self) -> list[QLineEdit]:
        """The lines that letters go to."""
        return [self.name, self.contact, self.year, self.host]

    def show_count(self, count: Headcount | None) -> None:
        """Say how many places are free."""
        places = places_words(count)
        enough = _("Name and one contact are enough.")
        self.places.setText(f"{places[:1].upper()}{places[1:]}. {enough}" if places else enough)

    def offer(self, hit: DoorHit | None) -> None:
        """Show somebody who may be the same person, or nobody."""
        self._match = hit
        self.match.setVisible(hit is not None)
        if hit is not None:
            self.match.show_match(hit)

    def offered(self) -> DoorHit | None:
        """The likely match that is shown."""
        return self._match

    def set_host(self, hit: DoorHit | None, several: bool) -> None:
        """Whom the host's line means."""
        self._host = hit
        text = self.host.text().strip()
        if hit is not None:
            self.host_note.setText(_("Guest of {name}").format(name=f"{isolated(hit.name)} {isolated(hit.class_tail)}".strip()))
        elif text and several:
            self.host_note.setText(_("Several hosts fit: add the class year"))
        elif text:
            self.host_note.setText(_("Nobody on the list fits"))
        self.host_note.setVisible(bool(text))

    def _host_edited(self, text: str) -> None:
        self._host = None
        self.host_changed.emit(text)

    def _use(self) -> None:
        if self._match is not None:
            self.use.emit(self._match)

    def say_wrong(self, sentence: str) -> None:
        """What is missing, or nothing."""
        self.wrong.setText(sentence)
        self.wrong.setVisible(bool(sentence))

    def read(self, *, contact_asked: bool = False) -> WalkIn | None:
        """What was typed; None if something is missing, which is then said. A missing contact is asked for once, then goes without."""
        name = " ".join(self.name.text().split())
        if not name:
            self.say_wrong(_("A name is needed. Type it as the badge should say it."))
            self.name.setFocus()
            return None
        fields: dict[str, Any] = {}
        contact = self.contact.text().strip()
        if contact:
            fields["email" if "@" in contact else "mobile"] = contact
        elif not (contact_asked or self._contact_asked or self.host.text().strip()):
            self.say_wrong(_("No contact yet: type an e-mail address or a phone number, or press Enter again to go without."))
            self._contact_asked = True
            self.contact.setFocus()
            return None
        year = self.year.text().strip()
        if year:
            if not (year.isdecimal() and len(year) == 4 and 1850 <= int(year) <= 2100):
                self.say_wrong(_("The class year has four digits, such as 2003."))
                self.year.setFocus()
                return None
            fields["class_year"] = int(year)
        if self.host.text().strip() and self._host is None:
            self.say_wrong(_("Nobody on the list is certainly this host. Add the class year, or leave the line empty."))
            self.host.setFocus()
            return None
        return WalkIn(name, None, self._host.registration if self._host else None, self.consent.isChecked(), fields)

    def draft(self) -> Draft:
        """What is typed in it."""
        return Draft(self.name.text(), self.contact.text(), self.year.text(), self.host.text(), self.consent.isChecked())

    def fill(self, draft: Draft) -> None:
        """Go on with what was typed before."""
        self.clear()
        for field, text in zip(self.fields(), (draft.name, draft.contact, draft.year, draft.host), strict=True):
            field.setText(text)
        self.consent.setChecked(draft.consent)

    def is_begun(self) -> bool:
        """Whether anything is typed in it that nobody has saved."""
        return bool(self.draft().parts())

    def clear(self) -> None:
        """Empty for the next one."""
        for field in self.fields():
            field.clear()
        self._contact_asked = False
        self.consent.setChecked(False)
        self.offer(None)
        self.set_host(None, False)
        self.say_wrong("")

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_ground(QPainter(self), self.rect(), look(self).bg, 0)


def _labelled(name: str, field: QLineEdit, aside: str = "") -> QWidget:
    box = QWidget()
    column = QVBoxLayout(box)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(px(6))
    row = QHBoxLayout()
    row.setSpacing(px(5))
    label = Label(name, "label")
    label.setBuddy(field)
    row.addWidget(label)
    if aside:
        row.addWidget(Label(aside, tone="muted"))
    row.addStretch(1)
    column.addLayout(row)
    column.addWidget(field)
    return box
