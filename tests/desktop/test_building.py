"""Pages are built when they are first wanted, or one by one when nobody does anything: the first page waits for none of them."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator
from datetime import date
from importlib import import_module
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QWidget

from alumni_desk.desktop.app import Room, build
from alumni_desk.desktop.later import Later
from alumni_desk.desktop.palette import Palette
from alumni_desk.desktop.setting_rows import SettingRow
from alumni_desk.desktop.settings_page import SettingsPage
from alumni_desk.desktop.wiring import help_files
from alumni_desk.store.desk import Desk


@pytest.fixture
def fresh(desk: Desk, qtbot: Any) -> Iterator[Room]:
    """A window that has just been shown, in which nobody has rested yet."""
    room = build(desk, theme="light", help_files=help_files(), today=lambda: date(2026, 11, 10))
    room.shell.show()
    yield room
    room.close()
    room.shell.close()
    room.shell.deleteLater()


class Strays(QObject):
    """Windows that come up while it watches."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
            self.seen.append(type(watched).__name__)
        return False


def all_built(room: Room) -> bool:
    return room.shell.next_to_build() is None


def steps(later: Later, lanes: Any, qtbot: Any) -> None:
    """Give it the chance to take some steps."""
    for _step in range(4):
        later.look()
        qtbot.waitUntil(lanes.idle, timeout=10_000)


def test_only_the_first_page_is_built_at_first_and_the_others_when_nobody_does_anything(fresh: Room, qtbot: Any) -> None:
    shell = fresh.shell
    assert [name for name in shell.plan if shell.built(name)] == ["today"]
    strays = Strays()
    QApplication.instance().installEventFilter(strays)
    qtbot.waitUntil(lambda: all_built(fresh), timeout=30_000)
    QApplication.instance().removeEventFilter(strays)
    assert strays.seen == []
    assert shell.current().name == "today" and shell.stack.count() == len(shell.plan)


def test_a_page_of_many_widgets_is_built_in_pieces_and_whole_when_it_is_wanted(fresh: Room, qtbot: Any) -> None:
    shell = fresh.shell
    qtbot.waitUntil(lambda: shell.is_made("members") and shell.next_step("members") is not None, timeout=30_000)
    assert shell.built("members") is None
    page = shell.page("members")
    assert page is not None and page.steps == [] and shell.next_step("members") is None
    assert page.first_focus() is not None and len(page.regions()) == 2


def test_the_plan_says_what_the_pages_say(fresh: Room) -> None:
    for name, planned in fresh.shell.plan.items():
        page = fresh.shell.page(name)
        assert page is not None and type(page).__module__ == planned.module
        assert (type(page).name, type(page).icon, type(page).title, type(page).apart) == (name, planned.icon, planned.title, planned.apart)
    assert all_built(fresh)


def test_the_palette_knows_every_deed_however_early_it_is_asked(fresh: Room, qtbot: Any) -> None:
    def keys(palette: Palette | None) -> list[str]:
        assert palette is not None
        found = [deed.key for deed in fresh._everything()]
        palette.reject()
        return found

    early = keys(fresh.show_palette())
    assert {"members:add", "gatherings:plan", "checkin:open", "badges:print", "sync:now", "settings:lock", "page:restore"} <= set(early)
    qtbot.waitUntil(lambda: all_built(fresh), timeout=30_000)
    assert keys(fresh.show_palette()) == early


def test_a_page_that_is_not_imported_yet_is_imported_beside_the_window(fresh: Room, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh.later.stop()
    qtbot.waitUntil(fresh.lanes.idle, timeout=10_000)
    module = fresh.shell.plan["activity"].module
    __import__(module)
    monkeypatch.delitem(sys.modules, module)
    fresh.shell.go("activity")
    assert fresh.shell.current().name == "today" and module not in sys.modules
    qtbot.waitUntil(lambda: fresh.shell.current().name == "activity", timeout=10_000)
    fresh.shell.show_page("today")
    monkeypatch.delitem(sys.modules, fresh.shell.plan["members"].module, raising=False)
    fresh.shell.go("members")
    fresh.shell.go("activity")  # somebody thought better of it
    qtbot.waitUntil(fresh.lanes.idle, timeout=10_000)
    assert fresh.shell.current().name == "activity"


def test_settings_is_built_section_by_section_and_each_when_it_is_wanted(fresh: Room, qtbot: Any) -> None:
    fresh.later.stop()
    page = fresh.shell.page("settings")
    assert isinstance(page, SettingsPage) and list(page._parts) == ["general"]
    page.open("about")
    assert list(page._parts) == ["general", "about"] and page.places.currentWidget() is page._parts["about"]
    told: list[str] = []
    page.lock_now.connect(lambda: told.append("lock"))
    page.security.lock_now.emit()
    assert told == ["lock"] and "security" in page._parts
    fresh.shell.show_page("settings")
    assert page.next_part() is not None
    page.next_part()()
    assert page.next_part() is None
    qtbot.waitUntil(fresh.lanes.idle, timeout=10_000)  # built while it is shown, and filled at once
    assert page.backups.findChildren(SettingRow)


def test_nothing_is_built_while_somebody_types_or_it_is_locked(fresh: Room, qtbot: Any) -> None:
    fresh.later.stop()
    qtbot.waitUntil(fresh.lanes.idle, timeout=10_000)
    rested = [0.0]
    later = Later(fresh.shell, fresh.lanes, lambda: rested[0])
    steps(later, fresh.lanes, qtbot)
    assert not fresh.shell.built("members")
    rested[0] = 5.0
    fresh.lock.lock()
    steps(later, fresh.lanes, qtbot)
    assert not fresh.shell.built("members")
    fresh.lock.unlock()
    qtbot.waitUntil(lambda: all_built(fresh), timeout=30_000)
    later.stop()


def test_what_is_imported_for_a_page_is_not_looked_at_by_the_collector(fresh: Room, qtbot: Any) -> None:
    names = {planned.module for planned in fresh.shell.plan.values()}
    qtbot.waitUntil(lambda: all_built(fresh), timeout=30_000)
    looked_at = {id(one) for one in gc.get_objects()}
    # A frozen module's own names are in nobody's generation any more: the collector stops every thread for what is.
    assert [name for name in sorted(names) if id(vars(sys.modules[name])) in looked_at] == []


def test_a_page_built_in_pieces_has_them_all_when_it_is_wanted_before_they_are_built(fresh: Room) -> None:
    fresh.later.stop()
    for name in ("gatherings", "settings", "activity", "restore"):
        fresh.shell.make_ahead(name)
        assert fresh.shell.next_step(name) is not None
        page = fresh.shell.page(name)
        assert page is not None and page.steps == [] and page.regions() is not None
    settings = fresh.shell.page("settings")
    assert isinstance(settings, SettingsPage)
    begin = settings.next_part()
    assert begin is not None
    begin()  # the first half of Security
    settings.open("security")
    assert settings.security.pin.isVisibleTo(settings) and settings.security.mail.isVisibleTo(settings)


def test_building_a_page_holds_the_window_up_for_a_moment_only(fresh: Room) -> None:
    fresh.later.stop()
    took: dict[str, float] = {}
    for planned in fresh.shell.plan.values():
        import_module(planned.module)  # a lane does that, beside the window
        begun = time.thread_time()
        fresh.shell.page(planned.name)
        took[planned.name] = (time.thread_time() - begun) * 1000
    while (part := fresh.shell.next_part()) is not None:
        begun = time.thread_time()
        part()
        took[repr(part)] = (time.thread_time() - begun) * 1000
    assert max(took.values()) < 100, took  # up to 16 ms on a calm machine; this one notices what reads or computes in a constructor
