"""The member list on screen: what it keeps laid out looks as if painted anew, it is painted once an answer, and never answers what was typed before."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from alumni_desk.desktop import members_list, members_page
from alumni_desk.desktop.dates import day_short
from alumni_desk.desktop.delegates import paint_person
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.members_list import MembersList
from alumni_desk.desktop.members_table import MembersTable, Shown, status_pill
from alumni_desk.desktop.paint import paint_pill, paint_text
from alumni_desk.desktop.theme import Appearance
from alumni_desk.desktop.tokens import ROW, Colours
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import MemberRow
from alumni_desk.segments.lists import Expected, Seen

DAY = date(2026, 11, 10)


def line(number: int, name: str, **more: Any) -> Shown:
    seen, expected = more.pop("seen", None), more.pop("expected", None)
    values: dict[str, Any] = {
        "other_script_name": None, "disc": "’98", "class_year": 1998, "class_label": "BMus 1998", "city": "Oak Park", "email": None, "email_fails": False,
        "several_emails": False, "solicit_codes": (), "deceased": False, "standing": "member"}
    return Shown(MemberRow(id=str(number), name=name, **(values | more)), seen, expected)


LINES = [line(number, name, **more) for number, (name, more) in enumerate([
    ("Ada Obi", {"seen": Seen("g", "Dinner", DAY)}), ("Łukasz Żółć", {"deceased": True}), ("Li Chen", {"other_script_name": "陈丽", "disc": ""}),
    ("Yusuf Khoury", {"other_script_name": "يوسف خوري", "solicit_codes": ("do_not_contact",)}), ("דוד לוי", {"city": "תל אביב", "email_fails": True}),
    ("Olúfẹ́mi Adébáyọ̀", {"city": None, "class_label": ""}), ("Vũ Thị Hằng", {"class_label": "Parent ’23"}),
    ("Maximiliana Wilhelmina Theodora von Hohenstein-Schwarzenfels", {"several_emails": True}),
    ("Ngô Ô̂ng", {"city": "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch"}), ("(x) 12.", {"expected": Expected("g", "Dinner", DAY, "yes")})])]


def painted_anew(view: MembersList, colours: Colours) -> QImage:
    """The same lines cell by cell, nothing kept."""
    picture = QImage(view.viewport().size(), QImage.Format.Format_RGB32)
    picture.fill(QColor(colours.bg))
    with QPainter(picture) as painter:
        for number, shown in enumerate(LINES):
            selected = view.selectionModel().isSelected(view.model().index(number, 0))
            height, top = view.rowHeight(number), view.rowViewportPosition(number)
            boxes = [QRectF(view.columnViewportPosition(one), top, view.columnWidth(one) - px(8), height) for one in range(5)]
            ground = QRectF(0, top, picture.width(), height)
            painter.fillRect(ground if selected else QRectF(0, top + height - 1, picture.width(), 1), QColor(colours.selected if selected else colours.line))
            row, pill = shown.row, status_pill(shown)
            person = (row.disc or " ", row.name, row.other_script_name or "")
            paint_person(painter, boxes[0].adjusted(px(24), 0, 0, 0), person, colours, selected=selected)
            for box, text, ink in zip(boxes[1:4], (row.class_label, row.city or "", day_short(shown.seen.day) if shown.seen else ""),
                                      (colours.text, colours.text, colours.muted), strict=True):
                paint_text(painter, box, text, ink)
            if pill is not None:
                paint_pill(painter, boxes[4], pill, colours)
    return picture


@pytest.mark.parametrize(("theme", "percent", "width"), [("light", 100, 900), ("dark", 100, 900), ("light", 125, 900), ("light", 90, 420)])
def test_what_is_kept_looks_as_if_painted_anew(qapp: Any, qtbot: Any, theme: Any, percent: int, width: int) -> None:
    appearance = Appearance(qapp, theme, percent)
    table = MembersTable()
    view = MembersList(table)
    qtbot.addWidget(view)
    view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.resize(width, 600)
    table.begin([shown.row.id for shown in LINES], LINES)
    view.show()
    view.selectRow(1)
    for _turn in range(2):  # laid out, then kept
        for row in (0, 4):
            shown = view.viewport().grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
            assert shown == painted_anew(view, appearance.colours()), f"with line {row} about to be chosen"
            view.selectRow(row)
    Appearance(qapp, "light", 100)


@pytest.mark.parametrize("kept", [4, 11, 12])  # fewer than are seen; so few that nearly each that is chosen takes the place of another
def test_as_many_lines_as_are_kept_the_list_looks_the_same(qapp: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    appearance = Appearance(qapp, "light", 100)
    monkeypatch.setattr(members_list, "KEPT", kept * (900 + members_list.SPARE) * px(ROW) * 4)
    table = MembersTable()
    view = MembersList(table)
    qtbot.addWidget(view)
    view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.resize(900, 600)
    table.begin([shown.row.id for shown in LINES], LINES)
    view.show()
    for row in (1, 2, 3, 2, 8, 1, 0):
        view.selectRow(row)
        shown = view.viewport().grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
        assert shown == painted_anew(view, appearance.colours()), f"with line {row} chosen"


def test_what_was_painted_is_not_painted_again(qapp: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    painted: list[Shown | None] = []
    line_of = members_list._Words._line

    def counted(words: Any, painter: QPainter, top: int, one: Any) -> None:
        painted.append(one[0])
        line_of(words, painter, top, one)

    monkeypatch.setattr(members_list._Words, "_line", counted)
    table = MembersTable()
    view = MembersList(table)
    qtbot.addWidget(view)
    view.resize(900, 600)
    table.begin([shown.row.id for shown in LINES], LINES)
    view.show()
    view.viewport().grab()
    assert painted == LINES
    painted.clear()
    other = line(99, "Zoe Obi")
    table.begin(["3", "99", "0"], [replace(LINES[3]), other, LINES[0]])
    view.viewport().grab()
    assert painted == [other]


def test_only_what_is_seen_is_looked_up_at_once(hands: Any) -> None:
    page = hands.page("members")
    hands.until(lambda: page._counted)
    page.list.resize(page.list.width(), 300)
    assert 300 // page.list.rowHeight(0) - 1 <= page.list.lines_seen() <= 300 // page.list.rowHeight(0) + 2


def test_what_the_foot_says_lays_nothing_out_anew(hands: Any) -> None:
    page = hands.page("members")
    hands.until(lambda: page._counted)
    hands.rest()
    asked: list[str] = []

    class Requests(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.LayoutRequest and watched is page:
                asked.append(page.foot.text())
            return False

    requests = Requests()
    QApplication.instance().installEventFilter(requests)  # type: ignore[union-attr]
    for words in ("One", "One member and another, and some more", ""):
        page.foot.setText(words)
        hands.rest()
    QApplication.instance().removeEventFilter(requests)  # type: ignore[union-attr]
    assert not asked and page.foot.width() > px(400)


class Paints(QObject):
    def __init__(self, view: MembersList) -> None:
        super().__init__()
        self.count = 0
        view.viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.Paint
        return False


def test_an_answer_is_painted_once(hands: Any) -> None:
    for number in range(60):  # more than a window holds, so that no scroll bar comes or goes
        add_member(hands.desk, first_name="Zoe", last_name=f"Kowal{chr(97 + number % 26)}{chr(97 + number // 26)}")
    page = hands.page("members")
    hands.until(lambda: page._counted)
    hands.room.watch.look()  # what was added above is news to it, and the list is painted anew for that
    hands.rest()
    paints = Paints(page.list)
    page.search.setText("kow")
    hands.until(lambda: page._asked == "kow" and page._counted)
    hands.rest()
    assert paints.count == 1


def test_no_answer_to_what_was_typed_before_is_shown(hands: Any) -> None:
    page = hands.page("members")
    answers: list[tuple[str, str]] = []
    page.table_model.modelReset.connect(lambda: answers.append((page._asked, page.search.text())))
    for letter in "obi":
        QTest.keyClicks(page.search, letter)
    hands.until(lambda: page._asked == "obi" and page._counted)
    QTest.keyClick(page.search, Qt.Key.Key_Backspace)
    QTest.keyClicks(page.search, "x")
    hands.until(lambda: page._asked == "obx")
    hands.rest()
    assert answers and all(asked == text for asked, text in answers)


def test_who_is_passed_by_is_not_looked_up_in_detail(hands: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members_page, "WALK_MS", 10_000)
    page = hands.page("members")
    page._walk.setInterval(10_000)
    hands.until(lambda: page._counted)
    page._to_list()
    hands.until(lambda: page.panel.isVisible())
    first = page.panel.shown_for()
    for _step in range(2):
        QTest.keyClick(page.list, Qt.Key.Key_Down)
        hands.rest()
    assert page.panel.shown_for() == first and page.selected() != [first]
    page._walk.setInterval(0)
    page._walk.start()
    hands.until(lambda: [page.panel.shown_for()] == page.selected())
