"""Choosing members for a gathering's list: find, tick, add."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import Field, Label
from alumni_desk.desktop.fonts import font_of, px
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.members.lists import MemberRow, member_rows
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, ngettext, number

MOST = 300


class GuestPicker(Sheet):
    """``done_clicked`` when those ticked shall be added; ``chosen`` has their ids."""

    def __init__(self, parent: QWidget | None, desk: Desk, lanes: Lanes, there: set[str]) -> None:
        super().__init__(parent, _("Add guests"), _("Add"))
        self._desk, self._lanes, self._there = desk, lanes, there
        self._ticked: dict[str, str] = {}
        self.search = Field(_("Find members"), _("Find by name, class or city"), icon="magnifying-glass")
        self.search.textChanged.connect(self._look)
        self.search.returnPressed.connect(self._tick_first)
        self.column.addWidget(self.search)
        self.list = QListWidget()
        self.list.setAccessibleName(_("Members found"))
        self.list.setMinimumHeight(px(320))
        self.list.setFont(font_of("body"))
        self.list.itemChanged.connect(self._changed)
        self.list.itemActivated.connect(self._toggle)
        self.column.addWidget(self.list, 1)
        self.picked = Label("", "small", "muted", wrap=True)
        self.column.addWidget(self.picked)
        self._say()
        self._look("")
        self.search.setFocus()

    def chosen(self) -> list[str]:
        """Ids of those ticked, in the order of ticking."""
        return list(self._ticked)

    def _look(self, text: str) -> None:
        self._lanes.read(lambda: member_rows(self._desk, text, MOST, "best" if text.strip() else "name"), self._found, key="picker")

    def _found(self, rows: list[MemberRow]) -> None:
        self.list.blockSignals(True)
        self.list.clear()
        for row in rows:
            words = "  ·  ".join(part for part in (isolated(row.name), row.class_label, row.city or "") if part)
            item = QListWidgetItem(words if row.id not in self._there else _("{member}  ·  on the list").format(member=words))
            item.setData(Qt.ItemDataRole.UserRole, (row.id, row.name))
            item.setSizeHint(QSize(0, px(28)))
            if row.id in self._there:
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            else:
                item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable)
                item.setCheckState(Qt.CheckState.Checked if row.id in self._ticked else Qt.CheckState.Unchecked)
            self.list.addItem(item)
        self.list.blockSignals(False)

    def _changed(self, item: QListWidgetItem) -> None:
        member, name = item.data(Qt.ItemDataRole.UserRole)
        if item.checkState() == Qt.CheckState.Checked:
            self._ticked[member] = name
        else:
            self._ticked.pop(member, None)
        self._say()

    def _toggle(self, item: QListWidgetItem) -> None:
        if item.flags() & Qt.ItemFlag.ItemIsUserCheckable:
            item.setCheckState(Qt.CheckState.Unchecked if item.checkState() == Qt.CheckState.Checked else Qt.CheckState.Checked)

    def _tick_first(self) -> None:
        first = next((item for n in range(self.list.count()) if (item := self.list.item(n)).flags() & Qt.ItemFlag.ItemIsUserCheckable), None)
        if first is not None and self.search.text().strip():
            self._toggle(first)
            self.search.selectAll()

    def keyPressEvent(self, event: object) -> None:
        # Enter in the find field ticks; only the button adds.
        if self.search.hasFocus() and getattr(event, "key", int)() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            return
        super().keyPressEvent(event)  # type: ignore[arg-type]

    def _say(self) -> None:
        count = len(self._ticked)
        names = ", ".join(list(self._ticked.values())[:6])
        self.picked.setText(_("Type a name; Enter ticks the first. Nobody is ticked yet.") if not count else
                            f"{names} …" if count > 6 else names)
        self.done_button.setEnabled(bool(count))
        self.done_button.set_words(ngettext("Add {n} guest", "Add {n} guests", count).format(n=number(count)) if count else _("Add"))
