"""Colours, type and measures of the desk, as data. Everything painted takes them from here."""

from __future__ import annotations

from typing import Literal, NamedTuple

Role = Literal["caption", "small", "body", "label", "strong", "heading", "title", "number", "door_word", "door_name"]
Tone = Literal["text", "muted", "accent", "on_accent", "selected_text", "ok", "warn", "danger", "border"]


class Colours(NamedTuple):
    """One theme. Contrasts of text on its ground are at least 4.5 : 1, of borders 3 : 1."""

    dark: bool
    bg: str
    side: str
    raised: str
    fill: str
    fill_down: str
    line: str
    border: str
    text: str
    muted: str
    accent: str
    accent_down: str
    on_accent: str
    selected: str
    selected_text: str
    ok: str
    ok_soft: str
    warn: str
    warn_soft: str
    danger: str
    danger_soft: str
    track: str


LIGHT = Colours(
    dark=False, bg="#FFFFFF", side="#F6F7F9", raised="#FFFFFF", fill="#EDF0F3", fill_down="#DFE4E9", line="#E1E5EA",
    border="#8A929C", text="#1B1F24", muted="#57606A", accent="#1F5FBF", accent_down="#174A96", on_accent="#FFFFFF",
    selected="#E4ECF9", selected_text="#174A96", ok="#116329", ok_soft="#E2F3E6", warn="#7A4B00", warn_soft="#FFF4D6",
    danger="#B3261E", danger_soft="#FCE9E7", track="#D5DAE0",
)
DARK = Colours(
    dark=True, bg="#1C1F23", side="#17191D", raised="#24282D", fill="#2F343A", fill_down="#3A4047", line="#343A41",
    border="#767E88", text="#E6E9ED", muted="#A3ABB5", accent="#7FB0FF", accent_down="#A3C7FF", on_accent="#0C1B30",
    selected="#263A57", selected_text="#BBD4FF", ok="#6FD08C", ok_soft="#1D3325", warn="#F0C462", warn_soft="#3A3017",
    danger="#FF8A80", danger_soft="#41231F", track="#434A52",
)


class DoorColours(NamedTuple):
    """A verdict's ground, the ink on it and its secondary button; the same in both themes."""

    ground: str
    ink: str
    button: str


DOOR_ADMITTED = DoorColours("#116329", "#FFFFFF", "#0A451B")
DOOR_ALREADY_IN = DoorColours("#FFC94D", "#1B1F24", "#E8AE25")
DOOR_REFUSED = DoorColours("#B3261E", "#FFFFFF", "#861812")
DOOR_NEEDS_A_WORD = DoorColours("#2A3F66", "#FFFFFF", "#1A2A48")


class Face(NamedTuple):
    """Size and line height in px at 100 %, and weight."""

    size: int
    line: int
    weight: int


FACES: dict[Role, Face] = {
    "caption": Face(12, 16, 400),
    "small": Face(13, 20, 400),
    "body": Face(14, 20, 400),
    "label": Face(14, 20, 500),
    "strong": Face(14, 20, 600),
    "heading": Face(16, 24, 600),
    "title": Face(20, 28, 600),
    "number": Face(28, 32, 600),
    "door_word": Face(40, 48, 600),
    "door_name": Face(64, 72, 600),
}

TEXT_SIZES = (90, 100, 110, 125, 150)
"""Text sizes that Settings offers, in per cent."""

RADIUS = 6
CARD_RADIUS = 8
CONTROL = 32
ROW = 36
HEADER = 56
SIDEBAR = 208
SIDEBAR_FOLDED = 56
SIDE_COLUMN = 304
DETAIL = 360
FOCUS = 2
