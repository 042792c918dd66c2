"""An invitation out of a picture, the clipboard or a camera."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter, QTransform
from PySide6.QtWidgets import QApplication

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.join_form import JoinForm
from alumni_desk.desktop.qr_reading import SIDE, codes_in, endings, picture_in
from alumni_desk.desktop.qr_view import QrView
from alumni_desk.errors import BadInput
from alumni_desk.protocol.codes import long_invitation, new_invitation, read_invitation, short_invitation
from alumni_desk.sync.inviting import Invitation

URL = "https://desk.example.org:8443"


@pytest.fixture
def code() -> str:
    return long_invitation(new_invitation(), bytes(range(10)))


@pytest.fixture
def square(code: str, qtbot: Any) -> QImage:
    """The code as the Invite sheet shows it."""
    return drawn(Invitation("id", code, URL, "2026-12-01T00:00:00Z", "Boston", "leader", None, None, None).qr, qtbot)


def drawn(text: str, qtbot: Any) -> QImage:
    view = QrView("Code", 240)
    qtbot.addWidget(view)
    view.show_text(text)
    return view.grab().toImage()


def photographed(square: QImage, size: QSize, turn: float) -> QImage:
    """The code somewhere in a larger, darker picture, turned."""
    photo = QImage(size, QImage.Format.Format_RGB32)
    photo.fill(QColor("#8A8577"))
    painter = QPainter(photo)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    turned = square.transformed(QTransform().scale(1.3, 1.3).rotate(turn), Qt.TransformationMode.SmoothTransformation)
    painter.drawImage((size.width() - turned.width()) // 3, (size.height() - turned.height()) // 3, turned)
    painter.end()
    return photo


@pytest.fixture
def form(lanes: Lanes, qtbot: Any) -> JoinForm:
    made = JoinForm("Laptop", lanes=lanes)
    qtbot.addWidget(made)
    return made


@pytest.fixture
def is_filled(form: JoinForm, code: str, qtbot: Any) -> Callable[[], None]:
    def check() -> None:
        qtbot.waitUntil(lambda: bool(form.server.text()))
        assert form.server.text() == URL and read_invitation(form.code.text()) == short_invitation(code)
        sent: list[str] = []
        form.joined.connect(lambda url, code, laptop, carry: sent.append(code))
        form._join()
        assert sent == [code]  # whole, with the server's seal
    return check


@pytest.mark.parametrize("turn", [0, 7, 90, 183])
@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_a_photo_of_the_code_fills_the_form(form: JoinForm, square: QImage, tmp_path: Path, is_filled: Callable[[], None], turn: float, ending: str) -> None:
    file = tmp_path / f"photo.{ending}"
    assert photographed(square, QSize(1283, 723), turn).save(str(file), None, 85)  # an odd width: lines are padded
    form.take_file(file)
    is_filled()


def test_a_large_photo_is_read_smaller(square: QImage, tmp_path: Path, form: JoinForm, is_filled: Callable[[], None]) -> None:
    file = tmp_path / "photo.jpg"
    assert photographed(square.scaled(1400, 1400), QSize(4032, 3024), 4).save(str(file))
    assert max(picture_in(file).width(), picture_in(file).height()) == SIDE
    form.take_file(file)
    is_filled()


def test_a_picture_that_is_clear_round_the_code(square: QImage, qtbot: Any) -> None:
    clear = QImage(square.size(), QImage.Format.Format_ARGB32)
    clear.fill(Qt.GlobalColor.transparent)
    for x in range(square.width()):
        for y in range(square.height()):
            if square.pixelColor(x, y).lightness() < 100:
                clear.setPixelColor(x, y, QColor("#000000"))
    assert codes_in(clear) == codes_in(square) != []


def test_a_picture_in_the_clipboard_is_pasted(form: JoinForm, square: QImage, is_filled: Callable[[], None]) -> None:
    QGuiApplication.clipboard().setImage(square)
    form.ways.paste()
    is_filled()


@pytest.mark.parametrize(("what", "says"), [("text", "not an invitation"), ("nothing", "no square code"), ("torn", "cannot be read as a picture")])
def test_what_is_no_invitation_is_said(form: JoinForm, qtbot: Any, tmp_path: Path, what: str, says: str) -> None:
    file = tmp_path / "photo.png"
    if what == "torn":
        file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    else:
        empty = QImage(400, 300, QImage.Format.Format_RGB32)
        empty.fill(QColor("#8A8577"))
        (drawn("https://example.org", qtbot) if what == "text" else empty).save(str(file))
    form.take_file(file)
    qtbot.waitUntil(lambda: says in form.verdict._words.text())
    assert form.server.text() == "" and "".join(one.text() for one in form.code.groups) == ""


def test_a_picture_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bomb.pbm"
    file.write_bytes(b"P6 60000 60000 255\n")
    with pytest.raises(BadInput):
        picture_in(file)


def test_only_pictures_count_as_pictures() -> None:
    assert {"png", "jpg", "webp"} <= set(endings()) and not {"pdf", "svg", "alumnidesk"} & set(endings())


def test_without_qts_multimedia_part_no_camera_is_offered(form: JoinForm) -> None:
    assert form.ways.camera.isHidden() == (find_spec("PySide6.QtMultimedia") is None)


def test_the_camera_fills_the_form(form: JoinForm, square: QImage, qtbot: Any, is_filled: Callable[[], None]) -> None:
    QVideoFrame = pytest.importorskip("PySide6.QtMultimedia", exc_type=ImportError, reason="the extra camera is not installed").QVideoFrame

    from alumni_desk.desktop.camera_sheet import CameraSheet

    form.show()
    form.ways.camera.click()
    [sheet] = [one for one in QApplication.topLevelWidgets() if isinstance(one, CameraSheet)]
    assert "No camera was found" in sheet.said.text()
    sheet.sink.setVideoFrame(QVideoFrame(photographed(drawn("https://example.org", qtbot), QSize(640, 480), 3)))
    qtbot.waitUntil(lambda: "not an invitation" in sheet.said.text())
    sheet._shown_at = 0.0
    sheet.sink.setVideoFrame(QVideoFrame(photographed(square, QSize(640, 480), 3)))
    is_filled()
    qtbot.waitUntil(lambda: not shiboken6.isValid(sheet))
