"""The buttons of single lines on the Sync page, for the palette: of a laptop, an open invitation, a card to decide, changes that were not taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from PySide6.QtWidgets import QWidget

from alumni_desk.desktop.controls import Button
from alumni_desk.desktop.decide_part import DecidePart
from alumni_desk.desktop.deeds import Deed
from alumni_desk.desktop.people_part import PeoplePart
from alumni_desk.words import _


def row_deeds(decide: DecidePart, people: PeoplePart, below: QWidget) -> list[Deed]:
    """What can be pressed now, each by the words that say whose line it is. It is looked up anew once it is chosen: the page may be drawn meanwhile."""

    def press(words: str) -> Callable[[], None]:
        def again() -> None:
            button = next((one for _icon, there, one in _found(decide, people, below) if there == words), None)
            if button is not None:
                button.click()

        return again

    return [Deed("", icon, words, press(words)) for icon, words, _button in _found(decide, people, below)]


def _found(decide: DecidePart, people: PeoplePart, below: QWidget) -> Iterator[tuple[str, str, Button]]:
    there = [("git-merge", _("{deed} · {name}").format(deed=button.accessibleName(), name=card.name), button)
             for card in decide.cards for button in card.buttons]
    there += [(icon, button.accessibleName(), button) for icon, button in people.row_buttons()]
    there += [("check", button.accessibleName(), button) for button in below.findChildren(Button) if button.property("row")]
    return (one for one in there if one[2].isVisible() and one[2].isEnabled())
