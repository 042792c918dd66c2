"""The square code of a laptop that shares, out of a picture, the clipboard, a drop or a camera; and either code in the other's form."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSize, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from tests.desktop.test_join_pictures import URL, drawn, photographed

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import Button, Field
from alumni_desk.desktop.join_form import JoinForm
from alumni_desk.desktop.join_laptop_sheet import JoinLaptopForm
from alumni_desk.protocol.codes import long_invitation, new_invitation, new_venue_code, read_venue_code, short_invitation
from alumni_desk.sync import inviting
from alumni_desk.sync.inviting import Invitation, qr_text
from alumni_desk.sync.venue.finding import Found, Search
from alumni_desk.sync.venue.places import read_place, read_qr

AT = "192.168.1.7:7807"


def all_words(widget: QWidget) -> str:
    """Everything that is to be read."""
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget))


def link(widget: QWidget, says: str) -> Button:
    """The one button with these words that can be seen."""
    [found] = [one for one in widget.findChildren(Button) if one.isVisibleTo(widget) and one.text() == says]
    return found


@pytest.fixture
def code() -> str:
    return new_venue_code()


@pytest.fixture
def square(code: str, qtbot: Any) -> QImage:
    """The code as the Sync page of a laptop that shares shows it."""
    return drawn(f"alumnidesk://laptop?at={AT}&code={code}", qtbot)


@pytest.fixture
def invitation() -> Invitation:
    return Invitation("id", long_invitation(new_invitation(), bytes(range(10))), URL, "2026-12-01T00:00:00Z", "Boston", "leader", None, None, None)


@pytest.fixture
def form(lanes: Lanes, qtbot: Any) -> JoinLaptopForm:
    made = JoinLaptopForm(lambda then, failed: None, lanes)
    qtbot.addWidget(made)
    return made


@pytest.fixture
def is_filled(form: JoinLaptopForm, code: str, qtbot: Any) -> Callable[[], None]:
    def check() -> None:
        qtbot.waitUntil(lambda: bool(form.code.text()), timeout=15_000)
        assert (form.address.text(), read_venue_code(form.code.text()), form.missing) == (AT, read_venue_code(code), "")
        assert form.code_row.below.text() == ""
    return check


def drop(onto: QWidget, data: QMimeData) -> bool:
    """Drag over a form and let go; whether it takes it."""
    over = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    over.ignore()
    QApplication.sendEvent(onto, over)
    if over.isAccepted():
        QApplication.sendEvent(onto, QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier))
    return over.isAccepted()


@pytest.mark.parametrize("turn", [0, 183])
def test_a_photo_of_a_laptops_code_fills_the_form(form: JoinLaptopForm, square: QImage, tmp_path: Path, is_filled: Callable[[], None], turn: float) -> None:
    file = tmp_path / "photo.jpg"
    assert photographed(square, QSize(1283, 723), turn).save(str(file), None, 85)
    form.ways.take_file(file)
    is_filled()


def test_a_picture_in_the_clipboard_is_pasted(form: JoinLaptopForm, square: QImage, is_filled: Callable[[], None]) -> None:
    QGuiApplication.clipboard().setImage(square)
    link(form, "Paste").click()
    is_filled()


@pytest.mark.parametrize("field", ["code", "address"])
@pytest.mark.parametrize("what", ["picture", "text"])
def test_ctrl_v_in_a_field_fills_the_form(form: JoinLaptopForm, square: QImage, code: str, is_filled: Callable[[], None], field: str, what: str) -> None:
    if what == "picture":
        QGuiApplication.clipboard().setImage(square)
    else:
        QGuiApplication.clipboard().setText(f" alumnidesk://laptop?at={AT}&code={code}\n")
    QTest.keyClick(getattr(form, field), Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    is_filled()


def test_other_words_are_pasted_into_the_field_that_has_the_focus(form: JoinLaptopForm) -> None:
    QGuiApplication.clipboard().setText("192.168.1.9")
    QTest.keyClick(form.address, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert form.address.text() == "192.168.1.9" and form.code.text() == ""


@pytest.mark.parametrize("what", ["file", "picture", "text"])
def test_what_is_dropped_fills_the_form(form: JoinLaptopForm, square: QImage, code: str, tmp_path: Path, is_filled: Callable[[], None], what: str) -> None:
    data = QMimeData()
    if what == "file":
        assert square.save(str(tmp_path / "square.png"))
        data.setUrls([QUrl.fromLocalFile(str(tmp_path / "square.png"))])
    elif what == "picture":
        data.setImageData(square)
    else:
        data.setText(f"alumnidesk://laptop?at={AT}&code={code}")
    assert not any(field.acceptDrops() for field in form.findChildren(Field)), "it would stand there as its address"
    assert form.acceptDrops() and drop(form, data)
    is_filled()


def test_nothing_else_is_dropped(form: JoinLaptopForm) -> None:
    data = QMimeData()
    data.setData("application/x-thing", b"x")
    assert not drop(form, data)


@pytest.mark.parametrize(("what", "says"), [("other", "not one of a laptop"), ("nothing", "no square code"), ("letter", "no picture of")])
def test_what_is_no_laptops_code_is_said(form: JoinLaptopForm, qtbot: Any, tmp_path: Path, what: str, says: str) -> None:
    file = tmp_path / ("letter.alumnidesk" if what == "letter" else "photo.png")
    if what == "letter":
        file.write_text("Dear all")
    elif what == "other":
        assert drawn("https://[example", qtbot).save(str(file))
    else:
        empty = QImage(400, 300, QImage.Format.Format_RGB32)
        empty.fill(0xFF8A8577)
        assert empty.save(str(file))
    form.ways.take_file(file)
    qtbot.waitUntil(lambda: says in form.code_row.below.text(), timeout=15_000)
    assert form.address.text() == form.code.text() == ""


def test_the_camera_fills_the_form(form: JoinLaptopForm, square: QImage, qtbot: Any, is_filled: Callable[[], None]) -> None:
    assert form.ways.camera.isHidden() == (find_spec("PySide6.QtMultimedia") is None)
    QVideoFrame = pytest.importorskip("PySide6.QtMultimedia", exc_type=ImportError, reason="the extra camera is not installed").QVideoFrame

    from alumni_desk.desktop.camera_sheet import CameraSheet

    form.show()
    form.ways.camera.click()
    [sheet] = [one for one in QApplication.topLevelWidgets() if isinstance(one, CameraSheet)]
    sheet.sink.setVideoFrame(QVideoFrame(photographed(drawn("https://example.org", qtbot), QSize(640, 480), 3)))
    qtbot.waitUntil(lambda: "not one of a laptop" in sheet.said.text(), timeout=15_000)
    sheet._shown_at = 0.0
    sheet.sink.setVideoFrame(QVideoFrame(photographed(square, QSize(640, 480), 3)))
    is_filled()


@pytest.mark.parametrize("way", ["picture", "text", "letter", "file"])
def test_an_invitation_in_a_laptops_form_leads_to_where_it_belongs(
        form: JoinLaptopForm, invitation: Invitation, qtbot: Any, tmp_path: Path, way: str) -> None:  # fmt: skip
    if way == "picture":
        assert drawn(qr_text(invitation.url, invitation.code), qtbot).save(str(tmp_path / "square.png"))
        form.ways.take_file(tmp_path / "square.png")
    elif way == "file":
        form.ways.take_file(inviting.save(invitation, tmp_path / "Hana.alumnidesk"))
    else:
        form.paste(qr_text(invitation.url, invitation.code) if way == "text" else f"Code: {invitation.code}\nServer: {URL}\n")
    qtbot.waitUntil(lambda: "It is for “Join with an invitation”" in all_words(form), timeout=15_000)
    assert form.code.nextInFocusChain() is form.code_row.way_out
    with qtbot.waitSignal(form.invited) as asked:
        link(form, "Join with that invitation").click()
    assert tuple(asked.args) == (URL, short_invitation(invitation.code) if way == "letter" else invitation.code)
    form.paste(new_venue_code())
    assert "invitation" not in all_words(form)


@pytest.mark.parametrize("way", ["picture", "text"])
def test_a_laptops_code_in_the_form_of_an_invitation_leads_to_where_it_belongs(lanes: Lanes, qtbot: Any, code: str, square: QImage, way: str) -> None:
    asked: list[str] = []
    form = JoinForm("Laptop", lanes=lanes, to_laptop=asked.append)
    qtbot.addWidget(form)
    if way == "picture":
        data = QMimeData()
        data.setImageData(square)
        assert drop(form, data)
    else:
        form.take_text(f"alumnidesk://laptop?at={AT}&code={code}")
    qtbot.waitUntil(lambda: "It is for “Join a laptop that shares”" in all_words(form), timeout=15_000)
    assert form.code.groups[-1].nextInFocusChain() is form.verdict.way_out
    link(form, "Join that laptop").click()
    assert [read_qr(one) for one in asked] == [(AT, code)]
    form.code.fill(new_invitation())
    assert "laptop that shares" not in all_words(form) and form.verdict.way_out is None


def test_where_no_laptop_can_be_joined_its_code_leads_to_a_leader(lanes: Lanes, qtbot: Any, code: str) -> None:
    form = JoinForm("Laptop", lanes=lanes)
    qtbot.addWidget(form)
    form.take_text(f"alumnidesk://laptop?at={AT}&code={code}")
    assert "Ask a leader of the chapter" in all_words(form) and form.verdict.way_out is None


def test_ticked_is_the_laptop_whose_address_stands_in_the_field_and_no_other(form: JoinLaptopForm) -> None:
    def found(*places: str) -> None:
        form._came(Search(tuple(Found("laptop", read_place(place), ours=True, reachable=True) for place in places), None, ""))

    def ticked() -> list[str]:
        return [address for address, radio in form.radios.items() if radio.isChecked()]

    found(AT)
    [radio] = form.radios.values()
    assert ticked() == [AT] and form.address.text() == AT
    radio.click()
    assert ticked() == [AT] and form.address.text() == AT, "a click on what is ticked is no no"
    form.address.selectAll()
    QTest.keyClicks(form.address, "192.168.1.9:7807")
    assert ticked() == []
    radio.click()
    assert ticked() == [AT] and form.address.text() == AT
    found(AT, "192.168.1.8:7807")
    assert ticked() == [AT]
    list(form.radios.values())[1].click()
    assert ticked() == ["192.168.1.8:7807"] == [form.address.text()]
