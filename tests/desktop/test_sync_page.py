"""The Sync page: what was not taken, what is under way, and a window that closes at once."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from alumni_desk.desktop.controls import Button, Label, Link
from alumni_desk.desktop.look import look
from alumni_desk.desktop.nav import DUE
from alumni_desk.desktop.paint import FSI, PDI
from alumni_desk.desktop.quitting_sheets import WaitingSheet
from alumni_desk.desktop.refused_sheet import RefusedSheet
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.members.actions import add_member
from alumni_desk.protocol.messages import LaptopRow
from alumni_desk.sync import lately, operations, state
from alumni_desk.sync.pull import cursor_of


def joined(desk: Any, url: str = "http://127.0.0.1:9") -> None:
    """As if this desk had joined a server."""
    with desk.applying() as applying:
        state.keep(applying.connection, state.Membership(url, None, "server", "device", bytes(32), desk.scope, "Boston", "leader"))


@pytest.fixture
def silent() -> Iterator[tuple[str, threading.Event]]:
    """A server that takes a call and never answers: its address, and whether somebody called."""
    called = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as there:

        def take() -> None:
            try:
                kept.append(there.accept()[0])
                kept[0].recv(1)
                called.set()
            except OSError:
                pass  # the test is over

        kept: list[socket.socket] = []
        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{there.getsockname()[1]}", called
        there.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for one in kept:
            one.close()


def words(page: Any) -> str:
    """All that is to be read on a page."""
    return "\n".join(label.text() for label in page.findChildren(Label) if label.isVisible())


def test_a_laptop_that_shares_with_nobody_has_no_empty_column(hands: Any) -> None:
    page = hands.page("sync")
    hands.until(lambda: "shared with nobody" in words(page))
    hands.rest()
    assert not page._side.isVisible() and not page._both._line.isVisible()
    joined(hands.desk)
    page.refresh()
    hands.until(page.here.isVisible)
    assert page._side.isVisible() and page._both._line.isVisible()


def test_on_a_large_screen_the_button_stays_near_its_words(hands: Any) -> None:
    joined(hands.desk)
    page = hands.page("sync")
    hands.shell.resize(1920, 1080)
    hands.until(lambda: page._side.isVisible() and page._side.mapTo(page, QPoint()).x() > 1_300)
    hands.until(lambda: page._status_place.width() == 1_040)


def test_what_the_server_did_not_take_is_shown_until_it_was_seen(hands: Any) -> None:
    joined(hands.desk)
    with hands.desk.applying() as applying:
        rows = applying.connection.exec_driver_sql("SELECT rowid FROM operation WHERE table_name = 'person'").scalars().all()
        operations.mark_refused(applying.connection, [(1, "denied", row) for row in rows], "2026-11-10T10:00:00.000Z")
    page = hands.page("sync")
    assert "3 changes were not taken" in words(page) and "Ada Obi" in words(page) and "leader" in words(page)
    seen = next(button for button in page.findChildren(Button) if button.text() == "Seen")
    hands.click(seen)
    hands.rest()
    hands.until(lambda: "not taken" not in words(page))
    assert hands.desk.setting("refused_seen") == "2026-11-10T10:00:00.000Z"


def test_all_that_was_not_taken_is_listed_in_the_window_by_reason(hands: Any) -> None:
    joined(hands.desk)
    for first in ("Hana", "Tomás", "Selam"):
        add_member(hands.desk, first_name=first)
    with hands.desk.writing("import", queue="load") as writing:
        writing.add("import_run", file_name="members.csv", rows=3, added=3, mapping="{}")
    with hands.desk.applying() as applying:
        rows = applying.connection.exec_driver_sql("SELECT rowid, table_name FROM operation").all()
        operations.mark_refused(applying.connection, [(1, "denied" if row.table_name == "person" else "transaction", row.rowid) for row in rows],
                                "2026-11-10T10:00:00.000Z")
    page = hands.page("sync")
    hands.until(lambda: "more are not shown" in words(page) or "more is not shown" in words(page))
    assert "alumni-desk refused" not in words(page)
    every = next(button for button in page.findChildren(Button) if button.text() == "Show all")
    hands.click(every)
    sheet = hands.dialog(RefusedSheet)
    said = words(sheet)
    assert all(name in said for name in ("Ada Obi", "Hana", "Tomás", "Selam")) and said.count("This laptop may not change that") == 1
    assert "An import: File, Columns, Rows in the file, Added" in said and "file_name" not in said and "Somebody" not in said
    sheet.accept()


def test_a_server_that_is_away_is_said_once_and_is_no_warning(hands: Any) -> None:
    joined(hands.desk)
    hands.room.bridge.look()
    hands.until(lambda: hands.room.bridge.joined)
    page = hands.page("sync")
    hands.room.bridge.sync_now()

    def about() -> list[Label]:
        return [label for label in page._status_place.findChildren(Label) if "cannot be reached" in label.text() and label.isVisible()]

    hands.until(about)  # until it tries once more
    assert [label.property("tone") for label in about()] == ["muted"]
    assert "by itself" in about()[0].text()


def test_trouble_is_over_once_a_command_beside_the_window_has_synced(hands: Any) -> None:
    joined(hands.desk)
    hands.room.bridge.look()
    hands.until(lambda: hands.room.bridge.joined)
    page = hands.page("sync")
    hands.room.bridge.sync_now()
    hands.until(lambda: "cannot be reached" in words(page))
    hands.room.bridge.stop()  # else it tries again by itself, and that fails after what the command did
    hands.rest()
    with hands.desk.applying() as applying:
        applying.connection.exec_driver_sql("DELETE FROM waiting")
        state.keep(applying.connection, state.LastSync(datetime.now(UTC).isoformat()))
    page.refresh()
    hands.until(lambda: "Everything up to" in words(page))
    hands.rest()
    assert "cannot be reached" not in words(page._status_place)


def test_a_window_closes_at_once_though_the_server_does_not_answer(hands: Any, silent: tuple[str, threading.Event]) -> None:
    url, called = silent
    joined(hands.desk, url)
    hands.room.bridge.sync_now()
    assert called.wait(10)
    began = time.monotonic()
    hands.room.bridge.stop()  # the first thing that closing does; then it waits for what runs
    hands.rest()
    assert time.monotonic() - began < 15
    with hands.desk.reading() as connection:
        assert state.read(connection, state.LastSync) is None, "a sync that was ended is no trouble with the server"


def test_ctrl_q_quits_and_asks_first_about_what_is_not_sent(hands: Any) -> None:
    joined(hands.desk)
    add_member(hands.desk, first_name="Grace", last_name="Hopper")
    hands.room.bridge.look()
    hands.until(lambda: hands.room.bridge.waiting)
    QTest.keyClick(hands.shell, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    sheet = hands.dialog(WaitingSheet)
    sheet.reject()
    hands.rest()
    assert hands.shell.isVisible()


def test_a_long_sync_tells_how_far_it_is_and_can_be_cancelled(hands: Any, silent: tuple[str, threading.Event]) -> None:
    url, called = silent
    page = hands.page("sync")
    joined(hands.desk, url)
    hands.room.bridge.sync_now()  # it may have begun by itself: no page rests any more
    assert called.wait(10)
    hands.until(lambda: "The chapter is being fetched" in words(page))
    hands.room.bridge.moved.emit("pull", 4_000)
    hands.until(lambda: "4,000 changes fetched so far" in words(page))
    hands.room.bridge.moved.emit("pull", 8_000)
    hands.until(lambda: "8,000 changes fetched so far" in words(page))
    hands.click(next(button for button in page.findChildren(Button) if button.text() == "Cancel"))
    hands.until(lambda: not hands.room.bridge.busy)
    hands.rest()
    assert "The sync was stopped" in words(page) and "so far" not in words(page) and "new invitation" not in words(page)
    assert "Not all of the chapter has been fetched yet" in words(page)  # some members are here


def test_a_page_that_is_looked_at_while_the_first_sync_is_under_way_says_so_and_can_cancel_it(hands: Any, silent: tuple[str, threading.Event]) -> None:
    url, called = silent
    joined(hands.desk, url)
    hands.room.bridge.sync_now()
    hands.until(called.is_set)
    assert hands.shell.built("sync") is None
    hands.shell.show_page("sync")
    page = hands.shell.current()
    hands.until(lambda: "The chapter is being fetched" in words(page))
    hands.until(lambda: "The first part is on its way" in words(page) and hands.shell.chip.text() == "Fetching the chapter")
    assert "Syncing …" in [button.text() for button in page.findChildren(Button)]
    hands.click(next(button for button in page.findChildren(Button) if button.text() == "Cancel"))
    hands.until(lambda: not hands.room.bridge.busy)
    hands.until(lambda: "on its way" not in words(page) and hands.shell.chip.text() == "Saved here · 4 to send")


@pytest.mark.parametrize(("waiting", "says"), [(1, "takes it along"), (2, "takes them along")])
def test_what_is_asked_at_the_end_says_one_or_many(qtbot: Any, waiting: int, says: str) -> None:
    sheet = WaitingSheet(None, waiting)  # type: ignore[arg-type]
    qtbot.addWidget(sheet)
    assert says in "\n".join(label.text() for label in sheet.findChildren(Label))


def test_after_a_transfer_file_was_saved_enter_quits(qtbot: Any) -> None:
    sheet = WaitingSheet(None, 2)  # type: ignore[arg-type]
    qtbot.addWidget(sheet)
    sheet.open()
    with qtbot.waitSignal(sheet.quits, timeout=1_000):
        sheet.save.setFocus()
        sheet.saving()
        sheet.saved("Saved.")
        assert sheet.focusWidget() is sheet.quit
        QTest.keyClick(sheet.focusWidget(), Qt.Key.Key_Return)


def test_a_folded_sidebar_shows_that_something_is_to_be_decided_and_not_how_many_there_are_of_a_thing(hands: Any) -> None:
    nav, bridge = hands.shell.nav, hands.room.bridge
    hands.shell.resize(880, 700)
    hands.rest()
    number = next(n for n, entry in enumerate(nav.rows.entries) if entry.key == "sync")
    index = nav.rows.index(number)

    def dot() -> bool:
        picture = nav.viewport().grab(nav.visualRect(index)).toImage()
        accent = look(nav).accent
        return sum(picture.pixelColor(x, y).name().upper() == str(accent).upper() for x in range(picture.width()) for y in range(picture.height())) > 20

    assert not dot()
    bridge.to_decide.emit(2)
    assert dot() and "2" in index.data(Qt.ItemDataRole.ToolTipRole)
    bridge.to_decide.emit(0)
    assert not dot()
    members = nav.rows.index(next(n for n, entry in enumerate(nav.rows.entries) if entry.key == "members"))
    nav.set_count("members", "2,014")
    assert not members.data(DUE)


def told_of(desk: Any, doors: int) -> None:
    """As if the server had told of this laptop, of so many at a door, each seen before the last one, and of a removed one that handed something over."""
    joined(desk)
    now = round(time.time() * 1000)
    rows = [LaptopRow(device="device", role="leader", gathering=None, name="Mine", who="Priya Raman", last_seen=now, waiting=0, until=None, version="0.1.0",
                      revoked=None, ended=None, set_aside=0)]
    rows += [LaptopRow(device=f"door{n:02}", role="door", gathering=None, name=f"Door {n:02}", who=f"Volunteer {n:02}", last_seen=now - n * 3_600_000,
                       waiting=0, until=now + 86_400_000, version="0.1.0", revoked=None, ended=None, set_aside=0) for n in range(1, doors + 1)]
    rows.append(LaptopRow(device="old", role="leader", gathering=None, name="Old laptop", who="Margit", last_seen=now - 90 * 86_400_000, waiting=0,
                          until=None, version="0.1.0", revoked=now - 80 * 86_400_000, ended=None, set_aside=2))
    with desk.applying() as applying:
        state.keep(applying.connection, state.Told(at="2026-11-10T10:00:00+00:00", scope=desk.scope, laptops=rows))


def test_many_laptops_fold_and_all_of_them_are_shown_when_asked(hands: Any) -> None:
    told_of(hands.desk, 46)
    page = hands.page("sync")
    hands.until(lambda: "Door 01" in words(page.people))
    said = words(page.people)
    assert "Door 07" in said and "Door 08" not in said and "Mine" not in said, "the eight that were seen last, this laptop among them"
    assert "Old laptop" in said, "what it handed over waits for somebody"
    assert said.startswith("Laptops of this chapter\n48 · ") and len(said) < 900
    every = next(one for one in page.people.findChildren(Link) if one.text() == "Show all 48")
    assert every.accessibleName() == "Show all 48 laptops"
    every.setFocus()
    QTest.keyClick(every, Qt.Key.Key_Space)
    hands.rest()
    assert "Door 08" in words(page.people) and "Door 46" in words(page.people) and "Show all" not in words(page.people)
    assert "Door 08" in QApplication.focusWidget().accessibleName(), "the keyboard goes on with the first that came"
    page.people.refresh(0)
    hands.until(lambda: not page.people._asking)
    hands.rest()
    assert "Door 46" in words(page.people), "they stay while the page is there"
    assert "Door 08" in QApplication.focusWidget().accessibleName(), "and so does the keyboard"


def test_a_few_laptops_more_than_eight_are_shown(hands: Any) -> None:
    told_of(hands.desk, 7)
    page = hands.page("sync")
    hands.until(lambda: "Door 01" in words(page.people))
    assert "Door 07" in words(page.people) and "Old laptop" in words(page.people)
    assert not [one for one in page.people.findChildren(Link) if one.text().startswith("Show all")]


def test_a_removal_names_whose_laptop_it_is_where_several_are_called_the_same(hands: Any) -> None:
    joined(hands.desk)
    rows = [LaptopRow(device=device, role="leader", gathering=None, name="vm", who=who, last_seen=1, waiting=0, until=None, version="0.1.0", revoked=None,
                      ended=None, set_aside=0) for device, who in (("one", "Late Hana"), ("two", "Evil Rex"), ("three", None))]
    with hands.desk.applying() as applying:
        state.keep(applying.connection, state.Told(at="2026-11-10T10:00:00+00:00", scope=hands.desk.scope, laptops=rows))
    page = hands.page("sync")
    hands.until(lambda: "Evil Rex" in words(page.people))
    buttons = page.people.table.buttons
    plain = {device: button.accessibleName().replace(FSI, "").replace(PDI, "") for device, button in buttons.items()}
    assert plain == {"one": "Remove vm (Late Hana)", "two": "Remove vm (Evil Rex)", "three": "Remove vm"}
    QTest.keyClick(buttons["two"], Qt.Key.Key_Space)
    hands.until(lambda: hands.shell.findChildren(Sheet))
    [sheet] = hands.shell.findChildren(Sheet)
    assert "Remove vm (Evil Rex)?" in words(sheet).replace(FSI, "").replace(PDI, "")
    sheet.reject()


def test_in_a_narrow_window_the_laptops_here_come_before_the_details(hands: Any) -> None:
    joined(hands.desk)
    page = hands.page("sync")
    hands.until(lambda: page.here.isVisible() and page._facts is not None)
    page.details.turn()

    def top(part: Any) -> int:
        return int(part.mapTo(page, QPoint()).y())

    def left(part: Any) -> int:
        return int(part.mapTo(page, QPoint()).x())

    assert left(page.here) > left(page.details) and page.regions().index(page.details) < page.regions().index(page.here)
    hands.shell.resize(900, 800)
    hands.until(lambda: page.here.isVisible() and left(page.here) == left(page.details))
    hands.until(lambda: top(page._below_place) <= top(page.here) and top(page.here) + page.here.height() <= top(page.details) < top(page.history))
    regions = page.regions()
    assert regions.index(page.here) < regions.index(page.details) < regions.index(page.history)
    hands.shell.resize(1280, 800)
    hands.until(lambda: page.here.isVisible() and left(page.here) > left(page.details) and top(page.here) < top(page.history))


def test_without_a_server_a_clock_behind_the_newest_change_is_said(hands: Any) -> None:
    desk = hands.desk
    desk.clock.correct(10 * 365 * 86_400_000)
    add_member(desk, last_name="Lima")
    desk.clock.correct(0)
    page = hands.page("sync")
    hands.until(lambda: "10 years behind the newest change here" in words(page))
    assert "Everything is saved on this laptop." in words(page)


def test_a_wrong_clocks_moment_neither_lies_on_top_nor_is_said(hands: Any) -> None:
    joined(hands.desk)
    now = datetime.now(UTC)

    def note(sent: int, after: timedelta) -> None:
        with hands.desk.applying() as applying:
            lately.note(applying.connection, now + after, sent=sent, fetched=0, refused=0, conflicts=0)

    note(11, timedelta(hours=-9))
    note(12, timedelta(days=70))  # as an earlier program kept it
    note(13, timedelta(days=-400))
    note(14, timedelta(hours=-7))
    with hands.desk.applying() as applying:
        cursor = cursor_of(applying.connection, hands.desk.scope)
        state.keep(applying.connection, state.Checked(at=(now - timedelta(hours=8)).isoformat(), identical=True, cursor=cursor))
    page = hands.page("sync")
    hands.until(lambda: "14 changes sent" in words(page))
    said = [line for line in words(page).splitlines() if line.endswith(" changes sent") or line == "Checked: nothing missing" or "clock was wrong" in line]
    assert said == ["14 changes sent", "Checked: nothing missing", "13 changes sent", "12 changes sent",
                    "all taken by 127.0.0.1 · the clock was wrong then", "11 changes sent"]
    note(15, timedelta(days=70))
    page.refresh()
    hands.until(lambda: "15 changes sent" in words(page))
    assert words(page).count("clock was wrong") == 2


def test_a_check_keeps_how_many_members_there_were(hands: Any) -> None:
    joined(hands.desk)
    page = hands.page("sync")
    for kept, says in ((2, "Checked: nothing missing\n2 members\n"), (None, "Checked: nothing missing\n")):  # None: of a former version
        with hands.desk.applying() as applying:
            state.keep(applying.connection, state.Checked(at=hands.desk.now().isoformat(), identical=True, members=kept,
                                                          cursor=cursor_of(applying.connection, hands.desk.scope)))
        add_member(hands.desk, last_name="Added since")
        page.refresh()
        hands.until(lambda: says in words(page) + "\n" and (" members" in words(page)) is (kept is not None))  # noqa: B023


def test_the_history_says_how_many_unsent_changes_went_with_somebody_who_was_erased(hands: Any) -> None:
    joined(hands.desk)
    now = datetime.now(UTC)
    with hands.desk.applying() as applying:
        for at, (sent, fetched, refused, dropped) in enumerate(((0, 0, 0, 1), (3, 1, 0, 2), (0, 2, 1, 2))):
            lately.note(applying.connection, now + timedelta(minutes=at - 9), sent=sent, fetched=fetched, refused=refused, conflicts=0, dropped=dropped)
    page = hands.page("sync")
    hands.until(lambda: "2 unsent changes went with people erased" in words(page))
    said = words(page).splitlines()
    found = [(line, said[number + 1]) for number, line in enumerate(said) if "unsent change" in said[min(number + 1, len(said) - 1)]]
    assert found == [("2 changes fetched", "1 was not taken · 2 unsent changes went with people erased"),
                     ("3 changes sent, 1 fetched", "2 unsent changes went with people erased"),
                     ("Somebody was erased", "1 unsent change went with somebody erased")]


def test_the_details_tell_laptops_of_one_name_apart_and_say_the_whole_address(hands: Any) -> None:
    joined(hands.desk, "http://127.0.0.1:9")
    rows = [LaptopRow(device=device, role="leader", gathering=None, name=name, who=who, last_seen=1, waiting=0, until=None, version="0.1.0", revoked=None,
                      ended=None, set_aside=0) for device, name, who in (("one", "vm", "Priya"), ("two", "vm", "Noor"), ("three", "Desk", "Hana"))]
    with hands.desk.applying() as applying:
        state.keep(applying.connection, state.Told(at="2026-11-10T10:00:00+00:00", scope=hands.desk.scope, laptops=rows))
    page = hands.page("sync")
    page.details.unfold()
    hands.until(lambda: "Versions on the chapter’s laptops" in words(page))
    said = words(page).replace(FSI, "").replace(PDI, "")
    assert "vm (Priya), vm (Noor), Desk\n" in f"{said}\n" and "http://127.0.0.1:9" in said.splitlines()
