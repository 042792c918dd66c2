"""One person of a file as they will be, and the marks of the steps, for the import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from types import SimpleNamespace
from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import Label, hairline
from alumni_desk.desktop.dates import day_full
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.icons import paint_icon
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import breakable, isolated, paint_ground, paint_ring, paint_text, tip
from alumni_desk.desktop.widgets import Glyph, IconLine, YearDisc
from alumni_desk.exchange.mapping import Entry
from alumni_desk.exchange.recognise import Recognised, Sure, asks
from alumni_desk.members.fields import SOLICIT_CODES, label
from alumni_desk.members.naming import display_name, face, full_name
from alumni_desk.words import _

NAMES = ("first_name", "last_name", "preferred_name", "other_script_name", "middle_name", "suffix", "title", "standing")
HOME = ("street", "city", "region", "postal_code", "country")
BECOMES = {"full_name": ("first_name", "last_name"), "organisation": ("employer",), "account": ("employer",), "phone_typed": ("phone", "mobile"),
           "external_id": ("external_ids",), **dict.fromkeys(SOLICIT_CODES, ("solicit_codes",))}
"""Fields of a person that a column becomes, where they are called otherwise."""


def guessed(found: Recognised) -> set[str]:
    """The fields whose value comes from a column that is not sure."""
    return {field for column in found.columns if column.target and (column.sure is Sure.GUESS or asks(column))
            for field in BECOMES.get(column.target, (column.target,))}


def rows_of(entry: Entry, unsure: set[str]) -> list[tuple[str, str, bool]]:
    """What is shown of somebody: label, value as people write it, and whether it comes from a guess."""
    rows, fields = [], entry.fields
    for field, value in fields.items():
        if field == "external_ids":
            rows += [(_("Office ID"), str(one).partition(":")[2] or str(one), field in unsure) for one in value]
        elif field not in NAMES and field not in HOME:
            rows.append((label(field), value_words(field, value), field in unsure))
    home = home_words(fields)
    if home:
        rows.append((_("Home"), home, bool(unsure & set(HOME))))
    for degree in entry.educations:
        words = " ".join(str(part) for part in degree.values() if part not in (None, True, False))
        rows.append((_("Degree"), words, bool(unsure & degree.keys())))
    return rows


def value_words(field: str, value: Any) -> str:
    """A value as people write it."""
    if value is True:
        return _("yes")
    if isinstance(value, list):
        return "; ".join(str(one) for one in value)
    if field in ("birth_date", "deceased_date"):
        try:
            return day_full(date.fromisoformat(str(value)))
        except ValueError:  # a year or a month alone
            return str(value)
    return str(value)


def home_words(fields: Mapping[str, Any]) -> str:
    """An address in its lines."""
    place = " ".join(str(fields[part]) for part in ("region", "postal_code") if fields.get(part))
    town = ", ".join(part for part in (str(fields.get("city") or ""), place) if part)
    return "\n".join(part for part in (str(fields.get("street") or ""), town, str(fields.get("country") or "")) if part)


class PersonPreview(QWidget):
    """Disc, the name as the list will show it, the values; those from a guess carry an eye."""

    def __init__(self, entry: Entry, found: Recognised) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        fields = entry.fields
        year = fields.get("class_year")
        person = SimpleNamespace(**{**dict.fromkeys((*NAMES, "class_year", "email")), **fields})
        shown = display_name(person) or str(fields.get("other_script_name") or fields.get("email") or _("No name"))
        head = QHBoxLayout()
        head.setSpacing(px(12))
        person.class_year = year if isinstance(year, int) else None
        head.addWidget(YearDisc(face(person), 48))
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addStretch(1)
        self.name = Label(isolated(breakable(shown)), "heading", wrap=True)
        words.addWidget(self.name)
        other = str(fields.get("other_script_name") or "") or full_name(person)
        if other and other != shown:
            words.addWidget(Label(isolated(breakable(other)), tone="muted", wrap=True))
        words.addStretch(1)
        head.addLayout(words, 1)
        column.addLayout(head)
        if entry.problem:
            column.addWidget(IconLine("warning", entry.problem, tone="warn"))
        unsure = guessed(found)
        rows = rows_of(entry, unsure)
        column.addSpacing(px(4))
        column.addLayout(_values(rows))
        left_out = [one.heading for one in found.columns if one.sure is Sure.REFUSED]
        if left_out or any(guess for _label, _value, guess in rows):
            column.addSpacing(px(4))
            column.addWidget(hairline())
            column.addSpacing(px(4))
        if any(guess for _label, _value, guess in rows):
            column.addWidget(IconLine("eye", _("Comes from a guess"), tone="warn"))
        for heading in left_out:
            column.addWidget(IconLine("prohibit", _("“{heading}” is left out").format(heading=heading)))
        column.addStretch(1)


def _values(rows: Sequence[tuple[str, str, bool]]) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(px(6))
    grid.setVerticalSpacing(px(8))
    grid.setColumnStretch(2, 1)
    top = Qt.AlignmentFlag.AlignTop
    for line, (words, value, guess) in enumerate(rows):
        name = Label(words, tone="muted", wrap=True)
        name.setFixedWidth(px(92))
        grid.addWidget(name, line, 0, top)
        if guess:
            grid.addWidget(Glyph("eye", "warn", 16, _("Comes from a guess")), line, 1, top)
        said = Label(isolated(breakable(value if len(value) <= 120 else f"{value[:119]}…")), tone="warn" if guess else "text", wrap=True)
        grid.addWidget(said, line, 2 if guess else 1, 1, 1 if guess else 2, top)
    return grid


class StepLine(QWidget):
    """A step of the import: done, at work on (a soft ground), or still to come, with its number."""

    def __init__(self, number: int, words: str, second: str, at: int) -> None:
        super().__init__()
        self._number, self._words, self._second, self._at = number, words, second, at
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        state = _("done") if number < at else _("now") if number == at else _("to come")
        self.setAccessibleName(_("Step {n}, {words}, {state}").format(n=number + 1, words=words, state=state))
        self.setToolTip(tip(second))

    def sizeHint(self) -> QSize:
        return QSize(px(192), px(52 if self._second else 40))

    def paintEvent(self, event: QPaintEvent) -> None:
        colours, painter, box = look(self), QPainter(self), QRectF(self.rect())
        now, done = self._number == self._at, self._number < self._at
        if now:
            paint_ground(painter, box, colours.selected, 6)
        ink = colours.selected_text if now else colours.text if done else colours.muted
        size, top = px(20), box.top() + (px(8) if self._second else (box.height() - px(20)) / 2)
        mark = QRectF(box.left() + px(12), top, size, size)
        if done:
            paint_icon(painter, mark, "check-circle", colours.ok)
        elif now:
            paint_ground(painter, mark, colours.accent, size / 2)
        else:
            paint_ring(painter, mark, colours.border, size / 2, 1)
        middle = Qt.AlignmentFlag.AlignHCenter
        if not done:
            paint_text(painter, mark, str(self._number + 1), colours.on_accent if now else colours.muted, "caption", middle, elide=False)
        words = QRectF(mark.right() + px(10), top, box.right() - mark.right() - px(18), size)
        paint_text(painter, words, self._words, ink, "strong" if now else "body")
        if self._second:
            paint_text(painter, words.translated(0, px(20)), self._second, ink if now else colours.muted, "small")
