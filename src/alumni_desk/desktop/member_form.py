"""A member's fields, to add somebody or to change what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QPlainTextEdit, QWidget

from alumni_desk.desktop.controls import Choice, Field, FormRow
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.desktop.widgets import small_heading
from alumni_desk.members.fields import MANY, label, listed
from alumni_desk.members.lists import further_emails
from alumni_desk.words import _

GROUPS = (
    (_("Name"), (("first_name", "last_name"), ("preferred_name", "other_script_name"), ("former_names", "pronunciation"), ("class_year", "badge_tail"))),
    (_("Contact"), (("email", "mobile"), ("other_emails", "phone"), ("street",), ("city", "region"), ("postal_code", "country"))),
    (_("Work"), (("employer", "job_title"),)),
    (_("Wishes and notes"), (("contact_rule", "door_note"), ("notes",))),
)

RULES = (("", _("May be contacted")), ("do_not_contact", _("Do not contact at all")), ("do_not_email", _("No e-mail")), ("do_not_call", _("No calls")),
         ("do_not_mail", _("No letters")), ("do_not_solicit", _("Do not ask for money")))


class MemberForm(Sheet):
    """``done_clicked`` when the user wants it saved; ``values`` has what was typed. Only what differs is written."""

    def __init__(self, parent: QWidget | None, title: str, done: str, fields: Mapping[str, Any] | None = None, *, at: str = "first_name") -> None:
        super().__init__(parent, title, done, width=560)
        self._before = dict(fields or {})
        self._fields: dict[str, Field | QPlainTextEdit] = {}
        for heading, lines in GROUPS:
            self.column.addWidget(small_heading(heading))
            grid = QGridLayout()
            grid.setHorizontalSpacing(px(16))
            grid.setVerticalSpacing(px(12))
            for line, names in enumerate(lines):
                for column, name in enumerate(names):
                    grid.addWidget(self._row(name), line, column, 1, 2 if len(names) == 1 else 1, Qt.AlignmentFlag.AlignTop)
            grid.setColumnStretch(0, 1)
            grid.setColumnStretch(1, 1)
            self.column.addLayout(grid)
            self.column.addSpacing(px(4))
        self._fields[at].setFocus()

    def _row(self, name: str) -> FormRow:
        if name == "contact_rule":
            self.rule = Choice(_("Contact rule"), RULES)
            codes = self._before.get("solicit_codes") or []
            self.rule.set_key(codes[0] if codes else "")
            rule = FormRow(_("Contact rule"), self.rule)
            self.watch("solicit_codes", rule)
            return rule
        words = label(name)
        if name in ("notes", "street"):
            box = QPlainTextEdit(_typed(self._before.get(name)))
            box.setAccessibleName(words)
            box.setTabChangesFocus(True)
            box.setFixedHeight(px(64))
            control: Field | QPlainTextEdit = box
        else:
            control = Field(words)
            control.setText(self._shown(name))
        self._fields[name] = control
        row = FormRow(words, control)
        self.watch(name, row)
        return row

    def type_in(self, typed: Mapping[str, Any]) -> None:
        """Stand as a form stood that was put away; ``typed``: its ``values``."""
        for name, value in typed.items():
            self.put_in(name, value)

    def put_in(self, name: str, value: Any) -> None:
        if name == "solicit_codes":
            self.rule.set_key(next(iter(_as_list(name, value)), ""))
            return
        control = self._fields.get(name)
        if isinstance(control, QPlainTextEdit):
            control.setPlainText(_typed(_as_list(name, value)))
        elif control is not None:
            value = _as_list(name, value)
            control.setText(_typed(further_emails(self._before.get("email"), value) if name == "other_emails" and isinstance(value, list) else value))

    def touched(self) -> bool:
        return bool(self.values())

    def take_in(self, newer: Mapping[str, Any]) -> None:
        self._before.update({name: _as_list(name, value) for name, value in newer.items()})

    def _shown(self, name: str) -> str:
        """How a field stands there before anything is typed: the first e-mail not among the others once more."""
        value = self._before.get(name)
        return _typed(further_emails(self._before.get("email"), value) if name == "other_emails" and value else value)

    @property
    def opened(self) -> Mapping[str, Any]:
        """The fields as the user has seen them, before anything was typed."""
        return self._before

    def values(self) -> dict[str, Any]:
        """What was typed in fields that differ from before."""
        typed = {name: control.toPlainText() if isinstance(control, QPlainTextEdit) else control.text() for name, control in self._fields.items()}
        values: dict[str, Any] = {name: text for name, text in typed.items() if text.strip() != self._shown(name).strip()}
        codes = list(self._before.get("solicit_codes") or [])
        chosen = self.rule.key() or ""
        if chosen != (codes[0] if codes else ""):
            values["solicit_codes"] = [chosen, *codes[1:]] if chosen else []
        return values


def _as_list(name: str, value: Any) -> Any:
    """What a field of several values holds, also as its column keeps it."""
    return listed(value) if name in MANY and (value is None or (isinstance(value, str) and value.startswith("["))) else value


def _typed(value: Any) -> str:
    if value is None:
        return ""
    return "; ".join(value) if isinstance(value, list) else str(value)
