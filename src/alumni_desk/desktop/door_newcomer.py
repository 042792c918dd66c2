"""Somebody who is not on the list: while the form is filled in, who of the known may be meant, whose guest it is, and whose form waits meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from alumni_desk.checkin.lists import DoorHit, DoorHits
from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.door_reading import Reading, find_match
from alumni_desk.desktop.door_walkin import Draft, WalkIn, WalkInForm


class Newcomer(QObject):
    """Looks up for the form. ``matched`` when the likely match is another one; ``known(hit)``: it is somebody of the list; ``adds(WalkIn)``."""

    matched = Signal()
    known = Signal(object)
    adds = Signal(object)

    def __init__(self, form: WalkInForm, reading: Reading, lanes: Lanes, parent: QObject) -> None:
        super().__init__(parent)
        self._form, self._reading, self._lanes = form, reading, lanes
        self.aside: list[Draft] = []
        """Forms that were begun and wait while another one is filled in, the newest last."""
        form.submitted.connect(self.submit)
        form.use.connect(self.use)
        form.name_changed.connect(self._look_for_match)
        form.host_changed.connect(self._look_for_host)

    def begin(self, name: str) -> None:
        """An empty form for who is called so, or what was typed of them before. What was typed of anybody else is kept aside."""
        if self._form.draft().is_of(name):
            return
        self._keep_aside()
        before = next((draft for draft in reversed(self.aside) if draft.is_of(name)), None)
        if before is not None:
            self.aside.remove(before)
            self._form.fill(before)
        else:
            self._form.clear()
            self._form.name.setText(name)

    def go_on(self) -> None:
        """The form that waits, or an empty one."""
        if self._form.is_begun():
            return
        self._form.clear()  # a tick without a name is nobody's
        if self.aside:
            self._form.fill(self.aside.pop())

    def turn(self) -> None:
        """From a form that is begun to an empty one, and from an empty one to the one that waits."""
        if self._form.is_begun():
            self.begin("")
        else:
            self.go_on()

    def waits(self) -> str:
        """What the form is called that F2 goes on with; empty if none waits."""
        if self._form.is_begun():
            return self._form.draft().title()
        return self.aside[-1].title() if self.aside else ""

    def typed(self) -> list[str]:
        """All that was typed and not saved, a line for each walk-in, the newest first."""
        return [", ".join(draft.parts()) for draft in (self._form.draft(), *reversed(self.aside)) if draft.parts()]

    def titles(self) -> list[str]:
        """What each of those is called, the newest first."""
        return [draft.title() for draft in (self._form.draft(), *reversed(self.aside)) if draft.parts()]

    def closing(self) -> Callable[[], None]:
        """What empties the form once whom it names now is saved, and no form that was begun meanwhile."""
        name = self._form.name.text()

        def close() -> None:
            if self._form.draft().is_of(name):
                self._form.clear()
            else:
                self.aside = [draft for draft in self.aside if not draft.is_of(name)]

        return close

    def _keep_aside(self) -> None:
        if self._form.is_begun():
            self.aside.append(self._form.draft())

    def submit(self) -> None:
        """Add whom the form names, if nothing is missing."""
        typed = self._form.read()
        if typed is not None:
            self.adds.emit(typed)

    def use(self, hit: DoorHit) -> None:
        """It is the person whom the form offered."""
        if hit.registration is not None:
            self.known.emit(hit)
            self._form.clear()
            return
        typed = self._form.read(contact_asked=True)
        fields = typed.fields if typed else {}
        self.adds.emit(WalkIn(hit.name, hit.person, typed.host if typed else None, typed.consent if typed else False, fields))

    def look_anew(self) -> None:
        """Somebody who is offered, or whose guest it is, may have been erased."""
        self._look_for_match(self._form.name.text())
        self._look_for_host(self._form.host.text())

    def _look_for_match(self, text: str) -> None:
        if len(text.strip()) < 3:
            self._lanes.read(lambda: None, key="door-match")
            self._form.offer(None)
            return
        self._lanes.read(lambda: find_match(self._reading.the_list(), text), self._on_match, key="door-match")

    def _on_match(self, found: DoorHits) -> None:
        if found.text == self._form.name.text():
            self._form.offer(found.hits[0] if found.hits else None)
            self.matched.emit()

    def _look_for_host(self, text: str) -> None:
        self._lanes.read(lambda: self._reading.the_list().find(text, 8), self._on_host, key="door-host")

    def _on_host(self, found: DoorHits) -> None:
        if found.text == self._form.host.text():
            hosts = [hit for hit in found.hits if hit.registration]
            certain = found.certain if found.certain is not None and found.certain.registration else None
            self._form.set_host(certain or (hosts[0] if len(hosts) == 1 else None), len(hosts) > 1)
