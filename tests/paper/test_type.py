"""Every script comes out right on paper: no box, no sign lost in silence, the right order, inside its place."""

from __future__ import annotations

import io
import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alumni_desk.paper import fitting
from alumni_desk.paper.fitting import SMALLEST, fit
from alumni_desk.paper.fonts import Faces, source_for
from alumni_desk.paper.preview import page_count, page_picture
from alumni_desk.paper.qr import draw_qr, modules
from alumni_desk.paper.text import Line, draw_line, printable, set_line

NAMES = ["Łukasz Żółć", "Nguyễn Thị Minh Khai", "O’Brien", "ليلى الخطيب", "שרה כהן", "प्रिया शर्मा", "สมชาย ใจดี", "陳美玲", "やまだ たろう", "김민준", "አበበ በቀለ",
         "Þórður Ægisson", "গৌরী", "தமிழ்", "მარიამი", "Ελένη", "Наталья", "Արամ"]


@pytest.fixture(scope="module")
def faces() -> Faces:
    made = Faces()
    made.need(NAMES, "bold")
    return made


def _glyphs(line: object) -> list[int]:
    """The glyphs that are drawn, by number in their font."""
    from reportlab.pdfbase import pdfmetrics

    found = []
    for name, shaped, _width in line.pieces:  # type: ignore[attr-defined]
        face = pdfmetrics.getFont(name).face
        found += [face.charToGlyph.get(ord(char), 0) for char in shaped]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_no_name_has_a_box(faces: Faces, name: str) -> None:
    line = set_line(faces, name, 20, "bold")
    assert line.lost == () and line.width > 0
    assert 0 not in _glyphs(line)


def test_marks_are_placed_not_dotted(faces: Faces) -> None:
    from reportlab.pdfbase import pdfmetrics

    line = set_line(faces, "গৌরী", 20, "bold")
    drawn = {char for _name, shaped, _width in line.pieces for char in shaped}
    assert "\u25cc" not in drawn and len(line.pieces) == 1
    assert 0x25CC not in pdfmetrics.getFont(line.pieces[0][0]).face.charToGlyph


def test_right_to_left_is_drawn_from_the_left_in_visual_order(faces: Faces) -> None:
    line = set_line(faces, "שרה 04", 20, "bold")
    shown = "".join(shaped for _name, shaped, _width in line.pieces)
    assert line.rtl and shown.replace(" ", "") == "04הרש"


@pytest.mark.parametrize(("text", "seen"), [
    ("שרה (Sara) Katz", "Katz (Sara) הרש"), ("שרה [Sara] 3", "3 [Sara] הרש"), ("שרה (Sara)", "(Sara) הרש"), ("Katz (שרה) Lev", "Katz (הרש) Lev"),
])
def test_brackets_stand_around_what_is_in_them(faces: Faces, text: str, seen: str) -> None:
    assert "".join(shaped for _name, shaped, _width in set_line(faces, text, 20, "bold").pieces) == seen


def test_arabic_letters_join(faces: Faces) -> None:
    alone = sum(set_line(faces, letter, 20, "bold").width for letter in "ليلى")
    assert set_line(faces, "ليلى", 20, "bold").width < alone * 0.9


@pytest.mark.parametrize(("text", "kept", "lost"), [
    ("Ana 🎉 Lima", "Ana Lima", ("🎉",)), ("\u202bAna\u202c", "Ana", ()), ("A\u00adna", "Ana", ()), ("  Ana\tLima ", "Ana Lima", ()),
    ("\U000f0000", "", ("\U000f0000",)), ("辻\U000e0100さくら", "辻さくら", ("辻\U000e0100",))])
def test_what_cannot_be_printed_is_said(text: str, kept: str, lost: tuple[str, ...]) -> None:
    assert printable(text) == (kept, lost)


def test_decomposed_and_composed_names_are_the_same_line(faces: Faces) -> None:
    name = "Nguyễn Thị"
    assert set_line(faces, unicodedata.normalize("NFD", name), 20, "bold") == set_line(faces, name, 20, "bold")


def test_han_takes_the_shapes_of_its_language() -> None:
    assert source_for("直", "ja") != source_for("直", "zh")


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.sampled_from(list("abcdefgh ABCDEFŁéñ-’  ليلى שרה")), min_size=1, max_size=90), width=st.floats(40, 400), lines=st.integers(1, 3))
def test_nothing_is_lost_and_nothing_overflows(faces: Faces, text: str, width: float, lines: int) -> None:
    fitted = fit(faces, text, width, [40, 30, 20], "bold", max_lines=lines, height=90)
    assert len(fitted.lines) <= lines and all(line.width <= width + 0.01 for line in fitted.lines)
    said, whole = "".join("".join(line.text for line in fitted.lines).split()), "".join(printable(text)[0].split())
    assert said.endswith("…") and whole.startswith(said[:-1]) and fitted.size == SMALLEST if fitted.cut else said == whole
    assert fitted.size >= SMALLEST
    assert fitted.height <= 90.01


@settings(max_examples=30, deadline=None)
@given(code=st.text(st.sampled_from("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"), min_size=1, max_size=32))
def test_codes_can_be_read_back(code: str) -> None:
    import zxingcpp
    from PIL import Image

    rows = modules(code)
    image = Image.new("L", (len(rows) + 8, len(rows) + 8), 255)
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            image.putpixel((x + 4, y + 4), 0 if dark else 255)
    [read] = zxingcpp.read_barcodes(image.resize((image.width * 4, image.height * 4), Image.Resampling.NEAREST))
    assert read.text == code


def test_a_page_becomes_a_picture(faces: Faces) -> None:
    from reportlab.pdfgen.canvas import Canvas

    out = io.BytesIO()
    canvas = Canvas(out, (200, 100))
    draw_line(canvas, set_line(faces, NAMES[3], 20, "bold"), 20, 40)
    draw_qr(canvas, "ABC", 140, 20, 50)
    canvas.save()
    assert page_count(out.getvalue()) == 1
    assert page_picture(out.getvalue(), 0, 400).startswith(b"\x89PNG")


def test_two_weights_on_a_page_are_two_fonts_in_the_file() -> None:
    """They once shared one: regular came out bold, and letters outside ASCII as others."""
    from reportlab.pdfgen.canvas import Canvas

    faces, out = Faces(), io.BytesIO()
    canvas = Canvas(out, pageCompression=0)
    for weight, text, y in (("bold", "Łukasz ĄĘ", 700.0), ("regular", "Ęą Żółć Ł", 600.0)):
        draw_line(canvas, set_line(faces, text, 20, weight), 50, y)  # type: ignore[arg-type]
    canvas.save()
    assert len(set(re.findall(rb"/FontFile2 (\d+)", out.getvalue()))) == 2


@pytest.mark.parametrize(("text", "shown"), [
    ("ᏣᎳᎩ ᎠᏂ", "______ _____"), ("བསྟན་འཛིན Dorje", "____________ Dorje"), ("ނާޝިދު", "_________"), ("\U0002a6a5田", "____田"), ("🎉", "____________"),
    ("Ana 🎉 Lima", "Ana Lima"), ("葛\U000e0100城", "葛城")])  # fmt: skip
def test_a_rule_to_write_on_stands_for_letters_that_no_font_has(faces: Faces, text: str, shown: str) -> None:
    """Of somebody's name nothing is left out without a trace: ᏣᎳᎩ ᎠᏂ had got an empty row."""
    line = set_line(faces, text, 20, "bold")
    assert line.text == shown and line.width > 0 and line.lost == printable(text)[1] != ()


@pytest.mark.parametrize(("text", "size", "cut"), [
    ("Abcdefghijklmnopqrstuvwxyzabcdefghi Bcdefghijklmnopqrstuvwxyzbcdefghijklmnopqrstuvwxyzbcdefghijkl", 11, False),
    ("W" * 60, 10, False), ("陳" * 90, 6, False), ("ليلى" * 12 + " " + "الخطيب" * 10, 10, False), ("Q" * 300, 6, True)])  # fmt: skip
def test_a_very_long_name_is_broken_anywhere_rather_than_unreadable(faces: Faces, text: str, size: float, cut: bool) -> None:
    """It had been printed at 2 points."""
    fitted = fit(faces, text, 212, [11, 10, 9], "bold", max_lines=3)
    assert fitted.size >= size and fitted.cut == cut and 1 < len(fitted.lines) <= 3 and all(line.width <= 212 for line in fitted.lines)


def test_marks_stay_with_their_letter_where_a_name_is_broken(faces: Faces) -> None:
    fitted = fit(faces, "प्रिया" * 12, 80, [11, 10, 9], "bold", max_lines=6)
    assert len(fitted.lines) > 1 and not any(unicodedata.category(line.text[0]).startswith("M") for line in fitted.lines)


def test_a_long_note_is_laid_out_in_few_tries(faces: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every word in its order, even lines, none too wide; and what does not fit is cut as soon."""
    tries = 0

    def counted(*arguments: Any) -> Line:
        nonlocal tries
        tries += 1
        assert tries < 5_000
        return set_line(*arguments)

    monkeypatch.setattr(fitting, "set_line", counted)
    note = " ".join(f"word{number}" for number in range(60))
    fitted = fit(faces, note, 260.0, (9.0, 8.0), max_lines=8)
    assert " ".join(line.text for line in fitted.lines) == note and not fitted.cut
    widths = [line.width for line in fitted.lines]
    assert max(widths) <= 260.0 and min(widths) > 0.6 * max(widths)
    tries = 0
    assert fit(faces, " ".join(f"word{number}" for number in range(400)), 260.0, (9.0, 8.0), max_lines=8).cut
