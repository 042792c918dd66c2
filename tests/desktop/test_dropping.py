"""A file that is dropped on the window is opened by what is in it, whatever it is called and whichever page is shown; of others it is said what they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from tests.desktop.conftest import Hands

from alumni_desk.desktop.carrying import is_ours
from alumni_desk.desktop.import_sheet import ImportSheet
from alumni_desk.store import backup, backup_head
from alumni_desk.sync.venue.files import HANDOUT, PARCELS


def drop(hands: Hands, *files: Path) -> bool:
    """Drag files over the window and let them go; whether it takes them."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    over = QDragEnterEvent(QPoint(300, 300), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    over.ignore()
    hands.shell.dragEnterEvent(over)
    if over.isAccepted():
        hands.shell.dropEvent(QDropEvent(QPointF(300, 300), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier))
    return over.isAccepted()


def test_a_backup_is_known_by_what_is_in_it(hands: Hands, tmp_path: Path) -> None:
    made = backup.by_itself(hands.desk.profile, hands.desk.key, "daily")
    file = tmp_path / "saved on Monday.bak"
    file.write_bytes(made.read_bytes())
    hands.page("today")
    assert drop(hands, file)
    hands.until(lambda: hands.shell.current().name == "restore")
    hands.rest()


@pytest.mark.parametrize("page", ["today", "members"])
def test_a_list_leads_to_its_import_from_every_page(hands: Hands, tmp_path: Path, page: str) -> None:
    file = tmp_path / "list"
    file.write_text("First name,Last name,Class year\nMei,Wong,1999\n")
    hands.page(page)
    assert drop(hands, file)
    sheet = hands.dialog(ImportSheet)
    hands.rest()
    assert hands.shell.current().name == "members"
    sheet.reject()


def test_of_others_it_is_said_what_they_are(hands: Hands, tmp_path: Path) -> None:
    picture, folder, other = tmp_path / "photo.jpg", tmp_path / "photos", tmp_path / "tune"
    picture.write_bytes(b"\xff\xd8\xff\xe0" + bytes(400))
    folder.mkdir()
    other.write_bytes(bytes(range(256)) * 8)
    hands.page("today")
    for file, words in ((picture, "photo.jpg is a picture"), (folder, "photos is a folder"), (other, "tune is not a text file"),
                        (tmp_path / "away.csv", "no file")):
        assert drop(hands, file)
        hands.until(lambda words=words: words in hands.shell.toast.words.text())
    assert not hands.open_dialogs(ImportSheet) and hands.shell.current().name == "today"


def test_of_several_our_own_is_opened_and_the_others_are_named(hands: Hands, tmp_path: Path) -> None:
    made = backup.by_itself(hands.desk.profile, hands.desk.key, "daily")
    file, table = tmp_path / "copy", tmp_path / "list.csv"
    file.write_bytes(made.read_bytes())
    table.write_text("First name\nMei\n")
    assert drop(hands, table, file)
    hands.until(lambda: hands.shell.current().name == "restore")
    hands.until(lambda: "One file at a time: open list.csv after this." in hands.shell.toast.words.text())
    hands.rest()


def test_nothing_is_dropped_on_a_locked_window(hands: Hands, tmp_path: Path) -> None:
    hands.room.lock.lock()
    assert not drop(hands, tmp_path)


def test_what_is_ours(tmp_path: Path) -> None:
    for number, (content, name, ours) in enumerate(((PARCELS + b"x", "a.bin", True), (HANDOUT, "b", True), (backup_head.FORMER, "c", True),
                                                    (b'{"alumni_desk": "invitation", "code"', "d.json", True), (b"{}", "e.json", False), (b"", "f", False),
                                                    (b"Dear all", "g.alumnidesk", True))):  # fmt: skip
        file = tmp_path / f"{number} {name}"
        file.write_bytes(content)
        assert is_ours(file) is ours, name
    assert not is_ours(tmp_path)
