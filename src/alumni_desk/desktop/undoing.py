"""Undo and redo from the window: Ctrl+Z, the toast, Activity. The work runs off the screen; a toast says what it did."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.changes import ChangeBus
from alumni_desk.errors import KnownError
from alumni_desk.store.desk import Desk
from alumni_desk.words import _

if TYPE_CHECKING:
    from alumni_desk.store.undo import Undone
    from alumni_desk.store.writing import Changed


LONG_MS = 700
"""After so long somebody who waits is told that it is under way."""
AGAIN_MS = 6_000
"""And again, before that toast has gone."""
_UNDOING, _AGAIN = _("Undoing …"), _("Doing it again …")


First = Callable[[Callable[[], object], Callable[[], None], Callable[[KnownError], None], Callable[[], bool]], None]
"""What comes before something is saved: of saving, of leaving it, of what failed, and of whether it saves somebody."""


class Undoing(QObject):
    """``said(sentence, link, act, keys, action)`` asks for a toast, which tells of that action. ``erased(action)``: one that was watched names somebody who
    is erased by now. Check-ins are left alone unless named: they are corrected at the door.

    ``first``: what comes before something is done again that saves somebody (the recovery key).
    """

    said = Signal(str, str, object, str, str)
    erased = Signal(str)

    def __init__(self, desk: Desk, lanes: Lanes, changes: ChangeBus) -> None:
        super().__init__(lanes)
        self._desk, self._lanes, self._changes = desk, lanes, changes
        self.first: First | None = None
        self._busy = False
        self._wished: list[tuple[str | None, bool, bool]] = []  # what was asked for while another is under way: action, whether again, whether by keys
        self._by_keys = False
        self._again = False
        self._doing = ""
        self._clicked: tuple[str, bool, str] | None = None  # what a link undid, or did again (True), if that came last; and what was said of it
        self._long = QTimer(self)
        self._long.timeout.connect(self._say_doing)
        # Of which Ctrl+Z, or Ctrl+Shift+Z (True), found that nothing could be put back: the next one goes on to what was before, or after it.
        self._passing: dict[bool, set[str]] = {False: set(), True: set()}
        self._put_away: tuple[Callable[[], None], str | None] | None = None  # what brings a form back, and the chapter that it was for
        self._watched: dict[str, frozenset[str]] = {}  # actions that a toast tells of, and the people in them
        changes.changed.connect(self._something_done)

    def _say(self, words: str, link: str = "", act: Callable[[], Any] | None = None, keys: str = "", of: object = "") -> None:
        self.said.emit(words, link, act, keys, str(of or ""))

    def watch(self, actions: Iterable[str]) -> None:
        """A toast tells of these, and of no others any more."""
        self._watched = {one: self._watched.get(one, frozenset()) for one in actions}
        wanted = [one for one, people in self._watched.items() if not people]

        def read() -> dict[str, frozenset[str]]:
            from alumni_desk.store.erasing import people_of

            with self._desk.asking() as connection:
                return {one: people_of(connection, one) for one in wanted}

        if wanted:
            self._lanes.read(read, lambda found: self._watched.update({one: who for one, who in found.items() if one in self._watched}), lambda error: None)

    def _look_for_erased(self) -> None:
        watched = {one: who for one, who in self._watched.items() if who}

        def read() -> list[str]:
            from alumni_desk.store.erasing import erased_of

            with self._desk.asking() as connection:
                return [one for one, who in watched.items() if erased_of(connection, list(who))]

        def found(actions: list[str]) -> None:
            for one in actions:
                if self._watched.pop(one, None):
                    self.erased.emit(one)

        if watched:
            self._lanes.read(read, found, lambda error: None)

    def note_put_away(self, back: Callable[[], None] | None) -> None:
        """A form was closed with something in it that nobody saved: until something is done, that is what came last."""
        self._put_away = (back, self._desk.shows) if back is not None else None

    def has_put_away(self) -> bool:
        """Whether there is such a form, which is lost if the window closes."""
        return self._put_away is not None and self._put_away[1] == self._desk.shows

    def take_put_away(self) -> Callable[[], None] | None:
        """What brings that form back, which is then over; None if none is, or it was for another chapter."""
        kept, self._put_away = self._put_away, None
        return kept[0] if kept is not None and kept[1] == self._desk.shows else None

    def _something_done(self, changed: Changed) -> None:
        if changed.action is not None:
            self._put_away = None
        self._look_for_erased()

    def undo(self, action: str | None = None) -> None:
        """Take an action back, or the newest one."""
        self._turn(action, again=False, by_keys=self._by_keys)

    def redo(self, action: str | None = None) -> None:
        """Do an action again that was undone, or the last one."""
        self._turn(action, again=True, by_keys=self._by_keys)

    def by_keys(self, act: Callable[[], None]) -> None:
        """Do what the keys mean: where another program did it again already, what was undone last besides."""
        self._by_keys = True
        try:
            act()
        finally:
            self._by_keys = False

    def redoable(self) -> bool:
        """Whether ``redo`` would bring anything back; reads the chapter, so not on the screen's own thread."""
        from alumni_desk.segments.activity import CHECK_INS
        from alumni_desk.store.undo import redoable

        return redoable(self._desk, but=CHECK_INS, passing=frozenset(self._passing[True]))

    def _turn(self, action: str | None, *, again: bool, by_keys: bool) -> None:
        if self._busy:
            self._wished.append((action, again, by_keys))
            self._doing = _("{doing} What you asked for after it follows.").format(doing=_AGAIN if self._again else _UNDOING)
            if self._long.interval() == AGAIN_MS:  # it was said already that this one takes long
                self._say_doing()
            return
        self._busy, self._again = True, again
        passing = frozenset(self._passing[again])
        if not again or self.first is None:
            self._do(action, passing, again=again, by_keys=by_keys)
            return

        def saves() -> bool:
            from alumni_desk.segments.activity import CHECK_INS
            from alumni_desk.store.undo import redo_saves

            return redo_saves(self._desk, action, but=CHECK_INS, passing=passing)

        self.first(lambda: self._do(action, passing, again=True, by_keys=by_keys), self._not_now, lambda error: self._failed(error, again, newest=False), saves)

    def _not_now(self) -> None:
        from alumni_desk.desktop.recovery_page import not_yet

        self._over()
        self._say(not_yet(), "", None, "")
        self._go_on()

    def _do(self, action: str | None, passing: frozenset[str], *, again: bool, by_keys: bool) -> None:
        self._doing = _AGAIN if again else _UNDOING
        self._long.start(LONG_MS)

        def both() -> tuple[Undone, str]:
            from alumni_desk.segments.activity import CHECK_INS, undone_words
            from alumni_desk.store.undo import redo, undo

            but = () if action else CHECK_INS
            try:
                undone = (redo if again else undo)(self._desk, action, but=but, passing=() if action else passing)
            except KnownError as error:
                if error.code != "not_undone" or not by_keys:
                    raise
                undone = redo(self._desk, but=CHECK_INS, passing=passing)
            return undone, undone_words(self._desk, undone, again=again)

        def failed(error: KnownError) -> None:
            if error.code in ("undone_already", "not_undone") and self._clicked is not None and (action, again) == self._clicked[:2]:
                self._over()  # a click that came twice: what was said of the first stands, with what can be done about it
                self._say_done(*self._clicked)
                self._go_on()
            else:
                self._failed(error, again, newest=error.facts.get("action") != action)

        self._lanes.write(both, lambda done: self._done(done, again, by_link=action is not None and not by_keys), failed)

    def _say_doing(self) -> None:
        self._say(self._doing, "", None, "")
        self._long.start(AGAIN_MS)

    def _over(self) -> None:
        self._busy = False
        self._long.stop()

    def _go_on(self) -> None:
        """The next of what was asked for meanwhile."""
        if self._wished and not self._busy:
            action, again, by_keys = self._wished.pop(0)
            self._turn(action, again=again, by_keys=by_keys)

    def _done(self, done: tuple[Undone, str], again: bool, *, by_link: bool) -> None:
        self._over()
        undone, words = done
        self._clicked = (undone.of, again, words) if by_link else None
        for passed in self._passing.values():  # it went after all, and may be meant again
            passed.discard(undone.of)
        self._changes.tell(undone.changed)
        self._say_done(undone.of, again, words)
        self._go_on()

    def _say_done(self, action: str, again: bool, words: str) -> None:
        back: Callable[[], Any] = (lambda: self.undo(action)) if again else (lambda: self.redo(action))
        self._say(words, _("Undo") if again else _("Redo"), back, _("Ctrl Z") if again else _("Ctrl Shift Z"), action)

    def _failed(self, error: KnownError, again: bool, *, newest: bool) -> None:
        self._over()
        # Whether the next newest is meant, too, is for whoever has read why this one stays.
        self._wished = [one for one in self._wished if one[0] is not None]
        if error.code == "went_back":
            self._passing[again].add(str(error.facts["action"]))
            kept = _("Activity says where what was here before is kept.") if error.facts["kept"] else ""
            self._passed(error, " ".join(filter(None, (str(error), kept, _("To undo what was done before that, choose it in Activity.")))), again=again)
            self._go_on()
            return
        if error.code not in ("all_changed_since", "off_the_list", "erased_since", "went_for_good"):
            self._say(str(error), "", None, "")
            self._go_on()
            return
        if newest:
            self._passing[again].add(str(error.facts["action"]))
        self._lanes.read(lambda: self._not_undone(error, again),
                         lambda words: self._passed(error, words, again=again) if newest else self._say(words, of=error.facts.get("action")))
        self._go_on()

    def _not_undone(self, error: KnownError, again: bool) -> str:
        from alumni_desk.segments.activity import not_undone_words

        return not_undone_words(self._desk, str(error.facts["action"]), error, again=again)

    def _passed(self, error: KnownError, words: str, *, again: bool) -> None:
        if again:
            self._say(words, _("Redo what came after it"), self.redo, _("Ctrl Shift Z"), error.facts.get("action"))
        else:
            self._say(words, _("Undo what was before it"), self.undo, _("Ctrl Z"), error.facts.get("action"))
