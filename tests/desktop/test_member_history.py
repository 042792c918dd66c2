"""A member's History tab: every line can be read, also after Restore, undo and redo."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from shiboken6 import isValid

from alumni_desk.desktop.controls import Link
from alumni_desk.members.actions import change_member
from alumni_desk.members.lists import member, member_rows
from alumni_desk.store.desk import Desk
from alumni_desk.store.undo import undo

LONG = "A sentence that somebody wrote about a friend of the chapter, at length. " * 12


def shown(panel: Any) -> list[tuple[QWidget, QRect]]:
    """Every line and button of the tab, and where it stands."""
    parts = [one for one in panel._history.findChildren(QWidget) if one.isVisible() and isinstance(one, QLabel | Link)]
    return [(one, QRect(one.mapTo(panel.widget(), QPoint(0, 0)), one.size())) for one in parts]


def look(hands: Any, panel: Any, values: int) -> None:
    """As many values as there are, and no line on another one or smaller than its words."""
    hands.until(lambda: any(isinstance(one, QLabel) and one.text().startswith(f"{values} value") for one, _where in shown(panel)))
    hands.rest()
    found = shown(panel)
    for one, where in found:
        wanted = one.heightForWidth(where.width()) if one.hasHeightForWidth() else one.minimumSizeHint().height()
        assert where.height() >= wanted, (one.text() if isinstance(one, QLabel) else "link", where, wanted)
    for n, (one, where) in enumerate(found):
        for other, there in found[n + 1:]:
            assert not where.intersects(there), (one, where, other, there)
    assert max(where.bottom() for _one, where in found) <= panel.widget().height()


def open_history(hands: Any, person: str) -> Any:
    page = hands.page("members", member=person)
    hands.until(lambda: page.panel.tabs is not None and page.panel.shown_for() == person)
    page.panel.tabs.setCurrentIndex(1)
    hands.rest()
    return page.panel


def values(desk: Desk, person: str) -> int:
    from alumni_desk.segments.activity import past_values

    return len(past_values(desk, "person", person))


def test_lines_stay_apart_after_restore_undo_and_redo(hands: Any) -> None:
    person = member_rows(hands.desk)[0].id
    change_member(hands.desk, person, mobile="+1 312 555 0157", notes=LONG)
    change_member(hands.desk, person, mobile="+1 630 555 0119", notes="short")
    panel = open_history(hands, person)
    look(hands, panel, values(hands.desk, person))
    link = next(one for one in panel._history.findChildren(Link) if "0157" in one.accessibleName())
    QTest.mouseClick(link, Qt.MouseButton.LeftButton, pos=link.rect().center())
    hands.until(lambda: member(hands.desk, person).fields["mobile"] == "+1 312 555 0157")
    look(hands, panel, values(hands.desk, person))
    change_member(hands.desk, person, mobile="+1 773 555 0142")
    panel.history_wanted.emit()  # the same tab filled again, with another line
    look(hands, panel, values(hands.desk, person))
    for turn in (hands.room.undoing.undo, hands.room.undoing.redo):
        before = values(hands.desk, person)
        turn()
        hands.until(lambda before=before: values(hands.desk, person) > before)
        look(hands, panel, values(hands.desk, person))


def test_sixty_values_can_be_read(hands: Any) -> None:
    person = member_rows(hands.desk)[0].id
    for n in range(60):
        change_member(hands.desk, person, notes=f"{n} {LONG if n % 7 == 0 else 'short'}")
    panel = open_history(hands, person)
    look(hands, panel, values(hands.desk, person))
    more = next(one for one in panel._history.findChildren(Link) if "older" in one.text())
    assert more.text() == "Show 55 older values"
    QTest.mouseClick(more, Qt.MouseButton.LeftButton, pos=more.rect().center())
    look(hands, panel, values(hands.desk, person))
    assert sum(isinstance(one, Link) for one, _where in shown(panel)) == 59
    bar = panel.verticalScrollBar()
    bar.setValue(bar.maximum() // 2)
    before = bar.value()
    many = values(hands.desk, person)
    undo(hands.desk)  # by the command line, say
    assert values(hands.desk, person) == many + 1
    look(hands, panel, many + 1)
    assert abs(bar.value() - before) < 400


def test_the_keyboard_stays_at_a_value_while_others_change_another_field(hands: Any) -> None:
    person = member_rows(hands.desk)[0].id
    change_member(hands.desk, person, mobile="+1 312 555 0157")
    change_member(hands.desk, person, mobile="+1 630 555 0119")
    panel = open_history(hands, person)
    look(hands, panel, before := values(hands.desk, person))
    hands.shell.activateWindow()
    hands.until(hands.shell.isActiveWindow)
    link = next(one for one in panel._history.findChildren(Link) if "0157" in one.accessibleName())
    link.setFocus()
    changed = change_member(hands.desk, person, city="Lowell")
    hands.room.changes.changed.emit(changed.changed if hasattr(changed, "changed") else changed)
    hands.until(lambda: values(hands.desk, person) > before and not isValid(link))
    look(hands, panel, values(hands.desk, person))
    focused = QApplication.focusWidget()
    assert isinstance(focused, Link) and "0157" in focused.accessibleName()
