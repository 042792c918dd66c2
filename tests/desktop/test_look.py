"""Tokens hold what they promise, and painting follows the theme."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QImage, QPainter, QRawFont
from PySide6.QtWidgets import QApplication, QFileDialog, QToolButton, QWidget

from alumni_desk.desktop import fonts, icons
from alumni_desk.desktop.controls import Button, Choice, Radio, Tick
from alumni_desk.desktop.fonts import font_of, install_fonts, package_files, px
from alumni_desk.desktop.pages import Toast
from alumni_desk.desktop.theme import Appearance, style_sheet
from alumni_desk.desktop.tokens import DARK, DOOR_ADMITTED, DOOR_ALREADY_IN, DOOR_NEEDS_A_WORD, DOOR_REFUSED, LIGHT


def luminance(colour: str) -> float:
    def part(value: float) -> float:
        return value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4

    shade = QColor(colour)
    return 0.2126 * part(shade.redF()) + 0.7152 * part(shade.greenF()) + 0.0722 * part(shade.blueF())


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read_on_every_ground_it_stands_on(theme):
    pairs = [
        (theme.text, theme.bg), (theme.text, theme.side), (theme.text, theme.raised), (theme.text, theme.fill),
        (theme.muted, theme.bg), (theme.muted, theme.side), (theme.muted, theme.fill), (theme.muted, theme.selected),
        (theme.accent, theme.bg), (theme.on_accent, theme.accent), (theme.on_accent, theme.accent_down),
        (theme.selected_text, theme.selected), (theme.ok, theme.ok_soft), (theme.warn, theme.warn_soft),
        (theme.danger, theme.danger_soft), (theme.danger, theme.fill), (theme.bg, theme.text),
    ]  # fmt: skip
    assert [pair for pair in pairs if contrast(*pair) < 4.5] == []
    assert contrast(theme.border, theme.bg) >= 3 and contrast(theme.accent, theme.bg) >= 3


@pytest.mark.parametrize("door", [DOOR_ADMITTED, DOOR_ALREADY_IN, DOOR_REFUSED, DOOR_NEEDS_A_WORD])
def test_the_door_can_be_read_from_two_metres(door):
    assert contrast(door.ink, door.ground) >= 6.5 and contrast(door.ink, door.button) >= 6.5


def test_the_style_sheet_stays_small():
    assert len(style_sheet(LIGHT, 100).splitlines()) < 300
    assert "gradient" not in style_sheet(DARK, 150)


@pytest.mark.parametrize("text", ["Mei-Ling", "Wiśniewska", "Nguyễn Thị", "Þórdís", "Олена", "فاطمة", "נועה", "आरव", "มาลี", "ሰላም",
                                  "陳美玲", "佐藤", "김서연"])  # fmt: skip
def test_every_script_of_the_sample_has_a_face_among_ours(text, qapp):
    files = [*package_files("fontpkg_inter", "files/*.ttf"), *package_files("manimgx_fonts", "*.ttf"), *package_files("manimgx_fonts_cjk", "*.ttc")]
    faces = [QRawFont(str(file), 16) for file in files]
    assert all(any(face.supportsCharacter(ord(letter)) for face in faces) for letter in text if letter != " ")


def painted(name: str, side: int) -> QImage:
    image = QImage(side + 32, side + 32, QImage.Format.Format_ARGB32)
    image.fill(0)
    painter = QPainter(image)
    icons.paint_icon(painter, QRect(16, 16, side, side), name, "#000000")
    painter.end()
    return image


NAMES = ("sun-horizon users calendar-blank door identification-badge arrows-clockwise gear-six magnifying-glass check-circle clock "
         "x-circle hand-palm warning printer qr-code user-plus arrow-counter-clockwise users-three git-merge upload-simple funnel "
         "prohibit wifi-slash laptop lock-simple cake eye speaker-low hourglass note-pencil arrow-right key camera folder "
         "clipboard-text clock-counter-clockwise floppy-disk info paper-plane-tilt graduation-cap envelope-simple plus x check "
         "check-bold caret-down caret-up caret-left caret-right dots-three arrow-left").split()  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_an_icon_has_ink_and_stays_inside_its_box(name, qapp):
    image = painted(name, 64)
    inked = [(x, y) for x in range(96) for y in range(96) if image.pixelColor(x, y).alpha() > 40]
    assert len(inked) > 60
    assert all(16 <= x < 80 and 16 <= y < 80 for x, y in inked)


def test_qtawesome_itself_is_never_imported(qapp):
    import sys

    painted("users", 32)
    assert "qtawesome" not in sys.modules


def test_an_icon_follows_the_theme(qapp):
    appearance = Appearance(qapp, "light")
    light = icons.icon("users", "text").pixmap(32, 32).toImage()
    appearance.set_theme("dark")
    dark = icons.icon("users", "text").pixmap(32, 32).toImage()
    shades = [max((image.pixelColor(x, y) for x in range(32) for y in range(32)), key=QColor.alpha) for image in (light, dark)]
    appearance.set_theme("light")
    assert shades[0].lightness() < 60 and shades[1].lightness() > 200


@pytest.mark.parametrize("percent", [90, 110, 125, 150])
def test_measures_grow_with_the_text(qapp, percent):
    appearance = Appearance(qapp, "light")
    try:
        appearance.set_percent(percent)
        assert all(abs(px(measure) - measure * percent / 100) <= 0.51 for measure in range(1, 400))
        assert font_of("title").pixelSize() > font_of("body").pixelSize() > font_of("caption").pixelSize()
    finally:
        appearance.set_percent(100)


@pytest.mark.parametrize("kind", [Radio, Tick, Button])
def test_words_are_painted_spoken_and_known_alike(qapp, kind):
    one = kind("Before")
    before = one.sizeHint().width()
    one.setText("Afterwards & longer")
    assert one.accessibleName() == "Afterwards & longer" and one.text() == "Afterwards && longer"
    assert one.sizeHint().width() > before + px(30)
    first = one.grab().toImage()
    one.setText("Another thing & longer")
    one.resize(one.sizeHint())
    assert one.grab().toImage() != first


def test_the_count_of_a_radio_is_at_its_right_edge_and_spoken(qapp):
    one = Radio("Not yet printed")
    one.resize(300, 30)
    plain = one.grab().toImage()
    one.set_count("22")
    one.set_count("23")
    assert one.accessibleName() == "Not yet printed · 23"
    shown = one.grab().toImage()
    assert shown.copy(0, 0, 200, 30) == plain.copy(0, 0, 200, 30)
    assert shown.copy(260, 0, 40, 30) != plain.copy(260, 0, 40, 30)


@pytest.mark.parametrize("kind", [Radio, Tick])
def test_the_focus_ring_keeps_clear_of_the_mark(qtbot, kind):
    window = QWidget()
    one = kind("Some words", window)
    one.resize(one.sizeHint())
    qtbot.addWidget(window)
    window.show()
    plain = one.grab().toImage()
    window.activateWindow()
    one.setFocus()
    qtbot.waitUntil(one.hasFocus)
    focused = one.grab().toImage()
    mark = (0, 0, px(1 + 18) + 1, one.height())
    assert focused.copy(*mark) == plain.copy(*mark) and focused != plain


def test_a_long_choice_is_shortened_with_dots_and_said_in_full(qapp):
    from PySide6.QtWidgets import QStyleOptionComboBox

    box = Choice("Gathering", [("a", "Autumn Reception of the whole chapter and all its friends")])
    box.resize(px(160), px(32))
    option = QStyleOptionComboBox()
    box.initStyleOption(option)
    assert option.currentText.endswith("…") and box.currentText().endswith("friends")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_keys_in_a_toast_can_be_read(qapp, theme):
    appearance = Appearance(qapp, theme)
    toast = Toast(window := QWidget())
    window.resize(600, 300)
    window.show()
    toast.say("Ana was changed", "Undo", lambda: None, "Ctrl Z")
    picture = toast.grab().toImage()
    place = toast.keys.geometry()
    ratio = picture.devicePixelRatio()
    across, down = range(place.left(), place.right()), range(place.top(), place.bottom())
    seen = {picture.pixelColor(round(x * ratio), round(y * ratio)).name() for x in across for y in down}
    ground = appearance.colours().text
    assert max(contrast(ground, one) for one in seen) >= 4.5
    window.close()
    appearance.set_theme("light")


@pytest.mark.parametrize("percent", [90, 100, 150])
def test_an_opened_choice_shows_all_of_its_entries(qapp, qtbot, percent):
    appearance = Appearance(qapp, "light", percent)
    window = QWidget()
    window.resize(600, 400)
    box = Choice("Lock after", [(str(n), f"{n} minutes") for n in range(8)], window)
    box.set_key("2")
    box.resize(px(144), px(32))
    qtbot.addWidget(window)
    window.show()
    box.showPopup()
    view = box.view()
    qtbot.waitUntil(view.isVisible)
    for row in range(8):
        assert view.viewport().rect().contains(view.visualRect(box.model().index(row, 0))), row
    around = view.window().rect()
    assert view.geometry().top() <= px(8) and around.bottom() - view.geometry().bottom() <= px(8)  # and no arrow stands beside them
    box.hidePopup()
    appearance.set_percent(100)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_tools_of_a_file_dialog_can_be_seen(qapp, qtbot, theme):
    appearance = Appearance(qapp, theme)
    chooser = QFileDialog()
    chooser.setOption(QFileDialog.Option.DontUseNativeDialog)
    qtbot.addWidget(chooser)
    chooser.show()
    tools = [tool for tool in chooser.findChildren(QToolButton) if tool.isVisible() and tool.isEnabled() and not tool.icon().isNull()]
    assert len(tools) >= 4
    for tool in tools:
        picture = tool.grab().toImage()
        ground = picture.pixelColor(picture.width() // 2, 4).name()
        seen = {picture.pixelColor(x, y).name() for x in range(6, picture.width() - 6) for y in range(6, picture.height() - 6)}
        assert max(contrast(ground, one) for one in seen) >= 3, tool.objectName()
    appearance.set_theme("light")


def test_the_fonts_are_made_known_once(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time that Qt is told again it takes longer to find the face of a script."""
    families = install_fonts()
    monkeypatch.setattr(fonts.QFontDatabase, "addApplicationFont", lambda path: pytest.fail(f"{Path(path).name} is made known again"))
    assert install_fonts() == families and "Inter" in families
