"""The door with real keys on a real desk: scans are never lost, green is never shown before the disk has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from tests.desktop.test_restoring import unreadable

from alumni_desk.checkin.actions import check_in, check_out, undo_check_in
from alumni_desk.checkin.lists import DoorHit, DoorStatus, headcount
from alumni_desk.checkin.verdicts import Outcome, Reason, Verdict
from alumni_desk.desktop import door_finding
from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.changes import ChangeBus
from alumni_desk.desktop.door import DoorWindow
from alumni_desk.desktop.door_idle import Idle, taken_back
from alumni_desk.desktop.door_panel import fit_name
from alumni_desk.desktop.door_words import Act, Showing, brings_words, showing
from alumni_desk.desktop.fonts import set_text_size, text_size
from alumni_desk.desktop.sound import Sounds
from alumni_desk.desktop.tokens import (
    DOOR_ADMITTED,
    DOOR_ALREADY_IN,
    DOOR_NEEDS_A_WORD,
    DOOR_REFUSED,
)
from alumni_desk.desktop.venue_bridge import AtVenue, Nearby
from alumni_desk.errors import StoreProblem
from alumni_desk.gatherings.actions import cancel_gathering, new_gathering
from alumni_desk.gatherings.records import registration_id
from alumni_desk.protocol.codes import badge_code
from alumni_desk.schema import open_desk
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile
from alumni_desk.store.writing import Changed
from alumni_desk.sync import operations


@dataclass
class Door:
    """An open door, the desk behind it, and hands to type with."""

    desk: Desk
    gathering: str
    lanes: Lanes
    changes: ChangeBus
    registrations: dict[str, str] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    window: DoorWindow = None  # type: ignore[assignment]
    wait: Callable[..., None] = None  # type: ignore[assignment]

    def type(self, text: str) -> None:
        """Type into whatever has the keyboard."""
        QTest.keyClicks(QApplication.focusWidget() or self.window, text)

    def press(self, key: Qt.Key, held: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press one key."""
        QTest.keyClick(QApplication.focusWidget() or self.window, key, held)

    def scan(self, code: str, *, ends: bool = True) -> None:
        """A scanner: letters at once, then CR and LF."""
        self.type(code)
        if ends:
            self.press(Qt.Key.Key_Return)
            self.press(Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)

    def settled(self) -> None:
        """Wait until nothing is under way."""
        self.wait(lambda: self.lanes.idle() and not self.window.reading.busy)

    def found(self) -> None:
        """Wait for the hits of what is typed."""
        self.wait(lambda: self.window.finding.found is not None and self.window.finding.found.text == self.window.field.text())

    def facts(self) -> list[sa.Row]:
        table = self.desk.tables["fact"]
        with self.desk.reading() as connection:
            return list(connection.execute(sa.select(table)))


GUESTS = (("Mei-Ling Chen", 1998, "yes", None), ("Li Chen", 2004, "yes", None), ("Li Chen", 2019, "yes", None),
          ("Lina Chowdhury", 2011, "cancelled", None), ("Eleni Papadopoulou", 2001, "yes", "Owes $40"), ("Ada Obi", 2012, "yes", None))  # fmt: skip


@pytest.fixture
def door(tmp_path: Path, qtbot: object) -> Iterator[Door]:
    desk = open_desk(Profile(tmp_path / "profile"), passphrase="nobody waits at this door")
    with desk.writing("gathering_made") as writing:
        if desk.scope is None:
            writing.add("chapter", name="Chapter")
        gathering = writing.add("gathering", name="Reception", status="planned", time_zone="Europe/Madrid", capacity=50)
    made = Door(desk, gathering, Lanes(), ChangeBus())
    with desk.writing("guests_added", gathering=gathering) as writing:
        for name, year, status, note in GUESTS:
            first, last = name.split(" ")
            person = writing.add("person", standing="guest", first_name=first, last_name=last, class_year=year)
            key = f"{name} {year}"
            made.registrations[key], made.codes[key] = registration_id(gathering, person), badge_code()
            writing.add("registration", id=made.registrations[key], gathering=gathering, person=person, status=status,
                        code=made.codes[key], door_note=note, walk_in=False)  # fmt: skip
        leo = writing.add("person", standing="guest", first_name="Leo", last_name="Park")
        writing.add("registration", id=registration_id(gathering, leo), gathering=gathering, person=leo, status="yes",
                    host=made.registrations["Mei-Ling Chen 1998"], walk_in=False)  # fmt: skip
    window = DoorWindow(desk, made.lanes, made.changes, gathering, station="Main door", by="Tomás", sounds=Sounds(on=False))
    made.window, made.wait = window, lambda condition: qtbot.waitUntil(condition, timeout=10_000)  # type: ignore[attr-defined]
    window.resize(1280, 800)
    window.show()
    window.activateWindow()
    made.wait(lambda: window.reading.column is not None and QApplication.focusWidget() is window.field)
    yield made
    made.settled()
    window.close()
    made.lanes.close()
    desk.close()
    window.deleteLater()


def shown(door: Door) -> object:
    """The colours of the answer that is shown."""
    assert door.window.state() == "verdict" and door.window.panel.showing is not None
    return door.window.panel.showing.colours


def test_a_scan_with_cr_lf_checks_in_once(door: Door) -> None:
    door.scan(door.codes["Ada Obi 2012"])
    door.wait(lambda: door.window.state() == "verdict")
    assert shown(door) is DOOR_ADMITTED
    assert "Ada Obi" in " ".join(door.window.panel.lines) or "Ada" in door.window.panel.showing.name
    door.settled()
    assert door.window.state() == "verdict" and door.window.field.text() == ""
    assert [f.method for f in door.facts()] == ["code"]


def test_two_scans_right_behind_each_other_are_both_kept(door: Door) -> None:
    first, second = door.codes["Ada Obi 2012"], door.codes["Li Chen 2004"]
    door.scan(first)
    door.scan(second)
    door.scan(door.codes["Li Chen 2019"], ends=False)
    door.wait(lambda: len(door.facts()) == 3)
    door.settled()
    assert door.window.column.here.text() == "3"


def test_a_scanner_that_repeats_itself_stays_green_and_is_one_fact(door: Door) -> None:
    for _ in range(2):
        door.scan(door.codes["Ada Obi 2012"])
        door.settled()
        assert shown(door) is DOOR_ADMITTED
    assert len(door.facts()) == 1


@pytest.mark.parametrize("again", ["typed", "typed after a scan", "scanned later"])
def test_whoever_is_in_gets_amber_when_named_or_scanned_anew(door: Door, again: str) -> None:
    """Green a second time would let a second person in on the first one's name."""
    if again == "typed":
        door.type("obi")
        door.press(Qt.Key.Key_Return)
    else:
        door.scan(door.codes["Ada Obi 2012"])
    door.wait(lambda: len(door.facts()) == 1)
    door.settled()
    assert shown(door) is DOOR_ADMITTED
    door.window.scans.muted_until = 0.0
    if again == "scanned later":
        code, at = door.window.saving.scanned
        door.window.saving.scanned = (code, at - 3)
        door.scan(door.codes["Ada Obi 2012"])
    else:
        door.type("obi")
        door.press(Qt.Key.Key_Return)
    door.wait(lambda: door.window.answer.verdict is not None and door.window.answer.verdict.outcome is Outcome.ALREADY_IN)
    door.settled()
    assert shown(door) is DOOR_ALREADY_IN
    assert any("Main door" in detail and "Tomás" in detail for detail in door.window.panel.showing.details)
    assert len(door.facts()) == 1


def test_in_since_another_station_is_amber_with_when_and_where(door: Door) -> None:
    check_in(door.desk, door.gathering, door.registrations["Ada Obi 2012"], station="Garden door", by="Priya")
    door.scan(door.codes["Ada Obi 2012"])
    door.settled()
    assert shown(door) is DOOR_ALREADY_IN
    assert any("Garden door" in detail and "Priya" in detail for detail in door.window.panel.showing.details)
    assert len(door.facts()) == 1


def test_a_scan_is_caught_wherever_the_cursor_stands(door: Door) -> None:
    door.press(Qt.Key.Key_F2)
    assert door.window.state() == "walk_in" and door.window.form.name.hasFocus()
    door.window.form.name.setText("Yusuf")
    door.scan(door.codes["Ada Obi 2012"])
    door.wait(lambda: len(door.facts()) == 1)
    door.settled()
    assert door.window.form.name.text() == "Yusuf"  # the form waits as it was
    door.press(Qt.Key.Key_F2)
    assert door.window.form.name.text() == "Yusuf"


def test_a_scan_into_a_half_typed_name_still_counts(door: Door) -> None:
    door.type("me")
    door.found()
    QTest.qWait(70)  # a hand pauses; a scanner does not
    door.scan(door.codes["Li Chen 2019"])
    door.wait(lambda: door.window.state() == "verdict")
    assert [f.registration for f in door.facts()] == [door.registrations["Li Chen 2019"]]


def test_enter_does_nothing_among_namesakes_until_one_is_chosen(door: Door) -> None:
    door.type("li chen")
    door.press(Qt.Key.Key_Return)
    door.found()
    door.settled()
    assert door.window.state() == "find" and door.facts() == []
    door.press(Qt.Key.Key_Return)
    door.settled()
    assert door.window.state() == "find" and door.facts() == []
    door.press(Qt.Key.Key_Down)
    door.press(Qt.Key.Key_Down)
    door.press(Qt.Key.Key_Return)
    door.wait(lambda: door.window.state() == "verdict")
    assert [f.registration for f in door.facts()] == [door.registrations["Li Chen 2019"]]


def test_enter_right_after_typing_waits_for_the_hits(door: Door) -> None:
    door.type("obi")
    door.press(Qt.Key.Key_Return)  # before the list has answered
    door.wait(lambda: door.window.state() == "verdict")
    assert shown(door) is DOOR_ADMITTED
    assert [f.registration for f in door.facts()] == [door.registrations["Ada Obi 2012"]]


def test_enter_looks_again_where_the_list_could_not_be_read(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def unread(*_what: Any) -> Any:
        raise StoreProblem("unreadable", "The list could not be read.")

    with monkeypatch.context() as broken:
        broken.setattr(door_finding, "look_up", unread)
        door.type("obi")
        door.press(Qt.Key.Key_Return)
        door.wait(lambda: door.window.state() == "verdict")
        door.settled()
    assert not door.facts() and door.window.field.text() == "obi"
    door.press(Qt.Key.Key_Return)
    door.wait(lambda: bool(door.facts()))
    door.settled()
    assert shown(door) is DOOR_ADMITTED
    assert [f.registration for f in door.facts()] == [door.registrations["Ada Obi 2012"]]


def test_enter_does_nothing_on_idle_green_red_and_blue(door: Door) -> None:
    door.press(Qt.Key.Key_Return)
    door.settled()
    assert door.window.state() == "idle"
    for what, colours in ((door.codes["Ada Obi 2012"], DOOR_ADMITTED), (badge_code(), DOOR_REFUSED),
                          (door.codes["Lina Chowdhury 2011"], DOOR_NEEDS_A_WORD)):  # fmt: skip
        door.scan(what)
        door.settled()
        assert shown(door) is colours
        door.window.scans.muted_until = 0.0
        number = len(door.facts())
        door.press(Qt.Key.Key_Return)
        door.settled()
        assert shown(door) is colours and len(door.facts()) == number


def test_a_foreign_barcode_is_said_and_not_searched(door: Door) -> None:
    door.scan("4006381333931")
    door.wait(lambda: door.window.state() == "verdict")
    assert shown(door) is DOOR_REFUSED and door.facts() == []
    assert "Unknown code" in door.window.panel.showing.word


def test_a_code_that_two_guests_have_asks_for_the_name(door: Door) -> None:
    code = door.codes["Ada Obi 2012"]
    with door.desk.writing("tampered", gathering=door.gathering) as writing:
        writing.change("registration", door.registrations["Li Chen 2019"], code=code)
    door.scan(code)
    door.wait(lambda: door.window.state() == "verdict")
    door.settled()
    said = door.window.panel.showing
    assert said is not None and shown(door) is DOOR_NEEDS_A_WORD and door.facts() == []
    assert said.details[0] == "More than one guest here has this code." and said.name == ""
    door.window.scans.muted_until = 0.0
    door.type("obi")
    door.press(Qt.Key.Key_Return)
    door.wait(lambda: len(door.facts()) == 1)
    assert door.facts()[0].registration == door.registrations["Ada Obi 2012"]


def test_undo_by_key_and_not_beyond_two_minutes(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    door.scan(door.codes["Ada Obi 2012"])
    door.settled()
    assert "Ctrl Z" in door.window.keys.shown()
    door.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    door.wait(lambda: {f.kind for f in door.facts()} == {"in", "void"})
    door.settled()
    assert headcount(door.desk, door.gathering).present == 0
    assert "Ctrl Z" not in door.window.keys.shown()
    door.scan(door.codes["Ada Obi 2012"])
    door.settled()
    monkeypatch.setattr("alumni_desk.desktop.door_saving.DOOR_TAKES_BACK_S", 0)
    door.window._each_second()
    door.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    door.settled()
    assert headcount(door.desk, door.gathering).present == 1


def test_green_falls_back_to_idle_and_the_others_stay(door: Door) -> None:
    door.scan(door.codes["Ada Obi 2012"])
    door.settled()
    assert door.window.answer.green.isActive() and door.window.answer.green.interval() == 8000
    door.window.answer.green.timeout.emit()
    assert door.window.state() == "idle" and door.window.idle.strip.isVisible()
    door.scan(door.codes["Lina Chowdhury 2011"])
    door.settled()
    assert not door.window.answer.green.isActive()
    door.press(Qt.Key.Key_F5)
    door.wait(lambda: len(door.facts()) == 2)
    door.settled()
    assert shown(door) is DOOR_ADMITTED


def test_the_note_is_closed_until_asked_for_and_closes_by_itself(door: Door) -> None:
    door.scan(door.codes["Eleni Papadopoulou 2001"])
    door.settled()
    assert shown(door) is DOOR_NEEDS_A_WORD and "$40" not in str(door.window.panel.showing)
    door.press(Qt.Key.Key_F7)
    assert "$40" in door.window.panel.showing.note and door.window.answer.note.isActive()
    door.window.answer.note.timeout.emit()
    assert "$40" not in str(door.window.panel.showing)


def test_the_guest_of_a_guest_is_offered(door: Door) -> None:
    door.type("mei chen")
    door.press(Qt.Key.Key_Return)
    door.wait(lambda: door.window.state() == "verdict")
    door.settled()
    assert [offer.act for offer in door.window.panel.showing.offers] == [Act.PARTY, Act.UNDO]
    door.press(Qt.Key.Key_F3)
    door.wait(lambda: len(door.facts()) == 2)
    door.settled()
    assert "Leo" in door.window.panel.showing.name


def test_a_walk_in_by_keys_alone(door: Door) -> None:
    door.press(Qt.Key.Key_F2)
    door.type("Yusuf Al-Amin")
    door.press(Qt.Key.Key_Tab)
    door.type("yusuf@example.org")
    door.press(Qt.Key.Key_Return)
    door.wait(lambda: door.window.state() == "verdict")
    door.settled()
    assert shown(door) is DOOR_ADMITTED and headcount(door.desk, door.gathering).walk_ins == 1
    assert door.window.form.name.text() == ""


def test_a_gathering_that_is_cancelled_while_its_door_is_open_lets_in_whoever_comes(door: Door) -> None:
    cancel_gathering(door.desk, door.gathering, "snow")
    door.changes.tell(Changed({"gathering": frozenset({door.gathering})}))
    door.wait(lambda: door.window.idle.title.text() == "This gathering is cancelled")
    door.type("obi")
    door.found()
    door.settled()
    door.press(Qt.Key.Key_Return)
    door.wait(lambda: len(door.facts()) == 1)
    door.scan(door.codes["Li Chen 2004"])
    door.wait(lambda: len(door.facts()) == 2)
    door.settled()
    assert shown(door) is DOOR_ADMITTED
    door.press(Qt.Key.Key_F2)
    door.wait(lambda: door.window.state() == "walk_in")
    door.wait(lambda: not door.window.scans.muted())  # Tab and Enter are the scanner's own for a moment
    door.type("Yusuf Al-Amin")
    door.press(Qt.Key.Key_Tab)
    door.type("yusuf@example.org")
    door.press(Qt.Key.Key_Return)
    door.wait(lambda: len(door.facts()) == 3)
    door.settled()
    assert shown(door) is DOOR_ADMITTED and headcount(door.desk, door.gathering).present == 3


def test_a_walk_in_without_a_name_says_so(door: Door) -> None:
    door.press(Qt.Key.Key_F2)
    door.press(Qt.Key.Key_Return)
    assert door.window.form.wrong.text() and door.window.state() == "walk_in"
    door.press(Qt.Key.Key_Escape)
    assert door.window.state() == "idle"


def test_a_missing_contact_is_asked_for_once_and_never_holds_up_the_queue(door: Door) -> None:
    door.press(Qt.Key.Key_F2)
    door.type("Yusuf Al-Amin")
    door.press(Qt.Key.Key_Return)
    door.settled()
    assert door.window.state() == "walk_in" and "contact" in door.window.form.wrong.text() and door.window.form.contact.hasFocus()
    assert door.facts() == []
    door.press(Qt.Key.Key_Return)
    door.wait(lambda: door.window.state() == "verdict")
    assert shown(door) is DOOR_ADMITTED and len(door.facts()) == 1


def test_nobody_is_called_name_to_come(door: Door) -> None:
    assert brings_words(["Name to come"]) == "brings 1 guest"
    assert "Name to come" not in brings_words(["Leo Park", "Name to come"]) and "Leo Park" in brings_words(["Leo Park", "Name to come"])
    assert brings_words([]) == ""
    with door.desk.writing("guests_added", gathering=door.gathering) as writing:
        guest = writing.add("person", standing="guest")
        writing.add("registration", id=registration_id(door.gathering, guest), gathering=door.gathering, person=guest, status="yes",
                    host=door.registrations["Ada Obi 2012"], walk_in=False)  # fmt: skip
    door.changes.tell(writing.changed)
    door.settled()
    door.scan(door.codes["Ada Obi 2012"])
    door.wait(lambda: door.window.state() == "verdict")
    door.settled()
    assert door.window.panel.showing.foot == "1 guest still to come"


def test_a_badge_of_another_year_says_the_year(door: Door) -> None:
    with door.desk.writing("old", gathering=door.gathering) as writing:
        old = writing.add("gathering", name="Winter Welcome", status="planned", starts="2019-12-25T18:00", time_zone="Europe/Madrid")
        person, code = writing.add("person", standing="guest", first_name="Past", last_name="Guest"), badge_code()
        writing.add("registration", id=registration_id(old, person), gathering=old, person=person, status="yes", code=code, walk_in=False)
    door.scan(code)
    door.wait(lambda: door.window.state() == "verdict")
    assert shown(door) is DOOR_REFUSED and any("25 Dec 2019" in detail for detail in door.window.panel.showing.details)


def test_none_of_these_is_asked_only_where_some_are_shown(door: Door) -> None:
    for typed, said in (("qqq", "Add a walk-in"), ("obi", "None of these? Add a walk-in")):
        door.type(typed)
        door.found()
        model = door.window.hits.hits
        assert model.index(model.rowCount() - 1).data() == said
        door.press(Qt.Key.Key_Escape)


def test_what_is_not_saved_is_never_green(door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The disk refuses the write itself, below every layer of ours."""
    with door.desk.writing("broken", gathering=door.gathering) as writing:
        writing.connection.exec_driver_sql("CREATE TEMP TRIGGER full_disk BEFORE INSERT ON main.fact BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END")
    with door.desk.reading() as connection:
        assert connection is not None
    door.scan(door.codes["Ada Obi 2012"])
    door.wait(lambda: door.window.state() == "verdict")
    assert shown(door) is DOOR_REFUSED
    assert door.window.panel.showing.word == "Not saved" and door.facts() == []
    assert door.window.saving.own == []


def test_a_list_that_cannot_be_read_is_called_that_and_the_door_can_be_left(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing was to be saved, and nobody is refused: it says what happened, what next, and that nothing was changed."""
    window = door.window
    window.grab()
    with unreadable(door.desk):
        door.type("Li")
        door.wait(lambda: window.state() == "verdict")
        said = window.panel.showing
        assert said.word == "The list cannot be read" and shown(door) is DOOR_NEEDS_A_WORD
        assert "damaged and cannot be read any more" in said.details[0] and "Go back to a backup now" in said.details[0]
        assert said.foot == "Nothing was changed. The backups are in the main window."
        assert "saved" not in said.word.lower() + said.foot.lower() and "Not saved" not in said.spoken
    door.press(Qt.Key.Key_F5)  # it can be read again
    door.wait(lambda: window.state() == "find")
    assert window.finding.found.text == "Li" and window.finding.found.hits
    door.press(Qt.Key.Key_Escape)
    assert window.state() == "idle"
    door.scan(door.codes["Ada Obi 2012"])
    door.wait(lambda: window.state() == "verdict")
    door.settled()
    with unreadable(door.desk):
        door.changes.tell(Changed({}))  # another laptop's check-ins, say
        door.settled()
        assert shown(door) is DOOR_ADMITTED and "Ada" in window.panel.showing.name and window.field.accessibleDescription() == "The list cannot be read"
        window._to_idle()
        door.changes.tell(Changed({}))
        door.wait(lambda: window.state() == "verdict")
        assert window.panel.showing.word == "The list cannot be read"
        window.set_locked(True)
        door.changes.tell(Changed({}))
        door.wait(lambda: window.state() == "verdict")
        assert window.panel.showing.details == () and window.panel.showing.foot.startswith("Nothing was changed.")
        window.set_locked(False)
        window._to_idle()
        door.press(Qt.Key.Key_Escape)
        door.wait(lambda: not window.isVisible())


def test_what_cannot_be_taken_back_says_so(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    door.scan(door.codes["Ada Obi 2012"])
    door.wait(lambda: door.window.state() == "verdict")
    door.settled()
    with door.desk.writing("broken", gathering=door.gathering) as writing:
        writing.connection.exec_driver_sql("CREATE TEMP TRIGGER full_disk BEFORE INSERT ON main.fact BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END")
    door.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    door.wait(lambda: shown(door) is DOOR_REFUSED)
    assert door.window.panel.showing.foot == "Not taken back. Nothing was changed."


def test_esc_clears_then_closes_then_leaves(door: Door, qtbot: object) -> None:
    door.type("zz")
    door.found()
    door.press(Qt.Key.Key_Escape)
    assert door.window.field.text() == "" and door.window.state() == "idle"
    door.scan(badge_code())
    door.settled()
    door.press(Qt.Key.Key_Escape)
    assert door.window.state() == "idle"
    with qtbot.waitSignal(door.window.left):  # type: ignore[attr-defined]
        door.press(Qt.Key.Key_Escape)


def test_every_answer_is_painted_and_spoken(door: Door) -> None:
    for size in ((1024, 640), (1280, 800), (1920, 1080)):
        door.window.resize(*size)
        for code in (*door.codes.values(), badge_code()):
            door.scan(code)
            door.settled()
            door.window.scans.muted_until = 0.0
            assert door.window.panel.accessibleName() == door.window.panel.showing.spoken != ""
            assert not door.window.grab().isNull()
            for button in door.window.panel.buttons:
                assert door.window.panel.rect().contains(button.geometry())


@pytest.fixture
def text_of(qapp: QApplication) -> Iterator[Callable[[int], None]]:
    """Sets the text size; afterwards it is as before."""
    families, before = qapp.font().families(), text_size()
    yield lambda percent: set_text_size(qapp, families, percent)
    set_text_size(qapp, families, before)


@pytest.mark.parametrize(("percent", "size"), [(90, (1280, 800)), (100, (1280, 800)), (100, (1024, 640)), (125, (1280, 800)), (150, (1280, 800))])
def test_the_door_fits_the_screen_at_every_text_size(text_of: Callable[[int], None], door: Door, percent: int, size: tuple[int, int]) -> None:
    """Nothing below the edge, nothing over anything else, the head count and the button of the form always to be seen."""
    text_of(percent)
    for number in range(6):  # other stations, and a full list of the last five
        check_in(door.desk, door.gathering, list(door.registrations.values())[number], station=f"Door {number}", by="Priya", let_in=True)
    window = DoorWindow(door.desk, door.lanes, door.changes, door.gathering, station="Main door", by="Tomás", sounds=Sounds(on=False))
    window.resize(*size)
    window.show()
    door.wait(lambda: window.reading.column is not None and not window.reading.busy and door.lanes.idle())
    window.answer.verdict = check_in(door.desk, door.gathering, door.registrations["Ada Obi 2012"], station="Main door")
    try:
        for state in ("idle", "walk_in", "verdict"):
            if state == "walk_in":
                window._open_form()
                window.form.name.setText("Ada Obi")
                window.form.say_wrong("A name is needed. Type it as the badge should say it.")
                door.wait(lambda: window.form.match.isVisible())
            if state == "verdict":
                window.answer.show(window.answer.showing(window.answer.verdict))
            QApplication.processEvents()
            assert window.state() == state
            assert (window.width(), window.height()) == size
            assert window.keys.geometry().bottom() < size[1] and not window.column.here.visibleRegion().isEmpty()
            assert window.column.here.height() >= window.column.here.sizeHint().height()
            for row in [row for row in window.column.last_part.widgets if row.isVisible()]:
                assert row.mapTo(window.column, row.rect().bottomLeft()).y() < window.column.height()
            for entry in window.keys._entries:
                assert window.keys.rect().contains(entry.geometry())
        assert any(row.isVisible() for row in window.column.last_part.widgets)
        for one in every_answer(window.answer.verdict):
            window.panel.show_verdict(one)
            assert window.panel.laid is not None and window.panel.laid.fits, one.word
        window._open_form()
        QApplication.processEvents()
        button = window.form.button
        assert window.form.rect().contains(button.geometry().translated(button.parentWidget().pos()))
        assert window.form.name.height() >= window.form.name.sizeHint().height() and window.form.scroller.height() >= window.form.name.height() * 2
    finally:
        door.wait(door.lanes.idle)
        window.close()
        window.deleteLater()


@pytest.mark.parametrize("percent", [100, 125, 150])
def test_the_numbers_of_a_large_gathering_are_whole(text_of: Callable[[int], None], door: Door, percent: int) -> None:
    """“1,300 of 1,965 expected” and “665 to come” lay over each other in large text."""
    text_of(percent)
    window = DoorWindow(door.desk, door.lanes, door.changes, door.gathering, station="Main door", by="Tomás", sounds=Sounds(on=False))
    window.resize(1280, 800)
    window.show()
    try:
        door.wait(lambda: window.reading.column is not None and not window.reading.busy and door.lanes.idle())
        column = window.column
        assert column._data is not None
        for come, expected in ((3, 7), (1_300, 1_965), (9_999, 19_999)):
            count = replace(column._data.count, present=come, come=come, expected=expected, walk_ins=1_234, out=1_234)
            column.show_data(replace(column._data, count=count), lambda arrival: False)
            QApplication.processEvents()
            for label in (column.here, column.here_words, column.come, column.to_come, column.walk_ins, column.gone, column.as_of):
                assert label.width() >= label.sizeHint().width() and label.height() >= label.sizeHint().height(), label.text()
                assert label.mapTo(column, label.rect().topRight()).x() < column.width()
            assert not column.come.geometry().intersects(column.to_come.geometry())
    finally:
        window.close()
        window.deleteLater()


@pytest.mark.parametrize("percent", [100, 125, 150])
def test_the_idle_page_is_whole_at_every_height(text_of: Callable[[int], None], qtbot: Any, percent: int) -> None:
    """What it shows beside was reckoned by hand, and its title lost some dots where that came out short."""
    text_of(percent)
    window, idle = QWidget(), Idle()
    qtbot.addWidget(window)
    idle.setParent(window)  # as a pane: a window of its own would be no lower than its layout
    window.resize(1000, 1000)
    window.show()
    idle.show()
    for last in (None, taken_back("Ada Obi", datetime.now(UTC))):
        idle.show_last(last)
        idle.show_list(37, "")
        shown = set()
        for width in (700, 760, 900):
            for height in range(idle.minimumSizeHint().height(), 1000, 4):
                idle.resize(width, height)
                QApplication.processEvents()
                assert idle.title.height() >= idle.title.heightForWidth(idle.title.width()), (last, width, height)
                assert idle.strip.isHidden() or idle.strip.geometry().bottom() < height
                assert idle.mark.isHidden() == idle.ready.isHidden() and (idle.samples.isHidden() or not idle.ready.isHidden())
                shown.add(sum(not left.isHidden() for left, _right in idle._samples))
        assert shown == {0, 1, 2, 3, 4}, "as many as there is room for"


@pytest.mark.parametrize("line", ["far", "ending", "code"])
@pytest.mark.parametrize("percent", [125, 150])
def test_the_door_fits_the_screen_with_every_line_above_the_keys(text_of: Callable[[int], None], door: Door, percent: int, line: str) -> None:
    """The key bar lay below the screen where the server was out of reach."""
    text_of(percent)
    for number in range(6):
        check_in(door.desk, door.gathering, list(door.registrations.values())[number], station=f"Door {number}", by="Priya", let_in=True)
    window = DoorWindow(door.desk, door.lanes, door.changes, door.gathering, station="Main door", by="Tomás", sounds=Sounds(on=False))
    window.resize(1280, 800)
    window.show()
    door.wait(lambda: window.reading.column is not None and not window.reading.busy and door.lanes.idle())
    now = datetime.now(UTC)
    near = (Nearby("Hana", "Garden door", now, True), Nearby("Yusuf", "Terrace", now, True), Nearby("Ada", "Old", now, False))
    window.set_venue(AtVenue(sharing="on", others=near, code_changed=line == "code"), now - timedelta(minutes=58), now - timedelta(minutes=40))
    if line == "ending":
        window.set_access(window.reading.utc_now() + timedelta(minutes=8), "")
    window.answer.verdict = check_in(door.desk, door.gathering, door.registrations["Ada Obi 2012"], station="Main door")

    def look() -> None:
        QApplication.processEvents()
        assert (window.width(), window.height()) == (1280, 800) and window.minimumSizeHint().height() <= 800
        assert window.keys.geometry().bottom() < 800 and window.keys.height() == window.keys.minimumSizeHint().height()

    def idle_is_whole() -> bool:
        idle = window.idle
        assert window.state() == "idle" and not idle.title.isHidden()
        assert idle.samples.isHidden() or any(not left.isHidden() for left, _right in idle._samples), "nothing stands under it"
        whole = idle.title.height() >= idle.title.heightForWidth(idle.title.width())
        return whole and (idle.strip.isHidden() or idle.strip.geometry().bottom() < idle.height())

    try:
        look()
        door.wait(idle_is_whole)  # the lines above the keys are laid out in a turn or two
        window.idle.show_last(taken_back("Ada Obi", now))
        look()
        door.wait(idle_is_whole)  # the lines above the keys are laid out in a turn or two
        window._open_form()
        window.form.name.setText("Ada Obi")
        window.form.say_wrong("A name is needed. Type it as the badge should say it.")
        door.wait(lambda: window.form.match.isVisible())
        look()
        assert window.form.rect().contains(window.form.button.geometry().translated(window.form.button.parentWidget().pos()))
        for one in every_answer(window.answer.verdict):
            window.answer.show(one)
            look()
            assert window.panel.laid is not None and window.panel.laid.fits, one.word
        window.field.setText("chen")
        door.wait(lambda: window.state() == "find")
        look()
        window.set_locked(True)
        look()
        window.set_locked(False)
        window.set_access(window.reading.utc_now(), "This laptop’s time is over. " * 4)
        look()
        assert window.state() == "over" and not window.over.again.visibleRegion().isEmpty()
    finally:
        door.wait(door.lanes.idle)
        window.close()
        window.deleteLater()


def every_answer(verdict: Verdict) -> list[Showing]:
    """Answers with all that may stand on them."""
    long = replace(verdict, name="Ada Ngozi Obi-Okonkwo", class_tail="’12 P’28", station="Garden door", by="Tomás", other_gathering="Winter Welcome",
                   other_day="2025-12-25T18:00")  # fmt: skip
    hit = DoorHit("k", "r", "p", long.name, "安子涵", "’12 P’28", "’12", "Detroit", "4", None, None, DoorStatus.EXPECTED, "yes", None, False, "Owes $40",
                  "AH-dah", None)  # fmt: skip
    made = [(Outcome.ADMITTED, Reason.NOT_ON_THE_LIST), (Outcome.ALREADY_IN, None), (Outcome.NEEDS_A_WORD, Reason.DOOR_NOTE),
            (Outcome.NEEDS_A_WORD, Reason.CANCELLED), (Outcome.REFUSED, None), (Outcome.NOT_FOUND, None)]  # fmt: skip
    return [showing(replace(long, outcome=outcome, reason=reason), hit, guests=[hit], namesakes=[hit]) for outcome, reason in made]


def test_names_on_both_lines_and_never_cut(qapp: QApplication) -> None:
    def measure(text: str, size: int) -> float:
        return len(text) * size * 0.5

    assert fit_name("Mei-Ling Chen ’98", 832, measure) == (64, ["Mei-Ling Chen ’98"])
    assert fit_name("Chukwuemeka Oluwadamilola Nwachukwu-Adeyemi", 832, measure)[0] == 64
    assert len(fit_name("Chukwuemeka Oluwadamilola Nwachukwu-Adeyemi", 832, measure)[1]) == 2


@given(st.text(alphabet="abcdefgh ABC-’éłç", min_size=1, max_size=220).map(str.strip).filter(bool), st.integers(200, 1500))
def test_a_name_is_never_cut_and_every_line_fits(name: str, width: int) -> None:
    def measure(text: str, size: int) -> float:
        return len(text) * size * 0.55

    size, lines = fit_name(name, width, measure)
    assert "".join(lines).replace(" ", "") == name.replace(" ", "")
    assert all(measure(line, size) <= width for line in lines)


def test_without_a_sound_device_there_is_silence(qtbot: object) -> None:
    sounds = Sounds()
    for sound in ("welcome", "look", "stop"):
        sounds.play(sound)  # type: ignore[arg-type]
    sounds.close()


def test_the_door_knows_the_name_from_settings_also_when_opened_from_elsewhere(hands: Any) -> None:
    """Today and a gathering open the door past the page; its check-ins say who made them all the same."""
    with hands.desk.writing("gathering_made") as writing:
        gathering = writing.add("gathering", name="Reception", status="planned", starts="2099-11-12T18:30", time_zone="Europe/Madrid")
    page = hands.page("checkin")
    page.sounds = Sounds(on=False)
    hands.desk.set_setting("person_name", "Priya Raman")
    hands.shell.show_page("checkin", gathering=gathering)
    hands.until(lambda: page.door is not None)
    assert page.door.by == "Priya Raman" == page.by.text()
    page.door.close()
    hands.rest()
    hands.desk.set_setting("person_name", "Priya R.")  # corrected in Settings: the door says it too
    page.refresh()
    hands.until(lambda: page.by.text() == "Priya R.")
    page.by.setText("Tomás")  # somebody else stands in tonight
    page.open_chosen()
    assert page.door is not None and page.door.by == "Tomás"
    hands.until(lambda: hands.desk.setting("door_by") == "Tomás")
    hands.rest()
    page.door.close()
    hands.rest()


@pytest.mark.parametrize("left", [False, True])
def test_undo_of_what_another_laptop_took_back_meanwhile_says_so_quietly(door: Door, left: bool) -> None:
    ada = door.registrations["Ada Obi 2012"]
    door.scan(door.codes["Ada Obi 2012"])
    door.wait(lambda: door.window.state() == "verdict")
    (check_out if left else undo_check_in)(door.desk, door.gathering, ada, station="Garden door", by="Priya")
    door.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    door.wait(lambda: door.window.state() == "idle")
    door.settled()
    said = door.window.idle.strip.sentence.text()
    assert ("Left already at" if left else "Taken back already at") in said and "Garden door" in said and "Priya" in said
    assert door.window.idle.strip.isVisible() and "Ada Obi" in door.window.idle.strip.name.text()
    assert not door.window.idle.strip.button.isVisible() and not door.window.saving.own, "there is nothing to undo any more"


def test_the_door_says_that_a_part_of_the_database_is_damaged_and_that_it_is_mended(hands: Any) -> None:
    gathering = new_gathering(hands.desk, name="Reception", start="2026-11-12T18:30", end="2026-11-12T21:00").id
    page = hands.page("checkin")
    hands.shell.show_page("checkin", gathering=gathering)
    hands.until(lambda: page.door is not None)
    hands.rest()
    before = page.door.whose.standing.text()
    for damaged in (True, False):
        hands.room.keeping.is_damaged = damaged
        hands.room.keeping.damaged.emit(damaged)
        assert page.door.whose.standing.text() == ("Partly damaged: see the main window" if damaged else before)
    page.door.close()


# -- a walk-in that waits


def half_typed(door: Door) -> None:
    """Zed's form, all but Enter, and away from it."""
    form = door.window.form
    door.press(Qt.Key.Key_F2)
    for line, typed in ((form.name, "Zed Walker"), (form.contact, "zed@x.org"), (form.year, "1999"), (form.host, "chen 98")):
        line.setText(typed)
    form.consent.setChecked(True)
    door.settled()
    door.press(Qt.Key.Key_Escape)
    assert door.window.state() == "idle"


def in_form(door: Door) -> list[object]:
    form = door.window.form
    return [*(line.text() for line in form.fields()), form.consent.isChecked()]


ZED = ["Zed Walker", "zed@x.org", "1999", "chen 98", True]


def offered(door: Door, key: str) -> str:
    """What the key bar says of a key."""
    return dict(door.window.keys._shown).get(key, "")


def test_what_was_half_typed_of_one_walk_in_never_goes_to_another_and_is_not_lost(door: Door) -> None:
    half_typed(door)
    assert offered(door, "F2") == "Go on with Zed Walker"
    door.scan(door.codes["Ada Obi 2012"])
    door.wait(lambda: door.window.state() == "verdict")
    door.settled()
    assert offered(door, "F2") == "Go on with Zed Walker"
    door.wait(lambda: not door.window.scans.muted())
    door.window.field.setText("Mia Newman")
    door.found()
    door.settled()
    door.press(Qt.Key.Key_F2)
    assert door.window.state() == "walk_in" and in_form(door) == ["Mia Newman", "", "", "", False]
    door.window.form.contact.setText("mia@example.org")
    door.press(Qt.Key.Key_Return)
    door.wait(lambda: door.window.state() == "verdict")
    door.settled()
    assert "Mia" in door.window.panel.showing.name and offered(door, "F2") == "Go on with Zed Walker"
    door.wait(lambda: not door.window.scans.muted())
    door.press(Qt.Key.Key_F2)
    assert in_form(door) == ZED
    door.settled()
    door.press(Qt.Key.Key_Return)
    door.wait(lambda: "Zed" in door.window.panel.showing.name)
    door.settled()
    assert in_form(door) == ["", "", "", "", False] and "Go on" not in offered(door, "F2")


def test_the_same_name_typed_again_goes_on_with_its_form(door: Door) -> None:
    half_typed(door)
    door.window.field.setText("zed  walker")
    door.found()
    door.press(Qt.Key.Key_F2)
    assert in_form(door) == ZED
    door.press(Qt.Key.Key_Escape)
    door.window.field.setText("Mia Newman")
    door.press(Qt.Key.Key_F2)
    door.press(Qt.Key.Key_Escape)
    assert offered(door, "F2") == "Go on with Mia Newman"
    door.window.field.setText("Zed Walker")
    door.press(Qt.Key.Key_F2)
    assert in_form(door) == ZED
    door.press(Qt.Key.Key_Escape)
    door.settled()


def test_in_the_form_f2_begins_an_empty_one_and_f2_again_goes_on(door: Door) -> None:
    half_typed(door)
    door.press(Qt.Key.Key_F2)
    assert in_form(door) == ZED and offered(door, "F2") == "Somebody else, this one waits"
    door.press(Qt.Key.Key_F2)
    assert in_form(door) == ["", "", "", "", False] and door.window.form.name.hasFocus()
    assert offered(door, "F2") == "Go on with Zed Walker"
    door.press(Qt.Key.Key_F2)
    assert in_form(door) == ZED
    door.press(Qt.Key.Key_Escape)
    door.settled()


def test_a_walk_in_asked_for_by_an_answer_begins_an_empty_form(door: Door) -> None:
    half_typed(door)
    door.scan(badge_code())
    door.wait(lambda: door.window.state() == "verdict")
    door.settled()
    assert any(offer.act is Act.WALK_IN for offer in door.window.panel.showing.offers)
    door.window._act(Act.WALK_IN)
    assert in_form(door) == ["", "", "", "", False]
    door.press(Qt.Key.Key_Escape)
    assert offered(door, "F2") == "Go on with Zed Walker"


def test_the_button_on_an_empty_list_says_whose_form_waits_too(door: Door) -> None:
    assert door.window.idle.add.text() == "Add a walk-in · F2"
    half_typed(door)
    assert door.window.idle.add.text() == "Go on with Zed Walker · F2"
    door.window.set_locked(True)
    assert door.window.idle.add.text() == "Add a walk-in · F2"
    door.window.set_locked(False)
    assert door.window.idle.add.text() == "Go on with Zed Walker · F2"


def test_consent_alone_does_not_go_to_the_next_one_either(door: Door) -> None:
    door.press(Qt.Key.Key_F2)
    door.window.form.consent.setChecked(True)
    door.press(Qt.Key.Key_Escape)
    door.window.field.setText("Mia Newman")
    door.press(Qt.Key.Key_F2)
    assert in_form(door) == ["Mia Newman", "", "", "", False]
    door.press(Qt.Key.Key_Escape)
    door.settled()


def test_whoever_is_saved_takes_only_their_own_form_with_them(door: Door) -> None:
    """A slow disk: the next one's form is begun before the first is saved."""
    door.press(Qt.Key.Key_F2)
    door.window.form.name.setText("Zed Walker")
    door.window.form.contact.setText("zed@x.org")
    hold = Event()
    door.lanes.write(lambda: hold.wait(10))
    door.press(Qt.Key.Key_Return)
    door.window._open_form(anew=True)
    door.window.form.name.setText("Mia Newman")
    hold.set()
    door.wait(lambda: door.window.state() == "verdict")
    door.settled()
    assert offered(door, "F2") == "Go on with Mia Newman" and in_form(door)[0] == "Mia Newman"
    assert [draft.name for draft in door.window.newcomer.aside] == []


def test_a_locked_door_says_nothing_of_who_waits(door: Door) -> None:
    half_typed(door)
    door.window.field.setText("Mia Newman")
    door.press(Qt.Key.Key_F2)
    door.press(Qt.Key.Key_Escape)
    door.window.set_locked(True)
    said = " ".join(entry.accessibleName() for entry in door.window.keys._entries)
    assert "Zed" not in said and "Mia" not in said
    door.press(Qt.Key.Key_F2)
    assert door.window.state() == "idle"
    door.window.set_locked(False)
    assert offered(door, "F2") == "Go on with Mia Newman"
    door.settled()


def to_send(desk: Desk) -> int:
    """As the Sync page counts."""
    with desk.reading() as connection:
        return operations.count_waiting(connection)


def test_what_waits_offline_is_called_changes_because_a_check_in_taken_back_is_one_more(door: Door) -> None:
    """Three check-ins, one of them taken back: two stand, and the line spoke of four."""
    door.window.set_venue(AtVenue(), datetime.now(UTC), None)
    before = to_send(door.desk)
    for number, key in enumerate(("Ada Obi 2012", "Li Chen 2004", "Li Chen 2019"), 1):
        door.scan(door.codes[key])
        door.wait(lambda number=number: len(door.facts()) == number)
        door.settled()
    door.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    door.wait(lambda: len(door.facts()) == 4)
    door.settled()
    waits = to_send(door.desk)
    assert waits == before + 4 and f"{waits} changes wait on this laptop, nothing is lost" in door.window.network.accessibleName()
    assert "check-ins wait" not in door.window.network.accessibleName()
