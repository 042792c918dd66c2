"""Badges as a PDF: the name as big as it may be, class year, city and code; nothing is cut unsaid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, BinaryIO

from alumni_desk.badges.people import BadgePerson
from alumni_desk.badges.stocks import Place, Stock
from alumni_desk.errors import BadInput
from alumni_desk.paper.fitting import Fitted, fit
from alumni_desk.paper.fonts import Faces, Weight
from alumni_desk.paper.qr import draw_qr
from alumni_desk.paper.text import Line, cannot_words, draw_line, has_gaps, ink_of, printable, set_line
from alumni_desk.words import _

NAVY = (0.114, 0.224, 0.373)
RUST = (0.686, 0.325, 0.110)
INK = (0.106, 0.122, 0.141)
GREY = (0.365, 0.392, 0.424)
WHITE = (1.0, 1.0, 1.0)

AIR = 5.0
"""Points on a label four inches wide between the big name and what stands below it: descenders and marks need it."""

UNUSUALLY_SMALL = 24.0
"""Points on a label four inches wide; below it somebody should look at the name before it is printed."""

SMALL_BELOW = 9.5
"""The same for the lines below the big name."""


@dataclass(frozen=True)
class Look:
    """Somebody on paper who is worth a look before printing: the name shrank, or some of its signs cannot be printed."""

    registration: str
    name: str
    reason: str
    page: int = 0
    instead: str = ""
    """A name that would do better; empty if we know none."""
    leaves_out: bool = False
    """Whether that is the same name without what cannot be printed."""
    elsewhere: bool = False
    """Whether it is not the name but another line, which no other name on the badge mends."""
    by_hand: bool = False
    """Whether letters of it are to be written on the paper by hand."""


@dataclass(frozen=True)
class PrintReport:
    """What was laid out."""

    badges: int
    pages: int
    looks: tuple[Look, ...]


@dataclass(frozen=True)
class Heading:
    """What stands at the head of every badge."""

    chapter: str
    university: str
    gathering: str
    day: str


def print_badges(people: Sequence[BadgePerson], stock: Stock, out: BinaryIO, *, heading: Heading, start_at: int = 1, skip: Iterable[int] = (),
                 blanks: int = 0, cancelled: Callable[[], bool] | None = None) -> PrintReport:
    """Lay badges out on a stock and write the PDF. ``start_at``: first free label (from 1); ``skip``: damaged ones on the first sheet (from 1).

    ``blanks``: so many empty ones at the end, for walk-ins. Raises BadInput for a label that the sheet does not have.
    """
    from reportlab.pdfgen.canvas import Canvas

    if not 1 <= start_at <= stock.per_sheet:
        raise BadInput("start_at", _("{stock} has {count} labels a sheet, so the first free one is between 1 and {count}."), stock=stock.words,
                       count=stock.per_sheet)
    faces = _faces(people, heading)
    canvas = Canvas(out, pagesize=stock.page, pageCompression=1, invariant=1)
    canvas.setTitle(_("Badges: {gathering}").format(gathering=heading.gathering))
    canvas.setAuthor(heading.chapter)
    looks: list[Look] = []
    places = _places(stock, start_at, frozenset(skip))
    page = 0
    for person in [*people, *[None] * blanks]:
        if cancelled is not None and cancelled():
            break
        number = next(places)
        while number // stock.per_sheet > page:
            canvas.showPage()
            page += 1
        found = _badge(canvas, faces, stock.place(number), heading, person)
        if person is not None and found is not None:
            looks.append(replace(found, page=page))
    canvas.save()
    return PrintReport(len(people) + blanks, page + 1, tuple(looks))


def _places(stock: Stock, start_at: int, skip: frozenset[int]) -> Any:
    number = start_at - 1
    while True:
        if number + 1 not in skip:
            yield number
        number += 1


def _faces(people: Sequence[BadgePerson], heading: Heading) -> Faces:
    faces = Faces()
    faces.need([heading.university, heading.chapter, *(person.big for person in people), *(person.class_tail for person in people)], "bold")
    faces.need([heading.chapter, heading.gathering, heading.day, *(person.city for person in people)], "regular")
    faces.need([text for person in people for text in (person.name, person.other_script_name, person.host_name)], "bold")
    return faces


def _badge(canvas: Any, faces: Faces, place: Place, heading: Heading, person: BadgePerson | None) -> Look | None:
    """Draw one badge inside its label; returns what is worth a look."""
    unit = min(place.width / 288, place.height / 216)  # everything was drawn for 4 × 3 inches
    inset = 16 * unit
    canvas.saveState()
    clip = canvas.beginPath()
    clip.rect(place.x, place.y, place.width, place.height)
    canvas.clipPath(clip, stroke=0)
    band = 46 * unit
    _head(canvas, faces, place, heading, band, inset, unit)
    if person is None:
        canvas.restoreState()
        return None
    foot = place.y + 14 * unit
    side = 50 * unit
    text_width = place.width - 2 * inset
    lower = text_width - (side + 10 * unit if person.code else 0)
    if person.code:
        draw_qr(canvas, person.code, place.x + place.width - inset - side, foot, side)
    below = _foot(canvas, faces, person, place.x + inset, foot, lower, unit)
    found = _names(canvas, faces, person, place, band, inset, foot + side + 6 * unit, unit)
    canvas.restoreState()
    lost = [sign for one in below for sign in one.lost]
    if found is None and (lost or any(one.cut for one in below)):
        return Look(person.registration, person.name or person.big, cannot_words(lost) or long_words(below), elsewhere=True)
    return found


def _head(canvas: Any, faces: Faces, place: Place, heading: Heading, band: float, inset: float, unit: float) -> None:
    top = place.y + place.height
    canvas.setFillColorRGB(*NAVY)
    canvas.rect(place.x, top - band, place.width, band, stroke=0, fill=1)
    canvas.setFillColorRGB(*RUST)
    canvas.rect(place.x, top - band - 2 * unit, place.width, 2 * unit, stroke=0, fill=1)
    half = (place.width - 3 * inset) / 2
    canvas.setFillColorRGB(*WHITE)
    first, second = (heading.university, heading.chapter) if heading.university else (heading.chapter, "")
    _stack(canvas, faces, (first, second), place.x + inset, top - band, half, band, unit, right=False)
    _stack(canvas, faces, (heading.gathering, heading.day), place.x + place.width - inset, top - band, half, band, unit, right=True)


def _stack(canvas: Any, faces: Faces, texts: tuple[str, str], x: float, y: float, width: float, band: float, unit: float, *, right: bool) -> None:
    """Two short texts above each other in the middle of the band."""
    lines: list[Line] = []
    first = fit(faces, texts[0], width, [(10 if right else 13) * unit, 11 * unit, 9 * unit], "regular" if right else "bold", max_lines=1)
    lines += first.lines
    if texts[1]:
        lines += fit(faces, texts[1], width, [8.5 * unit], "regular").lines
    height = sum(line.size * 1.2 for line in lines)
    base = y + (band + height) / 2
    for line in lines:
        base -= line.size * 1.2
        draw_line(canvas, line, x - line.width if right else x, base + line.size * 0.28)


def _names(canvas: Any, faces: Faces, person: BadgePerson, place: Place, band: float, inset: float, floor: float, unit: float) -> Look | None:
    room = place.y + place.height - band - 6 * unit - floor
    width = place.width - 2 * inset
    if person.name and person.other_script_name:
        joined = fit(faces, person.name, width, [13 * unit, 11.5 * unit, 10 * unit], "bold", max_lines=2)
        other = set_line(faces, person.other_script_name, joined.size, "bold")
        gap = 8 * unit
        if len(joined.lines) == 1 and joined.lines[0].width + gap + other.width <= width:
            return _drawn(canvas, faces, person, place, inset, floor, room, width, unit, [(joined.lines[0], other)], ())
        shrunk = fit(faces, person.other_script_name, width, [12 * unit, 10 * unit], "bold", max_lines=2)
        return _drawn(canvas, faces, person, place, inset, floor, room, width, unit, [(line,) for line in (*joined.lines, *shrunk.lines)], (joined, shrunk))
    text = person.name or person.other_script_name
    fitted = fit(faces, text, width, [13 * unit, 11.5 * unit, 10 * unit], "bold", max_lines=2) if text else None
    lines = fitted.lines if fitted else ()
    return _drawn(canvas, faces, person, place, inset, floor, room, width, unit, [(line,) for line in lines], (fitted,) if fitted else ())


def _drawn(canvas: Any, faces: Faces, person: BadgePerson, place: Place, inset: float, floor: float, room: float, width: float, unit: float,
           below: list[tuple[Line, ...]], fitted: Sequence[Fitted]) -> Look | None:
    """The big name above its second lines, the whole block in the middle of its room."""
    air = AIR * unit if below else 0.0
    second = air + sum(line[0].size * 1.3 for line in below)
    sizes = [size * unit for size in (46, 42, 38, 34, 30, 27, 24, 21, 18, 15, 12)]
    big = fit(faces, person.big, width, sizes, "bold", max_lines=2, height=max(room - second, 12 * unit))
    if any(deeper := _deeper(big)):
        big = fit(faces, person.big, width, sizes, "bold", max_lines=2, height=max(room - second - sum(deeper), 12 * unit))
        deeper = _deeper(big)
    top = floor + (room + big.height + sum(deeper) + second) / 2
    canvas.setFillColorRGB(*INK)
    for line, more in zip(big.lines, deeper, strict=True):
        top -= line.size * 1.15
        # A right-to-left name begins at the right, but stands with the other lines of its badge.
        draw_line(canvas, line, place.x + inset, top + line.size * 0.24)
        top -= more
    top -= air
    for pieces in below:
        top -= pieces[0].size * 1.3
        x = place.x + inset
        for line in pieces:
            canvas.setFillColorRGB(*(INK if line is pieces[0] else GREY))
            draw_line(canvas, line, x, top + line.size * 0.3)
            x += line.width + 8 * unit
    return _look(person, big, [line for pieces in below for line in pieces], fitted, unit)


def _deeper(big: Fitted) -> list[float]:
    """What each line of the big name needs below it beyond a line's height: Burmese and Arabic letters go deeper than others, and some stand higher."""
    inks = [ink_of(line, "bold") for line in big.lines]
    between = [max(0.0, below + above - 1.25 * big.size) for (_above, below), (above, _below) in pairwise(inks)]
    return [*between, max(0.0, inks[-1][1] - 0.27 * big.size)]


def _foot(canvas: Any, faces: Faces, person: BadgePerson, x: float, foot: float, width: float, unit: float) -> list[Fitted]:
    lines: list[tuple[str, Weight, float]] = []
    drawn: list[Fitted] = []
    if person.host_name:
        lines.append((_("Guest of {host}").format(host=person.host_name), "bold", 10))
    elif person.class_year:
        lines.append((_("Class of {year}").format(year=person.class_year), "bold", 10))
    if person.city:
        lines.append((person.city, "regular", 9.5))
    left = x
    if person.class_tail:
        tail = fit(faces, person.class_tail, width * (0.6 if lines else 1), [26 * unit, 22 * unit, 18 * unit, 14 * unit], "bold")
        canvas.setFillColorRGB(*RUST)
        draw_line(canvas, tail.lines[0], left, foot + 1 * unit)
        left += tail.lines[0].width + 10 * unit
        drawn.append(tail)
    base = foot + (13 * unit if len(lines) > 1 else 4 * unit)
    for text, weight, size in lines:
        canvas.setFillColorRGB(*(INK if weight == "bold" else GREY))
        fitted = fit(faces, text, max(width - (left - x), 40 * unit), [size * unit], weight)
        draw_line(canvas, fitted.lines[0], left, base)
        drawn.append(fitted)
        base -= 13 * unit
    return drawn


def _look(person: BadgePerson, big: Fitted, others: Sequence[Line], fitted: Sequence[Fitted], unit: float) -> Look | None:
    lost = [*big.lost, *(sign for line in others for sign in line.lost)]
    name = person.name or person.big
    if lost:
        whole = not has_gaps(name) and not has_gaps(person.big)  # without its letters it would be another name: a new one has to be typed
        return Look(person.registration, name, cannot_words(lost), instead=printable(name)[0] if whole else "", leaves_out=whole)
    if big.size < UNUSUALLY_SMALL * unit - 0.1 or big.cut:
        shorter = person.big.split(" ")[0] if " " in person.big else ""
        return Look(person.registration, name, long_words([big, *(one for one in fitted if one.cut)]), instead=_with_last(shorter, person))
    if any(one.cut or one.size < SMALL_BELOW * unit for one in fitted):
        return Look(person.registration, name, long_words(fitted))
    if len(person.big) == 1:
        longer = person.first_name if len(person.first_name) > 1 else ""
        return Look(person.registration, name, _("Only one letter"), instead=_with_last(longer, person))
    return None


def long_words(fitted: Sequence[Fitted]) -> str:
    """How small a long name is set, or that it is shortened."""
    if any(one.cut for one in fitted):
        return _("Long: does not fit, ends in “…”")
    return _("Long: shrinks to {size} pt").format(size=round(min(one.size for one in fitted)))


def _with_last(first: str, person: BadgePerson) -> str:
    return f"{first} {person.last_name}".strip() if first else ""
