"""Members while there is nobody: add by hand, drop a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent

from alumni_desk.desktop.app import build
from alumni_desk.desktop.import_sheet import ImportSheet
from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.desktop.members_empty import MembersEmpty
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import member_rows
from alumni_desk.store import recovery
from alumni_desk.store.desk import Desk
from alumni_desk.store.undo import redo, undo

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


def test_a_dropped_file_is_imported(nobody: Any, tmp_path: Path) -> None:
    nobody.page("members")
    file = tmp_path / "list.tsv"
    file.write_text(TABLE)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file))])
    drop = QDropEvent(QPointF(300, 300), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    assert nobody.shell.acceptDrops()
    nobody.shell.dropEvent(drop)  # Qt itself passes a drop on only after a drag that it has seen
    assert drop.isAccepted()
    lead_through(nobody)
    assert [row.name for row in member_rows(nobody.desk)] == ["Mei Wong"]


def test_a_member_is_added_by_hand(nobody: Any) -> None:
    page = nobody.page("members")
    page.findChild(MembersEmpty).links[0].click()
    nobody.dialog(MemberForm).reject()


def test_who_comes_back_or_comes_from_elsewhere_is_shown_without_a_restart(nobody: Any) -> None:
    page = nobody.page("members")

    def is_empty() -> bool:
        return bool(page.findChildren(MembersEmpty))

    nobody.until(is_empty)
    for do, empty in ((lambda: add_member(nobody.desk, first_name="Jana", last_name="Test"), False), (lambda: undo(nobody.desk), True),
                      (lambda: redo(nobody.desk), False)):
        nobody.room.changes.tell(do().changed)
        nobody.until(lambda empty=empty: is_empty() == empty)
        nobody.rest()
    assert page.table_model.rowCount() == 1
