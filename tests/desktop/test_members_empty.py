"""Members while there is nobody: paste, add by hand, drop a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtTest import QTest

from alumni_desk.desktop.app import build
from alumni_desk.desktop.import_sheet import ImportSheet
from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.desktop.members_empty import PASTED, MembersEmpty
from alumni_desk.members.lists import member_rows
from alumni_desk.store import recovery
from alumni_desk.store.desk import Desk

TABLE = "First Name\tLast Name\tClass Year\nMei\tWong\t2001\n"


@pytest.fixture
def nobody(desk: Desk, hands_of: Callable[..., Any]) -> Iterator[Any]:
    recovery.recovery_key(desk)
    recovery.note_read_back(desk)
    room = build(desk, theme="light")
    room.shell.resize(1280, 800)
    room.shell.show()
    room.shell.activateWindow()
    made = hands_of(room)
    yield made
    made.rest()
    room.close()
    room.shell.close()
    room.shell.deleteLater()


def lead_through(hands: Any) -> None:
    sheet = hands.dialog(ImportSheet)
    hands.until(lambda: sheet._at == 1 and sheet.next.isVisible())
    sheet._next()
    hands.until(lambda: sheet._at == 2 and sheet.next.isVisible())
    hands.click(sheet.next)
    hands.until(lambda: not hands.open_dialogs(ImportSheet))
    hands.rest()


def test_a_copied_table_is_pasted_and_leaves_no_file(nobody: Any) -> None:
    page = nobody.page("members")
    empty = page.findChild(MembersEmpty)
    assert empty.isVisible()
    QGuiApplication.clipboard().setText("one word")
    empty.links[0].click()
    assert "no table" in nobody.shell.toast.words.text()
    QGuiApplication.clipboard().setText(TABLE)
    QTest.keyClick(nobody.shell, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert (nobody.desk.profile.path / PASTED).exists()
    lead_through(nobody)
    assert [(row.name, row.class_year) for row in member_rows(nobody.desk)] == [("Mei Wong", 2001)]
    assert not (nobody.desk.profile.path / PASTED).exists()


def test_a_dropped_file_is_imported(nobody: Any, tmp_path: Path) -> None:
    page = nobody.page("members")
    file = tmp_path / "list.tsv"
    file.write_text(TABLE)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file))])
    drop = QDropEvent(QPointF(300, 300), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    assert page.acceptDrops()
    page.dropEvent(drop)  # Qt itself passes a drop on only after a drag that it has seen
    assert drop.isAccepted()
    lead_through(nobody)
    assert [row.name for row in member_rows(nobody.desk)] == ["Mei Wong"]


def test_a_member_is_added_by_hand(nobody: Any) -> None:
    page = nobody.page("members")
    page.findChild(MembersEmpty).links[1].click()
    nobody.dialog(MemberForm).reject()
