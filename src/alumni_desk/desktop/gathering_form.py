"""What a gathering is: to plan one, or to change it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import available_timezones

from PySide6.QtCore import QDate, QDateTime, Qt, QTime, QTimeZone
from PySide6.QtWidgets import QCompleter, QGridLayout, QPlainTextEdit, QWidget

from alumni_desk.desktop.controls import Choice, Field, FormRow, When
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.gatherings.kinds import KINDS, MODES, kind_word, mode_word
from alumni_desk.gatherings.lists import GatheringRow
from alumni_desk.store.meanwhile import ChangedMeanwhile
from alumni_desk.words import _

COLUMNS = {"start": "starts", "end": "ends"}
"""Fields that the gathering's row calls otherwise."""

UTC = QTimeZone(QTimeZone.Initialization.UTC)

AS_LONG = timedelta(hours=3)
"""How long a gathering lasts of which nobody said it, or of which the end lies before the start."""
OPENED = ("name", "kind", "mode", "starts", "ends", "time_zone", "capacity", "place", "address", "city", "online_link", "description")


class GatheringForm(Sheet):
    """``done_clicked`` when the user wants it saved; ``values`` has what was typed, as ``gatherings.fields`` reads it."""

    def __init__(self, parent: QWidget | None, title: str, done: str, today: date, zone: str, row: GatheringRow | None = None) -> None:
        super().__init__(parent, title, done, width=560)
        self.name = Field(_("Name"), _("Autumn Reception"))
        self.kind = Choice(_("Kind"), [(kind, kind_word(kind)) for kind in KINDS])
        self.mode = Choice(_("How"), [(mode, mode_word(mode)) for mode in MODES])
        self.start, self.end = When(_("Starts")), When(_("Ends"))
        for one in (self.start, self.end):  # any hour can be typed as it is: by this laptop's zone Qt would move one that is left out there
            one.setTimeZone(UTC)
        self.zone = Field(_("Time zone"))
        completer = QCompleter(sorted(available_timezones()), self.zone)
        completer.setFilterMode(completer.filterMode() | completer.filterMode().MatchContains)
        self.zone.setCompleter(completer)
        self.capacity = Field(_("Places"), _("no limit"))
        self.place, self.address, self.city = Field(_("Place"), _("Harbor Hall")), Field(_("Address")), Field(_("City"))
        self.link = Field(_("Link"), "https://")
        self.description = QPlainTextEdit()
        self.description.setAccessibleName(_("Description"))
        self.description.setTabChangesFocus(True)
        self.description.setFixedHeight(px(72))
        self._fill(row, today, zone)
        grid = QGridLayout()
        grid.setHorizontalSpacing(px(16))
        grid.setVerticalSpacing(px(12))
        lines: tuple[tuple[tuple[str, QWidget], ...], ...] = (
            ((_("Name"), self.name),), ((_("Kind"), self.kind), (_("How"), self.mode)), ((_("Starts"), self.start), (_("Ends"), self.end)),
            ((_("Time zone"), self.zone), (_("Places"), self.capacity)), ((_("Place"), self.place), (_("City"), self.city)),
            ((_("Address"), self.address), (_("Link"), self.link)), ((_("Description"), self.description),))
        names: dict[QWidget, str] = {
            self.name: "name", self.kind: "kind", self.mode: "mode", self.start: "start", self.end: "end", self.zone: "time_zone", self.capacity: "capacity",
            self.place: "place", self.city: "city", self.address: "address", self.link: "online_link", self.description: "description"}
        for number, line in enumerate(lines):
            for place, (words, control) in enumerate(line):
                row_of = FormRow(words, control)
                self.watch(names[control], row_of)
                grid.addWidget(row_of, number, place, 1, 2 if len(line) == 1 else 1, Qt.AlignmentFlag.AlignTop)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        self.column.addLayout(grid)
        self.start.dateTimeChanged.connect(self._move_end)
        self._length = 0
        self._measure(self.end.dateTime())
        self.end.dateTimeChanged.connect(self._measure)
        self.name.setFocus()
        self._controls = {name: control for control, name in names.items()}
        self._shown = self.values()
        self.opened: dict[str, Any] = {} if row is None else {column: getattr(row, column) for column in OPENED}

    def _fill(self, row: GatheringRow | None, today: date, zone: str) -> None:
        in_four_weeks = datetime.combine(today + timedelta(days=28), time(18))
        starts = datetime.fromisoformat(row.starts) if row and row.starts else in_four_weeks
        ends = datetime.fromisoformat(row.ends) if row and row.ends else starts + AS_LONG
        self.start.setDateTime(_qt(starts))
        self.end.setDateTime(_qt(ends))
        self.zone.setText(row.time_zone if row else zone)
        self.kind.set_key(row.kind if row else "reception")
        self.mode.set_key(row.mode if row else "in_person")
        if row is not None:
            self.name.setText(row.name)
            self.capacity.setText(str(row.capacity or ""))
            for field, text in ((self.place, row.place), (self.address, row.address), (self.city, row.city), (self.link, row.online_link)):
                field.setText(text or "")
            self.description.setPlainText(row.description or "")

    def _move_end(self, start: QDateTime) -> None:
        self.end.blockSignals(True)
        self.end.setDateTime(start.addSecs(self._length))
        self.end.blockSignals(False)

    def _measure(self, end: QDateTime) -> None:
        length = self.start.dateTime().secsTo(end)
        self._length = length if length > 0 else round(AS_LONG.total_seconds())

    def changed(self) -> dict[str, Any]:
        """What was typed in fields that differ from what was shown, or that were empty and cannot be."""
        return {name: value for name, value in self.values().items() if value != self._shown[name] or (name == "start" and not self.opened.get("starts"))}

    def complain(self, error: Exception) -> None:
        if isinstance(error, ChangedMeanwhile):
            names = {column: name for name, column in COLUMNS.items()}
            error.newer = {names.get(column, column): one for column, one in error.newer.items()}
        super().complain(error)

    def take_in(self, newer: Mapping[str, Any]) -> None:
        self.opened.update({COLUMNS.get(name, name): value for name, value in newer.items()})
        self._shown.update({name: "" if value is None else str(value) for name, value in newer.items()})

    def put_in(self, name: str, value: Any) -> None:
        control = self._controls[name]
        if isinstance(control, When):
            if value:
                control.setDateTime(_qt(datetime.fromisoformat(value)))
        elif isinstance(control, Choice):
            control.set_key(value)
        elif isinstance(control, QPlainTextEdit):
            control.setPlainText(value or "")
        elif isinstance(control, Field):
            control.setText("" if value is None else str(value))

    def values(self) -> dict[str, Any]:
        """What was typed."""
        return {"name": self.name.text(), "kind": self.kind.key() or "other", "mode": self.mode.key() or "in_person",
                "start": self.start.dateTime().toString("yyyy-MM-ddTHH:mm"), "end": self.end.dateTime().toString("yyyy-MM-ddTHH:mm"),
                "time_zone": self.zone.text(), "capacity": self.capacity.text().strip(), "place": self.place.text(), "address": self.address.text(),
                "city": self.city.text(), "online_link": self.link.text(), "description": self.description.toPlainText()}


def _qt(when: datetime) -> QDateTime:
    return QDateTime(QDate(when.year, when.month, when.day), QTime(when.hour, when.minute), UTC)
