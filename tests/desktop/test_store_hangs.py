"""The window while the computer's password store does not answer: another way is offered, a late answer is used, and nothing is held up."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from tests.conftest import PASSPHRASE
from tests.store.test_keyring_hangs import Store, paper, real, store, wait

from alumni_desk.desktop.app import Sitting
from alumni_desk.desktop.controls import Button
from alumni_desk.desktop.first_run import FirstRun
from alumni_desk.desktop.unlock import UnlockPage
from alumni_desk.desktop.wiring import room_in, ways_of
from alumni_desk.desktop.working import Working
from alumni_desk.members.lists import count_members
from alumni_desk.store import keys
from alumni_desk.store.profile import Profile

__all__ = ["paper", "store"]
pytestmark = real
Until = Callable[[Callable[[], Any]], None]


@pytest.fixture
def until(qtbot: Any) -> Until:
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=30_000)


@contextmanager
def _hanging(qapp: QApplication, store: Store, profile: Profile) -> Iterator[Sitting]:
    """A window whose password store has just stopped to answer; it goes on when the window is closed."""
    qapp.setQuitOnLastWindowClosed(False)
    store.hang()
    sitting = Sitting(qapp, profile, ways_of(profile), room_in)
    sitting.begin()
    yield sitting
    sitting.close()
    store.go_on()
    wait(lambda: not any(one.name == "password store" for one in threading.enumerate()))
    qapp.setQuitOnLastWindowClosed(True)


@pytest.fixture
def sitting(qapp: QApplication, store: Store, profile: Profile, paper: str) -> Iterator[Sitting]:
    """The window of a chapter of one, whose password store has just stopped to answer."""
    with _hanging(qapp, store, profile) as sitting:
        yield sitting


def shown(sitting: Sitting, kind: type[QWidget]) -> Any:
    return next((one for one in sitting.front.findChildren(kind) if one.isVisible()), None) if sitting.front is not None else None


def texts(widget: QWidget) -> str:
    return " | ".join(label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget))


def other_way(sitting: Sitting, until: Until) -> UnlockPage:
    """Take the other way, as soon as it is offered."""
    until(lambda: shown(sitting, Working) and [one for one in shown(sitting, Working).findChildren(Button) if one.isVisible()])
    button = next(one for one in shown(sitting, Working).findChildren(Button) if one.isVisible())
    assert button.text() == "Use the recovery key instead" and button.hasFocus()
    shot(sitting, "opening")
    button.click()
    until(lambda: shown(sitting, UnlockPage))
    page: UnlockPage = shown(sitting, UnlockPage)
    assert "has not answered yet" in texts(page) and page.try_again is not None and not page.try_again.isVisible()
    shot(sitting, "another-way")
    return page


def shot(sitting: Sitting, name: str) -> None:
    if os.environ.get("SHOTS") and sitting.front is not None:
        for theme in ("dark", "light"):
            sitting.appearance.set_theme(theme)
            sitting.front.resize(1280, 800)
            sitting.front.grab().save(f"{os.environ['SHOTS']}/store-{name}-{theme}.png")


def test_the_recovery_key_opens_while_the_store_hangs(sitting: Sitting, until: Until, paper: str, profile: Profile) -> None:
    page = other_way(sitting, until)
    page._given(paper.replace("-", "")[:-1] + ("2" if paper[-1] != "2" else "3"))
    until(lambda: "typing error" in texts(page))
    page._given(paper)
    until(lambda: sitting.room is not None)
    assert sitting.room is not None and count_members(sitting.room.desk) == 1
    assert keys.keepers(profile.path, "desk") == {"keyring", "recovery"}, "the store has the key: nothing is chosen in its place"


def test_a_late_answer_opens_it(sitting: Sitting, until: Until, store: Store) -> None:
    other_way(sitting, until)
    store.go_on()
    until(lambda: sitting.room is not None)


def test_when_it_is_waited_for_no_longer_it_can_be_tried_again(sitting: Sitting, until: Until, store: Store) -> None:
    sitting._ways.patience.answers_s = 6
    page = other_way(sitting, until)
    assert page.entry is not None and page.try_again is not None
    page.entry.recovery.setText("ABCDE")
    until(lambda: page.try_again is not None and page.try_again.isVisible())
    assert "it does not answer" in texts(page) and "ALUMNI_DESK" not in texts(page) and page.entry.recovery.text() == "ABCDE"
    shot(sitting, "no-answer")
    page.try_again.click()
    until(lambda: shown(sitting, Working))
    store.go_on()
    until(lambda: sitting.room is not None)


def test_closing_does_not_wait_for_it(sitting: Sitting, until: Until) -> None:
    until(lambda: shown(sitting, Working))
    sitting.close()
    assert any(one.name == "password store" for one in threading.enumerate()), "it was waited for"


@pytest.fixture
def first_time(qapp: QApplication, store: Store, profile: Profile) -> Iterator[Sitting]:
    """The window where nobody has begun yet, whose password store does not answer."""
    with _hanging(qapp, store, profile) as sitting:
        yield sitting


def own_password(sitting: Sitting, until: Until) -> UnlockPage:
    """Choose a password of one's own, as soon as it is offered."""
    until(lambda: shown(sitting, Working) and [one for one in shown(sitting, Working).findChildren(Button) if one.isVisible()])
    button = next(one for one in shown(sitting, Working).findChildren(Button) if one.isVisible())
    assert button.text() == "Choose a password instead" and button.hasFocus() and "disk" not in texts(shown(sitting, Working))
    shot(sitting, "first")
    button.click()
    until(lambda: shown(sitting, UnlockPage))
    page: UnlockPage = shown(sitting, UnlockPage)
    assert page.choose and "has not answered yet" in texts(page) and page.try_again is not None and not page.try_again.isVisible()
    shot(sitting, "first-own")
    return page


def test_the_first_time_a_password_of_ones_own_does_not_wait_for_the_store(first_time: Sitting, until: Until, profile: Profile) -> None:
    page = own_password(first_time, until)
    for field in (page.password, page.again):
        field.setText(PASSPHRASE)
    page.button.click()
    until(lambda: shown(first_time, FirstRun))
    assert keys.keepers(profile.path, "desk") == {"passphrase"}


def test_the_first_time_a_late_answer_is_used(first_time: Sitting, until: Until, store: Store, profile: Profile) -> None:
    own_password(first_time, until)
    store.go_on()
    until(lambda: shown(first_time, FirstRun))
    assert keys.keepers(profile.path, "desk") == {"keyring"}


def test_the_first_time_what_is_being_typed_stays_when_it_is_waited_for_no_longer(first_time: Sitting, until: Until) -> None:
    first_time._ways.patience.answers_s = 6
    page = own_password(first_time, until)
    page.password.setText("three wo")
    until(lambda: page.try_again is not None and page.try_again.isVisible())
    assert shown(first_time, UnlockPage) is page and page.password.text() == "three wo" and "takes no key: it does not answer" in texts(page)
