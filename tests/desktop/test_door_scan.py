"""No scan is lost: not to a hand, to a pause, to a line it fell into, to the scan behind it, nor to a disk that refused it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from tests.desktop.test_door import Door, door, shown

from alumni_desk.desktop.door_pin import DOOR_PIN
from alumni_desk.desktop.door_scan import PAUSES, ScanCatcher
from alumni_desk.desktop.tokens import DOOR_ADMITTED, DOOR_REFUSED
from alumni_desk.protocol.codes import BADGE_LETTERS, badge_code, read_badge_code
from alumni_desk.store import pin

__all__ = ["door"]


@given(st.lists(st.integers(1, 30), min_size=16, max_size=16), st.text(alphabet="BCDEabc12", max_size=5))
def test_a_scan_is_told_from_a_hand_by_its_speed(gaps: list[int], before: str) -> None:
    code, catcher, at = badge_code(), ScanCatcher(), 0.0
    for letter in before:
        at += 200
        catcher.letter(letter, at)
    at += 500
    found = []
    for letter, gap in zip(code, gaps, strict=True):
        at += gap
        found.append(catcher.letter(letter, at))
    assert found[-1] is not None and found[-1].code == code and found[:-1] == [None] * 15
    slow = ScanCatcher()
    assert [slow.letter(letter, 100.0 * n) for n, letter in enumerate(code)] == [None] * 16 and slow.end(1_600.0) is None


letters = st.text(alphabet=BADGE_LETTERS, max_size=6)


@st.composite
def scans(draw: st.DrawFn) -> tuple[str, list[int], str, str]:
    """One scan: its code, the pauses within it, what a hand typed before it, and what the scanner sends before each."""
    code = badge_code(lambda choices: draw(st.sampled_from(choices)))
    gaps = draw(st.lists(st.integers(1, 30), min_size=16, max_size=16))
    for place in draw(st.lists(st.integers(1, 15), max_size=PAUSES, unique=True)):
        gaps[place] = draw(st.integers(70, 900))
    return code, gaps, draw(letters), draw(letters)


@given(st.lists(scans(), min_size=1, max_size=4), st.integers(1, 3_000))
def test_no_scan_is_lost_for_what_stands_before_it_nor_for_pauses_in_it(series: list[tuple[str, list[int], str, str]], between: int) -> None:
    """A part of one scan and the beginning of the next may read as a code, too: once in nineteen."""
    catcher, at = ScanCatcher(), 0.0
    for code, gaps, typed, sent in series:
        for letter in typed:
            at += 150
            catcher.letter(letter, at)
        at += between
        found = [catcher.letter(letter, at := at + 5) for letter in sent]
        found += [catcher.letter(letter, at := at + gap) for letter, gap in zip(code, gaps, strict=True)]
        found.append(catcher.end(at := at + 5))
        assert code in [one.code for one in found if one is not None]
        assert catcher.end(at + 1) is None  # the line feed after it


def keyed(door: Door, code: str, at: int, *, pause: int | None = None, ends: bool = True) -> int:
    """A scanner's keys as the system hands them on, each with its time in ms; before one of its letters it pauses. Returns the time afterwards."""
    keys = [(ord(letter), letter) for letter in code] + ([(Qt.Key.Key_Return, "\r")] if ends else [])
    for number, (key, text) in enumerate(keys):
        at += 200 if number == pause else 5
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            event = QKeyEvent(kind, key, Qt.KeyboardModifier.NoModifier, text)
            event.setTimestamp(at)
            QApplication.sendEvent(QApplication.focusWidget() or door.window, event)
    return at


def reads_on(code: str, pause: int) -> str:
    """A code that, behind what followed a pause in another one, gives a third code before it ends."""
    while True:
        other = badge_code()
        if any(read_badge_code((code[pause:] + other[:end])[-16:]) for end in range(pause, 16)):
            return other


@pytest.mark.parametrize("pause", [1, 5, 8, 11, 15])
def test_a_scan_right_behind_one_that_paused_is_kept(door: Door, pause: int) -> None:
    """What came after the pause and the next scan gave a code of nobody, and the next scan was lost to it."""
    first = door.codes["Ada Obi 2012"]
    second = reads_on(first, pause)
    with door.desk.writing("registration_changed") as writing:
        writing.change("registration", door.registrations["Li Chen 2004"], code=second)
    at = keyed(door, first, 1_000, pause=pause)
    at = keyed(door, second, at)
    keyed(door, door.codes["Li Chen 2019"], at, ends=False)
    door.wait(lambda: len(door.facts()) == 3)
    door.settled()
    assert door.window.column.here.text() == "3"


@pytest.mark.parametrize("pause", [None, 1, 5, 15])
@pytest.mark.parametrize("where", ["field", "form", "locked"])
def test_a_scan_that_pauses_is_kept_wherever_the_cursor_stands(door: Door, where: str, pause: int | None) -> None:
    if where == "form":
        door.press(Qt.Key.Key_F2)
    elif where == "locked":
        door.window.set_locked(True)
    at = keyed(door, "Be", 1_000, ends=False)  # a hand's letters, and a moment before the badge is there
    keyed(door, door.codes["Ada Obi 2012"], at + 150, pause=pause)
    door.wait(lambda: len(door.facts()) == 1)
    door.settled()
    assert door.window.state() == "verdict" and door.window.field.text() == ""
    assert door.window.form.name.text() == ("Be" if where == "form" else "")
    assert [f.registration for f in door.facts()] == [door.registrations["Ada Obi 2012"]]


@pytest.mark.parametrize("pause", [None, 5])
@pytest.mark.parametrize("where", ["typed", "waits", "eye", "close"])
def test_a_scan_is_kept_wherever_the_keyboard_is_while_the_pin_is_asked_for(door: Door, where: str, pause: int | None) -> None:
    door.desk.set_setting(DOOR_PIN, pin.made("2468"))
    door.press(Qt.Key.Key_Escape)
    door.wait(lambda: door.window.leaving.sheet is not None)
    sheet = door.window.leaving.sheet
    assert sheet is not None
    entry = sheet.entry
    QTest.keyClicks(entry.password, "24")
    if where == "waits":
        entry.set_busy("Looking …")
    elif where != "typed":
        (entry.password.eye if where == "eye" else sheet.shut).setFocus()
    keyed(door, door.codes["Ada Obi 2012"], 1_000_000_000, pause=pause)
    door.wait(lambda: len(door.facts()) == 1)
    door.settled()
    assert entry.password.text() == "24" and sheet.isVisible() and "neither" not in entry.said.text()
    assert [f.registration for f in door.facts()] == [door.registrations["Ada Obi 2012"]]
    sheet.reject()
    door.window.leaving.free = True


def test_a_scan_is_kept_that_begins_in_the_door_and_ends_in_the_line_of_the_pin(door: Door) -> None:
    door.desk.set_setting(DOOR_PIN, pin.made("2468"))
    code = door.codes["Ada Obi 2012"]
    door.window.leaving.ask()
    at = keyed(door, code[:6], 1_000, ends=False)
    door.wait(lambda: door.window.leaving.sheet is not None)
    keyed(door, code[6:], at)
    door.wait(lambda: len(door.facts()) == 1)
    door.settled()
    assert door.window.leaving.sheet is not None
    assert door.window.leaving.sheet.entry.password.text() == "" and door.window.field.text() == ""
    door.window.leaving.sheet.reject()
    door.window.leaving.free = True


@contextmanager
def full_disk(door: Door) -> Iterator[None]:
    """The disk refuses each check-in itself, below every layer of ours."""
    with door.desk.writing("broken", gathering=door.gathering) as writing:
        writing.connection.exec_driver_sql("CREATE TEMP TRIGGER full_disk BEFORE INSERT ON main.fact BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END")
    yield
    with door.desk.writing("mended", gathering=door.gathering) as writing:
        writing.connection.exec_driver_sql("DROP TRIGGER full_disk")


def refused_by_the_disk(door: Door) -> None:
    """Two scans right behind each other, neither of them saved."""
    door.scan(door.codes["Ada Obi 2012"])
    door.scan(door.codes["Li Chen 2004"])
    door.settled()
    assert shown(door) is DOOR_REFUSED and door.window.panel.showing.word == "Not saved" and door.facts() == []


def test_of_scans_that_could_not_be_saved_none_is_lost_to_the_one_behind_it(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """Only the last one is shown; Try again means all of them."""
    with full_disk(door):
        refused_by_the_disk(door)
    door.press(Qt.Key.Key_F5)
    door.wait(lambda: len(door.facts()) == 2)
    door.settled()
    assert {f.registration for f in door.facts()} == {door.registrations[name] for name in ("Ada Obi 2012", "Li Chen 2004")}


def test_scans_that_could_not_be_saved_are_saved_with_the_next_one(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    with full_disk(door):
        refused_by_the_disk(door)
    door.scan(door.codes["Li Chen 2019"])
    door.wait(lambda: len(door.facts()) == 3)
    door.settled()
    assert {f.registration for f in door.facts()} == {door.registrations[name] for name in ("Ada Obi 2012", "Li Chen 2004", "Li Chen 2019")}
    # Who stands there is shown still, and is whom Undo means.
    assert shown(door) is DOOR_ADMITTED and door.window.answer.verdict.registration == door.registrations["Li Chen 2019"]
    assert door.window.saving.newest().registration == door.registrations["Li Chen 2019"]


def test_a_scan_that_could_not_be_saved_is_forgotten_where_somebody_says_so(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    with full_disk(door):
        refused_by_the_disk(door)
    door.press(Qt.Key.Key_Escape)  # close, nothing changes
    assert door.window.state() == "idle"
    door.scan(door.codes["Li Chen 2019"])
    door.wait(lambda: len(door.facts()) == 1)
    door.settled()
    assert shown(door) is DOOR_ADMITTED and len(door.facts()) == 1
