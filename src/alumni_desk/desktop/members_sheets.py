"""Sheets about members who are chosen: their past, two that become one, another chapter, and what is erased for good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from alumni_desk.desktop.member_panel import was_erased
from alumni_desk.desktop.pages import Page
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.members.lists import MemberRow, member, rows_of
from alumni_desk.store.desk import Desk
from alumni_desk.store.writing import Changed
from alumni_desk.words import _

if TYPE_CHECKING:
    from alumni_desk.members.merging import Merged
    from alumni_desk.store.erasing import Erased
    from alumni_desk.sync.member_moving import Going, MovedAway


def show_history(page: Page, person: str) -> None:
    """Every value that a member's fields have had."""

    def called() -> str:
        return _("somebody who was erased") if was_erased(page.desk, person) else member(page.desk, person).full_name

    def named(name: str) -> None:
        from alumni_desk.desktop.history_sheet import HistorySheet

        sheet = HistorySheet(page, page.desk, page.lanes, page.changes, "person", person, name, called)
        sheet.restored.connect(lambda changed: page.done(changed, _("The older value is back")))
        sheet.open()

    page.lanes.read(called, named)


def ask_merge(page: Page, both: Sequence[str], merged: Callable[[Merged], None]) -> None:
    """Two entries become one; which stays is asked first."""

    def found(rows: list[MemberRow]) -> None:
        if len(rows) != 2:  # one of them was removed meanwhile
            return
        from alumni_desk.desktop.merge_sheet import MergeSheet

        sheet = MergeSheet(page, page.desk, page.lanes, (rows[0], rows[1]))
        sheet.merged.connect(merged)
        sheet.open()
        close_where_erased(page, sheet, lambda: any(was_erased(page.desk, one.id) for one in rows),
                           _("One of the two was erased meanwhile, elsewhere, so there is nothing left to merge."))

    page.lanes.read(lambda: rows_of(page.desk, both), found)


def ask_move(page: Page, person: str, moved: Callable[[MovedAway], None]) -> None:
    """Another chapter has them then; asked first, since Undo does not bring them back."""

    def found(who: Going) -> None:
        from alumni_desk.desktop.move_member_sheet import MoveMemberSheet

        sheet = MoveMemberSheet(page, page.desk, page.lanes, who)
        sheet.moved.connect(moved)
        sheet.tried.connect(lambda: page.changes.tell(Changed({})))
        sheet.open()
        close_where_erased(page, sheet, lambda: was_erased(page.desk, person),
                           _("Whoever was to be moved was erased meanwhile, elsewhere, so there is nothing left to move."))

    page.lanes.read(lambda: _going(page.desk, person), found)


def ask_erase(page: Page, person: str, erased: Callable[[Erased, str], None]) -> None:
    """Everything about them goes, for good; asked first, since there is no undo."""

    def named(name: str) -> None:
        from alumni_desk.desktop.erase_person_sheet import ErasePersonSheet

        sheet = ErasePersonSheet(page, page.desk, page.lanes, person, name)
        sheet.erased.connect(erased)
        sheet.open()
        close_where_erased(page, sheet, lambda: was_erased(page.desk, person),
                           _("Whoever was to be erased was erased meanwhile, elsewhere, so there is nothing left to do."))

    page.lanes.read(lambda: member(page.desk, person).full_name, named)


def close_where_erased(page: Page, sheet: Sheet, erased: Callable[[], bool], words: str) -> None:
    """Somebody whom it names is ``erased`` elsewhere: it closes and says so, unless its deed is under way, which then ends by itself."""
    over: list[int] = []

    def close(gone: bool) -> None:
        if gone and not over and not sheet.busy():
            sheet.accept()
            page.said.emit(words, None)

    def look() -> None:
        page.lanes.read(erased, close)

    told = page.changes.changed.connect(look)
    sheet.free.connect(look)
    sheet.finished.connect(over.append)
    sheet.finished.connect(lambda result: page.changes.changed.disconnect(told))
    look()


def _going(desk: Desk, person: str) -> Going:
    """What a move would be about."""
    from alumni_desk.sync.member_moving import going

    return going(desk, person)
